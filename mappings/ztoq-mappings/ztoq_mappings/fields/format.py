"""The format of a mapping file: the classes that it is read into.

``mapping.schema.json`` is the same for editors; ``docs/mapping-files.md`` has an example of each
key. A test compares the three.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ztoq_core.plugin import FieldType
from ztoq_mappings.fields.sections import Section

ZEPHYR_TYPES: Mapping[str, FieldType] = {
    "SINGLE_LINE_TEXT": FieldType.TEXT,
    "MULTI_LINE_TEXT": FieldType.RICH_TEXT,
    "NUMBER": FieldType.NUMBER,
    "DECIMAL": FieldType.NUMBER,
    "DATE": FieldType.DATE,
    "CHECKBOX": FieldType.CHECKBOX,
    "SINGLE_CHOICE_SELECT_LIST": FieldType.CHOICE,
    "MULTI_CHOICE_SELECT_LIST": FieldType.MULTI_CHOICE,
    "USER_LIST": FieldType.USER,
}
"""Zephyr's names for the types of custom fields (Zephyr Scale Server API, customfield)."""

TYPE_WORDS: Mapping[str, FieldType] = {**{each.value: each for each in FieldType}, **ZEPHYR_TYPES}
"""The words for types in ``[types]``."""

Given = str | int | float | bool | tuple[str, ...]
"""A value in a mapping file."""


@attrs.frozen
class Fallback:
    """What happens to a value without a mapping: ``word``, or ``value`` replaces it."""

    word: str
    value: Given | None = None


@attrs.frozen(kw_only=True)
class Replacement:
    """Replaces what the regular expression ``find`` matches."""

    find: str
    with_: str


@attrs.frozen(kw_only=True)
class Condition:
    """Holds for a record whose ``field`` is, is not, matches, is empty or lies within bounds.

    ``at_least`` and ``below`` are numbers, or dates in ISO 8601.
    """

    field: str
    is_: tuple[str | float, ...] | None = None
    is_not: tuple[str | float, ...] | None = None
    at_least: str | float | None = None
    below: str | float | None = None
    matches: str | None = None
    empty: bool | None = None


@attrs.frozen(kw_only=True)
class Rule:
    """One field of the target and the source of its value; its keys are applied in this order."""

    to: str
    type: FieldType | None = None
    when: Sequence[Condition] = ()
    from_: tuple[str, ...] = ()
    template: str | None = None
    constant: Given | None = None
    html: str | None = None
    extract: str | None = None
    replace: Sequence[Replacement] = ()
    letters: str | None = None
    split: str | None = None
    part: int | None = None
    values: Mapping[str, Given] | None = None
    person: str | None = None
    otherwise: Fallback | None = None
    if_empty: Given | None = None
    join: str | None = None
    decimal: str | None = None
    multiply: float | None = None
    round: int | None = None
    read_date: tuple[str, ...] = ()
    time_zone: str | None = None
    shift_days: int | None = None
    write_date: str | None = None
    max_length: int | None = None
    add: bool = False
    keep_source: bool = False


@attrs.frozen(kw_only=True)
class KindRules:
    """The rules for the fields of one kind of record, or of steps.

    A record for which all conditions of ``skip_when`` hold is left out.
    """

    skip_when: Sequence[Condition] = ()
    field: Sequence[Rule] = ()
    leave_out: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class DeclaredTypes:
    """The types of the source's fields; they go before those that the values suggest."""

    folder: Mapping[str, FieldType] = attrs.field(factory=dict)
    requirement: Mapping[str, FieldType] = attrs.field(factory=dict)
    test_case: Mapping[str, FieldType] = attrs.field(factory=dict)
    test_step: Mapping[str, FieldType] = attrs.field(factory=dict)
    test_plan: Mapping[str, FieldType] = attrs.field(factory=dict)
    test_cycle: Mapping[str, FieldType] = attrs.field(factory=dict)
    test_run: Mapping[str, FieldType] = attrs.field(factory=dict)
    test_log: Mapping[str, FieldType] = attrs.field(factory=dict)
    attachment: Mapping[str, FieldType] = attrs.field(factory=dict)

    def of(self, section: Section) -> Mapping[str, FieldType]:
        """Return the types of the fields of a section."""
        found: Mapping[str, FieldType] = getattr(self, section.value)
        return found


@attrs.frozen(kw_only=True)
class MappingFile:
    """A mapping file."""

    format: int
    types: DeclaredTypes = attrs.field(factory=DeclaredTypes)
    folder: KindRules = attrs.field(factory=KindRules)
    requirement: KindRules = attrs.field(factory=KindRules)
    test_case: KindRules = attrs.field(factory=KindRules)
    test_step: KindRules = attrs.field(factory=KindRules)
    test_plan: KindRules = attrs.field(factory=KindRules)
    test_cycle: KindRules = attrs.field(factory=KindRules)
    test_run: KindRules = attrs.field(factory=KindRules)
    test_log: KindRules = attrs.field(factory=KindRules)
    attachment: KindRules = attrs.field(factory=KindRules)

    def of(self, section: Section) -> KindRules:
        """Return the rules of a section."""
        found: KindRules = getattr(self, section.value)
        return found
