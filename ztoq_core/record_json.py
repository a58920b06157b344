"""Records to JSON and back, strictly: what is misspelt or of a wrong type is said.

For JSON that people or other programs write: files of records, golden cases, what a plugin keeps.
``convert`` is for the store, which alone writes what it reads, and is lenient.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, get_args

import attrs
import cattrs
from cattrs.errors import ForbiddenExtraKeysError, IterableValidationNote
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from ztoq_core.records import (
    RECORD_TYPES,
    FieldType,
    Kind,
    Level,
    LinkType,
    Note,
    Record,
    Tree,
    Value,
    plain,
)

__all__ = ["RecordJsonError", "record_from_json", "record_to_json"]

_SHOWN = 3
_WHOLE = 2**53
"""Up to it a float can stand for each whole number."""
_LONG = 60
_NO_KEY = re.compile("[\0\ud800-\udfff]")


class RecordJsonError(ValueError):
    """A JSON value is not a record; the message names the property and says why."""


_WORDS: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}
_LEFT_OUT = {name: override(omit=True) for name in ("raw", "companions")}
"""Of records: the source's payload, which the store keeps, and what a mapping adds for a target."""
_LEFT_OUT_OF_NOTES = {"fields": override(omit=True)}

strict = cattrs.Converter(forbid_extra_keys=True, omit_if_default=True)


def _strict(kind: type) -> None:
    def check(raw: Any, _: Any) -> Any:
        if type(raw) is not kind:
            raise RecordJsonError(f"is {_shown(raw)}, expected {_WORDS[kind]}")
        return raw

    strict.register_structure_hook(kind, check)


def _word(words: type[StrEnum]) -> None:
    members: dict[Any, StrEnum] = {each.value: each for each in words}

    def check(raw: Any, _: Any) -> StrEnum:
        if not isinstance(raw, str) or raw not in members:
            raise RecordJsonError(f"is {_shown(raw)}, expected one of {', '.join(members)}")
        return members[raw]

    strict.register_structure_hook(words, check)
    strict.register_unstructure_hook(words, lambda word: word.value)


def _number(raw: Any, _: Any) -> float:
    if type(raw) is float or (type(raw) is int and abs(raw) <= _WHOLE):
        return float(raw)
    raise RecordJsonError(f"is {_shown(raw)}, expected a number")


def _moment(raw: Any, _: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(raw)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        example = "a time with its zone, such as '2025-03-01T08:00:00+00:00'"
        raise RecordJsonError(f"is {_shown(raw)}, expected {example}")
    return moment


def _value(raw: Any, _: Any) -> Value:
    if isinstance(raw, list) and all(isinstance(each, str) for each in raw):
        return tuple(raw)
    if raw is None or isinstance(raw, str | int | float | bool):
        value: Value = raw
        return value
    raise RecordJsonError(
        f"is {_shown(raw)}, expected a text, a number, true, false or a list of texts"
    )


def _tuple_hook(kind: Any, inside: cattrs.BaseConverter) -> Callable[[Any, Any], Any]:
    element = get_args(kind)[0]
    hook = inside.get_structure_hook(element)

    def structure(raw: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            raise RecordJsonError(f"is {_shown(raw)}, expected a list")
        made, errors = [], []
        for place, each in enumerate(raw):
            try:
                made.append(hook(each, element))
            except (RecordJsonError, cattrs.BaseValidationError) as error:
                note = f"Structuring {kind} @ index {place}"
                error.add_note(IterableValidationNote(note, place, element))
                errors.append(error)
        if errors:
            raise cattrs.IterableValidationError("a list", errors, kind)
        return tuple(made)

    return structure


def _object_hook(kind: Any, inside: cattrs.Converter) -> Callable[[Any, Any], Any]:
    structure = make_dict_structure_fn(
        kind, inside, _cattrs_forbid_extra_keys=True, **_omitted(kind)
    )

    def check(raw: Any, _: Any) -> Any:
        if not isinstance(raw, dict):
            raise RecordJsonError(f"is {_shown(raw)}, expected an object")
        return structure(raw, kind)

    return check


def _object_to_json(kind: Any, inside: cattrs.Converter) -> Callable[[Any], Any]:
    return make_dict_unstructure_fn(kind, inside, _cattrs_omit_if_default=True, **_omitted(kind))


def _omitted(kind: type) -> dict[str, Any]:
    if issubclass(kind, Record):
        return _LEFT_OUT
    return _LEFT_OUT_OF_NOTES if kind is Note else {}


for _kind in _WORDS:
    _strict(_kind)
for _enum in (FieldType, Kind, Level, LinkType, Tree):
    _word(_enum)
strict.register_structure_hook(float, _number)
strict.register_structure_hook(datetime, _moment)
strict.register_unstructure_hook(datetime, lambda moment: moment.isoformat())
strict.register_structure_hook_factory(lambda kind: get_args(kind)[1:] == (Ellipsis,), _tuple_hook)
strict.register_structure_hook_factory(attrs.has, _object_hook)
strict.register_structure_hook_func(lambda kind: kind == Value, _value)
strict.register_unstructure_hook_factory(
    lambda kind: kind is Note or kind in RECORD_TYPES.values(), _object_to_json
)


def record_to_json(record: Record) -> dict[str, Any]:
    """Return a record as a JSON object, without ``raw`` and ``companions``.

    What equals its default is left out. Times are texts with their zone.
    """
    value: dict[str, Any] = strict.unstructure(record, type(record))
    return value


def record_from_json(kind: Kind, value: Mapping[str, Any]) -> Record:
    """Return the record of a kind from its JSON object.

    Raises:
        RecordJsonError: A property is missing, unknown or of a wrong type; the message names it.
    """
    try:
        record: Record = strict.structure(value, RECORD_TYPES[kind])
    except (cattrs.BaseValidationError, RecordJsonError) as error:
        found = cattrs.transform_error(error, path="", format_exception=_told)
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise RecordJsonError("; ".join(map(_readable, found[:_SHOWN])) + more) from error
    for ref in (record.ref, *record.parents(), *record.soft_dependencies()):
        if not ref.key.strip():
            raise RecordJsonError(f"the key of a {plain(ref.kind)} is empty")
        if _NO_KEY.search(ref.key):
            raise RecordJsonError(f"the key {ref.key!r} holds characters that no database takes")
    return record


def _told(error: BaseException, kind: type | None) -> str:
    if isinstance(error, KeyError):
        return "is missing"
    if isinstance(error, ForbiddenExtraKeysError):
        names = ", ".join(repr(name) for name in sorted(error.extra_fields))
        known = {each.name for each in attrs.fields(error.cl)} - set(_omitted(error.cl))
        return f"has the unknown key {names} (known: {', '.join(sorted(known))})"
    return str(error) if isinstance(error, RecordJsonError) else f"is not of the type {kind}"


def _readable(found: str) -> str:
    text, _, place = found.rpartition(" @ ")
    place = place.removeprefix(".")
    return f"{place!r} {text}" if place else text


def _shown(raw: Any) -> str:
    if isinstance(raw, dict | list):
        return "an object" if isinstance(raw, dict) else "a list"
    text = json.dumps(raw)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"
