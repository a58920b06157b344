"""The final check: what the source's records were when it began, and what they are now."""

from __future__ import annotations

import hashlib

import attrs

from ztoq_core.convert import write_json
from ztoq_core.records import Kind, Ref
from ztoq_core.store.database import reads, writes
from ztoq_core.store.facts import Facts
from ztoq_core.store.repository import Repository
from ztoq_core.store.states import State

_HERE = f"NOT derived AND record IS NOT NULL AND state <> '{State.GONE}'"


class FinalCheckStore(Repository):
    """Compares two extractions of the same source."""

    @writes
    def snapshot(self) -> None:
        """Remember what every record of the source is now, for ``changes``."""
        text = f"UPDATE item SET proof = CASE WHEN {_HERE} THEN digest ELSE '' END"
        self.database.execute(text)

    @reads
    def digest(self) -> tuple[str, int]:
        """Return a digest over all records of the snapshot, and how many they are."""
        whole = hashlib.sha256()
        number = 0
        text = "SELECT kind, key, proof FROM item WHERE proof <> '' ORDER BY id"
        for row in self.database.stream(text):
            whole.update(write_json(row))
            number += 1
        return whole.hexdigest(), number

    @reads
    def changes(self, limit: int) -> tuple[int, list[tuple[Ref, str]]]:
        """Return how many records differ from the snapshot; the first ones, each with how."""
        gone = f"state = '{State.GONE}'"
        where = f"""WHERE proof <> '' AND ({gone} OR digest <> proof) OR proof = '' AND {_HERE}"""
        ((number,),) = self.database.select(f"SELECT COUNT(*) FROM item {where}")
        text = f"""SELECT kind, key, CASE WHEN proof = '' THEN 'new' WHEN {gone} THEN 'gone'
            ELSE 'changed' END FROM item {where} ORDER BY rank, id LIMIT ?"""
        rows = self.database.select(text, (limit,))
        return int(number), [(Ref(Kind(kind), key), change) for kind, key, change in rows]

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
