"""The two ways to sign in to qTest: a static token, and the OAuth password grant.

The vendor's document describes ``POST /oauth/token``; only the help pages describe ``POST
/oauth/revoke`` (Common APIs).
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ztoq_core.plugin import (
    AccessError,
    Client,
    HeaderAuth,
    Secret,
    ServiceError,
    Services,
)
from ztoq_qtest.api.answers import TOKEN
from ztoq_qtest.config import QtestConfig
from ztoq_qtest.note_codes import TOKEN_NOT_REVOKED

LIFE = 300.0  # seconds that a token without expires_in lives (the document's example)
LEEWAY = 60.0  # seconds before its end at which a token is renewed, at most a quarter of its life
REFRESHER = "qtest-api"  # the client name of the refresh grant (vendor's document)
REFUSED = frozenset({400, 401, 403})


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"bearer {token}"}


def _basic(name: str) -> dict[str, str]:
    # the empty password part is mandatory (vendor's document, /oauth/token)
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:".encode()).decode("ascii")}


def pasted(token: Secret) -> HeaderAuth:
    """Return the auth of a token that a user copied from the site, maybe with the word Bearer.

    It cannot be renewed and is not revoked.
    """
    text = token.reveal().strip()
    word, _, rest = text.partition(" ")
    bare = rest.strip() if word.lower() == "bearer" and rest else text
    return HeaderAuth(Secret(bare), scheme="bearer")


@attrs.frozen(repr=False)
class _Token:
    """An OAuth token; ``ends`` and ``renew_at`` are times of the monotonic clock."""

    access: str
    refresh: str
    renew_at: float
    ends: float


class PasswordGrant:
    """Obtains tokens by name and password; one renewal serves all requests that wait for it."""

    def __init__(
        self,
        client: Client,
        config: QtestConfig,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use ``client`` (without credentials) and the login of ``config``.

        Raises:
            ValueError: The config has no login.
        """
        if config.username is None or config.password is None:
            raise ValueError("the config has no user name and password")
        self._client = client
        self._username = config.username
        self._password = config.password
        # Any client name works; the document shows the name of the site.
        self._site = config.host.partition(".")[0]
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: _Token | None = None
        self._given: list[_Token] = []

    async def headers(self) -> Mapping[str, str]:
        """Return the header with a token that is still valid for some time.

        Raises:
            AccessError: Name or password are refused.
        """
        token = self._token
        if token is None or self._clock() >= token.renew_at:
            async with self._lock:
                if self._token is token:
                    await self._obtain()
        return self._header()

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Get another token after a 401, unless another request did since ``refused`` was sent."""
        async with self._lock:
            if self._token is None or _bearer(self._token.access) == refused_header(refused):
                await self._obtain()
        return True

    async def revoke(self, services: Services) -> None:
        """Revoke the tokens that are still valid; note those that cannot be revoked."""
        now = self._clock()
        for token in [each for each in self._given if each.ends > now]:
            try:
                await self._client.request(
                    "POST",
                    "oauth/revoke",
                    headers=_bearer(token.access),
                    accept={*REFUSED, 404, 405},
                    closing=True,
                )
            except ServiceError as error:
                # The token expires by itself, so this must not fail a migration.
                services.note(TOKEN_NOT_REVOKED, f"a token of qTest was not revoked: {error}")
        self._given.clear()
        self._token = None

    def _header(self) -> dict[str, str]:
        if self._token is None:
            raise AccessError("the tokens of qTest are revoked already; run ztoq again")
        return _bearer(self._token.access)

    async def _obtain(self) -> None:
        body = None
        if self._token is not None and self._token.refresh:
            form = {"grant_type": "refresh_token", "refresh_token": self._token.refresh}
            body = await self._ask(REFRESHER, form)
        if body is None:
            name = self._username
            form = {
                "grant_type": "password",
                "username": name.reveal() if isinstance(name, Secret) else name,
                "password": self._password.reveal(),
            }
            body = await self._ask(self._site, form)
        if body is None:
            raise AccessError(
                f"qTest: POST oauth/token refused user {str(self._username)!r}: name or password "
                "is wrong, or the user signs in by single sign-on and needs a token",
                status=401,
            )
        now = self._clock()
        # 0 means "never expires" in /oauth/status; a token that does expire is renewed by its 401
        life = body["expires_in"] if body.get("expires_in", 0) > 0 else LIFE
        self._token = _Token(
            access=body["access_token"],
            refresh=body.get("refresh_token", ""),
            renew_at=now + life - min(LEEWAY, life / 4),
            ends=now + life,
        )
        self._given = [each for each in self._given if each.ends > now] + [self._token]

    async def _ask(self, name: str, form: Mapping[str, str]) -> Mapping[str, Any] | None:
        # Asking twice only gives a second token, so it may be repeated.
        answer = await self._client.request(
            "POST",
            "oauth/token",
            form=form,
            headers=_basic(name),
            accept=REFUSED,
            repeatable=True,
            read=TOKEN,
        )
        return None if answer.status in REFUSED else answer.body


def refused_header(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the authorization header among ``headers``, in any case."""
    found = next((v for k, v in headers.items() if k.lower() == "authorization"), "")
    return {"Authorization": found}
