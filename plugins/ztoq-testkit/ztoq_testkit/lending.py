"""Real services for tests of plugins, with the notes kept where a test can read them."""

from __future__ import annotations

import attrs

from ztoq_core.records import Note, Ref
from ztoq_core.services import Services


@attrs.define
class Notes:
    """What was noted, in order, with the record that it is about."""

    kept: list[tuple[Note, Ref | None]] = attrs.field(factory=list)

    def add(self, note: Note, ref: Ref | None) -> None:
        """Keep one more."""
        self.kept.append((note, ref))

    def codes(self) -> list[str]:
        """Return the codes, sorted."""
        return sorted(note.code for note, _ in self.kept)


def lent(notes: Notes | None = None, *, outage: float = 5.0) -> Services:
    """Return services as the engine lends them: the HTTP client, the cache, ``notes``.

    ``outage`` is how many seconds without a good answer end the work; the engine waits longer.
    """
    kept = Notes() if notes is None else notes
    return Services(kept.add, outage=outage, unreached=outage)
