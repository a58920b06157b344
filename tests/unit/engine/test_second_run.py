"""Runs after the first one: pruning, quick passes, and the last look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.unit.engine.deleting import Deleting
from ztoq_core import engine
from ztoq_core.contracts import ChangedSince, Finding, Page, Reject
from ztoq_core.engine import Event, RollbackResult
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.records import (
    Attachment,
    Kind,
    Level,
    LossGroup,
    NoteCode,
    Record,
    Ref,
    TestCase,
    TestLog,
)
from ztoq_core.selection import Selection
from ztoq_core.store import FinalCheck, State, Store

ALL = sorted(record.key for record in PROJECT)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def quiet(_: Event) -> None:
    """Tell nobody."""


def without(*keys: str) -> MemorySource:
    return MemorySource([each for each in PROJECT if each.key not in keys], CONTENTS)


def renamed(name: str, key: str = "ACME-T2") -> tuple[Record, ...]:
    return tuple(
        attrs.evolve(each, name=name) if isinstance(each, TestCase) and each.key == key else each
        for each in PROJECT
    )


async def bring(
    store: Store,
    sink: MemorySink,
    source: MemorySource | None = None,
    since: datetime | None = None,
) -> None:
    with store.run("migrate") as run:
        source = source or MemorySource(PROJECT, CONTENTS)
        await engine.extract(engine.Run(store, run.id), source, since=since)
        await engine.transform(engine.Run(store), lambda _: [lambda record: record])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)


async def prune(store: Store, sink: MemorySink, *, dry_run: bool = False) -> RollbackResult:
    with store.run("load") as run:
        return await engine.prune(engine.Run(store, run.id, dry_run=dry_run), sink)


# ----------------------------------------------------------------------- files on others' pages


class FilesOnPages(MemorySource):
    """Names the files of a case or log on the page that lists it."""

    completes = frozenset()

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        page = await super().fetch(kind, cursor)
        owners = {record.ref for record in page.records}
        files = [
            each
            for each in self.records.values()
            if isinstance(each, Attachment) and each.owner in owners
        ]
        return attrs.evolve(page, records=(*page.records, *files))


async def test_a_file_on_the_page_of_its_owner_is_fetched_once_and_stays_known(
    store: Store,
) -> None:
    sink, source = MemorySink(), FilesOnPages(PROJECT, CONTENTS)
    await bring(store, sink, source)
    first = {ref: record.sha256 for ref, record in files_of(sink).items()}
    source.calls.clear()
    await bring(store, sink, source)

    assert {ref: record.sha256 for ref, record in files_of(sink).items()} == first
    assert first
    assert all(first.values())
    assert not [call for call in source.calls if call.startswith("download")]


def files_of(sink: MemorySink) -> dict[Ref, Attachment]:
    held = (each.record for each in sink.objects.values())
    return {record.ref: record for record in held if isinstance(record, Attachment)}


# ---------------------------------------------------------------------------------------- pruning

NIGHT = ("ACME-R1", "ACME-R1/ACME-T1/", "ACME-E1", "ACME-E2", "ACME-E2#2")


async def test_what_is_gone_is_removed_and_nothing_else(store: Store) -> None:
    sink = Deleting()
    await bring(store, sink)
    await bring(store, sink, without(*NIGHT, "ACME-T1#1"))

    undone = await prune(store, sink)

    assert sink.keys() == sorted(set(ALL) - {*NIGHT, "ACME-T1#1"})
    assert undone.kept == ()
    assert undone.deleted == {
        Kind.TEST_RUN: 1,
        Kind.TEST_CYCLE: 1,
        Kind.TEST_LOG: 2,
        Kind.ATTACHMENT: 2,
    }
    assert engine.outcome(store).exit is Exit.OK


async def test_pruning_again_does_nothing_and_a_migration_does_not_bring_it_back(
    store: Store,
) -> None:
    sink = Deleting()
    await bring(store, sink)
    await bring(store, sink, without(*NIGHT))
    await prune(store, sink)
    before = sink.keys()

    await bring(store, sink, without(*NIGHT))
    undone = await prune(store, sink)

    assert not undone.deleted
    assert sink.keys() == before


async def test_what_was_pruned_and_is_in_the_source_again_comes_again(store: Store) -> None:
    sink = Deleting()
    await bring(store, sink)
    await bring(store, sink, without(*NIGHT))
    await prune(store, sink)

    await bring(store, sink)

    assert sink.keys() == ALL
    assert engine.outcome(store).exit is Exit.OK


async def test_a_dry_run_prunes_nothing(store: Store) -> None:
    sink = Deleting()
    await bring(store, sink)
    await bring(store, sink, without(*NIGHT))

    undone = await prune(store, sink, dry_run=True)

    assert undone.deleted[Kind.TEST_CYCLE] == 1
    assert sink.keys() == ALL


async def test_what_somebody_changed_or_filled_is_not_pruned(store: Store) -> None:
    sink = Deleting()
    await bring(store, sink)
    plan = next(each for each in sink.objects.values() if each.record.key == "ACME-P1")
    plan.record = attrs.evolve(plan.record, path=("by hand",))
    cycle = Ref(Kind.TEST_CYCLE, "ACME-R1")
    theirs = attrs.evolve(plan.record, key="")
    sink.objects["900"] = attrs.evolve(plan, record=theirs)
    run = next(each for each in sink.objects.values() if each.record.kind is Kind.TEST_RUN)
    sink.objects["901"] = attrs.evolve(run, record=attrs.evolve(run.record, key=""))
    await bring(store, sink, without(*NIGHT, "ACME-P1"))

    undone = await prune(store, sink)

    reasons = {kept.ref.key: kept.reason for kept in undone.kept}
    assert "changed in the target" in reasons["ACME-P1"]
    assert "others made what is in it or uses it: test_run " in reasons[cycle.key]
    assert {"ACME-P1", "ACME-R1"} <= set(sink.keys())


async def test_a_folder_with_something_that_is_still_in_the_source_stays(store: Store) -> None:
    moved = tuple(
        attrs.evolve(each, folder=Ref(Kind.FOLDER, "ACME-F1"))
        if isinstance(each, TestCase)
        else each
        for each in PROJECT
        if each.key != "ACME-F2"
    )
    sink = Deleting()
    await bring(store, sink)
    case = next(each for each in sink.objects.values() if each.record.key == "ACME-T1")
    was = case.record
    await bring(store, sink, MemorySource(moved, CONTENTS))
    number = case.written.target_id
    sink.objects[number].record = was  # this target does not move cases

    undone = await prune(store, sink)

    (kept,) = undone.kept
    assert kept.ref.key == "ACME-F2"
    assert kept.reason.startswith("what is still in the source is in it or uses it: test_case ")


async def test_pruning_needs_a_complete_extraction(store: Store) -> None:
    with pytest.raises(ConfigError, match="complete extraction"):
        await prune(store, MemorySink())


async def test_pruning_needs_the_whole_project(store: Store) -> None:
    await bring(store, MemorySink())
    selection = Selection(limit=1)
    await engine.transform(engine.Run(store), lambda _: [], selection=selection)
    with pytest.raises(ConfigError, match="leave the selection out"):
        await prune(store, MemorySink())


async def test_pruning_needs_a_source_that_can_be_read_whole(store: Store) -> None:
    sink = Deleting()
    await bring(store, sink, MemorySource(PROJECT, {"log": CONTENTS["log"]}))
    with pytest.raises(ConfigError, match="1 record was rejected"):
        await prune(store, sink)

    await bring(store, sink, without("ACME-T1#1"))
    assert not (await prune(store, sink)).deleted
    assert not list(store.reporting.rejects())


class Noting(MemorySource):
    """Notes in each check that something was refused, while it is."""

    refused = True
    store: Store

    async def check(self) -> tuple[Finding, ...]:
        if self.refused:
            for ref in (None, self.folder):
                self.store.note_of_source(REFUSED.note("GET things: 403"), ref)
        return await super().check()

    @property
    def folder(self) -> Ref:
        return next(ref for ref in self.records if ref.kind is Kind.FOLDER)


REFUSED = NoteCode("things-refused", Level.LOSS, LossGroup.LOST, "what may not be read")


async def test_what_the_source_refused_is_lost_until_it_is_read_again(store: Store) -> None:
    def lost() -> int:
        return len([each for each in store.reporting.notes() if each.code == REFUSED.name])

    source = Noting(PROJECT, CONTENTS)
    source.store = store
    await bring(store, MemorySink(), source)
    assert lost() == 2
    await bring(store, MemorySink(), source)
    assert lost() == 2  # not what the same extraction noted before it began
    source.refused = False
    await bring(store, MemorySink(), source)
    assert lost() == 0


# ----------------------------------------------------------------------------------- quick passes


class Changing(MemorySource):
    """Lists what its service says was changed; a list that shifts ``unrest`` times."""

    def __init__(self, records: tuple[Record, ...], changed: set[str], unrest: int = 0) -> None:
        super().__init__(records, CONTENTS)
        self.changed = changed
        self.unrest = unrest

    async def changed_since(self, kind: Kind, since: datetime, cursor: str | None) -> Page:
        assert since == SINCE
        self.calls.append(f"changed {kind} {cursor}")
        start = int(cursor or 0)
        these = [
            each
            for each in self.records.values()
            if each.kind is kind and each.key in self.changed and kind in self.kinds
        ]
        self.unrest -= not these[start + 1 :]
        return Page(
            records=tuple(these[start : start + 1]),
            cursor=str(start + 1) if these[start + 1 :] else None,
            stable=self.unrest < 0,
            rejects=(Reject(kind=kind, key="ACME-T8", reason="odd"),)
            if kind is Kind.TEST_CASE
            else (),
        )


async def test_a_quick_pass_brings_what_changed_and_calls_nothing_gone(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)
    new = TestLog(
        key="ACME-E9",
        run=Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/"),
        case=Ref(Kind.TEST_CASE, "ACME-T1"),
        status="Pass",
        ended=datetime(2026, 2, 1, tzinfo=UTC),
    )
    source = Changing((*renamed("Sign in"), new), {"ACME-T1", "ACME-T2", "ACME-E9"}, unrest=30)
    assert isinstance(source, ChangedSince)
    before = len(sink.calls)

    await bring(store, sink, source, SINCE)

    written = {call for call in sink.calls[before:] if call.startswith("write")}
    assert written == {"write test_case ACME-T2", "write test_log ACME-E9"}
    completed = {call for call in source.calls if call.startswith("complete")}
    assert completed == {f"complete {ref}" for ref in source.records if ref.key in source.changed}
    assert not [call for call in source.calls if call.startswith("fetch")]
    states = {problem.key: problem.state for problem in store.reporting.problems()}
    assert states == {"ACME-T8": State.REJECTED}


async def test_a_full_extraction_after_a_quick_pass_sees_the_rest(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)
    await bring(store, sink, Changing(PROJECT, {"ACME-P1"}), SINCE)

    await bring(store, sink, without("ACME-E2", "ACME-E2#2"))

    gone = {p.key for p in store.reporting.problems() if p.state is State.GONE}
    assert gone == {"ACME-E2", "ACME-E2#2", "ACME-T8"}


async def test_a_quick_pass_that_is_stopped_goes_on(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)
    waits = engine.Waits()
    source = Changing(renamed("Sign in"), {"ACME-T1", "ACME-T2"})

    async def stopping(kind: Kind, since: datetime, cursor: str | None) -> Page:
        if kind is Kind.TEST_CASE:
            waits.stop()
        return await Changing.changed_since(source, kind, since, cursor)

    source.changed_since = stopping  # type: ignore[method-assign]  # stops in the middle
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id, waits=waits), source, since=SINCE)
    assert store.reporting.pending() == 1

    await bring(store, sink, Changing(renamed("Sign in"), {"ACME-T1", "ACME-T2"}), SINCE)
    assert store.reporting.pending() == 0
    assert [p.key for p in store.reporting.problems()] == ["ACME-T8"]


class Growing(Changing):
    """Shows another new test case in each pass over its list."""

    async def changed_since(self, kind: Kind, since: datetime, cursor: str | None) -> Page:
        page = await super().changed_since(kind, since, cursor)
        if kind is not Kind.TEST_CASE:
            return page
        new = TestCase(key=f"ACME-T{len(self.calls) + 100}", name="Pay")
        self.records[new.ref] = new
        return Page(records=(new,), cursor=None, stable=False)


async def test_a_quick_pass_over_a_list_that_keeps_changing_is_not_complete(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)
    await bring(store, sink, Growing(PROJECT, set()), SINCE)
    verdict = engine.outcome(store, engine.Goal.LOAD)
    assert verdict.exit is Exit.LEFT
    assert [each for each in verdict.sentences if "test cases: it kept changing during 20" in each]


async def test_a_quick_pass_comes_after_a_complete_extraction(store: Store) -> None:
    with pytest.raises(ConfigError, match="run ztoq extract first"):
        await bring(store, MemorySink(), Changing(PROJECT, set()), SINCE)


async def test_a_source_that_cannot_list_changes_says_so(store: Store) -> None:
    await bring(store, MemorySink())
    with pytest.raises(ConfigError, match="leave --since out"):
        await bring(store, MemorySink(), since=SINCE)


# ---------------------------------------------------------------------------------- the last look


async def last_final_check(
    store: Store,
    source: MemorySource,
    tell: Callable[[Event], None] = quiet,
    waits: engine.Waits | None = None,
) -> FinalCheck | None:
    with store.run("migrate") as run:
        return await engine.verify_source_unchanged(
            engine.Run(store, run.id, tell, waits=waits or engine.Waits()), source
        )


async def test_a_source_that_stood_still_makes_a_migration_final(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)

    look = await last_final_check(store, MemorySource(PROJECT, CONTENTS))

    assert look is not None
    assert look.reasons == ()
    assert (look.records, len(look.digest)) == (len(PROJECT), 64)
    assert str(look).startswith("final: the source did not change, 12 records")
    assert store.facts.final == look
    assert engine.outcome(store).exit is Exit.OK


@pytest.mark.parametrize(
    ("records", "moved"),
    [
        (renamed("Sign in"), "test_case ACME-T2 (changed)"),
        (tuple(each for each in PROJECT if each.key != "ACME-E2#2"), "attachment ACME-E2#2 (gone)"),
        ((*PROJECT, TestCase(key="ACME-T9", name="new")), "test_case ACME-T9 (new)"),
    ],
)
async def test_a_source_that_moved_is_said_to_have_moved(
    store: Store, records: tuple[Record, ...], moved: str
) -> None:
    sink = MemorySink()
    await bring(store, sink)

    look = await last_final_check(store, MemorySource(records, CONTENTS))

    assert look is not None
    assert f"the source changed while it was read: {moved}" in look.reasons[0]
    assert engine.outcome(store).exit is Exit.LEFT
    await bring(store, sink, MemorySource(records, CONTENTS))
    assert store.facts.final is None
    assert engine.outcome(store).exit is Exit.OK


async def test_nothing_is_final_while_something_is_left(store: Store) -> None:
    await bring(store, MemorySink(refuses={"ACME-T2"}))

    look = await last_final_check(store, MemorySource(PROJECT, CONTENTS))

    assert look is not None
    assert look.reasons == (
        "The migration is incomplete: 1 failed",
        "test case ACME-T2 failed: test_case ACME-T2 is refused",
    )
    assert str(look) == f"not final: {'; '.join(look.reasons)}"


async def test_a_last_look_that_is_stopped_says_nothing(store: Store) -> None:
    await bring(store, MemorySink())
    waits = engine.Waits()
    waits.stop()

    assert await last_final_check(store, MemorySource(PROJECT, CONTENTS), waits=waits) is None
    assert store.facts.final is None


# -------------------------------------------------------------------- lists that are read twice


class Shifting(MemorySource):
    """Lists everything twice, as an offset list is; ``T2`` is renamed in between."""

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        page = await super().fetch(kind, cursor)
        new = "renamed" if f"fetch {kind} {cursor}" in self.calls[:-1] else "first"
        records = tuple(
            attrs.evolve(each, raw={"key": each.key, "name": new if each.key == "ACME-T2" else ""})
            for each in page.records
        )
        return attrs.evolve(page, records=records, stable=False)

    async def complete(self, record: Record) -> tuple[Record, ...]:
        whole, *files = await super().complete(record)
        return (attrs.evolve(whole, raw={**(record.raw or {}), "teststeps": []}), *files)


async def test_what_a_second_pass_lists_as_it_was_is_not_completed_again(store: Store) -> None:
    source = Shifting(PROJECT, CONTENTS)
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), source)

    listed = Counter(call for call in source.calls if call.startswith("fetch test_case"))
    completed = Counter(call for call in source.calls if call.startswith("complete"))
    assert set(listed.values()) == {2}
    again = {call for call, times in completed.items() if times > 1}
    assert again == {"complete test_case ACME-T2"}


class Restless(MemorySource):
    """Has a new case each time that its list of cases is read, while anybody works in it."""

    at_work = True

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        page = await super().fetch(kind, cursor)
        if kind is not Kind.TEST_CASE:
            return page
        if self.at_work and page.cursor is None:
            key = f"ACME-T{len(self.records) + 100}"
            new = TestCase(key=key, name=key, folder=Ref(Kind.FOLDER, "ACME-F1"))
            self.records[new.ref] = new
        return attrs.evolve(page, stable=False)


async def test_a_list_that_never_came_to_rest_is_no_complete_extraction(store: Store) -> None:
    source = Restless(PROJECT, CONTENTS)
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), source)
    judged = engine.outcome(store, engine.Goal.EXTRACT)
    assert (judged.exit, judged.status) == (Exit.LEFT, engine.Status.EXTRACTION_INCOMPLETE)
    assert not store.reporting.extraction_ended

    source.at_work = False
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), source)
    assert engine.outcome(store, engine.Goal.EXTRACT).exit is Exit.OK
    assert set(source.records) == {
        Ref(kind, key)
        for kind in Kind
        for key in store.transformation.records.now(
            kind, [ref.key for ref in source.records if ref.kind is kind]
        )
    }
