"""How many records and notes there are of each sort, counted as they are written.

Counting a million rows takes SQLite a tenth of a second, and people ask while the rows are being
written. So SQLite keeps the counts by triggers: whoever changes a row, the counts are right in the
same transaction. PostgreSQL counts when asked.
"""
# ruff: noqa: S608 - only names of ours are put into the statements

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import peewee as pw

from ztoq_core.store.sql import execute, select

__all__ = ["Tally", "make_tallies"]


@attrs.frozen
class Tally:
    """The numbers of the rows of ``table`` by ``columns``."""

    database: pw.Database
    table: str
    columns: Sequence[str]

    def rows(self, where: str = "", *values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield the columns and the number of each sort; ``where`` is SQL about the columns."""
        names = ", ".join(self.columns)
        where = where and f" WHERE {where}"
        text = f"SELECT {names}, number FROM {self.table}_count{where or ' WHERE number <> 0'}"
        if not isinstance(self.database, pw.SqliteDatabase):
            text = f"SELECT {names}, COUNT(*) FROM {self.table}{where} GROUP BY {names}"
        return select(self.database, text, values)

    def prepare(self) -> None:
        """Begin to count, where nobody counts yet; within the caller's transaction."""
        if not isinstance(self.database, pw.SqliteDatabase):
            return
        counts = f"{self.table}_count"
        if self.database.table_exists(counts):
            return
        names = ", ".join(self.columns)
        typed = ", ".join(f"{name} NOT NULL" for name in self.columns)
        these = ", ".join(f"new.{name}" for name in self.columns)
        same = " AND ".join(f"{name} = old.{name}" for name in self.columns)
        moved = " OR ".join(f"new.{name} <> old.{name}" for name in self.columns)
        more = f"""INSERT INTO {counts} ({names}, number) VALUES ({these}, 1)
            ON CONFLICT ({names}) DO UPDATE SET number = number + 1;"""
        less = f"UPDATE {counts} SET number = number - 1 WHERE {same};"
        for statement in (
            f"""CREATE TABLE {counts} ({typed}, number INTEGER NOT NULL, PRIMARY KEY ({names}))
                WITHOUT ROWID""",
            f"INSERT INTO {counts} SELECT {names}, COUNT(*) FROM {self.table} GROUP BY {names}",
            f"CREATE TRIGGER {self.table}_more AFTER INSERT ON {self.table} BEGIN {more} END",
            f"CREATE TRIGGER {self.table}_less AFTER DELETE ON {self.table} BEGIN {less} END",
            f"""CREATE TRIGGER {self.table}_moved AFTER UPDATE OF {names} ON {self.table}
                WHEN {moved} BEGIN {less} {more} END""",
        ):
            execute(self.database, statement)


def make_tallies(database: pw.Database) -> tuple[Tally, Tally]:
    """Return the counts of the records and of the notes."""
    return (
        Tally(database, "item", ("kind", "state", "chosen", "pending")),
        Tally(database, "note", ("level", "code", "kind")),
    )
