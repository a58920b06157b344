"""The final check: what the source's records were when it began, and what they are now."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence

import attrs

from ztoq_core.convert import write_json
from ztoq_core.records import Kind, Record, Ref
from ztoq_core.store.database import reads, writes
from ztoq_core.store.facts import Facts
from ztoq_core.store.records import as_listed
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import placeholders
from ztoq_core.store.states import State
from ztoq_core.store.tables import READ, WITH_SOURCE

_HERE = f"NOT derived AND {READ} AND state <> '{State.GONE}'"

_UNUSABLE = (State.GONE, State.REJECTED)


class FinalCheckStore(Repository):
    """Compares two extractions of the same source, and an extraction with lists read later."""

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

        ``mapped`` and ``journal`` are as they were before it was read.
        """
        if mapped:
            self._facts.put(Facts.mapped, value=True)
        validation = self._facts.validation
        if validation and validation.journal == journal:
            current = attrs.evolve(validation, journal=self._journal.last())
            self._facts.put(Facts.validation, current)

    @reads
    def listed(self, records: Sequence[Record]) -> dict[str, tuple[int, bool]]:
        """Return the rows of those listed records of one kind that the store has, by key.

        With each: whether it is as it was listed before.
        """
        text = f"""SELECT key, id, payload FROM {WITH_SOURCE} WHERE kind = ? AND NOT derived
            AND NOT pending AND state NOT IN {placeholders(_UNUSABLE)}
            AND key IN ??"""
        values = (records[0].kind.value, *_UNUSABLE)
        by_key = {record.key: record for record in records}
        found = self.database.select(text, values, list(by_key))
        return {
            key: (row, by_key[key].raw is None or as_listed(by_key[key], bytes(payload or b"")))
            for key, row, payload in found
        }

    @reads
    def kept(self, kinds: Collection[Kind], after: int, limit: int) -> list[tuple[int, Ref]]:
        """Return the next records that the source gave, by row."""
        text = f"""SELECT id, kind, key FROM item WHERE id > ? AND {READ}
            AND NOT derived AND state <> ? AND kind IN {placeholders(kinds)}
            ORDER BY id LIMIT ?"""
        values = (after, State.GONE, *kinds, limit)
        return [
            (row, Ref(Kind(kind), key)) for row, kind, key in self.database.select(text, values)
        ]

    def lost_contents(self, has: Callable[[str], bool]) -> int:
        """Return how many contents of files there are no longer; ``has`` says of one whether."""
        rows = self.database.select("SELECT sha256 FROM file")
        return sum(not has(sha256) for (sha256,) in rows)
