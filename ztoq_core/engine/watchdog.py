"""Reports what a run waits for, and ends a run in which nothing happens without a reason."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import attrs
from loguru import logger

from ztoq_core.engine.run import Event, Progress
from ztoq_core.errors import ServiceError, one_error
from ztoq_core.waits import Wait, Waits

LOOKS_EVERY = 5.0
REPORTED_FROM = 10.0
"""Seconds of waiting for one thing after which that is reported."""

REPORTED_AGAIN = 30.0
QUIET = 60.0
"""Seconds without any event after which it is reported what is waited for."""

STALLED = 600.0
"""Seconds without any event, and without a reason for that, which end the run."""

IDLE = frozenset({"_worker", "wait"})
"""Functions in which threads wait for work: those of a pool, and timers."""


@asynccontextmanager
async def watched(waits: Waits, progress: Progress) -> AsyncIterator[Progress]:
    """Yield a progress that passes events on; while there are none, report what is waited for.

    Raises:
        ServiceError: Nothing happened for ten minutes, and nothing is waited for that ends by
            itself. The log shows where each task is.
    """
    watchdog = _Watchdog(waits, progress)
    with one_error():
        # in a task group, so that an error of the watchdog ends the body, which may wait forever
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watchdog.watch(), name="watchdog")
            try:
                yield watchdog.take
            finally:
                watching.cancel()


@attrs.define
class _Watchdog:
    waits: Waits
    progress: Progress
    _stage: str = ""
    _event_at: float = attrs.field(factory=lambda: asyncio.get_running_loop().time())
    _reported_at: dict[str, float] = attrs.field(factory=dict)
    _looks_without_reason: int = 0

    def take(self, event: Event) -> None:
        self._stage = event.stage
        self._event_at = asyncio.get_running_loop().time()
        self.progress(event)

    async def watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOKS_EVERY)
            now = loop.time()
            waits = self.waits.current(now)
            quiet = now - max(self._event_at, self.waits.progress_at)
            for wait in waits:
                if not wait.usual and now - wait.since >= REPORTED_FROM:
                    self._report(wait.what, f"{wait.text(now)}.", now, REPORTED_AGAIN)
            working = list(_threads_at_work())
            if quiet >= QUIET:
                reasons = [wait.text(now) for wait in waits] + working
                why = "; ".join(reasons) if reasons else "nothing that ztoq knows of"
                text = f"Nothing has happened for {quiet:.0f} s. Waited for: {why}."
                self._report("", text, now, QUIET, level="warning")
            # a wait is a reason if it ends by itself, or its end is not known
            reason = working or any(each.until is None or each.until > now for each in waits)
            self._looks_without_reason = 0 if reason else self._looks_without_reason + 1
            # One look is not enough: a thread may have ended just now, its result is on the way.
            if quiet >= STALLED and self._looks_without_reason > 1:
                self._give_up(quiet, waits, now)

    def _report(self, about: str, text: str, now: float, every: float, level: str = "info") -> None:
        if now - self._reported_at.get(about, -every) >= every:
            self._reported_at[about] = now
            self.progress(Event(stage=self._stage, text=text, level=level))

    def _give_up(self, quiet: float, waits: list[Wait], now: float) -> None:
        for task in asyncio.all_tasks():
            logger.error("stalled: {} at {}", task.get_name(), _place_of(task.get_coro()))
        what = "; ".join(wait.text(now) for wait in waits) or "nothing that ztoq knows of"
        raise ServiceError(
            f"Nothing has happened for {quiet:.0f} s without a reason. Waited for: {what}. That is "
            "a fault in ztoq or in a plugin: the log shows where each task waits. It is safe to "
            "run this again."
        )


def _threads_at_work() -> Iterator[str]:
    """Yield the places of threads that are at work, such as on a long transaction of the store."""
    frames = sys._current_frames()  # noqa: SLF001 - documented, with this name
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if frame and thread is not threading.main_thread() and frame.f_code.co_name not in IDLE:
            yield f"the thread {thread.name} at {_place(frame)}"


def _place(frame: FrameType) -> str:
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}"


def _place_of(coroutine: Any) -> str:
    """Return the innermost place at which a coroutine waits."""
    place = "its beginning"
    while coroutine is not None and (frame := getattr(coroutine, "cr_frame", None)) is not None:
        place = _place(frame)
        coroutine = getattr(coroutine, "cr_await", None)
    return place
