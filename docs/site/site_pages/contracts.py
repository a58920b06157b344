"""What plugins declare and implement, and what they may import, from docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from enum import Enum
from types import ModuleType
from typing import Any

import attrs

from site_pages.markdown import prose, table
from ztoq_core import hookspecs, plugin
from ztoq_core.declarations import HOOKS
from ztoq_core.records import kinds, vocabulary

GROUPS: dict[str, tuple[ModuleType, ...]] = {
    "source": (plugin.source,),
    "sink": (plugin.sink,),
    "transformer": (plugin.transformer,),
    "paging": (plugin.paging,),
    "services": (plugin.services,),
    "schema": (plugin.schema,),
    "records": (kinds, vocabulary),
    "texts": (plugin.texts,),
    "errors": (plugin.errors,),
}
"""The groups of ``ztoq_core.plugin``, with the modules that have their names."""

_GROUP = re.compile(r"^\* ``(\w+)``: (.+)$", re.MULTILINE)


def hooks() -> str:
    """Return a table of the hooks."""
    rows = []
    for name in HOOKS:
        function = getattr(hookspecs, name)
        gives = inspect.signature(function).return_annotation
        rows.append((f"`{name}()`", f"`{gives}`", prose(function.__doc__)))
    return table(("hook", "returns", "for"), *rows)


def contracts() -> str:
    """Return a section for each group of names."""
    said = dict(_GROUP.findall(plugin.__doc__ or ""))
    parts = []
    for group, modules in GROUPS.items():
        parts.append(f"## `{group}`\n\n{prose(said[group])[:1].upper()}{prose(said[group])[1:]}.\n")
        body = "\n".join(_entry(module, name) for module in modules for name in module.__all__)
        parts.append(f"```{{eval-rst}}\n{body}```\n")
    return "\n".join(parts)


def _entry(module: ModuleType, name: str) -> str:
    value: Any = getattr(module, name)
    path = f"{module.__name__}.{name}"
    if not inspect.isclass(value):
        word = "autofunction" if inspect.isfunction(value) else "autodata"
        return f".. {word}:: {path}\n" + "   :no-value:\n" * (word == "autodata")
    lines = [f".. autoclass:: {path}", *_members(value)]
    return "\n   ".join(lines) + "\n"


def _members(cls: type[Any]) -> Iterator[str]:
    if issubclass(cls, Enum):
        yield ":members:"
        yield ":undoc-members:"
    elif attrs.has(cls) or issubclass(cls, Exception):
        yield ":show-inheritance:" if issubclass(cls, Exception) else ":no-index-entry:"
    else:
        yield ":members:"
