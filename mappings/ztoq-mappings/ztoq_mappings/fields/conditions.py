"""Conditions: whether a rule is for a record, and whether a record is left out."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC
from typing import Any

from ztoq_core.plugin import (
    FieldType,
    Value,
    folded,
)
from ztoq_mappings.fields.coerce import moment, shaped, words
from ztoq_mappings.fields.format import Condition
from ztoq_mappings.fields.patterns import finder
from ztoq_mappings.note_collector import NoteCollector

Holds = Callable[[Callable[[str], Value]], bool]
"""Whether a condition holds; its argument reads a field of the record."""


def condition(it: Condition) -> Holds:
    """Return the test of a condition; names are compared without case."""
    if it.empty is not None:
        return lambda read: bool(_texts(read(it.field))) is not it.empty
    if it.matches is not None:
        find = finder(it.matches)
        return lambda read: any(find(text) is not None for text in _texts(read(it.field)))
    if it.at_least is not None:
        return _bounded(it.field, it.at_least, operator.ge)
    if it.below is not None:
        return _bounded(it.field, it.below, operator.lt)
    wanted = {folded(text) for given in it.is_ or it.is_not or () for text in _texts(given)}
    holds = it.is_ is not None
    return lambda read: any(folded(text) in wanted for text in _texts(read(it.field))) is holds


def described(it: Condition) -> str:
    """Return a condition in words, for the reason why a record is left out."""
    if it.empty is not None:
        return f"{it.field!r} is {'' if it.empty else 'not '}empty"
    others = (("matches", it.matches), ("is at least", it.at_least), ("is below", it.below))
    for word, given in others:
        if given is not None:
            return f"{it.field!r} {word} {given!r}"
    some = " or ".join(repr(words(each)) for each in it.is_ or it.is_not or ())
    return f"{it.field!r} is {'' if it.is_ else 'not '}{some}"


def bound_type(it: Condition) -> FieldType | None:
    """Return the type of value that a condition compares, None if it takes any."""
    given = it.below if it.at_least is None else it.at_least
    if given is None:
        return None
    return FieldType.DATE if isinstance(given, str) else FieldType.NUMBER


def _bounded(field: str, given: str | float, holds: Callable[[Any, Any], bool]) -> Holds:
    def comparable(value: Value) -> object:
        """Return the value as what ``given`` is, a moment or a number; None if it is neither."""
        if isinstance(given, str):
            return moment(words(value), (), UTC)
        return shaped([value], FieldType.NUMBER, NoteCollector())

    bound = comparable(given)

    def test(read: Callable[[str], Value]) -> bool:
        found = read(field)
        many = found if isinstance(found, tuple) else (found,)
        values = (comparable(each) for each in many)
        return any(each is not None and holds(each, bound) for each in values)

    return test


def _texts(value: Value) -> list[str]:
    many = value if isinstance(value, tuple) else (value,)
    return [words(each) for each in many if each is not None and each != ""]
