"""What ends a run on purpose: calls, months, hours. In virtual time, with a ledger in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from ztoq_testkit.virtual_time import run_in_virtual_time

from ztoq_core.errors import RetryableError, StoreError
from ztoq_core.http.budget import Budget
from ztoq_core.http.limits import CallQuota, Limit, Limits, next_month
from ztoq_core.http.pacer import Pacer
from ztoq_core.store import Store
from ztoq_core.time_window import TimeWindow

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@attrs.define
class Book:
    """A ledger in memory, which may be slow or break."""

    calls: dict[tuple[str, str], int] = attrs.field(factory=dict)
    announced: int = 0
    slow: float = 0.01
    breaks: bool = False

    async def count(self, host: str, month: str, calls: int, announced: int) -> tuple[int, int]:
        await asyncio.sleep(self.slow)
        if self.breaks:
            raise StoreError("the disk is full")
        self.calls[host, month] = self.calls.get((host, month), 0) + calls
        self.announced = max(self.announced, announced)
        return self.calls[host, month], self.announced

    @property
    def november(self) -> int:
        return self.calls["desk", "2026-11"]


@attrs.define
class Clock:
    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


@asynccontextmanager
async def opened(quota: CallQuota, limits: Limits | None = None) -> AsyncIterator[Pacer]:
    pacer = Pacer(budget=Budget(quota, limits or Limits()))
    async with pacer.open():
        yield pacer


async def call(pacer: Pacer, seconds: float = 0.01, left: int | None = None) -> None:
    permit = await pacer.acquire()
    await asyncio.sleep(seconds)
    pacer.granted(permit, {} if left is None else {"x-ratelimit-remaining-month": str(left)})
    pacer.release(permit)


async def until_stopped(pacer: Pacer, most: int = 10_000) -> int:
    """Call from many tasks until each is turned away; return how many calls were made."""
    made = 0

    async def one() -> None:
        nonlocal made
        while made < most:
            made += 1
            try:
                await call(pacer)
            except RetryableError:
                made -= 1
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(one())
    return made


def test_a_command_makes_exactly_the_calls_that_it_may() -> None:
    limits = Limits(most=50)

    async def work() -> int:
        async with opened(CallQuota(host="desk"), limits) as one:
            first = await until_stopped(one, 20)
            async with opened(CallQuota(host="other"), limits) as two:
                return first + await until_stopped(two)

    assert run_in_virtual_time(work()) == 50
    assert limits.reached
    assert limits.reached.limit is Limit.CALLS
    assert limits.calls["desk"] + limits.calls["other"] == 50


def test_the_reserve_of_a_months_budget_is_left_to_others_over_runs() -> None:
    book = Book()

    async def run() -> int:
        quota = CallQuota(host="desk", budget=1000, ledger=book, clock=Clock())
        async with opened(quota) as pacer:
            return await until_stopped(pacer, 500)

    assert run_in_virtual_time(run()) == 500
    assert book.november == 500
    assert run_in_virtual_time(run()) == 300
    assert run_in_virtual_time(run()) == 0
    assert book.november == 800


def test_without_a_reserve_all_of_the_budget_is_used() -> None:
    async def work() -> int:
        async with opened(CallQuota(host="desk", budget=30, reserve=0.0)) as pacer:
            return await until_stopped(pacer)

    assert run_in_virtual_time(work()) == 30


def test_two_processes_that_share_a_ledger_keep_one_budget_but_for_a_second_of_calls() -> None:
    book = Book()

    async def run() -> int:
        quota = CallQuota(host="desk", budget=1000, reserve=0.0, ledger=book, clock=Clock())
        async with opened(quota) as pacer:
            return await until_stopped(pacer)

    async def both() -> int:
        return sum(await asyncio.gather(run(), run()))

    made = run_in_virtual_time(both())
    assert made == book.november
    assert 1000 <= made <= 1000 + 2 * 700


def test_two_clients_of_one_process_share_a_quota() -> None:
    book = Book()

    async def work() -> int:
        quota = CallQuota(host="desk", budget=50, ledger=book, clock=Clock())
        async with opened(quota) as one, opened(quota) as two:
            return await until_stopped(one, 10) + await until_stopped(two)

    assert run_in_virtual_time(work()) == 40
    assert book.november == 40


def test_a_kill_loses_the_count_of_a_second_at_most() -> None:
    book = Book()

    async def work() -> int:
        async with opened(CallQuota(host="desk", ledger=book, clock=Clock())) as pacer:
            made = await until_stopped(pacer, 700)
            await asyncio.sleep(1.1)
            assert book.november == made
            await call(pacer)
            assert book.november == made
        return made

    assert run_in_virtual_time(work()) + 1 == book.november


def test_a_ledger_that_hangs_holds_nobody_up() -> None:
    book = Book(slow=0.0)

    async def work() -> int:
        async with opened(CallQuota(host="desk", ledger=book, clock=Clock())) as pacer:
            book.slow = 50.0
            began = asyncio.get_running_loop().time()
            made = await until_stopped(pacer, 2000)
            assert asyncio.get_running_loop().time() - began < 40
        return made

    assert run_in_virtual_time(work()) == book.november == 2000


def test_a_new_month_begins_anew() -> None:
    book, clock = Book(), Clock(datetime(2026, 11, 30, 23, 59, tzinfo=UTC))

    async def work() -> None:
        quota = CallQuota(host="desk", budget=1000, ledger=book, clock=clock)
        async with opened(quota) as pacer:
            await until_stopped(pacer, 100)
            clock.at += timedelta(minutes=2)
            assert await until_stopped(pacer) >= 800

    run_in_virtual_time(work())
    assert book.november <= 200
    assert book.calls["desk", "2026-12"] == 800


def test_what_the_service_says_remains_is_kept_with_the_reserve() -> None:
    left = 1000

    async def work() -> None:
        nonlocal left
        async with opened(CallQuota(host="desk", clock=Clock())) as pacer:
            while True:
                await call(pacer, left=left - 1)
                left -= 1

    with pytest.raises(RetryableError, match="200 calls remain for this month"):
        run_in_virtual_time(work())
    assert left == 200


def test_the_most_that_a_service_announced_is_remembered_over_runs() -> None:
    book = Book()

    async def run(left: int) -> None:
        quota = CallQuota(host="desk", ledger=book, clock=Clock())
        async with opened(quota) as pacer:
            await call(pacer, left=left)
            await call(pacer, left=left - 1)

    run_in_virtual_time(run(1000))
    with pytest.raises(RetryableError, match=r"200 are left to others"):
        run_in_virtual_time(run(200))


def test_no_call_is_made_when_the_time_is_up() -> None:
    clock = Clock()
    limits = Limits(until=NOON + timedelta(hours=1), clock=clock)

    async def work() -> None:
        async with opened(CallQuota(host="desk", clock=clock), limits) as pacer:
            await call(pacer)
            clock.at += timedelta(hours=1)
            with pytest.raises(RetryableError, match="--until"):
                await call(pacer)

    run_in_virtual_time(work())


def test_calls_are_made_in_the_window_only_and_the_message_says_when_it_opens() -> None:
    clock = Clock(datetime(2026, 11, 25, 21).astimezone())
    window = TimeWindow.parse("20:00-06:00")

    async def work() -> None:
        async with opened(CallQuota(host="desk", window=window, clock=clock)) as pacer:
            await call(pacer)
            clock.at += timedelta(hours=9)
            with pytest.raises(RetryableError, match="opens at 2026-11-26 20:00"):
                await call(pacer)
            clock.at += timedelta(hours=14)
            await call(pacer)

    run_in_virtual_time(work())


def test_what_is_under_way_ends_before_the_others_are_turned_away() -> None:
    ended: list[str] = []

    async def work() -> None:
        async with opened(CallQuota(host="desk"), Limits(most=2)) as pacer:

            async def one(name: str, seconds: float) -> None:
                try:
                    await call(pacer, seconds)
                    ended.append(name)
                except RetryableError:
                    ended.append(f"{name} turned away")

            async with asyncio.TaskGroup() as group:
                group.create_task(one("long", 5))
                group.create_task(one("short", 1))
                group.create_task(one("late", 1))

    run_in_virtual_time(work())
    assert ended == ["short", "long", "late turned away"]


def test_who_waits_is_not_kept_for_ever_by_a_call_that_does_not_end() -> None:
    async def work() -> float:
        loop = asyncio.get_running_loop()
        async with opened(CallQuota(host="desk"), Limits(most=1)) as pacer:
            endless = asyncio.create_task(call(pacer, 10_000))
            await asyncio.sleep(0)
            with pytest.raises(RetryableError):
                await call(pacer)
            endless.cancel()
            return loop.time()

    assert 60 <= run_in_virtual_time(work()) <= 61


def test_calls_that_cannot_be_counted_are_not_made() -> None:
    book = Book()

    async def work() -> None:
        quota = CallQuota(host="desk", ledger=book, clock=Clock())
        async with opened(quota) as pacer:
            book.breaks = True
            with pytest.raises(ExceptionGroup) as raised:
                await until_stopped(pacer)
            assert raised.group_contains(StoreError, match="disk is full")

    run_in_virtual_time(work())
    assert book.november == 0


async def test_the_store_counts_calls_by_host_and_month(store: Store) -> None:
    calls = store.call_counts
    assert await calls.count("desk:80", "2026-11", 32, 0) == (32, 0)
    assert await calls.count("desk:80", "2026-11", -2, 900) == (30, 900)
    assert await calls.count("desk:80", "2026-11", 5, 800) == (35, 900)
    assert await calls.count("desk:80", "2026-12", 1, 0) == (1, 0)
    assert await calls.count("other", "2026-11", 7, 0) == (7, 0)
    assert await calls.of("2026-11") == {"desk:80": (35, 900), "other": (7, 0)}


def test_the_month_after_december_is_january() -> None:
    assert next_month(datetime(2026, 12, 31, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
