"""Checks the keys of a rule against each other; each key alone is valid."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterator

import attrs

from ztoq_core.plugin import (
    FieldType,
    closest,
    nearest,
)
from ztoq_mappings.fields.coerce import LONGEST_LABEL, shaped
from ztoq_mappings.fields.format import Condition, Given, KindRules, Rule
from ztoq_mappings.fields.patterns import compiled, replacer
from ztoq_mappings.fields.properties import PROPERTIES, is_property
from ztoq_mappings.fields.sections import Section
from ztoq_mappings.fields.templates import template
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import one_line

Problem = tuple[tuple[str | int, ...], str]

SOURCES = ("from", "template", "constant")
LOOKUPS = ("values", "extract", "part", "person")
WITH_CONSTANT = frozenset({"to", "type", "when", "constant", "add"})
DATES = frozenset({FieldType.DATE, FieldType.DATETIME})
WRITTEN = frozenset({FieldType.TEXT, FieldType.LONG_TEXT, FieldType.CHOICE})
CUT = WRITTEN | {FieldType.MULTI_CHOICE}
DIRECTIVES = frozenset("aAbBdfHIjmMpSyYzZ%")
"""Directives of a date format that ``strptime`` and ``strftime`` treat alike on all systems."""


def problems(section: Section, rules: KindRules) -> Iterator[Problem]:
    """Yield the problems of a section's rules, each with its position among them."""
    open_ended: dict[str, int] = {}
    for place, rule in enumerate(rules.field):
        path = ("field", place)
        for keys, said in rule_problems(section, rule):
            yield (*path, *keys), said
        if rule.to in open_ended and not rule.add:
            before = open_ended[rule.to] + 1
            yield (
                (*path, "to"),
                f"{rule.to!r} is always filled by rule {before}; give that one a 'when'",
            )
        if not rule.when:
            open_ended.setdefault(rule.to, place)
    for place, condition in enumerate(rules.skip_when):
        yield from _condition(section, condition, ("skip_when", place))
    if rules.skip_when and section is Section.TEST_STEP:
        said = "a step cannot be left out: the results of executions belong to it"
        yield ("skip_when",), said
    for place, name in enumerate(rules.leave_out):
        if is_property(name):
            yield (
                ("leave_out", place),
                f"{name!r} is not a custom field; only those can be left out",
            )


def rule_problems(section: Section, rule: Rule) -> Iterator[Problem]:
    """Yield the problems of one rule alone."""
    yield from _target(section, rule)
    yield from _sources(section, rule)
    yield from _keys(rule)


def _target(section: Section, rule: Rule) -> Iterator[Problem]:
    if is_property(rule.to):
        known = [name for name, found in PROPERTIES[section].items() if found.settable]
        if rule.to not in known:
            yield ("to",), f"{rule.to!r} cannot be filled{nearest(rule.to, known)}"
        elif rule.type is not None:
            yield ("type",), f"{rule.to!r} has a type of its own; leave 'type' out"
    elif section is Section.ATTACHMENT:
        yield ("to",), "a file has no fields in a target; only '@name' can be filled"
    elif len(rule.to) > LONGEST_LABEL or one_line(rule.to) != rule.to:
        yield ("to",), f"a label has at most {LONGEST_LABEL} characters on one line: {rule.to!r}"


def _sources(section: Section, rule: Rule) -> Iterator[Problem]:
    given = [key for key in SOURCES if _has(rule, key)]
    if len(given) != 1:
        said = " and ".join(map(repr, given)) or "none"
        yield (), f"a rule has one of 'from', 'template' and 'constant', this one has {said}"
    for place, name in enumerate(rule.from_):
        yield from _known(section, name, ("from", place))
    if rule.template is not None:
        try:
            names = template(rule.template).names
        except ValueError as error:
            yield ("template",), f"template: {error}"
        else:
            for name in names:
                yield from _known(section, name, ("template",))
    for place, condition in enumerate(rule.when):
        yield from _condition(section, condition, ("when", place))


def _known(section: Section, name: str, path: tuple[str | int, ...]) -> Iterator[Problem]:
    known = PROPERTIES[section]
    if is_property(name) and name not in known:
        yield path, f"a {section.value} has no {name!r}{nearest(name, known)}"


def _condition(
    section: Section, condition: Condition, path: tuple[str | int, ...]
) -> Iterator[Problem]:
    yield from _known(section, condition.field, (*path, "field"))
    tests = [each.name.removesuffix("_") for each in attrs.fields(Condition)[1:]]
    given = [key for key in tests if _has(condition, key)]
    if len(given) != 1:
        said = " and ".join(map(repr, given)) or "none"
        known = ", ".join(map(repr, tests))
        where = "when: " if path[0] == "when" else ""
        yield path, f"{where}a condition has one of {known}, not {said}"
    if condition.matches is not None:
        try:
            compiled(condition.matches)
        except ValueError as error:
            yield (*path, "matches"), f"matches: {error}"


