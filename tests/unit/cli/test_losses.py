"""``[losses]`` at the command line: exit codes, the verdict, and that all verbs say the same."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Program

ALL = 'loses = ["forgotten", "unshown", "unshown", "shortened", "tabled", "tabled", "tabled"]'
COMPLETE = "Migration complete with losses: all 12 records exist in the target as they were sent"
PROVED = "Migration complete and proved: all 12 records exist in the target as they were sent"
BEYOND = "All 12 records were written, but with losses"


RULES = [
    ("", 1, BEYOND),
    ('lost = "warn"', 0, COMPLETE),
    ('forgotten = "allow"', 0, COMPLETE),
    ('lost = "allow"', 0, PROVED),
    ('lost = "allow"\nchanged = "fail"', 1, BEYOND),
    ('lost = "allow"\nmoved = { fail_above = 3 }', 0, PROVED),
    ('lost = "allow"\nmoved = { fail_above = 2 }', 1, BEYOND),
]


def test_the_exit_code_obeys_and_the_verdict_says_it(ztoq: Program) -> None:
    ztoq.config(sink=ALL)
    assert ztoq("migrate").code == 1
    for losses, code, headline in RULES:
        ztoq.config(sink=ALL, more=f"[losses]\n{losses}")
        found = ztoq("status", "--json").result
        outcome = "complete and proved" if headline == PROVED else "complete with losses"
        assert (found["would_exit"], found["verdict"]) == (code, headline), losses
        assert found["outcome"] == outcome, losses


@pytest.mark.parametrize(
    ("sink", "headline"),
    [('loses = ["unshown"]', COMPLETE), ('loses = ["shortened", "tabled"]', PROVED)],
)
def test_all_verbs_say_the_same(ztoq: Program, sink: str, headline: str) -> None:
    ztoq.config(sink=sink)
    ended = ztoq("migrate", "--json")
    assert (ended.code, ended.result["verdict"]) == (0, headline)
    again = ztoq("validate", "--json")
    assert (again.code, again.result["verdict"]) == (0, headline)
    assert headline in ztoq("report").err
    assert again.result["losses"] == ended.result["losses"]


def test_the_end_of_a_migration_counts_losses_by_group_and_reason(ztoq: Program) -> None:
    ztoq.config(sink=ALL, more='[losses]\nforgotten = "allow"\nmoved = { fail_above = 2 }')

    said = ztoq("migrate")

    assert said.code == 1
    assert said.out.splitlines()[1:5] == [
        "  3 moved, more than the 2 that [losses] allows: 3 tabled",
        "  2 lost: 2 unshown",
        "  1 lost, allowed by [losses]: 1 forgotten",
        "  1 changed: 1 shortened",
    ]
    page = (ztoq.folder / "report.html").read_text("utf-8")
    assert page.index(">Lost</h2>") < page.index("what is unshown") < page.index(">Moved</h2>")


def test_a_final_check_obeys_too(ztoq: Program) -> None:
    ztoq.config(sink=ALL)
    assert ztoq("migrate", "--final").code == 1
    ztoq.config(sink=ALL, more='[losses]\nlost = "warn"')
    assert ztoq("migrate", "--final").code == 0


def test_config_check_validates_the_names(ztoq: Program) -> None:
    ztoq.config(more='[losses]\nunshow = "fail"')
    said = ztoq("config", "check")
    assert said.code == 2
    assert "there is no loss called 'unshow' (did you mean 'unshown'?) @ losses" in said.err
