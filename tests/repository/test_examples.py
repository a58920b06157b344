"""Every example in examples/ works: as a plugin of the contract, and as an installed package."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest
from ztoq_testkit import MemorySink, SourceContract, lent

from ztoq_core import engine
from ztoq_core.contracts import Source
from ztoq_core.errors import ConfigError
from ztoq_core.plugins import Plugins
from ztoq_core.store import Store

EXAMPLES = Path(__file__).parents[2] / "examples"
TABLE = (
    "key,name,description,status,owner\n"
    'ACME-T1,Log in,<p>Type</p>,Approved,Ada\nACME-T2,Log out,"two\nlines",,\n'
)


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CSV = load(EXAMPLES / "minimal-source" / "ztoq_csv.py")


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[Source]:
    path = tmp_path / "cases.csv"
    path.write_text(TABLE, "utf-8")
    declared = Plugins(CSV).source("csv")
    async with declared.open(declared.config(path=path), lent()) as opened:
        yield opened


class TestCsv(SourceContract):
    """The fixture is the module's."""


async def test_the_cases_of_a_csv_file_arrive(source: Source, store: Store) -> None:
    sink = MemorySink()
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), source)
    await engine.transform(engine.Run(store), lambda _: [])
    with store.run("load") as run:
        await engine.load(engine.Run(store, run.id), sink)

    assert sink.keys() == ["ACME-T1", "ACME-T2"]


async def test_a_missing_file_is_an_error_of_the_configuration(tmp_path: Path) -> None:
    declared = Plugins(CSV).source("csv")
    with pytest.raises(ConfigError, match="there is no file"):
        async with declared.open(declared.config(path=tmp_path / "no.csv"), lent()):
            pass


def test_the_minimal_source_is_two_files_of_one_page() -> None:
    files = list((EXAMPLES / "minimal-source").iterdir())
    source = [f for f in files if f.suffix in {".py", ".toml"}]

    assert sorted(each.name for each in source) == ["pyproject.toml", "ztoq_csv.py"]
    lines = sum(len(each.read_text("utf-8").split("\n")) for each in source)
    assert lines <= 85, "an author should see all of it at once"


def test_an_installed_example_is_listed(tmp_path: Path) -> None:
    """``pip install .`` and ``ztoq plugins``, the author's first two commands."""
    pytest.importorskip("hatchling", reason="builds the example without the index")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    example = EXAMPLES / "minimal-source"
    run(*pip, "--no-build-isolation", "--target", str(tmp_path), str(example))
    listed = run(sys.executable, "-m", "ztoq_core", "plugins", path=str(tmp_path))

    assert "csv" in listed
    assert "ztoq-csv 0.1.0" in listed


def test_the_inhouse_mapping_is_listed_and_its_own_tests_pass(tmp_path: Path) -> None:
    """What its README tells to do: install it, list it, run its cases."""
    pytest.importorskip("hatchling", reason="builds the example without the index")
    example = tmp_path / "acme-mapping"
    shutil.copytree(EXAMPLES / "inhouse-mapping", example)
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    site = str(tmp_path / "site")
    run(*pip, "--no-build-isolation", "--target", site, str(example))

    assert "acme-mapping 0.1.0" in run(sys.executable, "-m", "ztoq_core", "plugins", path=site)
    pytest_here = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(example))
    assert "6 passed" in run(*pytest_here, path=site)


def test_the_custom_report_is_a_command_and_reads_a_report(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="builds the example without the index")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    site, ztoq = str(tmp_path / "site"), (sys.executable, "-m", "ztoq_core")
    example = str(EXAMPLES / "custom-report")
    run(*pip, "--no-build-isolation", "--target", site, example)
    assert "wiki-report" in run(*ztoq, "--help", path=site)

    run(*ztoq, "demo", "--folder", str(tmp_path / "demo"))
    said = run(*ztoq, "wiki-report", str(tmp_path / "demo" / "report.json"), path=site)
    assert "Migration complete with losses: all 387 records exist" in said
    assert "| test_log | 120 | 112 |" in said
    assert "| parameters-not-shown | change | 5 |" in said


def run(*command: str, path: str = "") -> str:
    # what is installed, or stands beside, as these tests see it
    paths = (path, os.environ.get("PYTHONPATH", ""))
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
