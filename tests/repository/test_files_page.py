"""The page ``docs/files.md``: its commands print what it shows.

Each time, ``ztoq`` runs within this process, and the simulators, which the page starts, are served
beside it; in the acceptance run, all of it runs in a shell.
"""

from __future__ import annotations

import re
import shlex
import subprocess
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

PAGE = Path(__file__).parents[2] / "docs" / "files.md"
ADDRESSES = ("http://127.0.0.1:8098/v2", "http://127.0.0.1:8099")
OF_SIMULATORS = re.compile("python -m ztoq_demo|until |export |kill ")


def test_each_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    zephyr, qtest = Zephyr(shop()), QTest(Options(token="of-a-simulator"))
    given = environment(zephyr.token(), "of-a-simulator") | {"COLUMNS": "200"}

    def run(command: str) -> str | None:
        if OF_SIMULATORS.match(command):
            return None
        if command.startswith("ztoq "):
            done = ztoq(tmp_path, *shlex.split(command)[1:], env=given)
            assert done.returncode == 0, done.stderr
            return done.stdout + done.stderr
        bash = ["bash", "-c", command]
        return subprocess.check_output(bash, cwd=tmp_path, text=True)

    with in_background(zephyr.serving(), qtest.serving()) as served:

        def shown(body: str) -> str:
            for there, here in zip(ADDRESSES, served, strict=True):
                body = body.replace(there, here)
            return body

        assert len(follow(PAGE, tmp_path, run, shown)) >= 4


@pytest.mark.acceptance
@pytest.mark.timeout(300)  # eight processes, one after the other
def test_the_page_works_as_it_is_written(tmp_path: Path) -> None:
    with open_shell(tmp_path) as shell:
        assert len(follow(PAGE, tmp_path / "folder", shell.run)) >= 10
