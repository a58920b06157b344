"""What the store knows of a single record, for ``ztoq explain``."""

from __future__ import annotations

from collections.abc import Sequence
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

__all__ = ["JournalEntry", "RecordHistory", "RecordSnapshot", "Reference"]

_MOST_RELATED = 100
_MOST_ALIKE = 1000


@attrs.frozen(kw_only=True)
class RecordSnapshot:
    """A row: where a record stands, and its three forms as plain JSON (None where there is none).

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
    """Queries for any thread."""

    @reads
    def find(self, name: str, kind: Kind | None) -> list[tuple[int, Ref]]:
        """Return the records with this key, else those with this id or number in the target."""
        item = self._item
        for where in (item.key == name, (item.pid == name) | (item.target_id == name)):
            query = item.select(item.id, item.kind, item.key).where(where)
            found = [
                (number, Ref(Kind(each), key))
                for number, each, key in tuples(query.order_by(item.rank, item.id))
                if kind is None or Kind(each) is kind
            ]
            if found:
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
        journal, run = self._tables.journal, self._tables.run
        query = (
            journal.select(
                journal.at, journal.run, run.verb, journal.event, journal.digest, journal.detail
            )
            .join(run, pw.JOIN.LEFT_OUTER, on=run.id == journal.run)
            .where(journal.item == number)
            .order_by(journal.id)
        )
        return [
            JournalEntry(
                at=datetime.fromisoformat(at) if isinstance(at, str) else at,
                run=number_of_run,
                verb=verb or "",
                event=event,
                digest=digest,
                detail=detail,
            )
            for at, number_of_run, verb, event, digest, detail in tuples(query)
        ]

    @reads
    def notes(self, ref: Ref) -> list[tuple[str, str, str, str]]:
        """Return the notes about a record: who said it, level, code and text; then the rejects."""
        note, reject = self._tables.note, self._tables.reject
        query = (
            note.select(note.origin, note.level, note.code, note.text)
            .where((note.kind == ref.kind) & (note.key == ref.key))
            .order_by(note.id)
        )
        refused = reject.select(reject.reason).where(
            (reject.kind == ref.kind) & (reject.key == ref.key)
        )
        rejects = [("extract", "loss", "rejected", reason) for (reason,) in tuples(refused)]
        return [(row[0], row[1], row[2], row[3]) for row in tuples(query)] + rejects

    @reads
    def refers_to(self, number: int) -> list[Reference]:
        """Return what a record refers to, as mapped or else as extracted."""
        edge, item = self._edge, self._item
        for side in (Side.TARGET, Side.SOURCE):
            query = (
                edge.select(edge.role, edge.kind, edge.key, item.state, item.pid)
                .join(
                    item, pw.JOIN.LEFT_OUTER, on=(item.kind == edge.kind) & (item.key == edge.key)
                )
                .where((edge.child == number) & (edge.side == side))
            )
            if found := _related(list(tuples(query))):
                return found
        return []

    @reads
    def referred_by(self, ref: Ref) -> list[Reference]:
        """Return what refers to a record, the first hundred."""
        edge, item = self._edge, self._item
        query = (
            edge.select(edge.role, item.kind, item.key, item.state, item.pid)
            .join(item, on=item.id == edge.child)
            .where((edge.kind == ref.kind) & (edge.key == ref.key))
            .distinct()
            .limit(_MOST_RELATED)
        )
        return _related(list(tuples(query)))


def _related(rows: Sequence[tuple[Any, ...]]) -> list[Reference]:
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
