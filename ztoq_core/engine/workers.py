"""Runs calls side by side: some at once, or many by workers with a bounded queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from ztoq_core.engine.run import ProgressReporter
from ztoq_core.errors import one_error

T = TypeVar("T")


WORKERS = 3
"""Workers for each slot.

A worker waits for its commit, which holds no slot, while others fill the slots. Each may have a
record in work when the process is killed, so a later run asks for at most so many again.
"""


async def side_by_side(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return the results of calls that run side by side, in order; the first error ends all."""
    with one_error():
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in calls]
        return [task.result() for task in tasks]


async def run_workers(
    slots: int,
    reporter: ProgressReporter,
    work: Callable[[T], Awaitable[None]],
    feed: Callable[[asyncio.Queue[T | None]], Awaitable[None]],
) -> None:
    """Handle what ``feed`` puts into the queue until all is done, with three workers per slot.

    The queue has room for one record more per slot.

    Raises:
        ZtoqError: The first error of a worker or of ``feed``; the others are cancelled.
    """
    workers = WORKERS * slots
    queue: asyncio.Queue[T | None] = asyncio.Queue(maxsize=workers + slots)
    reporter.queue = queue

    async def one() -> None:
        while (each := await queue.get()) is not None:
            await work(each)

    with one_error():
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(one())
            # if it fails, the group cancels the workers; each None ends one of them
            await feed(queue)
            for _ in range(workers):
                await queue.put(None)
