"""Where each record stands in the files of a folder, and what belongs to what.

Kept in a temporary database of SQLite, so that memory does not grow with the project. It is made
from the files each time they are opened, and the only SQL of this package is here.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence

import attrs

from ztoq_core.plugin import Attachment, Kind, Record, Ref

_TABLES = """
CREATE TABLE object (
    kind TEXT, key TEXT, place TEXT, line INTEGER, start INTEGER, size INTEGER, stamp TEXT,
    file TEXT, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX in_order ON object (kind, place, key);
CREATE INDEX by_file ON object (file);
CREATE TABLE edge (
    kind TEXT, key TEXT, to_kind TEXT, to_key TEXT, mention INTEGER,
    PRIMARY KEY (kind, key, to_kind, to_key, mention)
) WITHOUT ROWID;
CREATE INDEX to_whom ON edge (to_kind, to_key);
"""
_COLUMNS = "kind, key, line, start, size, stamp, file"
_DIGITS = re.compile("[0-9]+")
_CACHE_KIB = 16_384


@attrs.frozen(kw_only=True)
class Entry:
    """A record in a file: its line (from 1), where that starts and its size in bytes.

    ``stamp`` is a digest of the line, ``file`` the path of an attachment's content in the folder.
    """

    ref: Ref
    line: int
    start: int
    size: int
    stamp: str
    file: str = ""


class RecordIndex:
    """The entries of one folder; used by one thread at a time."""

    def __init__(self) -> None:
        """Start empty."""
        # an empty name is a database on the disk that is gone when it is closed
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.executescript(_TABLES)
        # never committed: after each commit SQLite would write what its cache holds
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Give the temporary file back."""
        self._database.close()

    def put(self, entry: Entry, record: Record) -> None:
        """Take a record; it takes the place of an earlier one with its key."""
        kind, key = entry.ref.kind.value, entry.ref.key
        self.remove(entry.ref)
        row = (kind, key, entry.line, entry.start, entry.size, entry.stamp, entry.file)
        text = f"INSERT INTO object (place, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own names
        self._database.execute(text, (_place(key), *row))
        parents = [(kind, key, to.kind.value, to.key, 0) for to in record.parents()]
        mentions = [(kind, key, to.kind.value, to.key, 1) for to in record.soft_dependencies()]
        self._database.executemany(
            "INSERT OR IGNORE INTO edge VALUES (?, ?, ?, ?, ?)", [*parents, *mentions]
        )

    def remove(self, ref: Ref) -> None:
        """Forget a record."""
        place = (ref.kind.value, ref.key)
        self._database.execute("DELETE FROM object WHERE kind = ? AND key = ?", place)
        self._database.execute("DELETE FROM edge WHERE kind = ? AND key = ?", place)

    def find(self, ref: Ref) -> Entry | None:
        """Return the entry of a record, None if there is none."""
        found = self._entries("kind = ? AND key = ?", (ref.kind.value, ref.key), 1)
        return next(found, None)

    def page(self, kind: Kind, after: str | None, limit: int) -> list[Entry]:
        """Return the entries of a kind that follow the key ``after``, numbers in keys by value."""
        if after is None:
            return list(self._entries("kind = ?", (kind.value,), limit))
        where = "kind = ? AND (place, key) > (?, ?)"
        return list(self._entries(where, (kind.value, _place(after), after), limit))

    def everything(self, kind: Kind) -> Iterator[Entry]:
        """Yield the entries of a kind in the order of ``page``."""
        return self._entries("kind = ?", (kind.value,), -1)

    def inside(self, ref: Ref) -> list[tuple[Entry, bool]]:
        """Return what names a record as a parent, and (True) what only mentions it."""
        text = """SELECT kind, key, min(mention) FROM edge WHERE to_kind = ? AND to_key = ?
            GROUP BY kind, key"""
        rows = self._database.execute(text, (ref.kind.value, ref.key)).fetchall()
        found = ((self.find(Ref(Kind(kind), key)), bool(mention)) for kind, key, mention in rows)
        return [(entry, mention) for entry, mention in found if entry]

    def files_of(self, owner: Ref) -> list[Entry]:
        """Return the files of a record."""
        inside = self.inside(owner)
        return [each for each, _ in inside if each.ref.kind is Attachment.kind]

    def owners(self) -> frozenset[Kind]:
        """Return the kinds of records that have files."""
        text = "SELECT DISTINCT to_kind FROM edge WHERE kind = ?"
        rows = self._database.execute(text, (Kind.ATTACHMENT.value,))
        return frozenset(Kind(kind) for (kind,) in rows)

    def orphan(self) -> tuple[Entry, Ref] | None:
        """Return a record whose parent is missing, with that parent; None if all are there."""
        text = """SELECT edge.kind, edge.key, to_kind, to_key FROM edge LEFT JOIN object
            ON object.kind = to_kind AND object.key = to_key
            WHERE NOT mention AND object.key IS NULL LIMIT 1"""
        for kind, key, to_kind, to_key in self._database.execute(text):
            if entry := self.find(Ref(Kind(kind), key)):
                return entry, Ref(Kind(to_kind), to_key)
        return None

    def has_file(self, file: str) -> bool:
        """Whether an attachment has its content in this file."""
        found = self._database.execute("SELECT 1 FROM object WHERE file = ? LIMIT 1", (file,))
        return found.fetchone() is not None

    def _entries(self, where: str, values: Sequence[str], limit: int) -> Iterator[Entry]:
        text = f"SELECT {_COLUMNS} FROM object WHERE {where} ORDER BY place, key LIMIT {limit}"  # noqa: S608 - our own names
        for kind, key, line, start, size, stamp, file in self._database.execute(text, values):
            ref = Ref(Kind(kind), key)
            yield Entry(ref=ref, line=line, start=start, size=size, stamp=stamp, file=file)


def _place(key: str) -> str:
    """Return what orders keys: ``ACME-T2`` before ``ACME-T10``."""
    return _DIGITS.sub(lambda digits: digits[0].zfill(20), key)
