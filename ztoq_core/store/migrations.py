"""Makes the tables of a new store, and brings those of an older ztoq up to date.

There is one step for each schema version. A step changes tables that hold data; what it needs of
records it must read as they are then. To change the schema, change ``tables`` for new stores and
append a step for the others.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from functools import partial

import peewee as pw
from loguru import logger

from ztoq_core.errors import StoreError
from ztoq_core.store.database import Database
from ztoq_core.store.facts import Facts
from ztoq_core.store.states import Cause, State
from ztoq_core.store.tables import (
    FURTHER_INDEXES,
    TABLES,
    Item,
    Name,
    NoteRow,
    Proof,
    SourceBody,
    TargetBody,
)


def _add_tables(database: Database, *tables: type[pw.Model]) -> None:
    """Make tables that are missing, and those of their indexes that are."""
    for each in tables:
        pw.SchemaManager(each, database.connection).create_all()


def _add_indexes(database: Database) -> None:
    _add_tables(database, Item)
    _add_partial_indexes(database)


def _add_partial_indexes(database: Database) -> None:
    for statement in FURTHER_INDEXES:
        database.execute(statement)


_NEW_COLUMNS = {
    # which process holds the lease, and how often it renewed it
    "run": {
        "boot": "TEXT NOT NULL DEFAULT ''",
        "born": "TEXT NOT NULL DEFAULT ''",
        "beat": "INTEGER NOT NULL DEFAULT 0",
    },
    # the state of a record whose deletion was begun and not confirmed
    "item": {"before_delete": "TEXT NOT NULL DEFAULT ''"},
}


def _add_columns(database: Database, new: Mapping[str, Mapping[str, str]] = _NEW_COLUMNS) -> None:
    for table, columns in new.items():
        known = {column.name for column in database.connection.get_columns(table)}
        for name in columns.keys() - known:
            database.execute(f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")
    _add_indexes(database)


_CAUSES = {
    Cause.PRUNED: (State.DELETED, "no longer in the source, and removed from the target"),
    Cause.LEFT_OUT: (State.SKIPPED, "left out by decision (ztoq resolve)"),
    Cause.REFINISH: (State.WRITTEN, "finished once before, and to be finished again"),
}
"""Until schema 4 these reasons were compared: the sentences as they were then, never to change."""


def _add_causes(database: Database) -> None:
    if "cause" not in {column.name for column in database.connection.get_columns("item")}:
        database.execute("ALTER TABLE item ADD COLUMN cause TEXT NOT NULL DEFAULT ''")
    if database.is_sqlite:  # counted by triggers until an index was found to do
        for table in ("item", "note"):
            for event in ("more", "less", "moved"):
                database.execute(f"DROP TRIGGER IF EXISTS {table}_{event}")
            database.execute(f"DROP TABLE IF EXISTS {table}_count")
    database.execute("DROP INDEX IF EXISTS noterow_level_code")
    _add_tables(database, NoteRow)
    _add_indexes(database)
    for cause, (state, reason) in _CAUSES.items():
        text = "UPDATE item SET cause = ? WHERE state = ? AND reason = ?"
        database.execute(text, (cause.value, state.value, reason))


_FOR_REPORTS = {
    "run": {
        "username": "TEXT NOT NULL DEFAULT ''",
        "version": "TEXT NOT NULL DEFAULT ''",
        "calls": "INTEGER NOT NULL DEFAULT 0",
    },
    "proof": {"status": "TEXT NOT NULL DEFAULT ''"},
}


_BODIES = ("payload", "record", "target", "before")
_DROPS_COLUMNS = (3, 35)
"""The SQLite that can; RHEL 9 has 3.34."""
_AT_ONCE = 1_000
"""Rows whose bodies are moved together: their places are free for those of the next ones."""


def _part_bodies(database: Database) -> None:
    """Move the bodies out of the rows of ``item``, each change of which wrote them again."""
    _add_tables(database, SourceBody, TargetBody)
    ((last,),) = database.select("SELECT COALESCE(MAX(id), 0) FROM item")
    for first in range(1, last + 1, _AT_ONCE):
        rows = f"id BETWEEN {first} AND {first + _AT_ONCE - 1}"
        for text in (
            f"""INSERT INTO source_body (item, record, payload)
                SELECT id, record, payload FROM item WHERE record IS NOT NULL AND {rows}""",
            f"""INSERT INTO target_body (item, target, before) SELECT id, target, before FROM item
                WHERE (target IS NOT NULL OR before IS NOT NULL) AND {rows}""",
            f"""UPDATE item SET payload = NULL, record = NULL, target = NULL, before = NULL,
                target_digest = CASE WHEN target IS NULL THEN '' ELSE target_digest END
                WHERE {rows}""",
        ):
            database.execute(text)
    drops = not database.is_sqlite or sqlite3.sqlite_version_info >= _DROPS_COLUMNS
    for name in _BODIES:  # what stays, empty, must not be taken for a column of the new tables
        away = f"DROP COLUMN {name}" if drops else f"RENAME COLUMN {name} TO unused_{name}"
        database.execute(f"ALTER TABLE item {away}")


_COLUMNS = "key, state, reason, target_id, pid, url, version, attempts"

_VIEWS = {
    "test_cases": f"SELECT {_COLUMNS} FROM item WHERE kind = 'test_case'",
    "test_cycles": f"SELECT {_COLUMNS} FROM item WHERE kind = 'test_cycle'",
    "test_plans": f"SELECT {_COLUMNS} FROM item WHERE kind = 'test_plan'",
    "test_executions": f"SELECT {_COLUMNS} FROM item WHERE kind = 'test_log'",
    "attachments": f"SELECT {_COLUMNS} FROM item WHERE kind = 'attachment'",
    "id_map": "SELECT kind, key, target_id, pid, url FROM item WHERE target_id IS NOT NULL",
    "progress": "SELECT kind, state, count(*) AS records FROM item GROUP BY kind, state",
}
"""For people and SQL clients: the store read in the words of test management."""


_STEPS: tuple[Callable[[Database], None], ...] = (
    lambda database: _add_tables(database, Name),  # 2: what directories know of ids
    _add_indexes,  # 3: of records with work left, and in the target
    _add_columns,  # 4: all that came after 0.1
    _add_causes,  # 5: what may follow a state, as a column of its own
    lambda database: _add_tables(database, Proof),  # 6: what the comparison of contents found
    partial(_add_columns, new=_FOR_REPORTS),  # 7: who ran what, results as the target has them
    _add_partial_indexes,  # 8: of the numbers that people see in the target
    _part_bodies,  # 9: what changes once in tables apart from what changes with each state
)
SCHEMA_VERSION = 1 + len(_STEPS)


def prepare_schema(database: Database, *, write: bool) -> None:
    """Make or update the tables if they are not those of this version.

    Raises:
        StoreError: A newer ztoq made them, they must be updated while ``write`` is False, or the
            database is not a store.
    """
    database.connect()
    version = _version(database)
    if version == SCHEMA_VERSION:
        return
    if not write:
        raise StoreError(
            f"The store {database.name} is read-only and of an older ztoq; copy it to a place "
            "where it can be written, so that it can be brought up to date",
            at_start=True,
        )
    with database.exclusively():
        version = _version(database)  # again: another process may have been faster
        if version is None:
            _create(database)
        elif version < SCHEMA_VERSION:
            for step in _STEPS[version - 1 :]:
                step(database)
            Facts(database).put(Facts.schema, SCHEMA_VERSION)
            logger.info("the store's schema was brought from {} to {}", version, SCHEMA_VERSION)


def _version(database: Database) -> int | None:
    """Return the version of the tables, None if there are none."""
    if database.connection.table_exists("meta"):
        version = Facts(database).schema
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"This store was made by a newer ztoq (schema {version}, this one knows "
                f"{SCHEMA_VERSION}); upgrade ztoq",
                at_start=True,
            )
        return version
    connection = database.connection
    if isinstance(connection, pw.SqliteDatabase) and connection.get_tables():
        raise StoreError(
            f"{database.name} is a database of something else; name another file as the store",
            at_start=True,
        )
    return None


def _create(database: Database) -> None:
    _add_tables(database, *TABLES)
    _add_partial_indexes(database)
    for name, query in _VIEWS.items():
        database.execute(f"CREATE VIEW {name} AS {query}")
    Facts(database).put(Facts.schema, SCHEMA_VERSION)
