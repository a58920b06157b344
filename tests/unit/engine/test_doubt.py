"""What is done about answers that did not come, beyond one lost answer for one record."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ztoq_testkit.memory import MemorySink, MemorySource, PowerCut
from ztoq_testkit.project import CONTENTS, PROJECT
from ztoq_testkit.virtual_time import run_in_virtual_time

from tests.performance.lost_answers import TIMEOUT_S, LossyTarget, loaded
from tests.tables import examples
from tests.timed_store import TimedStore
from tests.unit.engine.crashing import Crash, CrashingSink, CrashingStore, Point
from ztoq_core import engine
from ztoq_core.contracts import Content, Links, Written
from ztoq_core.engine import Event
from ztoq_core.errors import DoubtError, Exit
from ztoq_core.records import FieldType, Kind, Record, Ref
from ztoq_core.store import Store

ALL = sorted(record.key for record in PROJECT)
FIELD = "test_case/Browser"


@pytest.fixture
def store(store_url: str, tmp_path: Path) -> Iterator[Store]:
    with TimedStore(store_url, files=tmp_path / "files") as opened:
        yield opened


def quiet(_: Event) -> None:
    """Tell nobody."""


def typed(record: Record) -> Record:
    fields = tuple(attrs.evolve(each, type=FieldType.TEXT) for each in record.fields)
    return attrs.evolve(record, fields=fields)


async def migrate(
    store: Store,
    sink: MemorySink,
    *,
    request_timeout: float = 0.01,
    waits: engine.Waits | None = None,
) -> None:
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [typed])
        await engine.load(
            engine.Run(
                store, run.id, waits=waits or engine.Waits(), request_timeout=request_timeout
            ),
            sink,
        )


async def test_a_field_in_doubt_is_settled_before_any_record_is_written(store: Store) -> None:
    """Else its values would stand as text in all records, though the field is there."""
    sink = MemorySink(doubts={FIELD})

    await migrate(store, sink)

    assert sink.calls[:2] == [f"write field {FIELD}", f"find field {FIELD}"]
    assert sink.keys() == sorted([*ALL, FIELD])


class Slow(MemorySink):
    """A gateway answers 504 for one record, which the site behind it makes a little later."""

    late: str = "ACME-T2"

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        if record.key != self.late:
            return await super().write(record, target_id, links, content)
        self.late = ""
        before = dict(self.objects)
        await super().write(record, target_id, links, content)
        made, self.objects = self.objects, before
        number = next(iter(made.keys() - before.keys()))
        asyncio.get_running_loop().call_later(0.1, self.objects.__setitem__, number, made[number])
        raise DoubtError(f"{record.ref} answered 504", status=504)


async def test_a_gateways_answer_does_not_end_what_is_behind_it(store: Store) -> None:
    sink = Slow()

    await migrate(store, sink, request_timeout=0.3)

    assert sink.keys() == sorted([*ALL, FIELD])
    assert f"find {Ref(Kind.TEST_CASE, 'ACME-T2')}" in sink.calls
    assert engine.outcome(store).exit is Exit.OK


async def test_an_adoption_that_a_crash_ended_goes_on(tmp_path: Path) -> None:
    """What was adopted before the crash must not make the store look as if it knew everything."""
    sink = CrashingSink()
    with Store(f"sqlite:///{tmp_path}/lost.db") as store:
        await migrate(store, sink)
    before = sink.keys()
    with CrashingStore(f"sqlite:///{tmp_path}/new.db") as store:
        store.database.crash = Crash(Point.BEFORE_ANSWER, Kind.TEST_CYCLE)
        with pytest.raises(PowerCut):
            await migrate(store, sink)

        await migrate(store, sink)

    assert sink.keys() == before


async def test_files_of_what_a_crash_left_in_doubt_are_adopted_too(tmp_path: Path) -> None:
    sink = CrashingSink()
    with Store(f"sqlite:///{tmp_path}/lost.db") as store:
        await migrate(store, sink)
    before = sink.keys()
    with CrashingStore(f"sqlite:///{tmp_path}/new.db") as store:
        store.database.crash = Crash(Point.BEFORE_ANSWER, Kind.TEST_LOG)
        with pytest.raises(PowerCut):
            await migrate(store, sink)

        await migrate(store, sink)

    assert sink.keys() == before


class Slowly(MemorySink):
    """The site takes ``takes`` seconds for one record; its caller does not live to see it."""

    takes = 40.0
    cut: str = "ACME-T2"

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        if record.key != self.cut:
            return await super().write(record, target_id, links, content)
        self.cut = ""
        before = dict(self.objects)
        await super().write(record, target_id, links, content)
        made, self.objects = self.objects, before
        number = next(iter(made.keys() - before.keys()))
        asyncio.get_running_loop().call_later(
            self.takes, self.objects.__setitem__, number, made[number]
        )
        raise PowerCut


def test_what_an_earlier_process_sent_is_waited_for_by_the_time_of_this_one(store: Store) -> None:
    """Nothing is believed of the clock of the process that was killed."""
    sink = Slowly()

    async def twice() -> float:
        with pytest.raises(PowerCut):
            await migrate(store, sink, request_timeout=60)
        begun = asyncio.get_running_loop().time()
        await migrate(store, sink, request_timeout=60)
        return asyncio.get_running_loop().time() - begun

    took = run_in_virtual_time(twice())

    assert sink.keys() == sorted([*ALL, FIELD])
    assert sink.calls.count("write test_case ACME-T2") == 1
    assert 60 <= took < 65


class Unsent(MemorySink):
    """The requests for some records are lost before they arrive."""

    def __init__(self, lost: set[str]) -> None:
        super().__init__()
        self.lost = lost

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        if record.key in self.lost:
            self.lost.remove(record.key)
            raise DoubtError(f"the request for {record.ref} timed out")
        return await super().write(record, target_id, links, content)


def test_what_is_found_at_once_is_not_waited_for(store: Store) -> None:
    sink = MemorySink(doubts=ALL)

    async def timed() -> float:
        await migrate(store, sink, request_timeout=60)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(timed()) < 5
    assert sink.keys() == sorted([*ALL, FIELD])


def test_absence_is_waited_for_beside_the_pipeline(store: Store) -> None:
    """All that are lost together settle in one time-out, and what does not need them goes on."""
    sink = Unsent({"ACME-T1", "ACME-P1"})
    written: dict[str, float] = {}

    async def timed() -> float:
        loop = asyncio.get_running_loop()
        write = sink.write

        async def noting(
            record: Record, target_id: str | None, links: Links, content: Content | None
        ) -> Written:
            done = await write(record, target_id, links, content)
            written[record.key] = loop.time()
            return done

        sink.write = noting  # type: ignore[method-assign]
        await migrate(store, sink, request_timeout=60)
        return loop.time()

    took = run_in_virtual_time(timed())

    assert 60 <= took < 65
    assert written["ACME-T2"] < 5
    assert written["ACME-T1"] >= 60
    assert engine.outcome(store).exit is Exit.OK


class Unhurried(Unsent):
    """Each answer takes its time, so that the queue stays full."""

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        written = await super().write(record, target_id, links, content)
        await asyncio.sleep(3)
        return written


def test_a_look_that_falls_due_while_the_queue_is_full_waits_for_room(store: Store) -> None:
    """It once kept the feeder busy, and the whole loop with it, for ever."""
    sink = Unhurried({"ACME-F3"})

    async def loaded() -> None:
        with store.run("migrate") as run:
            await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
            await engine.transform(engine.Run(store), lambda _: [typed])
            await engine.load(engine.Run(store, run.id, slots=1, request_timeout=4), sink)

    run_in_virtual_time(loaded())

    assert sink.keys() == sorted([*ALL, FIELD])


def test_a_field_in_doubt_holds_back_only_the_kinds_that_carry_it(store: Store) -> None:
    sink = Unsent({FIELD})

    async def timed() -> float:
        await migrate(store, sink, request_timeout=60)
        return asyncio.get_running_loop().time()

    assert 60 <= run_in_virtual_time(timed()) < 65
    calls = [call for call in sink.calls if call.startswith("write")]
    assert calls.index(f"write field {FIELD}") > calls.index("write folder ACME-F1")
    assert calls.index(f"write field {FIELD}") < calls.index("write test_case ACME-T1")


def test_a_sink_without_requests_is_not_waited_for(store: Store) -> None:
    sink = Unsent({"ACME-T2"})
    sink.schema = attrs.evolve(sink.schema, remote=False)

    async def timed() -> float:
        await migrate(store, sink, request_timeout=60)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(timed()) < 5
    assert sink.keys() == sorted([*ALL, FIELD])


def test_a_stop_ends_the_wait_for_a_lost_request(store: Store) -> None:
    waits = engine.Waits()

    async def stopped() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(20, waits.stop)
        await migrate(store, Unsent({"ACME-T2"}), request_timeout=60, waits=waits)
        return loop.time()

    assert 20 <= run_in_virtual_time(stopped()) < 21


def test_lost_answers_cost_a_load_no_more_than_looking(tmp_path: Path) -> None:
    """4 % of the answers: half the time again and one settling time at most (issue 9)."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "lossy").mkdir()
    plain = loaded(tmp_path / "whole", 20, LossyTarget())
    lossy = loaded(tmp_path / "lossy", 20, LossyTarget(each=25))

    assert plain.complete
    assert lossy.complete
    assert lossy.target.lost == 3
    assert lossy.target.writes == plain.target.writes
    assert lossy.seconds <= 1.5 * plain.seconds + TIMEOUT_S


