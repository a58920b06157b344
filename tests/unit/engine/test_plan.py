"""A plan says what the load that follows it does, and changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.unit.engine.deleting import Deleting
from ztoq_core import engine
from ztoq_core.contracts import FieldSpec, Schema
from ztoq_core.engine import Plan
from ztoq_core.errors import ConfigError
from ztoq_core.records import Attachment, FieldType, FieldValue, Kind, Record, TestCase, TestLog
from ztoq_core.store import State, Store
from ztoq_core.store.tables import TABLES, Item, bound
from ztoq_core.time_window import TimeWindow


@pytest.fixture
def other_store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/other.db") as store:
        yield store


def renamed(key: str = "ACME-T2", name: str = "Another name") -> tuple[Record, ...]:
    return tuple(
        attrs.evolve(each, name=name) if isinstance(each, TestCase) and each.key == key else each
        for each in PROJECT
    )


NEW = attrs.evolve(
    next(each for each in PROJECT if isinstance(each, TestCase) and each.key == "ACME-T1"),
    key="ACME-T9",
    name="Sign out",
)
EARLIER = attrs.evolve(
    next(each for each in PROJECT if isinstance(each, TestLog)),
    key="ACME-E0",
    ended=datetime(2001, 1, 1, tzinfo=UTC),
)

EARLIERS_FILE = attrs.evolve(
    next(each for each in PROJECT if isinstance(each, Attachment)),
    key="ACME-E0#1",
    owner=EARLIER.ref,
    part="",
)


async def read(store: Store, *records: Record) -> None:
    with store.run("extract") as run:
        source = MemorySource(records or PROJECT, CONTENTS)
        await engine.extract(engine.Run(store, run.id), source)
        await engine.transform(engine.Run(store), lambda _: [lambda record: record])


async def load(store: Store, sink: MemorySink, on_conflict: str = "keep-target") -> tuple[int, ...]:
    """Load; return how many objects it created and updated."""
    with store.run("load") as run:
        given = engine.Run(store, run.id, request_timeout=0.01)
        await engine.load(given, sink, on_conflict=on_conflict)
    item = bound(Item, store.database.connection)
    return tuple(
        item.select().where(column == run.id).count()
        for column in (item.created_run, item.updated_run)
    )


def contents(store: Store) -> dict[str, list[str]]:
    """Return all that the store holds."""
    return {
        table.__name__: sorted(
            str(row.__data__) for row in bound(table, store.database.connection).select()
        )
        for table in TABLES
    }


# ---------------------------------------------------------------------------------- situations


async def first(store: Store, _: MemorySink) -> None:
    await read(store)


async def nothing_new(store: Store, sink: MemorySink) -> None:
    await read(store)
    await load(store, sink)


async def changed(store: Store, sink: MemorySink) -> None:
    await nothing_new(store, sink)
    await read(store, *renamed(), NEW)


async def edited(store: Store, sink: MemorySink) -> None:
    """A case was renamed in the source, and another word was written into it in the target."""
    await changed(store, sink)
    held = next(each for each in sink.objects.values() if each.record.key == "ACME-T2")
    held.record = attrs.evolve(held.record, path=("by hand",))


async def folder_gone(store: Store, sink: MemorySink) -> None:
    await changed(store, sink)
    number = next(n for n, each in sink.objects.items() if each.record.ref == NEW.folder)
    del sink.objects[number]


async def late(store: Store, sink: MemorySink) -> None:
    await nothing_new(store, sink)
    await read(store, *PROJECT, EARLIER, EARLIERS_FILE)


async def refused(store: Store, sink: MemorySink) -> None:
    await read(store)
    sink.refuses = {"ACME-T1"}
    await load(store, sink)


async def removed(store: Store, sink: MemorySink) -> None:
    await nothing_new(store, sink)
    with store.run("rollback") as run:
        await engine.rollback(engine.Run(store, run.id), sink)


@pytest.mark.parametrize(
    ("situation", "on_conflict"),
    [
        (first, "keep-target"),
        (nothing_new, "keep-target"),
        (changed, "keep-target"),
        (edited, "keep-target"),
        (edited, "overwrite"),
        (edited, "fail"),
        (folder_gone, "keep-target"),
        (late, "keep-target"),
        (late, "overwrite"),
        (refused, "keep-target"),
        (removed, "keep-target"),
    ],
)
async def test_creates_and_updates_are_those_of_the_load(
    store: Store, situation: Callable[[Store, MemorySink], Awaitable[None]], on_conflict: str
) -> None:
    sink = Deleting()
    await situation(store, sink)
    before, held = contents(store), sink.keys()

    plan = await engine.plan(engine.Run(store), sink, on_conflict=on_conflict)

    assert contents(store) == before
    assert sink.keys() == held
    total = plan.total
    assert (total.create, total.update) == await load(store, sink, on_conflict)
    states = store.reporting.counts()
    assert total.conflict == sum(each.get(State.CONFLICT, 0) for each in states.values())
    assert total.failed == sum(
        each.get(State.FAILED, 0) + each.get(State.BLOCKED, 0) for each in states.values()
    )


async def test_what_an_earlier_store_wrote_is_looked_for_and_not_created(
    store: Store, other_store: Store
) -> None:
    sink = Deleting()
    await nothing_new(other_store, sink)
    await read(store, *PROJECT, NEW)

    plan = await engine.plan(engine.Run(store), sink)

    assert plan.total.create == 1
    assert plan.total.adopt == len(PROJECT)
    assert sink.keys().count("ACME-T9") == 0


# -------------------------------------------------------------------------- what stands in the way


def with_field(*, required: bool = True, type_: FieldType = FieldType.NUMBER) -> MemorySink:
    spec = FieldSpec(kind=Kind.TEST_CASE, name="Risk", type=type_, required=required)
    schema = attrs.evolve(MemorySink().schema, fields=(spec,), fits=_figures)
    return MemorySink(schema=schema)


def _figures(spec: FieldSpec, field: FieldValue) -> Any:
    fits = spec.type is not FieldType.NUMBER or not isinstance(field.value, str)
    return attrs.evolve(Schema().fits(spec, field), rest=None if fits else field.value)


async def with_risk(store: Store, sink: MemorySink, value: Any) -> Plan:
    risk = FieldValue(name="Risk", value=value, type=FieldType.NUMBER)
    records = [
        attrs.evolve(each, fields=(risk,)) if isinstance(each, TestCase) else each
        for each in PROJECT
    ]
    await read(store, *records)
    return await engine.plan(engine.Run(store), sink)


async def test_a_required_field_that_nobody_fills_blocks_the_plan(store: Store) -> None:
    sink = with_field()
    await read(store)
    plan = await engine.plan(engine.Run(store), sink)
    assert plan.blocked
    assert not plan.clean
    assert [(each.name, each.count) for each in plan.required] == [("Risk", 2)]


async def test_a_value_that_leaves_a_required_field_empty_would_be_refused(store: Store) -> None:
    plan = await with_risk(store, with_field(), "high")
    (refusal,) = plan.refusals
    assert (refusal.kind, refusal.count, refusal.code) == (Kind.TEST_CASE, 2, "required")
    assert refusal.keys == ("ACME-T1", "ACME-T2")
    assert not plan.blocked
    assert not plan.clean


async def test_a_value_that_does_not_fit_is_a_change_and_one_that_does_is_none(
    store: Store, other_store: Store
) -> None:
    plan = await with_risk(store, with_field(required=False), "high")
    (found,) = [each for each in plan.changes if each.code == "value-as-text"]
    assert (found.count, found.kind) == (2, Kind.TEST_CASE)
    assert "'Risk'" in found.text
    plan = await with_risk(other_store, with_field(), 3)
    assert plan.clean
    assert not [each for each in plan.changes if each.code == "value-as-text"]


async def test_a_status_that_the_target_does_not_have_would_be_refused(store: Store) -> None:
    records = [
        attrs.evolve(each, statuses=("Pass", "passed ")) if isinstance(each, TestLog) else each
        for each in PROJECT
    ]
    await read(store, *records)
    sink = MemorySink()
    sink.schema = attrs.evolve(sink.schema, statuses=("Passed",))
    assert not (await engine.plan(engine.Run(store), sink)).refusals
    sink.schema = attrs.evolve(sink.schema, statuses=("Failed",))
    (refusal,) = (await engine.plan(engine.Run(store), sink)).refusals
    assert refusal.code == "status"
    assert "'Pass'" in refusal.text


async def test_a_file_that_is_too_large_would_be_refused(store: Store) -> None:
    await read(store)
    sink = MemorySink()
    sizes = sorted(len(content) for content in CONTENTS.values())
    sink.schema = attrs.evolve(sink.schema, max_file_size=sizes[-1])
    assert not (await engine.plan(engine.Run(store), sink)).refusals
    sink.schema = attrs.evolve(sink.schema, max_file_size=sizes[-1] - 1)
    (refusal,) = (await engine.plan(engine.Run(store), sink)).refusals
    assert (refusal.kind, refusal.code, refusal.keys) == (Kind.ATTACHMENT, "size", ("ACME-T1#1",))


async def test_only_what_was_planned_is_loaded(store: Store) -> None:
    sink = MemorySink()
    await read(store)
    key = (await engine.plan(engine.Run(store), sink, mapping="m")).key

    await engine.require_same(engine.Run(store), key, target="memory sink", mapping="m")
    await load(store, sink)  # a load that was stopped may be repeated
    await engine.require_same(engine.Run(store), key, target="memory sink", mapping="m")
    for given, why in (
        (
            {"target": "another", "mapping": "m"},
            "it is for 'memory sink', and the configuration names 'another'",
        ),
        ({"target": "memory sink", "mapping": "n"}, "the mapping in the configuration changed"),
    ):
        with pytest.raises(ConfigError, match=why):
            await engine.require_same(engine.Run(store), key, **given)
    await read(store, *renamed())
    with pytest.raises(ConfigError, match="the records to write changed since"):
        await engine.require_same(engine.Run(store), key, target="memory sink", mapping="m")


# ---------------------------------------------------------------------------------- time and days


def test_the_slowest_limit_decides_how_long_calls_take() -> None:
    free = engine.Speed(latency=0.1, at_once=10)
    least, most = engine.seconds_for(1000, 20, free)
    assert least < 10 + 2 < most
    assert most - least < 0.5 * most
    for limited in (
        attrs.evolve(free, rate=10.0),
        attrs.evolve(free, a_minute=600),
        attrs.evolve(free, at_once=1),
    ):
        assert limited.a_second == pytest.approx(10)
        assert sum(engine.seconds_for(1000, 0, limited)) / 2 == pytest.approx(100)


NOON = datetime(2026, 11, 24, 12, 0).astimezone()
NIGHT = TimeWindow.parse("20:00-22:00")


def test_calls_are_split_by_the_window_and_the_budget() -> None:
    # 5 calls a second: 36,000 fit into two hours
    nights = engine.days(90_000, 18_000.0, now=NOON, window=NIGHT)
    assert [each.calls for each in nights] == [36_000, 36_000, 18_000]
    assert [each.day for each in nights] == [date(2026, 11, 24 + n) for n in range(3)]

    budget = engine.days(90_000, 18_000.0, now=NOON, window=NIGHT, left=40_000, a_month=70_000)
    assert [each.calls for each in budget] == [36_000, 4_000, 36_000, 14_000]
    assert budget[2].day == date(2026, 12, 1)

    assert engine.days(100, 20.0, now=NOON, left=60, a_month=0) == (
        engine.Day(day=NOON.date(), calls=60),
    )


def test_a_day_that_has_begun_takes_less() -> None:
    late = NOON.replace(hour=21, minute=30)
    first_, second = engine.days(20_000, 4_000.0, now=late, window=NIGHT)
    assert (first_.calls, second.calls) == (9_000, 11_000)
    assert second.day - first_.day == timedelta(days=1)
