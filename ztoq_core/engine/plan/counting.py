"""Sums up what the records of a plan cost, in calls and bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import attrs

from ztoq_core.contracts import CallTally, Schema
from ztoq_core.records import Attachment, Folder, Kind, Record, Ref
from ztoq_core.store import PlannedRecord

_PILOT = 20
"""Test cases of a pilot, as the help of ``ztoq migrate`` proposes it."""


@attrs.frozen(kw_only=True)
class Saving:
    """How much less ``options`` would write; where it ``saves`` not, how much a pilot writes."""

    options: str
    records: int
    calls: int
    saves: bool = True


@attrs.frozen
class PlainTally:
    """Counts a call for each method of a sink that does not say what they cost."""

    schema: Schema

    def add(self, record: Record, *, new: bool) -> int:
        return 1 + (not new) + self.schema.to_finish(record)

    def shared(self) -> int:
        return 0

    def to_validate(self, counts: Mapping[Kind, int]) -> int:
        return sum(counts.values())


@attrs.define(kw_only=True)
class Counting:
    """Sums up what the records cost."""

    tally: CallTally
    calls: Counter[Kind] = attrs.field(factory=Counter)
    records: Counter[Kind] = attrs.field(factory=Counter)
    older: Counter[str] = attrs.field(factory=Counter)
    streamed: int = 0
    file_bytes: int = 0
    text_bytes: int = 0
    _depth: dict[Ref, int] = attrs.field(factory=dict)

    def take(self, record: Record, *, new: bool) -> int:
        """Count a record; return its calls."""
        calls = self.tally.add(record, new=new)
        self.calls[record.kind] += calls
        self.records[record.kind] += 1
        if isinstance(record, Folder):
            self._depth[record.ref] = 1 + (
                self._depth.get(record.parent, 0) if record.parent else 0
            )
        return calls

    def take_planned(self, each: PlannedRecord, *, new: bool) -> None:
        """Count a record of the store."""
        record = each.record
        calls = self.take(record, new=new)
        self.text_bytes += each.size
        if each.older and new:
            self.older.update(records=1, calls=calls)
        if isinstance(record, Attachment):
            self.file_bytes += record.size
            self.streamed += not record.sha256

    def in_a_row(self, longest_run: int) -> int:
        """Return how many calls wait for each other: from a field to a file of the last log."""

        def of(kind: Kind) -> int:
            return -(-self.calls[kind] // self.records[kind]) if self.records[kind] else 0

        fields = 2 * of(Kind.FIELD)  # those of the keys come first
        depth = max(self._depth.values(), default=0)
        rest = (kind for kind in Kind if kind not in {Kind.FIELD, Kind.FOLDER, Kind.TEST_LOG})
        return (
            fields + depth * of(Kind.FOLDER) + sum(map(of, rest)) + longest_run * of(Kind.TEST_LOG)
        )

    def savings(self) -> Iterator[Saving]:
        """Return what a smaller selection would save, and what a pilot costs."""
        if self.older:
            yield Saving(
                options="--executions latest",
                records=self.older["records"],
                calls=self.older["calls"],
            )
        cases = self.records[Kind.TEST_CASE]
        if cases > _PILOT:
            once = {Kind.FIELD, Kind.FOLDER, Kind.TEST_PLAN}
            share = _PILOT / cases

            def pilot(counts: Counter[Kind]) -> int:
                return sum(
                    number if kind in once else round(number * share)
                    for kind, number in counts.items()
                )

            yield Saving(
                options=f"--limit {_PILOT}",
                records=pilot(self.records),
                calls=pilot(self.calls),
                saves=False,
            )
