"""Statements that are made for every record, as plain SQL.

Building one as a peewee query takes longer than the database needs to carry it out; here the text
is put together from parts that are made once. It runs in SQLite and PostgreSQL alike.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import peewee as pw

T = TypeVar("T")

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

ROWS = 64
"""Rows of one statement; each statement lets other threads in, and its size is kept by SQLite."""

Values = Sequence[Any]


def chunks(things: Sequence[T], size: int = 400) -> Iterator[Sequence[T]]:
    """Yield ``things`` in pieces that fit a statement (SQLite takes 32,766 parameters)."""
    for start in range(0, len(things), size):
        yield things[start : start + size]


def clean(text: str) -> str:
    """Replace what databases refuse in a text: U+0000 and lone surrogates."""
    return _UNSTORABLE.sub("\ufffd", text)


def placeholders(values: Collection[Any]) -> str:
    """Return a list of placeholders for values, ``(?, ?)``; of none ``(NULL)``."""
    return f"({', '.join('?' * len(values)) or 'NULL'})"


def literals(values: Iterable[str]) -> str:
    """Return a list of constants of ours as SQL."""
    return f"({', '.join(map(_literal, values))})"


def select(
    database: pw.Database, text: str, values: Values = (), many: Values | None = None
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query; ``?`` is the place of a value.

    ``??``, behind all of these, is the place of the list ``many``, of any length: the query is made
    as often as that takes.
    """
    for each, given in _runs(text, values, many):
        yield from _run(database, each, given).fetchall()


def stream(database: pw.Database, text: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query as they are read; the caller changes nothing meanwhile."""
    yield from _run(database, text, values)


def execute(
    database: pw.Database, text: str, values: Values = (), many: Values | None = None
) -> int:
    """Carry out a statement, as ``select``; return how many rows it touched."""
    runs = _runs(text, values, many)
    return sum(int(_run(database, each, given).rowcount) for each, given in runs)


def _runs(text: str, values: Values, many: Values | None) -> Iterator[tuple[str, Values]]:
    if many is None:
        yield text, values
        return
    start, _, end = text.partition("??")
    for some in chunks(many):
        yield start + placeholders(some) + end, (*values, *some)


def _run(database: pw.Database, text: str, values: Values) -> Any:
    if database.param != "?":
        text = text.replace("?", database.param)
    return database.execute_sql(text, values)


def _literal(value: str | float) -> str:
    """Return a constant of ours as SQL."""
    if isinstance(value, str):
        return f"'{value!s}'"
    return str(value).lower()  # true and false, too


class BulkInsert:
    """Inserts rows into one table, many with a statement.

    ``key`` are the columns of a unique index: if a row exists already, those of ``columns`` that
    are in ``keep`` are left as they are, the others get the new values; ``also`` is SQL behind the
    assignments, such as further ones. Without ``key`` no row may exist. Rows of one call differ in
    their keys.
    """

    def __init__(
        self,
        table: type[pw.Model],
        columns: Iterable[str],
        *,
        key: Sequence[str] = (),
        keep: Sequence[str] = (),
        also: str = "",
    ) -> None:
        """Insert into ``table``; columns that are not named get the defaults of the model."""
        meta = table._meta  # noqa: SLF001 - peewee's documented place for it
        names = list(columns)
        defaults: dict[str, Any] = meta.get_default_dict()
        given = {name: value for name, value in defaults.items() if name not in names}
        listed = ", ".join(f'"{name}"' for name in [*names, *given])
        self._start = f'INSERT INTO "{meta.table_name}" ({listed}) VALUES '
        self._row = f"({', '.join([*('?' for _ in names), *map(_literal, given.values())])})"
        self._end = ""
        if key:
            same = {*key, *keep}
            sets = [f'"{name}" = excluded."{name}"' for name in names if name not in same]
            does = f"UPDATE SET {', '.join(sets)}{also}" if sets else "NOTHING"
            self._end = f" ON CONFLICT ({', '.join(key)}) DO {does}"

    def save(self, database: pw.Database, rows: Sequence[Values]) -> int:
        """Insert the rows, their values in the order of the columns; return how many it touched."""
        touched = 0
        for some in chunks(rows, ROWS):
            text = self._start + ", ".join([self._row] * len(some)) + self._end
            touched += _run(database, text, [value for row in some for value in row]).rowcount
        return touched
