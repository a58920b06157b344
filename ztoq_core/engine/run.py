"""What every stage works with: the run, its progress, and its workers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

import attrs
from loguru import logger

from ztoq_core.contracts import FieldLimits, SourceRules
from ztoq_core.errors import one_error
from ztoq_core.records import Kind
from ztoq_core.store import Store
from ztoq_core.waits import Waits

T = TypeVar("T")

WORKERS = 3
"""Workers for each slot.

A worker waits for its commit, which holds no slot, while others fill the slots. Each may have a
record in work when the process is killed, so a later run asks for at most so many again.
"""


class Edge(StrEnum):
    """Whether a stage begins or ends with an event."""

    NONE = ""
    BEGIN = "begin"
    END = "end"


@attrs.frozen(kw_only=True)
class Event:
    """A report of a stage about its progress.

    ``stage`` is empty if it is about none. ``done`` of ``total`` (None: not known) records of
    ``kind`` are done. ``text`` is a sentence for people, empty if the figures are enough; ``level``
    is ``info``, ``warning`` or ``error``; a command shows only the first sentence of a ``topic``.
    ``queued`` records are in the queue, which has ``room`` for so many (0: no queue): if it is
    full, the workers are slower than the list or the store; if it is empty, they are faster. An
    event with an ``edge`` has neither figures nor a sentence.
    """

    stage: str = ""
    kind: Kind | None = None
    done: int = 0
    total: int | None = None
    text: str = ""
    level: str = "info"
    topic: str = ""
    queued: int = 0
    room: int = 0
    edge: Edge = Edge.NONE


Progress = Callable[[Event], None]
"""Takes events; it must return at once."""


class ProgressReporter:
    """Counts the records of one stage and reports progress."""

    def __init__(self, stage: str, progress: Progress) -> None:
        """Report to ``progress`` about ``stage``."""
        self.stage = stage
        self._progress = progress
        self._done: Counter[Kind] = Counter()
        self.totals: dict[Kind, int] = {}
        self.queue: asyncio.Queue[Any] | None = None
        self._queued = self._times = 0

    def expect(self, totals: Mapping[Kind, int]) -> None:
        """Report how many records of each kind there are, before the first is done."""
        self.totals = dict(totals)
        for kind, total in self.totals.items():
            self._progress(Event(stage=self.stage, kind=kind, total=total))

    def advance(self, kind: Kind, count: int = 1) -> None:
        """Count records that are done."""
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
        """Log how full the queue was on average, measured with each record that was done."""
        if self.queue is not None and self._times:
            average, room = self._queued / self._times, self.queue.maxsize
            logger.info("{}: {:.0f} of {} places in the queue were full", self.stage, average, room)

    def message(self, text: str, level: str = "info", topic: str = "") -> None:
        """Report a sentence; see ``Event.topic``."""
        self._progress(Event(stage=self.stage, text=text, level=level, topic=topic))


@attrs.frozen
class Run:
    """One run of a stage: the store, the run's id in it, and how it reports.

    ``waits`` holds what the run waits for (that of ``Services``); after ``waits.stop()`` the run
    takes no new record and saves what is in flight. ``slots`` are the requests that may be in
    flight. ``request_timeout`` (seconds) is that of one request: so long after it was sent, one
    without an answer may still arrive at the target. In a ``dry_run`` nothing is written to the
    target. ``rules`` are those of the source's plugin, ``limits`` those of the sink's.
    """

    store: Store
    id: int = 0
    progress: Progress = lambda _: None
    waits: Waits = attrs.field(factory=Waits)
    slots: int = 32
    request_timeout: float = 60.0
    dry_run: bool = False
    rules: SourceRules = attrs.field(factory=SourceRules)
    limits: FieldLimits = attrs.field(factory=FieldLimits)

    def reporter(self, stage: str) -> ProgressReporter:
        """Return the reporter of a stage."""
        return ProgressReporter(stage, self.progress)


async def side_by_side(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return the results of calls that run side by side, in order; the first error ends all."""
    with one_error():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in calls]
        return [task.result() for task in tasks]


async def run_workers(
    slots: int,
    reporter: ProgressReporter,
    work: Callable[[T], Awaitable[None]],
    feed: Callable[[asyncio.Queue[T | None]], Awaitable[None]],
) -> None:
    """Handle what ``feed`` puts into the queue until all is done, up to three workers per slot.

    The queue has room for one record more per slot.

    Raises:
        ZtoqError: The first error of a worker or of ``feed``; the others are cancelled.
    """
    workers = WORKERS * slots
    queue: asyncio.Queue[T | None] = asyncio.Queue(maxsize=workers + slots)
    reporter.queue = queue

    async def one(further: int) -> None:
        while (each := await queue.get()) is not None:
            if further:  # with the first record; starting all for a few takes longer than these
                group.create_task(one(further - 1))
                further = 0
            await work(each)
        queue.put_nowait(None)  # ends the next one

    with one_error():
        async with asyncio.TaskGroup() as group:
            group.create_task(one(workers - 1))
            await feed(queue)  # if it fails, the group cancels the workers
            await queue.put(None)
