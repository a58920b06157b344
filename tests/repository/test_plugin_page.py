"""The page ``docs/plugin-authors.md``: its source leads to qTest, and its contract test is green.

The package is not installed a second time (``test_examples`` does): its entry point is told here.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from ztoq_demo.qtest import Options
from ztoq_demo.qtest import Simulator as QTest

from tests.corpus.background import in_background
from tests.corpus.in_process import ztoq
from tests.corpus.setting import environment
from tests.pages import follow
from ztoq_core import plugin as z
from ztoq_core.installed import entry_points

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "plugin-authors.md"


def test_the_source_of_the_page_leads_to_qtest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = [EntryPoint(name="csv", value="ztoq_csv", group="ztoq"), *entry_points("ztoq")]
    monkeypatch.setattr(
        "ztoq_core.plugins.entry_points",
        lambda group: installed if group == "ztoq" else entry_points(group),
    )
    shutil.copytree(ROOT / "examples" / "minimal-source", tmp_path, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(tmp_path)
    qtest = QTest(Options(token="of-a-simulator"))
    given = environment("", "of-a-simulator") | {"COLUMNS": "200"}

    def run(command: str) -> str | None:
        if not command.startswith("ztoq "):
            return None
        done = ztoq(tmp_path, *shlex.split(command)[1:], env=given)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    with in_background(qtest.serving()) as (served,):
        there = "http://127.0.0.1:8099"
        ran = follow(PAGE, tmp_path, run, lambda body: body.replace(there, served))
    alone = ["ztoq extract", "ztoq explain ACME-T1"]
    assert ran == ["ztoq plugins", *alone, "ztoq config check", "ztoq migrate"]
    cases = {each["name"]: each["properties"] for each in qtest.dump()["test_cases"]}
    shown = {
        name: tuple(of[f"CSV {label}"] for label in ("key", "status", "owner"))
        for name, of in cases.items()
    }
    assert shown == {
        "Log in": ("ACME-T1", "Approved", "Ada"),
        "Log out": ("ACME-T2", "Draft", "Bob"),
    }
    assert "Zephyr" not in str(qtest.dump())


def test_the_records_of_the_page_are_what_the_contract_asks_for() -> None:
    (body,) = re.findall(r"```python\n(def records_of.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {"z": z, "datetime": datetime, "Mapping": Mapping, "Any": Any}
    exec(body, names)  # noqa: S102 - the page's own code
    execution = {
        "id": "E1",
        "case": "C1",
        "round": "R1",
        "browser": "",
        "outcome": "ok",
        "at": "2026-03-01T08:00:00+00:00",
        "steps": ["ok"],
        "files": [{"id": "f", "name": "n"}],
    }
    run, log, file = names["records_of"](execution)
    assert (run.key, log.run, file.owner) == ("R1/C1/", run.ref, log.ref)
    assert all(each.raw for each in (log, file)), "the contract asks for the payload"
    for each in (run, log, file):
        assert z.record_from_json(each.kind, z.record_to_json(each)).ref == each.ref


def test_the_contract_test_of_the_page_is_green(tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8")
    (body,) = re.findall(r"```python\n(class TestCsv.*?)```", page, re.DOTALL)
    (names,) = re.findall(r"`(from ztoq_testkit import [\w, ]+)`", page)
    shutil.copytree(ROOT / "examples" / "minimal-source", tmp_path, dirs_exist_ok=True)
    (tmp_path / "test_csv.py").write_text(
        "from collections.abc import AsyncIterator\nfrom pathlib import Path\nimport pytest\n"
        f"from ztoq_core.contracts import Source\n{names}\n"
        f"from ztoq_csv import CsvConfig, open_csv\n\n{body}"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\npythonpath = .\n")
    done = subprocess.run(
        (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) >= 15
