"""What the store knows of a single record, for ``ztoq explain``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import attrs

from ztoq_core.convert import read_json
from ztoq_core.records import Kind, Ref
from ztoq_core.store.database import reads
from ztoq_core.store.repository import Repository
from ztoq_core.store.states import Side, State
from ztoq_core.store.tables import WITH_BODIES, moment_of

_MOST_RELATED = 100
_MOST_ALIKE = 1000


def _plain(body: Any) -> Any:
    return read_json(bytes(body)) if body else None


@attrs.frozen
class RecordSnapshot:
    """A row: how far a record has come, and its three forms as plain JSON, or None.

    ``payload`` is the source's own, ``mapped`` the one for the target.
    """

    item: int
    ref: Ref
    state: State = attrs.field(converter=State)
    reason: str
    chosen: str
    derived: bool = attrs.field(converter=bool)
    payload: Any = attrs.field(converter=_plain)
    extracted: Any = attrs.field(converter=_plain)
    mapped: Any = attrs.field(converter=_plain)
    target_id: str | None
    pid: str
    url: str
    version: str
    borrowed: bool = attrs.field(converter=bool)
    created_run: int
    updated_run: int
    attempts: int


@attrs.frozen
class JournalEntry:
    """A line of the journal; ``at`` is UTC without a zone."""

    at: datetime = attrs.field(converter=moment_of)
    run: int
    verb: str
    event: str
    digest: str
    detail: str


@attrs.frozen(kw_only=True)
class Reference:
    """A record that another refers to or is referred to by; ``state`` None: not in the store."""

    role: str
    ref: Ref
    state: State | None
    pid: str


class RecordHistory(Repository):
    """All that is known of single records."""

    @reads
    def find(self, name: str, kind: Kind | None) -> list[tuple[int, Ref]]:
        """Return the records with this key, else those with this id or number in the target."""
        kinds = tuple(Kind) if kind is None else (kind,)
        for where in ("key = ?", "target_id = ?", "pid = ? AND pid <> ''"):  # each has an index
            text = f"""SELECT id, kind, key FROM item WHERE {where} AND kind IN ??
                ORDER BY rank, id"""
            rows = self.database.select(text, (name,), kinds)
            if found := [(number, Ref(Kind(each), key)) for number, each, key in rows]:
                return found
        return []

    @reads
    def similar_keys(self, name: str, kind: Kind | None) -> list[str]:
        """Return keys that begin or end like ``name``, in any case; at most a thousand."""
        half, low = (len(name) + 1) // 2, name.lower()
        first, last = low[:half], low[half:] or low
        text = f"""SELECT key FROM item WHERE (substr(lower(key), 1, {len(first)}) = ?
            OR substr(lower(key), length(key) - {len(last) - 1}) = ?)
            AND kind = COALESCE(?, kind) AND length(key) <= ? ORDER BY kind, key LIMIT ?"""
        values = (first, last, kind, len(name) + 3, _MOST_ALIKE)
        return [key for (key,) in self.database.select(text, values)]

    @reads
    def snapshot(self, number: int) -> RecordSnapshot:
        """Return what is known of a row."""
        text = f"""SELECT kind, key, state, reason, chosen, derived, payload, record, target,
            target_id, pid, url, version, borrowed, created_run, updated_run, attempts
            FROM {WITH_BODIES} WHERE id = ?"""
        ((kind, key, *rest),) = self.database.select(text, (number,))
        return RecordSnapshot(number, Ref(Kind(kind), key), *rest)

    @reads
    def journal(self, number: int) -> list[JournalEntry]:
        """Return the journal of a row, the first entry first."""
        text = """SELECT at, run, COALESCE(verb, ''), event, digest, detail FROM journal
            LEFT JOIN run ON run.id = journal.run WHERE item = ? ORDER BY journal.id"""
        return [JournalEntry(*row) for row in self.database.select(text, (number,))]

    @reads
    def notes(self, ref: Ref) -> list[tuple[str, str, str, str]]:
        """Return the notes about a record: its origin, level, code and text; then the rejects."""
        about = "WHERE kind = ? AND key = ? ORDER BY id"
        notes = f"SELECT origin, level, code, text FROM note {about}"
        rejects = f"SELECT 'extract', 'loss', 'rejected', reason FROM reject {about}"
        values = (ref.kind, ref.key)
        found = (row for text in (notes, rejects) for row in self.database.select(text, values))
        return [(origin, level, code, text) for origin, level, code, text in found]

    @reads
    def refers_to(self, number: int) -> list[Reference]:
        """Return what a record refers to, as mapped or else as extracted."""
        text = """SELECT role, edge.kind, edge.key, state, pid FROM edge
            LEFT JOIN item ON item.kind = edge.kind AND item.key = edge.key
            WHERE child = ? AND side = ?"""
        for side in (Side.TARGET, Side.SOURCE):
            if found := _related(self.database.select(text, (number, side))):
                return found
        return []

    @reads
    def referred_by(self, ref: Ref) -> list[Reference]:
        """Return what refers to a record, the first hundred."""
        text = f"""SELECT DISTINCT role, item.kind, item.key, state, pid FROM edge
            JOIN item ON item.id = edge.child WHERE edge.kind = ? AND edge.key = ?
            LIMIT {_MOST_RELATED}"""
        return _related(self.database.select(text, (ref.kind, ref.key)))


def _related(rows: Iterable[tuple[Any, ...]]) -> list[Reference]:
    found = [
        Reference(
            role=role,
            ref=Ref(Kind(kind), key),
            state=State(state) if state else None,
            pid=pid or "",
        )
        for role, kind, key, state, pid in rows
    ]
    return sorted(found, key=lambda each: (each.ref.kind.rank, each.ref.key, each.role))
