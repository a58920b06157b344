"""What was lost, changed or moved, and how much of it ``[losses]`` lets a migration come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import groupby
from typing import Any

import attrs

from ztoq_core.note_codes import NOTE_CODES
from ztoq_core.records import Level, LossGroup, NoteCode
from ztoq_core.spelling import nearest

LOSSES = (LossGroup.LOST, LossGroup.CHANGED, LossGroup.MOVED)
"""The groups that the configuration may name."""

_BY_LEVEL = {
    Level.LOSS: LossGroup.LOST,
    Level.CHANGE: LossGroup.CHANGED,
    Level.FALLBACK: LossGroup.MOVED,
}


class LossAction(StrEnum):
    """What losses do: end the run with exit code 1, show up in the verdict, or be accepted."""

    FAIL = "fail"
    WARN = "warn"
    ALLOW = "allow"


@attrs.frozen
class LossRule:
    """What losses do, by their number: above ``fail_above`` they fail (None: they never do)."""

    otherwise: LossAction
    fail_above: int | None = None

    @classmethod
    def of(cls, action: LossAction) -> LossRule:
        """Return the rule for an action whatever the number."""
        return cls(LossAction.WARN, 0) if action is LossAction.FAIL else cls(action)

    def action(self, count: int) -> LossAction:
        """Return what so many losses do."""
        beyond = self.fail_above is not None and count > self.fail_above
        return LossAction.FAIL if beyond else self.otherwise


@attrs.frozen(kw_only=True)
class LossTally:
    """The losses of one group that one rule is about, by reason, the most frequent first."""

    group: LossGroup
    reasons: Mapping[str, int]
    rule: LossRule

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.reasons.values())

    @property
    def action(self) -> LossAction:
        """What they do."""
        return self.rule.action(self.count)


@attrs.frozen
class Losses:
    """All losses of a migration. Remarks are none."""

    tallies: tuple[LossTally, ...] = ()

    def with_action(self, *actions: LossAction) -> tuple[LossTally, ...]:
        """Return what has one of these actions."""
        return tuple(each for each in self.tallies if each.action in actions)

    def reasons(self, group: LossGroup, *actions: LossAction) -> dict[str, int]:
        """Return how many losses of a group there are by reason, the most frequent first."""
        found = _added(
            pair
            for each in self.with_action(*actions or LossAction)
            if each.group is group
            for pair in each.reasons.items()
        )
        return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))

    def action(self, group: LossGroup) -> LossAction:
        """Return the gravest action in a group."""
        found = {each.action for each in self.tallies if each.group is group}
        return next((action for action in LossAction if action in found), LossAction.ALLOW)

    def as_facts(self) -> dict[str, Any]:
        """Return the numbers for programs, by group."""
        return {
            group.value: {
                "count": sum(self.reasons(group).values()),
                "action": self.action(group),
                "reasons": self.reasons(group),
            }
            for group in LOSSES
        }


@attrs.frozen(kw_only=True)
class LossPolicy:
    """Which losses fail. ``rules`` are by group, and by reason for those with a rule of their own.

    ``codes`` are the declared reasons; one that nobody declared is grouped by its level.
    Where there is no rule, losses of the level LOSS fail and all others warn.
    """

    rules: Mapping[str, LossRule] = attrs.field(factory=dict)
    codes: tuple[NoteCode, ...] = NOTE_CODES

    def reason(self, level: Level, code: str) -> NoteCode:
        """Return the declared reason of a note, else one without a meaning."""
        for each in self.codes:
            if (each.level, each.name) == (level, code):
                return each
        return NoteCode(code, level, _BY_LEVEL[level], "")

    def judge(self, notes: Iterable[tuple[Level, str, int]]) -> Losses:
        """Return the losses among notes, given by level, code and number."""
        counted = sorted(
            (LOSSES.index(group), *self._rule(group, level, code), -number, code)
            for level, code, number in notes
            if (group := self.reason(level, code).group) in LOSSES
        )
        return Losses(
            tuple(
                LossTally(
                    group=LOSSES[place],
                    reasons=_added((code, -less) for *_, less, code in found),
                    rule=self.rules.get(name) or LossRule.of(LossAction(default)),
                )
                for (place, name, default), found in groupby(counted, lambda each: each[:3])
            )
        )

    def _rule(self, group: LossGroup, level: Level, code: str) -> tuple[str, LossAction]:
        """Return the name of the rule for a note, and what it does if there is none."""
        name = code if code in self.rules else group.value
        default = LossAction.FAIL if level is Level.LOSS else LossAction.WARN
        return name, LossAction.WARN if name in self.rules else default


def _added(numbers: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for code, number in numbers:
        found[code] = found.get(code, 0) + number
    return found


# ---------------------------------------------------------------------------- the table [losses]

_TABLE_KEY = "fail_above"
_FORMS = '"fail", "warn", "allow" or { fail_above = NUMBER }'


def loss_rules(table: Mapping[str, Any], problems: list[str]) -> dict[str, LossRule]:
    """Return the rules in the table; add a line to ``problems`` for each that cannot be used."""
    rules = {}
    for name, value in table.items():
        found = _rule(value)
        if isinstance(found, LossRule):
            rules[name] = found
        else:
            problems.append(f"{found} @ losses.{name}")
    return rules


def unknown_reasons(names: Iterable[str], codes: Iterable[NoteCode]) -> Iterator[str]:
    """Yield a line for each name that is neither a group nor the reason of a loss."""
    groups = {each.name: each.group for each in codes}
    known = (*map(str, LOSSES), *(name for name, group in groups.items() if group in LOSSES))
    for name in names:
        if groups.get(name) is LossGroup.REMARK:
            yield f"{name!r} is a remark: nothing is lost by it @ losses"
        elif name not in known:
            yield f"there is no loss called {name!r}{nearest(name, known)} @ losses"


def shown_rule(rule: LossRule) -> str | dict[str, int]:
    """Return a rule as the table says it."""
    if rule.fail_above:
        return {_TABLE_KEY: rule.fail_above}
    return LossAction.FAIL if rule.fail_above == 0 else rule.otherwise


def _rule(value: Any) -> LossRule | str:
    """Return the rule that a value means, or what is wrong with it."""
    if isinstance(value, str):
        if value in set(LossAction):
            return LossRule.of(LossAction(value))
        return f"there is no action {value!r}{nearest(value, map(str, LossAction))}"
    if not isinstance(value, Mapping):
        return f"expected {_FORMS}"
    for key in value:
        if key != _TABLE_KEY:
            return f"unknown key {key!r}{nearest(key, [_TABLE_KEY])}"
    most = value.get(_TABLE_KEY)
    if not isinstance(most, int) or isinstance(most, bool) or most < 0:
        return f"expected {_FORMS}"
    return LossRule(LossAction.WARN, most)
