"""The body of a file, read in chunks: complete, in time and within its size, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import attrs

from ztoq_core.contracts import Connection
from ztoq_core.errors import RejectedError

CHUNK = 64 * 1024

SLOWEST = 1000
"""Bytes a second that a download must reach, on average over each time-out of the connection."""

WHOLE = 200


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
