"""Applies the rules of a mapping file to records of a source's shape."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import attrs

from ztoq_core.plugin import (
    ConfigError,
    FieldType,
    FieldValue,
    Record,
    Skip,
    TestCase,
    TestStep,
    Transform,
    TransformContext,
    User,
    Value,
)
from ztoq_mappings import markup
from ztoq_mappings.fields.coerce import guessed, shaped, words
from ztoq_mappings.fields.conditions import Holds, condition, described
from ztoq_mappings.fields.conversions import Conversion, RuleRun, cleaner, conversions, listed
from ztoq_mappings.fields.format import KindRules, MappingFile, Rule
from ztoq_mappings.fields.options import FieldsOptions
from ztoq_mappings.fields.parse import read
from ztoq_mappings.fields.properties import PROPERTIES, is_property
from ztoq_mappings.fields.rule_notes import RuleNotes
from ztoq_mappings.fields.schema_checks import misspelt
from ztoq_mappings.fields.sections import Section
from ztoq_mappings.fields.templates import Template, template
from ztoq_mappings.fields.types import effective_type
from ztoq_mappings.note_codes import VALUE_UNFIT
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import is_html


def build(options: FieldsOptions, context: TransformContext) -> Transform:
    """Return the transform that the mapping file describes.

    Raises:
        ConfigError: The file cannot be read or used, or names a field that the source does not
            have while it has one of nearly that name; a line for each problem.
    """
    document = read(options.mapping)
    if wrong := list(misspelt(document, context.source)):
        raise ConfigError("\n".join(wrong))
    return compile_mapping(document.mapping, context)


def compile_mapping(mapping: MappingFile, context: TransformContext) -> Transform:
    """Return the transform for a mapping that has been read."""
    people = {each.id: each for each in context.source.users}
    by_kind = {
        section.value: _SectionRules(section, mapping, context, people)
        for section in Section
        if mapping.of(section) != KindRules() or mapping.types.of(section)
    }
    of_steps = by_kind.pop(Section.TEST_STEP.value, None)

    def transform(record: Record) -> Record:
        if of_kind := by_kind.get(record.kind.value):
            record = of_kind.mapped(record)
        if of_steps and isinstance(record, TestCase) and record.steps:
            record = of_steps.with_steps(record)
        return record

    return transform


@attrs.frozen(kw_only=True)
class _CompiledRule:
    """A rule with its conditions, template and conversions."""

    rule: Rule
    type: FieldType | None
    holds: tuple[Holds, ...]
    template: Template | None
    clean: Callable[[str], str] | None
    conversions: tuple[Conversion, ...]
    origin: str
    reads: tuple[str, ...]

    def is_for(self, value_of: Callable[[str], Value]) -> bool:
        """Return whether the conditions hold for the record whose values ``value_of`` reads."""
        return all(holds(value_of) for holds in self.holds)


class _SectionRules:
    """The rules of one section."""

    def __init__(
        self,
        section: Section,
        mapping: MappingFile,
        context: TransformContext,
        people: Mapping[str, User],
    ) -> None:
        rules = mapping.of(section)
        self._properties = PROPERTIES[section]
        self._types = mapping.types.of(section)
        self._left_out = frozenset(rules.leave_out)
        self._skip = tuple(map(condition, rules.skip_when))
        self._skipped = " and ".join(map(described, rules.skip_when))
        self._rules = tuple(
            _compile_rule(
                rule,
                effective_type(rule, section, mapping, context.source),
                people,
                frozenset(
                    each.part
                    for each in rules.field
                    if each.part and (each.from_, each.split) == (rule.from_, rule.split)
                ),
            )
            for rule in rules.field
        )

    def mapped(self, record: Record) -> Record:
        """Return the record after the rules.

        Raises:
            MappingError: A value has no mapping.
            Skip: The file leaves the record out.
        """
        if self._skip:
            read = self._reader(record)
            if all(holds(read) for holds in self._skip):
                raise Skip(f"the mapping file leaves it out: {self._skipped}")
        notes, rule_notes = NoteCollector(record.notes), RuleNotes()
        changes = self._changes(record, record.key, notes, rule_notes)
        rule_notes.note(notes)
        return attrs.evolve(record, notes=notes.notes(), **changes)

    def with_steps(self, case: TestCase) -> TestCase:
        """Return the case after the rules for its steps. Raises as ``mapped``."""
        notes, rule_notes = NoteCollector(case.notes), RuleNotes()
        steps: list[TestStep] = []
        for step in case.steps:
            rule_notes.step = step.key
            steps.append(attrs.evolve(step, **self._changes(step, case.key, notes, rule_notes)))
        rule_notes.note_of_steps(notes)
        return attrs.evolve(case, steps=tuple(steps), notes=notes.notes())

    def _changes(
        self, thing: Record | TestStep, key: str, notes: NoteCollector, rule_notes: RuleNotes
    ) -> dict[str, Any]:
        """Return the new attributes of a record or step; ``key`` is that of the record."""
        value_of = self._reader(thing)
        made: dict[str, FieldValue] = {}
        spent: set[str] = set()
        properties = self._properties
        for compiled in self._rules:
            into = compiled.rule.to
            if not compiled.is_for(value_of) or (into in made and not compiled.rule.add):
                continue
            run = RuleRun(
                key,
                compiled.origin or into,
                compiled.rule.otherwise,
                notes,
                step=rule_notes.step,
            )
            earlier = _earlier(into, made, spent, value_of) if compiled.rule.add else None
            found = _made(compiled, run, value_of, listed(earlier.value) if earlier else [])
            if not compiled.rule.keep_source and not run.kept:
                spent.update(compiled.reads)
            if found is not None:
                if earlier:
                    spent.add(into)
                    found = attrs.evolve(
                        found,
                        origin=", ".join(filter(None, (earlier.origin, found.origin))),
                        lossy=earlier.lossy or found.lossy,
                    )
                made[into] = found
            into = into if found is not None and is_property(into) else ""
            if run.dropped or into:
                names = [name for name in compiled.reads if name != into and listed(value_of(name))]
                rule_notes.add(names, into, run)
        changes: dict[str, Any] = {
            each.attribute: each.empty()
            for name, each in properties.items()
            if each.spent and name in spent
        }
        for name, value in made.items():
            if is_property(name):
                changes[properties[name].attribute] = value.value
        placed = [value for name, value in made.items() if not is_property(name)]
        return {"fields": (*self._kept(thing, spent, rule_notes), *placed), **changes}

    def _reader(self, thing: Record | TestStep) -> Callable[[str], Value]:
        """Return what reads a field or property of a record or step by its name."""
        own = {field.name: field.value for field in thing.fields}

        def value_of(name: str) -> Value:
            found = self._properties.get(name)
            return own.get(name) if found is None else found.read(thing)

        return value_of

    def _kept(
        self, thing: Record | TestStep, spent: set[str], rule_notes: RuleNotes
    ) -> Iterator[FieldValue]:
        """Yield the fields that the default mapping places."""
        for field in thing.fields:
            if field.placed:
                yield field
            elif field.name in self._left_out:
                if listed(field.value):
                    rule_notes.leave_out(field.name)
            elif field.name not in spent:
                yield self._declared(field)

    def _declared(self, field: FieldValue) -> FieldValue:
        declared = self._types.get(field.name)
        if declared is None:
            return field
        return attrs.evolve(field, type=declared)


def _compile_rule(
    rule: Rule, kind_of: FieldType | None, people: Mapping[str, User], taken: frozenset[int]
) -> _CompiledRule:
    form = template(rule.template) if rule.template is not None else None
    reads = tuple(dict.fromkeys(form.names)) if form else rule.from_
    return _CompiledRule(
        rule=rule,
        type=kind_of,
        holds=tuple(map(condition, rule.when)),
        template=form,
        clean=cleaner(rule, kind_of),
        conversions=conversions(rule, kind_of, people, taken),
        origin=", ".join(reads),
        reads=reads,
    )


def _made(
    compiled: _CompiledRule,
    run: RuleRun,
    value_of: Callable[[str], Value],
    there: list[Value],
) -> FieldValue | None:
    """Return the field that a rule fills, None if there is no value to add to those ``there``."""
    rule = compiled.rule
    values = _given(compiled, value_of)
    for convert in compiled.conversions:
        if not values:
            break
        values = convert(values, run)
    if not values and rule.if_empty is not None:
        values = listed(rule.if_empty)
    if not values:
        return None
    values = [*there, *values]
    kind_of = compiled.type or guessed(values)
    value = shaped(values, kind_of, run.notes)
    if value is None:
        value = _otherwise(values, kind_of, run)
    if value is None or value in ("", ()):
        return None
    return FieldValue(
        name=rule.to,
        value=value,
        type=kind_of,
        alternatives=run.alternatives,
        placed=True,
        origin=compiled.origin,
        lossy=run.lossy,
    )


def _earlier(
    name: str,
    made: Mapping[str, FieldValue],
    spent: Collection[str],
    value_of: Callable[[str], Value],
) -> FieldValue | None:
    """Return what a field has before a rule adds to it: of earlier rules, else the source's.

    What a rule took elsewhere is no longer there.
    """
    if name in made or name in spent or not listed(value := value_of(name)):
        return made.get(name)
    return FieldValue(name=name, value=value, origin=name)


def _given(compiled: _CompiledRule, value_of: Callable[[str], Value]) -> list[Value]:
    if compiled.rule.constant is not None:
        return listed(compiled.rule.constant)
    if compiled.template is None:
        return [value for name in compiled.reads for value in listed(value_of(name))]
    rich = compiled.type is FieldType.RICH_TEXT

    def shown(name: str) -> str:
        value = value_of(name)
        if isinstance(value, str) and compiled.clean and is_html(value):
            value = compiled.clean(value)
        return markup.value(value) if rich else words(value)

    return listed(compiled.template.filled(shown))


def _otherwise(values: list[Value], kind_of: FieldType, run: RuleRun) -> Value:
    """Return what replaces values that do not fit the type; None if they are kept or dropped.

    Raises:
        MappingError: As the rule says.
    """
    shown = values[0] if len(values) == 1 else ", ".join(map(words, values))
    instead = run.without(shown, f"is not a {kind_of.value}")
    if run.otherwise is not None and run.otherwise.word == "keep":
        run.kept = True
        run.notes.add(
            VALUE_UNFIT,
            f"a value of {run.field!r} is no {kind_of.value}; it goes its usual way",
        )
        return None
    return shaped(instead, kind_of, run.notes) if instead else None
