"""Collects the notes of a transformer about one record."""

from __future__ import annotations

from ztoq_core.plugin import FieldTrace, Level, Note

__all__ = ["NoteCollector"]


class NoteCollector:
    """The notes of one record; of those with the same code only the first is kept."""

    def __init__(self, earlier: tuple[Note, ...] = ()) -> None:
        """Begin with the notes that the record has already."""
        self._earlier = earlier
        self._notes: dict[str, Note] = {}

    def change(self, code: str, text: str, fields: tuple[FieldTrace, ...] = ()) -> None:
        """Note that something arrives in a slightly other form."""
        note = Note(level=Level.CHANGE, code=code, text=text, fields=fields)
        self._notes.setdefault(code, note)

    def fallback(self, code: str, text: str) -> None:
        """Note that something arrives as readable text in another place."""
        self._notes.setdefault(code, Note(level=Level.FALLBACK, code=code, text=text))

    def notes(self) -> tuple[Note, ...]:
        """Return all notes in their order, each once."""
        if not self._notes:
            return self._earlier
        return tuple(dict.fromkeys((*self._earlier, *self._notes.values())))
