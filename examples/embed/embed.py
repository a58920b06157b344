"""A program that migrates: shows events, stops after a time, and reads how it ended.

``python embed.py ztoq.toml`` migrates as ``ztoq migrate`` does; in a notebook, ``await migrate(…)``
in a cell does the same.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ztoq_core import Config, Migration, Result
from ztoq_core.engine import Event


def show(event: Event) -> None:
    """Print sentences, and leave the figures out."""
    if event.text:
        print(f"{event.level}: {event.text}")


async def migrate(config: Config, seconds: float = 3600.0) -> Result:
    """Migrate for so many seconds at most; what is left comes with the next call."""
    migration = Migration(config, progress=show)
    asyncio.get_running_loop().call_later(seconds, migration.stop)
    result = await migration.run()
    migration.report({"html": config.folder / "report.html"})
    return result


if __name__ == "__main__":
    ended = asyncio.run(migrate(Config.load(Path(sys.argv[1]))))
    print(ended.verdict.headline)
    for row in ended.totals:
        print(f"{row.kind}: {row.created} created, {row.failed} failed")
    sys.exit(ended.exit)
