"""A small project between both simulators over real HTTP, in this process, for tests of faults."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec

import attrs
from ztoq_demo.qtest import Options as QTestOptions
from ztoq_demo.qtest import Simulator as QTest
from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.model import (
    Case,
    Cycle,
    Execution,
    Folder,
    FolderType,
    Priority,
    Project,
    Result,
    Status,
    StatusType,
    Step,
)
from ztoq_demo.zephyr.options import Options as ZephyrOptions
from ztoq_demo.zephyr.simulator import Simulator as Zephyr
from ztoq_testkit.virtual_time import run_in_virtual_time

from tests.performance.portrait import Portrait, portrait
from tests.timed_store import TimedStore
from ztoq_core import engine
from ztoq_core.contracts import Secret
from ztoq_core.migration.opening import new_run
from ztoq_core.pictures.untrusted_fetcher import open_fetcher
from ztoq_core.plugins import Plugins
from ztoq_core.services import Services
from ztoq_core.settings import config
from ztoq_core.store import Store

P = ParamSpec("P")

PATIENCE = 10_000.0
"""Seconds without a good answer that end the work, where a test does not say otherwise."""

KEY = "ACME"
USER, PASSWORD = "quinn@example.com", "of a simulator"
CASES = 6


def project() -> Project:
    """Return a project with one of each kind that matters, some of it with files."""
    kinds = {kind: number for number, kind in enumerate(StatusType, 1)}
    names = {StatusType.TEST_CASE: "Approved", StatusType.TEST_EXECUTION: "Not Executed"}
    statuses = [
        Status(id=number, name=names.get(kind, "Draft"), type=kind, default=True)
        for kind, number in kinds.items()
    ]
    passed = Status(id=20, name="Pass", type=StatusType.TEST_EXECUTION)
    return Project(
        id=7,
        key=KEY,
        folders=[
            Folder(id=31, name="Shop"),
            Folder(id=32, name="Basket", parent_id=31),
            Folder(id=33, name="Nightly", type=FolderType.TEST_CYCLE),
        ],
        statuses=[*statuses, passed],
        priorities=[Priority(id=2, name="Normal", default=True)],
        cases=[_case(number, kinds[StatusType.TEST_CASE]) for number in range(1, CASES + 1)],
        cycles=[
            Cycle(
                id=500,
                key=f"{KEY}-R1",
                name="Night 1",
                status_id=kinds[StatusType.TEST_CYCLE],
                folder_id=33,
            )
        ],
        executions=[_execution(number, passed.id) for number in range(1, CASES + 1)],
    )


def _case(number: int, status: int) -> Case:
    files = [File(id=60 + number, name=f"shot {number}.png", size=3000, seed=number)]
    return Case(
        id=1000 + number,
        key=f"{KEY}-T{number}",
        name=f"Case {number}",
        status_id=status,
        priority_id=2,
        folder_id=31 + number % 2,
        version_ids=[3000 + number],
        files=files if number <= 2 else [],
        steps=[Step(id=2000 + number, description="Do it", expected_result="Done")],
    )


def _execution(number: int, status: int) -> Execution:
    files = [File(id=80 + number, name="log.txt", size=500, seed=80 + number)]
    return Execution(
        id=4000 + number,
        key=f"{KEY}-E{number}",
        case_key=f"{KEY}-T{number}",
        case_version_id=3000 + number,
        status_id=status,
        cycle_id=500,
        actual_end="2025-03-01T08:00:00Z",
        comment=f"Run {number}",
        files=files if number == 1 else [],
        results=[
            Result(id=5000 + number, status_id=status, description="Do it", expected_result="Done")
        ],
    )


@attrs.define(kw_only=True)
class Journey:
    """Both sides as they are served, and a folder for the store."""

    zephyr: Zephyr
    qtest: QTest
    tables: dict[str, Any]
    folder: Path
    store_url: str = ""
    notes: list[str] = attrs.field(factory=list)

    def store(self) -> Store:
        """Open the store."""
        url = self.store_url or f"sqlite:///{self.folder}/m.db"
        return TimedStore(url, files=self.folder / "files")

    async def migrate(self, store: Store, *, outage: float = PATIENCE) -> engine.Verdict:
        """Go from one side to the other, through all stages; return what it amounts to."""
        async with self.opened(outage) as (read, source, sink):
            fetching = open_fetcher(read.images, self.notes.append, pause=0)
            with store.run("migrate") as run:
                async with fetching as fetcher:
                    pictures = engine.PictureSources(read.images, fetcher.fetch)
                    await engine.extract(
                        new_run(read, store, id=run.id),
                        source,
                        pictures=pictures,
                        stream=read.streams,
                    )
                await engine.transform(new_run(read, store), read.build)
                await engine.load(
                    engine.Run(store, run.id, request_timeout=read.sink.settings.timeout),
                    sink,
                    source=source if read.streams else None,
                )
                await engine.validate(engine.Run(store), sink)
        return engine.outcome(store)

    async def run(self, *, outage: float = PATIENCE) -> engine.Verdict:
        """Open the store, and migrate."""
        with self.store() as store:
            return await self.migrate(store, outage=outage)

    @asynccontextmanager
    async def opened(
        self, outage: float = PATIENCE
    ) -> AsyncIterator[tuple[config.Config, Any, Any]]:
        """Open both plugins as the command does."""
        read = config.from_tables(self.tables, Plugins.installed(), self.folder)
        services = Services(
            lambda note, _: self.notes.append(note.code), outage=outage, unreached=outage
        )
        async with (
            read.source.plugin.open(read.source.settings, services) as source,
            read.sink.plugin.open(read.sink.settings, services) as sink,
        ):
            yield read, source, sink

    def standing(self) -> Portrait:
        """Return what stands in the target."""
        assert not self.qtest.server.errors, self.qtest.server.errors[0]
        assert not self.zephyr.server.errors, self.zephyr.server.errors[0]
        assert self.zephyr.writes == 0
        return portrait(self.qtest.dump())


def _quiet(_: engine.Event) -> None:
    """Tell nobody."""


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Let a test's waits pass at once: those before another try, for a turn, for a time-out.

    Tokens of qTest end by the same clock. It stands still while the store works, and runs on while
    a simulator takes longer to answer than a packet on its way: hence the hours of ``PATIENCE``.
    """

    @functools.wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        run_in_virtual_time(test(*arguments, **named))

    return run


