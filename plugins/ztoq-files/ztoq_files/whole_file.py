"""Serves the records of a file that is read and checked as a whole before the first is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from ztoq_core.plugin import (
    Attachment,
    FieldSpec,
    Finding,
    Kind,
    Page,
    Record,
    Ref,
    Reject,
    RejectedError,
    Schema,
)

Records = Mapping[Kind, tuple[Record, ...]]

PAGE = 500


class WholeFileSource:
    """The folders and test cases of a file; ``read`` returns them by kind, in their order.

    Raises:
        ConfigError: (every method) The file cannot be used; the message names the place.
    """

    kinds = (Kind.FOLDER, Kind.TEST_CASE)

    def __init__(self, identity: str, read: Callable[[], Records]) -> None:
        """Read nothing yet; files among the records are revealed by the cases."""
        self.identity = identity
        self._read = read
        self._records: Records | None = None
        self._reading = asyncio.Lock()

    async def _all(self) -> Records:
        async with self._reading:
            if self._records is None:
                self._records = await asyncio.to_thread(self._read)
        return self._records

    @property
    def completes(self) -> frozenset[Kind]:
        """Nothing: the file gives all of a case."""
        return frozenset()

    async def check(self) -> tuple[Finding, ...]:
        """Read and check the whole file."""
        await self._all()
        return ()

    async def describe(self) -> Schema:
        """Return the fields whose types the records have."""
        found: dict[str, FieldSpec] = {}
        for record in (await self._all()).get(Kind.TEST_CASE, ()):
            for field in record.fields:
                if field.type is not None:
                    spec = FieldSpec(kind=Kind.TEST_CASE, name=field.name, type=field.type)
                    found.setdefault(field.name, spec)
        return Schema(fields=tuple(found.values()))

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        """Return the next records in the order of the file; the cursor is a position."""
        records = (await self._all()).get(kind, ()) if kind in self.kinds else ()
        start = int(cursor or 0)
        end = start + PAGE
        return Page(records=records[start:end], cursor=str(end) if end < len(records) else None)

    async def complete(self, record: Record) -> tuple[Record, ...]:
        """Return the record."""
        return (record,)

    async def resolve(self, ref: Ref) -> tuple[Record, ...] | Reject:
        """Return a record of the file."""
        for record in (await self._all()).get(ref.kind, ()):
            if record.ref == ref:
                return await self.complete(record)
        return Reject(kind=ref.kind, key=ref.key, reason="the file does not have it")

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Refuse: the file holds no other files."""
        raise RejectedError(f"{attachment.ref}: the file holds no other files", status=404)
        yield b""
