"""What the store knows of a single record, for ``ztoq explain``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import attrs
import peewee as pw

from ztoq_core.convert import read_json
from ztoq_core.records import Kind, Ref
from ztoq_core.store.database import reads
from ztoq_core.store.repository import Repository
from ztoq_core.store.states import Side, State
from ztoq_core.store.tables import tuples

__all__ = ["JournalEntry", "RecordSnapshot", "Reference"]

_MOST_RELATED = 100
_MOST_ALIKE = 1000


@attrs.frozen(kw_only=True)
class RecordSnapshot:
    """A row: how far a record has come, and its three forms as plain JSON, or None.

    ``payload`` is the source's own, ``mapped`` the one for the target.
    """

    item: int
    ref: Ref
    state: State
    reason: str
    chosen: str
    derived: bool
    payload: Any
    extracted: Any
    mapped: Any
    target_id: str | None
    pid: str
    url: str
    version: str
    borrowed: bool
    created_run: int
    updated_run: int
    attempts: int


@attrs.frozen(kw_only=True)
class JournalEntry:
    """A line of the journal; ``at`` is UTC without a zone."""

    at: datetime
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
        for where in ("key = ?", "(pid = ? OR target_id = ?)"):
            text = f"""SELECT id, kind, key FROM item WHERE {where} AND kind = COALESCE(?, kind)
                ORDER BY rank, id"""
            rows = self.database.select(text, (*[name] * where.count("?"), kind))
            if found := [(number, Ref(Kind(each), key)) for number, each, key in rows]:
                return found
        return []

    @reads
    def similar_keys(self, name: str, kind: Kind | None) -> list[str]:
        """Return keys that begin or end like ``name``, whatever the case, the first thousand."""
        item = self._item
        half = (len(name) + 1) // 2
        where = item.key.startswith(name[:half]) | item.key.endswith(name[half:] or name)
        if kind is not None:
            where &= item.kind == kind
        longest = len(name) + 3
        query = item.select(item.key).where(where & (pw.fn.length(item.key) <= longest))
        return [key for (key,) in tuples(query.order_by(item.rank, item.id).limit(_MOST_ALIKE))]

    @reads
    def snapshot(self, number: int) -> RecordSnapshot:
        """Return what is known of a row."""
        item = self._item
        row = item.get(item.id == number)
        return RecordSnapshot(
            item=number,
            ref=Ref(Kind(row.kind), row.key),
            state=State(row.state),
            reason=row.reason,
            chosen=row.chosen,
            derived=bool(row.derived),
            payload=_plain(row.payload),
            extracted=_plain(row.record),
            mapped=_plain(row.target),
            target_id=row.target_id,
            pid=row.pid,
            url=row.url,
            version=row.version,
            borrowed=bool(row.borrowed),
            created_run=row.created_run,
            updated_run=row.updated_run,
            attempts=row.attempts,
        )

    @reads
    def journal(self, number: int) -> list[JournalEntry]:
        """Return the journal of a row, the first entry first."""
        text = """SELECT at, run, COALESCE(verb, ''), event, digest, detail FROM journal
            LEFT JOIN run ON run.id = journal.run WHERE item = ? ORDER BY journal.id"""
        return [
            JournalEntry(
                at=datetime.fromisoformat(at) if isinstance(at, str) else at,
                run=run,
                verb=verb,
                event=event,
                digest=digest,
                detail=detail,
            )
            for at, run, verb, event, digest, detail in self.database.select(text, (number,))
        ]

    @reads
    def notes(self, ref: Ref) -> list[tuple[str, str, str, str]]:
        """Return the notes about a record: its origin, level, code and text; then the rejects."""
        about = "WHERE kind = ? AND key = ? ORDER BY id"
        notes = f"SELECT origin, level, code, text FROM note {about}"
        rejects = f"SELECT 'extract', 'loss', 'rejected', reason FROM reject {about}"
        return [
            (origin, level, code, sentence)
            for text in (notes, rejects)
            for origin, level, code, sentence in self.database.select(text, (ref.kind, ref.key))
        ]

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


def _plain(body: Any) -> Any:
    return read_json(bytes(body)) if body else None
