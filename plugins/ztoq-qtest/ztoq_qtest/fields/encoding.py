"""Encodes values for qTest and decodes them; ``field_value`` is always a string (facts, 3)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

import attrs

from ztoq_core.plugin import FieldLimits, FieldSpec, FieldType, FieldValue, Fit, User, Value
from ztoq_qtest.fields.field import Choice, Field
from ztoq_qtest.html import as_html, one_line, plain, table

YES = ("Yes", "True", "Checked", "On", "Y")
NO = ("No", "False", "Unchecked", "Off", "N")
DATES = frozenset({FieldType.DATE, FieldType.DATETIME})
TEXTS = frozenset({FieldType.TEXT, FieldType.LONG_TEXT, FieldType.RICH_TEXT, FieldType.URL})
SEVERAL = re.compile(r"\[(.*)\]", re.DOTALL)
# "007" and "1e5" do not count: qTest would show another text
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].*)?", re.ASCII)
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
LONGEST_NUMBER = 300  # digits; a float can hold them
BOX_LENGTH = 255
"""Characters in a text box. Guess: no limit is published; 255 is usual (facts, section 11)."""
LIMITS = FieldLimits(text_length=BOX_LENGTH, label_length=100, labels=500)
"""Guesses: no limit is published. qTest's help gives 100 characters for names of fields, and 500
labels fit five calls of 100."""


@attrs.frozen
class Encoded:
    """The text to send for a value (None: nothing), the part that cannot be sent, and any loss."""

    text: str | None = None
    rest: Value = None
    loss: str = ""


def parse_time(value: object) -> datetime | None:
    """Return the time of an ISO text in UTC and whole seconds, or None for other texts."""
    try:
        moment = datetime.fromisoformat(str(value))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):  # 9999-12-31 in some time zones is the year 10000 in UTC
        return None


def value_html(value: FieldValue) -> str:
    """Return a value as HTML for people."""
    content = value.value
    if isinstance(content, bool):
        return "Yes" if content else "No"
    if isinstance(content, tuple):
        return as_html(", ".join(content))
    if value.type is FieldType.RICH_TEXT:
        return str(content)
    if value.type is FieldType.USER:
        return as_html(person_text(value))
    return "" if content is None else as_html(_number(content))


def person_text(value: FieldValue) -> str:
    """Return a person as readable text; the mapping gives e-mail, then name, then id."""
    first = str(value.value)
    named = "@" in first and len(value.alternatives) > 1
    return f"{value.alternatives[0]} ({first})" if named else first


def values_table(values: Iterable[FieldValue], *more: tuple[str, str]) -> str:
    """Return a table of the values, without optional ones, followed by more rows."""
    rows = [(each.name, value_html(each)) for each in values if not each.optional]
    return table([*rows, *more])


def _number(content: str | float) -> str:
    if isinstance(content, float) and math.isfinite(content):
        # qTest does not read 1e-07 as a number
        return f"{Decimal(repr(content)):f}".removesuffix(".0")
    return str(content)


def _texts(value: FieldValue) -> list[str]:
    content = value.value
    if isinstance(content, bool):
        return list(YES if content else NO)
    if isinstance(content, tuple):
        return list(content)
    return [_number(content)] if content is not None else []


def encode(field: Field, value: FieldValue, people: Mapping[str, str]) -> Encoded:
    """Return the text to send for ``value`` in ``field``, and the part that cannot be sent.

    ``people`` comes from ``index_people``. The text is None for an empty value (see
    ``clearing_value``) and for one that does not fit into the field.
    """
    content = value.value
    if content is None or content in ("", ()):
        return Encoded()
    if field.type is FieldType.USER:
        return Encoded(*_encode_users(field, value, people))
    if field.type in {FieldType.CHOICE, FieldType.MULTI_CHOICE}:
        many = field.type is FieldType.MULTI_CHOICE or field.multiple
        return _encode_choices(field, value) if many else _encode_choice(field, value)
    if field.type is FieldType.NUMBER:
        return _encode_number(content)
    if field.type in DATES:
        return _encode_moment(field, content)
    return _encode_text(field, value)


@lru_cache(maxsize=1024)
def _field_of(spec: FieldSpec) -> Field:
    # each of thousands of values is held against the same few fields
    check_box = spec.type is FieldType.CHECKBOX
    labels = (YES[0], NO[0]) if check_box else spec.values
    return Field(
        id=0,
        label=spec.name,
        type=FieldType.CHOICE if check_box else spec.type,
        multiple=spec.multiple,
        system=spec.system,
        choices=tuple(Choice(id=number, label=label) for number, label in enumerate(labels)),
    )


def fit(spec: FieldSpec, value: FieldValue, people: Mapping[str, str]) -> Fit:
    """Return how a value fits into a field that exists, or that ztoq will create."""
    field = _field_of(spec)
    encoded = encode(field, value, people)
    loss = encoded.loss
    if encoded.text and encoded.rest is None and value.alternatives and field.choices:
        label = field.label_of(encoded.text.strip("[]"))
        wanted = _texts(value)
        if label.casefold() not in {one_line(each).casefold() for each in wanted}:
            loss = f"{wanted[0]!r} arrives as {label!r}"
    return Fit(rest=encoded.rest, loss=loss)


def clearing_value(field: Field) -> str | None:
    """Return the text that empties a field, or None if the API has none.

    A single choice cannot be emptied (facts, section 3); nothing says that dates or numbers can.
    """
    if field.type is FieldType.MULTI_CHOICE or field.multiple:
        return "[]"
    return "" if field.type in TEXTS else None


def default_text(field: Field) -> str | None:
    """Return the text to send for the default of a field; None if it cannot be told."""
    several = field.type is FieldType.MULTI_CHOICE or field.multiple
    if field.type in {FieldType.CHOICE, FieldType.MULTI_CHOICE, FieldType.USER}:
        active = [each for each in field.choices if each.active]
        named = (str(field.default_value).strip("[]"),)
        found = next((each for each in active if each.default), None) or next(
            (each for each in active if str(each.id) in named or each.label in named), None
        )
        return (f"[{found.id}]" if several else str(found.id)) if found else None
    if field.type in TEXTS or NUMBER.fullmatch(field.default_value):
        return field.default_value or None
    return None


def _encode_number(content: Value) -> Encoded:
    if isinstance(content, bool | tuple) or content is None:
        return Encoded(rest=content)
    text = _number(content).strip().removeprefix("+")
    return Encoded(text) if NUMBER.fullmatch(text) else Encoded(rest=content)


def _encode_moment(field: Field, content: Value) -> Encoded:
    text = content if isinstance(content, str) and DAY.fullmatch(content) else None
    moment = parse_time(text)
    if text is None or moment is None:
        return Encoded(rest=content)
    exact = datetime.fromisoformat(text)
    loss = "fractions of a second are cut off" if exact.microsecond else ""
    # qTest's own planned dates are date fields that take times (guess: they keep them)
    if field.type is FieldType.DATE and not field.system and exact.time() != time():
        loss = "a date shows no time of day"
    return Encoded(moment.isoformat(), loss=loss)


def _encode_text(field: Field, value: FieldValue) -> Encoded:
    rich = value.type is FieldType.RICH_TEXT
    texts = _texts(value)
    text = texts[0] if isinstance(value.value, bool) else ", ".join(texts)
    loss = (
        "its values contain commas and are separated by commas" if _ambiguous(value.value) else ""
    )
    if value.type is FieldType.USER:
        text = person_text(value)
    if field.type is FieldType.RICH_TEXT:
        return Encoded(text if rich else as_html(text), loss=loss)
    if rich:
        shown = plain(text)
        loss = "it is plain text here, without its markup" if as_html(shown) != text else loss
        text = shown
    if field.type is FieldType.LONG_TEXT:
        return Encoded(text, loss=loss)
    if len(text.splitlines()) > 1:
        text, loss = one_line(text), "its lines are joined"
    if field.type is FieldType.URL and not ADDRESS.fullmatch(text):
        return Encoded(rest=value.value)
    if field.type is FieldType.TEXT and len(text) > BOX_LENGTH:
        return Encoded(rest=value.value)
    return Encoded(text, loss=loss)


def _ambiguous(content: Value) -> bool:
    return isinstance(content, tuple) and len(content) > 1 and any("," in text for text in content)


def _encode_choice(field: Field, value: FieldValue) -> Encoded:
    texts = _texts(value)
    if isinstance(value.value, tuple) and len(texts) > 1:
        return Encoded(rest=value.value)
    found = field.choice(*texts[:1], *value.alternatives, *texts[1:])
    if found is None:
        return Encoded(rest=value.value)
    return Encoded(str(found.id), loss=_case_difference(field, texts, [found]))


def _case_difference(field: Field, texts: Sequence[str], found: Iterable[Choice | None]) -> str:
    """Return a text if a label was only found in another case; system fields do not count."""
    if field.system:
        return ""
    alike = {one_line(text).casefold(): text for text in texts}
    for choice in found:
        own = alike.get(one_line(choice.label).casefold()) if choice else None
        if choice and own and one_line(own) != one_line(choice.label):
            return f"{own!r} is {choice.label!r} in qTest"
    return ""


def _encode_choices(field: Field, value: FieldValue) -> Encoded:
    if isinstance(value.value, bool):
        found = field.choice(*_texts(value), *((field.label,) if value.value else ()))
        active = [each for each in field.choices if each.active]
        if found is None and len(active) == 1:
            # a single box is ticked or not
            return Encoded(f"[{active[0].id}]" if value.value else "[]")
        return Encoded(f"[{found.id}]") if found else Encoded(rest=value.value)
    texts = _texts(value)
    pairs = [(text, field.choice(text)) for text in texts]
    if value.alternatives and not any(found for _, found in pairs):
        pairs = [(texts[0], field.choice(*value.alternatives))]
    ids = dict.fromkeys(str(found.id) for _, found in pairs if found)
    rest = tuple(text for text, found in pairs if not found)
    loss = _case_difference(field, texts, (found for _, found in pairs))
    return Encoded(f"[{','.join(ids)}]" if ids else None, rest or None, loss)


def index_people(users: Iterable[User]) -> Mapping[str, str]:
    """Return the ids of active users by id, e-mail and name in lower case.

    A name that two users have is left out.
    """
    found: dict[str, set[str]] = {}
    for user in users:
        if user.active:
            for name in (user.id, user.email, user.name):
                found.setdefault(name.casefold(), set()).add(user.id)
    return {name: next(iter(ids)) for name, ids in found.items() if name and len(ids) == 1}


def _encode_users(
    field: Field, value: FieldValue, people: Mapping[str, str]
) -> tuple[str | None, Value]:
    texts = _texts(value)
    if field.multiple and len(texts) > 1:
        pairs = [(text, people.get(text.casefold())) for text in texts]
        ids = dict.fromkeys(number for _, number in pairs if number)
        rest = tuple(text for text, number in pairs if not number)
        return (f"[{','.join(ids)}]" if ids else None), (rest or None)
    if len(texts) > 1:
        return None, value.value
    for text in (*texts, *value.alternatives):
        if number := people.get(text.casefold()):
            return (f"[{number}]" if field.multiple else number), None
    return None, value.value


def decode(field: Field | None, raw: Mapping[str, Any]) -> FieldValue:
    """Return the value of a PropertyResource as a neutral field value."""
    label = str(raw.get("field_name") or (field.label if field else ""))
    text = str(raw.get("field_value") or "")
    shown = raw.get("field_value_name")
    type_ = field.type if field else None
    multiple = field and (field.multiple or type_ is FieldType.MULTI_CHOICE)
    several = SEVERAL.fullmatch(text) if multiple else None
    if field and multiple and (several or not text):
        numbers = [part.strip() for part in several.group(1).split(",")] if several else []
        values = tuple(field.label_of(number) for number in numbers if number)
        return FieldValue(name=label, value=values, type=type_)
    if type_ is FieldType.NUMBER and NUMBER.fullmatch(text) and len(text) <= LONGEST_NUMBER:
        return FieldValue(name=label, value=float(text) if "." in text else int(text), type=type_)
    if type_ is FieldType.USER and text:
        # two users may bear one name: the id says which of them it is
        return FieldValue(name=label, value=str(shown or text), type=type_, alternatives=(text,))
    if field and type_ is FieldType.CHOICE and text:
        return FieldValue(name=label, value=str(shown or field.label_of(text)), type=type_)
    return FieldValue(name=label, value=str(shown or text) or None, type=type_)
