"""How many calls are allowed, and when: to one command in all, to one host in a month."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

import attrs

from ztoq_core.contracts import Connection
from ztoq_core.errors import StoreError
from ztoq_core.time_window import TimeWindow

SAVED_EVERY = 1.0
"""Seconds between two additions to the ledger; a kill loses the count of so many at most."""


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


def month_of(moment: datetime) -> str:
    """Return the calendar month in UTC, such as ``2026-11``."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def next_month(moment: datetime) -> datetime:
    """Return the first moment of the calendar month after this one, in UTC."""
    at = moment.astimezone(UTC)
    return datetime(at.year + at.month // 12, at.month % 12 + 1, 1, tzinfo=UTC)


class Ledger(Protocol):
    """Keeps counts of calls over runs; the store is one, and several processes may share it."""

    async def count(self, host: str, month: str, calls: int, announced: int) -> tuple[int, int]:
        """Add ``calls`` atomically; keep the largest ``announced``.

        Returns:
            All calls of the host in that month, and the largest budget that it announced.
        """
        ...


@attrs.define(eq=False, kw_only=True)
class CallQuota:
    """The calls of one host in a calendar month (UTC), counted over all runs in ``ledger``.

    ``budget`` is the user's (None: none); what the host announces counts beside it. ``reserve``,
    a share of the whole, is left to others. ``window`` are the hours in which calls may be made.
    Several clients of one process share it.

    A host announces only what remains. The whole budget is taken to be that plus what was counted
    here, the largest sum of the month (guess: it may be more, since calls of others are not
    counted; then the reserve is a share of what ztoq saw).

    Calls are counted in memory. One task adds them to the ledger once a second and learns what
    other processes added; no request ever waits for it.
    """

    host: str
    budget: int | None = None
    reserve: float = 0.2
    window: TimeWindow | None = None
    ledger: Ledger | None = None
    clock: Callable[[], datetime] = utc
    made: int = attrs.field(default=0, init=False)
    remaining: int | None = attrs.field(default=None, init=False)
    whole: int = attrs.field(default=0, init=False)
    month: str = attrs.field(init=False)
    _month_ends: datetime = attrs.field(init=False)
    _unsaved: Counter[str] = attrs.field(factory=Counter, init=False)
    _users: int = attrs.field(default=0, init=False)
    _closing: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    _saver: asyncio.Task[None] | None = attrs.field(default=None, init=False)
    _failure: StoreError | None = attrs.field(default=None, init=False)
    _shuts: datetime | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin in the present month."""
        self._begin_month(self.clock())

    @property
    def allowed(self) -> int | None:
        """How many calls of the user's budget ztoq may make; the reserve is for others."""
        return None if self.budget is None else self.budget - round(self.budget * self.reserve)

    @property
    def left(self) -> int | None:
        """How many calls may still be made this month; None if that is unknown."""
        left = [] if self.allowed is None else [self.allowed - self.made]
        if self.remaining is not None:
            left.append(self.remaining - int(self.whole * self.reserve))
        return max(0, min(left)) if left else None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Learn what was counted before, and add to it meanwhile and at the end.

        Raises:
            StoreError: The ledger cannot be used.
        """
        # clients of one host share the quota: the first one starts the saver, the last one ends it
        self._users += 1
        try:
            if self._users == 1 and self.ledger is not None:
                await self._save(self.ledger)
                self._closing.clear()
                self._saver = asyncio.create_task(self._save_regularly(self.ledger))
            yield
        finally:
            self._users -= 1
            if not self._users and self._saver is not None and self.ledger is not None:
                # it is not cancelled: an addition that is cut off may be made or not
                self._closing.set()
                await self._saver
                self._saver = None
                if self._failure is None:
                    await self._save(self.ledger)

    def announced(self, remaining: int, unanswered: int) -> None:
        """Note what the host announces; ``unanswered`` calls may not be counted in it."""
        # what is under way may be counted in it or not: the lower number is the safe one
        self.remaining = remaining - unanswered
        self.whole = max(self.whole, remaining + self.made - unanswered)

    def spent(self) -> None:
        """Count a call."""
        if self.remaining is not None:
            self.remaining -= 1
        self.made += 1
        if self.ledger is not None:
            # by month: calls of the last second of a month belong to it when they are saved
            self._unsaved[self.month] += 1

    def over(self) -> LimitReached | None:
        """Return the limit that is reached, None if calls are still allowed.

        Raises:
            StoreError: The calls cannot be counted any more.
        """
        if self._failure is not None:
            raise self._failure
        now = self.clock()
        if now >= self._month_ends:
            self._begin_month(now)
        if self.window is not None and (shut := self._shut(self.window, now)):
            return shut
        if self.allowed is not None and self.made >= self.allowed:
            text = (
                f"{self.made:,} calls were made this month, and monthly_budget is {self.budget:,}"
            )
            if self.reserve:
                text += f", of which {self.reserve:.0%} are left to others (reserve)"
            return self._month_over(text)
        kept = int(self.whole * self.reserve)
        if self.remaining is not None and self.remaining <= kept:
            text = "its budget of calls for this month is used up, by its own count"
            if kept:
                text = f"{self.remaining:,} calls remain for this month, by its own count"
                text += f", and {kept:,} are left to others (reserve = {self.reserve:g})"
            return self._month_over(text)
        return None

    def _begin_month(self, now: datetime) -> None:
        self.month, self._month_ends = month_of(now), next_month(now)
        self.made = self.whole = 0
        self.remaining = None

    def _month_over(self, text: str) -> LimitReached:
        return LimitReached(
            limit=Limit.MONTH, text=f"{self.host}: {text}", opens=next_month(self.clock())
        )

    def _shut(self, window: TimeWindow, now: datetime) -> LimitReached | None:
        if self._shuts is None or now >= self._shuts:
            self._shuts = window.closes(now)
        if self._shuts is not None:
            return None
        opens = window.opens(now)
        return LimitReached(
            limit=Limit.WINDOW,
            text=f"{self.host}: outside of its window {window}, which opens at "
            f"{opens:%Y-%m-%d %H:%M}",
            opens=opens,
            window=window,
        )

    async def _save_regularly(self, ledger: Ledger) -> None:
        while not self._closing.is_set():
            # not a sleep: the end of a run must not wait for the rest of the second
            with suppress(TimeoutError):
                async with asyncio.timeout(SAVED_EVERY):
                    await self._closing.wait()
            try:
                await self._save(ledger)
            except StoreError as error:
                # raised here it would end a task that is not awaited; the next permit raises it
                self._failure = error
                return

    async def _save(self, ledger: Ledger) -> None:
        """Add what is not in the ledger yet; learn what others have added to the present month."""
        for month in {*self._unsaved, self.month}:
            # taken before the await: what is counted during it is not part of this addition
            calls = self._unsaved[month]
            announced = self.whole if month == self.month else 0
            total, whole = await ledger.count(self.host, month, calls, announced)
            self._unsaved[month] -= calls
            if month == self.month:
                self.made = total + self._unsaved[month]
                self.whole = max(self.whole, whole)
        self._unsaved = +self._unsaved


def quota_of(
    host: str,
    connection: Connection,
    limits: Limits | None = None,
    ledger: Ledger | None = None,
) -> CallQuota:
    """Return the quota that a connection is configured for; without ``limits`` at any hour."""
    return CallQuota(
        host=host,
        budget=connection.monthly_budget,
        reserve=connection.reserve,
        window=TimeWindow.parse(connection.window) if limits and connection.window else None,
        ledger=ledger,
        clock=limits.clock if limits else utc,
    )
