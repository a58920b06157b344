from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from tests.unit.cli.conftest import Program
from tests.unit.cli.memory_shop import Suffix, build
from ztoq_core.plugin import TransformerPlugin, hookimpl


def test_status_shows_kinds_states_and_the_last_run(ztoq: Program) -> None:
    ztoq("migrate")
    said = ztoq("status")
    assert said.code == 0
    assert "memory ACME -> memory sink" in said.out
    assert "Migration complete" in said.out
    assert "test cases" in said.out
    assert "last run: 1, ztoq migrate," in said.out
    assert said.out.rstrip().endswith("finished")


def test_status_as_json_says_what_a_run_would_exit_with(ztoq: Program) -> None:
    ztoq.config(sink='refuses = ["ACME-T2"]')
    ztoq("migrate")
    said = ztoq("--json", "status")
    assert said.code == 0
    assert said.result["would_exit"] == 1
    assert said.result["counts"]["test_case"]["failed"] == 1
    assert said.result["last_run"]["outcome"] == "finished with things left"


def test_status_says_what_stopped_the_last_run(ztoq: Program) -> None:
    ztoq.config(source='at_cycles = "silent"')
    ztoq("extract")
    assert "stopped: Memory: nobody answers" in ztoq("status").out


def test_status_of_an_empty_store(ztoq: Program) -> None:
    ztoq.config(source='at_check = "silent"')
    ztoq("extract")
    assert "Nothing has been extracted yet" in ztoq("status").out


def test_report_writes_page_and_json_beside_the_config(ztoq: Program) -> None:
    ztoq("extract")
    said = ztoq("report")
    assert said.code == 0
    assert f"Report: {ztoq.folder}/report.html" in said.out
    assert (ztoq.folder / "report.json").exists()
    sums = (ztoq.folder / "report.sha256").read_text()
    assert [line.split("  ")[1] for line in sums.splitlines()] == ["report.html", "report.json"]


def test_report_goes_to_stdout_where_asked(ztoq: Program) -> None:
    ztoq("migrate")
    said = ztoq("report", "--format", "csv", "--output", "-")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    columns = ["key", "kind", "title", "state", "target_id", "pid", "url", "source_url"]
    assert list(rows[0]) == columns
    assert {row["title"] for row in rows if row["key"] == "ACME-T2"} == {"Log in"}
    assert {"ACME-T1", "ACME-E2", "ACME-T1#1"} <= {row["key"] for row in rows}
    assert all(row["target_id"] for row in rows)
    assert json.loads(ztoq("report", "--format", "json", "--output", "-").out)["kinds"]
    assert ztoq("report", "--format", "html", "--output", "-").out.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        (
            (
                "--format",
                "csv",
            ),
            {"ids.csv"},
        ),
        (("--format", "csv", "--output", "here/a.csv"), {"here/a.csv"}),
        (
            ("--format", "csv", "--format", "html", "--output", "there"),
            {"there/ids.csv", "there/report.html"},
        ),
        (("--output", "a.xlsx"), {"a.xlsx"}),
        (("--format", "junit", "--format", "xlsx"), {"junit.xml", "ids.xlsx"}),
    ],
)
def test_report_writes_where_it_is_told(
    ztoq: Program, arguments: tuple[str, ...], files: set[str]
) -> None:
    ztoq("extract")
    assert ztoq("report", *arguments).code == 0
    assert all((ztoq.folder / each).exists() for each in files)


@pytest.mark.parametrize("output", ["-", "one.html"])
def test_report_refuses_to_mix_formats_in_one_file(ztoq: Program, output: str) -> None:
    ztoq("extract")
    said = ztoq("report", "--format", "csv", "--format", "html", "--output", output)
    assert said.code == 2
    assert "takes one format" in said.err


def test_report_says_where_it_cannot_write(ztoq: Program) -> None:
    ztoq("extract")
    (ztoq.folder / "file").touch()
    said = ztoq("report", "--format", "csv", "--output", "file/a.csv")
    assert said.code == 2
    assert "cannot write the report 'file/a.csv'" in said.err


def test_plugins_are_listed_with_package_and_summary(ztoq: Program) -> None:
    said = ztoq("plugins")
    assert said.code == 0
    assert "source       memory" in said.out
    assert "Adds to names" in said.out


def test_defaults_are_shown_with_their_pair(ztoq: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = TransformerPlugin(
        name="m", summary="Maps", config=Suffix, build=build, default_for=(("a", "b"),)
    )

    class Pairs:
        @hookimpl
        def ztoq_transformers(self) -> Iterable[TransformerPlugin[Any]]:
            return [pairs]

    monkeypatch.setattr("tests.unit.cli.memory_shop.PAIRS", Pairs(), raising=False)
    entry = EntryPoint(name="pairs", value="tests.unit.cli.memory_shop:PAIRS", group="ztoq")
    monkeypatch.setattr("ztoq_core.plugins.entry_points", lambda group: [entry] * bool(group))
    assert "Maps (default for a -> b)" in ztoq("plugins").out


def test_a_broken_plugin_is_a_line_with_its_reason(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = EntryPoint(name="bad", value="nothing.of.this.name", group="ztoq")
    monkeypatch.setattr("ztoq_core.plugins.entry_points", lambda group: [entry] * bool(group))
    said = ztoq("plugins")
    assert said.code == 0
    assert "No plugin is installed" in said.out
    assert "cannot be loaded: bad (nothing.of.this.name): ModuleNotFoundError" in said.out
    assert ztoq("--json", "plugins").result["broken"][0]["name"] == "bad"


def test_a_database_of_something_else_is_no_store(ztoq: Program) -> None:
    with closing(sqlite3.connect(ztoq.folder / "ztoq.db")) as database:
        database.execute("CREATE TABLE basket (id)")
    said = ztoq("extract")
    assert said.code == 2
    assert f"{ztoq.folder / 'ztoq.db'} is a database of something else" in said.err
