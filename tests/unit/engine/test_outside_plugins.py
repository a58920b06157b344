"""What went wrong with plugins that were written from the documents alone goes wrong no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.contracts import Content, Links, MarkPage, Owner, Page, Written
from ztoq_core.engine import Event
from ztoq_core.errors import Exit
from ztoq_core.records import Attachment, Kind, Record, TestCase, TestLog
from ztoq_core.store import Store

ALL = sorted(record.key for record in PROJECT)
FULL = tuple(
    attrs.evolve(each, description="<p>One</p>", precondition="<p>Two</p>")
    if isinstance(each, TestCase)
    else attrs.evolve(each, note="<p>Three</p>", end=each.ended)
    if isinstance(each, TestLog)
    else each
    for each in PROJECT
)


async def migrate(
    store: Store, sink: MemorySink, source: MemorySource | None = None, *, told: Any = None
) -> None:
    source = source or MemorySource(FULL, CONTENTS)
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id, progress=told or _nobody), source)
        await engine.transform(engine.Run(store), lambda _: [])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)
        await engine.validate(engine.Run(store, run.id), sink)


def _nobody(_: Event) -> None: ...


async def test_a_rollback_through_a_sink_to_the_letter_leaves_nothing(store: Store) -> None:
    """F1: nothing but files goes with its owner, unless the sink declares it."""
    sink = MemorySink()
    await migrate(store, sink)
    assert sink.keys() == ALL

    with store.run("rollback") as run:
        planned = await engine.rollback(engine.Run(store, run.id, dry_run=True), sink)
    with store.run("rollback") as run:
        undone = await engine.rollback(engine.Run(store, run.id), sink)

    assert sink.objects == {}
    assert undone.kept == ()
    assert sum(undone.deleted.values()) == len(ALL) == sum(planned.deleted.values())


class Lossy(MemorySink):
    """Stores less than it was given."""

    def __init__(self, change: Callable[[Any], Record], *kinds: type[Record]) -> None:
        super().__init__()
        self.change = change
        self.of = kinds

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        if isinstance(record, Attachment) and Attachment in self.of:
            content = None
        elif isinstance(record, self.of):
            record = self.change(record)
        return await super().write(record, target_id, links, content)


LOSSES: Mapping[str, Callable[[], MemorySink]] = {
    "custom fields": lambda: Lossy(lambda r: attrs.evolve(r, fields=()), TestCase),
    "descriptions": lambda: Lossy(lambda r: attrs.evolve(r, description=""), TestCase),
    "preconditions": lambda: Lossy(lambda r: attrs.evolve(r, precondition=""), TestCase),
    "notes": lambda: Lossy(lambda r: attrs.evolve(r, note=""), TestLog),
    "the status of logs": lambda: Lossy(lambda r: attrs.evolve(r, status="", statuses=()), TestLog),
    "the end of logs": lambda: Lossy(lambda r: attrs.evolve(r, end=None), TestLog),
    "steps": lambda: Lossy(lambda r: attrs.evolve(r, steps=()), TestCase),
    "bytes of files": lambda: Lossy(lambda r: r, Attachment),
}


@pytest.mark.parametrize("lost", LOSSES)
async def test_a_sink_that_loses_something_is_never_green(store: Store, lost: str) -> None:
    """F2: contents are read back and compared by every migration."""
    await migrate(store, LOSSES[lost]())

    assert engine.outcome(store).exit is Exit.LEFT


async def test_without_a_loss_it_is_green(store: Store) -> None:
    await migrate(store, MemorySink())

    assert engine.outcome(store).exit is Exit.OK


class ListingWhole(MemorySink):
    """Lists no kind by owner, which the documents allowed for files too; they bear no mark."""

    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        page = await super().marks(kind, owners, cursor)
        if kind is not Kind.ATTACHMENT:
            return page
        return MarkPage(marks=tuple(attrs.evolve(each, key="") for each in page.marks))

    @property
    def listed_by_owner(self) -> Mapping[Kind, frozenset[Kind]]:
        return {}


async def test_files_are_adopted_whatever_a_sink_lists_by_owner(tmp_path: Path) -> None:
    """F3: a lost store doubled each file."""
    sink = ListingWhole()
    for name in ("first", "second"):
        with Store(f"sqlite:///{tmp_path / name}.db", create=True) as store:
            await migrate(store, sink)

    assert sink.keys() == ALL


class Shifting(MemorySource):
    """A list of which no page is certain."""

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        page = await super().fetch(kind, cursor)
        total = sum(each.kind is kind for each in self.records.values())
        return attrs.evolve(page, stable=False, total=total)


async def test_progress_counts_records_and_not_passes(store: Store) -> None:
    """F11: a list that is read twice was counted twice, more than there are."""
    records = [attrs.evolve(each, raw={"key": each.key}) for each in FULL]
    events: list[Event] = []
    source = Shifting(records, CONTENTS, page_size=2)

    await migrate(store, MemorySink(), source, told=events.append)

    assert len([call for call in source.calls if call == "fetch folder None"]) > 1
    counted = [each for each in events if each.total]
    assert counted
    assert not [each for each in counted if each.done > (each.total or 0)]


class FailingInDelete(MemorySink):
    """Raises in its own code, after some objects are deleted and before others."""

    fails = True

    async def delete(self, kind: Kind, target_id: str) -> None:
        if self.fails and kind is Kind.TEST_PLAN:
            raise KeyError("plan")
        await super().delete(kind, target_id)
        if self.fails and kind is Kind.TEST_LOG:
            raise KeyError("log")


async def test_a_fault_in_a_deletion_leaves_doubt_that_the_next_rollback_settles(
    store: Store,
) -> None:
    """F9: whether the request left is not known, so nothing is called deleted or kept for good."""
    sink = FailingInDelete()
    await migrate(store, sink)

    with store.run("rollback") as run:
        undone = await engine.rollback(engine.Run(store, run.id), sink)

    assert {each.ref.kind for each in undone.kept} >= {Kind.TEST_PLAN}
    assert "ACME-P1" in {each.record.key for each in sink.objects.values()}
    assert Kind.TEST_PLAN not in undone.deleted
    sink.fails = False
    with store.run("rollback") as run:
        undone = await engine.rollback(engine.Run(store, run.id), sink)
    assert (sink.objects, undone.kept) == ({}, ())
