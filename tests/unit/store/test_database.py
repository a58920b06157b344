"""What a store makes of a full or read-only disk, a lost connection, a URL, and changed files."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.conftest import POSTGRES
from tests.unit.cli import memory_shop
from ztoq_core import engine
from ztoq_core.contracts import Content, Links, Written
from ztoq_core.errors import ConfigError, Exit, StoreError
from ztoq_core.plugins import Plugins
from ztoq_core.records import Kind, Record
from ztoq_core.settings.config import Config, from_tables
from ztoq_core.store import Facts, State, Store
from ztoq_core.store.tables import File, bound

NOBODY = 65534


def quiet(_: engine.Event) -> None:
    """Show nothing."""


async def fill(store: Store) -> None:
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
    await engine.transform(engine.Run(store), lambda _: [])


async def load(store: Store, sink: MemorySink) -> None:
    with store.run("load") as run:
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)


def sql(store: Store, statement: str) -> list[tuple[Any, ...]]:
    return list(store.database.select(statement))


# ------------------------------------------------------------------------------- the disk


async def test_a_full_disk_is_called_so(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:

        def grow() -> None:
            ((pages,),) = sql(store, "PRAGMA page_count")
            sql(store, f"PRAGMA max_page_count = {pages}")
            store.facts.put(Facts.names_advice, "x" * 1_000_000)

        with pytest.raises(StoreError, match="No space left on device") as full:
            await store.database.write(grow)

    assert str(tmp_path / "m.db") in str(full.value)
    assert "Free some space and run again" in str(full.value)
    assert full.value.exit_code is Exit.STOPPED


async def test_a_full_disk_under_the_files_is_called_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device") as stopped:
        await fill(store)

    assert str(store.files.folder) in str(stopped.value)


def seen_by_another(look: Callable[[], list[str]]) -> list[str]:
    """Return what ``look`` returns in a process that has no rights beyond those of others.

    A fork, since another user may not even read this installation.
    """
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            os.write(writing, "\n".join(look()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading, encoding="utf-8") as told:  # noqa: PTH123 - a descriptor
        return told.read().splitlines()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("look_only", [False, True])
def test_a_store_of_another_user_is_called_so(*, look_only: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="ztoq-other-user-") as name:
        Path(name).chmod(0o755)
        path = Path(name, "m.db")
        Store(f"sqlite:///{path}").close()
        if os.geteuid() != 0:
            path.chmod(0)

        def look() -> list[str]:
            try:
                Store(f"sqlite:///{path}", create=False, look_only=look_only).close()
            except StoreError as error:
                return [str(error)]
            return ["opened"]

        told = seen_by_another(look)
    assert told == [f"You may not read the store {path}: run ztoq as the user who made it"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("killed", [False, True])
def test_a_read_only_store_can_be_looked_at(*, killed: bool) -> None:
    """Also one whose last run was killed, which leaves its log of changes beside it."""
    with tempfile.TemporaryDirectory(prefix="ztoq-read-only-") as name:
        folder = Path(name, "archive")
        folder.mkdir()
        with Store(f"sqlite:///{folder}/m.db") as store:
            asyncio.run(fill(store))
            expected = store.reporting.counts()
            if killed:
                folder = Path(shutil.copytree(folder, Path(name, "copy")))
        for path in (*folder.rglob("*"), folder, Path(name)):
            path.chmod(0o555 if path.is_dir() else 0o444)
        url = f"sqlite:///{folder}/m.db"

        def look() -> list[str]:
            with Store(url, create=False, look_only=True) as store:
                found = store.reporting.counts()
            try:
                Store(url, create=False).close()
            except StoreError as error:
                return [str(found == expected), str(error)]
            return [str(found == expected), "opened for writing"]

        told = seen_by_another(look)
        for path in (Path(name), *Path(name).rglob("*")):
            if path.is_dir():
                path.chmod(0o755)

    assert told[:1] == ["True"]
    assert "only ztoq status, report and explain" in told[1]


# ---------------------------------------------------------------------- PostgreSQL goes away


class Cutting(MemorySink):
    """Has all connections to the store cut while it writes its n-th object."""

    def __init__(self, url: str, after: int) -> None:
        super().__init__()
        self.url, self.after = url, after

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        self.after -= 1
        if self.after == 0:
            with Store(self.url) as other:
                sql(
                    other,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid()"
                    " AND application_name = current_setting('application_name')",
                )
        return await super().write(record, target_id, links, content)


@pytest.mark.postgres
@pytest.mark.parametrize("after", [1, 5, 9])
async def test_a_connection_that_is_cut_stops_the_run_and_the_next_goes_on(
    store_url: str, tmp_path: Path, after: int
) -> None:
    if store_url.startswith("sqlite"):
        pytest.skip("SQLite has no connections that somebody else could cut")
    sink = Cutting(store_url, after)
    with Store(store_url, files=tmp_path / "files") as store:
        await fill(store)

    with (
        pytest.raises(StoreError, match="Cannot use the store") as cut,
        Store(store_url, files=tmp_path / "files") as store,
    ):
        await load(store, sink)
    assert cut.value.exit_code is Exit.STOPPED

    with Store(store_url, files=tmp_path / "files") as store:
        await load(store, sink)
        states = {state for counts in store.reporting.counts().values() for state in counts}
        assert "ended unexpectedly" not in [run.outcome for run in store.reporting.runs()]
    assert states == {State.FINISHED}
    keys = [each.record.key for each in sink.objects.values()]
    assert sorted(keys) == sorted(set(keys))


# --------------------------------------------------------------------------------- its URL


def configured(folder: Path, **store: str) -> Config:
    tables = {
        "store": store,
        "source": {"use": "memory", "project": "ACME"},
        "sink": {"use": "memory", "name": "here"},
    }
    return from_tables(tables, Plugins(memory_shop), folder)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://quinn:topsecret@db:port/acme",
        "postgresql://quinn:top/secret@db:5432/acme",
        "postgresql://quinn:top@sec/ret@db:5432/acme",
        "postgresql://quinn:top#secret@db/acme",
        "postgresql://quinn:top?secret@db/acme",
        "postgresql://db:99999999/acme",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_its_secret(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="%2F") as refused:
        configured(tmp_path, url=url)

    assert not re.search("quinn|secret|top|sec|ret|9999", str(refused.value))


def test_a_url_with_a_bad_port_opens_no_store() -> None:
    with pytest.raises(ConfigError, match="port is not a number") as refused:
        Store("postgresql://quinn:topsecret@db:port/acme")

    assert "topsecret" not in str(refused.value)


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ({"url": "sqlite:///m.db"}, None),
        ({"url": "sqlite:///m.db", "files": "kept"}, "kept"),
        ({"url": POSTGRES}, "test.files"),
        ({"url": POSTGRES, "files": "/srv/kept"}, "/srv/kept"),
        ({"url": "postgresql://quinn:p%40ss@db:5432/acme"}, "acme.files"),
        ({"url": "postgresql://quinn:p@ss@db:5432/acme"}, "acme.files"),
    ],
)
def test_where_the_files_lie_is_a_setting(
    tmp_path: Path, store: dict[str, str], expected: str | None
) -> None:
    assert configured(tmp_path, **store).store_files == (expected and tmp_path / expected)


# ------------------------------------------------------------------------------- its files


@pytest.mark.parametrize("does", ["changed", "cut", "gone"])
async def test_a_kept_content_that_is_not_the_extracted_one_is_not_sent(
    store: Store, does: str
) -> None:
    await fill(store)
    path = store.files.folder / bound(File, store.database.connection).get().path
    if does == "gone":
        path.unlink()
    else:
        path.write_bytes(b"x" * path.stat().st_size if does == "changed" else b"")
    sink = MemorySink()

    await load(store, sink)

    refused = [each for each in store.reporting.problems() if each.state is State.FAILED]
    why = "cannot be read" if does == "gone" else "was changed"
    assert {each.kind for each in refused} == {Kind.ATTACHMENT}
    assert all(why in each.reason and str(path.parents[1]) in each.reason for each in refused)
    sent = {each.record.key for each in sink.objects.values()}
    assert not sent & {each.key for each in refused}

    with store.run("extract") as run:  # as the message says
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
    assert path.is_file()


# ----------------------------------------------------------------------- as users have it


async def test_it_works_with_the_settings_of_production(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        await fill(store)
        await load(store, MemorySink())

        def pragmas() -> list[object]:
            names = ("journal_mode", "synchronous", "busy_timeout")
            return [sql(store, f"PRAGMA {name}")[0][0] for name in names]

        assert await store.database.write(pragmas) == ["wal", 2, 10_000]
        states = {state for counts in store.reporting.counts().values() for state in counts}
        assert states == {State.FINISHED}
    with closing(sqlite3.connect(tmp_path / "m.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (tmp_path / "m.db").stat().st_mode & 0o777 == 0o600
