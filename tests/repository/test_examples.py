"""Every example in examples/ works: as a plugin of the contract, and as an installed package."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest
from ztoq_testkit import MemorySink, SourceContract, lent

from tests.corpus.in_process import ztoq
from ztoq_core import engine
from ztoq_core.contracts import Source
from ztoq_core.errors import ConfigError
from ztoq_core.plugins import Plugins
from ztoq_core.store import Store

EXAMPLES = Path(__file__).parents[2] / "examples"
ZTOQ = (sys.executable, "-m", "ztoq_core")
TABLE = (
    "key,name,description,status,owner\n"
    'ACME-T1,Log in,<p>Type</p>,Approved,Ada\nACME-T2,Log out,"two\nlines",,\n'
)
JSONL_TO_PAGES = """\
[source]
use = "jsonl"
path = "project"
[sink]
use = "pages"
path = "pages"
"""


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


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder in which ``pip install`` put all examples that are plugins."""
    pytest.importorskip("hatchling", reason="builds the examples without the index")
    folder = str(tmp_path_factory.mktemp("site"))
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    names = ("minimal-source", "minimal-sink", "inhouse-mapping", "custom-report")
    paths = (str(EXAMPLES / name) for name in names)
    run(*pip, "--no-build-isolation", "--target", folder, *paths)
    return folder


def test_installed_examples_are_listed(site: str) -> None:
    listed = run(*ZTOQ, "plugins", path=site)
    for package in ("ztoq-csv", "ztoq-pages", "acme-mapping", "acme-report"):
        assert f"{package} 0.1.0" in listed
    assert re.search(r"source +csv ", listed)
    assert "wiki-report" in run(*ZTOQ, "--help", path=site)


def test_the_own_tests_of_the_inhouse_mapping_pass(site: str, tmp_path: Path) -> None:
    example = tmp_path / "acme-mapping"
    shutil.copytree(EXAMPLES / "inhouse-mapping", example)
    pytest_here = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(example))
    assert "6 passed" in run(*pytest_here, path=site)


def test_the_custom_report_reads_a_report(site: str, tmp_path: Path) -> None:
    assert ztoq(tmp_path, "demo", "--folder", "demo", env=os.environ).returncode == 0
    said = run(*ZTOQ, "wiki-report", str(tmp_path / "demo" / "report.json"), path=site)
    assert "Migration complete with losses: all 387 records exist" in said
    assert "| test_log | 120 | 112 |" in said
    assert "| parameters-not-shown | change | 5 |" in said


def test_the_minimal_sink_is_written_to_and_rolled_back(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    (project / "manifest.json").write_text('{"format": "ztoq-records", "version": 1}')
    (project / "folder.jsonl").write_text('{"key": "ACME-F1", "name": "Shop", "tree": "cases"}\n')
    case = {
        "key": "ACME-T1",
        "name": "Log in",
        "folder": {"kind": "folder", "key": "ACME-F1"},
        "description": "<p>Open the shop</p>",
        "steps": [{"key": "1", "description": "Type", "expected": "It opens"}],
    }
    (project / "test_case.jsonl").write_text(f"{json.dumps(case)}\n")
    Path("ztoq.toml").write_text(JSONL_TO_PAGES)

    migrated = run(*ZTOQ, "migrate", path=site)
    assert "all 2 records exist in the target as they were sent" in migrated
    page = tmp_path / "pages" / "test_case" / "ACME-T1.md"
    assert "# Log in\n" in page.read_text()
    assert "<!-- expected 1 -->\nIt opens\n" in page.read_text()

    run(*ZTOQ, "rollback", "--yes", path=site)
    assert not [*(tmp_path / "pages").rglob("*.md")]


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
