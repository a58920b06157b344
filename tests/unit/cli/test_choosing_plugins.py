"""A config chooses its plugins: files without a package, and those to leave out."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Program

LOCAL = """
import attrs
from contextlib import asynccontextmanager
from ztoq_core.plugin import SourcePlugin, hookimpl
from ztoq_testkit import PROJECT, MemorySource

class Faulty(MemorySource):
    async def complete(self, record):
        if record.key == "ACME-T2":
            raise KeyError("steps")
        return await super().complete(record)

@attrs.frozen
class Config:
    pass

@asynccontextmanager
async def opens(config, services):
    yield Faulty(PROJECT)

@hookimpl
def ztoq_sources():
    return [SourcePlugin(name="ours", summary="Our product", config=Config, open=opens)]
"""


@pytest.fixture
def ours(ztoq: Program) -> Path:
    """Write a config whose source is a file, and break an installed plugin."""
    (ztoq.folder / "acme.py").write_text(LOCAL)
    (ztoq.folder / "ztoq.toml").write_text(
        'plugins = ["./acme.py"]\n[source]\nuse = "ours"\n'
        f'[sink]\nuse = "memory"\nname = "{ztoq.folder}"\n'
    )
    return ztoq.folder / "acme.py"


@pytest.fixture
def broken(ztoq: Program, monkeypatch: pytest.MonkeyPatch) -> EntryPoint:
    """Install a plugin that cannot be imported."""
    del ztoq
    entries = [
        EntryPoint(name="memory", value="tests.unit.cli.memory_shop", group="ztoq"),
        EntryPoint(name="broken", value="no_such_module_at_all", group="ztoq"),
    ]
    monkeypatch.setattr(
        "ztoq_core.plugins.entry_points", lambda group: [e for e in entries if e.group == group]
    )
    return entries[1]


def test_a_file_is_a_source_and_its_faults_are_named_with_it(ztoq: Program, ours: Path) -> None:
    assert "ours" in ztoq("plugins").out

    said = ztoq("migrate")

    assert said.code == 1
    assert len(ztoq.keys) > 3
    reason = ztoq("explain", "ACME-T2").out
    assert f"{ours} failed in complete of test_case ACME-T2: KeyError: 'steps'" in " ".join(
        reason.split()
    )


def test_a_broken_plugin_that_nobody_names_stops_nothing(ztoq: Program, broken: EntryPoint) -> None:
    said = ztoq("migrate")

    assert said.code == 0
    assert "1 plugin cannot be loaded and might have one: `ztoq plugins`" in " ".join(
        said.err.split()
    )
    assert f"cannot be loaded: {broken.name}" in ztoq("plugins").out
    assert ztoq("config", "check").code == 0


def test_a_plugin_is_switched_off_and_no_mapping_is_wanted(
    ztoq: Program, broken: EntryPoint
) -> None:
    path = ztoq.config()
    path.write_text(
        f'disabled_plugins = ["{broken.name}"]\ndefault_mapping = false\n{path.read_text()}'
    )

    said = ztoq("migrate")

    assert (said.code, "plugin" in said.err) == (0, False)
    listed = ztoq("plugins")
    assert "switched off in the config (disabled_plugins): broken" in listed.out
    assert "cannot be loaded" not in listed.out
    assert ztoq("--json", "plugins").result["disabled"] == ["broken"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('plugins = "./acme.py"', 'expected a list of texts, such as ["./acme.py"] @ plugins'),
        ("disabled_plugins = [7]", 'such as ["acme"] @ disabled_plugins'),
        ('plugins = ["./gone.py"]', "there is no Python file"),
        ('default_mapping = "no"', "expected true or false @ default_mapping"),
        ('plugin = ["./acme.py"]', "unknown table 'plugin' (did you mean 'plugins'?)"),
    ],
)
def test_a_list_that_cannot_be_used_is_an_error_and_plugins_are_listed_all_the_same(
    ztoq: Program, line: str, reason: str
) -> None:
    path = ztoq.config()
    path.write_text(f"{line}\n{path.read_text()}")

    said = ztoq("config", "show")

    assert said.code == 2
    assert reason in " ".join(said.err.split())
    assert "Records in memory" in ztoq("plugins").out


SIX = """
import attrs
from contextlib import asynccontextmanager
from ztoq_core.plugin import Schema, SinkPlugin, hookimpl
from ztoq_testkit import MemorySink

HELD = MemorySink(schema=Schema(remote=False, search_lag=0))

class Six:
    identity = "six"
    check, describe, find = HELD.check, HELD.describe, HELD.find
    marks, write = HELD.marks, HELD.write

@attrs.frozen
class Config:
    pass

@asynccontextmanager
async def opens(config, services):
    yield Six()

@hookimpl
def ztoq_sinks():
    return [SinkPlugin(name="six", summary="", config=Config, open=opens)]
"""


def test_what_a_sink_lacks_is_said_before_and_where_it_is_needed(ztoq: Program) -> None:
    (ztoq.folder / "six.py").write_text(SIX)
    (ztoq.folder / "ztoq.toml").write_text(
        'plugins = ["./six.py"]\n[source]\nuse = "memory"\nproject = "ACME"\n[sink]\nuse = "six"\n'
    )

    checked = ztoq("config", "check")
    migrated = ztoq("migrate")
    undone = ztoq("rollback", "--yes")

    assert checked.code == 0
    for method in ("no read", "no children and delete", "no current"):
        assert method in " ".join(checked.out.split())
    assert (migrated.code, "were not compared completely" in migrated.out) == (1, True)
    assert (undone.code, "cannot delete what it wrote" in undone.err) == (2, True)
