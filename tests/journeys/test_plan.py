"""A plan beside the load that follows it, on both simulators: creates, updates, calls, time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import attrs
import pytest
from ztoq_demo.qtest import Options, Simulator
from ztoq_demo.zephyr.demo import demo
from ztoq_testkit.virtual_time import run_in_virtual_time

from tests.journeys.journey import in_virtual_time, journey, project
from ztoq_core import engine
from ztoq_core.contracts import Secret
from ztoq_core.http.limits import Limits
from ztoq_core.migration.opening import new_run
from ztoq_core.migration.planning import Forecast, make_plan
from ztoq_core.plugins import Plugins
from ztoq_core.services import Services
from ztoq_core.settings.config import Config, from_tables
from ztoq_core.store import State, Store
from ztoq_core.store.tables import Item, bound

CALLS, TIME = 0.05, 0.25


@attrs.frozen(kw_only=True)
class Compared:
    """A plan, and what the load after it came to."""

    plan: Forecast
    created: int
    updated: int
    calls: int
    seconds: float

    def agree(self) -> None:
        total = self.plan.plan.total
        assert (total.create, total.update) == (self.created, self.updated)
        assert self.plan.calls == pytest.approx(self.calls, rel=CALLS)


async def read(config: Config, store: Store) -> None:
    async with config.source.plugin.open(config.source.settings, Services(store.note)) as source:
        with store.run("extract") as run:
            await engine.extract(new_run(config, store, id=run.id), source)
    await engine.transform(new_run(config, store), config.build)


async def compare(config: Config, store: Store) -> Compared:
    """Plan, then load, each with a connection of its own."""
    sink, loop = config.sink, asyncio.get_running_loop()
    limits = Limits()
    async with sink.plugin.open(sink.settings, Services(store.note, limits=limits)) as opened:
        await opened.check()  # as the command does before its first stage
        run = new_run(config, store, asks=sink, dry_run=True)
        forecast = await make_plan(
            config, run, opened, limits, accept_missing_fields=False, on_conflict="keep-target"
        )
    limits, begun = Limits(), loop.time()
    async with sink.plugin.open(sink.settings, Services(store.note, limits=limits)) as opened:
        await opened.check()
        with store.run("load") as held:
            await engine.load(new_run(config, store, id=held.id, asks=sink), opened)
    item = bound(Item, store.database.connection)
    created, updated = (
        item.select().where(column == held.id).count()
        for column in (item.created_run, item.updated_run)
    )
    return Compared(
        plan=forecast,
        created=created,
        updated=updated,
        calls=limits.made,
        seconds=loop.time() - begun,
    )


def test_creates_updates_and_calls_are_as_planned(tmp_path: Path) -> None:
    @in_virtual_time
    async def go() -> None:
        shown = project()
        async with journey(tmp_path, read=shown, sink={"timeout": 30}) as world:
            config = from_tables(world.tables, Plugins.installed(), tmp_path)
            with world.store() as store:
                await read(config, store)
                first = await compare(config, store)
                first.agree()
                assert first.created > 30
                assert first.plan.plan.clean

                for case in shown.cases[:3]:
                    case.name += " again"
                await read(config, store)
                second = await compare(config, store)
                second.agree()
                assert (second.created, second.updated) == (0, 6)  # runs bear their case's name
                states = store.reporting.counts().values()
                assert all(each.keys() <= {State.FINISHED, State.SKIPPED} for each in states)

    go()


@pytest.mark.acceptance
def test_the_demo_takes_the_calls_and_the_time_that_were_planned(tmp_path: Path) -> None:
    async def go() -> None:
        qtest = Simulator(Options())
        async with demo() as source, qtest.serving() as base_url:
            sink = {
                "use": "qtest",
                "base_url": base_url,
                "project": qtest.options.project,
                "token": Secret(qtest.options.token),
                "create_fields": True,
                "in_flight": 8,
            }
            config = from_tables({"source": source, "sink": sink}, Plugins.installed(), tmp_path)
            with Store(config.store_url) as store:
                await read(config, store)
                qtest.server.latency = 0.4
                compared = await compare(config, store)
        compared.agree()
        assert compared.plan.seconds is not None
        least, most = compared.plan.seconds
        assert (least + most) / 2 == pytest.approx(compared.seconds, rel=TIME)

    # the clock stands still while a store commits; tests/performance/plan.py takes real time
    run_in_virtual_time(go(), grace=0.05)
