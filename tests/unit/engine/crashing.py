"""A store and a sink that lose power at a named point of writing one record, and a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import attrs
from ztoq_testkit.memory import MemorySink, PowerCut
from ztoq_testkit.project import PROJECT as SMALL

from ztoq_core import engine
from ztoq_core.contracts import Content, Links, Written
from ztoq_core.engine import Event, Progress
from ztoq_core.records import FieldType, Kind, Record, Ref, Requirement, TestCase
from ztoq_core.store import Answered, Intent, Store
from ztoq_core.store.database import Database

A = TypeVar("A")
T = TypeVar("T")
ISSUE = Ref(Kind.REQUIREMENT, "ACME-9")
PROJECT: tuple[Record, ...] = (
    *(
        attrs.evolve(each, requirements=(ISSUE,))
        if isinstance(each, TestCase) and each.key == "ACME-T1"
        else each
        for each in SMALL
    ),
    Requirement(
        key=ISSUE.key, issue_key=ISSUE.key, name="ACME-9 Pay", folder=Ref(Kind.FOLDER, "ACME-F1")
    ),
)
"""One record of each kind at least, with what refers to it."""


class Point(StrEnum):
    """An instant in the life of a record at which the power may fail."""

    BEFORE_INTENT = "before its intent is committed"
    AFTER_INTENT = "after the intent, before it is sent"
    STORED = "after the target stored it, before the answer"
    BEFORE_ANSWER = "after the answer, before its commit"
    AFTER_ANSWER = "after the commit, before it is finished"
    BEFORE_FINISH = "within finishing, before anything is sent"
    FINISHED = "within finishing, after all is sent"
    BEFORE_FINISHED = "after finishing, before its commit"


class Crash:
    """The power fails once.

    When ``due`` is asked about the chosen point of a record of the chosen kind, or, with ``after``,
    about any point of any record after so many others.
    """

    def __init__(
        self, point: Point | None = None, kind: Kind | None = None, *, after: int | None = None
    ) -> None:
        """Choose."""
        self.point = point
        self.kind = kind
        self.after = after
        self.over = False

    def due(self, point: Point, record: Record) -> bool:
        """Whether the power fails here and now."""
        if self.over:
            return False
        if self.after is not None:
            self.after -= 1
            self.over = self.after < 0
        else:
            self.over = point is self.point and record.kind is self.kind
        return self.over


class CrashingDatabase(Database):
    """Loses power within or right after the commit of an intent or an answer.

    ``sleep_before``: what happens while the process sleeps, before so many requests have left.
    """

    crash: Crash | None = None
    sleep_before: tuple[int, Callable[[], None]] | None = None

    async def before_write(self) -> None:
        """Do as the database does, after a sleep where it is time for that."""
        if self.sleep_before is not None:
            left, sleep = self.sleep_before
            self.sleep_before = (left - 1, sleep) if left else None
            if not left:
                sleep()
        await super().before_write()

    async def gather(self, batch: Callable[[Sequence[A]], Sequence[T]], item: A) -> T:
        """Do as the database does, unless the power fails."""
        within, after = _points(item)
        crash = self.crash
        if crash and within and crash.due(within, _record(item)):
            return await super().gather(_torn(batch), item)
        result = await super().gather(batch, item)
        if crash and after and crash.due(after, _record(item)):
            raise PowerCut
        return result


class CrashingStore(Store):
    """A store in such a database."""

    database_type = CrashingDatabase
    database: CrashingDatabase


def _torn(batch: Callable[[Sequence[A]], Sequence[T]]) -> Callable[[Sequence[A]], Sequence[T]]:
    def run(items: Sequence[A]) -> Sequence[T]:
        batch(items)
        raise PowerCut  # within the transaction: nothing of it stays

    return run


def _points(item: Any) -> tuple[Point | None, Point | None]:
    if isinstance(item, Intent):
        return Point.BEFORE_INTENT, Point.AFTER_INTENT
    if isinstance(item, Answered):
        if item.job.to_finish:
            return Point.BEFORE_FINISHED, None
        return Point.BEFORE_ANSWER, Point.AFTER_ANSWER
    return None, None


def _record(item: Any) -> Record:
    record: Record = item.job.record
    return record


class CrashingSink(MemorySink):
    """Loses power right after an object was made, or around finishing it."""

    crash: Crash | None = None

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        """Do as the sink does; the answer may not arrive."""
        written = await super().write(record, target_id, links, content)
        self._cut(Point.STORED, record)
        return written

    async def finish(self, record: Record, written: Written, links: Links) -> Written:
        """Do as the sink does, unless the power fails."""
        self._cut(Point.BEFORE_FINISH, record)
        done = await super().finish(record, written, links)
        self._cut(Point.FINISHED, record)
        return done

    def _cut(self, point: Point, record: Record) -> None:
        if self.crash and self.crash.due(point, record):
            raise PowerCut


def quiet(_: Event) -> None:
    """Tell nobody."""


def typed(record: Record) -> Record:
    """Map a record: its fields get the type that makes the engine create them."""
    fields = tuple(attrs.evolve(each, type=FieldType.TEXT) for each in record.fields)
    return attrs.evolve(record, fields=fields)


async def load(store: Store, sink: MemorySink, progress: Progress = quiet) -> None:
    """Load what is mapped, with a short time-out so that doubt settles soon."""
    with store.run("load") as run:
        await engine.load(engine.Run(store, run.id, progress, request_timeout=0.01), sink)
