"""Workers that take what a feeder puts into a bounded queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ztoq_core.engine.progress import Teller
from ztoq_core.errors import one_error

__all__ = ["crew"]

T = TypeVar("T")

PER_SLOT = 2
"""Workers for each request in flight: while one waits for a commit, another one's request leaves.
The client holds the limit; with one worker for each slot a third of the slots stood empty."""


async def crew(
    slots: int,
    teller: Teller,
    work: Callable[[T], Awaitable[None]],
    feed: Callable[[asyncio.Queue[T | None]], Awaitable[None]],
) -> None:
    """Work off what ``feed`` puts into the queue, until both are through.

    ``slots`` are the requests that may be in flight; the queue has room for twice the workers.

    Raises:
        ZtoqError: What ended the first of them; the others are cancelled.
    """
    workers = PER_SLOT * slots
    queue: asyncio.Queue[T | None] = asyncio.Queue(maxsize=2 * workers)
    teller.queue = queue

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
