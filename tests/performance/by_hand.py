"""What ``ztoq extract`` is compared with: cases and their steps into SQLite, written by hand.

The client that an engineer writes for one use: aiohttp with as many requests in flight as asked,
pages ahead of the steps, rows in batches. It retries nothing, resumes nothing and checks nothing.
``python -m tests.performance.by_hand URL TOKEN PROJECT FILE SLOTS``
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import aiohttp

BATCH = 200
PAGE = 1000


async def main(url: str, token: str, project: str, file: Path, slots: int) -> None:  # noqa: C901 - one page
    """Read the project into ``file``."""
    base = sqlite3.connect(file)
    base.execute("PRAGMA journal_mode = wal")
    base.execute("CREATE TABLE cases (key TEXT PRIMARY KEY, body TEXT)")
    base.execute("CREATE TABLE steps (key TEXT PRIMARY KEY, body TEXT)")
    queue: asyncio.Queue[str | None] = asyncio.Queue(maxsize=2 * PAGE)
    rows: list[tuple[str, str]] = []
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=slots), headers={"Authorization": f"Bearer {token}"}
    ) as session:

        async def get(path: str, **params: str | int) -> Any:
            async with session.get(f"{url}/{path}", params=params) as answer:
                answer.raise_for_status()
                return await answer.json()

        async def work() -> None:
            while (key := await queue.get()) is not None:
                steps: list[Any] = []
                while True:
                    page = await get(
                        f"testcases/{key}/teststeps", maxResults=PAGE, startAt=len(steps)
                    )
                    steps += page["values"]
                    if page.get("isLast", True) or not page["values"]:
                        break
                rows.append((key, json.dumps(steps)))
                if len(rows) >= BATCH:
                    _save(base, "steps", rows)

        async with asyncio.TaskGroup() as group:
            for _ in range(slots):
                group.create_task(work())
            start: int | None = 0
            while start is not None:
                page = await get(
                    "testcases/nextgen", projectKey=project, limit=PAGE, startAtId=start
                )
                _save(base, "cases", [(each["key"], json.dumps(each)) for each in page["values"]])
                for each in page["values"]:
                    await queue.put(each["key"])
                start = page.get("nextStartAtId")
            for _ in range(slots):
                await queue.put(None)
    _save(base, "steps", rows)
    base.close()


def _save(base: sqlite3.Connection, table: str, rows: list[tuple[str, str]]) -> None:
    base.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)  # noqa: S608 - our own names
    base.commit()
    rows.clear()


if __name__ == "__main__":
    address, secret, key, path, number = sys.argv[1:]
    asyncio.run(main(address, secret, key, Path(path), int(number)))
