"""What a run did, kind by kind, in both databases."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.unit.engine.crashing import load, typed
from ztoq_core import engine
from ztoq_core.records import Kind, Record, TestCase
from ztoq_core.store import KindTotals, Store


async def extract(store: Store, *changed: Record) -> int:
    """Read the project and map it; return the run that read it."""
    records = {record.ref: record for record in (*PROJECT, *changed)}
    with store.run("extract") as run:
        source = MemorySource(records.values(), CONTENTS)
        await engine.extract(engine.Run(store, run.id), source)
    await engine.transform(engine.Run(store), lambda _: [typed])
    return run.id


def totals(store: Store, run: int) -> dict[Kind, KindTotals]:
    return {each.kind: each for each in store.reporting.totals(run)}


async def loaded(store: Store, sink: MemorySink) -> dict[Kind, KindTotals]:
    await load(store, sink)
    return totals(store, store.reporting.runs()[-1].id)


@pytest.mark.postgres
async def test_a_run_is_counted_by_what_it_did(store_url: str) -> None:
    sink = MemorySink(refuses=["ACME-P1"])
    with Store(store_url) as store:
        read = totals(store, await extract(store))[Kind.TEST_CASE]
        assert attrs.astuple(read) == (Kind.TEST_CASE, 2, 0, 0, 0, 0, 0, 1, 17)

        first = await loaded(store, sink)
        assert attrs.astuple(first[Kind.TEST_CASE]) == (Kind.TEST_CASE, 0, 2, 0, 0, 0, 0, 1, 17)
        assert first[Kind.TEST_LOG].files == 1
        assert (first[Kind.TEST_PLAN].created, first[Kind.TEST_PLAN].failed) == (0, 1)

        case = next(each for each in PROJECT if isinstance(each, TestCase))
        await extract(store, attrs.evolve(case, name="Another"))
        second = await loaded(store, sink)
        assert attrs.astuple(second[Kind.TEST_CASE]) == (Kind.TEST_CASE, 0, 0, 1, 0, 0, 0, 0, 0)
        assert not second[Kind.FOLDER].touched


async def test_objects_of_a_lost_store_are_found_not_created(
    store_url: str, tmp_path: Path
) -> None:
    sink = MemorySink()
    with Store(store_url) as store:
        await extract(store)
        await load(store, sink)
    with Store(f"sqlite:///{tmp_path}/another.db") as another:
        await extract(another)
        cases = (await loaded(another, sink))[Kind.TEST_CASE]
        assert (cases.created, cases.found) == (0, 2)
