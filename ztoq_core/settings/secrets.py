"""Secrets that are kept outside the config file, and settings shown without them."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from ztoq_core.contracts import Secret
from ztoq_core.errors import ConfigError
from ztoq_core.redaction import redacted

_URL = re.compile(r"://|@|(?i:passw|pwd)")
"""Found in texts that may be a URL with credentials."""

_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+")
"""An e-mail address, which may be a user name."""

WORDS: Mapping[str, str] = {
    "env": "environment variable",
    "file": "file",
    "keyring": "keyring entry",
}

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PLAIN = re.compile(r"[A-Z]{1,20}[0-9]{0,2}(_[A-Z]{0,20}[0-9]{0,2}){0,7}")
"""How variables are usually named, and secrets never look: ``ZEPHYR_TOKEN``, ``QTEST_TOKEN_2``."""
_LIKE_A_SECRET = re.compile(r"eyJ[\w-]{8,}|[0-9a-fA-F]{32,}|[A-Za-z0-9+=]{40,}")


def unusable_variable(name: str) -> str | None:
    """Return why this cannot name the variable that holds a secret, or None; never quotes it.

    People paste the secret itself where its variable is asked for. So a name is accepted only if it
    looks like a variable or is set in the environment; anything else must reach neither a file nor
    a message.
    """
    if not _VARIABLE.fullmatch(name):
        return "that is not the name of an environment variable: letters, digits and _, at most 64"
    if _PLAIN.fullmatch(name) or name in os.environ:
        return None
    return (
        "that may be the secret itself: no variable of that name is set, and it does not look like "
        "one, in capitals such as ZEPHYR_TOKEN"
    )


@attrs.frozen(kw_only=True, repr=False, str=False)
class Reference(Secret):
    """A secret that is kept elsewhere; ``reveal`` looks it up, once.

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
    def shown(self) -> dict[str, str]:
        """The table that names the secret, as in the file."""
        return {self.place: self.name if self._is_a_name else "***"}

    @property
    def _is_a_name(self) -> bool:
        if self.place == "env":
            return unusable_variable(self.name) is None
        return not _LIKE_A_SECRET.search(Path(self.name).name)

    @property
    def where(self) -> str:
        """Where the secret is, in words; a name that may be the secret itself is not quoted."""
        return f"the {WORDS[self.place]} {repr(self.name) if self._is_a_name else '***'}"

    def reveal(self) -> str:
        """Return the value.

        Raises:
            ConfigError: It is missing; the message says which variable, file or entry.
        """
        if not self._seen:
            look_up: dict[str, Callable[[str], str | None]] = {
                "env": os.environ.get,
                "file": _from_file,
                "keyring": _from_keyring,
            }
            try:
                value = (look_up[self.place](self.name) or "").strip()
            except ConfigError as error:
                raise ConfigError(f"{self.where}: {error}") from error
            if not value:
                raise ConfigError(f"{self.where} is not set or is empty; put the secret there")
            self._seen.append(value)
        return self._seen[0]


def _from_file(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(f"it cannot be read: {reason}") from error


def _from_keyring(name: str) -> str | None:
    try:
        keyring = importlib.import_module("keyring")
        errors = importlib.import_module("keyring.errors")
    except ImportError as error:
        raise ConfigError("it cannot be read: install ztoq-core[keyring]") from error
    service, _, user = name.rpartition("/")
    try:
        password: str | None = keyring.get_password(service or "ztoq", user)
    except errors.KeyringError as error:
        raise ConfigError(f"it cannot be read: {error}") from error
    return password


def refer(table: object, folder: Path) -> Secret:
    """Return the secret that a table such as ``{ env = "TOKEN" }`` names, not yet looked up.

    Raises:
        ValueError: The table names none, or holds the secret itself.
    """
    if isinstance(table, str):
        raise ValueError(  # noqa: TRY004 - the value is the user's, not the caller's
            "the secret itself is not accepted in this file; name where it is: "
            '{ env = "VARIABLE" }, { file = "PATH" } or { keyring = "SERVICE/USER" }'
        )
    if isinstance(table, Mapping) and len(table) == 1:
        ((place, name),) = table.items()
        if place in WORDS and isinstance(name, str) and name:
            if place == "env" and (problem := unusable_variable(name)):
                raise ValueError(f'{{ env = "***" }}: {problem}')
            path = str(folder / Path(name).expanduser()) if place == "file" else name
            return Reference(place=place, name=path)
    raise ValueError(
        'expected { env = "VARIABLE" }, { file = "PATH" } or { keyring = "SERVICE/USER" }'
    )


def find_secrets(value: object, name: str) -> Iterator[tuple[str, Secret]]:
    """Yield the secrets in a settings object, each with its key."""
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


def require_secrets(settings: object, name: str) -> None:
    """Look up all secrets of a settings object now.

    Raises:
        ConfigError: One is missing; the message names its key and where it should be.
    """
    for key, secret in find_secrets(settings, name):
        try:
            secret.reveal()
        except ConfigError as error:
            raise ConfigError(f"{key}: {error}") from error


def show(value: object) -> Any:
    """Return a settings object as plain values, without those that are None.

    A secret is shown as its place, ``{"env": "TOKEN"}``; if it has none, as ``***``.
    """
    if isinstance(value, Secret):
        return value.shown if isinstance(value, Reference) else "***"
    if isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): show(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [show(each) for each in value]
    if attrs.has(type(value)):
        shown = show({name: getattr(value, name) for name in _names(value)})
        if isinstance(proxy := getattr(value, "proxy", None), str):
            shown["proxy"] = redacted(proxy)  # it may lack a scheme
        return shown
    text = str(value)
    return text if _ADDRESS.fullmatch(text) or not _URL.search(text) else redacted(text)


def _names(value: object) -> list[str]:
    return [each.name for each in getattr(type(value), "__attrs_attrs__", ())]
