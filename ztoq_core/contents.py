"""Reads the contents of files: hashed as they pass, and again if they came cut short."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
from loguru import logger

from ztoq_core.errors import RecordError, RejectedError

__all__ = ["ContentHash", "read_whole"]

T = TypeVar("T")

READINGS = 3
"""How often a file is read that comes cut short."""


@attrs.define(eq=False)
class ContentHash:
    """What has passed so far; ``size`` in bytes."""

    size: int = 0
    _digest: Any = attrs.field(factory=hashlib.sha256, init=False)

    @classmethod
    async def of(cls, chunks: AsyncIterator[bytes]) -> ContentHash:
        """Read to the end, keep nothing, and return what passed."""
        passed = cls()
        async for _ in passed.passing(chunks):
            pass
        return passed

    @property
    def sha256(self) -> str:
        """The digest of what has passed, in hex."""
        return str(self._digest.hexdigest())

    async def passing(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the chunks; each is counted before it is handed on."""
        async for chunk in chunks:
            self._digest.update(chunk)
            self.size += len(chunk)
            yield chunk


def sha256_of(path: Path) -> str:
    """Return the digest of a file on the disk, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def read_whole(read: Callable[[], Awaitable[T]]) -> T:
    """Return what ``read`` makes of a file; it is called again if the file came cut short.

    Raises:
        RejectedError, RecordError: The service refused the file (the error has a status), or it
            came cut short ``READINGS`` times.
    """
    for attempt in range(1, READINGS):
        try:
            return await read()
        except (RejectedError, RecordError) as error:
            if isinstance(error, RejectedError) and error.status is not None:
                raise
            logger.warning("attempt {} to read the file failed: {}", attempt, error)
    return await read()
