"""Notes on their way into the store."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ztoq_core.records import Note, Ref

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["clean", "save_notes"]

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """Replace what databases refuse in a text: U+0000 and lone surrogates."""
    return _UNSTORABLE.sub("\ufffd", text)


def save_notes(store: Store, ref: Ref, origin: str, notes: Iterable[Note]) -> None:
    """Replace the notes that the stage ``origin`` made of a record. An operation for the writer."""
    table = store.note_table
    table.delete().where(
        (table.kind == ref.kind) & (table.key == ref.key) & (table.origin == origin)
    ).execute()
    rows = [
        {
            "kind": ref.kind,
            "key": ref.key,
            "origin": origin,
            "level": note.level,
            "code": note.code,
            "text": clean(note.text),
        }
        for note in dict.fromkeys(notes)
    ]
    if rows:
        table.insert_many(rows).execute()
