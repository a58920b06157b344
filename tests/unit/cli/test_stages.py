from __future__ import annotations

import json
import signal
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Program
from ztoq_core.store import Store


def store_of(ztoq: Program) -> str:
    return f"sqlite:///{ztoq.folder}/ztoq.db"


def test_migrate_brings_everything_and_says_so(ztoq: Program) -> None:
    said = ztoq("migrate")
    assert said.code == 0, said.err
    assert said.out.startswith("Migration complete and proved: all 12 records exist in the target")
    assert "Report: report.html (and report.json)" in said.out
    assert "ACME-T1" in ztoq.keys
    assert "Migration complete" in (ztoq.folder / "report.html").read_text()
    assert json.loads((ztoq.folder / "report.json").read_text())["verdict"]["exit"] == 0


def test_migrate_may_be_repeated_and_writes_nothing_then(ztoq: Program) -> None:
    ztoq("migrate")
    before = ztoq.keys
    ztoq.sink.calls.clear()
    assert ztoq("migrate").code == 0
    assert ztoq.keys == before
    assert not [call for call in ztoq.sink.calls if call.startswith("write")]


def test_the_stages_one_by_one_do_what_migrate_does(ztoq: Program) -> None:
    for verb in ("extract", "transform", "load", "validate"):
        said = ztoq(verb)
        assert said.code == 0, (verb, said)
    assert "Migration complete" in said.out
    assert "ACME-E2" in ztoq.keys


def test_extract_says_that_nothing_is_in_the_target_yet(ztoq: Program) -> None:
    said = ztoq("extract")
    assert said.out.startswith("The project is extracted, but not mapped yet\n")
    assert said.out.endswith("\nNext: ztoq transform\n")


def test_a_source_is_tried_without_a_target(ztoq: Program) -> None:
    path = ztoq.folder / "ztoq.toml"
    path.write_text('[source]\nuse = "memory"\nproject = "ACME"\n')

    checked = ztoq("config", "check")
    assert checked.code == 0
    assert "warning: sink: there is no [sink]" in checked.out
    assert checked.out.endswith("Next: ztoq extract\n")
    assert ztoq("config", "check", "--checklist").code == 0
    assert "[sink]" not in ztoq("config", "show").out
    extracted = ztoq("extract")
    assert extracted.code == 0
    assert extracted.out.startswith("The project is extracted, but not mapped yet\n")
    for said in (extracted, ztoq("status")):
        assert "To go on, add the target to the configuration, as the table [sink]" in said.out
        assert "Next: ztoq explain KEY" in said.out
    assert "-> no target ([sink])" in ztoq("status").out
    explained = ztoq("explain", "ACME-T1")
    assert explained.code == 0
    assert "ACME-T1" in explained.out
    assert ztoq("report", "--format", "json").code == 0
    assert ztoq("validate", "--source").code == 0

    ztoq.config()  # a target may be named later
    assert ztoq("transform").code == 0
    assert ztoq("load").code == 0
    assert "ACME-T1" in ztoq.keys


@pytest.mark.parametrize(
    "verb", ["transform", "load", "validate", "migrate", "plan", "rollback --yes", "config fields"]
)
def test_a_verb_that_needs_a_target_says_so_before_it_begins(ztoq: Program, verb: str) -> None:
    path = ztoq.folder / "ztoq.toml"
    path.write_text('[source]\nuse = "memory"\nproject = "ACME"\n[[transform]]\nuse = "suffix"\n')
    assert ztoq("extract").code == 0
    said = ztoq(*verb.split())
    assert said.code == 2
    assert "there is no [sink], the target" in said.err
    assert "add the table [sink]" in said.err
    assert ztoq("--json", "status").result["last_run"]["verb"] == "extract"


def test_a_refused_record_makes_exit_1_and_stands_in_the_report(ztoq: Program) -> None:
    ztoq.config(sink='refuses = ["ACME-T2"]')
    said = ztoq("migrate")
    assert said.code == 1
    assert said.out.startswith("The migration is incomplete: 1 failed")
    assert "test case ACME-T2 failed: test_case ACME-T2 is refused" in said.out
    assert "Next: ztoq retry" in said.out
    report = (ztoq.folder / "report.html").read_text()
    assert "test_case ACME-T2 is refused" in report


def test_with_json_stdout_is_one_event_per_line_and_the_last_is_the_result(ztoq: Program) -> None:
    said = ztoq("--json", "migrate")
    assert {line["event"] for line in said.lines} == {"progress", "text", "end", "result"}
    assert said.result["event"] == "result"
    assert said.result["exit"] == 0
    assert said.result["counts"]["test_case"] == {"finished": 2}
    assert said.result["html"].endswith("report.html")


