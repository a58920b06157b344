"""How values travel: ``field_value`` is always a string (facts, section 3)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Any

import attrs

from ztoq_core.plugin import FieldType, FieldValue, User, Value
from ztoq_qtest.html import as_html, one_line, plain, table

__all__ = [
    "BOX_LENGTH",
    "DATA_TYPES",
    "Choice",
    "Field",
    "Sent",
    "clearing",
    "decode",
    "encode",
    "instant",
    "people_by_name",
    "person",
    "readable",
    "readable_table",
    "structure_choice",
    "structure_field",
]

# FieldResource.data_type, vendor's document
READ_TYPES: Mapping[int, FieldType] = MappingProxyType(
    {
        1: FieldType.TEXT,
        2: FieldType.LONG_TEXT,
        3: FieldType.CHOICE,
        4: FieldType.DATE,
        5: FieldType.USER,
        6: FieldType.RICH_TEXT,
        7: FieldType.NUMBER,
        8: FieldType.MULTI_CHOICE,  # a list of boxes: it has allowed values and multiple=true
        9: FieldType.DATETIME,
        12: FieldType.URL,
        17: FieldType.MULTI_CHOICE,
    }
)
# What ztoq makes. A check box becomes a combo box with Yes and No, since qTest's own check box is a
# list that cannot tell "no" from "not set".
DATA_TYPES: Mapping[FieldType, int] = MappingProxyType(
    {
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
)
YES = ("Yes", "True", "Checked", "On", "Y")
NO = ("No", "False", "Unchecked", "Off", "N")
DATES = frozenset({FieldType.DATE, FieldType.DATETIME})
TEXTS = frozenset({FieldType.TEXT, FieldType.LONG_TEXT, FieldType.RICH_TEXT, FieldType.URL})
SEVERAL = re.compile(r"\[(.*)\]", re.DOTALL)
# a text like "007" or "1e5" is none: qTest would write it in another way
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].*)?", re.ASCII)
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
LONGEST_NUMBER = 300  # digits that Python reads at once, and a float can hold
BOX_LENGTH = 255
"""Characters of a text box. Guess: none is published; custom ones commonly take 255 (facts, 11)."""


@attrs.frozen(kw_only=True)
class Choice:
    """An allowed value: ``id`` is what travels."""

    id: int
    label: str
    active: bool = True
    default: bool = False


@attrs.frozen
class Sent:
    """What travels for a value (None: nothing), what cannot, and how the rest says less."""

    text: str | None = None
    left: Value = None
    loses: str = ""


@attrs.frozen(kw_only=True)
class Field:
    """A field as the project defines it; ``original`` is the name that customers cannot change."""

    id: int
    label: str
    original: str = ""
    type: FieldType = FieldType.TEXT
    multiple: bool = False
    required: bool = False
    active: bool = True
    system: bool = False
    default: bool = False
    choices: tuple[Choice, ...] = ()

    @cached_property
    def _exact(self) -> Mapping[str, Choice]:
        return {each.label: each for each in reversed(self.choices) if each.active}

    @cached_property
    def _folded(self) -> Mapping[str, Choice]:
        active = [each for each in self.choices if each.active]
        return {one_line(each.label).casefold(): each for each in reversed(active)}

    def choice(self, *labels: str) -> Choice | None:
        """Return the first active value with one of the labels, exactly, then whatever the case."""
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
    # system fields may carry other numbers: 13 on a choice and on a date in one published sample
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


def structure_choice(raw: Mapping[str, Any]) -> Choice:
    """Return the allowed value of an AllowedValueResource."""
    return Choice(
        id=int(raw["value"]),
        label=str(raw.get("label") or ""),
        active=raw.get("is_active") is not False,
        default=bool(raw.get("is_default")),
    )


def structure_field(raw: Mapping[str, Any]) -> Field:
    """Return the field of a FieldResource."""
    choices = tuple(
        structure_choice(each)
        for each in raw.get("allowed_values") or ()
        if each.get("value") is not None
    )
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
        choices=choices,
    )


def instant(value: object) -> datetime | None:
    """Return the instant that an ISO text names, in UTC and whole seconds; None for other texts."""
    try:
        moment = datetime.fromisoformat(str(value))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):  # the year 10000 begins in some zone of 9999-12-31
        return None


def readable(value: FieldValue) -> str:
    """Return a value as HTML for people."""
    content = value.value
    if isinstance(content, bool):
        return "Yes" if content else "No"
    if isinstance(content, tuple):
        return as_html(", ".join(content))
    if value.type is FieldType.RICH_TEXT:
        return str(content)
    if value.type is FieldType.USER:
        return as_html(person(value))
    return "" if content is None else as_html(_number(content))


def person(value: FieldValue) -> str:
    """Return a person as people read it: the mapping gives e-mail, then name, then id."""
    first = str(value.value)
    named = "@" in first and len(value.alternatives) > 1
    return f"{value.alternatives[0]} ({first})" if named else first


def readable_table(values: Iterable[FieldValue], *more: tuple[str, str]) -> str:
    """Return the table of values that have no field, optional ones left out, and of more rows."""
    rows = [(each.name, readable(each)) for each in values if not each.optional]
    return table([*rows, *more])


def _number(content: str | float) -> str:
    if isinstance(content, float) and math.isfinite(content):
        # 1e-07 is no number to qTest
        return f"{Decimal(repr(content)):f}".removesuffix(".0")
    return str(content)


def _texts(value: FieldValue) -> list[str]:
    content = value.value
    if isinstance(content, bool):
        return list(YES if content else NO)
    if isinstance(content, tuple):
        return list(content)
    return [_number(content)] if content is not None else []


def encode(field: Field, value: FieldValue, people: Mapping[str, str]) -> Sent:
    """Return what travels for ``value`` in ``field``, and the part of it that cannot.

    ``people`` is what ``people_by_name`` gives. None travels for an empty value (see
    ``clearing``) and for one that has no place.
    """
    content = value.value
    if content is None or content in ("", ()):
        return Sent()
    if field.type is FieldType.USER:
        return Sent(*_users(field, value, people))
    if field.type in {FieldType.CHOICE, FieldType.MULTI_CHOICE}:
        many = field.type is FieldType.MULTI_CHOICE or field.multiple
        return _several(field, value) if many else _single(field, value)
    if field.type is FieldType.NUMBER:
        return _encode_number(content)
    if field.type in DATES:
        return _encode_moment(field, content)
    return _encode_text(field, value)


def clearing(field: Field) -> str | None:
    """Return what empties a field, None where the API has no way.

    A single choice cannot be cleared (facts, section 3); no fact says that dates or numbers can.
    """
    if field.type is FieldType.MULTI_CHOICE or field.multiple:
        return "[]"
    return "" if field.type in TEXTS else None


def _encode_number(content: Value) -> Sent:
    if isinstance(content, bool | tuple) or content is None:
        return Sent(left=content)
    text = _number(content).strip().removeprefix("+")
    return Sent(text) if NUMBER.fullmatch(text) else Sent(left=content)


def _encode_moment(field: Field, content: Value) -> Sent:
    whole = content if isinstance(content, str) and DAY.fullmatch(content) else None
    moment = instant(whole)
    if whole is None or moment is None:
        return Sent(left=content)
    said = datetime.fromisoformat(whole)
    loses = "fractions of its second are cut" if said.microsecond else ""
    # qTest's own planned dates are date fields too, and take times (guess: they keep them)
    if field.type is FieldType.DATE and not field.system and said.time() != time():
        loses = "a date shows no time of day"
    return Sent(moment.isoformat(), loses=loses)


def _encode_text(field: Field, value: FieldValue) -> Sent:
    rich = value.type is FieldType.RICH_TEXT
    texts = _texts(value)
    text = texts[0] if isinstance(value.value, bool) else ", ".join(texts)
    loses = "commas stand in its values and between them" if _ambiguous(value.value) else ""
    if value.type is FieldType.USER:
        text = person(value)
    if field.type is FieldType.RICH_TEXT:
        return Sent(text if rich else as_html(text), loses=loses)
    if rich:
        shown = plain(text)
        loses = "it is plain text here, without its markup" if as_html(shown) != text else loses
        text = shown
    if field.type is FieldType.LONG_TEXT:
        return Sent(text, loses=loses)
    if len(text.splitlines()) > 1:
        text, loses = one_line(text), "its lines stand on one"
    if field.type is FieldType.URL and not ADDRESS.fullmatch(text):
        return Sent(left=value.value)
    if field.type is FieldType.TEXT and len(text) > BOX_LENGTH:
        return Sent(left=value.value)
    return Sent(text, loses=loses)


def _ambiguous(content: Value) -> bool:
    return isinstance(content, tuple) and len(content) > 1 and any("," in text for text in content)


def _single(field: Field, value: FieldValue) -> Sent:
    texts = _texts(value)
    if isinstance(value.value, tuple) and len(texts) > 1:
        return Sent(left=value.value)
    found = field.choice(*texts[:1], *value.alternatives, *texts[1:])
    if found is None:
        return Sent(left=value.value)
    return Sent(str(found.id), loses=_other(field, texts, [found]))


def _other(field: Field, texts: Sequence[str], found: Iterable[Choice | None]) -> str:
    """Say where a label was only found in other capitals; qTest's own ones are as good."""
    if field.system:
        return ""
    alike = {one_line(text).casefold(): text for text in texts}
    for choice in found:
        own = alike.get(one_line(choice.label).casefold()) if choice else None
        if choice and own and one_line(own) != one_line(choice.label):
            return f"{own!r} is {choice.label!r} in qTest"
    return ""


