"""Fixtures for tests of several folders."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import peewee as pw
import pytest

from ztoq_core.store import Store
from ztoq_core.store.connection import PRAGMAS

MARKS = {
    "unit": ("unit",),
    "journeys": ("no_cover",),
    "acceptance": ("acceptance", "no_cover"),
    "performance": ("no_cover",),
    "repository": ("no_cover",),
}
"""The marks of each folder. What goes through all rooms, or a second time through the same lines,
is not measured: that takes half as long again, and a line is covered by the tests of its room.
It is a run of pytest of its own (tox.ini): a module whose import falls into a pause of measuring
would count as half covered."""
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
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store, once in SQLite and once in PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
        return
    schema = _fresh_schema()
    yield f"{POSTGRES}?options=-csearch_path={schema}"
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder; leave most of those on PostgreSQL to the acceptance run."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            folder, *_ = parts = item.path.relative_to(here).parts
            for name in MARKS.get(folder, ()):
                item.add_marker(name)
            if folder == "unit" and SEE_PLUGINS & set(parts):
                item.add_marker("core_alone")
        if item.get_closest_marker("postgres"):
            item.add_marker("no_cover")
            own = item.path.is_relative_to(here / "unit" / "store")
            if not own and getattr(item, "originalname", "") not in IN_EACH_RUN:
                item.add_marker("acceptance")
