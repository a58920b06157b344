"""Keeps what a run is waiting for, so that it can be shown; a stop ends all waits.

The HTTP client, the settling of doubt and the store register their waits here. The engine's
watchdog reads them, so that a run never waits without showing the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import attrs


@attrs.frozen
class Wait:
    """Something that is waited for. Times are those of the event loop, in seconds.

    ``what`` is a clause that "for 40 s" continues, such as ``qTest has not answered``. ``until`` is
    the time of the next try or of the end at the latest; None if unknown, though it will end. A
    time in the past shows that something is stuck. ``usual``: not worth showing yet, such as a
    request in flight.
    """

    what: str
    since: float
    until: float | None = None
    usual: bool = False

    def text(self, now: float) -> str:
        """Return the wait in words: ``qTest has not answered for 40 s; next try in 15 s``."""
        said = f"{self.what} for {max(0.0, now - self.since):.0f} s"
        if self.until is None or self.usual:
            return said
        return f"{said}; next try in {max(0.0, self.until - now):.0f} s"


@attrs.define(eq=False)
class Waits:
    """The waits of one run; used in the event loop's thread only."""

    progress_at: float = attrs.field(default=0.0, init=False)
    """When a service last gave a good answer (loop time)."""

    _entries: dict[object, Wait] = attrs.field(factory=dict, init=False)
    _describers: list[Callable[[float], Iterable[Wait]]] = attrs.field(factory=list, init=False)
    _releases: list[Callable[[], None]] = attrs.field(factory=list, init=False)
    _stop: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)

    @property
    def stopping(self) -> bool:
        """Whether a stop was requested; then nothing waits any more."""
        return self._stop.is_set()

    def stop(self) -> None:
        """End all waits, and all that would begin from now on."""
        self._stop.set()
        # a copy: what is released may end its own registration
        for release in tuple(self._releases):
            release()

    @contextmanager
    def on(self, what: str, until: float | None = None, *, usual: bool = False) -> Iterator[None]:
        """Register a wait for ``what`` while the block runs; see ``Wait``."""
        key = object()
        self._entries[key] = Wait(what, asyncio.get_running_loop().time(), until, usual)
        try:
            yield
        finally:
            del self._entries[key]

    async def sleep(self, seconds: float, what: str, *, usual: bool = False) -> bool:
        """Wait for so many seconds, or until a stop; return whether the time passed."""
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
        """Get waits from ``describe(now)`` when they are shown; call ``release`` on a stop.

        For code that waits thousands of times a second: registering each wait would cost too much.
        """
        self._describers.append(describe)
        self._releases.append(release)
        try:
            yield
        finally:
            self._describers.remove(describe)
            self._releases.remove(release)

    def current(self, now: float) -> list[Wait]:
        """Return the waits at this moment, the longest first."""
        found = list(self._entries.values())
        for describe in self._describers:
            found += describe(now)
        return sorted(found, key=lambda wait: wait.since)
