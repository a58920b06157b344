"""Zephyr is listed again, over real HTTP: what is not in the store, and with how many calls."""

from __future__ import annotations

from pathlib import Path

import attrs

from tests.journeys.journey import Journey, journey, project
from ztoq_core import engine
from ztoq_core.migration.opening import new_run
from ztoq_core.records import Kind
from ztoq_core.store import SourceCheck


async def extracted(sides: Journey) -> None:
    async with sides.opened() as (read, source, _):
        with sides.store() as store, store.run("extract") as run:
            await engine.extract(new_run(read, store, id=run.id), source)


async def checked(sides: Journey) -> SourceCheck:
    async with sides.opened() as (read, source, _):
        with sides.store() as store, store.run("validate") as run:
            found = await engine.check_source(new_run(read, store, id=run.id), source)
    assert sides.zephyr.writes == 0
    assert found is not None
    return found


async def test_a_project_that_stood_still_may_end(tmp_path: Path) -> None:
    async with journey(tmp_path) as sides:
        await extracted(sides)
        before = sum(sides.zephyr.server.calls.values())

        found = await checked(sides)

        calls = sum(sides.zephyr.server.calls.values()) - before
    assert (found.reasons, found.listed > 0) == ((), True)
    assert calls < 20, "some lists, and nothing for each record"


async def test_what_is_new_changed_or_gone_is_named(tmp_path: Path) -> None:
    made = project()
    async with journey(tmp_path, read=made) as sides:
        await extracted(sides)
        made.cases.append(attrs.evolve(made.cases[0], id=1999, key="ACME-T99", files=[]))
        made.cases[1].name = "Another name"
        del made.executions[-1]
        sides.zephyr.tenant.refresh()

        found = await checked(sides)

    assert found.reasons == ("1 record is not in the store", "1 record has changed since")
    rows = {row.kind: row for row in found.rows}
    assert rows[Kind.TEST_CASE].missing_keys == ("ACME-T99",)
    assert rows[Kind.TEST_CASE].changed_keys == ("ACME-T2",)
    assert rows[Kind.TEST_LOG].gone_keys == ("ACME-E6",)