def _several(field: Field, value: FieldValue) -> Sent:
    if isinstance(value.value, bool):
        found = field.choice(*_texts(value), *((field.label,) if value.value else ()))
        active = [each for each in field.choices if each.active]
        if found is None and len(active) == 1:
            # one box: ticked or not
            return Sent(f"[{active[0].id}]" if value.value else "[]")
        return Sent(f"[{found.id}]") if found else Sent(left=value.value)
    texts = _texts(value)
    pairs = [(text, field.choice(text)) for text in texts]
    if value.alternatives and not any(found for _, found in pairs):
        pairs = [(texts[0], field.choice(*value.alternatives))]
    ids = dict.fromkeys(str(found.id) for _, found in pairs if found)
    rest = tuple(text for text, found in pairs if not found)
    loses = _other(field, texts, (found for _, found in pairs))
    return Sent(f"[{','.join(ids)}]" if ids else None, rest or None, loses)


def people_by_name(users: Iterable[User]) -> Mapping[str, str]:
    """Return the ids of active people by id, e-mail and name in lower case.

    A name that two of them bear names neither.
    """
    found: dict[str, set[str]] = {}
    for user in users:
        if user.active:
            for name in (user.id, user.email, user.name):
                found.setdefault(name.casefold(), set()).add(user.id)
    return {name: next(iter(ids)) for name, ids in found.items() if name and len(ids) == 1}


