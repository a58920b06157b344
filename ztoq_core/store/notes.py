"""Notes on their way into the store."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ztoq_core.records import Kind, Note, Ref
from ztoq_core.store.statements import Rows, change, chunks

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["add_note", "chunks", "clean", "save_notes"]

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


_COLUMNS = ("kind", "key", "origin", "level", "code", "text")


def clean(text: str) -> str:
    """Replace what databases refuse in a text: U+0000 and lone surrogates."""
    return _UNSTORABLE.sub("\ufffd", text)


def save_notes(
    store: Store, origin: str, noted: Iterable[tuple[Ref, Iterable[Note]]], *, new: bool = False
) -> None:
    """Replace the notes that the stage ``origin`` made of records. For the writer thread.

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
        change(store.database, text, (kind.value, origin), these)
    Rows(store.note_table, _COLUMNS).save(rows)


def add_note(store: Store, origin: str, note: Note, ref: Ref | None) -> None:
    """Keep one note, once; without ``ref`` it is about the whole run. For the writer thread."""
    table = store.note_table
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
