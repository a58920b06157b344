"""What the records of a plan cost: calls and bytes, the time that takes, the days it fits into."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

import attrs

from ztoq_core.contracts import CallTally, Schema
from ztoq_core.records import Attachment, Folder, Kind, Record, Ref
from ztoq_core.store import PlannedRecord
from ztoq_core.time_window import TimeWindow

_PILOT = 20
"""Test cases of a pilot, as the help of ``ztoq migrate`` proposes it."""


MOST_DAYS = 1000
_OWN_RATE = 700.0
"""Calls a second that one process makes at best (docs/performance.md: 1.1 to 1.4 ms of CPU)."""
_UNSURE = 0.2
"""The share by which latency and other load may change meanwhile."""


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


@attrs.frozen(kw_only=True)
class Speed:
    """How fast a service answers: seconds to an answer, measured over so many ``answers``.

    ``at_once`` are the requests in flight, ``rate`` the calls a second that are granted (0: no
    limit is known), ``a_minute`` those of a minute (0: not announced). ``earlier``: the figures are
    those of an earlier run.
    """

    latency: float = 0.0
    answers: int = 0
    at_once: int = 32
    rate: float = 0.0
    a_minute: int = 0
    earlier: bool = False

    @property
    def a_second(self) -> float:
        """The most calls a second."""
        limits = [_OWN_RATE]
        if self.latency:
            limits.append(self.at_once / self.latency)
        if self.rate:
            limits.append(self.rate)
        if self.a_minute:
            limits.append(self.a_minute / 60)
        return min(limits)


def seconds_for(calls: int, in_a_row: int, speed: Speed) -> tuple[float, float]:
    """Return the least and the most seconds that ``calls`` take.

    ``in_a_row`` of them can only be made one after the other. What always keeps a slot busy takes
    no longer than both times together (Graham's bound), and a load comes close to that: its first
    calls and its fields wait for each other while nothing else can be done.
    """
    together = calls / speed.a_second + in_a_row * speed.latency
    return together * (1 - _UNSURE), together * (1 + _UNSURE)


@attrs.frozen(kw_only=True)
class Day:
    """The calls that fit into a day; of a window over midnight, the day on which it opens."""

    day: date
    calls: int


def days(  # noqa: PLR0913 - what bounds a day
    calls: int,
    seconds: float,
    *,
    now: datetime,
    window: TimeWindow | None = None,
    left: int | None = None,
    a_month: int | None = None,
) -> tuple[Day, ...]:
    """Split calls into days, which ``seconds`` without a pause would take.

    ``left`` are the calls that a budget still grants this month (None: no budget), ``a_month``
    those of the following ones.
    """
    found = []
    rate = calls / seconds if seconds else math.inf
    month = (now.year, now.month)
    for opens, length in _openings(now, window):
        if (opens.year, opens.month) != month:
            month, left = (opens.year, opens.month), left if left is None else a_month or 0
        fits = calls if math.isinf(rate) else max(1, math.floor(length.total_seconds() * rate))
        done = min(calls, fits, calls if left is None else left)
        if done:
            found.append(Day(day=opens.date(), calls=done))
        calls -= done
        left = None if left is None else left - done
        if calls <= 0 or len(found) >= MOST_DAYS or (left == 0 and not a_month):
            break
    return tuple(found)


def _openings(now: datetime, window: TimeWindow | None) -> Iterator[tuple[datetime, timedelta]]:
    """Yield when calls may be made from now on, and for how long, day by day."""
    at = now
    while True:
        if window is None:
            end = datetime.combine(at.date() + timedelta(days=1), datetime.min.time(), at.tzinfo)
        else:
            closes = window.closes(at)
            if closes is None:
                at = window.opens(at)
                continue
            end = closes
        yield at, end - at
        at = end
