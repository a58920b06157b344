"""Reads the test cases of a table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import attrs

from ztoq_core.plugin import (
    Attachment,
    Finding,
    Kind,
    Page,
    Record,
    Ref,
    Reject,
    RejectedError,
    Schema,
)
from ztoq_files.table.cases import CaseTable, folders_of
from ztoq_files.table.sheets import Sheet

__all__ = ["TableSource"]

PAGE = 500


class TableSource:
    """A table; read and checked as a whole before it gives the first record."""

    kinds = (Kind.FOLDER, Kind.TEST_CASE)
    completes: frozenset[Kind] = frozenset()

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self._path = path
        self._records: Mapping[Kind, tuple[Record, ...]] | None = None
        self._reading = asyncio.Lock()
        self.identity = f"table {path.resolve()}"

    async def _all(self) -> Mapping[Kind, tuple[Record, ...]]:
        async with self._reading:
            if self._records is None:
                self._records = await asyncio.to_thread(self._read)
        return self._records

    def _read(self) -> Mapping[Kind, tuple[Record, ...]]:
        cases = CaseTable.read(Sheet.read(self._path)).cases
        # the engine fills the path from the folders
        return {
            Kind.FOLDER: folders_of(cases),
            Kind.TEST_CASE: tuple(attrs.evolve(each, path=()) for each in cases),
        }

    async def check(self) -> tuple[Finding, ...]:
        """Read and check the whole table.

        Raises:
            ConfigError: It cannot be used; the message names the cell.
        """
        await self._all()
        return ()

    async def describe(self) -> Schema:
        """Declare nothing: columns have no types."""
        return Schema()

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        """Return the next records in the order of the table; the cursor is a position."""
        records = (await self._all()).get(kind, ())
        start = int(cursor or 0)
        end = start + PAGE
        more = str(end) if end < len(records) else None
        return Page(records=records[start:end], cursor=more)

    async def complete(self, record: Record) -> tuple[Record, ...]:
        """Return the record: rows give all of it."""
        return (record,)

    async def resolve(self, ref: Ref) -> tuple[Record, ...] | Reject:
        """Return a record of the table."""
        for record in (await self._all()).get(ref.kind, ()):
            if record.ref == ref:
                return (record,)
        return Reject(kind=ref.kind, key=ref.key, reason="the table does not have it")

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Refuse: a table holds no files."""
        raise RejectedError(f"{attachment.ref}: a table holds no files", status=404)
        yield b""
