"""Makes stores as earlier versions of ztoq left them, by undoing the steps of the schema."""

from __future__ import annotations

from ztoq_core.store import Facts, Store
from ztoq_core.store.database import Database
from ztoq_core.store.migrations import SCHEMA_VERSION

_BODIES = {"source_body": ("record", "payload"), "target_body": ("target", "before")}
_PUT_BACK = "UPDATE item SET {0} = (SELECT {0} FROM {1} WHERE {1}.item = item.id)"
_NEW_TABLES = {2: "name", 6: "proof"}
_NEW_COLUMNS = {
    4: (("run", "boot"), ("run", "born"), ("run", "beat"), ("item", "before_delete")),
    5: (("item", "cause"),),
    7: (("run", "username"), ("run", "version"), ("run", "calls"), ("proof", "status")),
}
_NEW_INDEXES = {8: "item_pid"}


def make_older(store: Store, version: int) -> None:
    """Bring the tables of a store back to an earlier schema; nothing else can use it then."""
    database = store.database
    database.write_now(_undo, database, version)


def _undo(database: Database, version: int) -> None:
    for step in range(SCHEMA_VERSION, version, -1):
        if step == 9:
            _put_bodies_back(database)
        for table, column in _NEW_COLUMNS.get(step, ()):
            database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        if step in _NEW_TABLES:
            database.execute(f"DROP TABLE {_NEW_TABLES[step]}")
        if step in _NEW_INDEXES:
            database.execute(f"DROP INDEX {_NEW_INDEXES[step]}")
    Facts(database).put(Facts.schema, version)


def _put_bodies_back(database: Database) -> None:
    type_ = "BLOB" if database.is_sqlite else "BYTEA"
    for table, columns in _BODIES.items():
        for column in columns:
            database.execute(f"ALTER TABLE item ADD COLUMN {column} {type_}")
            database.execute(_PUT_BACK.format(column, table))
        database.execute(f"DROP TABLE {table}")
