"""What one run did to the records of each kind, counted for its end."""

from __future__ import annotations

from collections import Counter

import attrs
import orjson

from ztoq_core.records import Kind
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import literals
from ztoq_core.store.states import OPEN_PROBLEMS, JournalEvent, State

__all__ = ["KindTotals"]

_COUNTS = f"""SELECT kind, COUNT(*) FILTER (WHERE seen_run = ?),
        COUNT(*) FILTER (WHERE created_run = ? AND NOT found),
        COUNT(*) FILTER (WHERE updated_run = ?),
        COUNT(*) FILTER (WHERE created_run = ? AND found),
        COUNT(*) FILTER (WHERE state = '{State.SKIPPED}'),
        COUNT(*) FILTER (WHERE state IN {literals(OPEN_PROBLEMS)})
    FROM (SELECT kind, rank, state, seen_run, created_run, updated_run,
            borrowed OR EXISTS (SELECT 1 FROM journal WHERE journal.item = item.id
                AND journal.run = created_run AND event = '{JournalEvent.ADOPTED}') AS found
        FROM item) AS each_item
    GROUP BY rank, kind ORDER BY rank"""
_FILES = f"""SELECT COALESCE(record, target) FROM item WHERE kind = '{Kind.ATTACHMENT}'
    AND COALESCE(record, target) IS NOT NULL AND ? IN (seen_run, created_run, updated_run)"""


@attrs.frozen
class KindTotals:
    """What a run did to the records of one kind.

    ``found`` were in the target already. ``skipped`` and ``failed`` are all records that are so at
    its end. ``files`` and ``size`` (bytes) are of the files of these records that it read or wrote.
    """

    kind: Kind = attrs.field(converter=Kind)
    read: int
    created: int
    updated: int
    found: int
    skipped: int
    failed: int
    files: int
    size: int

    @property
    def touched(self) -> bool:
        """Whether the run did anything to them."""
        return any((self.read, self.created, self.updated, self.found))


class RunTotals(Repository):
    """Answers in the caller's thread."""

    def of(self, run: int) -> list[KindTotals]:
        """Return the totals of a run, parents' kinds first."""
        files, sizes = Counter[str](), Counter[str]()
        for (body,) in self.database.stream(_FILES, (run,)):
            record = orjson.loads(bytes(body))
            owner = record["owner"]["kind"]
            files[owner] += 1
            sizes[owner] += record.get("size", 0)
        return [
            KindTotals(*(*row, files[row[0]], sizes[row[0]]))
            for row in self.database.select(_COUNTS, (run,) * 4)
        ]
