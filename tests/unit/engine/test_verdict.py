"""The verdict over all combinations of facts; ``verdicts.txt`` holds it as a table.

After a change on purpose: ``python -m tests.unit.engine.test_verdict``, and read the difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import attrs
import pytest

from ztoq_core.engine.verdict.facts import Extraction, Facts, Validated
from ztoq_core.engine.verdict.judgement import Outcome, Verdict, verdict
from ztoq_core.engine.verdict.problems import Goal, Status
from ztoq_core.errors import Exit
from ztoq_core.losses import LossAction, Losses, LossRule, LossTally
from ztoq_core.records import Kind, LossGroup
from ztoq_core.store import FinalCheck, Reason, State, now

TABLE = Path(__file__).with_name("verdicts.txt")
RECORDS = 10
WRITTEN = {"nothing": 0, "part": 6, "all": RECORDS}
REMOVED = {"-": 0, "partly": 2, "wholly": RECORDS}
DOUBT = {"-": 0, "in doubt": 1}
VALIDATED = {
    "never": Validated.NEVER,
    "outdated": Validated.OUTDATED,
    "counted": Validated.CURRENT,
    "compared": Validated.CURRENT,
}
ALL = "complete", "mapped", "all", "compared", "-", "-"


def facts(*values: str) -> Facts | None:
    """Return facts of ten records for the first six columns of the table; None: they cannot be."""
    listed, mapped, written, validated, removed, doubt = values
    there = WRITTEN[written]
    gone = there if removed == "wholly" else REMOVED[removed]
    unknown = DOUBT[doubt]
    if gone + unknown > there or (removed == "wholly" and not there):
        return None
    present = Extraction(listed)
    left = RECORDS - there
    waiting = State.READY if mapped == "mapped" else State.EXTRACTED
    states = {
        State.FINISHED: there - gone - unknown,
        State.DELETED: gone,
        State.UNKNOWN: unknown,
        waiting: left,
    }
    if present is Extraction.NONE:
        if mapped == "mapped" or there or validated != "never":
            return None
        states = {}
    reasons = [(State.DELETED, gone, "removed by rollback"), (State.UNKNOWN, unknown, "lost")]
    return Facts(
        extraction=present,
        listed=(Kind.FOLDER,) if present is Extraction.PARTIAL else (),
        mapped=mapped == "mapped",
        states={state: number for state, number in states.items() if number},
        reasons=tuple(
            Reason(state=state, kind=Kind.TEST_CASE, reason=why, count=number, example="ACME-T1")
            for state, number, why in reasons
            if number
        ),
        validated=VALIDATED[validated],
        proved=validated == "compared",
    )


def combinations() -> Iterator[tuple[tuple[str, ...], Facts]]:
    for row in product(Extraction, ("mapped", "not mapped"), WRITTEN, VALIDATED, REMOVED, DOUBT):
        values = tuple(str(each) for each in row)
        if found := facts(*values):
            yield values, found


def table() -> str:
    lines = []
    for values, found in combinations():
        codes = " ".join(str(int(verdict(found, goal).exit)) for goal in Goal)
        judged = verdict(found)
        given = " | ".join(values)
        said = f"{judged.outcome} | {judged.status} | {judged.headline} | {judged.next}"
        lines.append(f"{given} | {codes} | {said}")
    head = (
        "listed | mapped | written | validated | removed | doubt | exit after extract, transform, "
        "load, validate | outcome | status | headline | next command"
    )
    return "\n".join([head, *lines, ""])


def test_every_combination_is_judged_as_the_table_says() -> None:
    assert table() == TABLE.read_text("utf-8")


LOSSES = {
    name: Losses((LossTally(group=group, reasons={"file-without-id": 2, "skipped": 1}, rule=rule),))
    for name, group, rule in (
        ("fail", LossGroup.LOST, LossRule.of(LossAction.FAIL)),
        ("warn", LossGroup.LOST, LossRule(LossAction.WARN, fail_above=3)),
        ("allow", LossGroup.LOST, LossRule.of(LossAction.ALLOW)),
        ("changed", LossGroup.CHANGED, LossRule.of(LossAction.WARN)),
    )
}
EVERY = [found for _, found in combinations()]
FURTHER = [
    attrs.evolve(
        found,
        losses=losses,
        findings=findings,
        final=final,
        pending=pending,
        unproved=unproved,
        proved=found.proved and not unproved,
    )
    for found in EVERY
    for unproved, losses, findings, final, pending in product(
        ((), ("attachment ACME-T1#1: content was not compared: the target gives no size",)),
        (Losses(), LOSSES["fail"], LOSSES["warn"]),
        ((), ("test case ACME-T1 exists 2 times in the target",)),
        (None, FinalCheck(at=now(), run=1, records=1, digest="0", reasons=("it moved",))),
        (0, 2),
    )
    if found.validated is Validated.CURRENT or not findings
]


@cache
def judgements() -> list[tuple[Facts, list[Verdict]]]:
    """Return all facts, each judged for every goal; the last one is the default."""
    return [(found, [verdict(found, goal) for goal in Goal]) for found in FURTHER]


def green(found: Facts) -> bool:
    """Whether a migration is complete, said once more without the code under test."""
    return (
        found.extraction is Extraction.COMPLETE
        and found.pending == 0
        and found.mapped
        and set(found.states) <= {State.FINISHED}
        and found.validated is Validated.CURRENT
        and found.proved
        and not (found.findings or found.final)
    )


def failing_losses(found: Facts) -> bool:
    return found.losses is LOSSES["fail"]


def lost(found: Facts) -> bool:
    """Whether somebody who reads the target would miss something, and nobody allowed it."""
    return found.losses in (LOSSES["fail"], LOSSES["warn"])


def test_green_is_only_what_is_complete_and_was_looked_at() -> None:
    for found, (*_, judged) in judgements():
        complete = judged.status in {Status.COMPLETE, Status.COMPLETE_WITH_LOSSES}
        assert complete is (green(found) and not failing_losses(found)), found
        assert complete is (judged.exit is Exit.OK) is (judged.tone in {"good", "warn"}), found
        assert complete is judged.headline.startswith("Migration complete"), found
        good = complete and not lost(found)
        assert good is (judged.outcome is Outcome.PROVED) is (judged.tone == "good"), found
        assert good is (not judged.next), found
        if green(found) and lost(found):
            assert judged.outcome is Outcome.LOSSES, found


def test_the_headline_is_the_same_whatever_the_verb_and_a_further_goal_is_no_easier() -> None:
    for found, judged in judgements():
        assert len({(each.headline, each.sentences, each.next) for each in judged}) == 1, found
        codes = [each.exit for each in judged]
        assert codes == sorted(codes), found


def test_what_is_not_complete_names_the_next_command_and_repeats_nothing() -> None:
    for found, (*_, judged) in judgements():
        assert judged.next.startswith("ztoq ") or judged.status is Status.COMPLETE, found
        lines = [judged.headline, *judged.sentences, *judged.warnings]
        assert len(set(lines)) == len(lines), found
        assert all(lines), found


def test_only_a_headline_about_all_records_says_all() -> None:
    for found, (*_, judged) in judgements():
        if judged.headline.startswith(("All ", "Migration complete")):
            assert set(found.states) <= {State.FINISHED}, found


@pytest.mark.parametrize(
    ("state", "status", "command"),
    [
        (State.FAILED, Status.FAILED, "ztoq retry"),
        (State.BLOCKED, Status.FAILED, "ztoq report"),
        (State.UNKNOWN, Status.FAILED, "ztoq load"),
        (State.CONFLICT, Status.FAILED, "ztoq resolve"),
        (State.REJECTED, Status.FAILED, "ztoq report"),
        (State.DELETED, Status.REMOVED, "ztoq load"),
        (State.LISTED, Status.NOT_MAPPED, "ztoq transform"),
        (State.EXTRACTED, Status.NOT_MAPPED, "ztoq transform"),
        (State.READY, Status.NOT_LOADED, "ztoq load"),
        (State.SENDING, Status.NOT_LOADED, "ztoq load"),
        (State.WRITTEN, Status.NOT_LOADED, "ztoq load"),
        (State.FINISHED, Status.COMPLETE, ""),
        (State.SKIPPED, Status.COMPLETE, ""),
        (State.GONE, Status.COMPLETE, ""),
    ],
)
def test_one_record_in_any_state_is_seen(state: State, status: Status, command: str) -> None:
    base = facts(*ALL)
    assert base is not None
    judged = verdict(attrs.evolve(base, states={**base.states, state: 1}))
    assert (judged.status, judged.next) == (status, command)


def test_every_state_has_its_verdict() -> None:
    rows = test_one_record_in_any_state_is_seen.pytestmark[0].args[1]  # type: ignore[attr-defined]  # pytest's own
    assert {row[0] for row in rows} == set(State)


def failing(*reasons: tuple[int, str]) -> Verdict:
    number = sum(count for count, _ in reasons)
    return verdict(
        Facts(
            extraction=Extraction.COMPLETE,
            mapped=True,
            states={State.FINISHED: 1, State.FAILED: number + 2, State.BLOCKED: 118},
            reasons=tuple(
                Reason(
                    state=State.FAILED, kind=Kind.TEST_RUN, reason=why, count=count, example="R1/T1"
                )
                for count, why in reasons
            ),
        )
    )


def test_failures_are_told_with_their_reasons_and_numbers_that_add_up() -> None:
    judged = failing((112, "The field Environment is required."), (1, "too long"))
    assert judged.headline == "The migration is incomplete: 115 failed, 118 blocked"
    assert judged.sentences[:4] == (
        "112 test runs failed: The field Environment is required.",
        "test run R1/T1 failed: too long",
        "2 more failed for other reasons (ztoq report lists them)",
        "118 records are blocked: what they belong to did not arrive",
    )
    assert "234 records in all: 1 finished, 115 failed, 118 blocked" in judged.numbers


def test_a_wholly_removed_migration_says_so() -> None:
    found = facts("complete", "mapped", "all", "compared", "wholly", "-")
    assert found is not None
    judged = verdict(found)
    assert judged.headline == (
        "Nothing of the migration is left in the target: 10 records were removed"
    )
    assert judged.sentences == ("10 test cases no longer in the target: removed by rollback",)
    assert judged.outcome is Outcome.UNDONE


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, Outcome.PROVED),
        ({"proved": False}, Outcome.NOT_PROVED),
        ({"validated": Validated.OUTDATED}, Outcome.NOT_PROVED),
        ({"losses": LOSSES["fail"]}, Outcome.LOSSES),
        ({"losses": LOSSES["warn"]}, Outcome.LOSSES),
        ({"losses": LOSSES["allow"]}, Outcome.PROVED),
        ({"losses": LOSSES["changed"]}, Outcome.PROVED),
        ({"losses": LOSSES["warn"], "proved": False}, Outcome.NOT_PROVED),
        ({"findings": ("test case ACME-T1: name is 'x', sent 'y'",)}, Outcome.INCOMPLETE),
        ({"pending": 1}, Outcome.INCOMPLETE),
        ({"mapped": False}, Outcome.INCOMPLETE),
        ({"states": {State.FINISHED: 1, State.READY: 1}}, Outcome.INCOMPLETE),
        ({"states": {State.FINISHED: 1, State.DELETED: 1}}, Outcome.INCOMPLETE),
        ({"states": {State.DELETED: 1}}, Outcome.UNDONE),
        ({"states": {State.FINISHED: 1, State.FAILED: 1}}, Outcome.FAILED),
    ],
)
def test_a_verdict_comes_to_one_of_six_outcomes(changes: Any, outcome: Outcome) -> None:
    base = facts(*ALL)
    assert base is not None
    assert verdict(attrs.evolve(base, **changes)).outcome is outcome


def test_many_findings_are_named_in_part_and_counted() -> None:
    base = facts(*ALL)
    assert base is not None
    found = tuple(f"test case ACME-T{number}: name is 'x', sent 'y'" for number in range(50))
    judged = verdict(attrs.evolve(base, findings=found))
    assert (
        judged.headline
        == "All 10 records were written, but 50 things in the target are not as sent"
    )
    assert judged.sentences == (*found[:20], "30 more (ztoq report lists them)")
    assert judged.next == "ztoq validate --repair"


@pytest.mark.parametrize(
    ("name", "headline", "line"),
    [
        (
            "fail",
            "All 10 records were written, but with losses",
            "3 lost, which fails by [losses]: 2 file-without-id, 1 skipped",
        ),
        (
            "warn",
            "Migration complete with losses: all 10 records exist in the target as they were sent",
            "3 lost: 2 file-without-id, 1 skipped",
        ),
        (
            "allow",
            "Migration complete and proved: all 10 records exist in the target as they were sent",
            "3 lost, allowed by [losses]: 2 file-without-id, 1 skipped",
        ),
        (
            "changed",
            "Migration complete and proved: all 10 records exist in the target as they were sent",
            "3 changed: 2 file-without-id, 1 skipped",
        ),
    ],
)
def test_losses_are_named_with_their_reasons(name: str, headline: str, line: str) -> None:
    base = facts(*ALL)
    assert base is not None
    judged = verdict(attrs.evolve(base, losses=LOSSES[name]))
    assert judged.headline == headline
    assert judged.lines == (line,)


if __name__ == "__main__":
    TABLE.write_text(table(), "utf-8")
