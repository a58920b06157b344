"""Draws docs/progress.svg: what ``ztoq migrate`` shows in the middle of a load.

``python tests/performance/progress_picture.py``: an invented project of 400 cases is migrated
between the simulators, over HTTP with 20 ms latency, and the bars are drawn as soon as half of the
cases are written. Nothing in the picture is edited.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from io import StringIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

from tests.corpus.serve import Served
from tests.corpus.setting import write_config
from tests.performance.invented import KEY, write
from ztoq_core import Config, Migration
from ztoq_core.cli.progress import Bars
from ztoq_core.engine import Event
from ztoq_core.records import Kind

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "progress.svg"
CASES, EXECUTIONS, LATENCY_S = 400, 800, 0.02
WIDTH = 100
FONT_OF_ANOTHER_HOST = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
FONTS = "ui-monospace, DejaVu Sans Mono, Menlo, Consolas"


class Watcher:
    """Takes the events of a migration and keeps a picture of its bars."""

    def __init__(self) -> None:
        """Draw on a terminal that nobody sees."""
        self._console = Console(
            record=True,
            file=StringIO(),
            width=WIDTH,
            force_terminal=True,
            color_system="truecolor",
            markup=False,  # as the command line prints
            highlight=False,
        )
        self.bars = Bars(self._console)
        self.picture = ""

    def take(self, event: Event) -> None:
        """Show the event; draw when half of the test cases are written."""
        self.bars.take(event)
        half = event.kind is Kind.TEST_CASE and event.total and event.done >= event.total / 2
        if event.stage == "load" and half and not self.picture:
            self._console.print(self.bars.draw())
            self.picture = self._console.export_svg(title="ztoq migrate", theme=DIMMED_MONOKAI)


def without_fonts(svg: str) -> str:
    """Return a picture that asks no other host for its letters, as rich's does."""
    svg = FONT_OF_ANOTHER_HOST.sub("", svg).replace("Fira Code", FONTS)
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


async def draw() -> str:
    """Migrate and return the picture."""
    watcher = Watcher()
    with tempfile.TemporaryDirectory(prefix="ztoq-picture-") as name:
        folder = Path(name)
        write(folder / "shop.jsonl", CASES, EXECUTIONS)
        corpus = ("--corpus", str(folder / "shop.jsonl"))
        latency = ("--latency", str(LATENCY_S))
        with Served("zephyr", *corpus, *latency) as source, Served("qtest", *latency) as sink:
            os.environ |= {"ZEPHYR_TOKEN": source.token, "QTEST_TOKEN": sink.token}
            config = Config.load(write_config(folder, source.url, sink.url, project=KEY))
            migration = Migration(config, progress=watcher.take)
            watcher.bars.limits = migration.limits
            await migration.run()
    return without_fonts(watcher.picture)


if __name__ == "__main__":
    PICTURE.write_text(asyncio.run(draw()), "utf-8")
