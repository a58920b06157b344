"""What is done about answers that did not come, beyond one lost answer for one record."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path

import attrs
import pytest

from tests.engine.crashing import Crash, CrashingSink, CrashingStore, Point
from ztoq_core import engine
from ztoq_core.contracts import Content, Links, Written
from ztoq_core.engine import Event
from ztoq_core.errors import DoubtError, Exit
from ztoq_core.records import FieldType, Kind, Record, Ref
from ztoq_core.store import State, Store
from ztoq_core.store.models import now
from ztoq_core.testing.memory import MemorySink, MemorySource, PowerCut
from ztoq_core.testing.project import CONTENTS, PROJECT

ALL = sorted(record.key for record in PROJECT)
FIELD = "test_case/Browser"


def quiet(_: Event) -> None:
    """Tell nobody."""


def typed(record: Record) -> Record:
    fields = tuple(attrs.evolve(each, type=FieldType.TEXT) for each in record.fields)
    return attrs.evolve(record, fields=fields)


async def migrate(store: Store, sink: MemorySink, *, request_timeout: float = 0.01) -> None:
    with store.run("migrate") as run:
        await engine.extract(store, MemorySource(PROJECT, CONTENTS), run.id, quiet)
        await engine.transform(store, lambda _: [typed], quiet)
        await engine.load(store, sink, run.id, quiet, request_timeout=request_timeout)


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
        store.crash = Crash(Point.BEFORE_ANSWER, Kind.TEST_CYCLE)
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
        store.crash = Crash(Point.BEFORE_ANSWER, Kind.TEST_LOG)
        with pytest.raises(PowerCut):
            await migrate(store, sink)

        await migrate(store, sink)

    assert sink.keys() == before


class HeldBack(MemorySink):
    """One record's request leaves long after its intent, and then the power fails."""

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        if record.key == "ACME-T2":
            await asyncio.sleep(0.6)  # as where the service asked to wait
            raise PowerCut
        return await super().write(record, target_id, links, content)


async def test_the_time_in_which_a_request_may_arrive_begins_when_it_leaves(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run after a kill looks for it before it arrives, finds nothing, and sends it again."""
    monkeypatch.setattr(import_module("ztoq_core.engine.load"), "_PUT_OFF_S", 0.05)

    with pytest.raises(PowerCut):
        await migrate(store, HeldBack(), request_timeout=0.7)

    item = store.item_table
    (cut,) = item.select().where(item.key == "ACME-T2")
    assert cut.state == State.SENDING
    assert cut.deadline is not None
    assert (cut.deadline - now()).total_seconds() > 0.3
