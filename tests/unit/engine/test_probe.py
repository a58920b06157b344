"""Measuring how far the target's search lags behind its writes."""

from __future__ import annotations

from ztoq_testkit.memory import MemorySink

from ztoq_core import engine
from ztoq_core.contracts import Written
from ztoq_core.records import Kind
from ztoq_core.store import State, Store


class Lagging(MemorySink):
    """Shows an object at the third search."""

    asked = 0

    async def is_searchable(self, kind: Kind, written: Written) -> bool:
        self.asked += 1
        return self.asked > 2 and await super().is_searchable(kind, written)


async def test_the_lag_is_measured_and_the_object_deleted(store: Store) -> None:
    sink = Lagging()

    with store.run("config check --probe") as run:
        lag = await engine.probe(engine.Run(store, run.id), sink)

    assert 0.1 < lag < 10
    assert (store.facts.search_lag or 0) > lag
    assert sink.keys() == []
    assert store.reporting.counts() == {Kind.TEST_PLAN: {State.DELETED: 1}}


async def test_what_was_made_to_be_measured_is_never_written_again(store: Store) -> None:
    sink = Lagging()
    with store.run("config check --probe") as run:
        await engine.probe(engine.Run(store, run.id), sink)
    with store.run("load") as run:
        await engine.load(engine.Run(store, run.id), sink)

    assert sink.keys() == []
    assert store.reporting.removed() == 0
    assert store.decisions.retry.now(1, None, ()) == {}
