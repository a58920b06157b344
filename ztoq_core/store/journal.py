"""The journal: what was intended, answered, found, decided and removed; only ever appended to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import peewee as pw

from ztoq_core.store.models import now
from ztoq_core.store.notes import clean
from ztoq_core.store.statements import Rows

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["Event", "Journal"]

_COLUMNS = ("run", "item", "event", "digest", "detail", "at")


class Event(NamedTuple):
    """Something that happened to the record of the row ``item``."""

    run: int
    item: int
    event: str
    digest: str = ""
    detail: str = ""


class Journal:
    """Appends events, in the writer thread; ``last`` may be asked from any."""

    def __init__(self, store: Store) -> None:
        """Write into the journal of ``store``."""
        self._table = store.journal_table
        self._rows = Rows(store.journal_table, _COLUMNS)

    def add(self, events: Sequence[Event]) -> None:
        """Append the events, all at this instant."""
        present = now()
        self._rows.save([(*each[:4], clean(each.detail), present) for each in events])

    def last(self) -> int:
        """Return the number of the last event; whatever changed the target made a later one."""
        return int(self._table.select(pw.fn.MAX(self._table.id)).scalar() or 0)
