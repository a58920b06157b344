"""Reads the bodies and headers of answers, which may be broken, endless or hostile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp

from ztoq_core.convert import read_json
from ztoq_core.html import page_text
from ztoq_core.http.budget import moment
from ztoq_core.redaction import Secrets

EXCERPT = 300
"""Characters of an answer that a message may hold."""

CHUNK = 64 * 1024

EXCERPT_SOURCE = 20_000
"""Bytes of a body that is not JSON in which the reason of a refusal is looked for."""

LONGEST_WAIT = 366 * 86_400.0
"""Seconds; if a service asks for more, this counts."""

NOT_JSON = object()
"""What ``parsed`` returns for a body that is not JSON."""


async def read_body(response: aiohttp.ClientResponse, most: int) -> bytes:
    """Return the body, unpacked.

    Raises:
        aiohttp.ClientPayloadError: It has more than ``most`` bytes unpacked, or was cut short.
    """
    chunks, size = [], 0
    while chunk := await response.content.read(CHUNK):
        size += len(chunk)
        if size > most:
            # the rest stays unread, so the connection cannot be used again
            response.close()
            raise BodyTooLargeError(f"the body has more than {most:,} bytes (max_answer_size)")
        chunks.append(chunk)
    return b"".join(chunks)


class BodyTooLargeError(aiohttp.ClientPayloadError):
    """A body has more bytes than it may have; never leaves the client."""


def parsed(body: bytes) -> Any:
    """Return the parsed JSON, None for an empty body, ``NOT_JSON`` for anything else."""
    if not body or body.isspace():
        return None
    try:
        return read_json(body)
    except (ValueError, RecursionError):
        return NOT_JSON


def excerpt(body: bytes, secrets: Secrets) -> str:
    """Return the reason in an answer, or its text: one line, at most 300 characters.

    Zephyr's key is ``message`` or ``error``, qTest's ``message``; gateways answer HTML.
    """
    value = parsed(body[:1_000_000])
    text = ""
    if isinstance(value, dict):
        reasons = (value.get(key) for key in ("message", "error_description", "error"))
        text = next((reason for reason in reasons if isinstance(reason, str) and reason), "")
    if not text:
        text = body[:EXCERPT_SOURCE].decode("utf-8", "replace")
        if value is NOT_JSON:
            text = page_text(text)
    text = secrets.hide(text)  # before it is cut: a part of a secret is one too
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that a service asks to wait, 0.0 if it does not; at most a year.

    The header has seconds or a date (RFC 9110, section 10.2.3), which is compared with the
    service's own clock if the answer has a date.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and re.fullmatch(r"\d+(\.\d*)?", text):
        return min(LONGEST_WAIT, float(text))
    until = moment(text)
    if until is None:
        return 0.0
    now = moment(headers.get("Date")) or datetime.now(UTC)
    if until.tzinfo is None or now.tzinfo is None:
        until, now = until.replace(tzinfo=UTC), now.replace(tzinfo=UTC)
    return min(LONGEST_WAIT, max(0.0, (until - now).total_seconds()))