def _keys(rule: Rule) -> Iterator[Problem]:
    for key in LOOKUPS:
        if _has(rule, key) and rule.otherwise is None:
            yield (
                (key,),
                f'{key!r} needs \'otherwise\': "keep", "drop", "fail" or {{ value = … }}',
            )
    if rule.constant is not None:
        for key in _given_keys(rule) - WITH_CONSTANT - set(SOURCES):
            yield (key,), f"{key!r} changes nothing about a 'constant'"
    yield from _expressions(rule)
    yield from _several(rule)
    yield from _typed(rule)
    yield from _dates(rule)
    yield from _fitting(rule)


def _expressions(rule: Rule) -> Iterator[Problem]:
    if rule.extract is not None:
        try:
            compiled(rule.extract)
        except ValueError as error:
            yield ("extract",), f"extract: {error}"
    for place, each in enumerate(rule.replace):
        try:
            replacer(each.find, each.with_)
        except ValueError as error:
            yield ("replace", place, "find"), f"replace: {error}"


def _several(rule: Rule) -> Iterator[Problem]:
    many = rule.type is FieldType.MULTI_CHOICE or rule.to == "@labels"
    if rule.add and not many:
        yield ("add",), '\'add\' needs type = "multi_choice" or to = "@labels"'
    if many and rule.join is not None:
        yield ("join",), "'join' makes one text, a multi_choice takes several: leave one out"
    if many or rule.join is not None:
        return
    if len(rule.from_) > 1:
        yield ("from",), "several fields need 'join', or type = \"multi_choice\""
    if rule.split is not None and rule.part is None:
        yield ("split",), "'split' gives several values: add 'part', 'join' or a multi_choice"


def _typed(rule: Rule) -> Iterator[Problem]:
    for keys, types in (
        (("decimal", "multiply", "round"), {FieldType.NUMBER}),
        (("write_date",), WRITTEN),
        (("max_length",), CUT),
    ):
        if rule.type in types:
            continue
        wanted = " or ".join(f'"{each.value}"' for each in FieldType if each in types)
        for key in keys:
            if _has(rule, key):
                yield (key,), f"{key!r} needs type = {wanted}"
    if rule.type not in DATES and rule.write_date is None:
        for key in ("read_date", "time_zone", "shift_days"):
            if _has(rule, key):
                yield (key,), f'{key!r} needs type = "date" or "datetime", or \'write_date\''


def _dates(rule: Rule) -> Iterator[Problem]:
    for key, formats in (("read_date", rule.read_date), ("write_date", (rule.write_date,))):
        for each in formats:
            wrong = set(re.findall("%(.?)", each or "", re.DOTALL)) - DIRECTIVES
            if wrong or (each and "%" not in each):
                known = " ".join(f"%{letter}" for letter in "dmYyHMSbB")
                yield (key,), f"{key}: {each!r} is not a date format (such as {known})"
    if rule.time_zone is not None:
        try:
            zoneinfo.ZoneInfo(rule.time_zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            near = closest(rule.time_zone, zoneinfo.available_timezones())
            hint = f"did you mean {near!r}?" if near else "such as 'Europe/Berlin'"
            yield ("time_zone",), f"time_zone: there is no time zone {rule.time_zone!r} ({hint})"


def _fitting(rule: Rule) -> Iterator[Problem]:
    """Yield the values in the file that the rule's type cannot hold."""
    if rule.type is None or rule.write_date is not None:
        return
    given: list[tuple[tuple[str, ...], Given | None]] = [
        (("constant",), rule.constant),
        (("if_empty",), rule.if_empty),
        (("otherwise",), rule.otherwise.value if rule.otherwise else None),
        *((("values", key), value) for key, value in (rule.values or {}).items()),
    ]
    for path, value in given:
        if value is None or (value in ("", ()) and path[0] == "values"):
            continue
        values = value if isinstance(value, tuple) else (value,)
        if not shaped(values, rule.type, NoteCollector()) and not (value is False or value == 0):
            yield path, f"{path[0]}: {_shown(value)} is not a {rule.type.value}"


def _shown(value: Given) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(list(value) if isinstance(value, tuple) else value)


def _has(of: Rule | Condition, key: str) -> bool:
    return key in _given_keys(of)


def _given_keys(of: Rule | Condition) -> set[str]:
    return {
        each.name.removesuffix("_")
        for each in attrs.fields(type(of))
        if getattr(of, each.name) != each.default
    }
