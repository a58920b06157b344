"""Workers fill the slots while others wait for commits, and only so many records are in work."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ztoq_core.engine.run import WORKERS, ProgressReporter, run_workers
from ztoq_core.store import Store

SLOTS = 2


async def test_while_a_commit_is_waited_for_the_slots_are_used() -> None:
    slots, committed = asyncio.Semaphore(SLOTS), asyncio.Event()
    begun: list[int] = []

    async def work(record: int) -> None:
        async with slots:
            begun.append(record)
        await committed.wait()

    async def feed(queue: asyncio.Queue[int | None]) -> None:
        for record in range(30):
            await queue.put(record)

    async def commit() -> int:
        for _ in range(50):
            await asyncio.sleep(0)
        committed.set()
        return len(begun)  # a run after a kill at this instant would ask for these again

    reporter = ProgressReporter("extract", lambda _: None)
    _, in_work = await asyncio.gather(run_workers(SLOTS, reporter, work, feed), commit())

    assert in_work == WORKERS * SLOTS == 3 * SLOTS
    assert sorted(begun) == list(range(30))


async def test_few_records_start_few_workers() -> None:
    tasks = []

    async def work(_: int) -> None:
        for _ in range(10):
            tasks.append(len(asyncio.all_tasks()))
            await asyncio.sleep(0)

    async def feed(queue: asyncio.Queue[int | None]) -> None:
        await queue.put(1)
        await queue.put(2)

    await run_workers(32, ProgressReporter("load", lambda _: None), work, feed)

    assert max(tasks) <= 4  # this test, the two, and the one that waits for a third


async def test_callers_at_work_at_once_share_commits(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        before = store.database.commits

        async def several() -> None:
            for _ in range(20):
                await store.database.write(lambda: None)

        await asyncio.gather(*(several() for _ in range(20)))

        # about one for each round of 20; more where the machine is busy, but never one for each
        assert store.database.commits - before <= 400 / 4
