"""The transform: rules of a mapping file at work on records of a source's shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ztoq_core.plugin import (
    ConfigError,
    FieldType,
    FieldValue,
    Kind,
    Record,
    Scene,
    Transform,
    User,
    Value,
)
from ztoq_mappings import markup
from ztoq_mappings.fields.checks import misspelt
from ztoq_mappings.fields.conditions import Holds, condition
from ztoq_mappings.fields.format import KINDS, KindRules, MappingFile, Rule
from ztoq_mappings.fields.options import FieldsOptions
from ztoq_mappings.fields.properties import PROPERTIES, is_property
from ztoq_mappings.fields.reading import read
from ztoq_mappings.fields.shapes import guessed, shaped, words
from ztoq_mappings.fields.steps import Step, Work, cleaner, listed, steps
from ztoq_mappings.fields.templates import Template, template
from ztoq_mappings.fields.types import effective_type
from ztoq_mappings.notebook import Notebook
from ztoq_mappings.texts import is_html

__all__ = ["build", "compile_mapping"]


def build(options: FieldsOptions, scene: Scene) -> Transform:
    """Return the transform that the mapping file describes.

    Raises:
        ConfigError: The file cannot be read or used, or names a field that the source does not
            have while it has one of nearly that name; a line for each problem.
    """
    document = read(options.mapping)
    if wrong := list(misspelt(document, scene.source)):
        raise ConfigError("\n".join(wrong))
    return compile_mapping(document.mapping, scene)


def compile_mapping(mapping: MappingFile, scene: Scene) -> Transform:
    """Return the transform for a mapping that has been read."""
    people = {each.id: each for each in scene.source.users}
    ready = {
        kind: _Kind(kind, mapping, scene, people)
        for kind in KINDS
        if mapping.of(kind) != KindRules() or mapping.types.of(kind)
    }

    def transform(record: Record) -> Record:
        of_kind = ready.get(record.kind)
        return of_kind.mapped(record) if of_kind else record

    return transform


@attrs.frozen(kw_only=True)
class _Ready:
    """A rule that is ready for work."""

    rule: Rule
    type: FieldType | None
    holds: tuple[Holds, ...]
    template: Template | None
    clean: Callable[[str], str] | None
    steps: tuple[Step, ...]
    origin: str
    reads: tuple[str, ...]


class _Kind:
    """The rules of one kind of record."""

    def __init__(
        self, kind: Kind, mapping: MappingFile, scene: Scene, people: Mapping[str, User]
    ) -> None:
        rules = mapping.of(kind)
        self._properties = PROPERTIES[kind]
        self._types = mapping.types.of(kind)
        self._left_out = frozenset(rules.leave_out)
        self._rules = tuple(
            _ready(
                rule,
                effective_type(rule, kind, mapping, scene.source),
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
        """Return the record with what the rules make of it.

        Raises:
            MappingError: A value has no mapping.
        """
        notes = Notebook(record.notes)
        own = {field.name: field.value for field in record.fields}
        made: dict[str, FieldValue] = {}
        spent: set[str] = set()
        tale = _Tale()
        properties = self._properties

        def value_of(name: str) -> Value:
            found = properties.get(name)
            return own.get(name) if found is None else found.read(record)

        for ready in self._rules:
            if ready.rule.to in made or not all(holds(value_of) for holds in ready.holds):
                continue
            work = Work(record.key, ready.origin or ready.rule.to, ready.rule.otherwise, notes)
            found = _made(ready, work, value_of)
            if not ready.rule.keep_source and not work.kept:
                spent.update(ready.reads)
            if found is not None:
                made[ready.rule.to] = found
            tale.add(ready, found, work, value_of)
        tale.tell(notes)
        return self._changed(record, made, spent, notes)

    def _changed(
        self, record: Record, made: Mapping[str, FieldValue], spent: set[str], notes: Notebook
    ) -> Record:
        changes: dict[str, Any] = {
            each.attribute: each.empty()
            for name, each in self._properties.items()
            if each.spent and name in spent
        }
        for name, value in made.items():
            if is_property(name):
                changes[self._properties[name].attribute] = value.value
        left_out = [
            repr(field.name)
            for field in record.fields
            if field.name in self._left_out and not field.placed and listed(field.value)
        ]
        if left_out:
            one = f"the field {left_out[0]} is" if len(left_out) == 1 else ""
            said = one or f"the fields {', '.join(left_out)} are"
            notes.change("field-left-out", f"{said} left out, as the mapping says")
        fields = tuple(
            self._declared(field)
            for field in record.fields
            if field.placed or not (field.name in spent or field.name in self._left_out)
        )
        placed = tuple(value for name, value in made.items() if not is_property(name))
        return attrs.evolve(record, fields=(*fields, *placed), notes=notes.notes(), **changes)

    def _declared(self, field: FieldValue) -> FieldValue:
        declared = self._types.get(field.name)
        if declared is None or field.placed:
            return field
        return attrs.evolve(field, type=declared)


@attrs.define
class _Tale:
    """What the rules made of fields of one record besides fields, to be told in its notes."""

    dropped: dict[str, None] = attrs.field(factory=dict)
    moved: dict[str, dict[str, str]] = attrs.field(factory=dict)

    def add(
        self,
        ready: _Ready,
        found: FieldValue | None,
        work: Work,
        value_of: Callable[[str], Value],
    ) -> None:
        """Look at what one rule did."""
        to = ready.rule.to
        names = [name for name in ready.reads if name != to and listed(value_of(name))]
        if work.dropped:
            self.dropped.update(dict.fromkeys(names))
        if found is not None and is_property(to):
            code = "field-partly-into-property" if work.lossy else "field-into-property"
            said = {name: f"the field {name!r} goes into {to!r}" for name in names}
            self.moved.setdefault(code, {}).update(said)

    def tell(self, notes: Notebook) -> None:
        """Note it, quoting the names of the fields."""
        if self.dropped:
            names = ", ".join(map(repr, self.dropped))
            notes.change("value-dropped", f"values of {names} are dropped, as the mapping says")
        for code, said in self.moved.items():
            notes.change(code, f"{'; '.join(said.values())}, as the mapping says")


def _ready(
    rule: Rule, kind_of: FieldType | None, people: Mapping[str, User], taken: frozenset[int]
) -> _Ready:
    form = template(rule.template) if rule.template is not None else None
    reads = tuple(dict.fromkeys(form.names)) if form else rule.from_
    return _Ready(
        rule=rule,
        type=kind_of,
        holds=tuple(map(condition, rule.when)),
        template=form,
        clean=cleaner(rule, kind_of),
        steps=steps(rule, kind_of, people, taken),
        origin=", ".join(reads),
        reads=reads,
    )


def _made(ready: _Ready, work: Work, value_of: Callable[[str], Value]) -> FieldValue | None:
    """Return the field that a rule makes, None where there is nothing to carry."""
    rule = ready.rule
    values = _given(ready, value_of)
    for step in ready.steps:
        if not values:
            break
        values = step(values, work)
    if not values and rule.if_empty is not None:
        values = listed(rule.if_empty)
    if not values:
        return None
    kind_of = ready.type or guessed(values)
    value = shaped(values, kind_of, work.notes)
    if value is None:
        value = _otherwise(values, kind_of, work)
    if value is None or value in ("", ()):
        return None
    return FieldValue(
        name=rule.to,
        value=value,
        type=kind_of,
        alternatives=work.alternatives,
        placed=True,
        origin=ready.origin,
        lossy=work.lossy,
    )


def _given(ready: _Ready, value_of: Callable[[str], Value]) -> list[Value]:
    if ready.rule.constant is not None:
        return listed(ready.rule.constant)
    if ready.template is None:
        return [value for name in ready.reads for value in listed(value_of(name))]
    rich = ready.type is FieldType.RICH_TEXT

    def shown(name: str) -> str:
        value = value_of(name)
        if isinstance(value, str) and ready.clean and is_html(value):
            value = ready.clean(value)
        return markup.value(value) if rich else words(value)

    return listed(ready.template.filled(shown))


def _otherwise(values: list[Value], kind_of: FieldType, work: Work) -> Value:
    """Return what stands for values that do not fit the type; None where they are kept or dropped.

    Raises:
        MappingError: As the rule says.
    """
    shown = values[0] if len(values) == 1 else ", ".join(map(words, values))
    instead = work.without(shown, f"is no {kind_of.value}")
    if work.otherwise is not None and work.otherwise.word == "keep":
        work.kept = True
        work.notes.change(
            "value-unfit",
            f"a value of {work.field!r} is no {kind_of.value}; it goes its usual way",
        )
        return None
    return shaped(instead, kind_of, work.notes) if instead else None
