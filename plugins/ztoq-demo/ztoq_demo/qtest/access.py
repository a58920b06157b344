"""Tokens, the OAuth calls (facts section 1) and the budgets of the rate limits (section 11)."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import attrs
from ztoq_testkit.simulate import Refusal, Reply, Request

from ztoq_demo.qtest.options import Options

SCOPE = "read write create delete administration execute import export share baseline"
MINUTE = 60.0


def _refused(message: str) -> Refusal:
    return Refusal(401, {"error": "invalid_token", "message": message})


def _wrong_grant(message: str) -> Refusal:
    # guess: the keys beside ``message`` are those of OAuth 2 (RFC 6749 section 5.2)
    return Refusal(400, {"error": "invalid_grant", "message": message})


@attrs.define(eq=False)
class Access:
    """The tokens that are good. ``given`` maps those of logins to when they end."""

    options: Options
    clock: Callable[[], float] = time.monotonic
    given: dict[str, float] = attrs.field(factory=dict)
    refreshable: set[str] = attrs.field(factory=set)
    revoked: set[str] = attrs.field(factory=set)

    def check(self, request: Request) -> None:
        """Refuse a request without a good token."""
        self._ends(_bearer(request))

    def _ends(self, token: str) -> float | None:
        """Return when a token ends, None for never."""
        if not token or token in self.revoked:
            raise _refused("Invalid or expired access token")
        if token == self.options.token:
            return None
        ends = self.given.get(token)
        if ends is None or ends <= self.clock():
            raise _refused("Invalid or expired access token")
        return ends

    def status(self, request: Request) -> Reply:
        """Answer GET /oauth/status; an expiration of 0 means never."""
        ends = self._ends(_bearer(request))
        left = 0 if ends is None else int((ends - self.clock()) * 1000)
        at = 0 if ends is None else int(time.time() * 1000) + left
        return Reply(200, {"expiration": at, "validityInMilliseconds": left})

    def log_in(self, request: Request) -> Reply:
        """Answer POST /oauth/token; parameters come as a form or in the query."""
        if not _is_client(request.headers.get("Authorization", "")):
            raise _refused("Missing or invalid Authorization header value")
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        given = dict(request.query) | form
        match given.get("grant_type"):
            case "password":
                wanted = self.options.username, self.options.password
                if not wanted[0] or (given.get("username"), given.get("password")) != wanted:
                    raise _wrong_grant("Bad credentials")  # guess: 400, as OAuth 2 has it
            case "refresh_token":
                token = given.get("refresh_token", "")
                if token not in self.refreshable:
                    raise _wrong_grant("Invalid refresh token")
                self.refreshable.discard(token)
            case _:
                raise _wrong_grant("Unsupported grant type")
        return Reply(200, self._issue())

    def _issue(self) -> dict[str, Any]:
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self.given[access] = self.clock() + self.options.token_life
        self.refreshable.add(refresh)
        return {
            "access_token": access,
            "token_type": "bearer",
            "expires_in": int(self.options.token_life),
            "refresh_token": refresh,
            "scope": SCOPE,
        }

    def revoke(self, request: Request) -> Reply:
        """Answer POST /oauth/revoke: ends the token that it bears."""
        token = _bearer(request)
        self._ends(token)
        self.given.pop(token, None)
        self.revoked.add(token)
        return Reply(200)

    @property
    def open_sessions(self) -> int:
        """How many tokens of logins still are good."""
        return sum(ends > self.clock() for ends in self.given.values())


def _bearer(request: Request) -> str:
    text = request.headers.get("Authorization", "").strip()
    scheme, *words = text.split() or [""]
    if not words or scheme.lower() != "bearer":
        raise _refused("Missing or invalid Authorization header value")
    return words[-1]  # the copied string may say Bearer again


def _is_client(header: str) -> bool:
    """Return whether a header is Basic with a name and the mandatory empty password."""
    scheme, _, coded = header.partition(" ")
    try:
        text = base64.b64decode(coded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return False
    return scheme.lower() == "basic" and len(text) > 1 and text.endswith(":")


@attrs.define(eq=False)
class Budget:
    """Counts calls against the limits of a minute and a month."""

    options: Options
    clock: Callable[[], float] = time.monotonic
    spent: int = 0
    in_minute: int = 0
    _since: float = -MINUTE

    def spend(self) -> None:
        """Count a call; 429 once a budget is spent."""
        now = self.clock()
        if now - self._since >= MINUTE:
            self._since, self.in_minute = now, 0
        over_minute = self.in_minute >= self.options.minute_budget
        if over_minute or self.spent >= self.options.month_budget:
            raise Refusal(
                429, {"message": "Too many requests"}, self._wait(now, over_minute=over_minute)
            )
        self.in_minute += 1
        self.spent += 1

    def _wait(self, now: float, *, over_minute: bool) -> Mapping[str, str]:
        left = int(MINUTE - (now - self._since)) + 1
        return {"Retry-After": str(left)} if over_minute else {}

    def headers(self) -> dict[str, str]:
        """Return the headers of every answer (facts section 11)."""
        return {
            "x-ratelimit-remaining-minute": str(
                max(0, self.options.minute_budget - self.in_minute)
            ),
            "x-ratelimit-remaining-month": str(max(0, self.options.month_budget - self.spent)),
        }
