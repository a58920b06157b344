"""What services, networks, disks and databases do to a migration, and what is left of it: nothing.

Each test holds what stands in the target against an undisturbed run, field by field.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ztoq_demo.zephyr.options import Options as ZephyrOptions
from ztoq_testkit.simulate import FaultProxy, Faults, Reply, Request

from tests.journeys.journey import PASSWORD, USER, Journey, in_virtual_time, journey, project
from tests.performance.portrait import Portrait, differences, twice
from tests.tables import sampled
from ztoq_core.errors import Exit, RetryableError, StoreError
from ztoq_core.records import Kind
from ztoq_core.store import State, Store


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Portrait:
    async def run() -> Portrait:
        async with journey(tmp_path_factory.mktemp("peace")) as here:
            assert (await here.run()).exit is Exit.OK
            return here.standing()

    return asyncio.run(run())


def same(here: Journey, undisturbed: Portrait) -> None:
    found = here.standing()
    assert twice(found, undisturbed) + differences(found, undisturbed) == []


def some(fault: str, seed: int) -> Faults:
    """Return faults that every tenth request meets."""
    faults = Faults(seed=seed)
    setattr(faults, fault, 0.1)
    return faults


def is_file(request: Request) -> bool:
    """Whether a request asks Zephyr for the content of a file."""
    return request.method == "GET" and "/attachments/" in request.path


# ---------------------------------------------------------------------------------- the services


@pytest.mark.parametrize(
    "fault",
    sampled(["reset_before", "error_5xx", "lost", "error_after", "html", "cut_body"], 2),
)
@in_virtual_time
async def test_faults_of_both_sides_leave_nothing_behind(
    tmp_path: Path, undisturbed: Portrait, fault: str
) -> None:
    async with journey(tmp_path) as here:
        here.zephyr.server.faults, here.qtest.server.faults = some(fault, 1), some(fault, 2)

        judged = await here.run()

        assert here.qtest.server.faults.made[fault] > 3
        assert judged.exit is Exit.OK, judged.sentences
        same(here, undisturbed)


@pytest.mark.acceptance
@in_virtual_time
async def test_answers_that_never_come_are_looked_for(
    tmp_path: Path, undisturbed: Portrait
) -> None:
    async with journey(tmp_path, source={"timeout": 0.5}) as here:
        here.zephyr.server.faults = Faults(slow=0.05, seed=1)
        here.qtest.server.faults = Faults(slow=0.05, seed=2)

        judged = await here.run()

        assert judged.exit is Exit.OK, judged.sentences
        same(here, undisturbed)


@pytest.mark.parametrize(
    "retry_after",
    [None, 0.0, pytest.param(1.0, marks=pytest.mark.acceptance)],
)
@in_virtual_time
async def test_a_service_that_is_too_busy_is_waited_for(
    tmp_path: Path, undisturbed: Portrait, retry_after: float | None
) -> None:
    async with journey(tmp_path) as here:
        clock = asyncio.get_running_loop().time
        slow = Faults(limit_per_second=50, retry_after=retry_after, clock=clock)
        quick = Faults(limit_per_second=80, retry_after=retry_after, clock=clock)
        here.zephyr.server.faults, here.qtest.server.faults = slow, quick

        judged = await here.run()

        assert quick.made["limited"]
        assert judged.exit is Exit.OK, judged.sentences
        same(here, undisturbed)


@in_virtual_time
async def test_a_token_that_ends_all_the_time_is_renewed(
    tmp_path: Path, undisturbed: Portrait
) -> None:
    async with journey(tmp_path, qtest={"token_life": 1.0}) as here:
        here.qtest.server.latency = 0.05  # so that the work takes longer than a token lives

        judged = await here.run()

        assert here.qtest.calls["POST", "/oauth/token"] > 1
        assert judged.exit is Exit.OK, judged.sentences
        same(here, undisturbed)


@pytest.mark.parametrize(
    "options",
    sampled(
        [
            pytest.param({"next_gen": False, "cap": 2, "drift": 5}, id="totals drift"),
            pytest.param({"next_url": False, "cap": 3}, id="next is missing"),
            pytest.param({"cap": 1}, id="pages are smaller than asked"),
            pytest.param(
                {"next_gen": False, "cap": 4, "total": False, "is_last": False},
                id="pages say nothing",
            ),
        ],
        2,
    ),
)
async def test_lists_are_read_to_their_end_whatever_they_say(
    tmp_path: Path, undisturbed: Portrait, options: dict[str, Any]
) -> None:
    tenant = ZephyrOptions(jira="https://acme.example.com", **options)
    async with journey(tmp_path, zephyr=tenant) as here:
        judged = await here.run()

        assert judged.exit is Exit.OK, judged.sentences
        same(here, undisturbed)


async def test_a_list_that_shortens_while_it_is_read_loses_nobody(tmp_path: Path) -> None:
    shop = project()

    def shorten(request: Request, reply: Reply) -> None:
        if request.path.endswith("/testcases") and request.query.get("startAt") == "2" and whole:
            shop.cases.remove(whole.pop())  # what follows moves up by one
        del reply

    whole = [shop.cases[0]]
    shop.executions = shop.executions[1:]
    tenant = ZephyrOptions(next_gen=False, cap=2)
    async with journey(tmp_path, zephyr=tenant, read=shop) as here:
        here.zephyr.server.recorder = shorten

        await here.run()

        assert not whole
        keys = {name for name in here.standing() if name.startswith("test_cases ACME-T")}
        assert {f"test_cases {case.key}" for case in shop.cases} <= keys


@pytest.mark.parametrize("fault", ["cut_body", "html"])
async def test_a_file_that_is_none_is_quarantined_and_its_case_goes_on(
    tmp_path: Path, undisturbed: Portrait, fault: str
) -> None:
    async with journey(tmp_path) as here:
        here.zephyr.server.faults = Faults(only=is_file)
        setattr(here.zephyr.server.faults, fault, 1.0)

        judged = await here.run()

        assert judged.exit is Exit.LEFT
        with here.store() as store:
            counts = store.reporting.counts()
        assert counts[Kind.ATTACHMENT] == {State.REJECTED: 3}
        assert counts[Kind.TEST_CASE] == {State.FINISHED: 6}
        without = differences(here.standing(), undisturbed)
        assert without
        assert all("attachments" in line for line in without), without


async def test_files_that_were_quarantined_come_with_the_next_run(
    tmp_path: Path, undisturbed: Portrait
) -> None:
    async with journey(tmp_path) as here:
        here.zephyr.server.faults = Faults(html=1.0, only=is_file)
        await here.run()
        here.zephyr.server.faults = None

        judged = await here.run()

        assert judged.exit is Exit.OK, judged.sentences
        same(here, undisturbed)


async def test_characters_that_no_target_takes_are_replaced_and_noted(tmp_path: Path) -> None:
    shop = project()
    shop.cases[0].name = "lone \ud800 surrogate"
    shop.cases[1].steps[0].description = "a zero \x00 within"
    async with journey(tmp_path, read=shop) as here:
        judged = await here.run()

        assert judged.exit is Exit.OK, judged.sentences
        cases = here.qtest.dump()["test_cases"]
        texts = [case["name"] for case in cases]
        texts += [step["description"] for case in cases for step in case["versions"][-1]["steps"]]
        assert any(text.startswith("lone") for text in texts)
        assert any("zero" in text for text in texts)
        assert not [text for text in texts if "\x00" in text or "\ud800" in text]


@pytest.mark.parametrize("side", ["zephyr", "qtest"])
@in_virtual_time
async def test_an_outage_stops_with_3_and_fails_nothing(
    tmp_path: Path, undisturbed: Portrait, side: str
) -> None:
    async with journey(tmp_path) as here:
        server = getattr(here, side).server
        left = 60 if side == "qtest" else 15

        def gone(_: Request) -> bool:
            nonlocal left
            left -= 1
            return left < 0

        server.faults = Faults(reset_before=1.0, only=gone)
        with pytest.raises(RetryableError) as stopped:
            await here.run(outage=1.0)
        assert stopped.value.exit_code is Exit.STOPPED
        with here.store() as store:
            states = {state for states in store.reporting.counts().values() for state in states}
        assert not states & {State.FAILED, State.BLOCKED, State.REJECTED}
        server.faults = None

        judged = await here.run()

        assert judged.exit is Exit.OK, judged.sentences
        same(here, undisturbed)


# ----------------------------------------------------------------------------- disk and database


def limit(store: Store, more: int) -> None:
    """Let the database grow by so many pages only."""

    def pragma() -> None:
        ((pages,),) = store.database.select("PRAGMA page_count")
        store.database.execute(f"PRAGMA max_page_count={pages + more}")

    store.database.write_now(pragma)


@pytest.mark.parametrize("pages", sampled([0, 3, 12], 2))
async def test_a_full_database_stops_with_3_and_goes_on(
    tmp_path: Path, undisturbed: Portrait, pages: int
) -> None:
    async with journey(tmp_path) as here:
        with here.store() as store:
            limit(store, pages)
            with pytest.raises(StoreError) as stopped:
                await here.migrate(store)
            assert stopped.value.exit_code is Exit.STOPPED
            limit(store, 1_000_000)

        judged = await here.run()

        assert judged.exit is Exit.OK, judged.sentences
        same(here, undisturbed)


@pytest.mark.acceptance
async def test_a_disk_that_is_full_while_loading_stops_with_3_and_goes_on(
    tmp_path: Path, undisturbed: Portrait
) -> None:
    async with journey(tmp_path) as here:
        config = _file(here)
        assert await asyncio.to_thread(_ztoq, config, "extract") == 0
        assert await asyncio.to_thread(_ztoq, config, "transform") == 0
        size = (tmp_path / "m.db").stat().st_size + 40_000
        assert await asyncio.to_thread(_ztoq, config, "load", size) == 3
        assert await asyncio.to_thread(_ztoq, config, "load") == 0
        same(here, undisturbed)


def _file(here: Journey, store: str = "") -> Path:
    source, sink = here.tables["source"], here.tables["sink"]
    path = here.folder / "ztoq.toml"
    token, password = here.folder / "token", here.folder / "password"
    token.write_text(source["token"].reveal())
    password.write_text(PASSWORD)
    path.write_text(
        f'[store]\nurl = "{store or f"sqlite:///{here.folder}/m.db"}"\n'
        f'[source]\nuse = "zephyr"\nbase_url = "{source["base_url"]}"\nproject = "ACME"\n'
        f'token = {{ file = "{token}" }}\n'
        f'[sink]\nuse = "qtest"\nbase_url = "{sink["base_url"]}"\nproject = {sink["project"]}\n'
        f'username = "{USER}"\npassword = {{ file = "{password}" }}\n'
        "create_fields = true\ntimeout = 1\nsearch_lag = 0\n"
    )
    return path


def _ztoq(config: Path, verb: str, size: int | None = None) -> int:
    def little_room() -> None:
        if size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return subprocess.run(
        [sys.executable, "-m", "ztoq_core", "--config", str(config), verb],
        cwd=config.parent,
        capture_output=True,
        timeout=100,
        check=False,
        preexec_fn=little_room,
    ).returncode


@pytest.mark.acceptance
async def test_a_store_that_another_program_locks_stops_with_3_and_goes_on(
    tmp_path: Path, undisturbed: Portrait
) -> None:
    async with journey(tmp_path) as here:
        with here.store() as store:
            other = sqlite3.connect(tmp_path / "m.db", isolation_level=None)
            with here.store():  # the tables are there
                other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked") as stopped:
                await here.migrate(store)
            assert stopped.value.exit_code is Exit.STOPPED
            other.execute("ROLLBACK")
            other.close()

        assert (await here.run()).exit is Exit.OK
        same(here, undisturbed)


@contextmanager
def proxied(url: str) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """Put a proxy before a database; yield its URL, and what takes it down and up again."""
    proxy = FaultProxy("127.0.0.1", 5432)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def do(work: Callable[[], Any]) -> Callable[[], None]:
        return lambda: asyncio.run_coroutine_threadsafe(work(), loop).result(10)

    do(proxy.up)()
    try:
        yield url.replace(":5432", f":{proxy.own_port}"), do(proxy.down), do(proxy.up)
    finally:
        do(proxy.down)()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.mark.postgres
@pytest.mark.parametrize("after", [20, 60])
async def test_a_database_that_goes_away_stops_with_3_and_loses_nothing(
    store_url: str, tmp_path: Path, undisturbed: Portrait, after: int
) -> None:
    if store_url.startswith("sqlite"):
        pytest.skip("a file does not go away")
    async with journey(tmp_path) as here:
        with proxied(store_url) as (url, down, up):
            config = _file(here, url)
            calls = 0

            def away(_: Request, __: Reply) -> None:
                nonlocal calls
                calls += 1
                if calls == after:
                    down()

            here.qtest.server.recorder = away
            assert await asyncio.to_thread(_ztoq, config, "migrate") == 3
            here.qtest.server.recorder = None
            up()
            assert await asyncio.to_thread(_ztoq, config, "migrate") == 0
            same(here, undisturbed)
