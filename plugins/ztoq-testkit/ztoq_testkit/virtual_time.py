"""An event loop whose clock jumps to the next timer, so that tests of waiting do not wait.

``asyncio.sleep(300)`` returns at once, ``loop.time()`` says that 300 seconds have passed. Loopback
connections work too, as what is sent there arrives at once. The clock stands still while something
runs in an executor of the loop, and within ``standing_still``; other work in threads is waited for
no longer than for a packet, unless a longer ``grace`` is given.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PATIENCE = 30.0
"""Real seconds for which the clock stands still at most: what hangs must not hang the test."""
GRACE = 0.001
"""Real seconds that a packet on the loopback device gets to arrive before the clock jumps."""


class _JumpingSelector(selectors.DefaultSelector):
    """Reports what is ready; where nothing is, lets the clock jump instead of waiting."""

    jump: Callable[[float], None]
    grace: float
    working = 0
    """How many pieces of work the clock has to wait for."""

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout > 0 and self.working:
            ready = super().select(PATIENCE)
        elif not ready and timeout > 0:
            # more than the loop's own pipe: there are connections
            if len(self.get_map()) > 1 or self.grace > GRACE:
                ready = super().select(min(self.grace, timeout))
            if not ready:
                self.jump(timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop; its time begins at 0."""

    def __init__(self, grace: float = GRACE) -> None:
        self._now = 0.0
        self._jumping = _JumpingSelector()
        self._jumping.grace = grace
        self._jumping.jump = self.pass_time
        super().__init__(self._jumping)

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on by ``seconds``, as where the loop is kept from its work."""
        self._now += seconds

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._now

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Keep the clock from jumping, while something works that the loop cannot see."""
        self._jumping.working += 1
        try:
            yield
        finally:
            self._jumping.working -= 1

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Do as the base does; the clock stands still meanwhile."""
        future = super().run_in_executor(executor, func, *args)
        self._jumping.working += 1
        future.add_done_callback(self._worked)
        return future

    async def shutdown_default_executor(self, *timeout: float | None) -> None:
        """Do as the base does, which waits for the threads, from Python 3.12 on with a time-out."""
        with self.standing_still():
            await super().shutdown_default_executor(*timeout)

    def _worked(self, _: asyncio.Future[Any]) -> None:
        self._jumping.working -= 1


def run_in_virtual_time(work: Coroutine[Any, Any, T], *, grace: float = GRACE) -> T:
    """Run ``work`` in a loop of its own and return its result."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(grace)) as runner:
        return runner.run(work)
