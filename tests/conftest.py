"""Fixtures for tests of several folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import peewee as pw
import pytest

from ztoq_core.store import Store
from ztoq_core.store.connection import PRAGMAS

HERE = Path(__file__).parent
MARKS = {
    "unit": ("unit",),
    "journeys": ("unmeasured",),
    "acceptance": ("acceptance", "unmeasured"),
    "performance": ("unmeasured",),
    "repository": ("unmeasured",),
}
"""The marks of each folder. What goes through all rooms, or a second time through the same lines,
is not measured: that takes half as long again, and a line is covered by the tests of its room."""
SEE_PLUGINS = {
    "config",
    "test_configure.py",
    "test_door.py",
    "test_looking.py",
    "test_plugins.py",
    "test_program.py",
    "test_public.py",
    "test_stages.py",
}
"""Folders and files of ``tests/unit`` for which it matters what is installed."""
IN_EACH_RUN = {
    "test_a_project_arrives_whole",
    "test_a_second_run_writes_nothing",
    "test_a_lost_answer_is_looked_for_and_adopted",
}
"""What runs on PostgreSQL each time, beside the store's own tests; all else for acceptance."""
POSTGRES = "postgresql://postgres@127.0.0.1:5432/test"


@pytest.fixture(scope="session", autouse=True)
def _power_stays() -> Iterator[None]:
    """Let SQLite wait for no disk: tests kill processes, and the system keeps what those wrote."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRAGMAS, "synchronous", "off")
        yield


def _fresh_schema() -> str:
    """Make an empty schema in the test database; its name is unique to the call."""
    database = pw.PostgresqlDatabase("test", host="127.0.0.1", user="postgres", connect_timeout=2)
    try:
        database.connect()
    except pw.PeeweeException as error:
        pytest.skip(f"no PostgreSQL on 127.0.0.1:5432 with trust authentication: {error}")
    with database:
        name = f"ztoq_{os.getpid()}_{id(database):x}"
        database.execute_sql(f"DROP SCHEMA IF EXISTS {name} CASCADE")
        database.execute_sql(f"CREATE SCHEMA {name}")
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL of an empty store, once in SQLite and once in PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
        return
    monkeypatch.chdir(tmp_path)  # a store in PostgreSQL has its files in the folder it is used in
    schema = _fresh_schema()
    yield f"{POSTGRES}?options=-csearch_path={schema}&application_name={schema}"
    database = pw.PostgresqlDatabase("test", host="127.0.0.1", user="postgres")
    with database:
        database.execute_sql(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture(scope="session")
def _new_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store without a record: copying it takes a tenth of the time of making one."""
    path = tmp_path_factory.mktemp("new") / "store.db"
    Store(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def store(store_url: str, tmp_path: Path, _new_store: Path) -> Iterator[Store]:
    """An empty store."""
    if store_url.startswith("sqlite:"):
        shutil.copy(_new_store, tmp_path / "store.db")
    with Store(store_url, files=tmp_path / "files") as opened:
        yield opened


@cache
def _marks(path: Path) -> list[str]:
    """Return the marks of the tests in a file."""
    folder, *_ = parts = path.relative_to(HERE).parts
    sees = folder == "unit" and SEE_PLUGINS & set(parts)
    return [*MARKS.get(folder, ()), *(["core_alone"] if sees else [])]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder; leave most of those on PostgreSQL to the acceptance run."""
    for item in items:
        if HERE in item.path.parents:
            for name in _marks(item.path):
                item.add_marker(name)
        if item.get_closest_marker("postgres"):
            own = HERE / "unit" / "store" in item.path.parents
            if not own and getattr(item, "originalname", "") not in IN_EACH_RUN:
                item.add_marker("acceptance")
