"""Pacing against limiters of several kinds, in virtual time."""

from __future__ import annotations

import asyncio
import random

import attrs
import pytest
from ztoq_testkit.virtual_time import VirtualTimeLoop, run_in_virtual_time

from tests.performance.limiters import LIMITERS, Bucket, Limiter, Window
from ztoq_core.errors import RetryableError
from ztoq_core.http.budget import Budget
from ztoq_core.http.pacer import Pacer
from ztoq_core.http.rate import Rate

pytestmark = pytest.mark.unmeasured  # thousands of turns through lines that others cover


@attrs.define
class Drive:
    """Tasks that send as fast as they may, and when their requests were granted and refused."""

    limiter: Limiter
    seconds: float
    latency: float = 0.02
    wait: float = 0.0
    pacer: Pacer = attrs.field(factory=Pacer)
    granted: list[float] = attrs.field(factory=list)
    refused: list[float] = attrs.field(factory=list)
    change: tuple[float, float] | None = None
    late: float = 0.0

    def run(self) -> None:
        run_in_virtual_time(self._run())

    async def _run(self) -> None:
        if self.change:
            at, limit = self.change
            asyncio.get_running_loop().call_later(at, setattr, self.limiter, "limit", limit)
        chance = random.Random(1)
        if self.late:
            self._stall(chance)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(64):
                tasks.create_task(self._send(chance))

    def _stall(self, chance: random.Random) -> None:
        """Let time pass in which the loop does nothing, as on a busy machine; and again soon."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.pass_time(chance.uniform(0, self.late))
        if loop.time() < self.seconds:
            loop.call_later(chance.uniform(0.02, 0.12), self._stall, chance)

    async def _send(self, chance: random.Random) -> None:
        loop = asyncio.get_running_loop()
        refusals = 0
        while loop.time() < self.seconds:
            permit = await self.pacer.acquire()
            await asyncio.sleep(self.latency / 2 * chance.uniform(0.7, 1.3))
            now = loop.time()
            granted = self.limiter.grants(now)
            (self.granted if granted else self.refused).append(now)
            await asyncio.sleep(self.latency / 2 * chance.uniform(0.7, 1.3))
            if granted:
                refusals = 0
                self.pacer.granted(permit, {})
                self.pacer.release(permit)
                continue
            self.pacer.refused(permit, {}, self.wait)
            self.pacer.release(permit)
            await asyncio.sleep(max(self.wait, chance.uniform(0, min(30, 0.5 * 2**refusals))))
            refusals += 1

    def between(self, start: float, end: float) -> int:
        return sum(start <= moment < end for moment in self.granted)

    @property
    def share_refused(self) -> float:
        return len(self.refused) / (len(self.refused) + len(self.granted))


@pytest.mark.parametrize("wait", [0.0, pytest.param(1.0, marks=pytest.mark.acceptance)])
@pytest.mark.parametrize("kind", LIMITERS)
def test_a_limit_that_nobody_told_is_used_and_hardly_passed(kind: str, wait: float) -> None:
    drive = Drive(LIMITERS[kind](100), seconds=60, wait=wait)
    drive.run()
    assert drive.between(0, 60) >= 0.95 * 100 * 60
    assert drive.share_refused <= 0.03


@pytest.mark.parametrize(
    ("limit", "seconds"), [(20, 60), pytest.param(500, 12, marks=pytest.mark.acceptance)]
)
@pytest.mark.parametrize("kind", LIMITERS)
def test_low_and_high_limits_are_found(kind: str, limit: float, seconds: float) -> None:
    drive = Drive(LIMITERS[kind](limit), seconds=seconds)
    drive.run()
    assert drive.between(0, seconds) >= 0.95 * limit * seconds
    assert drive.share_refused <= 0.03  # nearly all of it in the first seconds


@pytest.mark.parametrize("latency", [0.02, pytest.param(0.2, marks=pytest.mark.acceptance)])
@pytest.mark.parametrize("kind", LIMITERS)
def test_a_limit_that_is_halved_is_used_again_within_five_seconds(
    kind: str, latency: float
) -> None:
    drive = Drive(LIMITERS[kind](100), seconds=25, change=(15, 50), latency=latency)
    drive.run()
    assert drive.between(20, 25) >= 0.9 * 50 * 5
    assert sum(moment > 15 for moment in drive.refused) <= 0.25 * 50 * 10


@pytest.mark.parametrize("latency", [0.1, pytest.param(0.2, marks=pytest.mark.acceptance)])
@pytest.mark.parametrize("kind", LIMITERS)
def test_a_low_limit_far_away_is_found_without_a_volley(kind: str, latency: float) -> None:
    drive = Drive(LIMITERS[kind](20), seconds=60, latency=latency)
    drive.run()
    assert drive.between(0, 60) >= 0.9 * 20 * 60
    # what was under way at the first refusal, and little more
    assert sum(moment > 5 for moment in drive.refused) <= 0.025 * 20 * 60


@pytest.mark.parametrize("kind", LIMITERS)
def test_a_loop_that_comes_late_time_and_again_still_uses_the_limit(kind: str) -> None:
    drive = Drive(LIMITERS[kind](100), seconds=30, late=0.05, change=(15, 150))
    drive.run()
    assert drive.between(0, 15) >= 0.9 * 100 * 15
    assert drive.between(25, 30) >= 0.85 * 150 * 5
    assert drive.share_refused <= 0.05


def test_a_limit_that_is_raised_is_found() -> None:
    drive = Drive(Bucket(50, 5), seconds=40, change=(15, 100))
    drive.run()
    assert drive.between(35, 40) >= 0.9 * 100 * 5


def test_a_service_without_a_limit_soon_gets_all_slots() -> None:
    drive = Drive(Bucket(1e9, 1e9), seconds=5)
    drive.run()
    most = 32 / 0.02
    assert drive.between(1, 5) >= 0.95 * most * 4
    assert drive.between(0, 5) >= 0.9 * most * 5


def test_one_request_alone_tries_whether_a_closed_service_is_open_again() -> None:
    drive = Drive(Window(100, sliding=False), seconds=20, change=(5, 0))
    drive.run()
    # the pauses double up to 15 s
    assert 3 <= sum(8 < moment < 100 for moment in drive.refused) <= 10


def test_a_closed_service_that_says_until_when_is_left_alone_until_then() -> None:
    drive = Drive(Window(100, sliding=False), seconds=20, change=(0.5, 0), wait=25.0)
    drive.run()
    assert not [moment for moment in drive.refused if 2 < moment < 25]


def test_a_fixed_rate_is_never_passed() -> None:
    drive = Drive(Bucket(1e9, 1e9), seconds=10, pacer=Pacer(Rate(40.0)))
    drive.run()
    assert 395 <= drive.between(0, 10) <= 403


def test_waiting_for_a_turn_wakes_nobody_in_vain() -> None:
    async def work() -> int:
        pacer, loop = Pacer(Rate(10.0)), asyncio.get_running_loop()
        steps = 0
        original = loop.call_at

        def counting(*args: object, **kwargs: object) -> asyncio.TimerHandle:
            nonlocal steps
            steps += 1
            return original(*args, **kwargs)  # type: ignore[arg-type]  # handed on

        loop.call_at = counting  # type: ignore[method-assign]  # counted here

        async def one() -> None:
            permit = await pacer.acquire()
            pacer.granted(permit, {})
            pacer.release(permit)

        await asyncio.gather(*(one() for _ in range(1000)))
        assert 99 < loop.time() < 101
        return steps

    assert run_in_virtual_time(work()) <= 1010


def test_slow_answers_ask_for_fewer_requests_at_once_until_they_are_quick_again() -> None:
    async def work() -> None:
        pacer = Pacer(in_flight=8, timeout=4.0)
        most = 0

        async def burst(seconds: float, *, fails: bool = False) -> int:
            nonlocal most
            most = 0

            async def one() -> None:
                nonlocal most
                permit = await pacer.acquire()
                most = max(most, pacer.active)
                await asyncio.sleep(seconds)
                if fails:
                    pacer.failed(permit)
                else:
                    pacer.granted(permit, {})
                pacer.release(permit)

            await asyncio.gather(*(one() for _ in range(40)))
            return most

        assert await burst(0.1) == 8
        await burst(2.0)
        assert await burst(2.0) <= 4
        await burst(4.0, fails=True)
        assert await burst(0.1) < 8
        await burst(0.1)
        assert await burst(0.1) == 8

    run_in_virtual_time(work())


def _headers(minute: int, second: int) -> dict[str, str]:
    return {
        "x-ratelimit-remaining-minute": str(minute),
        "Date": f"Wed, 21 Oct 2026 07:28:{second:02} GMT",
    }


def test_the_budget_of_a_minute_is_spent_and_the_next_minute_waited_for() -> None:
    async def work() -> list[float]:
        pacer, loop = Pacer(in_flight=8), asyncio.get_running_loop()
        sent: list[float] = []
        left = {0: 30}

        async def one() -> None:
            permit = await pacer.acquire()
            sent.append(loop.time())
            minute, second = divmod(int(loop.time()) + 20, 60)  # the run begins at second 20
            left[minute] = left.get(minute, 30) - 1
            assert left[minute] >= 0
            await asyncio.sleep(0.1)
            pacer.granted(permit, _headers(left[minute], second))
            pacer.release(permit)

        await asyncio.gather(*(one() for _ in range(75)))
        return sent

    sent = run_in_virtual_time(work())
    assert [sum(m <= (t + 20) / 60 < m + 1 for t in sent) for m in range(3)] == [30, 30, 15]
    assert sent[30] < 42


def test_headers_that_are_no_numbers_are_ignored() -> None:
    budget = Budget()
    budget.announced(0.0, {"x-ratelimit-remaining-minute": "many", "Date": "soon"}, 0)
    assert budget.due(5.0, 0) == 5.0


def test_those_who_wait_learn_that_the_month_is_over() -> None:
    async def work() -> None:
        pacer = Pacer(in_flight=1)
        permit = await pacer.acquire()
        waiting = asyncio.create_task(pacer.acquire())
        await asyncio.sleep(1)
        pacer.granted(permit, {"X-RateLimit-Remaining-Month".lower(): "0"})
        pacer.release(permit)
        with pytest.raises(RetryableError, match="this month"):
            await waiting
        assert pacer.active == 0

    run_in_virtual_time(work())


def test_a_turn_that_comes_as_its_task_is_cancelled_is_given_back() -> None:
    async def work() -> None:
        pacer = Pacer(in_flight=1)
        permit = await pacer.acquire()
        waiting = asyncio.create_task(pacer.acquire())
        await asyncio.sleep(1)
        pacer.release(permit)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert pacer.active == 0

    run_in_virtual_time(work())
