"""How a stage tells what it does, and how it is asked to stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import attrs
from loguru import logger

from ztoq_core.records import Kind
from ztoq_core.waits import Waits

__all__ = ["Event", "Progress", "Stop", "Teller"]


@attrs.frozen(kw_only=True)
class Event:
    """Something to tell while a stage works.

    ``done`` of ``total`` (None: not known) records of ``kind`` are through. ``text`` is a sentence
    for people, or empty where the figures say it all; ``level`` is ``info``, ``warning`` or
    ``error``; of the sentences of one ``topic`` a command shows the first alone. ``queued`` records
    wait for a slot, of the ``room`` that there is for them (0: no queue): a full queue waits for
    those who work, an empty one for the list or the store.
    """

    stage: str
    kind: Kind | None = None
    done: int = 0
    total: int | None = None
    text: str = ""
    level: str = "info"
    topic: str = ""
    queued: int = 0
    room: int = 0


Progress = Callable[[Event], None]
"""Takes events; it must return at once."""


class Stop:
    """A wish to stop: the stage takes no new record, and saves what is in flight.

    ``waits`` are those of the run (``Services.waits``): whoever waits there is released.
    """

    def __init__(self, waits: Waits | None = None) -> None:
        """Nobody wishes yet."""
        self._event = asyncio.Event()
        self._waits = waits

    def set(self) -> None:
        """Wish to stop."""
        self._event.set()
        if self._waits is not None:
            self._waits.stop()

    async def within(self, seconds: float, what: str) -> bool:
        """Wait that long or until somebody wishes to stop; return whether somebody does.

        ``what`` is waited for is said as ``Waits`` has it.
        """
        until = asyncio.get_running_loop().time() + seconds
        with self._waits.on(what, until) if self._waits else nullcontext():
            try:
                async with asyncio.timeout(seconds):
                    await self._event.wait()
            except TimeoutError:
                return False
        return True

    @property
    def wished(self) -> bool:
        """Whether somebody wishes to stop."""
        return self._event.is_set()


class Teller:
    """Counts for one stage and tells the progress."""

    def __init__(self, stage: str, progress: Progress) -> None:
        """Tell ``progress`` about ``stage``."""
        self.stage = stage
        self._progress = progress
        self._done: Counter[Kind] = Counter()
        self.totals: dict[Kind, int] = {}
        self.queue: asyncio.Queue[Any] | None = None
        self._queued = self._times = 0

    def expect(self, totals: Mapping[Kind, int]) -> None:
        """Tell how many records of each kind there are to do, before the first is done."""
        self.totals = dict(totals)
        for kind, total in self.totals.items():
            self._progress(Event(stage=self.stage, kind=kind, total=total))

    def done(self, kind: Kind, count: int = 1) -> None:
        """Count records that are through."""
        self._done[kind] += count
        queued = self.queue.qsize() if self.queue else 0
        self._queued += queued
        self._times += 1
        self._progress(
            Event(
                stage=self.stage,
                kind=kind,
                done=self._done[kind],
                total=self.totals.get(kind),
                queued=queued,
                room=self.queue.maxsize if self.queue else 0,
            )
        )

    def log_queue(self) -> None:
        """Log how full the queue was, as it stood with each record that came through."""
        if self.queue is not None and self._times:
            average, room = self._queued / self._times, self.queue.maxsize
            logger.info("{}: {:.0f} of {} places in the queue were full", self.stage, average, room)

    def say(self, text: str, level: str = "info", topic: str = "") -> None:
        """Tell a sentence; see ``Event.topic``."""
        self._progress(Event(stage=self.stage, text=text, level=level, topic=topic))
