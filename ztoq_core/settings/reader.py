"""Reads configuration tables strictly: unknown keys and wrong types become lines to fix."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from datetime import date, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from types import GenericAlias
from typing import Any, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import list_structure_factory
from cattrs.strategies import configure_union_passthrough

from ztoq_core.contracts import Secret
from ztoq_core.settings.secrets import refer
from ztoq_core.spelling import nearest

S = TypeVar("S")

TYPES: Mapping[type, str] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
    date: "a date",
    datetime: "a date with time",
}


class _Typed(str):
    """A value as typed text, which may mean a number, a list or a secret."""

    __slots__ = ()


def from_environment(table: str, tables: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of the variables ``ZTOQ_<TABLE>_<KEY>``, by key in lower case.

    A variable that ``tables`` name as the place of a secret is left out.
    """
    prefix = f"ZTOQ_{table.upper()}_"
    named = set(_variables(tables))
    return {
        name.removeprefix(prefix).lower(): _Typed(os.environ[name])
        for name in os.environ
        if name.startswith(prefix) and name not in named
    }


def _variables(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(name := value.get("env"), str):
            yield name
        for each in value.values():
            yield from _variables(each)
    elif isinstance(value, list):
        for each in value:
            yield from _variables(each)


def typed(text: str) -> str:
    """Mark a text from a person or the environment: it may mean a number or a list."""
    return _Typed(text)


class Tables:
    """Turns tables into attrs objects and collects what is wrong with them in ``problems``.

    Paths, and files of secrets, start from ``folder``. Values may be ``Secret`` objects.
    """

    def __init__(self, folder: Path) -> None:
        self.problems: list[str] = []
        self._folder = folder

    def path(self, path: str | None) -> str | None:
        """Return the path, starting from the folder."""
        return path and str(self._folder / Path(path).expanduser())

    def structure(
        self, table: Mapping[str, Any], kind: type[S], name: str, also: tuple[str, ...] = ()
    ) -> S | None:
        """Return ``table`` as an object of ``kind``, or None and add a line for each problem.

        ``name`` begins the path in each line; ``also`` are valid keys besides the fields.
        """

        def origin(key: str) -> str:
            variable = f"ZTOQ_{name.upper()}_{key.upper()}"
            return f", set by {variable}" if variable in os.environ else ""

        def line(error: BaseException, _type: type | None) -> str:
            if isinstance(error, cattrs.ForbiddenExtraKeysError):
                known = (*also, *(each.name for each in attrs.fields(error.cl)))
                return "; ".join(
                    f"unknown key {key!r}{origin(key)}{nearest(key, known)}"
                    for key in sorted(error.extra_fields)
                )
            return "missing key" if isinstance(error, KeyError) else str(error)

        token = _FOLDER.set(self._folder)
        try:
            return _converter().structure(_understood(_placed(table, kind), kind), kind)
        except cattrs.BaseValidationError as error:
            self.problems += cattrs.transform_error(error, path=name, format_exception=line)
            return None
        finally:
            _FOLDER.reset(token)


def _placed(table: Mapping[str, Any], kind: Any) -> dict[str, Any]:
    """Move typed keys into inner tables: ``jira_token`` into ``jira``."""
    placed, fields = dict(table), _fields_within(kind)
    for key, value in table.items():
        for name, inner_kind in fields.items() if isinstance(value, _Typed) else ():
            inner, around = key.removeprefix(f"{name}_"), placed.get(name, {})
            if (
                key not in fields
                and key != inner
                and inner in _fields_within(inner_kind)
                and isinstance(around, Mapping)
            ):
                del placed[key]
                placed[name] = {**around, inner: value}
    return placed


def _understood(value: Any, kind: Any) -> Any:
    """Return what the typed texts in a value mean for a field of this type (None: unknown)."""
    if isinstance(value, Mapping):
        types = _fields_within(kind)
        return {key: _understood(each, types.get(key)) for key, each in value.items()}
    if not isinstance(value, _Typed) or kind is None:
        return value
    text, kinds = str(value), (kind, *get_args(kind))
    if Secret in kinds and str not in kinds:
        return Secret(text)
    try:
        _converter().structure(text, kind)
    except (cattrs.BaseValidationError, ValueError, TypeError):
        with suppress(tomllib.TOMLDecodeError):
            return tomllib.loads(f"value = {text}")["value"]
    return text


def _fields_within(kind: Any) -> dict[str, Any]:
    """Return the types of the fields of an attrs class, or of the one in a union."""
    cls = next((each for each in (kind, *get_args(kind)) if attrs.has(each)), None)
    return {each.name: each.type for each in attrs.fields(attrs.resolve_types(cls))} if cls else {}


_FOLDER = ContextVar("folder", default=Path())
"""Where paths start while a table is read: there is one converter, whose making takes long."""


@cache
def _converter() -> cattrs.Converter:
    """Return the converter, which accepts no type for another: ``"false"`` is not a bool."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    configure_union_passthrough(str | int | float | bool | None, converter)
    text = _exactly(str)

    def path(value: Any, _: Any) -> Path:
        return _FOLDER.get() / Path(text(value, str)).expanduser()

    def secret(value: Any, _: Any) -> Secret:
        return value if isinstance(value, Secret) else refer(value, _FOLDER.get())

    def text_or_secret(value: Any, kind: Any) -> str | Secret | None:
        if value is None and type(None) in get_args(kind):
            return None
        return str(value) if isinstance(value, str) else secret(value, None)

    for kind, hook in (
        (str, text),
        (bool, _exactly(bool)),
        (int, _exactly(int)),
        (float, _exactly(float, int)),
        (date, _exactly(date)),
        (datetime, _exactly(datetime)),
        (Path, path),
        (Secret, secret),
    ):
        converter.register_structure_hook(kind, hook)
    converter.register_structure_hook_func(
        lambda kind: {str, Secret} <= set(get_args(kind)), text_or_secret
    )
    converter.register_structure_hook_factory(_is_list)(_list_hook)
    return converter


def _is_list(kind: Any) -> bool:
    args = get_args(kind)
    if get_origin(kind) is tuple:
        return args[1:] == (...,)
    return get_origin(kind) in {list, set, frozenset, Sequence}


def _list_hook(kind: Any, converter: cattrs.BaseConverter) -> Callable[[Any, Any], Any]:
    """Return a hook that accepts lists only: cattrs would split a string into letters."""
    container = get_origin(kind)
    elements: Any = GenericAlias(list, (get_args(kind)[0],))
    hook = list_structure_factory(elements, converter)

    def take(value: Any, _: Any) -> Any:
        if not isinstance(value, list | tuple):
            word = TYPES.get(type(value), "something else")
            raise TypeError(f"expected a list, got {word}")
        got = hook(value, elements)
        return tuple(got) if container is Sequence else container(got)

    return take


def _exactly(kind: type, *others: type) -> Callable[[Any, Any], Any]:
    def take(value: Any, wanted: Any) -> Any:
        if type(value) not in {kind, *others}:
            # the value is not shown: it may be a secret under the wrong key
            word = TYPES.get(type(value), type(value).__name__)
            raise ValueError(f"expected {TYPES[kind]}, got {word}")
        if issubclass(wanted, Enum):
            allowed = [each.value for each in wanted]
            if value not in allowed:
                raise ValueError(f"expected one of {', '.join(map(repr, allowed))}")
            return wanted(value)
        return value

    return take
