"""Who may write to a store, who may take over, and how a writer that slept finds out."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from aiohttp import web
from aiohttp.abc import ResolveResult
from aiohttp.test_utils import TestServer
from ztoq_testkit.memory import MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.tables import sampled
from ztoq_core import engine
from ztoq_core.contracts import Connection
from ztoq_core.errors import Exit, StoreError
from ztoq_core.http.client import open_client
from ztoq_core.records import Kind
from ztoq_core.services import Services
from ztoq_core.store import Intent, RunInfo, Store, tables
from ztoq_core.store.database import Database
from ztoq_core.store.process import Process
from ztoq_core.store.tables import Journal, bound

HOLD = """\
import sys, time
from ztoq_core.store import Store
with Store(sys.argv[1]) as store, store.run("load"):
    print("held", flush=True)
    time.sleep(600)
"""
AT_ONCE = """\
import os, sys
from ztoq_core.errors import StoreError
from ztoq_core.store import Store
ready, go = os.pipe()
for _ in range(int(sys.argv[2])):
    if not os.fork():  # Python and the modules are started once for all
        os.close(go)
        os.read(ready, 1)
        try:
            with Store(sys.argv[1]) as store, store.run("extract"):
                print("held", flush=True)
                sys.stdin.read()
        except StoreError as error:
            print(error, flush=True)
        os._exit(0)
os.close(go)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""


def quiet(_: engine.Event) -> None:
    """Show nothing."""


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def holder(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the store."""
    with python(HOLD, url) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def move(store: Store, **columns: object) -> None:
    """Change the row of the run that holds the store, as another host or clock would have it."""
    run = store.database.runs
    run.update(**columns).where(run.ended.is_null()).execute()


def take_over(url: str) -> None:
    """Take the lease of a run that seems to be another host's and shows no sign of life."""
    with Store(url) as store:
        move(store, host="elsewhere", heartbeat=datetime.fromisoformat("2020-01-01"))
        store.database.lease_s = 0.05
        with store.run("validate"):
            pass


@contextmanager
def losing(store: Store) -> Iterator[RunInfo]:
    """A run that ends because another one took over."""
    try:
        with store.run("load") as run:
            yield run
    except StoreError as error:
        assert "took over this store" in str(error)  # noqa: PT017 - the context has two ends
    else:
        pytest.fail("the run ended as if it still held the store")


def test_a_second_run_is_refused_and_told_who_works(store_url: str) -> None:
    with holder(store_url) as process, Store(store_url) as store:
        with (
            pytest.raises(StoreError, match=f"ztoq load on .*, process {process.pid}, ") as refused,
            store.run("load"),
        ):
            pass
        assert store.reporting.runs()[-1].running
    assert refused.value.exit_code is Exit.START


async def test_a_run_says_who_used_which_ztoq_and_how_many_calls_it_made(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "mia")
    with store.run("extract"):
        await store.call_counts.count("zephyr", "2026-11", 30, 0)
        await store.call_counts.count("qtest", "2026-11", 5, 0)
    await store.call_counts.count("zephyr", "2026-11", 2, 0)  # config check: no run
    with store.run("load"):
        await store.call_counts.count("qtest", "2026-12", 7, 0)
    runs = store.reporting.runs()
    assert [(run.verb, run.calls) for run in runs] == [("extract", 35), ("load", 7)]
    assert {(run.username, run.version) for run in runs} == {("mia", version("ztoq-core"))}


def test_a_killed_run_has_ended_at_once(store_url: str) -> None:
    """Even while nobody has asked for its exit code, so that its process id is still taken."""
    with holder(store_url) as process, Store(store_url) as store:
        process.send_signal(signal.SIGKILL)
        while store.reporting.runs()[-1].running:
            pass  # the kernel needs its time; the test's own time-out ends this

        with store.run("load") as run:
            pass

        assert [each.outcome for each in store.reporting.runs()] == ["ended unexpectedly", ""]
        assert run.id == 2


@pytest.mark.parametrize("shift", [-3600, -60, 60, 3600])
def test_a_living_process_keeps_its_lease_whatever_the_clock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shift: int
) -> None:
    class Shifted(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            del tz
            return datetime.now(UTC) + timedelta(seconds=shift)

    url = f"sqlite:///{tmp_path}/m.db"
    with Store(url) as store, store.run("load"):
        monkeypatch.setattr(tables, "datetime", Shifted)
        who = "Another run uses this store"
        with Store(url) as other, pytest.raises(StoreError, match=who), other.run("load"):
            pass
        store.database.write_now(lambda: None)


@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param({"host": "elsewhere"}, id="host"),
        pytest.param({"boot": "another kernel, or another container"}, id="boot"),
    ],
)
def test_a_run_that_cannot_be_seen_is_watched_before_it_is_replaced(
    tmp_path: Path, elsewhere: dict[str, object]
) -> None:
    url = f"sqlite:///{tmp_path}/m.db"
    with Store(url) as silent, Store(url) as store, losing(silent):
        move(store, **elsewhere)
        assert store.reporting.runs()[-1].running is None
        store.database.lease_s = 0.1

        with store.run("load"):
            pass

        assert store.reporting.runs()[0].outcome == "ended unexpectedly"


def test_a_run_elsewhere_that_shows_life_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/m.db"

    async def scene() -> None:
        with Store(url) as living, Store(url) as store:
            living.database.beat_s = 0.05
            with living.run("load"):
                move(store, host="elsewhere")
                store.database.lease_s = 30.0

                def take() -> None:
                    with store.run("load"):
                        pass

                with pytest.raises(StoreError, match="on elsewhere"):
                    await asyncio.to_thread(take)

    asyncio.run(scene())


