"""Hypothesis strategies for neutral records, made from the types of their attributes."""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Union, get_args, get_origin

import attrs
from hypothesis import strategies as st

from ztoq_core.records import RECORD_TYPES, Kind, Record, Ref, Value

_PIECES = (*"aZ09 é漢😀<>&;'\"\\[],=+-@|\n\r\t\u2028\0\ud800", "_x0041_", "x005F_")
TEXTS = st.lists(st.sampled_from(_PIECES), max_size=40).map("".join)
KEYS = st.text(st.sampled_from("abXY09-/#. é"), min_size=1, max_size=12).filter(str.strip)
_TIMES = st.datetimes(*map(datetime.fromisoformat, ("1980-01-01", "2090-01-01")))
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    int: st.integers(),
    float: _FLOATS,
    bool: st.booleans(),
    datetime: _TIMES.map(lambda time: time.replace(tzinfo=UTC)),
    Value: st.none() | TEXTS | st.integers() | _FLOATS | st.booleans() | st.tuples(TEXTS, TEXTS),
    Ref: st.builds(Ref, st.sampled_from(Kind), KEYS),
    type(None): st.none(),
}
_NOT_KEPT = {"raw", "companions"}


@cache
def strategy_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for values of a type as records have it."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    if get_origin(kind) is tuple:
        return st.lists(strategy_of(get_args(kind)[0]), max_size=2).map(tuple)
    if get_origin(kind) in {types.UnionType, Union}:
        return st.one_of(*map(strategy_of, get_args(kind)))
    attrs.resolve_types(kind)
    fields = [each for each in attrs.fields(kind) if each.name not in _NOT_KEPT and each.init]
    made = {each.name: strategy_of(each.type) for each in fields}
    if issubclass(kind, Record):
        made["key"] = KEYS
    # most attributes have their defaults, as in real records
    return st.fixed_dictionaries(
        {each.name: made[each.name] for each in fields if each.default is attrs.NOTHING},
        optional={
            each.name: made[each.name] for each in fields if each.default is not attrs.NOTHING
        },
    ).map(lambda values: kind(**values))


def record_of(kind: Kind) -> st.SearchStrategy[Record]:
    """Return a strategy for records of a kind, with any values that their types allow."""
    kept: Any = RECORD_TYPES[kind]
    return strategy_of(kept)
