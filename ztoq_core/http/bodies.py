"""Reads the bodies and headers of answers, which may be broken, endless or hostile.

Files are read in chunks: complete, in time and within their size, or refused.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
import attrs

from ztoq_core.contracts import Connection
from ztoq_core.convert import read_json
from ztoq_core.errors import RejectedError
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

SLOWEST = 1000
"""Bytes a second that a download must reach, on average over each time-out of the connection."""

WHOLE = 200

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


def why_not_a_file(response: aiohttp.ClientResponse) -> str:
    """Return why a 2xx answer does not hold a whole file, "" if it may.

    202 and 204 have no file, 206 has a part that was not asked for. If neither a length nor chunks
    mark the end (RFC 9112, section 6.3), a file that breaks off half-way looks like a whole one.
    """
    if response.status != WHOLE:
        return f"answered {response.status}, which is not a whole file"
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    if not chunked and "Content-Length" not in response.headers:
        return "sent a file without its length, so it may be incomplete"
    return ""


@attrs.define(eq=False)
class Download:
    """A body that is read in chunks (see ``contracts.Download``)."""

    media_type: str
    size: int | None
    _response: aiohttp.ClientResponse
    _title: str
    _connection: Connection

    @classmethod
    def of(cls, response: aiohttp.ClientResponse, title: str, connection: Connection) -> Download:
        """Return the download of an answer.

        Raises:
            RejectedError: It announces more bytes than a file may have.
        """
        packed = "Content-Encoding" in response.headers
        size = None if packed else response.content_length
        if size is not None and size > connection.max_file_size:
            raise RejectedError(f"{title}: the file has {size:,} bytes; {_limit(connection)}")
        media_type = response.content_type if "Content-Type" in response.headers else ""
        return cls(media_type, size, response, title, connection)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes, once.

        Raises:
            RejectedError: Fewer came than were promised, the connection was lost, they came too
                slowly, or there are more than ``Connection.max_file_size``.
        """
        loop = asyncio.get_running_loop()
        received = before = 0
        ends = loop.time() + self._connection.timeout
        least = SLOWEST * self._connection.timeout
        stream = self._response.content.iter_chunked(CHUNK)
        try:
            while True:
                try:
                    # the time that the caller spends on a chunk does not count
                    async with asyncio.timeout_at(ends):
                        chunk = await anext(stream)
                except StopAsyncIteration:
                    break
                received += len(chunk)
                if received > self._connection.max_file_size:
                    raise RejectedError(f"{self._title}: {_limit(self._connection)}")
                if received - before >= least:
                    before, ends = received, loop.time() + self._connection.timeout
                handed_over = loop.time()
                yield chunk
                ends += loop.time() - handed_over
        except TimeoutError as error:
            raise RejectedError(
                f"{self._title}: only {received - before:,} bytes came in "
                f"{self._connection.timeout:.0f} s"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise RejectedError(
                f"{self._title}: the content was cut short after {self._of(received)} bytes "
                f"({type(error).__name__})"
            ) from error
        if self.size is not None and received != self.size:
            raise RejectedError(
                f"{self._title}: the content was cut short after {self._of(received)} bytes"
            )

    def _of(self, received: int) -> str:
        return f"{received}" if self.size is None else f"{received} of {self.size}"


def _limit(connection: Connection) -> str:
    return f"max_file_size allows {connection.max_file_size:,} bytes"
