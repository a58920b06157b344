"""A run that waits says for what; one that stands still ends. In virtual time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from ztoq_testkit.virtual_time import run_in_virtual_time

from ztoq_core.engine import Event, Progress, watched
from ztoq_core.errors import Exit, RejectedError, ServiceError
from ztoq_core.records import Kind
from ztoq_core.waits import Waits

Body = Callable[[Progress, Waits], Awaitable[None]]


def run(body: Body) -> tuple[list[tuple[float, str]], float]:
    """Return what was said, and when it ended."""
    said: list[tuple[float, str]] = []

    async def work() -> float:
        loop, waits = asyncio.get_running_loop(), Waits()

        def show(event: Event) -> None:
            if event.text:
                said.append((loop.time(), event.text))

        async with watched(waits, show) as tell:
            await body(tell, waits)
        return loop.time()

    return said, run_in_virtual_time(work())


def test_what_is_waited_for_is_said_from_the_tenth_second_on() -> None:
    async def body(_: Progress, waits: Waits) -> None:
        await waits.sleep(9, "qTest has not answered")
        await waits.sleep(50, "qTest has not answered")

    said, _ = run(body)
    assert said == [
        (20, "qTest has not answered for 11 s; next try in 39 s."),
        (50, "qTest has not answered for 41 s; next try in 9 s."),
    ]


def test_a_minute_without_an_event_is_said_with_what_is_waited_for() -> None:
    async def body(tell: Progress, waits: Waits) -> None:
        tell(Event(stage="load", kind=Kind.TEST_CASE, done=1))
        with waits.on("a request to qTest has been under way", 1000, usual=True):
            await asyncio.sleep(130)

    said, _ = run(body)
    assert [text for _, text in said] == [
        f"Nothing has happened for {seconds} s. "
        f"Waited for: a request to qTest has been under way for {seconds} s."
        for seconds in (60, 120)
    ]


def test_events_and_good_answers_are_a_sign_of_life() -> None:
    async def body(tell: Progress, waits: Waits) -> None:
        for _ in range(30):
            await asyncio.sleep(50)
            tell(Event(stage="load", kind=Kind.TEST_CASE, done=1))
            await asyncio.sleep(50)
            waits.progress_at = asyncio.get_running_loop().time()

    assert run(body) == ([], 3000)


@pytest.mark.parametrize("waiting", [False, True])
def test_a_run_that_stands_still_ends(*, waiting: bool) -> None:
    ended: list[float] = []

    async def body(_: Progress, waits: Waits) -> None:
        try:
            if waiting:
                with waits.on("a request to qTest has waited for its turn", until=0.0):
                    await asyncio.Event().wait()
            await asyncio.Event().wait()
        finally:
            ended.append(asyncio.get_running_loop().time())

    with pytest.raises(ServiceError, match=r"600 s without a reason.*run this again") as caught:
        run(body)
    assert caught.value.exit_code is Exit.STOPPED
    assert ("waited for its turn" in str(caught.value)) is waiting
    assert ended == [600]


def test_a_wait_that_has_an_end_is_a_reason() -> None:
    async def body(_: Progress, waits: Waits) -> None:
        await waits.sleep(3000, "the minute's calls are used up")

    said, ended = run(body)
    assert ended == 3000
    assert len(said) > 50


def test_a_thread_that_works_is_a_reason() -> None:
    go_on = threading.Event()

    def compute() -> None:
        while not go_on.is_set():
            sum(range(1000))

    async def body(_: Progress, __: Waits) -> None:
        # none of the loop's own: the virtual clock would stand still
        thread = threading.Thread(target=compute, name="mapping")
        thread.start()
        await asyncio.sleep(700)
        go_on.set()
        thread.join()

    said, _ = run(body)  # in is_set, too, which it calls
    assert any("the thread mapping at test_watchdog.py" in text for _, text in said)


def test_a_thread_that_has_just_ended_gets_the_time_to_pass_its_result_on() -> None:
    go_on = threading.Event()

    def compute() -> None:
        while not go_on.is_set():
            sum(range(1000))

    async def body(_: Progress, __: Waits) -> None:
        loop, result = asyncio.get_running_loop(), asyncio.Event()
        thread = threading.Thread(target=compute)

        def end() -> None:
            go_on.set()
            thread.join()
            loop.call_later(6, result.set)

        thread.start()
        loop.call_later(701, end)
        await result.wait()

    assert run(body)[1] == 707


def test_an_error_of_the_body_comes_out_as_it_is() -> None:
    async def body(_: Progress, __: Waits) -> None:
        raise RejectedError("no")

    with pytest.raises(RejectedError, match="no"):
        run(body)