class Moody(MemorySink):
    """Answers after a while, loses requests and answers: what Hypothesis draws, in turn."""

    def __init__(self, moods: list[tuple[float, str]]) -> None:
        super().__init__()
        self.moods = moods

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        delay, mood = self.moods.pop() if self.moods else (0.0, "well")
        await asyncio.sleep(delay)
        if mood == "request lost":
            raise DoubtError(f"{record.ref}: the connection was cut")
        written = await super().write(record, target_id, links, content)
        if mood == "answer lost":
            raise DoubtError(f"{record.ref}: the connection was cut")
        return written


MOODS = st.tuples(
    st.sampled_from([0.0, 0.5, 20.0]), st.sampled_from(["well", "request lost", "answer lost"])
)


@given(moods=st.lists(MOODS, max_size=20), stop_after=st.sampled_from([None, 0.1, 10, 45, 70, 130]))
@settings(max_examples=examples(0.25), deadline=None, derandomize=True, database=None)
def test_a_load_always_ends_whatever_is_late_lost_or_stopped(
    moods: list[tuple[float, str]], stop_after: float | None
) -> None:
    """In time: within the time-out of the last loss, or of what was in flight when it stopped."""
    sink = Moody(list(moods))

    async def work(store: Store) -> float:
        loop = asyncio.get_running_loop()
        waits = engine.Waits()
        if stop_after is not None:
            loop.call_later(stop_after, waits.stop)
        await migrate(store, sink, request_timeout=60, waits=waits)
        took = loop.time()
        await migrate(store, sink, request_timeout=60)
        return took

    with (
        tempfile.TemporaryDirectory(prefix="ztoq-moods-") as name,
        TimedStore(f"sqlite:///{name}/m.db") as store,
    ):
        took = run_in_virtual_time(work(store))
        assert took <= (stop_after + 21 if stop_after else 80 * (len(moods) + 1))
        assert engine.outcome(store).exit is Exit.OK
    assert sink.keys() == sorted([*ALL, FIELD])
