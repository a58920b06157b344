"""Records of the source on their way into the store, with what they refer to and their notes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from ztoq_core.convert import dumps, read_json, write_json
from ztoq_core.records import Attachment, Kind, Note, Record, Ref
from ztoq_core.store.database import Database
from ztoq_core.store.sql import BulkInsert, clean, literals
from ztoq_core.store.states import Cause, Origin, Role, Side, State, check_transition
from ztoq_core.store.tables import Edge, Item, NoteRow, SourceBody

_NOTE = ("kind", "key", "origin", "level", "code", "text")
_NOTES = BulkInsert(NoteRow, _NOTE)
_EDGES = BulkInsert(Edge, ("child", "side", "role", "kind", "key"))


def save_notes(
    database: Database,
    origin: Origin,
    noted: Iterable[tuple[Ref, Iterable[Note]]],
) -> None:
    """Replace the notes that a stage made about records. Runs in the writer."""
    keys: dict[Kind, list[str]] = {}
    rows = []
    for ref, notes in noted:
        keys.setdefault(ref.kind, []).append(ref.key)
        rows += [_note_row(origin, note, ref) for note in dict.fromkeys(notes)]
    for kind, these in keys.items():
        text = "DELETE FROM note WHERE kind = ? AND origin = ? AND key IN ??"
        database.execute(text, (kind.value, origin.value), these)
    database.insert(_NOTES, rows)


def add_note(database: Database, origin: Origin, note: Note, ref: Ref | None) -> None:
    """Keep one note, once, as the last; without ``ref`` it is about the whole run."""
    row = _note_row(origin, note, ref)
    database.execute(f"DELETE FROM note WHERE {' AND '.join(f'{name} = ?' for name in _NOTE)}", row)
    database.insert(_NOTES, [row])


def _note_row(origin: Origin, note: Note, ref: Ref | None) -> tuple[str, ...]:
    about = (ref.kind.value, ref.key) if ref else ("", "")
    return *about, origin.value, note.level.value, note.code, clean(note.text)


def references(record: Record) -> Iterable[tuple[Role, Ref]]:
    """Yield the roles and names of what a record refers to, each name once in a role."""
    seen: set[Ref] = set()
    own = Role.OWNER if isinstance(record, Attachment) else Role.PARENT
    for role, refs in ((own, record.parents()), (Role.MENTION, record.soft_dependencies())):
        for ref in refs:
            if ref not in seen and ref != record.ref:
                seen.add(ref)
                yield role, ref
    # what is mentioned, too, may be written late, if a cycle was broken
    for ref in dict.fromkeys(record.text_refs):
        if ref != record.ref and ref not in record.parents():
            yield Role.REFER, ref


def replace_edges(
    database: Database, side: Side, children: Sequence[int], edges: Sequence[tuple[Any, ...]]
) -> None:
    """Store what records refer to instead of what is stored, within the writer's transaction."""
    database.execute("DELETE FROM edge WHERE side = ? AND child IN ??", (side.value,), children)
    database.insert(_EDGES, edges)


_COLUMNS = (
    "kind",
    "key",
    "rank",
    "state",
    "pending",
    "derived",
    "seen_run",
    "digest",
    "sibling_group",
    "sibling_order",
)

# what was pruned and is back in the source is a new record
_AS_NEW = (State.LISTED, State.GONE, State.REJECTED)
_IS_NEW = f"""(item.state IN {literals(_AS_NEW)}
    OR item.cause = '{Cause.PRUNED}')"""
_STATE = f""", state = CASE WHEN {_IS_NEW} THEN excluded.state ELSE item.state END,
    cause = CASE WHEN {_IS_NEW} THEN '' ELSE item.cause END"""


@attrs.frozen
class Listed:
    """A record that was listed and must still be completed."""

    item: int
    record: Record


_BODIES = BulkInsert(SourceBody, ("item", "record", "payload"), key=("item",))
_KEPT = ("rank", "derived", "state")
_ROWS = BulkInsert(Item, _COLUMNS, key=("kind", "key"), keep=_KEPT, also=_STATE)


class SourceRecords:
    """Saves records of the source, within a transaction of the writer."""

    def __init__(self, database: Database) -> None:
        """Save into ``database``."""
        for state in (State.LISTED, State.EXTRACTED):
            check_transition((*_AS_NEW, State.DELETED), state)
        self._database = database

    def save_listed(self, records: Sequence[Record], run: int) -> list[Listed]:
        """Store records of one kind that are still to be completed; return them."""
        ids = self._upsert(records, run, pending=True)
        return [Listed(ids[record.key], record) for record in records]

    def save_complete(self, records: Sequence[Record], run: int, *, derived: bool = False) -> None:
        """Store records that nothing is to be added to, with what they refer to and their notes."""
        by_kind: dict[Kind, dict[str, Record]] = {}
        for record in records:
            by_kind.setdefault(record.kind, {})[record.key] = record
        for these in by_kind.values():
            ids = self._upsert(list(these.values()), run, pending=False, derived=derived)
            edges = [
                (ids[key], Side.SOURCE.value, role, ref.kind.value, ref.key)
                for key, record in these.items()
                for role, ref in references(record)
            ]
            replace_edges(self._database, Side.SOURCE, [ids[key] for key in these], edges)
            notes = [(record.ref, record.notes) for record in these.values()]
            save_notes(self._database, Origin.EXTRACT, notes)

    def _upsert(
        self, records: Sequence[Record], run: int, *, pending: bool, derived: bool = False
    ) -> dict[str, int]:
        """Store records of one kind; return their row ids by key."""
        if not records:
            return {}
        bodies = {each.key: dumps(each) for each in records}
        rows = [
            _row(each, bodies[each.key], run, pending=pending, derived=derived) for each in records
        ]
        self._database.insert(_ROWS, rows)
        text = "SELECT key, id FROM item WHERE kind = ? AND key IN ??"
        ids = dict(self._database.select(text, (records[0].kind.value,), list(bodies)))
        payloads = [None if each.raw is None else write_json(each.raw) for each in records]
        held = [
            (ids[each.key], bodies[each.key], payload)
            for each, payload in zip(records, payloads, strict=True)
        ]
        self._database.insert(_BODIES, held)
        return ids


def _row(record: Record, body: bytes, run: int, *, pending: bool, derived: bool) -> tuple[Any, ...]:
    """Return what ``_COLUMNS`` hold of a record."""
    place = record.sequence()
    return (
        record.kind.value,
        record.key,
        record.kind.rank,
        State.LISTED.value if pending else State.EXTRACTED.value,
        pending,
        derived,
        run,
        "" if pending else hashlib.sha256(body).hexdigest(),
        place.group if place else None,
        place.order if place else None,
    )


def as_listed(record: Record, payload: bytes) -> bool:
    """Whether a listed record is as it was listed before; completing it added to the payload."""
    if not payload or record.raw is None:
        return False
    before = read_json(payload)
    return all(before.get(name) == value for name, value in record.raw.items())
