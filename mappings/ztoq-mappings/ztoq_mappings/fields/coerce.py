"""Converts values to the type of a field, if they fit."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo

from ztoq_core.plugin import FieldType, Value, folded
from ztoq_mappings import markup
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import address, is_html, one_line, plain, rich

LONGEST_LABEL = 100
"""Characters of a choice's label and of a field's name (qTest help, field settings: names)."""
TEXTS = frozenset({FieldType.TEXT, FieldType.LONG_TEXT, FieldType.RICH_TEXT})

_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


def words(value: Value) -> str:
    """Return one value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(filter(None, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def shaped(values: Sequence[Value], kind_of: FieldType, notes: NoteCollector) -> Value:
    """Return these values as the value of a field of the type, None if they do not fit."""
    if kind_of is FieldType.MULTI_CHOICE:
        labels = [plain(words(value), notes) for value in values]
        return tuple(dict.fromkeys(labels)) if all(map(_is_label, labels)) else None
    if kind_of is FieldType.RICH_TEXT:
        return rich("<br>".join(map(markup.value, values)), notes)
    if kind_of in TEXTS:
        separator = ", " if kind_of is FieldType.TEXT else "\n"
        return plain(separator.join(map(words, values)), notes)
    return _single(values[0], kind_of, notes) if len(values) == 1 else None


def _single(value: Value, kind_of: FieldType, notes: NoteCollector) -> Value:
    if kind_of is FieldType.CHECKBOX:
        return value if isinstance(value, bool) else _FLAGS.get(folded(words(value)))
    if kind_of is FieldType.NUMBER:
        return _number(value)
    text = words(value)
    if kind_of in (FieldType.DATE, FieldType.DATETIME):
        when = moment(text, (), UTC)
        return None if when is None else _written(when, kind_of)
    text = plain(text, notes) if kind_of is not FieldType.URL else address(text, notes)
    fits = _URL.fullmatch(text) if kind_of is FieldType.URL else _is_label(text)
    return text if fits else None


def _number(value: Value) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value) if value.strip().isascii() and "_" not in value else None
        except ValueError:
            return None
    if value is None or isinstance(value, bool | tuple) or not _finite(value):
        return None
    return int(value) if value == int(value) else value


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that is too large for a float
        return False


def moment(text: str, formats: Sequence[str], zone: tzinfo) -> datetime | None:
    """Return the instant that a text means; ``zone`` is that of times without one.

    ``formats`` (of ``strptime``) are tried first, then ISO 8601.
    """
    for each in formats:
        try:
            return _aware(datetime.strptime(text.strip(), each), zone)  # noqa: DTZ007
        except ValueError:
            continue
    try:
        return _aware(datetime.fromisoformat(text.strip()), zone)
    except ValueError:
        return None


def _aware(when: datetime, zone: tzinfo) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=zone)


def _written(when: datetime, kind_of: FieldType) -> str | None:
    if kind_of is FieldType.DATE:
        return date(when.year, when.month, when.day).isoformat()
    try:
        utc = when.astimezone(UTC).replace(microsecond=0)
    except OverflowError:  # the first or last day of all
        return None
    return utc.isoformat().replace("+00:00", "Z")


def _is_label(text: str) -> bool:
    return bool(text.strip()) and len(text) <= LONGEST_LABEL and one_line(text) == text


def guessed(values: Sequence[Value]) -> FieldType:
    """Return a type for values without a known one."""
    if len(values) != 1:
        return FieldType.MULTI_CHOICE
    value = values[0]
    if isinstance(value, bool):
        return FieldType.CHECKBOX
    if isinstance(value, int | float):
        return FieldType.NUMBER
    return FieldType.RICH_TEXT if is_html(str(value)) else FieldType.LONG_TEXT
