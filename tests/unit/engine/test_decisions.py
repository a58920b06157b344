"""What people decide about single records."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.contracts import Found, Links
from ztoq_core.engine import Event, Resolver
from ztoq_core.errors import ConfigError, Exit, RejectedError
from ztoq_core.records import Attachment, Kind, Record, Ref, TestCase, TestLog, TestPlan
from ztoq_core.store import State, Store, Undecided

ALL = sorted(record.key for record in PROJECT)
LATE = TestLog(
    key="ACME-E0",
    run=Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/"),
    case=Ref(Kind.TEST_CASE, "ACME-T1"),
    status="Pass",
    number=9,
    ended=datetime(2025, 3, 1, 12, tzinfo=UTC),
)
LATE_FILE = Attachment(key="ACME-E0#9", name="late.txt", owner=LATE.ref, locator="log")


def quiet(_: Event) -> None:
    """Tell nobody."""


async def bring(
    store: Store,
    sink: MemorySink,
    records: tuple[Record, ...] = PROJECT,
    on_conflict: str = "keep-target",
) -> None:
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(records, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [lambda record: record])
    await load(store, sink, on_conflict)


async def load(store: Store, sink: MemorySink, on_conflict: str = "keep-target") -> None:
    with store.run("load") as run:
        await engine.load(
            engine.Run(store, run.id, request_timeout=0.01), sink, on_conflict=on_conflict
        )


def renamed(name: str, key: str = "ACME-T2") -> tuple[Record, ...]:
    return tuple(
        attrs.evolve(record, name=name)
        if isinstance(record, TestCase | TestPlan) and record.key == key
        else record
        for record in PROJECT
    )


def target_id(sink: MemorySink, key: str) -> str:
    return next(number for number, each in sink.objects.items() if each.record.key == key)


def only(store: Store) -> Undecided:
    (found,) = store.decisions.undecided.now()
    return found


# -------------------------------------------------------------------------------------- retrying


async def test_what_was_refused_is_tried_again_only_when_asked(store: Store) -> None:
    sink = MemorySink(refuses={"ACME-T1"})
    await bring(store, sink)
    sink.refuses.clear()
    await load(store, sink)
    assert "ACME-T1" not in list(sink.keys())

    with store.run("retry") as run:
        counts = await store.decisions.retry(run.id, None, ())
    await load(store, sink)

    assert counts == {Kind.TEST_CASE: 1}
    assert sink.keys() == ALL
    assert engine.outcome(store).exit is Exit.OK


async def test_trying_again_may_be_narrowed(store: Store) -> None:
    sink = MemorySink(refuses={"ACME-T2", "ACME-P1"})
    await bring(store, sink)

    with store.run("retry") as run:
        by_kind = await store.decisions.retry(run.id, Kind.TEST_PLAN, ())
        by_key = await store.decisions.retry(run.id, None, ["ACME-T2"])

    assert by_kind == {Kind.TEST_PLAN: 1}
    assert by_key == {Kind.TEST_CASE: 1}


# --------------------------------------------------------------------------------- late executions


async def test_an_execution_that_came_late_does_not_become_the_newest(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)
    before = len(sink.calls)

    await bring(store, sink, (*PROJECT, LATE, LATE_FILE))

    assert [call for call in sink.calls[before:] if call.startswith("write")] == []
    states = {problem.key: problem.state for problem in store.reporting.problems()}
    assert states == {"ACME-E0": State.CONFLICT, "ACME-E0#9": State.BLOCKED}
    assert "came late" in only(store).reason
    assert engine.outcome(store).exit is Exit.LEFT


@pytest.mark.parametrize("decide", ["overwrite", "retry"])
async def test_an_execution_that_came_late_is_written_where_somebody_says_so(
    store: Store, decide: str
) -> None:
    sink = MemorySink()
    await bring(store, sink)
    await bring(store, sink, (*PROJECT, LATE, LATE_FILE))

    if decide == "retry":
        with store.run("resolve") as run:
            await Resolver(store, sink, run.id).retry(only(store))
        await load(store, sink)
    else:
        await load(store, sink, "overwrite")

    assert sink.keys() == sorted([*ALL, "ACME-E0", "ACME-E0#9"])
    assert engine.outcome(store).exit is Exit.OK


async def test_an_execution_that_came_late_may_be_left_out_for_good(store: Store) -> None:
    sink = MemorySink()
    records = (*PROJECT, LATE, LATE_FILE)
    await bring(store, sink)
    await bring(store, sink, records)

    with store.run("resolve") as run:
        await Resolver(store, sink, run.id).skip(only(store))
    await bring(store, sink, records)

    assert sink.keys() == ALL
    assert engine.outcome(store).exit is Exit.OK
    left_out = {p.key: p.reason for p in store.reporting.problems()}
    assert left_out["ACME-E0"] == "left out by decision (ztoq resolve)"


async def test_an_execution_that_came_late_fails_where_conflicts_are_to_fail(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)

    await bring(store, sink, (*PROJECT, LATE), "fail")

    assert [p.state for p in store.reporting.problems()] == [State.FAILED]


PLANNED = attrs.evolve(
    LATE,
    key="ACME-E5",
    status="Not Executed",
    executed=False,
    number=10,
    ended=None,
    planned_start=datetime(2024, 1, 1, tzinfo=UTC),
)


async def test_an_execution_not_done_yet_stands_by_its_number(store: Store) -> None:
    sink = MemorySink()
    later = attrs.evolve(PLANNED, key="ACME-E6", number=11)
    earlier = attrs.evolve(PLANNED, key="ACME-E7", number=5)
    await bring(store, sink, (*PROJECT, PLANNED))
    assert engine.outcome(store).exit is Exit.OK

    await bring(store, sink, (*PROJECT, PLANNED, later, earlier))

    assert {p.key: p.state for p in store.reporting.problems()} == {"ACME-E7": State.CONFLICT}
    assert "ACME-E6" in list(sink.keys())


async def test_a_newer_execution_leaves_the_earlier_ones_alone(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)
    before = len(sink.calls)
    newer = attrs.evolve(LATE, key="ACME-E4", ended=datetime(2025, 4, 1, tzinfo=UTC))

    await bring(store, sink, (*PROJECT, newer))

    assert [c for c in sink.calls[before:] if c.startswith("write")] == ["write test_log ACME-E4"]


# -------------------------------------------------------------------------------------- conflicts


async def conflict(store: Store, sink: MemorySink) -> Undecided:
    """Let the case ACME-T2 be changed on both sides."""
    await bring(store, sink)
    case = sink.objects[target_id(sink, "ACME-T2")]
    assert isinstance(case.record, TestCase)
    case.record = attrs.evolve(case.record, name="by hand")
    await bring(store, sink, renamed("from the source"))
    return only(store)


def name_of(sink: MemorySink, key: str) -> str:
    return str(getattr(sink.objects[target_id(sink, key)].record, "name", ""))


async def test_what_is_known_of_a_conflict_is_told(store: Store) -> None:
    sink = MemorySink()

    found = await conflict(store, sink)

    assert found.ref == Ref(Kind.TEST_CASE, "ACME-T2")
    assert found.state is State.CONFLICT
    assert found.target_id == target_id(sink, "ACME-T2")
    assert "edited in the target" in found.reason
    assert found.at is not None


async def test_a_conflict_is_overwritten_where_somebody_says_so(store: Store) -> None:
    sink = MemorySink()
    found = await conflict(store, sink)

    with store.run("resolve") as run:
        said = await Resolver(store, sink, run.id).retry(found)
    await load(store, sink)

    assert said.endswith("is sent again by the next load")
    assert name_of(sink, "ACME-T2") == "from the source"
    assert engine.outcome(store).exit is Exit.OK


async def test_an_edit_may_stay_and_is_not_overwritten_later(store: Store) -> None:
    sink = MemorySink()
    found = await conflict(store, sink)

    with store.run("resolve") as run:
        await Resolver(store, sink, run.id).skip(found)
    await bring(store, sink, renamed("from the source"))
    assert engine.outcome(store).exit is Exit.OK

    await bring(store, sink, renamed("from the source, again"))
    assert name_of(sink, "ACME-T2") == "by hand"
    assert only(store).state is State.CONFLICT


async def test_an_edit_may_become_the_ground_for_later_changes(store: Store) -> None:
    sink = MemorySink()
    found = await conflict(store, sink)
    assert found.target_id is not None

    with store.run("resolve") as run:
        await Resolver(store, sink, run.id).adopt(found, found.target_id)
    await bring(store, sink, renamed("from the source"))
    assert name_of(sink, "ACME-T2") == "by hand"

    await bring(store, sink, renamed("from the source, again"))
    assert name_of(sink, "ACME-T2") == "from the source, again"


async def test_what_was_removed_by_hand_is_made_anew_with_its_files(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)
    for key in ("ACME-T1", "ACME-T1#1"):
        del sink.objects[target_id(sink, key)]
    await bring(store, sink, renamed("Add twice", "ACME-T1"))
    found = only(store)
    assert "removed from the target" in found.reason

    with store.run("resolve") as run:
        said = await Resolver(store, sink, run.id).retry(found)
    await load(store, sink)

    assert said.endswith("creates it again, with 1 record that belonged to it")
    assert sink.keys() == ALL
    assert engine.outcome(store).exit is Exit.OK


async def test_what_was_removed_by_hand_may_stay_away(store: Store) -> None:
    sink = MemorySink()
    await bring(store, sink)
    del sink.objects[target_id(sink, "ACME-P1")]
    changed = renamed("Release 2", "ACME-P1")
    await bring(store, sink, changed)

    with store.run("resolve") as run:
        said = await Resolver(store, sink, run.id).skip(only(store))
    await bring(store, sink, changed)

    assert said == "test_plan ACME-P1 is left out"
    assert "ACME-P1" not in list(sink.keys())


# ------------------------------------------------------------------------------------------ doubt


class Blind(MemorySink):
    """Cannot look for one record, so that doubt about it stays, until it ``sees``."""

    sees: bool | None = None

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        if record.key != "ACME-T2" or self.sees:
            return await super().find(record, links)
        if self.sees is None:
            raise RejectedError("the search is out of order", status=400)
        return ()


async def doubt(store: Store) -> tuple[Blind, Undecided]:
    sink = Blind(doubts={"ACME-T2"})
    await bring(store, sink)
    found = only(store)
    assert found.state is State.UNKNOWN
    return sink, found


async def test_doubt_that_cannot_be_settled_does_not_stop_the_rest(store: Store) -> None:
    sink, found = await doubt(store)

    assert found.attempts == 1
    assert sink.keys() == sorted(ALL)  # what calls the case is written without the call
    assert engine.outcome(store).exit is Exit.LEFT


@pytest.mark.parametrize("sees", [True, False, None])
async def test_doubt_is_settled_by_naming_the_object(store: Store, *, sees: bool | None) -> None:
    sink, found = await doubt(store)
    sink.sees = sees

    with store.run("resolve") as run:
        said = await Resolver(store, sink, run.id).adopt(found, target_id(sink, "ACME-T2"))
    await load(store, sink)

    assert ("a rollback will keep it" in said) is not sees
    assert sink.keys() == ALL
    assert engine.outcome(store).exit is Exit.OK


async def test_doubt_is_settled_by_sending_again_or_leaving_out(store: Store) -> None:
    sink, found = await doubt(store)
    with store.run("resolve") as run:
        await Resolver(store, sink, run.id).skip(found)
    await load(store, sink)
    assert "ACME-T1" in list(sink.keys())
    assert store.reporting.counts()[Kind.TEST_CASE] == {State.FINISHED: 1, State.SKIPPED: 1}


async def test_a_record_in_doubt_may_be_sent_again(store: Store) -> None:
    sink, found = await doubt(store)
    del sink.objects[target_id(sink, "ACME-T2")]
    with store.run("resolve") as run:
        await Resolver(store, sink, run.id).retry(found)
    await load(store, sink)
    assert sink.keys() == ALL


async def test_only_an_object_that_is_there_and_free_can_be_adopted(store: Store) -> None:
    sink, found = await doubt(store)
    other = target_id(sink, "ACME-P1")
    sink.objects["900"] = attrs.evolve(
        sink.objects[other], record=TestCase(key="ACME-T1", name="other")
    )
    with store.run("resolve") as run:
        resolver = Resolver(store, sink, run.id)
        with pytest.raises(ConfigError, match="no test_case '7000' in the target"):
            await resolver.adopt(found, "7000")
        with pytest.raises(ConfigError, match="no test_case"):
            await resolver.adopt(found, other)
    assert only(store).state is State.UNKNOWN


async def test_an_object_of_another_record_cannot_be_adopted(store: Store) -> None:
    sink = MemorySink()
    found = await conflict(store, sink)
    with store.run("resolve") as run:
        resolver = Resolver(store, sink, run.id)
        with pytest.raises(ConfigError, match="belongs to another record"):
            await resolver.adopt(found, target_id(sink, "ACME-T1"))
