"""The one cattrs converter: records and stored objects to JSON and back.

``dumps`` and ``loads`` are for records in the store, ``read_json`` is for JSON from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar, get_args

import attrs
import cattrs
import orjson
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.preconf.orjson import make_converter

from ztoq_core.records import (
    RECORD_TYPES,
    FieldType,
    IdKind,
    Kind,
    Level,
    LinkType,
    Note,
    Record,
    Tree,
    Value,
)

R = TypeVar("R", bound=Record)

converter = make_converter(omit_if_default=True)


def _structure_datetime(raw: Any, _: Any) -> datetime:
    moment = datetime.fromisoformat(raw)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


converter.register_structure_hook(datetime, _structure_datetime)

# cattrs looks up the hook again for each element; records have many, and are read many times


@converter.register_structure_hook_factory(lambda kind: get_args(kind)[1:] == (Ellipsis,))
def _tuple_hook(kind: Any, inside: cattrs.Converter) -> Callable[[Any, Any], Any]:
    element = get_args(kind)[0]
    if element is str:
        return lambda raw, _: tuple(raw)
    hook = inside.get_structure_hook(element)
    return lambda raw, _: tuple([hook(each, element) for each in raw])


@converter.register_structure_hook_factory(lambda kind: get_args(kind)[1:] == (type(None),))
def _optional_hook(kind: Any, inside: cattrs.Converter) -> Callable[[Any, Any], Any]:
    some = get_args(kind)[0]
    hook = inside.get_structure_hook(some)
    return lambda raw, _: None if raw is None else hook(raw, some)


def _members(words: type[StrEnum]) -> Callable[[Any, Any], StrEnum]:
    members: dict[Any, StrEnum] = {each.value: each for each in words}
    return lambda raw, _: members.get(raw) or words(raw)


for _words in (FieldType, Kind, Level, LinkType, IdKind, Tree):
    converter.register_structure_hook(_words, _members(_words))

converter.register_structure_hook_func(
    lambda kind: kind == Value, lambda raw, _: tuple(raw) if isinstance(raw, list) else raw
)

IN_JSON: Any = {
    "raw": override(omit=True),
    "companions": override(omit=True),
    "text_refs": override(rename="refers"),
}
"""How attributes of records appear in JSON.

``raw`` and ``companions`` have their own places in the store. Stores of 0.1 say ``refers``; another
name would change the digest of every record that they hold.
"""

# mapping a record again gives ``fields`` again; stored, they would change all digests
converter.register_unstructure_hook(
    Note,
    make_dict_unstructure_fn(
        Note, converter, _cattrs_omit_if_default=True, fields=override(omit=True)
    ),
)


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Record)


# made when a kind first occurs: all together take as long as importing cattrs


@converter.register_unstructure_hook_factory(_is_record)
def _record_to_json(kind: Any, inside: cattrs.Converter) -> Callable[[Any], Any]:
    return make_dict_unstructure_fn(kind, inside, _cattrs_omit_if_default=True, **IN_JSON)


@converter.register_structure_hook_factory(_is_record)
def _record_from_json(kind: Any, inside: cattrs.Converter) -> Callable[[Any, Any], Any]:
    return make_dict_structure_fn(kind, inside, **IN_JSON)


def dumps(record: Record) -> bytes:
    """Return the record as JSON without ``raw`` and ``companions``; equal records, equal bytes.

    It is written once: a record does not change, and ``attrs.evolve`` makes another one.
    """
    written: bytes | None = getattr(record, "as_json", None)
    if written is None:
        written = write_json(converter.unstructure(record, type(record)))
        object.__setattr__(record, "as_json", written)
    return written


def loads(kind: Kind, body: bytes, raw: Mapping[str, Any] | None = None) -> Record:
    """Return the record of ``kind`` that ``dumps`` wrote, with ``raw`` put back."""
    record: Record = converter.structure(read_json(body), RECORD_TYPES[kind])
    return record if raw is None else attrs.evolve(record, raw=raw)


def write_json(value: Any) -> bytes:
    """Return JSON with sorted keys; a lone surrogate, which orjson refuses, is escaped."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(value, sort_keys=True, default=str).encode("ascii")


def show_json(value: Any, *, indented: bool = False) -> str:
    """Return JSON for people, keys in their own order; a lone surrogate is escaped."""
    option = orjson.OPT_NAIVE_UTC | (orjson.OPT_INDENT_2 if indented else 0)
    try:
        return orjson.dumps(value, option=option).decode()
    except TypeError:
        return json.dumps(value, default=str, indent=2 if indented else None)


def read_json(body: bytes) -> Any:
    """Return the parsed JSON; raises ValueError if it is not JSON.

    orjson refuses lone surrogates, which services do send; the standard library reads them.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body)
