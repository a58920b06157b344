"""The final check: what the source's records were when it began, and what they are now."""

from __future__ import annotations

import hashlib

import attrs
import peewee as pw

from ztoq_core.convert import write_json
from ztoq_core.records import Kind, Ref
from ztoq_core.store.database import reads, writes
from ztoq_core.store.facts import Facts
from ztoq_core.store.repository import Repository
from ztoq_core.store.states import State
from ztoq_core.store.tables import tuples


class FinalCheckStore(Repository):
    """Compares two extractions of the same source."""

    @writes
    def snapshot(self) -> None:
        """Remember what every record of the source is now, for ``changes``."""
        item = self._item
        here = ~item.derived & ~item.record.is_null() & (item.state != State.GONE)
        item.update(proof=pw.Case(None, [(here, item.digest)], "")).execute()

    @reads
    def digest(self) -> tuple[str, int]:
        """Return a digest over all records of the snapshot, and how many they are."""
        item = self._item
        whole = hashlib.sha256()
        number = 0
        query = item.select(item.kind, item.key, item.proof).where(item.proof != "")
        for row in tuples(query.order_by(item.id)):
            whole.update(write_json(row))
            number += 1
        return whole.hexdigest(), number

    @reads
    def changes(self, limit: int) -> tuple[int, list[tuple[Ref, str]]]:
        """Return how many records differ from the snapshot; the first ones, each with how."""
        item = self._item
        gone, marked = item.state == State.GONE, item.proof != ""
        here = ~item.derived & ~item.record.is_null() & ~gone
        changed = marked & ~gone & (item.digest != item.proof)
        where = changed | (marked & gone) | (~marked & here)
        how = pw.Case(None, [(~marked, "new"), (gone, "gone")], "changed")
        rows = item.select(item.kind, item.key, how).where(where)
        named = [
            (Ref(Kind(kind), key), change)
            for kind, key, change in tuples(rows.order_by(item.rank, item.id).limit(limit))
        ]
        return int(item.select().where(where).count()), named

    @writes
    def unchanged(self, *, mapped: bool, journal: int) -> None:
        """Keep the mapping and the validation: the source gave the same once more.

        ``mapped`` and ``journal`` say how things were before it was read.
        """
        if mapped:
            self._facts.put(Facts.mapped, value=True)
        validation = self._facts.validation
        if validation and validation.journal == journal:
            current = attrs.evolve(validation, journal=self._journal.last())
            self._facts.put(Facts.validation, current)
