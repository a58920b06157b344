"""Nothing stands still: whoever waits is let through or turned away, whatever the order of events.

The loop is a real one whose callbacks run in any order, and which is busy at times.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ztoq_testkit.virtual_time import VirtualTimeLoop, run_in_virtual_time

from tests.unit.http.desk import Desk
from ztoq_core.errors import RetryableError, StoppedError
from ztoq_core.http.budget import Budget
from ztoq_core.http.client import Client
from ztoq_core.http.limits import CallQuota, Limits
from ztoq_core.http.pacer import Pacer
from ztoq_core.http.rate import Rate
from ztoq_core.waits import Waits


class Shuffling(asyncio.SelectorEventLoop):
    """A loop that runs what is ready in any order, and calls ``after`` each turn."""

    chance: random.Random
    after: Callable[[], None] = staticmethod(lambda: None)

    def _run_once(self) -> None:
        ready: list[Any] = list(self._ready)  # type: ignore[attr-defined]
        self.chance.shuffle(ready)
        self._ready.clear()  # type: ignore[attr-defined]
        self._ready.extend(ready)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]
        self.after()


class JumpingLoop(Shuffling, VirtualTimeLoop):
    """The same, and no pause takes time."""


@attrs.define
class Book:
    """A ledger that takes its time."""

    chance: random.Random
    total: int = 0

    async def count(self, _host: str, _month: str, calls: int, announced: int) -> tuple[int, int]:
        await asyncio.sleep(self.chance.choice((0, 0.001, 0.05)))
        self.total += calls
        return self.total, announced


WELL = ("granted", "granted", "granted", "cancelled")
OUTCOMES = (*WELL, "refused", "failed")


async def busy_at_times(chance: random.Random, spend: Callable[[float], None]) -> None:
    for _ in range(200):
        await asyncio.sleep(chance.choice((0, 0.001, 0.005)))
        spend(chance.choice((0, 0, 0.001, 0.02)))


async def one(pacer: Pacer, chance: random.Random, outcomes: tuple[str, ...]) -> None:
    for _ in range(6):
        acquiring = asyncio.create_task(pacer.acquire())
        outcome = chance.choice(outcomes)
        if outcome == "cancelled":
            await asyncio.sleep(chance.choice((0, 0.001)))
            acquiring.cancel()
            try:
                permit = await acquiring
            except (asyncio.CancelledError, RetryableError):
                continue
        else:
            try:
                permit = await acquiring
            except RetryableError:
                return
        try:
            await asyncio.sleep(chance.choice((0, 0, 0.001)))
            headers = chance.choice(({}, {}, {"x-ratelimit-remaining-minute": "900"}))
            if outcome == "refused":
                pacer.refused(permit, headers, chance.choice((0.0, 0.01)))
            elif outcome == "failed":
                pacer.failed(permit)
            else:
                pacer.granted(permit, headers)
        finally:
            pacer.release(permit)


@pytest.mark.parametrize("pauses", ["jump", "last"])
@given(
    seed=st.integers(0, 2**32),
    waiters=st.integers(1, 30),
    in_flight=st.integers(1, 32),
    rate=st.sampled_from([200.0, 2000.0, float("inf")]),
    most=st.none() | st.integers(0, 60),
    stop_after=st.none() | st.floats(0, 0.05),
)
def test_while_somebody_waits_a_request_is_in_flight_or_a_timer_is_set(  # noqa: PLR0913, PLR0917
    seed: int,
    waiters: int,
    in_flight: int,
    rate: float,
    most: int | None,
    stop_after: float | None,
    pauses: str,
) -> None:
    # on a loop whose pauses last, failures would mean minutes of waiting for the next probe
    outcomes = OUTCOMES if pauses == "jump" else WELL
    chance = random.Random(seed)
    loop = JumpingLoop() if pauses == "jump" else Shuffling()
    loop.chance = chance
    waits = Waits()
    quota = CallQuota(host="desk", ledger=Book(chance))
    pacer = Pacer(Rate(rate), in_flight, 0.5, Budget(quota, Limits(most=most)), waits)
    stuck: list[float] = []

    def look() -> None:
        if not pacer.live:
            stuck.append(loop.time())

    async def work() -> None:
        spend = loop.pass_time if isinstance(loop, JumpingLoop) else time.sleep
        noise = asyncio.create_task(busy_at_times(chance, spend))
        if stop_after is not None:
            loop.call_later(stop_after, waits.stop)
        async with (
            pacer.open(),
            asyncio.timeout(3600 if pauses == "jump" else 20),
            asyncio.TaskGroup() as group,
        ):
            loop.after = look
            for _ in range(waiters):
                group.create_task(one(pacer, chance, outcomes))
        noise.cancel()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work())
    assert not stuck
    assert pacer.active == 0


@pytest.mark.parametrize(
    "outage", ["refusals", "errors", "retry-after", "hanging", "slots", "nobody listens"]
)
def test_a_stop_releases_everyone_who_waits(desk: Desk, outage: str) -> None:
    async def work(client: Client) -> None:
        loop = asyncio.get_running_loop()
        await client.get("things")
        if outage == "refusals":
            desk.faults.limit_per_second = 0.01
        elif outage == "errors":
            desk.faults.error_5xx = 1.0
        elif outage == "retry-after":
            desk.faults.limit_per_second, desk.faults.retry_after = 0.01, 250
        elif outage == "nobody listens":
            await desk.stop()
        else:
            desk.faults.slow = 1.0
        tasks = [asyncio.create_task(client.get(f"things/{number}")) for number in range(40)]
        await asyncio.sleep(40)
        client.waits.stop()
        stopped = loop.time()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(each) for each in outcomes} - {dict} == {StoppedError}
        # what is under way has the time-out of a request to end
        assert loop.time() - stopped <= (60 if outage in {"hanging", "slots"} else 1)

    desk.options = {"in_flight": 2} if outage == "slots" else {}
    desk.run(work)


def test_who_waits_for_what_is_said() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        pacer = Pacer(in_flight=1, waits=Waits())
        async with pacer.open():
            permit = await pacer.acquire()
            waiting = asyncio.create_task(pacer.acquire())
            await asyncio.sleep(3)
            said = [each.text(loop.time()) for each in pacer.waits.current(loop.time())]
            assert said == [
                "a request to the service has been under way for 3 s",
                "a request to the service has waited for its turn for 3 s",
            ]
            for _ in range(3):
                pacer.failed(permit)
            pacer.breaker.probe_at = loop.time() + 15
            pacer.release(permit)
            await asyncio.sleep(5)
            (wait,) = pacer.waits.current(loop.time())
            assert wait.text(loop.time()) == (
                "the service has not given a good answer for 5 s; next try in 10 s"
            )
            assert not wait.usual
            waiting.cancel()

    run_in_virtual_time(work())


def test_a_pause_ends_early_when_the_run_is_to_stop() -> None:
    async def work() -> None:
        loop, waits = asyncio.get_running_loop(), Waits()
        assert await waits.sleep(5, "the search has lagged")
        loop.call_later(7, waits.stop)
        began = loop.time()
        assert not await waits.sleep(100, "the search has lagged")
        assert loop.time() - began == 7
        assert not await waits.sleep(100, "the search has lagged")
        assert not waits.current(loop.time())

    run_in_virtual_time(work())
