"""Keeps secrets out of what is shown: URLs with credentials, and values that were sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

import attrs

from ztoq_core.contracts import Secret

__all__ = ["Secrets", "redacted"]

HIDDEN = "***"

SHORTEST_SECRET = 4
"""Shorter values are no secrets, and hiding them would garble every message."""

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://|//")
_SECRET_WORD = re.compile(r"(?i)(passw|pwd|secret|token|api_?key|\bpass\b)[^\s=]*\s*=")


def redacted(url: str) -> str:
    """Return a URL for people: ``***`` in place of credentials, query and fragment.

    Passwords are often written without the quoting that URLs want, with ``@``, ``/``, ``?`` or
    ``#`` in them, and proxies without a scheme. Where it is not certain which part is the host, as
    little as possible is shown: a name may be missing then, never a piece of a secret shown. Text
    that is no URL comes back as it is, unless it sets a password (``host=db password=x``).
    """
    scheme = match[0] if (match := _SCHEME.match(url.strip())) else ""
    rest = url.strip()[len(scheme) :]
    head, at, tail = rest.rpartition("@")
    if at:
        if _cut(head)[1]:
            # either a query that holds an @, or a password that holds a ?, # or ;
            return f"{scheme}{HIDDEN}"
        # of several @ the last one: what stands before may all be the password
        rest = tail
    elif not scheme and _SECRET_WORD.search(rest):
        return HIDDEN
    place, sign, _ = _cut(rest)
    return f"{scheme}{HIDDEN + '@' if at else ''}{place}{sign + HIDDEN if sign else ''}"


def _cut(text: str) -> tuple[str, str, str]:
    """Return what stands before the query or fragment, the sign that begins it, and the rest."""
    found = re.search(r"[?#;]", text)
    return (
        (text, "", "") if found is None else (text[: found.start()], found[0], text[found.end() :])
    )


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
