"""Notes on their way into the store."""

from __future__ import annotations

from collections.abc import Iterable

from ztoq_core.records import Kind, Note, Ref
from ztoq_core.store.database import Database
from ztoq_core.store.sql import BulkInsert, clean
from ztoq_core.store.states import Origin

_COLUMNS = ("kind", "key", "origin", "level", "code", "text")


def save_notes(
    database: Database,
    origin: Origin,
    noted: Iterable[tuple[Ref, Iterable[Note]]],
    *,
    new: bool = False,
) -> None:
    """Replace the notes that a stage made about records. Runs in the writer.

    ``new``: there can be none of them yet.
    """
    keys: dict[Kind, list[str]] = {}
    rows = []
    for ref, notes in noted:
        keys.setdefault(ref.kind, []).append(ref.key)
        rows += [_row(ref.kind.value, ref.key, origin, note) for note in dict.fromkeys(notes)]
    for kind, these in () if new else keys.items():
        text = "DELETE FROM note WHERE kind = ? AND origin = ? AND key IN ??"
        database.execute(text, (kind.value, origin.value), these)
    BulkInsert(database.tables.note, _COLUMNS).save(rows)


def add_note(database: Database, origin: Origin, note: Note, ref: Ref | None) -> None:
    """Keep one note, once; without ``ref`` it is about the whole run. Runs in the writer."""
    row = _row(ref.kind.value if ref else "", ref.key if ref else "", origin, note)
    if not database.any(f"note WHERE {' AND '.join(f'{name} = ?' for name in _COLUMNS)}", row):
        BulkInsert(database.tables.note, _COLUMNS).save([row])


def _row(kind: str, key: str, origin: Origin, note: Note) -> tuple[str, ...]:
    return kind, key, origin.value, note.level.value, note.code, clean(note.text)
