"""The clock that jumps: over waits, and over nothing that somebody works at."""

from __future__ import annotations

import asyncio
import threading
import time

from ztoq_testkit.virtual_time import VirtualTimeLoop, run_in_virtual_time


def running_loop() -> VirtualTimeLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.call_later(60, bool)  # what the clock would jump to
    return loop


def test_a_wait_takes_no_time_but_on_the_clock() -> None:
    async def work() -> float:
        await asyncio.sleep(300)
        return running_loop().time()

    began = time.monotonic()
    assert run_in_virtual_time(work()) == 300
    assert time.monotonic() - began < 100


def test_no_time_passes_while_a_thread_of_the_loop_works() -> None:
    async def work() -> float:
        loop = running_loop()
        await asyncio.to_thread(time.sleep, 0.05)
        return loop.time()

    assert run_in_virtual_time(work()) == 0


def test_no_time_passes_while_the_clock_is_to_stand_still() -> None:
    async def work() -> tuple[float, float]:
        loop, done = running_loop(), asyncio.Event()
        threading.Timer(0.05, loop.call_soon_threadsafe, (done.set,)).start()
        with loop.standing_still():
            await done.wait()
        stood = loop.time()
        await asyncio.sleep(1)
        return stood, loop.time()

    assert run_in_virtual_time(work()) == (0, 1)
