"""The life of a single record."""

from __future__ import annotations

import asyncio

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.contracts import Schema, Skip, Transform
from ztoq_core.engine import Event
from ztoq_core.engine.history import Explained, explain
from ztoq_core.errors import MappingError
from ztoq_core.json_changes import changes
from ztoq_core.records import Folder, Kind, Record, TestCase, Tree
from ztoq_core.store import Facts, SourceSchema, State, Store

HOME = Folder(key="home", name="Home", tree=Tree.CASES)


def quiet(_: Event) -> None:
    """Tell nobody."""


def change(record: Record) -> Record:
    """Map each case in another way."""
    if record.key == "ACME-T1":
        raise Skip("not wanted")
    if record.key == "ACME-P1":
        raise MappingError("no status fits")
    if isinstance(record, TestCase):
        return attrs.evolve(record, folder=HOME.ref, companions=(HOME,), labels=("new",))
    return record


async def bring(store: Store, sink: MemorySink) -> None:
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [change])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)


async def life(store: Store, key: str, sink: MemorySink | None, patience: float = 30) -> Explained:
    ((number, _),) = store.history.find.now(key, None)
    return await explain(
        engine.Run(store), number, lambda _: [("change", change)], sink, patience=patience
    )


async def test_each_change_is_told_by_its_path(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)

    found = await life(store, "ACME-T2", sink)

    (stage,) = found.steps
    assert [(each.path, each.before, each.after) for each in stage.changes] == [
        ("folder.key", "ACME-F1", "home"),
        ("labels", None, ["new"]),
    ]
    assert stage.companions == (HOME.ref,)
    assert [each.ref for each in found.refers_to] == [HOME.ref]
    assert [entry.event for entry in found.journal] == ["intent", "answer", "answer"]
    assert found.present["labels"] == ["new"]


async def test_explain_builds_the_mapping_with_the_schema_of_the_last_transform(
    store: Store,
) -> None:
    schemas: list[Schema] = []

    def build(schema: Schema) -> list[tuple[str, Transform]]:
        schemas.append(schema)
        return [("change", change)]

    run = engine.Run(store)
    await engine.extract(run, MemorySource(PROJECT, CONTENTS))
    ((number, _),) = store.history.find.now("ACME-T2", None)
    await explain(run, number, build, None)  # nothing is mapped yet
    await engine.transform(run, lambda schema: [each for _, each in build(schema)])
    await explain(run, number, build, None)

    before, mapped, after = schemas
    assert before == mapped == after
    assert after.fields
    assert after.folders
    await store.facts.save(Facts.mapped_schema, SourceSchema())
    await explain(run, number, build, None)
    assert schemas[-1] == Schema()  # it was not inferred again from all records


@pytest.mark.postgres
async def test_a_record_is_found_by_key_and_by_id_and_number_in_the_target(
    store_url: str,
) -> None:
    with Store(store_url) as store:
        await bring(store, MemorySink())
        ((number, ref),) = store.history.find.now("ACME-T2", Kind.TEST_CASE)
        known = store.history.snapshot.now(number)
        assert known.target_id
        assert known.pid
        for name in ("ACME-T2", known.target_id, known.pid):
            assert (number, ref) in store.history.find.now(name, None)
            assert store.history.find.now(name, Kind.TEST_CASE) == [(number, ref)]
            assert (number, ref) not in store.history.find.now(name, Kind.TEST_PLAN)
        assert store.history.find.now("", None) == []


async def test_where_a_record_ended_is_told(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)

    skipped, failed = await life(store, "ACME-T1", sink), await life(store, "ACME-P1", sink)

    assert [stage.end for stage in skipped.steps] == ["left out: not wanted"]
    assert skipped.known.state is State.SKIPPED
    assert [stage.end for stage in failed.steps] == ["cannot be mapped: no status fits"]
    assert failed.not_asked == "it is not in the target"


async def test_what_a_mapping_brought_has_no_life_in_the_source(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)

    found = await life(store, "home", None)

    assert found.known.derived
    assert (found.steps, found.enriched, found.known.extracted) == ((), (), None)
    assert [each.ref.key for each in found.referred_by] == ["ACME-T2"]
    assert found.not_asked == "the target was not asked"


class Silent(MemorySink):
    """Never answers a reading."""

    async def read(self, kind: Kind, target_id: str) -> Record:
        await asyncio.Event().wait()
        return await super().read(kind, target_id)


async def test_a_silent_target_is_not_waited_for(store: Store) -> None:
    sink = Silent()
    await bring(store, sink)

    found = await life(store, "ACME-T2", sink, patience=0)

    assert found.not_asked == "the target did not answer within 0 s"


async def test_keys_like_a_misspelt_one_are_found_in_any_case(store: Store) -> None:
    await bring(store, MemorySink())

    assert {"ACME-T1", "ACME-T2"} <= set(store.history.similar_keys.now("acme-t9", Kind.TEST_CASE))
    assert store.history.similar_keys.now("AMCE-T1", Kind.TEST_CASE) == ["ACME-T1"]
    assert (
        store.history.similar_keys.now("100%", None)
        == store.history.similar_keys.now("_", None)
        == []
    )


def field(name: str, **more: object) -> dict[str, object]:
    return {"name": name, **more}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (
            [field("A"), field("B")],
            [field("B"), field("C", origin="A")],
            [("f[A].name", "A", "C"), ("f[A].origin", None, "A")],
        ),
        ([field("A")], [field("A"), field("B")], [("f[B]", None, field("B"))]),
        ([field("A"), field("B")], [field("B")], [("f[A]", field("A"), None)]),
        ([field("A")], [field("A"), field("A")], [("f[A]", None, field("A"))]),
        (
            [field("A")],
            [field("C", origin="X")],
            [("f[C]", None, field("C", origin="X")), ("f[A]", field("A"), None)],
        ),
        ([field("A", value=1)], [field("A", value=True)], [("f[A].value", 1, True)]),
        ([1], [1, 2], [("f[1]", None, 2)]),
        (
            [field("A"), field("B")],
            [field("B"), field("A")],
            [("f (order)", [field("A"), field("B")], [field("B"), field("A")])],
        ),
    ],
)
def test_fields_are_compared_with_what_they_came_from(
    before: list[object], after: list[object], found: list[tuple[str, object, object]]
) -> None:
    told = [(each.path, each.before, each.after) for each in changes(before, after, "f")]
    assert told == found