@asynccontextmanager
async def journey(  # noqa: PLR0913 - each is one side's setting
    folder: Path,
    *,
    source: Mapping[str, Any] | None = None,
    sink: Mapping[str, Any] | None = None,
    zephyr: ZephyrOptions | None = None,
    qtest: Mapping[str, Any] | None = None,
    read: Project | None = None,
    store: Mapping[str, Any] | None = None,
) -> AsyncIterator[Journey]:
    """Serve both sides; ``source``, ``sink``, ``store`` are further lines of the configuration."""
    one = Zephyr([read or project()], zephyr or ZephyrOptions(jira="https://acme.example.com"))
    other = QTest(QTestOptions(username=USER, password=PASSWORD, **(qtest or {})))
    other.access.clock = asyncio.get_running_loop().time
    async with AsyncExitStack() as stack:
        read_at = await stack.enter_async_context(one.serving())
        write_at = await stack.enter_async_context(other.serving())
        tables = {
            "store": dict(store or {}),
            "source": {
                "use": "zephyr",
                "base_url": read_at,
                "project": KEY,
                "token": Secret(one.token()),
                "timeout": 2,
                **(source or {}),
            },
            "sink": {
                "use": "qtest",
                "base_url": write_at,
                "project": other.options.project,
                "username": USER,
                "password": Secret(PASSWORD),
                "create_fields": True,
                "timeout": 0.5,
                "search_lag": 0,
                **(sink or {}),
            },
        }
        yield Journey(zephyr=one, qtest=other, tables=tables, folder=folder)