def test_json_may_stand_behind_the_verb(ztoq: Program) -> None:
    assert ztoq("migrate", "--json").result["exit"] == 0


def test_a_dry_run_stops_before_the_first_write(ztoq: Program) -> None:
    said = ztoq("migrate", "--dry-run")
    assert said.code == 0
    assert said.out.startswith("Plan for memory sink. Nothing was written.\n")
    assert not ztoq.keys
    assert not (ztoq.folder / "report.html").exists()


def test_missing_fields_stop_the_load_with_a_list_and_may_be_accepted(ztoq: Program) -> None:
    ztoq.config(sink="create_fields = false", more='[[transform]]\nuse = "suffix"')
    said = ztoq("migrate")
    assert said.code == 2
    assert "a field 'Browser' of type text" in said.err
    assert not ztoq.keys
    assert ztoq("load", "--accept-missing-fields").code == 0
    assert "ACME-T1" in ztoq.keys


def test_nothing_is_extracted_where_the_target_cannot_be_used(ztoq: Program) -> None:
    ztoq.config(sink='at_check = "refused"')
    said = ztoq("migrate")
    assert said.code == 2
    assert "answered 401: token expired" in said.err
    assert "again" not in said.err
    with Store(store_of(ztoq)) as store:
        assert not store.reporting.counts()


@pytest.mark.parametrize(
    ("how", "code", "message"),
    [
        (
            "refused",
            2,
            "Error: memory: Memory: GET project answered 401: token expired\nCheck ",
        ),
        ("not there", 2, "Error: Memory: GET project answered 404\n"),
        ("silent", 3, "Error: Memory: nobody answers\nIt is safe to run this again.\n"),
        ("full", 3, "Error: No space left on device\n"),
    ],
)
def test_an_error_before_the_first_record(ztoq: Program, how: str, code: int, message: str) -> None:
    ztoq.config(source=f'at_check = "{how}"')
    said = ztoq("extract")
    assert said.code == code
    assert said.err.startswith(message)
    assert "saved" not in said.err


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("refused", "Error: Memory: GET project answered 401: token expired\n"),
        ("silent", "Error: Memory: nobody answers\n"),
        ("full", "Error: No space left on device\n"),
    ],
)
def test_an_error_in_the_middle_says_how_to_go_on(ztoq: Program, how: str, message: str) -> None:
    ztoq.config(source=f'at_cycles = "{how}"')
    said = ztoq("extract")
    assert said.code == 3
    first = "renew the token or ask for the missing right, then " if how == "refused" else ""
    again = f"Everything up to here is saved: {first}run the same command again to go on.\n"
    assert said.err.endswith(message + again)
    ztoq.config()
    assert ztoq("migrate").code == 0


def test_an_error_finding_stops_before_the_first_record(ztoq: Program) -> None:
    ztoq.config(source='finding = "error"')
    said = ztoq("migrate")
    assert (said.code, said.err) == (2, "Error: The licence ends tomorrow\n")


def test_findings_and_notes_about_the_run_stand_in_the_report(ztoq: Program) -> None:
    ztoq.config(source='finding = "warning"')
    said = ztoq("migrate")
    assert said.code == 0
    assert "warning: The licence ends tomorrow" in said.err
    page = (ztoq.folder / "report.html").read_text()
    assert "The licence ends tomorrow" in page
    assert "does not show archived cases" in page
    assert page.count("A list was read twice") == 1


def test_a_fault_of_a_plugin_leaves_its_list_incomplete(ztoq: Program) -> None:
    ztoq.config(source='at_cycles = "surprise"')
    said = ztoq("extract")
    assert said.code == 1
    assert "failed in fetch of the list of test_cycle" in said.out + said.err
    assert "Traceback" not in said.err


def test_debug_shows_the_traceback(ztoq: Program) -> None:
    ztoq.config(source='at_check = "refused"')
    said = ztoq("--debug", "extract")
    assert said.code == 2
    assert "Traceback" in said.err


def test_an_error_with_json_is_the_result_too(ztoq: Program) -> None:
    ztoq.config(source='at_check = "refused"')
    said = ztoq("--json", "extract")
    assert said.result["verb"] == "extract"
    assert said.result["exit"] == 2
    assert said.result["error"].startswith("memory: Memory: GET project answered 401: token exp")
    assert not said.err  # once is enough


def test_each_event_says_when_it_was_written(ztoq: Program) -> None:
    said = ztoq("--json", "migrate")
    assert {line["event"] for line in said.lines} >= {"progress", "end", "result"}
    times = [datetime.fromisoformat(line["time"]) for line in said.lines]
    assert times == sorted(times)
    assert {time.utcoffset() for time in times} == {timedelta(0)}


