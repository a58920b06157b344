"""A source of another product than Zephyr reaches qTest by the default mapping alone, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import ztoq_mappings
import ztoq_qtest
from ztoq_demo.qtest import Options, Simulator
from ztoq_testkit.memory import MemorySource

from ztoq_core import engine
from ztoq_core.contracts import (
    Secret,
    Services,
    Source,
    SourcePlugin,
    Transform,
    TransformContext,
    TransformerPlugin,
)
from ztoq_core.hookspecs import hookimpl
from ztoq_core.plugins import Plugins
from ztoq_core.records import Link, LinkType, Record, TestCase, TestCycle, TestLog, TestRun
from ztoq_core.services import Services as Lent
from ztoq_core.settings.config import from_tables
from ztoq_core.store import Store

CASE = TestCase(
    key="TB-1", name="Pay", status="ready", owner="ada", created=datetime(2024, 5, 1, tzinfo=UTC),
    links=(Link(type=LinkType.COVERAGE, issue_key="JIRA-7", url="https://jira.example/JIRA-7"),),
)  # fmt: skip
CYCLE = TestCycle(key="TB-C1", name="May", status="open", version="2.0")
RUN = TestRun(key="TB-C1/TB-1/", name="Pay", case=CASE.ref, cycle=CYCLE.ref)
LOGS = [
    TestLog(key=f"TB-E{n}", status=status, run=RUN.ref, case=CASE.ref, executed=True)
    for n, status in enumerate(("passed", "geht nicht"), 1)
]


@attrs.frozen(kw_only=True)
class Settings:
    """No settings."""


def from_testbook(_: Settings, __: TransformContext) -> Transform:
    """Words of the product that no target knows."""

    def transform(record: Record) -> Record:
        if isinstance(record, TestLog) and record.status == "geht nicht":
            return attrs.evolve(record, status="Failed")
        return record

    return transform


class Testbook:
    """A plugin with a source that ztoq does not know, and its half of the default mapping."""

    __test__ = False
    __name__ = "ztoq_testbook"

    @hookimpl
    def ztoq_sources(self) -> Iterable[SourcePlugin[Any]]:
        yield SourcePlugin(
            name="testbook", summary="", config=Settings, open=self.open, product="Testbook"
        )

    @hookimpl
    def ztoq_transformers(self) -> Iterable[TransformerPlugin[Any]]:
        yield TransformerPlugin(
            name="from-testbook",
            summary="",
            config=Settings,
            build=from_testbook,
            default_for=(("testbook", "*"),),
        )

    @staticmethod
    @asynccontextmanager
    async def open(_config: Settings, _services: Services) -> AsyncIterator[Source]:
        yield MemorySource([CASE, CYCLE, RUN, *LOGS])


async def migrated(folder: Path, **sink: Any) -> tuple[engine.Verdict, dict[str, Any]]:
    qtest = Simulator(Options())
    async with qtest.serving() as base_url:
        tables = {
            "source": {"use": "testbook"},
            "sink": {
                "use": "qtest", "base_url": base_url, "project": qtest.options.project,
                "token": Secret(qtest.options.token), "create_fields": True, "search_lag": 0.0,
            } | sink,
        }  # fmt: skip
        config = from_tables(tables, Plugins(Testbook(), ztoq_qtest, ztoq_mappings), folder)
        assert [part.plugin.name for part in config.chain()] == ["from-testbook", "to-qtest"]
        assert config.unmapped() == ""
        with Store(f"sqlite:///{folder}/m.db", files=folder / "files") as store:
            with store.run("migrate") as run:
                lent = Lent(sink=store.note, outage=5.0)
                source, target = config.source, config.sink
                async with (
                    engine.open_side(source.plugin, source.settings, lent) as read,
                    engine.open_side(target.plugin, target.settings, lent) as write,
                ):
                    await engine.extract(engine.Run(store, run.id), read)
                    await engine.transform(engine.Run(store), config.build)
                    await engine.load(engine.Run(store, run.id), write)
                    await engine.validate(engine.Run(store), write)
            return engine.outcome(store), qtest.dump()


async def test_statuses_dates_and_labels_are_those_of_the_product(tmp_path: Path) -> None:
    verdict, stands = await migrated(tmp_path)
    assert verdict.headline.startswith("Migration complete and proved")
    (case,) = stands["test_cases"]
    own = {name: each for name, each in case["properties"].items() if name.startswith("Testbook")}
    assert own == {
        "Testbook key": "TB-1",
        "Testbook status": "ready",
        "Testbook owner": "ada",
        "Testbook created": "2024-05-01T07:00:00+07:00",
    }
    (suite,) = stands["test_suites"]
    assert suite["properties"]["Testbook version"] == "2.0"
    assert sorted(each["status"] for each in stands["test_logs"]) == ["Failed", "Passed"]
    assert all("Testbook execution TB-E" in each["note"] for each in stands["test_logs"])
    assert all(each["end"] == 946_684_800 for each in stands["test_logs"])
    assert "Jira issues from Testbook" in [each["name"] for each in stands["modules"]]
    assert "Zephyr" not in str(stands)


async def test_the_name_of_the_product_is_a_setting(tmp_path: Path) -> None:
    _, stands = await migrated(tmp_path, source_name="Buch")
    (case,) = stands["test_cases"]
    assert case["properties"]["Buch key"] == "TB-1"
    assert "Testbook" not in str(stands)
