"""What pages of the docs show to be typed: their blocks, and a shell that runs them to the letter.

A block whose first line names a file is written; of a ``console`` block the lines behind ``$`` are
run, in one shell, and the others must be in what is printed, in their order.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def open_shell(tmp_path: Path) -> Iterator[Shell]:
    """Open a shell in the empty folder ``folder``, with the commands that the reader has."""
    tools, site, folder = (tmp_path / name for name in ("tools", "site", "folder"))
    for each in (tools, site, folder):
        each.mkdir()
    modules = {"ztoq": "ztoq_core", "pip": "pip", "pytest": "pytest"}
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
    try:
        yield opened
    finally:
        opened.close()


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the language of each block of a page, the file that it is, and its text."""
    for found in BLOCK.finditer(page.read_text("utf-8")):
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


def follow(
    page: Path,
    folder: Path,
    run: Callable[[str], str | None],
    shown: Callable[[str], str] = str,
) -> list[str]:
    """Go through a page: write its files, run its commands; return the commands that were run.

    ``run`` returns what a command printed, or None if it leaves it out; ``shown`` turns a file of
    the page into the one that is written.
    """
    ran = []
    for language, file, body in blocks(page):
        if file:
            write(file, shown(body), folder)
        for command, expected in steps(body) if language == "console" else ():
            printed = run(command)
            if printed is not None:
                compare(command, printed, expected)
                ran.append(command)
    return ran
