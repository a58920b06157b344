"""The program with a plugin that serves and keeps records in memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_testkit.memory import MemorySink

from tests.unit.cli.memory_shop import SINKS
from ztoq_core.cli import run
from ztoq_core.installed import entry_points
from ztoq_core.records import Record


@attrs.frozen
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of JSON on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def result(self) -> dict[str, Any]:
        """The last of them."""
        return self.lines[-1]


@attrs.define
class Program:
    """Runs ``ztoq`` in a folder with a config for records in memory."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def sink(self) -> MemorySink:
        """What the target holds."""
        return SINKS[str(self.folder)]

    @property
    def keys(self) -> list[str]:
        """The keys of all that the target holds."""
        return self.sink.keys()

    @staticmethod
    def edited(record: Record) -> Record:
        """What a person made of it."""
        return attrs.evolve(record, path=("by hand",))

    def config(self, source: str = "", sink: str = "", more: str = "") -> Path:
        """Write the config with further lines for its tables."""
        path = self.folder / "ztoq.toml"
        path.write_text(
            f'[source]\nuse = "memory"\nproject = "ACME"\n{source}\n'
            f'[sink]\nuse = "memory"\nname = "{self.folder}"\n{sink}\n{more}\n'
        )
        return path

    def __call__(self, *arguments: str) -> Said:
        """Run a command in the folder."""
        code = run(arguments)
        out, err = self.capsys.readouterr()
        return Said(code, out, err)


@pytest.fixture
def ztoq(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Program:
    """The program, in a folder of its own, with its config written."""
    entry = EntryPoint(name="memory", value="tests.unit.cli.memory_shop", group="ztoq")

    def found(group: str) -> list[EntryPoint]:
        return [entry] if group == entry.group else list(entry_points(group=group))

    monkeypatch.setattr("ztoq_core.plugins.entry_points", found)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    program = Program(tmp_path, capsys)
    program.config()
    return program


@pytest.fixture(autouse=True)
def _nothing_ends_this_process() -> Iterator[None]:
    """Cancel what a second signal sets up: it would end the process of the tests 10 s later."""
    yield
    for each in threading.enumerate():
        if isinstance(each, threading.Timer):
            each.cancel()
