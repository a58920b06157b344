"""The lists at the top of a config: plugins that are files, and plugins to leave out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ztoq_core.errors import PluginError
from ztoq_core.plugins import Plugins

LISTS = MappingProxyType({"plugins": "./acme.py", "disabled_plugins": "acme"})
"""The keys, with an example for each."""


def wrong_lists(tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the lists in a config."""
    for key, example in LISTS.items():
        value = tables.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            yield f'expected a list of texts, such as ["{example}"] @ {key}'


def choose_plugins(plugins: Plugins, tables: Mapping[str, Any], folder: Path) -> None:
    """Choose as a config says whose relative paths start from ``folder``; as ``Plugins.choose``."""
    files = [folder / Path(each).expanduser() for each in tables.get("plugins", ())]
    plugins.choose(files, tables.get("disabled_plugins", ()))


def plugins_of(path: Path) -> Plugins:
    """Return the installed plugins as the config in a file chooses them; all if it is unusable."""
    plugins = Plugins.installed()
    with suppress(OSError, ValueError, PluginError):
        tables = tomllib.loads(path.read_text("utf-8-sig"))
        if not list(wrong_lists(tables)):
            choose_plugins(plugins, tables, path.absolute().parent)
    return plugins
