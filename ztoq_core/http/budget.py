"""How many calls a service has left for this minute and this month, as it announces them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import attrs

from ztoq_core.errors import RetryableError

__all__ = ["Budget", "moment"]

MINUTE = "x-ratelimit-remaining-minute"
MONTH = "x-ratelimit-remaining-month"

MARGIN = 0.5
"""Seconds added to the next minute: the header Date is cut to whole seconds, clocks differ."""


def moment(text: str | None) -> datetime | None:
    """Return the date of an HTTP header, None where it is missing or none."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


@attrs.define
class Budget:
    """What may still be sent. ``service`` names it in messages.

    qTest announces ``x-ratelimit-remaining-minute`` and ``-month`` (announcement of 2026-02-18).
    Whether its minute is that of the clock is not said (guess: it is, by the header Date; if not,
    the refusals that follow are waited for like any others).

    ``monthly`` is the user's own limit of calls (None: none); ``calls`` counts those of this run.
    """

    service: str = "the service"
    monthly: int | None = None
    calls: int = attrs.field(default=0, init=False)
    month_left: int | None = attrs.field(default=None, init=False)
    _left: int | None = attrs.field(default=None, init=False)
    _most: int = attrs.field(default=0, init=False)
    _next_minute: float = attrs.field(default=-math.inf, init=False)

    def check(self) -> None:
        """Raise where nothing may be sent any more.

        Raises:
            RetryableError: The budget of the month is used up.
        """
        if self.month_left is not None and self.month_left <= 0:
            raise RetryableError(
                f"{self.service}: its budget of calls for this month is used up; "
                "run again next month, or have it raised"
            )
        if self.monthly is not None and self.calls >= self.monthly:
            raise RetryableError(
                f"{self.service}: the {self.monthly} calls of monthly_budget are used up; "
                "raise it or run again next month"
            )

    def announced(self, now: float, headers: Mapping[str, str], unanswered: int) -> None:
        """Read the headers of an answer; ``unanswered`` requests may not be counted in them."""
        if (month := _number(headers.get(MONTH))) is not None:
            self.month_left = month
        if (minute := _number(headers.get(MINUTE))) is None:
            return
        self._left = minute - unanswered
        self._most = max(self._most, minute)
        if minute == 0 or self._next_minute == -math.inf:
            said = moment(headers.get("Date"))
            second = said.second if said else time.time() % 60
            self._next_minute = now + 60 - second + MARGIN

    def due(self, now: float, unanswered: int) -> float:
        """Return when the next request may be sent; infinite where an answer must come first."""
        if self._left is None or self._left > 0:
            return now
        if now >= self._next_minute:
            self._left = max(1, self._most)
            self._next_minute = -math.inf
            return now
        return math.inf if unanswered else self._next_minute

    def spent(self) -> None:
        """Count a request."""
        self.calls += 1
        if self._left is not None:
            self._left -= 1


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
