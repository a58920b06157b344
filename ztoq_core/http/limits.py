"""How many calls the user allows: a command, a month, the hours of a day."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

import attrs

from ztoq_core.contracts import Connection
from ztoq_core.hours import Hours

__all__ = [
    "Account",
    "Cause",
    "Ledger",
    "Limits",
    "Stopped",
    "account_of",
    "month_of",
    "next_month",
]

AHEAD = 1.0
"""Seconds of calls that are counted ahead, so that a kill counts too many rather than too few."""

FIRST_AHEAD = 32
LEAST_AHEAD = 8
MOST_AHEAD = 2000


def utc() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


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
        """Add ``calls`` (may be negative) atomically; keep the largest ``announced``.

        Returns:
            All calls of the host in that month, and the largest budget that it announced.
        """
        ...


class Cause(StrEnum):
    """Which limit ended the work."""

    CALLS = "max-calls"
    UNTIL = "until"
    WINDOW = "window"
    MONTH = "month"


@attrs.frozen(kw_only=True)
class Stopped:
    """Why the work ended; ``opens``: when calls may be made again, None where a new run may.

    ``hours`` are those of a window that is shut.
    """

    cause: Cause
    text: str
    opens: datetime | None = None
    hours: Hours | None = None


@attrs.define(eq=False, kw_only=True)
class Limits:
    """What one command may do over all its connections: ``most`` calls, none after ``until``.

    ``calls`` counts those of this command by host, ``stopped`` says which limit ended it.
    """

    most: int | None = None
    until: datetime | None = None
    clock: Callable[[], datetime] = utc
    calls: Counter[str] = attrs.field(factory=Counter, init=False)
    made: int = attrs.field(default=0, init=False)
    stopped: Stopped | None = attrs.field(default=None, init=False)

    def spent(self, host: str) -> None:
        """Count a call."""
        self.made += 1
        self.calls[host] += 1

    def over(self) -> Stopped | None:
        """Return why nothing may be sent any more, None where something may."""
        if self.most is not None and self.made >= self.most:
            return Stopped(
                cause=Cause.CALLS, text=f"the {self.most:,} calls of --max-calls are made"
            )
        if self.until is not None and self.clock() >= self.until:
            at = f"{self.until.astimezone():%Y-%m-%d %H:%M}"
            return Stopped(cause=Cause.UNTIL, text=f"it is {at}, where --until ends")
        return None


@attrs.define(eq=False, kw_only=True)
class Account:
    """The calls of one host in a calendar month (UTC), counted over all runs in ``ledger``.

    ``budget`` is the user's (None: none); what the host announces counts beside it. ``reserve``,
    a share of the whole, is left to others. ``hours`` are those in which calls may be made.
    Several clients of one process share it.

    A host says only what remains: the whole is taken to be that and what was counted here, the
    most that was ever seen in the month (guess: others who use the budget are not counted, so the
    whole may be more, and the reserve then is a share of what ztoq found).
    """

    host: str
    budget: int | None = None
    reserve: float = 0.2
    hours: Hours | None = None
    ledger: Ledger | None = None
    clock: Callable[[], datetime] = utc
    remaining: int | None = attrs.field(default=None, init=False)
    whole: int = attrs.field(default=0, init=False)
    month: str = attrs.field(init=False)
    _users: list[Callable[[], None]] = attrs.field(factory=list, init=False)
    _total: int = attrs.field(default=0, init=False)
    _held: int = attrs.field(default=0, init=False)
    _used: int = attrs.field(default=0, init=False)
    _counted_at: float = attrs.field(default=0.0, init=False)
    _counting: asyncio.Task[None] | None = attrs.field(default=None, init=False)
    _failure: BaseException | None = attrs.field(default=None, init=False)
    _closes: datetime | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin in the present month."""
        self.month = month_of(self.clock())

    @property
    def made(self) -> int:
        """The calls of the month; of those of other processes also what they counted ahead."""
        return self._total - self._held

    @property
    def allowed(self) -> int | None:
        """How many calls of the user's budget are not left to others."""
        return None if self.budget is None else self.budget - round(self.budget * self.reserve)

    @property
    def left(self) -> int | None:
        """How many calls may still be made this month; None where nobody says."""
        left = [] if self.allowed is None else [self.allowed - self.made]
        if self.remaining is not None:
            left.append(self.remaining - int(self.whole * self.reserve))
        return max(0, min(left)) if left else None

    @property
    def ready(self) -> bool:
        """Whether a call may be made: in a ledger it is counted before."""
        return self.ledger is None or self._held > 0

    async def open(self, wake: Callable[[], None]) -> None:
        """Learn what was counted before; ``wake`` is called where a turn may have become free.

        Raises:
            StoreError: The ledger cannot be used.
        """
        self._users.append(wake)
        if len(self._users) > 1:
            return
        self.month = month_of(self.clock())
        self._counted_at = asyncio.get_running_loop().time()
        if self.ledger is not None:
            await self._count(self.ledger, FIRST_AHEAD)
            self._wake()

    async def close(self, wake: Callable[[], None]) -> None:
        """Give back what was counted ahead, where nobody else uses it.

        Raises:
            StoreError: The ledger cannot be used.
        """
        self._users.remove(wake)
        if self._users:
            return
        if self._counting is not None:
            await asyncio.wait([self._counting])
        if self.ledger is not None and self._failure is None:
            held, self._held = self._held, 0
            self._total -= held
            await self.ledger.count(self.host, self.month, -held, self.whole)

    def announced(self, remaining: int, unanswered: int) -> None:
        """Note what the host says remains; ``unanswered`` calls may not be counted in it."""
        self.remaining = remaining - unanswered
        self.whole = max(self.whole, remaining + self.made - unanswered)

    def spent(self) -> None:
        """Count a call, and in good time the next ones ahead."""
        if self.remaining is not None:
            self.remaining -= 1
        if self.ledger is None:
            self._total += 1
            return
        self._held -= 1
        self._used += 1
        if self._held <= self._ahead() // 2 and not self._renewed():
            self._start_counting(self.ledger)

    def over(self) -> Stopped | None:
        """Return why nothing may be sent any more, None where something may.

        Raises:
            StoreError: The calls cannot be counted any more.
        """
        if self._failure is not None:
            raise self._failure
        if self.hours is not None and (shut := self._shut(self.hours)):
            return shut
        if self.allowed is not None and self.made >= self.allowed and not self._renewed():
            text = (
                f"{self.made:,} calls were made this month, and monthly_budget is {self.budget:,}"
            )
            if self.reserve:
                text += f", of which {self.reserve:.0%} are left to others (reserve)"
            return self._month_over(text)
        kept = int(self.whole * self.reserve)
        if self.remaining is not None and self.remaining <= kept and not self._renewed():
            text = "its budget of calls for this month is used up, as it says"
            if kept:
                text = f"{self.remaining:,} calls remain for this month, as it says"
                text += f", and {kept:,} are left to others (reserve = {self.reserve:g})"
            return self._month_over(text)
        return None

    def _month_over(self, text: str) -> Stopped:
        return Stopped(
            cause=Cause.MONTH, text=f"{self.host}: {text}", opens=next_month(self.clock())
        )

    def _shut(self, hours: Hours) -> Stopped | None:
        now = self.clock()
        if self._closes is None or now >= self._closes:
            self._closes = hours.closes(now)
        if self._closes is not None:
            return None
        opens = hours.opens(now)
        return Stopped(
            cause=Cause.WINDOW,
            text=f"{self.host}: outside of its window {hours}, which opens at "
            f"{opens:%Y-%m-%d %H:%M}",
            opens=opens,
            hours=hours,
        )

    def _ahead(self) -> int:
        """Return how many calls to count ahead at the present speed."""
        seconds = max(0.05, asyncio.get_running_loop().time() - self._counted_at)
        return min(MOST_AHEAD, max(LEAST_AHEAD, round(AHEAD * self._used / seconds)))

    def _renewed(self) -> bool:
        """Whether another month has begun; then its calls are counted from the start."""
        month = month_of(self.clock())
        if month == self.month:
            return False
        if self._counting is not None:
            return True  # asked again when it has ended
        before, held = self.month, self._held
        self.month, self.whole, self.remaining = month, 0, None
        self._total = self._held = 0
        if self.ledger is not None:
            self._start_counting(self.ledger, before, held)
        return True

    def _start_counting(self, ledger: Ledger, month: str = "", held: int = 0) -> None:
        if self._counting is None:
            counting = self._again(ledger, month, held)
            self._counting = asyncio.get_running_loop().create_task(counting)
            self._counting.add_done_callback(self._counted)

    async def _again(self, ledger: Ledger, month: str, held: int) -> None:
        """Count ahead again; ``held`` were counted ahead for a ``month`` that is over."""
        if held:
            await ledger.count(self.host, month, -held, 0)
        await self._count(ledger, self._ahead())

    def _counted(self, counting: asyncio.Task[None]) -> None:
        self._counting = None
        if not counting.cancelled():
            self._failure = counting.exception()
        self._wake()

    def _wake(self) -> None:
        for wake in self._users:
            wake()

    async def _count(self, ledger: Ledger, calls: int) -> None:
        """Count calls ahead, as many as the budget has left."""
        total, whole = await ledger.count(self.host, self.month, calls, self.whole)
        if self.allowed is not None and total > self.allowed:
            # others may count ahead at the same time; what is too much is nobody's
            over = min(calls, total - self.allowed)
            calls -= over
            total, whole = await ledger.count(self.host, self.month, -over, whole)
        self._total, self.whole = total, max(self.whole, whole)
        self._held += calls
        self._used, self._counted_at = 0, asyncio.get_running_loop().time()


def account_of(
    host: str,
    connection: Connection,
    limits: Limits | None = None,
    ledger: Ledger | None = None,
) -> Account:
    """Return the account that a connection asks for; without ``limits`` at any hour."""
    return Account(
        host=host,
        budget=connection.monthly_budget,
        reserve=connection.reserve,
        hours=Hours.parse(connection.window) if limits and connection.window else None,
        ledger=ledger,
        clock=limits.clock if limits else utc,
    )
