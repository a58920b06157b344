"""The keys of ``ztoq.toml``, from the classes into which its tables are read."""

from __future__ import annotations

from collections import abc
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from site_pages.markdown import prose, table
from ztoq_core.contracts import Connection, Secret, SinkPlugin, SourcePlugin, TransformerPlugin
from ztoq_core.pictures.settings import Images
from ztoq_core.plugins import Declared, Plugins
from ztoq_core.selection import Selection
from ztoq_core.settings.config import LogTable, StoreTable

OURS = "ztoq-"
"""What the names of this repository's distributions begin with."""
OWN = {"store": StoreTable, "log": LogTable, "select": Selection, "images": Images}
VARIABLES = {"store.url": "ZTOQ_STORE_URL", "log.file": "ZTOQ_LOG_FILE"}
"""Those two tables are read from the environment in part."""
SIDES: Mapping[type[object], str] = {SourcePlugin: "source", SinkPlugin: "sink"}
WORDS: Mapping[Any, str] = {
    str: "text",
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    Path: "path",
    Secret: "secret",
    date: "date",
    datetime: "date and time",
    type(None): "",
}
CONTAINERS: Mapping[Any, str] = {
    tuple: "list",
    list: "list",
    frozenset: "list",
    dict: "table",
    abc.Mapping: "table",
}
SHARED = "connection-keys"
LARGE = 10_000
"""From here on, a number is shown with a ``_`` before each three digits."""


def config_keys() -> str:
    """Return the tables of the core, then those of the plugins, then what connections share."""
    parts = [_of_class(f"`[{name}]`", cls, name) for name, cls in OWN.items()]
    parts += [_of_plugin(each) for each in own_plugins()]
    parts.append(f"({SHARED})=\n")
    parts.append(_of_class("Keys of every connection", Connection, ""))
    return "\n".join(parts)


def described_classes() -> Iterator[type[Any]]:
    """Yield all classes whose keys are listed, those of inner tables too."""
    yield from OWN.values()
    yield Connection
    for each in own_plugins():
        yield each.plugin.config
    for cls in [*OWN.values(), *(each.plugin.config for each in own_plugins())]:
        yield from (inner for _, inner, _ in _inner(cls))


def own_keys(cls: type[Any]) -> list[attrs.Attribute[Any]]:
    """Return the keys of a class, without those that every connection has."""
    shared = {each.name for each in attrs.fields(Connection)} - {"base_url"}
    keys = list(attrs.fields(attrs.resolve_types(cls)))
    if cls is Connection or not issubclass(cls, Connection):
        return keys
    return [each for each in keys if each.name not in shared]


def own_plugins() -> list[Declared[Any]]:
    found = [
        each
        for each in Plugins.installed().declared()
        if each.package.startswith(OURS)
        and isinstance(each.plugin, SourcePlugin | SinkPlugin | TransformerPlugin)
    ]
    order = ("source", "sink", "transformer")
    return sorted(found, key=lambda each: (order.index(each.word), each.plugin.name))


def _of_plugin(declared: Declared[Any]) -> str:
    plugin, word = declared.plugin, declared.word
    side = SIDES.get(type(plugin), "")
    header = f"[{side}]" if side else "[[transform]]"
    title = f'`{header}` with `use = "{plugin.name}"`'
    package = declared.package.partition(" ")[0]
    said = f"The {word} `{plugin.name}` of `{package}`: {prose(plugin.summary)}."
    if isinstance(plugin, TransformerPlugin) and plugin.default_for:
        pairs = " and ".join(f"`{source}` to `{sink}`" for source, sink in plugin.default_for)
        said += f" It is part of the default mapping from {pairs} (`*` is any other)."
    return _of_class(title, plugin.config, side, said)


def _of_class(title: str, cls: type[Any], name: str, said: str = "") -> str:
    """Return the section of a class: what its docstring says, its keys, its inner tables."""
    parts = [f"## {title}\n", said, f"\n{_explained(cls)}\n"]
    keys = own_keys(cls)
    if keys:
        titles = ("key", "value", "unless set", *(["variable"] * bool(name)))
        rows = [_row(each, name) for each in keys]
        parts.append(table(titles, *rows))
    if issubclass(cls, Connection) and cls is not Connection:
        parts.append(f"\nBesides, it takes the [keys of every connection](#{SHARED}).\n")
    for key, inner, many in _inner(cls):
        header = f"[[{name}.{key}]]" if many else f"[{name}.{key}]"
        parts.append(_of_class(f"`{header}`", inner, "").replace("## ", "### ", 1))
    return "\n".join(parts)


def explanations(cls: type[Any]) -> Iterator[str]:
    """Yield the docstrings that tell what the own keys of a class mean."""
    for each in cls.__mro__:
        if attrs.has(each) and (each is not Connection or cls is Connection):
            yield each.__doc__ or ""


def _explained(cls: type[Any]) -> str:
    return "\n\n".join(map(prose, explanations(cls)))


def _row(key: attrs.Attribute[Any], table_name: str) -> tuple[str, ...]:
    row = (f"`{key.name}`", type_words(key.type), _default(key))
    if not table_name:
        return row
    place = f"{table_name}.{key.name}"
    variable = f"ZTOQ_{table_name.upper()}_{key.name.upper()}"
    if table_name in {"store", "log"}:
        variable = VARIABLES.get(place, "")
    return (*row, f"`{variable}`" if variable and "table" not in row[1] else "")


def type_words(kind: Any) -> str:
    """Return a type in the words of somebody who writes TOML."""
    args = get_args(kind)
    if get_origin(kind) in {Union, UnionType}:
        return " or ".join(dict.fromkeys(word for word in map(type_words, args) if word))
    choices = args if get_origin(kind) is Literal else _members(kind)
    if choices:
        return " or ".join(f'`"{each}"`' for each in choices)
    if container := CONTAINERS.get(get_origin(kind)):
        return f"{container} of {type_words(args[-1] if container == 'table' else args[0])}"
    return "table" if attrs.has(kind) and kind not in WORDS else WORDS[kind]


def _members(kind: Any) -> list[Any]:
    return (
        [each.value for each in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []
    )


def _default(key: attrs.Attribute[Any]) -> str:
    value: Any = key.default
    if factory := getattr(value, "factory", None):
        if value.takes_self:
            return "made of other keys"
        value = factory()
    if value is attrs.NOTHING:
        return "required"
    if value is None or value in ("", (), {}):
        return ""
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return _toml(value.value)
    if isinstance(value, tuple | list | frozenset):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, int) and value >= LARGE:
        return f"{value:_}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _inner(cls: type[Any]) -> Iterator[tuple[str, type[Any], bool]]:
    """Yield key and class of each inner table, and whether there may be many."""
    for key in own_keys(cls):
        for each in (key.type, *get_args(key.type)):
            if isinstance(each, type) and attrs.has(each) and each is not Secret:
                yield key.name, each, get_origin(key.type) is tuple
