"""Reads ``[losses]``: what the configuration says about losses, by group or reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ztoq_core.losses import LOSSES, LossAction, LossRule
from ztoq_core.records import LossGroup, NoteCode
from ztoq_core.spelling import nearest

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
