"""Times of day in the computer's own time zone: when calls may be made, and until when."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

import attrs

from ztoq_core.errors import ConfigError

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


@attrs.frozen
class TimeWindow:
    """A daily window such as 20:00-06:00; ``start`` is part of it, ``end`` is not."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> TimeWindow:
        """Return the window for a text such as ``20:00-06:00``.

        Raises:
            ConfigError: The text is not a window.
        """
        first, dash, last = (part.strip() for part in text.partition("-"))
        start, end = _clock(first), _clock("00:00" if last == "24:00" else last)
        if not dash or start is None or end is None:
            raise ConfigError(f"window {text!r} should be like 20:00-06:00, in local time")
        if start == end:
            raise ConfigError(f"window {text!r} begins and ends at the same time; leave it out")
        return cls(start, end)

    def __str__(self) -> str:
        """Return the window as written in the config."""
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def closes(self, now: datetime) -> datetime | None:
        """Return when the window closes; None if it is not open at ``now``."""
        at = now.astimezone()
        clock = at.time()
        if self.start < self.end:
            is_open = self.start <= clock < self.end
        else:
            is_open = clock >= self.start or clock < self.end
        return _next(self.end, at) if is_open else None

    def opens(self, now: datetime) -> datetime:
        """Return when the window opens next after ``now``."""
        return _next(self.start, now.astimezone())

    @property
    def length(self) -> timedelta:
        """How long the window is open, on a day without a change of the clocks."""
        day = date.min  # any day will do
        span = datetime.combine(day, self.end) - datetime.combine(day, self.start)
        return span % timedelta(days=1)


def until(text: str, now: datetime) -> datetime:
    """Return the moment for ``06:00`` (its next occurrence) or an ISO date and time.

    Without a time zone it is local.

    Raises:
        ConfigError: It is neither, or has passed.
    """
    if clock := _clock(text.strip()):
        return _next(clock, now.astimezone())
    try:
        # a naive time is taken as local by astimezone
        found = datetime.fromisoformat(text.strip()).astimezone()
    except ValueError as error:
        raise ConfigError(
            f"--until {text!r} is not a time such as 06:00 or 2026-01-31T06:00"
        ) from error
    if found <= now:
        raise ConfigError(f"--until {text!r} has passed already")
    return found


def _clock(text: str) -> time | None:
    match = _CLOCK.fullmatch(text)
    return time(int(match[1]), int(match[2])) if match else None


def _next(clock: time, at: datetime) -> datetime:
    """Return the first moment after ``at`` (local) when clocks show ``clock``."""
    day = at.date()
    found = datetime.combine(day, clock).astimezone()  # combined without a zone: local
    while found <= at:
        day += timedelta(days=1)
        found = datetime.combine(day, clock).astimezone()
    return found
