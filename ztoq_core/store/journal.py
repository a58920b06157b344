"""The journal: what was intended, answered, found, decided and removed; only ever appended to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ztoq_core.store import tables
from ztoq_core.store.database import Database
from ztoq_core.store.sql import BulkInsert, clean
from ztoq_core.store.states import JournalEvent
from ztoq_core.store.tables import now

_ROWS = BulkInsert(tables.Journal, ("run", "item", "event", "digest", "detail", "at"))


class Event(NamedTuple):
    """Something that happened to the record of the row ``item``."""

    run: int
    item: int
    event: JournalEvent
    digest: str = ""
    detail: str = ""


class Journal:
    """Appends events within a transaction of the writer; ``last`` may be asked from any thread."""

    def __init__(self, database: Database) -> None:
        """Write into the journal of ``database``."""
        self._database = database

    def add(self, events: Sequence[Event]) -> None:
        """Append the events, all at this instant."""
        present = now()
        rows = [(*each[:4], clean(each.detail), present) for each in events]
        self._database.insert(_ROWS, rows)

    def last(self) -> int:
        """Return the number of the last event; every change of the target makes a later one."""
        ((last,),) = self._database.select("SELECT COALESCE(MAX(id), 0) FROM journal")
        return int(last)
