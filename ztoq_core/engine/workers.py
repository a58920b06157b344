"""Workers that take what a feeder puts into a bounded queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ztoq_core.engine.run import ProgressReporter
from ztoq_core.errors import one_error

__all__ = ["run_workers"]

T = TypeVar("T")


async def run_workers(
    workers: int,
    reporter: ProgressReporter,
    work: Callable[[T], Awaitable[None]],
    feed: Callable[[asyncio.Queue[T | None]], Awaitable[None]],
) -> None:
    """Let ``workers`` work off what ``feed`` puts into the queue, until both are through.

    ``workers`` are as many as requests may be in flight. With twice as many the slots were fuller
    (extraction a tenth quicker), but a run after a kill repeated up to 4 % of all calls: each
    worker's record is begun anew, or looked for. The queue has room for two records each.

    Raises:
        ZtoqError: What ended the first of them; the others are cancelled.
    """
    queue: asyncio.Queue[T | None] = asyncio.Queue(maxsize=2 * workers)
    reporter.queue = queue

    async def one() -> None:
        while (each := await queue.get()) is not None:
            await work(each)

    with one_error():
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(one())
            await feed(queue)
            for _ in range(workers):
                await queue.put(None)
