"""What an answer means and how it is told: errors with messages that hold no secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import attrs

from ztoq_core.contracts import Secret
from ztoq_core.convert import read_json
from ztoq_core.http.budget import moment

__all__ = ["NOT_JSON", "Secrets", "excerpt", "parsed", "retry_after"]

EXCERPT = 300
"""Characters of an answer that a message may hold."""

SHORTEST_SECRET = 4
"""Shorter values are no secrets, and hiding them would garble every message."""

NOT_JSON = object()
"""What ``parsed`` returns for a body that is no JSON."""


@attrs.define
class Secrets:
    """Values that must not show in any message: credentials that were sent."""

    _values: set[str] = attrs.field(factory=set)

    def learn_headers(self, headers: Mapping[str, str]) -> None:
        """Remember the values of credential headers, with and without their scheme."""
        for value in headers.values():
            self.learn((value, value.rpartition(" ")[2]))

    def learn(self, values: Iterable[str]) -> None:
        """Remember values as they are and as they stand in URLs and forms."""
        for value in values:
            if len(value) >= SHORTEST_SECRET and value not in self._values:
                self._values |= {value, quote(value, safe=""), quote_plus(value)}

    def hide(self, text: str) -> str:
        """Return the text with ``***`` in their place."""
        for value in sorted(self._values, key=len, reverse=True):
            text = Secret(value).hide(text)
        return text


def parsed(body: bytes) -> Any:
    """Return the parsed JSON, None for an empty body, ``NOT_JSON`` for anything else."""
    if not body or body.isspace():
        return None
    try:
        return read_json(body)
    except (ValueError, RecursionError):
        return NOT_JSON


def excerpt(body: bytes, secrets: Secrets) -> str:
    """Return the reason that an answer gives, or its text: one line, at most 300 characters.

    Zephyr says ``message`` or ``error``, qTest ``message``; gateways answer HTML.
    """
    value = parsed(body[:1_000_000])
    text = ""
    if isinstance(value, dict):
        reasons = (value.get(key) for key in ("message", "error_description", "error"))
        text = next((reason for reason in reasons if isinstance(reason, str) and reason), "")
    if not text:
        text = body[:20_000].decode("utf-8", "replace")
        if value is NOT_JSON:
            text = re.sub(r"(?is)<(style|script|head)\b.*?</\1>|<[^>]*>", " ", text)
    text = secrets.hide(text)  # before it is cut: a part of a secret is one too
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that a service asks to wait, 0.0 where it does not say.

    The header holds seconds or a date (RFC 9110, section 10.2.3), which is held against the
    service's own clock if the answer has a date.
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d*)?", text):
        return float(text)
    until = moment(text)
    if until is None:
        return 0.0
    now = moment(headers.get("Date")) or datetime.now(UTC)
    if until.tzinfo is None or now.tzinfo is None:
        until, now = until.replace(tzinfo=UTC), now.replace(tzinfo=UTC)
    return max(0.0, (until - now).total_seconds())
