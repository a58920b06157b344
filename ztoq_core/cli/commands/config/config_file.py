"""Writes ``ztoq.toml`` with comments, for ``ztoq config init``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from ztoq_core.contracts import Connection
from ztoq_core.errors import ConfigError
from ztoq_core.settings.config import Config
from ztoq_core.settings.secrets import Reference

COMMENTS = {
    "store": "Keeps the state of the migration; or postgresql://USER@HOST/DATABASE.",
    "source": "Only read, never written.",
    "sink": "The target.",
}


def write_config(path: Path, tables: Mapping[str, Mapping[str, Any]], config: Config) -> None:
    """Write the tables, with the values in the types of ``config``; only the owner can read it.

    Raises:
        ConfigError: It cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            path.chmod(0o600)  # it may have been there
            file.write(_document(tables, config))
    except OSError as error:
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror}") from error


def _document(tables: Mapping[str, Mapping[str, Any]], config: Config) -> str:
    """Return the file's text: the given keys in their own types, with comments."""
    settings = {part.name: part.settings for part in config.sides}
    document = tomlkit.document()
    document.add(
        tomlkit.comment("A migration. `ztoq config check` checks it, `ztoq migrate` runs it;")
    )
    document.add(tomlkit.comment("`ztoq config show` lists all keys with their defaults."))
    for name, table in tables.items():
        document.add(tomlkit.nl())
        made = tomlkit.table()
        made.comment(COMMENTS[name])
        _fill(made, table, settings.get(name))
        document.add(name, made)
    document.add(tomlkit.nl())
    document.add(tomlkit.comment("Transformers in order, before the pair's default mapping:"))
    document.add(tomlkit.comment("[[transform]]"))
    document.add(tomlkit.comment('use = "…"'))
    return tomlkit.dumps(document)


def _fill(made: Table, table: Mapping[str, Any], settings: object) -> None:
    """Put the keys of ``table`` into ``made``, in the types that ``settings`` has them in."""
    for key, value in table.items():
        known = getattr(settings, key, value)
        if isinstance(known, Reference):
            place = tomlkit.inline_table()
            place.append(known.place, known.name)
            made.add(key, place)
        elif isinstance(known, Connection):
            within = tomlkit.table()
            _fill(within, value, known)
            made.add(key, within)
        elif isinstance(known, Path):
            made.add(key, str(value))
        else:
            made.add(key, known)
