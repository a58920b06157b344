"""What the user allows one command over all its connections: how many calls, until when."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

import attrs

from ztoq_core.time_window import TimeWindow


def utc() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


class Limit(StrEnum):
    """Which limit ended the work."""

    CALLS = "max-calls"
    UNTIL = "until"
    WINDOW = "window"
    MONTH = "month"


@attrs.frozen(kw_only=True)
class LimitReached:
    """The limit that ended the work; ``opens``: when calls are allowed again, None: at once.

    ``window`` is the time window that is closed.
    """

    limit: Limit
    text: str
    opens: datetime | None = None
    window: TimeWindow | None = None


@attrs.define(kw_only=True)
class Pace:
    """How a host has answered: how many calls, in how many ``seconds`` all told.

    ``rate`` is how many calls a second it grants, 0 where it refused none; ``a_minute`` how many it
    grants in a minute, as it announces, 0 where it does not.
    """

    answers: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    a_minute: int = 0

    @property
    def latency(self) -> float:
        """The mean seconds to an answer."""
        return self.seconds / self.answers if self.answers else 0.0


@attrs.define(eq=False, kw_only=True)
class Limits:
    """The limits of one command over all its connections: ``most`` calls, none after ``until``.

    ``calls`` counts the command's calls by host, ``paces`` says how these answered. ``retries`` are
    calls for what had been asked before, ``refusals`` those answered by 429. ``reached`` is the
    limit that ended it.
    """

    most: int | None = None
    until: datetime | None = None
    clock: Callable[[], datetime] = utc
    calls: Counter[str] = attrs.field(factory=Counter, init=False)
    paces: defaultdict[str, Pace] = attrs.field(factory=lambda: defaultdict(Pace), init=False)
    made: int = attrs.field(default=0, init=False)
    retries: int = attrs.field(default=0, init=False)
    refusals: int = attrs.field(default=0, init=False)
    reached: LimitReached | None = attrs.field(default=None, init=False)

    def spent(self, host: str) -> None:
        """Count a call."""
        self.made += 1
        self.calls[host] += 1

    def over(self) -> LimitReached | None:
        """Return the limit that is reached, None if calls are still allowed."""
        if self.most is not None and self.made >= self.most:
            text = f"the {self.most:,} calls of --max-calls are made"
            return LimitReached(limit=Limit.CALLS, text=text)
        if self.until is not None and self.clock() >= self.until:
            at = f"{self.until.astimezone():%Y-%m-%d %H:%M}"
            return LimitReached(limit=Limit.UNTIL, text=f"it is {at}, where --until ends")
        return None
