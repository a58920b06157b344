"""Reads single values of a mapping file; each reader returns one or raises what it expects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, time
from typing import Any, TypeVar

from ztoq_core.plugin import (
    FieldType,
    nearest,
)
from ztoq_mappings.fields.coerce import moment
from ztoq_mappings.fields.format import (
    TYPE_WORDS,
    Condition,
    DeclaredTypes,
    Fallback,
    Given,
    KindRules,
    MappingFile,
    Replacement,
    Rule,
)
from ztoq_mappings.fields.sections import Section

E = TypeVar("E")

MOST = 1e300
MOST_PLACES = 15
MOST_DAYS = 3_652_058
"""From the first day of the calendar to the last."""

_WORDS: Mapping[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
    date: "a date",
    time: "a time",
}


def _wrong(wanted: str, got: Any) -> ValueError:
    return ValueError(f"expected {wanted}, got {_WORDS.get(type(got), 'a date with time')}")


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise _wrong("a string", raw)
    return raw


def _filled(raw: Any) -> str:
    if not _text(raw).strip():
        raise ValueError("expected a string that is not empty")
    return str(raw)


def _separator(raw: Any) -> str:
    if not _text(raw):
        raise ValueError("expected a string that is not empty")
    return str(raw)


def _flag(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise _wrong("true or false", raw)
    return raw


def _number(raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _wrong("a number", raw)
    if not -MOST < raw < MOST:
        raise ValueError("expected a number that is not that large")
    return raw


def _whole(least: float, most: float = MOST) -> Callable[[Any], int]:
    def read(raw: Any) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int):
            raise _wrong("a whole number", raw)
        if not least <= raw <= most:
            upper = f" to {most}" if most < MOST else " or more"
            raise ValueError(f"expected {least}{upper}, got {raw}")
        return raw

    return read


def _part(raw: Any) -> int:
    if raw == 0 and not isinstance(raw, bool):
        raise ValueError("expected 1 or more, or -1 or less to count from the end, got 0")
    return _whole(-MOST)(raw)


def _word(*known: str) -> Callable[[Any], str]:
    def read(raw: Any) -> str:
        if _text(raw) not in known:
            raise ValueError(f"{raw!r} is not a known word{nearest(raw, known)}")
        return str(raw)

    return read


def _several(one: Callable[[Any], E]) -> Callable[[Any], tuple[E, ...]]:
    """Return the reader of one value or a list of several."""

    def read(raw: Any) -> tuple[E, ...]:
        if isinstance(raw, list) and not raw:
            raise ValueError("expected a list that is not empty")
        return tuple(map(one, raw)) if isinstance(raw, list) else (one(raw),)

    return read


def _given(raw: Any) -> Given:
    return tuple(map(_text, raw)) if isinstance(raw, list) else _single(raw)


def _single(raw: Any) -> str | float:
    if not isinstance(raw, str | int | float):
        raise _wrong("a string, a number, true or false", raw)
    return raw if isinstance(raw, str | bool) else _number(raw)


def _bound(raw: Any) -> str | float:
    if isinstance(raw, str) and moment(raw, (), UTC) is None:
        raise ValueError(f"expected a number, or a date such as '2026-12-31', got {raw!r}")
    return raw if isinstance(raw, str) else _number(raw)


def _values(raw: Any) -> Mapping[str, Given]:
    if isinstance(raw, ValueError):  # of the file that it names
        raise raw
    if not isinstance(raw, dict) or not raw:
        raise ValueError('expected a table such as { "old" = "new" }, or the name of a CSV file')
    return _each(raw, _given)


def _each(raw: Mapping[str, Any], read: Callable[[Any], E]) -> Mapping[str, E]:
    """Return the table with each value read; raises all problems together."""
    found, wrong = {}, {}
    for key, value in raw.items():
        try:
            found[key] = read(value)
        except ValueError as error:
            wrong[key] = f"{key!r}: {error}"
    if wrong:
        raise KeyedError(wrong)
    return found


class KeyedError(ValueError):
    """The problems of some keys of a table, by key."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


def _fallback(raw: Any) -> Fallback:
    if isinstance(raw, dict) and raw.keys() == {"value"}:
        return Fallback("value", _given(raw["value"]))
    if raw not in ("keep", "drop", "fail"):
        raise ValueError("expected 'keep', 'drop', 'fail' or { value = … }")
    return Fallback(str(raw))


def _type(raw: Any) -> FieldType:
    return FieldType(_word(*(each.value for each in FieldType))(raw))


def _declared(raw: Any) -> Mapping[str, FieldType]:
    if not isinstance(raw, dict):
        raise _wrong('a table such as "Due" = "date"', raw)
    return {name: TYPE_WORDS[word] for name, word in _each(raw, _word(*TYPE_WORDS)).items()}


def _format(raw: Any) -> int:
    if raw != 1 or isinstance(raw, bool):
        raise ValueError(f"expected 1, the format that this release reads, got {raw!r}")
    return 1


READERS: Mapping[type[Any], Mapping[str, Callable[[Any], Any]]] = {
    Replacement: {"find": _text, "with_": _text},
    Condition: {
        "field": _filled,
        "is_": _several(_single),
        "is_not": _several(_single),
        "at_least": _bound,
        "below": _bound,
        "matches": _text,
        "empty": _flag,
    },
    Rule: {
        "to": _filled,
        "type": _type,
        "from_": _several(_filled),
        "template": _text,
        "constant": _given,
        "html": _word("keep", "clean", "text"),
        "extract": _text,
        "letters": _word("upper", "lower"),
        "split": _separator,
        "part": _part,
        "values": _values,
        "person": _word("email", "name", "account_id"),
        "otherwise": _fallback,
        "if_empty": _given,
        "join": _text,
        "decimal": _word(",", "."),
        "multiply": _number,
        "round": _whole(0, MOST_PLACES),
        "read_date": _several(_filled),
        "time_zone": _filled,
        "shift_days": _whole(-MOST_DAYS, MOST_DAYS),
        "write_date": _filled,
        "max_length": _whole(1),
        "add": _flag,
        "keep_source": _flag,
    },
    KindRules: {"leave_out": _several(_filled)},
    DeclaredTypes: {section.value: _declared for section in Section},
    MappingFile: {"format": _format},
}
"""The reader of each attribute; cattrs reads the others, which are tables."""
