"""The power fails at each named point of each kind; the restart gives each key exactly once."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from pathlib import Path

import attrs
import pytest
from ztoq_testkit.memory import MemorySource, PowerCut
from ztoq_testkit.project import CONTENTS

from tests.tables import sampled
from tests.unit.engine.crashing import (
    PROJECT,
    Crash,
    CrashingSink,
    CrashingStore,
    Point,
    load,
    typed,
)
from ztoq_core import engine
from ztoq_core.errors import Exit
from ztoq_core.records import (
    Folder,
    Kind,
    Record,
    Requirement,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
)
from ztoq_core.store import State, Store

pytestmark = pytest.mark.unmeasured  # a second time through what others cover

ALL = sorted([*(record.key for record in PROJECT), "test_case/Browser"])
FINISHES = {Kind.TEST_CASE, Kind.TEST_LOG}
OF_FINISHING = {Point.BEFORE_FINISH, Point.FINISHED, Point.BEFORE_FINISHED}
CRASHES = [
    pytest.param(kind, point, id=f"{kind}-{point.name.lower()}")
    for kind, point in itertools.product(Kind, Point)
    if kind in FINISHES or point not in OF_FINISHING
]


UPDATES = [each for each in CRASHES if each.values[0] not in {Kind.FIELD, Kind.ATTACHMENT}]


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in which the project waits to be loaded."""
    folder = tmp_path_factory.mktemp("mapped")

    async def fill() -> None:
        with Store(f"sqlite:///{folder}/m.db") as store:
            with store.run("extract") as run:
                await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
            await engine.transform(engine.Run(store), lambda _: [typed])

    asyncio.run(fill())
    return folder


@pytest.mark.parametrize(("kind", "point"), sampled(CRASHES, 4))
async def test_after_a_crash_each_key_stands_once(
    tmp_path: Path, mapped: Path, kind: Kind, point: Point
) -> None:
    folder = tmp_path / "store"
    shutil.copytree(mapped, folder)
    url = f"sqlite:///{folder}/m.db"
    crash = Crash(point, kind)
    sink = CrashingSink()
    with CrashingStore(url) as store:
        store.database.crash = sink.crash = crash
        with pytest.raises(PowerCut):
            await load(store, sink)
    assert crash.over

    with CrashingStore(url) as store:
        await load(store, sink)

        assert sink.keys() == ALL
        states = {state for states in store.reporting.counts().values() for state in states}
        assert states == {State.FINISHED}
        assert engine.outcome(store).exit is Exit.OK
    done = {record.key for record in PROJECT if record.kind in FINISHES}
    assert done == set(sink.finished)


def test_the_project_has_each_kind() -> None:
    assert {record.kind for record in PROJECT} | {Kind.FIELD} == set(Kind)


def edited(record: Record) -> Record:
    """Return a record as somebody left it in the source since."""
    if isinstance(record, TestLog):
        return attrs.evolve(record, note=f"{record.note} edited")
    if isinstance(record, Folder | Requirement | TestCase | TestPlan | TestCycle | TestRun):
        return attrs.evolve(record, name=f"{record.name} edited")
    return record


@pytest.mark.parametrize(("kind", "point"), sampled(UPDATES, 4))
async def test_an_update_that_a_crash_cut_off_is_no_edit_by_others(
    tmp_path: Path, mapped: Path, kind: Kind, point: Point
) -> None:
    folder = tmp_path / "store"
    shutil.copytree(mapped, folder)
    url = f"sqlite:///{folder}/m.db"
    sink = CrashingSink()
    with CrashingStore(url) as store:
        await load(store, sink)
        source = MemorySource(tuple(map(edited, PROJECT)), CONTENTS)
        with store.run("extract") as run:
            await engine.extract(engine.Run(store, run.id), source)
        await engine.transform(engine.Run(store), lambda _: [typed])
        store.database.crash = sink.crash = Crash(point, kind)
        with pytest.raises(PowerCut):
            await load(store, sink)

    with CrashingStore(url) as store:
        plan = await engine.plan(engine.Run(store), sink, on_conflict="keep-target")
        await load(store, sink)

        states = {state for states in store.reporting.counts().values() for state in states}
        assert states == {State.FINISHED}
        assert plan.total.conflict == 0
    assert sink.keys() == ALL
