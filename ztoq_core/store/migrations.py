"""Brings a store that an older ztoq made up to date: one step for each schema version.

A step changes tables that hold data; what it needs of records it must read as they are then. To
change the schema, change ``models`` for new stores and append a step for the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from loguru import logger

from ztoq_core.store.statements import change

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["SCHEMA_VERSION", "migrate"]


def _add_names(store: Store) -> None:
    store.database.create_tables([store.name_table])


def _add_indexes(store: Store) -> None:
    store.index()


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


def _add_columns(store: Store) -> None:
    for table, columns in _NEW_COLUMNS.items():
        known = {column.name for column in store.database.get_columns(table)}
        for name in columns.keys() - known:
            change(store.database, f"ALTER TABLE {table} ADD COLUMN {name} {columns[name]}")
    store.index()
    store.tally.prepare()
    store.note_tally.prepare()


STEPS: tuple[Callable[[Store], None], ...] = (
    _add_names,  # 2: what directories know of ids
    _add_indexes,  # 3: of records with work left, and in the target
    _add_columns,  # 4: all that came after 0.1
)
SCHEMA_VERSION = 1 + len(STEPS)


def migrate(store: Store, version: int) -> None:
    """Take the steps that a store of ``version`` lacks, within the caller's transaction."""
    for step in STEPS[version - 1 :]:
        step(store)
    store.put_meta("schema", str(SCHEMA_VERSION))
    logger.info("the store's schema was brought from {} to {}", version, SCHEMA_VERSION)
