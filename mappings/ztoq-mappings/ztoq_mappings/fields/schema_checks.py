"""Checks a mapping file against the fields of source and target."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import attrs

from ztoq_core.plugin import (
    FieldSpec,
    FieldType,
    FieldValue,
    Finding,
    Schema,
    closest,
    folded,
    nearest,
)
from ztoq_mappings.fields.coerce import TEXTS, shaped, words
from ztoq_mappings.fields.conditions import bound_type
from ztoq_mappings.fields.format import Condition, MappingFile, Rule
from ztoq_mappings.fields.options import FieldsOptions
from ztoq_mappings.fields.parse import Document, read
from ztoq_mappings.fields.properties import PROPERTIES, is_property
from ztoq_mappings.fields.sections import Section
from ztoq_mappings.fields.templates import template
from ztoq_mappings.fields.types import effective_type
from ztoq_mappings.note_collector import NoteCollector

Place = tuple[str | int, ...]

LIKELY = 0.75
"""The likeness from which a name that the source does not have counts as misspelt."""

_T = FieldType
FITTING: Mapping[FieldType, frozenset[FieldType]] = {
    _T.TEXT: TEXTS | {_T.URL, _T.CHOICE, _T.MULTI_CHOICE},
    _T.LONG_TEXT: TEXTS,
    _T.RICH_TEXT: TEXTS,
    _T.NUMBER: TEXTS | {_T.NUMBER, _T.CHOICE},
    _T.CHECKBOX: TEXTS | {_T.CHECKBOX, _T.CHOICE, _T.MULTI_CHOICE},
    _T.DATE: TEXTS | {_T.DATE, _T.DATETIME},
    _T.DATETIME: TEXTS | {_T.DATETIME, _T.DATE},
    _T.CHOICE: TEXTS | {_T.CHOICE, _T.MULTI_CHOICE},
    _T.MULTI_CHOICE: TEXTS | {_T.MULTI_CHOICE},
    _T.USER: TEXTS | {_T.USER},
    _T.URL: TEXTS | {_T.URL},
}
"""The types of the target's fields that accept the value of a rule of a type."""

_DATES = frozenset({_T.DATE, _T.DATETIME})
NEVER: Mapping[FieldType, frozenset[FieldType]] = {
    _T.NUMBER: _DATES | {_T.CHECKBOX, _T.URL},
    _T.CHECKBOX: _DATES | {_T.NUMBER, _T.URL},
    _T.DATE: frozenset({_T.CHECKBOX, _T.NUMBER, _T.URL}),
    _T.DATETIME: frozenset({_T.CHECKBOX, _T.NUMBER, _T.URL}),
    _T.USER: _DATES | {_T.CHECKBOX, _T.NUMBER, _T.URL},
    _T.URL: _DATES | {_T.CHECKBOX, _T.NUMBER},
}
"""The types that no value of a type can have; a text can be anything, a choice has its labels."""

_CHOICES = frozenset({_T.CHOICE, _T.MULTI_CHOICE})
_DIGITS = re.compile(r"[0-9]+")


def check(options: FieldsOptions, source: Schema, sink: Schema) -> tuple[Finding, ...]:
    """Return the findings that a run with this file would meet.

    Raises:
        ConfigError: The file cannot be read or used; a line for each problem.
    """
    document = read(options.mapping)
    return tuple(
        finding
        for section in Section
        for finding in (
            *_unknown_fields(document, section, source),
            *_never(document, section, source),
            *(
                each
                for place, rule in enumerate(document.mapping.of(section).field)
                for each in _RuleCheck(document, section, place, rule, source, sink).findings()
            ),
            *_unfilled(document, section, source, sink),
        )
    )


def misspelt(document: Document, source: Schema) -> Iterator[str]:
    """Yield a message for each field that no record has, if records have one of a similar name."""
    for section in Section:
        for finding in _unknown_fields(document, section, source):
            if finding.level == "error":
                yield finding.text


# -------------------------------------------------------------------------------- source fields


def _named(mapping: MappingFile, section: Section) -> Iterator[tuple[Place, str]]:
    """Yield each custom field in the file, with its position."""
    rules = mapping.of(section)
    for place, rule in enumerate(rules.field):
        path = (section.value, "field", place)
        for number, name in enumerate(rule.from_):
            yield (*path, "from", number), name
        for name in template(rule.template).names if rule.template is not None else ():
            yield (*path, "template"), name
        for number, condition in enumerate(rule.when):
            yield (*path, "when", number, "field"), condition.field
    for number, condition in enumerate(rules.skip_when):
        yield (section.value, "skip_when", number, "field"), condition.field
    for number, name in enumerate(rules.leave_out):
        yield (section.value, "leave_out", number), name
    for name in mapping.types.of(section):
        yield ("types", section.value, name), name


