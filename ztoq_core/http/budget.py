"""How many calls a service has left for this minute and this month, as it announces them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import attrs

from ztoq_core.errors import RetryableError
from ztoq_core.http.limits import CallQuota, Limits, Pace

MINUTE = "x-ratelimit-remaining-minute"
MONTH = "x-ratelimit-remaining-month"

DIGITS = 16
"""A number with more is not a number of calls."""

MARGIN = 0.5
"""Seconds added to the next minute: the header Date is cut to whole seconds, clocks differ."""


def moment(text: str | None) -> datetime | None:
    """Return the date of an HTTP header, None if it is missing or not a date."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # OverflowError: a year or a zone beyond all calendars
        return None


@attrs.define(eq=False)
class Budget:
    """What may still be sent: by the service's headers, the month's ``quota``, the ``limits``.

    qTest announces ``x-ratelimit-remaining-minute`` and ``-month`` (announcement of 2026-02-18).
    It does not document whether its minutes are those of the clock (guess: they are, by the header
    Date; if not, the refusals that follow are waited for like any others).
    """

    quota: CallQuota = attrs.field(factory=lambda: CallQuota(host="the service"))
    limits: Limits = attrs.field(factory=Limits)
    _left: int | None = attrs.field(default=None, init=False)
    _most: int = attrs.field(default=0, init=False)
    _next_minute: float = attrs.field(default=-math.inf, init=False)

    @property
    def pace(self) -> Pace:
        """How the host has answered this command."""
        return self.limits.paces[self.quota.host]

    def over(self) -> RetryableError | None:
        """Return the error if no call is allowed any more, and note the limit in ``limits``.

        Raises:
            StoreError: The calls cannot be counted any more.
        """
        reached = self.limits.over() or self.quota.over()
        if reached is None:
            return None
        if self.limits.reached is None:
            self.limits.reached = reached
        return RetryableError(reached.text)

    def announced(self, now: float, headers: Mapping[str, str], unanswered: int) -> None:
        """Read the headers of an answer; ``unanswered`` requests may not be counted in them."""
        if (month := _number(headers.get(MONTH))) is not None:
            self.quota.announced(month, unanswered)
        if (minute := _number(headers.get(MINUTE))) is None:
            return
        self._left = minute - unanswered
        self._most = self.pace.a_minute = max(self._most, minute)
        if minute == 0 or self._next_minute == -math.inf:
            date = moment(headers.get("Date"))
            second = date.second if date else time.time() % 60
            self._next_minute = now + 60 - second + MARGIN

    def due(self, now: float, unanswered: int) -> float:
        """Return when the next request may be sent; infinite if an answer must come first."""
        if self._left is None or self._left > 0:
            return now
        if now >= self._next_minute:
            # the largest number so far is the best guess; the first answer corrects it
            self._left = max(1, self._most)
            self._next_minute = -math.inf
            return now
        # requests under way bring headers of the present minute sooner than the timer would
        return math.inf if unanswered else self._next_minute

    def spent(self) -> None:
        """Count a request."""
        self.quota.spent()
        self.limits.spent(self.quota.host)
        if self._left is not None:
            self._left -= 1


@attrs.define(eq=False)
class CallMeter:
    """Counts calls that no client makes: those for pictures, to any host.

    ``limits`` are the command's; ``own`` is the quota in whose time window they are made.
    ``quota_of`` returns the quota of a host that is a service of its own: its calls count there
    too.
    """

    limits: Limits = attrs.field(factory=Limits)
    own: CallQuota = attrs.field(factory=lambda: CallQuota(host="the source"))
    quota_of: Callable[[str], CallQuota | None] = attrs.field(default=lambda _: None)

    def spend(self, host: str) -> None:
        """Count a call, with all redirects that it may be answered with.

        Raises:
            RetryableError: No call is allowed any more.
            StoreError: The calls cannot be counted any more.
        """
        theirs = self.quota_of(host)
        for quota in (self.own, theirs):
            if quota and (over := Budget(quota, self.limits).over()):
                raise over
        if theirs is not None:
            theirs.spent()
        self.limits.spent(host)


def _number(text: str | None) -> int | None:
    """Return the number in a header; None if it is missing or cannot be a budget."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < DIGITS else None
