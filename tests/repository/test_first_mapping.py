"""The page ``docs/first-mapping.md``, followed to the letter in an empty folder.

That takes twenty processes; each time only the lines with ``ztoq`` are run, within this one.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from ztoq_demo.qtest import Options
from ztoq_demo.qtest import Simulator as QTest
from ztoq_demo.zephyr.demo import shop
from ztoq_demo.zephyr.simulator import Simulator as Zephyr

from tests.corpus.background import in_background
from tests.corpus.in_process import ztoq
from tests.corpus.setting import environment
from tests.pages import follow, open_shell
from ztoq_core.installed import entry_points

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "first-mapping.md"


def test_each_line_with_ztoq_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = [EntryPoint(name="acme", value="acme_mapping", group="ztoq")]
    installed += entry_points("ztoq")
    monkeypatch.setattr(
        "ztoq_core.plugins.entry_points",
        lambda group: installed if group == "ztoq" else entry_points(group),
    )
    monkeypatch.syspath_prepend(tmp_path)
    zephyr, qtest = Zephyr(shop()), QTest(Options(token="of-a-simulator"))
    given = environment(zephyr.token(), "of-a-simulator") | {"COLUMNS": "200"}

    def run(command: str) -> str | None:
        if re.match(r"sed .* > |mkdir ", command):
            subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)  # noqa: S607
        if command.startswith("export "):
            given.update(sides)
        words = re.match(r"ztoq (.*?)( \| grep \S+| \|\| true)?$", command)
        if words is None:
            return None
        done = ztoq(tmp_path, *shlex.split(words[1]), env=given)
        assert done.returncode == 0 or "true" in (words[2] or ""), done.stderr
        return done.stdout + done.stderr

    with in_background(zephyr.serving(), qtest.serving()) as (read_at, write_at):
        sides = {"ZTOQ_SOURCE_BASE_URL": read_at, "ZTOQ_SINK_BASE_URL": write_at}
        assert len(follow(PAGE, tmp_path, run)) >= 10


@pytest.mark.acceptance
@pytest.mark.timeout(900)  # twenty processes, one after the other
def test_the_page_works_as_it_is_written(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="builds the package without the index")
    with open_shell(tmp_path) as shell:
        assert len(follow(PAGE, tmp_path / "folder", shell.run)) >= 15