def _unknown_fields(document: Document, section: Section, source: Schema) -> Iterator[Finding]:
    known = {each.name for each in section.source_fields(source) if not each.system}
    if not known:  # nobody knows before an extract
        return
    named = [
        (path, name) for path, name in _named(document.mapping, section) if not is_property(name)
    ]
    free = known - {name for _, name in named}
    for path, name in named:
        if name in known:
            continue
        meant = (each for each in known if each in free or not _numbered(name, each))
        near = closest(name, sorted(meant), LIKELY)
        hint = f" (did you mean {near!r}?)" if near else nearest(name, sorted(known))
        said = f"no {section.words} has a field {name!r}{hint}"
        yield Finding(level="error" if near else "warning", text=document.told(path, said))


def _numbered(name: str, other: str) -> bool:
    """Return whether two names differ only in their numbers, as the fields of a row do."""
    return _DIGITS.sub("", name).casefold() == _DIGITS.sub("", other).casefold()


def _never(document: Document, section: Section, source: Schema) -> Iterator[Finding]:
    """Yield the conditions that compare what the values of a field never are."""
    rules = document.mapping.of(section)
    placed: list[tuple[Place, Condition]] = [
        ((section.value, "skip_when", number), each) for number, each in enumerate(rules.skip_when)
    ]
    for place, rule in enumerate(rules.field):
        path: Place = (section.value, "field", place, "when")
        placed += (((*path, number), each) for number, each in enumerate(rule.when))
    for path, condition in placed:
        known = PROPERTIES[section].get(condition.field)
        spec = known or section.source_field(source, condition.field)
        wanted = bound_type(condition)
        if spec and wanted in NEVER.get(spec.type, ()):
            said = f"{condition.field!r} is a {spec.type.value}, never a {wanted}: it never holds"
            yield Finding(level="warning", text=document.told((*path, "field"), said))


# --------------------------------------------------------------------------------- rule by rule


@attrs.frozen
class _RuleCheck:
    document: Document
    section: Section
    place: int
    rule: Rule
    source: Schema
    sink: Schema

    def findings(self) -> Iterator[Finding]:
        if is_property(self.rule.to):
            return
        yield from self._label()
        yield from self._unmapped()
        yield from self._unfit()
        yield from self._cut()
        section = self.section
        target = section.target_field(self.sink, self.rule.to)
        if target:
            yield from self._fits(target)
        elif self.sink.fields_known:
            own = [each.name for each in section.target_fields(self.sink)]
            near = closest(self.rule.to, own, LIKELY)
            hint = f" (did you mean {near!r}?)" if near else ""
            made = section.can_be_made(self.sink)
            level = "info" if made and not near else "warning"
            will = "it will be made" if made else "its values become readable text"
            yield self._finding(
                level, "to", f"the target has no field {self.rule.to!r}{hint}; {will}"
            )

    def _finding(self, level: str, key: str, said: str) -> Finding:
        path = (self.section.value, "field", self.place, key)
        return Finding(level=level, text=self.document.told(path, said))

    def _label(self) -> Iterator[Finding]:
        """Yield a source's field that the default mapping would give the same label.

        It gives a label to the first field by name; others with it get a suffix.
        """
        used = {name for _, name in _used(self.document.mapping, self.section)}
        same = sorted(
            each.name
            for each in self.section.source_fields(self.source)
            if folded(each.name) == self.rule.to.casefold()
        )
        if same and same[0] not in used:
            yield self._finding(
                "error",
                "to",
                f"the source's own field {same[0]!r} goes to {self.rule.to!r} too;"
                " map it elsewhere or leave it out",
            )

    def _from(self) -> FieldSpec | None:
        """Return the only source field of the rule, if its values are not changed before."""
        rule = self.rule
        changed = rule.extract is not None or rule.replace or rule.split is not None
        if len(rule.from_) != 1 or changed:
            return None
        found = self.section.source_field(self.source, rule.from_[0])
        return found if found and found.type in _CHOICES else None

    def _outcomes(self) -> Mapping[str, tuple[str, ...] | None]:
        """Return the value that each known label becomes; None for a label without a mapping."""
        spec = self._from()
        table = self.rule.values or {}
        by_folded = {folded(key): value for key, value in reversed(list(table.items()))}
        found: dict[str, tuple[str, ...] | None] = {}
        for label in spec.values if spec else ():
            given = table.get(label, by_folded.get(folded(label)))
            if given is None:
                found[label] = None if self.rule.values else (label,)
            else:
                found[label] = tuple(map(words, given if isinstance(given, tuple) else (given,)))
        return found

    def _unmapped(self) -> Iterator[Finding]:
        if self.rule.values is None or self.rule.otherwise is None:
            return
        word = self.rule.otherwise.word
        level = {"fail": "error", "drop": "warning"}.get(word, "info")
        will = {
            "fail": "its records will fail",
            "drop": "it is dropped",
            "keep": "it stays as it is",
            "value": f"it becomes {self.rule.otherwise.value!r}",
        }[word]
        for label, outcome in self._outcomes().items():
            if outcome is None:
                yield self._finding(level, "values", f"value {label!r} has no mapping; {will}")

    def _unfit(self) -> Iterator[Finding]:
        """Yield a finding if no value of the source can be of the rule's type."""
        rule = self.rule
        kind_of = effective_type(rule, self.section, self.document.mapping, self.source)
        read_otherwise = rule.read_date or rule.decimal is not None or rule.write_date is not None
        taken_apart = rule.extract is not None or rule.replace or rule.split is not None
        if kind_of is None or len(rule.from_) != 1 or read_otherwise or taken_apart:
            return
        spec = self.section.source_field(self.source, rule.from_[0])
        if spec is None:
            return
        if spec.type in _CHOICES:
            own = [
                label for label, outcome in self._outcomes().items() if outcome in (None, (label,))
            ]
            never = bool(own) and all(not _can_be(label, kind_of) for label in own)
            said = f"none of the labels of {spec.name!r} is a {kind_of.value}"
        else:
            never = rule.values is None and kind_of in NEVER.get(spec.type, ())
            said = (
                f"the source's field {spec.name!r} is a {spec.type.value}, never a {kind_of.value}"
            )
        if never:
            word = rule.otherwise.word if rule.otherwise else "fail"
            yield self._finding("warning", "type", f"{said}; {_UNFIT[word]}")

    def _cut(self) -> Iterator[Finding]:
        if self.rule.max_length is None:
            return
        for texts in self._outcomes().values():
            for text in texts or ():
                if len(text) > self.rule.max_length:
                    said = f"value {text!r} will be cut at {self.rule.max_length} characters"
                    yield self._finding("warning", "max_length", said)

    def _fits(self, target: FieldSpec) -> Iterator[Finding]:
        kind_of = effective_type(self.rule, self.section, self.document.mapping, self.source)
        if kind_of and target.type not in FITTING[kind_of]:
            yield self._finding(
                "warning",
                "type",
                f"a {kind_of.value} does not fit the target's field {target.name!r},"
                f" a {target.type.value}; its values become readable text",
            )
            return
        if target.type in _CHOICES and target.values:
            yield from self._allowed(target)
        elif target.max_length is not None and self.rule.max_length is None:
            for texts in self._outcomes().values():
                for text in texts or ():
                    if len(text) > target.max_length:
                        said = f"the target takes {target.max_length} characters, {text!r} has more"
                        yield self._finding("warning", "to", said)

    def _allowed(self, target: FieldSpec) -> Iterator[Finding]:
        kept = self.rule.otherwise is not None and self.rule.otherwise.word == "keep"
        wanted: dict[str, None] = {}
        for label, outcome in self._outcomes().items():
            wanted.update(dict.fromkeys(outcome if outcome is not None else (label,) * kept))
        wanted.update(dict.fromkeys(self._given()))
        for label in wanted:
            value = FieldValue(name=target.name, value=label, type=target.type)
            if label and self.sink.fits(target, value).rest is not None:
                made = self.section.can_be_made(self.sink) and not target.system
                will = "it will be made" if made else "its values become readable text"
                said = f"the target's field {target.name!r} does not allow {label!r}"
                hint = nearest(label, target.values) if not made else ""
                level = "info" if made else "warning"
                yield self._finding(level, "values", f"{said}{hint}; {will}")

    def _given(self) -> Iterator[str]:
        """Yield the labels in the rule itself."""
        rule = self.rule
        fallback = rule.otherwise.value if rule.otherwise else None
        for value in (*(rule.values or {}).values(), rule.constant, rule.if_empty, fallback):
            if isinstance(value, tuple):
                yield from value
            elif value is not None:
                yield words(value)


