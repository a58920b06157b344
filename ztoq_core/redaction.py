"""Keeps secrets out of what is shown: credentials in URLs, and values that were sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

import attrs

from ztoq_core.contracts import Secret

HIDDEN = "***"

SHORTEST_SECRET = 4
"""Shorter values are not secrets, and hiding them would garble every message."""

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://|//")
_SECRET_WORD = re.compile(r"(?i)(passw|pwd|secret|token|api_?key|\bpass\b)[^\s=]*\s*=")


def redacted(url: str) -> str:
    """Return a URL that may be shown: ``***`` in place of credentials, query and fragment.

    People write passwords without the quoting that URLs need, with ``@``, ``/``, ``?`` or ``#`` in
    them, and proxies without a scheme. If it is not certain which part is the host, as little as
    possible is shown: better a missing name than a piece of a secret. Text that is not a URL is
    returned as it is, unless it sets a password (``host=db password=x``).
    """
    scheme = match[0] if (match := _SCHEME.match(url.strip())) else ""
    rest = url.strip()[len(scheme) :]
    head, at, tail = rest.rpartition("@")
    if at:
        if _cut(head)[1]:
            # either a query that holds an @, or a password that holds a ?, # or ;
            return f"{scheme}{HIDDEN}"
        # the last @ counts: everything before it may be the password
        rest = tail
    elif not scheme and _SECRET_WORD.search(rest):
        return HIDDEN
    place, sign, _ = _cut(rest)
    return f"{scheme}{HIDDEN + '@' if at else ''}{place}{sign + HIDDEN if sign else ''}"


def _cut(text: str) -> tuple[str, str, str]:
    """Return the text before the query or fragment, the character that begins it, and the rest."""
    found = re.search(r"[?#;]", text)
    return (
        (text, "", "") if found is None else (text[: found.start()], found[0], text[found.end() :])
    )


@attrs.define
class Secrets:
    """Values that must not appear in any message: credentials that were sent."""

    _values: set[str] = attrs.field(factory=set)

    def learn_headers(self, headers: Mapping[str, str]) -> None:
        """Remember the values of credential headers, with and without their scheme."""
        for value in headers.values():
            self.learn((value, value.rpartition(" ")[2]))

    def learn(self, values: Iterable[str]) -> None:
        """Remember values as they are and as quoted in URLs and forms."""
        for value in values:
            if len(value) >= SHORTEST_SECRET and value not in self._values:
                self._values |= {value, quote(value, safe=""), quote_plus(value)}

    def hide(self, text: str) -> str:
        """Return the text with ``***`` in place of each remembered value."""
        for value in sorted(self._values, key=len, reverse=True):
            text = Secret(value).hide(text)
        return text
