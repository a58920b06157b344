"""Choosing a part of the project, pruning and the last look, from the command line."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.conftest import Program

SHOP = {"ACME-F1", "ACME-F2", "ACME-T1", "ACME-T1#1", "ACME-T2"}


def test_a_pilot_first_and_then_the_rest(ztoq: Program) -> None:
    said = ztoq("migrate", "--case", "ACME-T2")
    assert said.code == 0, said.err
    assert said.out.startswith("Migration complete and proved: all ")
    assert "selected: case ACME-T2; 10 records are not selected" in said.out
    assert set(ztoq.keys) == {"ACME-F1", "ACME-T2"}
    assert "10 records are not selected" in (ztoq.folder / "report.html").read_text()
    assert "10 records are not selected" in ztoq("status").out
    assert ztoq("--json", "status").result["selection"] == "case ACME-T2"

    said = ztoq("migrate")
    assert said.code == 0
    assert said.out.startswith("Migration complete")
    assert "ACME-E2" in ztoq.keys


def test_the_config_may_choose(ztoq: Program) -> None:
    ztoq.config(more='[select]\nfolder = "Shop"\nexecutions = 1\nexecuted_since = 2025-01-01')
    said = ztoq("--json", "migrate")
    assert said.result["selection"] == "folder Shop; executed since 2025-01-01; executions 1"
    assert {"ACME-E2"} < set(ztoq.keys)
    assert "ACME-E1" not in ztoq.keys
    assert ztoq("--json", "config", "show").result["config"]["select"] == {
        "folder": ["Shop"],
        "executions": "1",
        "executed_since": "2025-01-01",
    }


def test_options_go_before_the_config_key_by_key(ztoq: Program) -> None:
    ztoq.config(more='[select]\nfolder = "Shop"\nexecutions = "latest"')
    assert ztoq("migrate", "--executions", "all").code == 0
    assert "ACME-E1" in ztoq.keys


def test_everything_goes_before_the_config(ztoq: Program) -> None:
    ztoq.config(more='[select]\ncase = "ACME-T2"')
    said = ztoq("--json", "migrate", "--everything")
    assert said.result["selection"] == ""
    assert len(ztoq.keys) == 12


@pytest.mark.parametrize("at", ["extract", "transform", "load"])
def test_a_selection_holds_for_the_stages_after_it(ztoq: Program, at: str) -> None:
    for verb in ("extract", "transform", "load"):
        options = ("--limit", "1", "--cycle", "Night 1") if verb == at else ()
        assert ztoq(verb, *options).code == 0
    assert "ACME-E2" in ztoq.keys
    assert ztoq("--json", "status").result["selection"] == "cycle Night 1; limit 1"

    for verb in ("transform", "load"):
        ztoq(verb)
    assert ztoq("--json", "status").result["selection"] == "cycle Night 1; limit 1"


def test_a_load_maps_again_where_the_selection_changed(ztoq: Program) -> None:
    ztoq("extract")
    ztoq("transform")
    said = ztoq("load", "--case", "ACME-T2")
    assert said.code == 0
    assert "The selection is now: case ACME-T2. Mapping again first." in said.err
    assert set(ztoq.keys) == {"ACME-F1", "ACME-T2"}


def test_a_selection_that_was_edited_in_the_config_counts_at_once(ztoq: Program) -> None:
    ztoq("extract")
    ztoq("transform")
    ztoq.config(more='[select]\nlabel = ["nothing"]')
    said = ztoq("load")
    assert said.code == 2
    assert "takes no test case" in said.err
    assert not ztoq.keys


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("executions = true", "expected a string, got true or false @ select.executions"),
        ('executions = "some"', "executions takes all, latest or a number, not 'some' @ select"),
        ("limit = 0", "limit must be more than 0 @ select"),
        ('labels = ["a"]', "unknown key 'labels' (did you mean 'label'?) @ select"),
        ("folder = 3", "expected a list, got a whole number @ select.folder"),
    ],
)
def test_what_the_config_cannot_choose_is_named(ztoq: Program, more: str, message: str) -> None:
    ztoq.config(more=f"[select]\n{more}")
    said = ztoq("migrate")
    assert said.code == 2
    assert message in said.err


def test_a_folder_that_is_not_there_stops_before_the_target_is_touched(ztoq: Program) -> None:
    said = ztoq("migrate", "--folder", "Shp")
    assert said.code == 2
    assert "the folder 'Shp', which is not there (did you mean 'Shop'?)" in said.err
    assert not ztoq.keys


# --------------------------------------------------------------------------- later runs


def test_what_is_gone_is_pruned_where_asked(ztoq: Program) -> None:
    ztoq("migrate")
    ztoq.config(source='without = ["ACME-P1"]')
    said = ztoq("migrate")
    assert said.code == 0
    assert "ACME-P1" in ztoq.keys

    said = ztoq("migrate", "--prune", "--dry-run")
    assert "Would remove from the target what is gone from the source: 1 record\n" in said.err
    assert "ACME-P1" in ztoq.keys

    said = ztoq("migrate", "--prune")
    assert said.code == 0, said.err
    assert "Removed from the target what is gone from the source: 1 record\n" in said.err
    assert "ACME-P1" not in ztoq.keys


def test_what_cannot_be_pruned_is_said(ztoq: Program) -> None:
    ztoq("migrate")
    ztoq.config(source='without = ["ACME-F3", "ACME-R1", "ACME-R1/ACME-T1/", "ACME-E1"]')
    said = ztoq("migrate", "--prune")
    assert said.code == 1
    assert "stays in the target: test_run" in said.err
    assert "gone from the source stay in the target" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--prune", "--since", "2026-01-01"), "--prune needs the whole source to be read"),
        (("--prune", "--limit", "3"), "--prune needs the whole project"),
        (("--final", "--since", "2026-01-01"), "--final needs the whole source to be read"),
        (("--final", "--limit", "3"), "--final needs the whole project"),
        (("--final", "--dry-run"), "--final comes after a load"),
        (("--since", "soon"), "'soon' is not a date"),
        (("--since", "2026-01-01"), "This source cannot list what changed"),
    ],
)
def test_what_does_not_go_together_is_refused(
    ztoq: Program, arguments: tuple[str, ...], message: str
) -> None:
    said = ztoq("migrate", *arguments)
    assert said.code == 2
    assert message in said.err
    assert not (ztoq.folder / "report.html").exists()


def test_pruning_needs_a_complete_extraction(ztoq: Program) -> None:
    ztoq.config(source='at_cycles = "silent"')
    ztoq("extract")
    ztoq.config()
    said = ztoq("load", "--prune")
    assert said.code == 2
    assert "--prune needs a complete extraction" in said.err


def test_a_migration_is_final_where_the_source_stood_still(ztoq: Program) -> None:
    said = ztoq("migrate", "--final")
    assert said.code == 0, said.err
    assert "  final: the source did not change, 12 records read twice with the digest" in said.out
    assert json.loads((ztoq.folder / "report.json").read_text())["final"]["records"] == 12
    assert "final: the source did not change" in (ztoq.folder / "report.html").read_text()
    assert "final: the source did not change" in ztoq("status").out


def test_a_migration_is_not_final_where_something_is_left(ztoq: Program) -> None:
    ztoq.config(sink='refuses = ["ACME-T2"]')
    said = ztoq("--json", "migrate", "--final")
    assert said.code == 1
    assert said.result["final"] is False
    assert any(
        each.startswith("not final: The migration is incomplete: 1 failed")
        for each in said.result["sentences"]
    )


def test_conflicts_may_be_overwritten(ztoq: Program) -> None:
    ztoq("migrate")
    case = next(each for each in ztoq.sink.objects.values() if each.record.key == "ACME-T2")
    case.record = ztoq.edited(case.record)
    ztoq.config(more='[[transform]]\nuse = "suffix"\nsuffix = "!"\n')
    assert ztoq("migrate").code == 1
    assert ztoq("load", "--on-conflict", "overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "blamed"),
    [
        (("--executed-since", "yesterday"), "--executed-since: 'yesterday'"),
        (("--executions", "some"), "--executions: takes all, latest or a number"),
    ],
)
def test_a_wrong_option_is_blamed_on_the_option(
    ztoq: Program, arguments: tuple[str, ...], blamed: str
) -> None:
    said = ztoq("transform", *arguments)
    assert said.code == 2
    assert blamed in said.err
    assert "ztoq.toml" not in said.err
