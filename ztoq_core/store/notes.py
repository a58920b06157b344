"""Notes on their way into the store."""

from __future__ import annotations

from collections.abc import Iterable

from ztoq_core.records import Kind, Note, Ref
from ztoq_core.store.database import Database
from ztoq_core.store.sql import BulkInsert, clean

_COLUMNS = ("kind", "key", "origin", "level", "code", "text")


def save_notes(
    database: Database,
    origin: str,
    noted: Iterable[tuple[Ref, Iterable[Note]]],
    *,
    new: bool = False,
) -> None:
    """Replace the notes that the stage ``origin`` made of records. Runs in the writer.

    ``new``: there can be none of them yet.
    """
    keys: dict[Kind, list[str]] = {}
    rows = []
    for ref, notes in noted:
        keys.setdefault(ref.kind, []).append(ref.key)
        rows += [
            (ref.kind.value, ref.key, origin, note.level.value, note.code, clean(note.text))
            for note in dict.fromkeys(notes)
        ]
    for kind, these in () if new else keys.items():
        text = "DELETE FROM note WHERE kind = ? AND origin = ? AND key IN ??"
        database.execute(text, (kind.value, origin), these)
    BulkInsert(database.tables.note, _COLUMNS).save(rows)


def add_note(database: Database, origin: str, note: Note, ref: Ref | None) -> None:
    """Keep one note, once; without ``ref`` it is about the whole run. Runs in the writer."""
    table = database.tables.note
    row = {
        "kind": ref.kind if ref else "",
        "key": ref.key if ref else "",
        "origin": origin,
        "level": note.level,
        "code": note.code,
        "text": clean(note.text),
    }
    if not table.select().where(*(getattr(table, name) == row[name] for name in row)).exists():
        table.insert(row).execute()