def test_ctrl_c_saves_says_how_to_go_on_and_exits_130(ztoq: Program) -> None:
    before = signal.getsignal(signal.SIGINT)
    ztoq.config(source='at_cycles = "interrupt"')
    said = ztoq("migrate")
    assert said.code == 130
    assert "Stopping: requests under way are finished and saved." in said.err
    assert "run the same command again to go on" in said.err
    assert signal.getsignal(signal.SIGINT) is before
    ztoq.config()
    assert ztoq("migrate").code == 0


def test_a_second_ctrl_c_ends_at_once_and_is_safe(ztoq: Program) -> None:
    ztoq.config(source='at_cycles = "interrupt twice"')
    said = ztoq("migrate")
    assert said.code == 130
    assert "Interrupted." in said.err
    ztoq.config()
    assert ztoq("migrate").code == 0


def test_a_second_run_at_once_is_refused(ztoq: Program) -> None:
    with Store(store_of(ztoq)) as store, store.run("load"):
        said = ztoq("migrate")
    assert said.code == 2
    assert "ztoq load on" in said.err


def test_a_store_of_another_project_is_refused(ztoq: Program) -> None:
    ztoq("extract")
    path = ztoq.config()
    path.write_text(path.read_text().replace('"ACME"', '"OTHER"'))
    said = ztoq("extract")
    assert said.code == 2
    assert "memory ACME" in said.err


def test_a_missing_secret_is_named_before_anything_else(ztoq: Program) -> None:
    ztoq.config(sink='token = { env = "NOT_SET" }')
    said = ztoq("migrate")
    assert said.code == 2
    assert "sink.token: the environment variable 'NOT_SET'" in said.err
    assert not (ztoq.folder / "ztoq.db").exists()


def test_verbs_that_need_a_store_say_how_to_get_one(ztoq: Program) -> None:
    for verb in ("transform", "load", "validate", "status", "report"):
        said = ztoq(verb)
        assert said.code == 2
        assert "ztoq extract" in said.err
    assert not (ztoq.folder / "ztoq.db").exists()


def test_quiet_tells_only_the_result(ztoq: Program) -> None:
    ztoq.config(more='[[transform]]\nuse = "suffix"')
    said = ztoq("-q", "migrate")
    assert not said.err
    assert said.out.startswith("Migration complete")


def test_the_log_file_has_the_way_of_each_record(ztoq: Program, tmp_path: Path) -> None:
    ztoq.config(sink='refuses = ["ACME-T2"]')
    ztoq("--log-file", "my.log", "migrate")
    lines = (tmp_path / "my.log").read_text().splitlines()
    assert any("run=1 stage=load kind=test_case key=ACME-T2" in line for line in lines)


def test_warnings_of_records_are_shown_only_so_far(ztoq: Program) -> None:
    ztoq.config(more='[[transform]]\nuse = "suffix"\nsuffix = "!"\n')
    assert ztoq("-v", "migrate").code == 0
    names = {getattr(each.record, "name", "") for each in ztoq.sink.objects.values()}
    assert "Log in!" in names


def test_a_migration_that_was_stopped_does_not_read_everything_again(ztoq: Program) -> None:
    ztoq.config(sink="fields_known = false")
    assert ztoq("migrate").code == 2
    ztoq.config(source='at_cycles = "silent"')
    said = ztoq("migrate")
    assert said.code == 0, said.err
    assert "Continuing after the extraction" in said.err
    assert ztoq("migrate").code == 3  # a migration that has ended is begun anew


def test_a_dry_run_is_no_migration_to_go_on_with(ztoq: Program) -> None:
    assert ztoq("migrate", "--dry-run").code == 0
    ztoq.config(source='at_cycles = "silent"')
    assert ztoq("migrate").code == 3


def test_a_warning_that_stages_repeat_is_shown_once_in_a_run(ztoq: Program) -> None:
    ztoq.config(source='finding = "warning"')
    said = ztoq("migrate", "--final")  # reads twice
    assert (said.out + said.err).count("The licence ends tomorrow") == 1


def test_the_end_shows_what_the_run_did_to_each_kind(ztoq: Program) -> None:
    ztoq.config(sink='refuses = ["ACME-P1"]')
    said = ztoq("migrate").out.splitlines()
    head = next(place for place, line in enumerate(said) if line.startswith("this run"))
    assert said[head].split() == [
        "this",
        "run",
        "read",
        "created",
        "failed",
        "files",
        "size",
        "time",
    ]
    table = {line[:12].strip(): line[12:].split() for line in said[head + 1 : head + 9]}
    assert table["test plans"][:2] == ["1", "1"]  # read, and failed
    assert table["test cases"][:5] == ["2", "2", "1", "17", "bytes"]

    again = json.loads(ztoq("--json", "migrate").out.splitlines()[-1])
    assert not any(each["created"] or each["updated"] for each in again["run"])
