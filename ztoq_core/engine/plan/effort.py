"""How long so many calls take, and on which days they fit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import attrs

from ztoq_core.time_window import TimeWindow

MOST_DAYS = 1000
_OWN_RATE = 700.0
"""Calls a second that one process makes at best (docs/performance.md: 1.1 to 1.4 ms of CPU)."""
_UNSURE = 0.2
"""The share by which latency and other load may change meanwhile."""


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
