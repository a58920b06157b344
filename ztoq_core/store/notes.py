"""Notes on their way into the store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from ztoq_core.records import Kind, Note, Ref

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["add_note", "chunks", "clean", "save_notes"]

T = TypeVar("T")

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """Replace what databases refuse in a text: U+0000 and lone surrogates."""
    return _UNSTORABLE.sub("\ufffd", text)


def save_notes(
    store: Store, origin: str, noted: Iterable[tuple[Ref, Iterable[Note]]], *, new: bool = False
) -> None:
    """Replace the notes that the stage ``origin`` made of records. For the writer thread.

    ``new``: there can be none of them yet.
    """
    table = store.note_table
    keys: dict[Kind, list[str]] = {}
    rows = []
    for ref, notes in noted:
        keys.setdefault(ref.kind, []).append(ref.key)
        rows += [
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
    for kind, these in () if new else keys.items():
        for some in chunks(these):
            table.delete().where(
                (table.kind == kind) & (table.origin == origin) & (table.key << some)
            ).execute()
    for some_rows in chunks(rows):
        table.insert_many(some_rows).execute()


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


def chunks(things: Sequence[T], size: int = 400) -> Iterator[Sequence[T]]:
    """Yield ``things`` in pieces that fit a statement (SQLite takes 32,766 parameters)."""
    for start in range(0, len(things), size):
        yield things[start : start + size]
