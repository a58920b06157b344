"""The page ``docs/first-mapping.md``, followed to the letter in an empty folder.

A block whose first line names a file is written; of a ``console`` block the lines behind ``$`` are
run, in one shell, and the others must be in what is printed, in their order. That takes twenty
processes; each time only the lines with ``ztoq`` are run, within this one.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
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
from ztoq_core.installed import entry_points

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "first-mapping.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
DONE = "ztoq-test-done"


class Shell:
    """A shell that keeps its jobs and variables between commands."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--norc", "-m"],  # noqa: S607 - the reader's shell
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: str) -> str:
        """Return what the command prints; it must end well."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{command}\necho {DONE} $?\n")
        self._process.stdin.flush()
        printed = ""
        for line in self._process.stdout:
            if DONE in line:
                assert line.endswith(f"{DONE} 0\n"), f"$ {command}\n{printed}"
                return printed
            printed += line
        raise AssertionError(f"$ {command}\n{printed}\nthe shell ended")

    def close(self) -> None:
        """End the shell and the jobs that it started."""
        if self._process.poll() is None:
            assert self._process.stdin
            self._process.stdin.write("kill $(jobs -p) 2> /dev/null\nexit\n")
            self._process.stdin.close()
            self._process.wait(timeout=20)
        if self._process.stdout:
            self._process.stdout.close()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder, with the commands that the reader has installed."""
    tools, site, folder = (tmp_path / name for name in ("tools", "site", "folder"))
    for each in (tools, site, folder):
        each.mkdir()
    modules = {"ztoq": "ztoq_core.cli", "pip": "pip", "pytest": "pytest"}
    python = shlex.quote(sys.executable)
    for name, module in modules.items():
        (tools / name).write_text(f'#!/bin/sh\nexec {python} -m {module} "$@"\n')
    (tools / "python").write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    for each in tools.iterdir():
        each.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name[:5] != "ZTOQ_"}
    paths = (str(site), os.environ.get("PYTHONPATH", ""))
    opened = Shell(
        folder,
        environment
        | {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "COLUMNS": "200",
            # what the reader has and the index would give is here already
            "PIP_TARGET": str(site),
            "PIP_NO_DEPS": "1",
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say that there is none
        },
    )
    yield opened
    opened.close()


def blocks() -> Iterator[tuple[str, str, str]]:
    for found in BLOCK.finditer(PAGE.read_text("utf-8")):
        yield found[1], found[2] or "", found[3]


def steps(block: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command with the lines that it should print."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *expected = part.splitlines()
        yield command, expected


def write(file: str, body: str, folder: Path) -> None:
    """Write the file of a block."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body, "utf-8")


def compare(command: str, printed: str, expected: list[str]) -> None:
    """Make sure that the lines were printed in their order."""
    place = 0
    for line in map(str.strip, expected):
        place = printed.find(line, place) + len(line)
        assert place >= len(line), f"$ {command}\n{printed}\nexpected: {line}"


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
    ran = 0
    with in_background(zephyr.serving(), qtest.serving()) as (read_at, write_at):
        sides = {"ZTOQ_SOURCE_BASE_URL": read_at, "ZTOQ_SINK_BASE_URL": write_at}
        given = environment(zephyr.token(), "of-a-simulator") | {"COLUMNS": "200"}
        for language, file, body in blocks():
            if language != "console":
                write(file, body, tmp_path)
                continue
            for command, expected in steps(body):
                if re.match(r"sed .* > |mkdir ", command):
                    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)  # noqa: S607
                given |= sides if command.startswith("export ") else {}
                if words := re.match(r"ztoq (.*?)( \| grep \S+| \|\| true)?$", command):
                    done = ztoq(tmp_path, *shlex.split(words[1]), env=given)
                    assert done.returncode == 0 or "true" in (words[2] or ""), done.stderr
                    compare(command, done.stdout + done.stderr, expected)
                    ran += 1
    assert ran >= 10


@pytest.mark.acceptance
@pytest.mark.timeout(900)  # twenty processes, one after the other
def test_the_page_works_as_it_is_written(shell: Shell, tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="builds the package without the index")
    commands = 0
    for language, file, body in blocks():
        if language == "console":
            for command, expected in steps(body):
                printed = shell.run(command)
                commands += 1
                compare(command, printed, expected)
        else:
            assert file, f"a block of {language} names no file"
            write(file, body, tmp_path / "folder")
    assert commands >= 15
