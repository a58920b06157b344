"""What a run waits for, said by those who wait; a stop releases them all.

The HTTP client, the settling of doubt and the store say here what they wait for. The watchdog of
the engine reads it, so that nothing stands still in silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import attrs

__all__ = ["Wait", "Waits"]


@attrs.frozen
class Wait:
    """Something that is waited for. Times are those of the event loop, in seconds.

    ``what`` is a clause that "for 40 s" continues, such as ``qTest has not answered``. ``until`` is
    when it is tried again or ends at the latest; None where nobody knows, though it will end. In
    the past it says that something stands still. ``usual``: no reason to
    tell anybody yet, such as a request in flight.
    """

    what: str
    since: float
    until: float | None = None
    usual: bool = False

    def text(self, now: float) -> str:
        """Return it as people read it: ``qTest has not answered for 40 s; next try in 15 s``."""
        said = f"{self.what} for {max(0.0, now - self.since):.0f} s"
        if self.until is None or self.usual:
            return said
        return f"{said}; next try in {max(0.0, self.until - now):.0f} s"


@attrs.define(eq=False)
class Waits:
    """Who waits for what in one run. Everything here happens in the event loop's thread."""

    progress_at: float = attrs.field(default=0.0, init=False)
    """When a service last gave a good answer (loop time)."""

    _entries: dict[object, Wait] = attrs.field(factory=dict, init=False)
    _describers: list[Callable[[float], Iterable[Wait]]] = attrs.field(factory=list, init=False)
    _releases: list[Callable[[], None]] = attrs.field(factory=list, init=False)
    _stop: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for; who would have to wait ends instead."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Release everyone who waits, and everyone who would begin to wait from now on."""
        self._stop.set()
        for release in tuple(self._releases):
            release()

    @contextmanager
    def on(self, what: str, until: float | None = None, *, usual: bool = False) -> Iterator[None]:
        """Say that ``what`` is waited for while the block runs; see ``Wait``."""
        key = object()
        self._entries[key] = Wait(what, asyncio.get_running_loop().time(), until, usual)
        try:
            yield
        finally:
            del self._entries[key]

    async def sleep(self, seconds: float, what: str, *, usual: bool = False) -> bool:
        """Wait so long, or until a stop; return whether the time was waited out."""
        loop = asyncio.get_running_loop()
        with self.on(what, loop.time() + seconds, usual=usual):
            try:
                async with asyncio.timeout(seconds):
                    await self._stop.wait()
            except TimeoutError:
                return True
        return False

    @contextmanager
    def described_by(
        self, describe: Callable[[float], Iterable[Wait]], release: Callable[[], None]
    ) -> Iterator[None]:
        """Ask ``describe(now)`` for waits when somebody wants to know; call ``release`` on a stop.

        For what waits thousands of times a second, where saying so each time would cost too much.
        """
        self._describers.append(describe)
        self._releases.append(release)
        try:
            yield
        finally:
            self._describers.remove(describe)
            self._releases.remove(release)

    def current(self, now: float) -> list[Wait]:
        """Return what is waited for at this moment, the longest wait first."""
        found = list(self._entries.values())
        for describe in self._describers:
            found += describe(now)
        return sorted(found, key=lambda wait: wait.since)
