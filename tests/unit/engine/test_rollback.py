"""RollbackItem what runs did in the target, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.unit.engine.deleting import Deleting
from ztoq_core import engine
from ztoq_core.contracts import Mark, Written
from ztoq_core.engine import Event, RollbackResult
from ztoq_core.errors import RejectedError
from ztoq_core.records import (
    Attachment,
    FieldType,
    Folder,
    Kind,
    Record,
    Ref,
    TestCase,
    TestLog,
    TestRun,
    Tree,
)
from ztoq_core.store import State, Store

ALL = sorted(record.key for record in PROJECT)


def quiet(_: Event) -> None:
    """Tell nobody."""


async def migrate(store: Store, sink: MemorySink, records: tuple[Record, ...] = PROJECT) -> int:
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(records, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [lambda record: record])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)
        return run.id


async def roll_back(
    store: Store,
    sink: MemorySink,
    *,
    of_run: int | None = None,
    force: bool = False,
    dry_run: bool = False,
) -> RollbackResult:
    with store.run("rollback") as run:
        return await engine.rollback(
            engine.Run(store, run.id, dry_run=dry_run), sink, of_run=of_run, force=force
        )


async def test_everything_that_was_created_is_removed(store: Store) -> None:
    sink = Deleting()
    await migrate(store, sink)

    undone = await roll_back(store, sink)

    assert sink.keys() == []
    assert undone.kept == ()
    assert {state for states in store.reporting.counts().values() for state in states} == {
        State.DELETED
    }


@pytest.mark.parametrize("along", [(), (Kind.ATTACHMENT,)])
async def test_what_goes_with_its_owner_is_the_sinks_to_say(
    store: Store, along: tuple[Kind, ...]
) -> None:
    """A target that keeps logs, or even files, when their owner goes: they go first."""
    schema = attrs.evolve(MemorySink().schema, goes_with_owner=frozenset(along))
    sink = MemorySink(schema=schema)
    await migrate(store, sink)

    planned = await roll_back(store, sink, dry_run=True)
    undone = await roll_back(store, sink)

    assert sink.keys() == []
    assert undone.kept == ()
    assert undone.deleted == planned.deleted
    assert sum(undone.deleted.values()) == len(ALL)


async def test_after_a_rollback_a_migration_brings_all_again(store: Store) -> None:
    sink = Deleting()
    await migrate(store, sink)
    await roll_back(store, sink)

    await migrate(store, sink)

    assert sink.keys() == ALL


async def test_a_dry_run_removes_nothing_and_says_what_it_would(store: Store) -> None:
    sink = Deleting()
    await migrate(store, sink)

    undone = await roll_back(store, sink, dry_run=True)

    assert sink.keys() == ALL
    assert undone.deleted[Kind.TEST_CASE] == 2


async def test_what_somebody_changed_stays_unless_forced(store: Store) -> None:
    sink = Deleting()
    await migrate(store, sink)
    number, case = next(
        (n, each) for n, each in sink.objects.items() if each.record.key == "ACME-T2"
    )
    assert isinstance(case.record, TestCase)
    case.record = attrs.evolve(case.record, name="Log in, by hand")

    undone = await roll_back(store, sink)

    assert [kept.ref.key for kept in undone.kept] == ["ACME-T2", "ACME-F1"]
    assert "changed in the target" in undone.kept[0].reason
    assert number in sink.objects
    await roll_back(store, sink, force=True)
    assert sink.keys() == []


@pytest.mark.parametrize("force", [False, True])
async def test_containers_with_objects_of_others_stay(store: Store, *, force: bool) -> None:
    sink = Deleting()
    await migrate(store, sink)
    folder = Ref(Kind.FOLDER, "ACME-F2")
    theirs = TestCase(key="", name="theirs", folder=folder)
    sink.objects["900"] = attrs.evolve(next(iter(sink.objects.values())), record=theirs)

    undone = await roll_back(store, sink, force=force)

    left = {each.record.ref for each in sink.objects.values()}
    assert left == {theirs.ref, folder, Ref(Kind.FOLDER, "ACME-F1")}
    assert {kept.ref.key for kept in undone.kept} == {"ACME-F1", "ACME-F2"}


async def test_a_run_with_logs_of_others_stays(store: Store) -> None:
    sink = Deleting()
    await migrate(store, sink)
    run = next(each for each in sink.objects.values() if isinstance(each.record, TestRun))
    log = next(each for each in sink.objects.values() if each.record.key == "ACME-E1")
    sink.objects["900"] = attrs.evolve(log, record=attrs.evolve(log.record, key=""))

    undone = await roll_back(store, sink)

    assert run.record.ref in {kept.ref for kept in undone.kept}
    assert run.record.ref in {each.record.ref for each in sink.objects.values()}


async def test_one_run_is_undone_by_itself(store: Store) -> None:
    sink = Deleting()
    first = [record for record in PROJECT if record.key != "ACME-P1"]
    await migrate(store, sink, tuple(first))
    second = await migrate(store, sink)

    undone = await roll_back(store, sink, of_run=second)

    assert undone.deleted == {Kind.TEST_PLAN: 1}
    assert sink.keys() == sorted(record.key for record in first)


async def test_an_update_is_undone_from_what_was_there_before(store: Store) -> None:
    sink = Deleting()
    await migrate(store, sink)
    renamed = tuple(
        attrs.evolve(record, name="Another name")
        if isinstance(record, TestCase) and record.key == "ACME-T2"
        else record
        for record in PROJECT
    )
    second = await migrate(store, sink, renamed)

    undone = await roll_back(store, sink, of_run=second)

    names = {each.record.key: getattr(each.record, "name", "") for each in sink.objects.values()}
    assert names["ACME-T2"] == "Log in"
    assert undone.restored == 1


async def test_a_stopped_rollback_goes_on(store: Store) -> None:
    sink = Deleting()
    await migrate(store, sink)
    waits = engine.Waits()

    def once(event: Event) -> None:
        if event.done:
            waits.stop()

    with store.run("rollback") as run:
        await engine.rollback(engine.Run(store, run.id, once, waits=waits), sink)
    assert len(sink.objects) not in {0, len(ALL)}

    await roll_back(store, sink)
    assert sink.keys() == []


async def test_what_a_rollback_removed_is_made_again_with_fields_and_what_mappings_bring(
    store: Store,
) -> None:
    module = Folder(key="no-folder", name="No folder", tree=Tree.CASES)

    def mapped(record: Record) -> Record:
        fields = tuple(attrs.evolve(each, type=FieldType.TEXT) for each in record.fields)
        return attrs.evolve(record, fields=fields, companions=(module,))

    async def again(sink: MemorySink) -> None:
        with store.run("migrate") as run:
            await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
            await engine.transform(engine.Run(store), lambda _: [mapped])
            await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)

    sink = Deleting()
    await again(sink)
    before = sink.keys()
    await roll_back(store, sink)

    await again(sink)

    assert {"no-folder", "test_case/Browser"} < set(before)
    assert sink.keys() == before


class Forgetting(Deleting):
    """Shows objects without the values of a field that was deleted, as qTest does."""

    async def current(self, kind: Kind, target_id: str) -> Written | None:
        found = await super().current(kind, target_id)
        if found is None or kind is Kind.FIELD:
            return found
        fields = [each for each in self.objects.values() if each.record.kind is Kind.FIELD]
        return found if fields else attrs.evolve(found, stamp=f"{found.stamp} without fields")


async def test_what_waits_for_its_caller_goes_before_the_fields(store: Store) -> None:
    """Without them it would look like something that somebody changed."""

    def typed(record: Record) -> Record:
        fields = tuple(attrs.evolve(each, type=FieldType.TEXT) for each in record.fields)
        return attrs.evolve(record, fields=fields)

    sink = Forgetting()
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [typed])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)
    assert "test_case/Browser" in {*sink.keys()}

    undone = await roll_back(store, sink)

    assert (undone.kept, sink.keys()) == ((), [])


NEWER = TestLog(
    key="ACME-E9",
    run=Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/"),
    case=Ref(Kind.TEST_CASE, "ACME-T1"),
    status="Pass",
    ended=datetime(2026, 1, 1, tzinfo=UTC),
)
PICTURE = Attachment(
    key="ACME-T2#9", name="new.png", owner=Ref(Kind.TEST_CASE, "ACME-T2"), locator="basket"
)


class Keeping(Deleting):
    """Deletes no log by itself, as qTest does not."""

    async def delete(self, kind: Kind, target_id: str) -> None:
        if kind is Kind.TEST_LOG:
            raise RejectedError("logs go with their run", status=405)
        await super().delete(kind, target_id)


async def test_what_a_run_added_to_objects_of_earlier_runs_goes_where_it_can(store: Store) -> None:
    sink = Keeping()
    await migrate(store, sink)
    second = await migrate(store, sink, (*PROJECT, NEWER, PICTURE))

    planned = await roll_back(store, sink, of_run=second, dry_run=True)
    undone = await roll_back(store, sink, of_run=second)

    assert [kept.ref for kept in planned.kept] == [NEWER.ref]
    assert [kept.ref for kept in undone.kept] == [NEWER.ref]
    assert "the target refused: logs go with their run" in undone.kept[0].reason
    assert planned.deleted == undone.deleted == {Kind.ATTACHMENT: 1}
    assert sink.keys() == sorted([*ALL, NEWER.key])


async def test_files_of_what_stays_are_named_too(store: Store) -> None:
    sink = Deleting()
    await migrate(store, sink)
    case = next(each for each in sink.objects.values() if each.record.key == "ACME-T1")
    case.record = attrs.evolve(case.record, path=("by hand",))

    undone = await roll_back(store, sink)

    reasons = {kept.ref.key: kept.reason for kept in undone.kept}
    assert reasons["ACME-T1#1"] == "what it belongs to stays"


class Secretive(Deleting):
    """Does not show what lies in cycles."""

    async def children(
        self, kind: Kind, target_ids: Sequence[str]
    ) -> Mapping[str, tuple[Mark, ...]]:
        if kind is Kind.TEST_CYCLE:
            raise RejectedError("not to be seen", status=400)
        return await super().children(kind, target_ids)


async def test_what_cannot_be_looked_at_stays_and_the_rest_goes(store: Store) -> None:
    sink = Secretive()
    await migrate(store, sink)

    undone = await roll_back(store, sink)

    reasons = {kept.ref.key: kept.reason for kept in undone.kept}
    assert reasons["ACME-R1"] == "what would go with it cannot be found out: not to be seen"
    assert sink.keys() == ["ACME-F3", "ACME-R1"]
