"""Secrets that stand elsewhere than in the config file, and showing settings without them."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from ztoq_core.contracts import Secret
from ztoq_core.errors import ConfigError

__all__ = ["Reference", "find_secrets", "mask", "refer", "show"]

WORDS: Mapping[str, str] = {
    "env": "environment variable",
    "file": "file",
    "keyring": "keyring entry",
}


@attrs.frozen(kw_only=True, repr=False, str=False)
class Reference(Secret):
    """A secret that stands elsewhere; looked up by ``reveal``, once.

    ``place`` is ``env``, ``file`` or ``keyring``; ``name`` is the variable, the absolute path, or
    ``SERVICE/USER``.
    """

    _value: str = ""
    place: str
    name: str
    _seen: list[str] = attrs.field(factory=list, eq=False)

    def __str__(self) -> str:
        """Hide the value."""
        return "***"

    __repr__ = __str__

    @property
    def where(self) -> str:
        """Say where the secret stands, in words."""
        return f"the {WORDS[self.place]} {self.name!r}"

    def reveal(self) -> str:
        """Return the value.

        Raises:
            ConfigError: It is not there; the message says which variable, file or entry.
        """
        if not self._seen:
            look_up = {"env": _from_environment, "file": _from_file, "keyring": _from_keyring}
            value = look_up[self.place](self.name)
            if not value:
                raise ConfigError(f"{self.where} is not set or empty; it should hold a secret")
            self._seen.append(value)
        return self._seen[0]


def _from_environment(name: str) -> str:
    return os.environ.get(name, "").strip()


def _from_file(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"cannot read the secret in {name!r}: {reason}") from error


def _from_keyring(name: str) -> str:
    try:
        keyring = importlib.import_module("keyring")
        errors = importlib.import_module("keyring.errors")
    except ImportError as error:
        raise ConfigError(
            f"cannot read the keyring entry {name!r}: install ztoq-core[keyring]"
        ) from error
    service, _, user = name.rpartition("/")
    try:
        return (keyring.get_password(service or "ztoq", user) or "").strip()
    except errors.KeyringError as error:
        raise ConfigError(f"cannot read the keyring entry {name!r}: {error}") from error


def refer(table: object, folder: Path) -> Secret:
    """Return the secret that a table such as ``{ env = "TOKEN" }`` names, not yet looked up.

    Raises:
        ValueError: The table names none, or the secret itself stands here.
    """
    if isinstance(table, str):
        raise ValueError(  # noqa: TRY004 - a value of the user's, not of a caller
            "a secret does not stand in this file; name where it stands: "
            '{ env = "VARIABLE" }, { file = "PATH" } or { keyring = "SERVICE/USER" }'
        )
    if isinstance(table, Mapping) and len(table) == 1:
        ((place, name),) = table.items()
        if place in WORDS and isinstance(name, str) and name:
            path = str(folder / Path(name).expanduser()) if place == "file" else name
            return Reference(place=place, name=path)
    raise ValueError(
        'expected { env = "VARIABLE" }, { file = "PATH" } or { keyring = "SERVICE/USER" }'
    )


def find_secrets(value: object, name: str) -> Iterator[tuple[str, Secret]]:
    """Yield the secrets in a settings object with the key of each."""
    if isinstance(value, Secret):
        yield name, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from find_secrets(each, f"{name}.{key}")
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            yield from find_secrets(each, f"{name}[{place}]")
    else:
        for key in _names(value):
            yield from find_secrets(getattr(value, key), f"{name}.{key}")


def show(value: object) -> Any:
    """Return a settings object as plain values: each secret is ``***``, what is None left out."""
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): show(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [show(each) for each in value]
    if attrs.has(type(value)):
        return show({name: getattr(value, name) for name in _names(value)})
    return mask(str(value))


def mask(url: str) -> str:
    """Return the text with the password of each URL in it as ``***``."""
    return re.sub(r"(//[^/@:\s]*):[^/@\s]*@", r"\1:***@", url)


def _names(value: object) -> list[str]:
    return [each.name for each in getattr(type(value), "__attrs_attrs__", ())]