_UNFIT = {
    "fail": "its records will fail",
    "drop": "its values are dropped",
    "keep": "it goes its usual way, and this rule does nothing",
    "value": "another value replaces each of them",
}
"""What happens to values that are not of the rule's type, by the word of ``otherwise``."""


def _can_be(label: str, kind_of: FieldType) -> bool:
    return shaped((label,), kind_of, NoteCollector()) is not None


def _used(mapping: MappingFile, section: Section) -> Iterator[tuple[Place, str]]:
    """Yield the source's fields that are no longer mapped by default."""
    rules = mapping.of(section)
    keeping = {place for place, rule in enumerate(rules.field) if rule.keep_source}
    for path, name in _named(mapping, section):
        key: Sequence[str | int] = path[1:]
        if key[0] == "leave_out" or (
            key[0] == "field" and key[1] not in keeping and key[2] in ("from", "template")
        ):
            yield path, name
    for place, rule in enumerate(rules.field):
        if rule.add:  # its own labels come along
            yield (section.value, "field", place, "to"), rule.to


def _unfilled(
    document: Document, section: Section, source: Schema, sink: Schema
) -> Iterator[Finding]:
    """Yield the required fields of the target that no rule fills."""
    mapping = document.mapping
    filled = {rule.to.casefold() for rule in mapping.of(section).field}
    used = {name for _, name in _used(mapping, section)}
    filled |= {folded(each.name) for each in section.source_fields(source) if each.name not in used}
    for each in () if section.borrows(sink) else section.target_fields(sink):
        if (
            each.required
            and not each.default
            and not each.system
            and each.name.casefold() not in filled
        ):
            said = f"the target's field {each.name!r} is required, and nothing fills it"
            yield Finding(level="warning", text=document.told((section.value,), said))
