"""An event loop whose clock jumps to the next timer, so that tests of waiting do not wait.

``asyncio.sleep(300)`` returns at once, ``loop.time()`` says that 300 seconds have passed. Loopback
connections work too, as what is sent there arrives at once. Work in threads is waited for no
longer than for a packet: a longer ``grace`` lets a store's commits end before the clock jumps.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["VirtualTimeLoop", "run_in_virtual_time"]

T = TypeVar("T")

GRACE = 0.001
"""Real seconds that a packet on the loopback device gets to arrive before the clock jumps."""


class _JumpingSelector(selectors.DefaultSelector):
    """Reports what is ready; where nothing is, lets the clock jump instead of waiting."""

    jump: Callable[[float], None]
    grace: float

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout > 0:
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
        selector = _JumpingSelector()
        selector.grace = grace
        selector.jump = self.pass_time
        super().__init__(selector)

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on by ``seconds``, as where the loop is kept from its work."""
        self._now += seconds

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._now


def run_in_virtual_time(work: Coroutine[Any, Any, T], *, grace: float = GRACE) -> T:
    """Run ``work`` in a loop of its own and return its result."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(grace)) as runner:
        return runner.run(work)
