"""Reads a project from a folder of records."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ztoq_core.plugin import (
    Attachment,
    FieldDefinition,
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
from ztoq_files.disk import chunks_of
from ztoq_files.inside import PlaceError
from ztoq_files.jsonl.folder import RecordFolder, file_of

T = TypeVar("T")

PAGE = 500
_NOT_LISTED = {Kind.FIELD, Kind.ATTACHMENT}
"""Definitions of fields are described, files are revealed by the records that they belong to."""


class JsonLinesSource:
    """A folder of records; read and checked as a whole before it gives the first one."""

    kinds = tuple(kind for kind in Kind if kind not in _NOT_LISTED)

    def __init__(self, folder: RecordFolder, disk: ThreadPoolExecutor) -> None:
        """Read nothing yet; ``disk`` has one thread."""
        self._folder = folder
        self._disk = disk
        self.identity = f"jsonl {folder.path.resolve()}"

    async def _run(self, work: Callable[[], T]) -> T:
        def read_first() -> T:
            self._folder.read()
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._disk, read_first)

    @property
    def completes(self) -> frozenset[Kind]:
        """The kinds that may have files."""
        return frozenset(self.kinds)

    async def check(self) -> tuple[Finding, ...]:
        """Read and check the whole folder.

        Raises:
            ConfigError: It cannot be used; the message names file and line.
        """
        await self._run(lambda: None)
        return ()

    async def describe(self) -> Schema:
        """Return the fields that the folder defines."""
        return await self._run(self._schema)

    def _schema(self) -> Schema:
        fields = []
        for entry in self._folder.index.everything(Kind.FIELD):
            record = self._folder.record(entry)
            if isinstance(record, FieldDefinition):
                fields.append(spec_of(record))
        return Schema(fields=tuple(fields))

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        """Return the records that follow the one whose key is the cursor."""
        if kind in _NOT_LISTED:
            return Page(records=(), cursor=None)
        return await self._run(lambda: self._page(kind, cursor))

    def _page(self, kind: Kind, cursor: str | None) -> Page:
        entries = self._folder.index.page(kind, cursor, PAGE + 1)
        records = tuple(map(self._folder.record_with_raw, entries[:PAGE]))
        return Page(records=records, cursor=records[-1].key if len(entries) > PAGE else None)

    async def complete(self, record: Record) -> tuple[Record, ...]:
        """Return the record and its files."""
        return await self._run(lambda: (record, *self._files_of(record.ref)))

    def _files_of(self, ref: Ref) -> tuple[Record, ...]:
        return tuple(map(self._folder.record_with_raw, self._folder.index.files_of(ref)))

    async def resolve(self, ref: Ref) -> tuple[Record, ...] | Reject:
        """Return a record of the folder with its files."""
        entry = await self._run(lambda: self._folder.index.find(ref))
        if entry is None:
            reason = f"{file_of(ref.kind)} does not have it"
            return Reject(kind=ref.kind, key=ref.key, reason=reason)
        return await self._run(lambda: (self._folder.record_with_raw(entry), *self._files_of(ref)))

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the content of a file in the folder.

        Raises:
            RejectedError: It is not there, or not the one that was written.
        """
        entry = await self._run(lambda: self._folder.index.find(attachment.ref))
        record = await self._run(lambda: self._folder.record(entry)) if entry else None
        if entry is None or not isinstance(record, Attachment):
            raise RejectedError(f"the folder has no {attachment.ref}", status=404)
        if attachment.locator != record.locator:
            raise RejectedError(f"{attachment.ref} has another locator in the folder", status=404)
        passed = hashlib.sha256()
        try:
            path = await self._run(lambda: self._folder.content(entry))
            async for chunk in chunks_of(path):
                passed.update(chunk)
                yield chunk
        except (OSError, PlaceError) as error:
            raise RejectedError(f"{attachment.ref}: {error}", status=404) from error
        if record.sha256 and passed.hexdigest() != record.sha256:
            why = f"{entry.file!r} is not the file that was written (another SHA-256)"
            raise RejectedError(f"{attachment.ref}: {why}")

    def picture(self, file: Attachment) -> AsyncIterator[bytes] | None:
        """Yield the content of a picture in a text; None for one that the folder does not hold."""
        return self.download(file) if self._disk.submit(self._holds, file).result() else None

    def _holds(self, file: Attachment) -> bool:
        self._folder.read()
        entry = self._folder.index.find(file.ref)
        record = self._folder.record(entry) if entry else None
        # asked for is an address in a text; only that of the picture itself is the folder's
        return isinstance(record, Attachment) and record.inline and record.locator == file.locator


def spec_of(field: FieldDefinition) -> FieldSpec:
    """Return the field of a schema that a definition stands for."""
    return FieldSpec(kind=field.of, name=field.name, type=field.type, values=field.values)
