"""Which losses fail, by the rules of ``[losses]`` and without any."""

from __future__ import annotations

import pytest

from ztoq_core.losses import LossAction, LossPolicy, LossRule
from ztoq_core.records import Level, LossGroup, NoteCode

FAIL, WARN, ALLOW = map(LossRule.of, LossAction)
UP_TO_3 = LossRule(LossAction.WARN, fail_above=3)
CODES = (
    NoteCode("file-gone", Level.LOSS, LossGroup.LOST, "a file that is gone"),
    NoteCode("not-shown", Level.CHANGE, LossGroup.LOST, "what is not shown"),
    NoteCode("cut", Level.LOSS, LossGroup.CHANGED, "a name that is cut"),
    NoteCode("as-text", Level.FALLBACK, LossGroup.MOVED, "a value as text"),
    NoteCode("seen-twice", Level.FALLBACK, LossGroup.REMARK, "what was seen twice"),
)
NOTES = [
    (Level.LOSS, "file-gone", 2),
    (Level.CHANGE, "not-shown", 5),
    (Level.LOSS, "cut", 1),
    (Level.FALLBACK, "as-text", 4),
    (Level.FALLBACK, "seen-twice", 9),
]


@pytest.mark.parametrize(
    ("rules", "lost", "changed", "moved"),
    [
        ({}, "fail", "fail", "warn"),
        ({"lost": WARN}, "warn", "fail", "warn"),
        ({"lost": ALLOW, "changed": WARN, "moved": FAIL}, "allow", "warn", "fail"),
        ({"lost": WARN, "file-gone": FAIL}, "fail", "fail", "warn"),
        ({"file-gone": WARN, "cut": ALLOW}, "warn", "allow", "warn"),
        ({"file-gone": ALLOW, "not-shown": ALLOW}, "allow", "fail", "warn"),
        ({"moved": UP_TO_3}, "fail", "fail", "fail"),
        ({"as-text": LossRule(LossAction.WARN, fail_above=4)}, "fail", "fail", "warn"),
        ({"lost": LossRule(LossAction.WARN, fail_above=7)}, "warn", "fail", "warn"),
        ({"lost": LossRule(LossAction.WARN, fail_above=6)}, "fail", "fail", "warn"),
        ({"lost": UP_TO_3, "not-shown": WARN}, "warn", "fail", "warn"),
    ],
)
def test_a_rule_decides_by_group_or_reason_and_number(
    rules: dict[str, LossRule], lost: str, changed: str, moved: str
) -> None:
    judged = LossPolicy(rules=rules, codes=CODES).judge(NOTES)
    groups = LossGroup.LOST, LossGroup.CHANGED, LossGroup.MOVED
    assert [judged.action(group) for group in groups] == [lost, changed, moved]


def test_losses_are_counted_by_group_and_reason_and_remarks_are_none() -> None:
    found = LossPolicy(codes=CODES).judge([*NOTES, (Level.LOSS, "file-gone", 4)]).as_facts()
    assert found == {
        "lost": {"count": 11, "action": "fail", "reasons": {"file-gone": 6, "not-shown": 5}},
        "changed": {"count": 1, "action": "fail", "reasons": {"cut": 1}},
        "moved": {"count": 4, "action": "warn", "reasons": {"as-text": 4}},
    }


def test_what_nobody_declared_is_grouped_by_its_level() -> None:
    judged = LossPolicy().judge([(level, f"own-{level}", 1) for level in Level])
    assert {tally.group: [*tally.reasons] for tally in judged.tallies} == {
        LossGroup.LOST: ["own-loss"],
        LossGroup.CHANGED: ["own-change"],
        LossGroup.MOVED: ["own-fallback"],
    }


def test_where_there_are_none_nothing_fails() -> None:
    judged = LossPolicy(rules={"lost": FAIL}).judge(())
    assert (judged.tallies, judged.action(LossGroup.LOST)) == ((), LossAction.ALLOW)
