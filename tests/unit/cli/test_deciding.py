"""Deciding about single records from the command line: retry, resolve, rollback, explain."""

from __future__ import annotations

import json
import sys

import pytest

from tests.unit.cli.conftest import Program
from ztoq_core.store import State, Store
from ztoq_core.store.tables import Item, SourceBody, bound

EDIT = '[[transform]]\nuse = "suffix"\nsuffix = "!"\n'


def store_of(ztoq: Program) -> Store:
    return Store(f"sqlite:///{ztoq.folder}/ztoq.db")


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, answers: str) -> None:
    """Answer the questions of the program."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    lines = iter(answers.split("\n"))
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _="": next(lines))


def conflict(ztoq: Program) -> None:
    """Let ACME-T2 be edited in the target and change in the source."""
    ztoq("migrate")
    case = next(each for each in ztoq.sink.objects.values() if each.record.key == "ACME-T2")
    case.record = ztoq.edited(case.record)
    ztoq.config(more=EDIT)
    assert ztoq("migrate").code == 1


def doubt(ztoq: Program) -> str:
    """Let it be forgotten that ACME-T2 was written; return its id in the target."""
    ztoq("migrate")
    with store_of(ztoq) as store:
        item = bound(Item, store.database.connection)
        item.update(state=State.UNKNOWN, reason="the answer was lost", target_id=None).where(
            item.key == "ACME-T2"
        ).execute()
    return next(n for n, each in ztoq.sink.objects.items() if each.record.key == "ACME-T2")


# ------------------------------------------------------------------------------------------ retry


def test_retry_makes_ready_what_was_refused(ztoq: Program) -> None:
    ztoq.config(sink='refuses = ["ACME-T1", "ACME-P1"]')
    ztoq("migrate")
    ztoq.config()
    assert ztoq("load").code == 1

    said = ztoq("--json", "retry", "--kind", "test_plan")
    assert said.code == 0
    assert said.result["ready"] == {"test_plan": 1}
    said = ztoq("retry", "--key", "ACME-T1")
    assert said.out == "Ready again: 1 test case. Next: ztoq load\n"
    assert ztoq("load").code == 0
    assert ztoq("retry").out == (
        "Nothing to retry: no record has failed, and none is missing in the target.\n"
    )


def test_retry_says_what_it_cannot_help(ztoq: Program) -> None:
    ztoq("migrate")
    with store_of(ztoq) as store:
        item = bound(Item, store.database.connection)
        item.update(state=State.FAILED, target_digest="").where(item.key == "ACME-T2").execute()
    assert "1 record could not be mapped, still failed" in ztoq("retry").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--key", "ACME-T9"), "no record has the key 'ACME-T9'"),
        (
            ("--key", "ACME-T2"),
            "ACME-T2 is finished, not failed or deleted in the target; nothing was",
        ),
        (("--kind", "case"), "there is no kind 'case' (known: field, folder,"),
    ],
)
def test_retry_refuses_what_is_not_failed(
    ztoq: Program, arguments: tuple[str, ...], message: str
) -> None:
    ztoq("migrate")
    said = ztoq("retry", *arguments)
    assert said.code == 2
    assert message in said.err


# ---------------------------------------------------------------------------------------- resolve


def test_resolve_lists_what_is_open(ztoq: Program) -> None:
    assert ztoq("extract").code == 0
    assert ztoq("resolve").out == "Nothing is in doubt or in conflict.\n"
    conflict(ztoq)
    said = ztoq("resolve")
    assert said.code == 1
    assert said.out.startswith("test_case ACME-T2 is conflict: it was edited in the target")
    assert "1 to decide: --adopt KEY=ID" in said.out
    (left,) = ztoq("--json", "resolve").result["left"]
    assert (left["key"], left["state"]) == ("ACME-T2", "conflict")
    assert ztoq("--json", "resolve", "--kind", "test_log").result["left"] == []


def test_resolve_retries_and_skips_by_options(ztoq: Program) -> None:
    conflict(ztoq)
    said = ztoq("resolve", "--retry", "ACME-T2")
    assert said.code == 0
    assert "test_case ACME-T2 is sent again by the next load" in said.err
    assert said.out == "Nothing is in doubt or in conflict.\nNext: ztoq load\n"
    assert ztoq("load").code == 0
    assert "ACME-T2" in ztoq.keys


def test_resolve_adopts_by_id(ztoq: Program) -> None:
    number = doubt(ztoq)
    said = ztoq("--json", "resolve", "--adopt", f"ACME-T2={number}")
    assert said.code == 0
    assert said.result["decided"] == [f"test_case ACME-T2 is M-{number} now"]
    assert ztoq("load").code == 0
    assert ztoq("validate").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--adopt", "ACME-T2"), "--adopt takes KEY=ID, not 'ACME-T2'"),
        (("--adopt", "ACME-T2=999"), "there is no test_case '999' in the target"),
        (("--skip", "ACME-T1"), "'ACME-T1' is neither in doubt nor in conflict"),
    ],
)
def test_resolve_refuses_what_cannot_be_done(
    ztoq: Program, arguments: tuple[str, ...], message: str
) -> None:
    doubt(ztoq)
    said = ztoq("resolve", *arguments)
    assert said.code == 2
    assert message in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--adopt", "ACME-T2"), "--adopt takes KEY=ID, not 'ACME-T2'"),
        (("--adopt", "=4711"), "--adopt takes KEY=ID, not '=4711'"),
        (("--adopt", "ACME-T2="), "--adopt takes KEY=ID, not 'ACME-T2='"),
        (("--adopt", "NOPE=1"), "'NOPE' is neither in doubt nor in conflict"),
        (("--retry", "NOPE"), "'NOPE' is neither in doubt nor in conflict"),
        (("--skip", "NOPE"), "'NOPE' is neither in doubt nor in conflict"),
    ],
)
def test_resolve_refuses_names_where_nothing_is_open_too(
    ztoq: Program, arguments: tuple[str, ...], message: str
) -> None:
    assert ztoq("extract").code == 0
    said = ztoq("resolve", *arguments)
    assert said.code == 2
    assert message in said.err


def test_resolve_asks_for_the_kind_where_a_key_is_not_enough(ztoq: Program) -> None:
    doubt(ztoq)
    with store_of(ztoq) as store:
        item = bound(Item, store.database.connection)
        item.update(state=State.UNKNOWN, key="ACME-T2").where(item.key == "ACME-P1").execute()
    said = ztoq("resolve", "--skip", "ACME-T2")
    assert said.code == 2
    assert "'ACME-T2' names several records (test_case, test_plan): add --kind" in said.err
    assert ztoq("resolve", "--skip", "ACME-T2", "--kind", "test_plan").code == 0


@pytest.mark.parametrize(
    ("answers", "code"),
    [("later", 1), ("what?\nretry", 0), ("skip", 0), ("adopt {number}", 0)],
)
def test_resolve_asks_on_a_terminal(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch, answers: str, code: int
) -> None:
    number = doubt(ztoq)
    at_a_terminal(monkeypatch, answers.format(number=number))
    said = ztoq("resolve")
    assert said.code == code
    assert "test_case ACME-T2 is unknown: the answer was lost" in said.err


# --------------------------------------------------------------------------------------- rollback


def test_a_rollback_says_before_and_after_what_goes(ztoq: Program) -> None:
    ztoq("migrate")
    said = ztoq("rollback", "--yes")
    assert said.code == 0, said.err
    assert (
        "This deletes what ztoq created in the target, and nothing else: 3 folders, 2 test cases"
        in said.err
    )
    assert "A rollback cannot undo: executions logged in runs that others made" in said.err
    assert said.out.startswith(
        "Deleted from memory: 3 folders, 2 test cases, 1 test plan, 1 test cycle"
    )
    assert not ztoq.keys
    again = ztoq("rollback", "--yes")
    assert again.code == 0, again.err
    assert again.out.startswith("Nothing to do: ")


def test_without_a_terminal_a_rollback_needs_yes(ztoq: Program) -> None:
    ztoq("migrate")
    before = ztoq.keys
    said = ztoq("rollback")
    assert said.code == 2
    assert "add --yes" in said.err
    assert ztoq.keys == before


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_on_a_terminal_a_rollback_asks(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    ztoq("migrate")
    at_a_terminal(monkeypatch, answer)
    said = ztoq("rollback")
    assert said.code == code
    assert bool(ztoq.keys) is bool(code)


def test_a_dry_run_of_a_rollback_removes_nothing(ztoq: Program) -> None:
    ztoq("migrate")
    before = ztoq.keys
    said = ztoq("rollback", "--dry-run")
    assert said.out.startswith("Will delete from memory: 3 folders, 2 test cases")
    assert "A rollback cannot undo" in said.out
    assert ztoq.keys == before


def test_what_a_rollback_leaves_is_listed_and_makes_exit_1(ztoq: Program) -> None:
    conflict(ztoq)
    said = ztoq("--json", "rollback", "--yes")
    assert said.code == 1
    kept = {each["key"]: each["reason"] for each in said.result["kept"]}
    assert "changed in the target" in kept["ACME-T2"]
    said = ztoq("rollback", "--yes")
    assert "stays: test_case ACME-T2 (M-" in said.out
    said = ztoq("rollback", "--yes", "--force")
    assert said.code == 0
    assert "--force: objects that somebody changed since are deleted, too." in said.err


def test_of_a_long_list_the_first_lines_are_shown(
    ztoq: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ztoq_core.cli.commands.rollback.MOST_LINES", 1)
    conflict(ztoq)
    assert "… and 1 more; --json lists them all" in ztoq("rollback", "--yes").out


def test_a_rollback_that_is_interrupted_can_go_on(ztoq: Program) -> None:
    ztoq("migrate")
    ztoq.config(sink='at_check = "interrupt"')
    said = ztoq("rollback", "--yes")
    assert said.code == 130
    assert "run the same command again to go on" in said.err
    ztoq.config()
    assert ztoq("rollback", "--yes").code == 0


def test_one_run_is_rolled_back(ztoq: Program) -> None:
    ztoq("migrate")
    ztoq.config(more=EDIT)
    ztoq("migrate")
    said = ztoq("rollback", "--run", "2", "--yes")
    assert said.code == 0
    assert "Restored: 2\n" in said.out
    assert ztoq("rollback", "--run", "9", "--yes").code == 2


# ---------------------------------------------------------------------------------------- explain


def test_explain_tells_the_life_of_a_record(ztoq: Program) -> None:
    ztoq.config(more=EDIT)
    ztoq("migrate")
    assert len(ztoq("explain", "ACME-T2").out.splitlines()) < 40
    said = ztoq("explain", "ACME-T2", "-v")
    assert said.code == 0
    assert said.out.startswith("test_case ACME-T2 is finished\n  in the target: M-")
    assert 'name: "Log in" -> "Log in!"' in said.out
    assert "run 1 (migrate) intent" in said.out
    assert "parent: folder ACME-F1, finished (M-" in said.out
    assert "mention: test_case ACME-T1, finished (M-" in said.out
    assert (
        '"name": "Log in!"'
        in said.out.partition("In the target now")[2].partition("In the source")[0]
    )


def test_explain_finds_a_record_by_its_number_in_the_target(ztoq: Program) -> None:
    ztoq("migrate")
    number = next(n for n, each in ztoq.sink.objects.items() if each.record.key == "ACME-E1")
    for name in (f"M-{number}", number):
        (record,) = ztoq("--json", "explain", name).result["records"]
        assert record["key"] == "ACME-E1"
        assert [each["path"] for each in record["source"]["enriched"]] == [
            "results[0].step",
            "results[1].step",
            "siblings_executed",
        ]
        assert record["target"]["now"]["key"] == "ACME-E1"


def test_explain_needs_no_target(ztoq: Program) -> None:
    ztoq("migrate")
    ztoq.config(sink='at_check = "silent"')
    (record,) = ztoq("--json", "explain", "ACME-T2").result["records"]
    assert record["target"]["unasked"] == "the target was not asked: Memory: nobody answers"
    del ztoq.sink.objects[record["target"]["target_id"]]
    ztoq.config()
    (record,) = ztoq("--json", "explain", "ACME-T2").result["records"]
    assert record["target"]["unasked"].startswith("there is no test_case")


def test_explain_tells_of_what_was_left_out(ztoq: Program) -> None:
    ztoq("extract")
    ztoq("transform", "--case", "ACME-T1")
    said = ztoq("explain", "ACME-T2")
    assert "selected because other records refer to it" in said.out
    assert "change came-along (select)" in said.out
    said = ztoq("explain", "ACME-P1", "--kind", "test_plan")
    assert "it is not in the target" in said.out


def test_explain_knows_only_what_the_store_knows(ztoq: Program) -> None:
    ztoq("extract")
    said = ztoq("explain", "ACME-T77")
    assert said.code == 2
    assert "the store knows no record 'ACME-T77', neither by key" in said.err


def test_explain_shows_no_secret(ztoq: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", 'se"cret')
    ztoq.config(source='token = { env = "SHOP_TOKEN" }', sink='token = { env = "NOT_SET" }')
    ztoq("extract")
    payload = {
        "note": 'says se"cret',
        "url": "https://files.example.com/a.png?X-Amz-Signature=abc123&size=3",
    }
    with store_of(ztoq) as store:
        connection = store.database.connection
        item, body = bound(Item, connection), bound(SourceBody, connection)
        row = item.get(item.key == "ACME-T2")
        body.update(payload=json.dumps(payload).encode()).where(body.item == row.id).execute()
    said = ztoq("--json", "explain", "ACME-T2")
    assert "cret" not in said.out.replace("secret", "")
    (record,) = said.result["records"]
    assert record["source"]["payload"] == {
        "note": "says ***",
        "url": "https://files.example.com/a.png?X-Amz-Signature=***&size=3",
    }
