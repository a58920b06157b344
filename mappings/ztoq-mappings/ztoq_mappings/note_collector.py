"""Collects the notes of a transformer about one record."""

from __future__ import annotations

from ztoq_core.plugin import FieldTrace, Note, NoteCode


class NoteCollector:
    """The notes of one record; of those with the same code only the first is kept."""

    def __init__(self, earlier: tuple[Note, ...] = ()) -> None:
        """Begin with the notes that the record has already."""
        self._earlier = earlier
        self._notes: dict[str, Note] = {}

    def add(self, code: NoteCode, text: str, fields: tuple[FieldTrace, ...] = ()) -> None:
        """Note that something is lost, changed or moved, unless there is such a note already."""
        self._notes.setdefault(code.name, code.note(text, fields))

    def notes(self) -> tuple[Note, ...]:
        """Return all notes in their order, each once."""
        if not self._notes:
            return self._earlier
        return tuple(dict.fromkeys((*self._earlier, *self._notes.values())))
