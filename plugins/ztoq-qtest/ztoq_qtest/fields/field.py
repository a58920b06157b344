"""The fields of a project: their types, allowed values and ids, as qTest lists them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import attrs

from ztoq_core.plugin import FieldType
from ztoq_qtest.html import one_line

# FieldResource.data_type, vendor's document
READ_TYPES: Mapping[int, FieldType] = {
    1: FieldType.TEXT,
    2: FieldType.LONG_TEXT,
    3: FieldType.CHOICE,
    4: FieldType.DATE,
    5: FieldType.USER,
    6: FieldType.RICH_TEXT,
    7: FieldType.NUMBER,
    8: FieldType.MULTI_CHOICE,  # several boxes, with allowed values and multiple=true
    9: FieldType.DATETIME,
    12: FieldType.URL,
    17: FieldType.MULTI_CHOICE,
}
# Types that ztoq creates. A check box becomes a combo box with Yes and No, since qTest's own check
# box is a list that cannot distinguish "no" from "not set".
DATA_TYPES: Mapping[FieldType, int] = {
    FieldType.TEXT: 1,
    FieldType.LONG_TEXT: 2,
    FieldType.CHOICE: 3,
    FieldType.CHECKBOX: 3,
    FieldType.DATE: 4,
    FieldType.USER: 5,
    FieldType.RICH_TEXT: 6,
    FieldType.NUMBER: 7,
    FieldType.DATETIME: 9,
    FieldType.URL: 12,
    FieldType.MULTI_CHOICE: 17,
}


@attrs.frozen(kw_only=True)
class Choice:
    """An allowed value; its ``id`` is sent."""

    id: int
    label: str
    active: bool = True
    default: bool = False


@attrs.frozen(kw_only=True)
class Field:
    """A field of the project; ``original`` is the name that customers cannot change."""

    id: int
    label: str
    original: str = ""
    type: FieldType = FieldType.TEXT
    multiple: bool = False
    required: bool = False
    active: bool = True
    system: bool = False
    default: bool = False
    default_value: str = ""
    choices: tuple[Choice, ...] = ()

    @cached_property
    def _exact(self) -> Mapping[str, Choice]:
        return {each.label: each for each in reversed(self.choices) if each.active}

    @cached_property
    def _folded(self) -> Mapping[str, Choice]:
        active = [each for each in self.choices if each.active]
        return {one_line(each.label).casefold(): each for each in reversed(active)}

    def choice(self, *labels: str) -> Choice | None:
        """Return the first active value with one of the labels, exactly, else in any case."""
        for label in labels:
            if found := self._exact.get(label):
                return found
        for label in labels:
            if found := self._folded.get(one_line(label).casefold()):
                return found
        return None

    def label_of(self, number: str) -> str:
        """Return the label of an allowed value by its id, or the id."""
        return next((each.label for each in self.choices if str(each.id) == number), number)


def _type_of(raw: Mapping[str, Any]) -> FieldType:
    if known := READ_TYPES.get(int(raw.get("data_type") or 0)):
        return known
    # System fields may have other numbers: 13 for a choice and for a date in a published sample.
    hints = f"{raw.get('instanceType')} {raw.get('attribute_type')} {raw.get('original_name')}"
    if raw.get("constrained") or raw.get("allowed_values"):
        return FieldType.MULTI_CHOICE if raw.get("multiple") else FieldType.CHOICE
    if re.search(r"date|planned(start|end)", hints, re.IGNORECASE):
        return FieldType.DATETIME
    if re.search(r"user", hints, re.IGNORECASE):
        return FieldType.USER
    if re.search(r"number", hints, re.IGNORECASE):
        return FieldType.NUMBER
    return FieldType.TEXT


def parse_choices(raw: Iterable[Mapping[str, Any]]) -> tuple[Choice, ...]:
    """Return the allowed values of AllowedValueResources; one without an id cannot be sent."""
    return tuple(
        Choice(
            id=int(each["value"]),
            label=str(each.get("label") or ""),
            active=each.get("is_active") is not False,
            default=bool(each.get("is_default")),
        )
        for each in raw
        if each.get("value") is not None
    )


def parse_field(raw: Mapping[str, Any]) -> Field:
    """Return the field of a FieldResource."""
    choices = parse_choices(raw.get("allowed_values") or ())
    return Field(
        id=int(raw["id"]),
        label=str(raw.get("label") or ""),
        original=str(raw.get("original_name") or ""),
        type=_type_of(raw),
        multiple=bool(raw.get("multiple")),
        required=bool(raw.get("required")),
        active=raw.get("is_active") is not False,
        system=bool(raw.get("system_field")),
        default=bool(raw.get("default_value")) or any(each.default for each in choices),
        default_value=str(raw.get("default_value") or ""),
        choices=choices,
    )
