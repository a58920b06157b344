"""A migration as a program embeds it: events, stop, result, two at once, silence."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli import memory_shop
from tests.unit.cli.memory_shop import SINKS
from ztoq_core import Config, Migration, Plugins, RunOptions
from ztoq_core.engine import Edge, Event
from ztoq_core.errors import AccessError, ConfigError, Exit, StoreError
from ztoq_core.migration.opening import open_store
from ztoq_core.store import Phase

ALL_OF_THEM = 12


def config(folder: Path, **source: Any) -> Config:
    tables = {
        "source": {"use": "memory", "project": "ACME", **source},
        "sink": {"use": "memory", "name": str(folder)},
    }
    return Config.of(tables, plugins=Plugins(memory_shop), folder=folder)


async def test_everything_arrives_and_the_result_says_so(tmp_path: Path) -> None:
    events: list[Event] = []
    migration = Migration(config(tmp_path), progress=events.append)
    result = await migration.run()

    assert (result.exit, result.stopped, result.limit) == (Exit.OK, False, None)
    assert result.verdict.headline.startswith("Migration complete and proved: all 12 records")
    assert sum(each.created for each in result.totals) == ALL_OF_THEM
    assert len(SINKS[str(tmp_path)].keys()) == ALL_OF_THEM
    edges = [(each.stage, each.edge) for each in events if each.edge is not Edge.NONE]
    stages = ("extract", "transform", "load", "validate")
    assert edges == [(stage, edge) for stage in stages for edge in (Edge.BEGIN, Edge.END)]
    migration.report({"html": tmp_path / "report.html"})
    assert "Migration complete" in (tmp_path / "report.html").read_text()


async def test_a_config_from_a_file_and_a_single_stage(tmp_path: Path) -> None:
    path = tmp_path / "ztoq.toml"
    path.write_text(
        f'[source]\nuse = "memory"\nproject = "ACME"\n[sink]\nuse = "memory"\nname = "{tmp_path}"\n'
    )
    read = Config.load(path, Plugins(memory_shop))
    result = await Migration(read).run(["extract"], verb="extract")
    assert result.exit is Exit.OK
    assert result.verdict.next == "ztoq transform"


async def test_a_source_is_read_without_a_target(tmp_path: Path) -> None:
    tables = {"source": {"use": "memory", "project": "ACME"}}
    alone = Config.of(tables, plugins=Plugins(memory_shop), folder=tmp_path)
    result = await Migration(alone).run(["extract"])
    assert (result.exit, sum(each.read for each in result.totals)) == (Exit.OK, ALL_OF_THEM)
    with pytest.raises(ConfigError, match=r"there is no \[sink\], the target"):
        await Migration(alone).run(["transform"])


@pytest.mark.parametrize("form", [list, tuple])
async def test_all_stages_in_turn_are_a_whole_migration(
    tmp_path: Path, form: Callable[[Iterable[str]], Sequence[str]]
) -> None:
    await Migration(config(tmp_path)).run(form(["extract", "transform", "load", "validate"]))
    with open_store(config(tmp_path), look_only=True) as store:
        assert store.facts.migration is Phase.ENDED


@pytest.mark.parametrize("elsewhere", [False, True], ids=["the loop's thread", "another"])
async def test_a_stop_saves_what_is_under_way_and_the_next_run_goes_on(
    tmp_path: Path,
    *,
    elsewhere: bool,
) -> None:
    migration = Migration(config(tmp_path))

    def stop(event: Event) -> None:
        if event.stage == "load" and event.done:
            if elsewhere:
                threading.Thread(target=migration.stop).start()
            else:
                migration.stop()

    migration.progress = stop
    result = await migration.run()
    assert (result.exit, result.stopped) == (Exit.INTERRUPTED, True)

    again = await Migration(config(tmp_path)).run()
    assert again.exit is Exit.OK
    assert len(SINKS[str(tmp_path)].keys()) == ALL_OF_THEM


async def test_a_task_that_is_cancelled_leaves_a_store_to_go_on_with(tmp_path: Path) -> None:
    begun = asyncio.Event()

    def wait(event: Event) -> None:
        if event.stage == "load" and event.done:
            begun.set()

    task = asyncio.create_task(Migration(config(tmp_path), progress=wait).run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (await Migration(config(tmp_path)).run()).exit is Exit.OK
    assert len(SINKS[str(tmp_path)].keys()) == ALL_OF_THEM


async def test_a_progress_that_raises_ends_the_run_with_its_error(tmp_path: Path) -> None:
    def fail(event: Event) -> None:
        if event.stage == "load" and event.done:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Migration(config(tmp_path), progress=fail).run()
    assert (await Migration(config(tmp_path)).run()).exit is Exit.OK


async def test_two_migrations_run_at_once(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    results = await asyncio.gather(*(Migration(config(each)).run() for each in folders))
    assert [each.exit for each in results] == [Exit.OK, Exit.OK]
    assert [len(SINKS[str(each)].keys()) for each in folders] == [ALL_OF_THEM, ALL_OF_THEM]


async def test_one_store_takes_one_run_at_a_time(tmp_path: Path) -> None:
    first = asyncio.create_task(Migration(config(tmp_path)).run())
    await asyncio.sleep(0)
    with pytest.raises(StoreError, match="Another run uses this store"):
        await Migration(config(tmp_path)).run()
    assert (await first).exit is Exit.OK


async def test_a_dry_run_has_a_forecast_and_writes_nothing(tmp_path: Path) -> None:
    result = await Migration(config(tmp_path), RunOptions(dry_run=True)).run()
    assert result.forecast
    assert result.forecast.plan.total.create == ALL_OF_THEM
    assert SINKS[str(tmp_path)].keys() == []


async def test_refused_credentials_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="token expired"):
        await Migration(config(tmp_path, at_check="refused")).run()


async def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    await Migration(config(tmp_path)).run()
    assert capfd.readouterr() == ("", "")
