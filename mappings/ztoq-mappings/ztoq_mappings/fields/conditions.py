"""Conditions: whether a rule is for a record."""

from __future__ import annotations

from collections.abc import Callable

from ztoq_core.plugin import (
    Value,
    folded,
)
from ztoq_mappings.fields.coerce import words
from ztoq_mappings.fields.format import Condition
from ztoq_mappings.fields.patterns import finder

__all__ = ["Holds", "condition"]

Holds = Callable[[Callable[[str], Value]], bool]
"""Whether a condition holds; its argument reads a field of the record."""


def condition(it: Condition) -> Holds:
    """Return the test of a condition; names are compared without case."""
    if it.empty is not None:
        return lambda read: bool(_texts(read(it.field))) is not it.empty
    if it.matches is not None:
        find = finder(it.matches)
        return lambda read: any(find(text) is not None for text in _texts(read(it.field)))
    wanted = {folded(text) for given in it.is_ or it.is_not or () for text in _texts(given)}
    holds = it.is_ is not None
    return lambda read: any(folded(text) in wanted for text in _texts(read(it.field))) is holds


def _texts(value: Value) -> list[str]:
    many = value if isinstance(value, tuple) else (value,)
    return [words(each) for each in many if each is not None and each != ""]
