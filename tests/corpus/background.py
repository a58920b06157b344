"""Serves simulators in a thread with a loop of its own, so that a test may wait for a process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager


@contextmanager
def in_background(*servings: AbstractAsyncContextManager[str]) -> Iterator[list[str]]:
    """Enter the contexts (``simulator.serving()``) in a thread and yield their base URLs."""
    started: list[str] = []
    ready = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    problems: list[BaseException] = []

    async def serve() -> None:
        ended = asyncio.Event()
        async with AsyncExitStack() as stack:
            started.extend([await stack.enter_async_context(each) for each in servings])
            loops.append((asyncio.get_running_loop(), ended))
            ready.set()
            await ended.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as problem:  # the thread would end with it unseen
            problems.append(problem)
            raise
        finally:
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(30)
    assert not problems, problems
    try:
        yield started
    finally:
        loop, ended = loops[0]
        loop.call_soon_threadsafe(ended.set)
        thread.join(30)
