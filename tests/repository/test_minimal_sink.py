"""``examples/minimal-sink``: it keeps the contract, and is installed, used and rolled back."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from ztoq_testkit import SinkContract, lent

from tests.repository.test_examples import EXAMPLES, load, run
from ztoq_core.contracts import Sink
from ztoq_core.plugins import Plugins

EXAMPLE = EXAMPLES / "minimal-sink"
PAGES = load(EXAMPLE / "ztoq_pages.py")
CONFIG = """\
[source]
use = "jsonl"
path = "project"
[sink]
use = "pages"
path = "pages"
"""


class TestPages(SinkContract):
    lost = (
        *("folder.order", "test_case.component", "test_case.created", "test_case.estimated"),
        *("test_case.field", "test_case.label", "test_case.link", "test_case.owner"),
        *("test_case.priority", "test_case.requirements", "test_case.script", "test_case.status"),
    )

    @pytest.fixture
    async def sink(self, tmp_path: Path) -> AsyncIterator[Sink]:
        declared = Plugins(PAGES).sink("pages")
        async with declared.open(declared.config(path=tmp_path / "pages"), lent()) as opened:
            yield opened

    @pytest.fixture
    def reopened(self, tmp_path: Path) -> Callable[[Sink], Sink]:
        return lambda _: PAGES.PagesSink(tmp_path / "pages")


def test_it_is_installed_written_to_edited_and_rolled_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("hatchling", reason="builds the example without the index")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    site, ztoq = str(tmp_path / "site"), (sys.executable, "-m", "ztoq_core")
    run(*pip, "--no-build-isolation", "--target", site, str(EXAMPLE))
    monkeypatch.chdir(tmp_path)
    assert "ztoq-pages 0.1.0" in run(*ztoq, "plugins", path=site)

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
    Path("ztoq.toml").write_text(CONFIG)

    migrated = run(*ztoq, "migrate", path=site)
    assert "all 2 records exist in the target as they were sent" in migrated
    page = tmp_path / "pages" / "test_case" / "ACME-T1.md"
    assert "# Log in\n" in page.read_text()
    assert "<!-- expected 1 -->\nIt opens\n" in page.read_text()

    run(*ztoq, "rollback", "--yes", path=site)
    assert not [*(tmp_path / "pages").rglob("*.md")]
