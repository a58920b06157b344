"""The API token: checks its text before the first request, and sends it."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from ztoq_core.plugin import ConfigError, Secret

ADVICE = "create one in Jira under your avatar > Zephyr API keys, and copy all of it"


@attrs.frozen
class Token:
    """A token that can be sent. ``expires`` is None if the token does not show it."""

    text: str = attrs.field(repr=False)
    expires: datetime | None = None


def read_token(secret: Secret, now: datetime) -> Token:
    """Return the token, without a ``Bearer`` that was copied with it.

    Zephyr's tokens are JWTs: three parts in base64, the first two JSON objects (RFC 7519; the
    service refuses others with 401, Zephyr Cloud schemas 2026-08, 401 of any list).

    Raises:
        ConfigError: It is not a JWT, or it has expired. The message never shows it.
    """
    text = secret.reveal().strip()
    match text.split(None, 1):
        case [word, token] if word.casefold() == "bearer":
            text = token.strip()
    if not text:
        raise ConfigError(f"Zephyr: source.token is empty; {ADVICE}")
    parts = text.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        raise ConfigError(
            f"Zephyr: source.token is not a JWT (it has {len(parts)} of 3 parts); {ADVICE}"
        )
    for name, part in zip(("header", "payload"), parts[:2], strict=True):
        if not isinstance(_json(part), Mapping):
            raise ConfigError(
                f"Zephyr: source.token is not a JWT (its {name} cannot be read); {ADVICE}"
            )
    if not parts[2] or _bytes(parts[2]) is None:
        raise ConfigError(
            f"Zephyr: source.token is not a JWT (its signature cannot be read); {ADVICE}"
        )
    expires = _instant(_json(parts[1]).get("exp"))
    if expires is not None and expires <= now:
        raise ConfigError(f"Zephyr: source.token expired on {expires:%Y-%m-%d %H:%M} UTC; {ADVICE}")
    return Token(text, expires)


class BearerAuth:
    """Sends the token as it is; a refused one cannot be renewed.

    The text is checked when it is first needed, which is before the first call.
    """

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self._token: Token | None = None

    @property
    def token(self) -> Token:
        """Return the token; raises ConfigError as ``read_token``."""
        if self._token is None:
            self._token = read_token(self._secret, datetime.now(UTC))
        return self._token

    async def headers(self) -> Mapping[str, str]:
        """Return the header of every request."""
        return {"Authorization": f"Bearer {self.token.text}"}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Return False: people create Zephyr's tokens."""
        del refused
        return False


def _bytes(part: str) -> bytes | None:
    bare = part.rstrip("=")
    try:
        return b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except ValueError:  # binascii.Error is one
        return None


def _json(part: str) -> Any:
    decoded = _bytes(part)
    if decoded is None:
        return None
    try:
        return json.loads(decoded)
    except ValueError:
        return None


def _instant(seconds: Any) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None  # so far in the future that it does not matter