def test_a_process_id_that_was_given_again_is_another_process() -> None:
    me = Process.this()

    assert me.runs()
    assert attrs.evolve(me, born="1").runs() is False
    assert attrs.evolve(me, host="elsewhere").runs() is None


async def test_a_writer_that_lost_its_lease_records_no_intent(store_url: str) -> None:
    with Store(store_url) as store, losing(store) as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [])
        (job, *_) = await store.loading.next_jobs(list(Kind), (), (), 1)
        await asyncio.to_thread(take_over, store_url)

        with pytest.raises(StoreError, match=r"took over .*: ztoq validate on ") as lost:
            await store.loading.record_intents(Intent(run=run.id, job=job))

        journal = bound(Journal, store.database.connection)
        assert not journal.select().where(journal.event == "intent").exists()
        assert lost.value.exit_code is Exit.STOPPED


async def test_before_a_request_a_fresh_lease_costs_nothing(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store, store.run("load"):
        await store.database.write(lambda: None)
        before = store.database.commits
        await store.before_write()

        assert store.database.commits == before


async def test_a_writer_that_slept_renews_its_lease_before_it_sends(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/m.db"
    with Store(url) as store, store.run("load"):
        before, awake = store.database.commits, store.database.clock()
        store.database.clock = lambda: awake + 16  # more than half the lease

        await store.before_write()
        assert store.database.commits == before + 1
        await store.before_write()
        assert store.database.commits == before + 1


async def test_a_writer_that_slept_too_long_sends_nothing(store_url: str) -> None:
    with Store(store_url) as store, losing(store):
        awake = store.database.clock()
        await asyncio.to_thread(take_over, store_url)
        store.database.clock = lambda: awake + 3600

        with pytest.raises(StoreError, match="took over"):
            await store.before_write()


async def test_a_client_asks_before_each_request_that_changes_something() -> None:
    """Where the answer is that nothing may be sent, nothing leaves."""
    came: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        came.append(request.method)
        return web.json_response({})

    async def refuse() -> None:
        raise StoreError("Another run took over this store")

    app = web.Application()
    app.router.add_route("*", "/", answer)
    async with TestServer(app) as server:
        services = Services(lambda _note, _ref: None, before_write=refuse)
        async with services.client(Connection(base_url=str(server.make_url("/")))) as client:
            await client.request("GET", "")
            for method in ("POST", "PUT", "DELETE"):
                with pytest.raises(StoreError, match="took over"):
                    await client.request(method, "")

    assert came == ["GET"]


async def test_a_client_asks_when_it_is_connected() -> None:
    """A process that slept while it connected may have lost its lease meanwhile."""
    came: list[str] = []
    resolved: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        came.append(request.method)
        return web.json_response({})

    class Resolver(aiohttp.ThreadedResolver):
        async def resolve(self, host: str, *where: Any, **kind: Any) -> list[ResolveResult]:
            resolved.append(host)
            return await super().resolve(host, *where, **kind)

    async def refuse() -> None:
        if resolved:
            raise StoreError("Another run took over this store")

    app = web.Application()
    app.router.add_route("*", "/", answer)
    async with TestServer(app) as server:
        connection = Connection(base_url=f"http://localhost:{server.port}/")
        async with open_client(connection, before_write=refuse, resolver=Resolver()) as client:
            with pytest.raises(StoreError, match="took over"):
                await client.request("POST", "")

    assert resolved == ["localhost"]
    assert came == []


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - what another thread does has no event
            await asyncio.sleep(0.01)


async def test_the_loop_that_works_renews_the_lease(store: Store) -> None:
    store.database.beat_s = 0.01
    with store.run("load"):
        await until(lambda: store.database.runs.get().beat > 2)
    await until(lambda: len(asyncio.all_tasks()) == 1)  # the test's own: no heart beats on


@pytest.mark.postgres
def test_the_clock_of_postgresql_ends_the_lease_of_a_process_that_sleeps(store_url: str) -> None:
    if store_url.startswith("sqlite"):
        pytest.skip("SQLite has no clock of its own")
    with Store(store_url) as store, losing(store), Store(store_url) as other:
        other.database.execute("UPDATE run SET heartbeat = heartbeat - interval '31 seconds'")
        assert not other.reporting.runs()[-1].running

        with other.run("load"):
            pass


class HurriedDatabase(Database):
    """A database whose leases are short."""

    lease_s = 0.5


class Hurried(Store):
    """A store in such a database."""

    database_type = HurriedDatabase


@pytest.mark.postgres
def test_a_process_that_sleeps_within_a_transaction_keeps_nobody_waiting(store_url: str) -> None:
    if store_url.startswith("sqlite"):
        pytest.skip("a living process keeps an SQLite store")
    woken = threading.Event()
    with Hurried(store_url) as store, losing(store):
        asleep = store.database.submit(lambda: woken.wait(60))
        with Hurried(store_url) as other:
            while other.reporting.runs()[-1].running:
                pass  # the server's clock needs its time
            with other.run("load"):
                woken.set()
                with pytest.raises(StoreError):
                    asleep.result()


@pytest.mark.parametrize("runs", sampled([3, 6], 2))
def test_of_first_runs_at_once_one_works(store_url: str, runs: int) -> None:
    """Each makes the tables that are missing, and each wants the lease."""
    with python(AT_ONCE, store_url, str(runs)) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(runs)]

    assert said.count("held\n") == 1
    assert sum("Another run uses this store" in each for each in said) == runs - 1
