"""Estimates the remaining work after a limit stopped a run."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import attrs

from ztoq_core.cli.progress import Stage
from ztoq_core.engine import Edge, Event
from ztoq_core.http.limits import Limit, LimitReached, Limits, next_month
from ztoq_core.migration.calls import Month
from ztoq_core.records import Kind, counted
from ztoq_core.store import Store

FAIR = 20
"""How many records of a stage are a fair sample of what one costs."""

LATELY = 256
"""How many events count as recent: what a stage begins with, such as folders, costs less."""


class Pace(NamedTuple):
    """What a record costs: calls to a host, and seconds for each."""

    host: str
    calls: float
    seconds: float


@attrs.define
class StageStats(Stage):
    """The figures of the current stage and the calls they took, recently and in all.

    ``seconds`` adds up over all stages, for each kind, the time from its first record to its last.
    """

    limits: Limits = attrs.field(kw_only=True)
    seconds: dict[Kind, float] = attrs.field(factory=dict)
    _latest: dict[Kind, float] = attrs.field(factory=dict)
    _first: tuple[float, int, Counter[str]] = attrs.field(default=(0.0, 0, Counter()))
    _lately: deque[tuple[float, int, Counter[str]]] = attrs.field(
        factory=lambda: deque(maxlen=LATELY)
    )

    def _restart(self, name: str) -> None:
        self.name = name
        self.done, self.totals = {}, {}
        self._latest = {}
        self._lately.clear()
        self._remember()
        self._first = self._lately[0]

    def take(self, event: Event) -> None:
        """Take the latest figures, if they are of the stage that runs."""
        if event.edge is Edge.BEGIN:
            self._restart(event.stage)
        elif event.stage == self.name:
            super().take(event)
            self._remember()
            if event.kind is not None and event.done:
                now = time.monotonic()
                passed = now - self._latest.get(event.kind, now)
                self.seconds[event.kind] = self.seconds.get(event.kind, 0.0) + passed
                self._latest[event.kind] = now

    def _remember(self) -> None:
        done = sum(self.done.values())
        self._lately.append((time.monotonic(), done, Counter(self.limits.calls)))

    def pace(self) -> Pace | None:
        """Return what a record costs, in all or recently, whichever is more; None if unknown."""
        paces = [self._pace_since(*entry) for entry in (self._first, self._lately[0])]
        return max((pace for pace in paces if pace), key=lambda pace: pace.calls, default=None)

    def _pace_since(self, since: float, before: int, calls: Counter[str]) -> Pace | None:
        at, done, now = self._lately[-1]
        host = max(now, key=lambda each: now[each] - calls[each], default="")
        made = now[host] - calls[host]
        if done - before < FAIR or not made:
            return None
        return Pace(host, made / (done - before), (at - since) / made)

    def records_left(self, store: Store) -> int | None:
        """Return how many records are left, at least; None if unknown."""
        if self.name == "load":
            return store.loading.remaining.now()
        if self.name == "extract":
            listed = sum(
                max(0, total - self.done.get(kind, 0)) for kind, total in self.totals.items()
            )
            return max(store.reporting.pending(), listed)
        return None


@attrs.frozen(kw_only=True)
class RemainingWork:
    """A run that a limit stopped, with everything that the estimate depends on."""

    stopped: LimitReached
    limits: Limits
    stage: StageStats
    months: Sequence[Month]

    def sentences(self, store: Store) -> list[str]:
        """Return sentences: calls made and left, what remains and when it can be done."""
        counts = [f"{month.run:,} to {month.host}" for month in self.months if month.run]
        if others := self.limits.made - sum(month.run for month in self.months):
            counts.append(f"{others:,} to other hosts, for pictures")
        made = ", ".join(counts)
        lines = [f"Calls made in this run: {made or 'none'}."]
        lines += [
            f"Left this month (UTC) for {each.host}: {counted(each.left, 'call')}."
            for each in self.months
            if each.left is not None
        ]
        if number := self.stage.records_left(store):
            lines.append(self._remaining(number))
        return lines

    def _remaining(self, number: int) -> str:
        # the source gives the lengths of its lists one after the other
        reads = self.stage.name == "extract"
        least, of = ("At least", "to read") if reads else ("About", "to write")
        left = f"{least} {counted(_round(number), 'record is', 'records are')} left {of}"
        pace = self.stage.pace()
        if pace is None:
            return f"{left}; this run did too few to say how many calls that takes."
        needed = math.ceil(number * pace.calls)
        month = next((month for month in self.months if month.host == pace.host), None)
        fits = self._fits(needed, needed * pace.seconds, month)
        return f"{left}, at {pace.calls:.1f} calls each: {counted(_round(needed), 'call')}; {fits}."

    def _fits(self, needed: int, seconds: float, month: Month | None) -> str:
        if month and month.left is not None and needed > month.left:
            return _beyond(needed, month.left, month.allowed, self.limits.clock())
        if self.stopped.limit is Limit.CALLS and self.limits.most:
            runs = math.ceil(needed / self.limits.most)
            return "one more such run does it" if runs == 1 else f"that takes {runs} more such runs"
        if hours := self.stopped.window:
            days = math.ceil(seconds / hours.length.total_seconds())
            when = "into the next window" if days == 1 else f"into the next {days} windows"
            return f"at the speed of this run that fits {when} ({hours})"
        return f"at the speed of this run that takes {_span(seconds)}"


def _beyond(needed: int, left: int, allowed: int | None, now: datetime) -> str:
    """Return when calls fit that exceed what is left this month."""
    if allowed and needed - left > allowed:
        return (
            f"at {allowed:,} a month that takes "
            f"{counted(math.ceil((needed - left) / allowed), 'more month')}"
        )
    first = next_month(now)
    when = f"after {first.day} {first:%B}"
    return f"{left:,} fit into this month, the rest {when}" if left else f"that fits {when}"


def _round(number: int) -> int:
    """Return a number rounded to three digits: it is an estimate."""
    unit = int("1".ljust(len(str(number)) - 2, "0"))
    return round(number / unit) * unit


def _span(seconds: float) -> str:
    span = timedelta(seconds=seconds)
    if span < timedelta(minutes=1):
        return "less than a minute"
    if span < timedelta(hours=2):
        return f"about {counted(round(seconds / 60), 'minute')}"
    return f"about {seconds / 3600:.1f} hours"
