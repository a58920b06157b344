"""Counts and hashes contents as they pass: one reader for all who want to know what a file is."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import attrs

__all__ = ["Tally"]


@attrs.define(eq=False)
class Tally:
    """What has passed so far; ``size`` in bytes."""

    size: int = 0
    _digest: Any = attrs.field(factory=hashlib.sha256, init=False)

    @classmethod
    async def of(cls, chunks: AsyncIterator[bytes]) -> Tally:
        """Read to the end, keep nothing, and return what passed."""
        tally = cls()
        async for _ in tally.passing(chunks):
            pass
        return tally

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