def _users(field: Field, value: FieldValue, people: Mapping[str, str]) -> tuple[str | None, Value]:
    texts = _texts(value)
    if field.multiple:
        pairs = [(text, people.get(text.casefold())) for text in texts]
        ids = dict.fromkeys(number for _, number in pairs if number)
        rest = tuple(text for text, number in pairs if not number)
        return (f"[{','.join(ids)}]" if ids else None), (rest or None)
    if len(texts) > 1:
        return None, value.value
    for text in (*texts, *value.alternatives):
        if number := people.get(text.casefold()):
            return number, None
    return None, value.value


def decode(field: Field | None, raw: Mapping[str, Any]) -> FieldValue:
    """Return the value that a PropertyResource holds, in neutral words."""
    label = str(raw.get("field_name") or (field.label if field else ""))
    text = str(raw.get("field_value") or "")
    shown = raw.get("field_value_name")
    type_ = field.type if field else None
    several = SEVERAL.fullmatch(text)
    if field and (field.multiple or type_ is FieldType.MULTI_CHOICE) and (several or not text):
        numbers = [part.strip() for part in several.group(1).split(",")] if several else []
        values = tuple(field.label_of(number) for number in numbers if number)
        return FieldValue(name=label, value=values, type=type_)
    if type_ is FieldType.NUMBER and NUMBER.fullmatch(text) and len(text) <= LONGEST_NUMBER:
        return FieldValue(name=label, value=float(text) if "." in text else int(text), type=type_)
    if field and type_ is FieldType.CHOICE and text:
        return FieldValue(name=label, value=str(shown or field.label_of(text)), type=type_)
    return FieldValue(name=label, value=str(shown or text) or None, type=type_)
