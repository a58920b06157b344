"""Writes a project into a folder of records, which the source of the same name reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import quote

import attrs

from ztoq_core.plugin import (
    Attachment,
    ConfigError,
    Content,
    FieldDefinition,
    FieldSpec,
    FieldValue,
    Finding,
    Fit,
    Found,
    Kind,
    Links,
    Mark,
    MarkPage,
    Owner,
    Record,
    Ref,
    RejectedError,
    RetryableError,
    Schema,
    TestCase,
    TestLog,
    Written,
    resolved,
)
from ztoq_files.disk import digest_of
from ztoq_files.inside import PlaceError
from ztoq_files.jsonl.folder import file_of, stamp_of
from ztoq_files.jsonl.index import Entry
from ztoq_files.jsonl.source import spec_of
from ztoq_files.jsonl.writer import Change, FolderWriter

T = TypeVar("T")

PAGE = 500
BAD, ABSENT = 400, 404


def fits(_spec: FieldSpec, _field: FieldValue) -> Fit:
    """Take any value: lines hold all of them."""
    return Fit()


@contextmanager
def at_work() -> Iterator[None]:
    """Let a folder that cannot be used stop the run, which may go on later, not a record."""
    try:
        yield
    except ConfigError as error:
        raise RetryableError(str(error)) from error


class JsonLinesSink:
    """A folder of records. The id of an object is the key of its record, so nothing can double."""

    def __init__(self, writer: FolderWriter, disk: ThreadPoolExecutor) -> None:
        """Touch nothing yet; ``disk`` has one thread."""
        self._writer = writer
        self._folder = writer.folder
        self._disk = disk
        self._pending: list[Change] = []
        self._commit = asyncio.Lock()
        self._root = self._folder.path.resolve()
        self.identity = f"jsonl {self._root}"

    def _open(self) -> None:
        self._folder.recover()

    async def _start(self, work: Callable[[], T]) -> T:
        """Run what reads on the thread of the disk, before the first record is written."""

        def open_first() -> T:
            self._open()
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._disk, open_first)

    async def _run(self, work: Callable[[], T]) -> T:
        """Run something on the thread of the disk; what it refuses stops the run."""
        with at_work():
            return await self._start(work)

    async def check(self) -> tuple[Finding, ...]:
        """Read what is there.

        Raises:
            ConfigError: The folder holds something else, cannot be read, or is being written.
        """
        await self._start(self._writer.require_free)
        return ()

    async def describe(self) -> Schema:
        """Return the fields that were defined; all kinds and values are taken."""
        return Schema(
            fields=await self._start(self._fields),
            can_create_fields=True,
            search_lag=0,
            remote=False,
            fits=fits,
        )

    def _fields(self) -> tuple[FieldSpec, ...]:
        entries = list(self._folder.index.everything(Kind.FIELD))
        records = map(self._folder.record, entries)
        return tuple(spec_of(each) for each in records if isinstance(each, FieldDefinition))

    # ------------------------------------------------------------------------------- looking

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        """Return what was written for the record's key."""
        del links
        written = await self.current(record.kind, record.key)
        return (Found(written=written),) if written else ()

    async def current(self, kind: Kind, target_id: str) -> Written | None:
        """Return the object with the digest of its line as the stamp."""

        def look() -> Written | None:
            entry = self._folder.index.find(Ref(kind, target_id))
            return self._as_written(entry) if entry else None

        return await self._run(look)

    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        """Return a page of the objects of a kind; the cursor is a key."""
        return await self._run(lambda: self._marks(kind, owners, cursor, whole=False))

    async def read_list(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        """Return a page as ``marks``, with the records; files are read to their end."""
        return await self._run(lambda: self._marks(kind, owners, cursor, whole=True))

    def _marks(
        self, kind: Kind, owners: Sequence[Owner], cursor: str | None, *, whole: bool
    ) -> MarkPage:
        index = self._folder.index
        if owners:
            pairs = (pair for owner, _ in owners for pair in index.inside(owner.ref))
            inside = (each for each, mention in pairs if not mention)
            entries = list({each.ref: each for each in inside if each.ref.kind is kind}.values())
            more = False
        else:
            entries = index.page(kind, cursor, PAGE + 1)
            more = len(entries) > PAGE
            del entries[PAGE:]
        marks = []
        for entry in entries:
            record = self._folder.record(entry)
            held = self._held(entry, record) if whole else None
            marks.append(attrs.evolve(_mark(record), record=held))
        return MarkPage(marks=tuple(marks), cursor=entries[-1].ref.key if more else None)

    async def read(self, kind: Kind, target_id: str) -> Record:
        """Return what was written; addresses in texts lead to the lines of the other records."""

        def held() -> Record:
            entry = self._there(Ref(kind, target_id))
            return self._held(entry, self._folder.record(entry))

        return await self._run(held)

    async def children(
        self, kind: Kind, target_ids: Sequence[str]
    ) -> Mapping[str, tuple[Mark, ...]]:
        """Return what belongs to the objects, and what mentions them."""

        def look() -> dict[str, tuple[Mark, ...]]:
            return {each: tuple(self._inside(Ref(kind, each))) for each in target_ids}

        return await self._run(look)

    def _inside(self, ref: Ref) -> list[Mark]:
        found = []
        for entry, mention in self._folder.index.inside(ref):
            linked = mention and ref.kind is not Kind.TEST_CASE  # a caller would lose its step
            found.append(attrs.evolve(_mark(self._folder.record(entry)), linked=linked))
        return found

    # ------------------------------------------------------------------------------- writing

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        """Add a line, which takes the place of an earlier one with the record's key.

        Raises:
            RejectedError: The record has no key or no parent, or a file no content.
            RetryableError: The disk refused.
        """
        if not record.key.strip():
            raise RejectedError(f"a {record.kind} without a key cannot be written", status=BAD)
        if target_id is not None and target_id != record.key:
            raise RejectedError(f"{record.ref} is not the object {target_id!r}", status=ABSENT)
        missing = [str(ref) for ref in record.parents() if links.get(ref) is None]
        if missing:
            raise RejectedError(f"{record.ref} lacks {', '.join(missing)}", status=BAD)
        file = await self._keep(record, content) if isinstance(record, Attachment) else ""
        change = Change.writing(record, file)
        await self._apply(change)
        return self._written(record, stamp_of(change.line), file)

    async def _keep(self, file: Attachment, content: Content | None) -> str:
        if content is None:
            entry = await self._run(lambda: self._folder.index.find(file.ref))
            if entry is None:
                raise RejectedError(f"{file.ref} came without its content", status=BAD)
            return entry.file
        try:
            made = await self._run(lambda: self._writer.content(file.name))
            try:
                async for chunk in content.open():
                    await asyncio.to_thread(made.add, chunk)
                return await asyncio.to_thread(made.keep, content.sha256)
            finally:
                made.drop()
        except OSError as error:
            raise RetryableError(f"cannot write {file.ref}: {error.strerror or error}") from error
        except PlaceError as error:
            raise RetryableError(f"cannot write {file.ref}: {error}") from error

    async def _apply(self, change: Change) -> None:
        """Commit the change together with those that came while others were being committed."""
        self._pending.append(change)
        async with self._commit:
            if change in self._pending:
                batch, self._pending = self._pending, []
                await self._run(lambda: self._writer.apply(batch))
        if change.fault:
            raise RetryableError(f"cannot write {change.ref}: {change.fault}")

    async def finish(self, record: Record, written: Written, links: Links) -> Written:
        """Return the object: its line refers to others by their keys, so nothing is left to do."""
        del record, links
        return written

    async def delete(self, kind: Kind, target_id: str) -> None:
        """Delete an object with its files.

        Raises:
            RejectedError: It does not exist, or holds something else.
        """
        ref = Ref(kind, target_id)

        def gone() -> list[Change]:
            self._there(ref)
            inside = self._inside(ref)
            held = [each for each in inside if not each.linked and each.kind is not Kind.ATTACHMENT]
            if held:
                why = f"{ref} still holds {held[0].kind} {held[0].key}"
                raise RejectedError(why, status=BAD)
            files = self._folder.index.files_of(ref)
            return [Change.deleting(each) for each in (*(file.ref for file in files), ref)]

        for change in await self._run(gone):
            await self._apply(change)

    # --------------------------------------------------------------------------------- words

    def _there(self, ref: Ref) -> Entry:
        entry = self._folder.index.find(ref)
        if entry is None:
            raise RejectedError(f"there is no {ref} in the folder", status=ABSENT)
        return entry

    def _as_written(self, entry: Entry) -> Written:
        return self._written(self._folder.record(entry), entry.stamp, entry.file)

    def _written(self, record: Record, stamp: str, file: str) -> Written:
        parts: dict[str, str] = {}
        if isinstance(record, TestCase):
            parts = {step.key: f"{record.key}/{step.key}" for step in record.steps}
        elif isinstance(record, TestLog):
            parts = {result.key: f"{record.key}/{result.key}" for result in record.results}
        url = (self._root / (file or file_of(record.kind))).as_uri()
        anchor = "" if file else f"#{quote(record.key, safe='')}"
        return Written(target_id=record.key, url=url + anchor, parts=parts, stamp=stamp)

    def _held(self, entry: Entry, record: Record) -> Record:
        """Return a record as ``ContentReading.read`` describes it."""
        if record.text_refs:
            found = {ref: self._folder.index.find(ref) for ref in record.text_refs}
            links = {ref: self._as_written(each) if each else None for ref, each in found.items()}
            record = resolved(record, links)
        if isinstance(record, TestLog):
            results = tuple(
                attrs.evolve(
                    each,
                    source_id=f"{record.key}/{each.key}",
                    status=(*each.statuses, each.status)[0],
                )
                for each in record.results
            )
            status = (*record.statuses, record.status)[0]
            return attrs.evolve(record, results=results, status=status)
        if isinstance(record, Attachment):
            sha256, size = self._content(entry)
            return attrs.evolve(record, sha256=sha256, size=size)
        return record

    def _content(self, entry: Entry) -> tuple[str, int]:
        try:
            path = self._folder.content(entry)
            return digest_of(path), path.stat().st_size
        except (OSError, PlaceError) as error:
            raise RejectedError(f"{entry.ref}: {error}", status=ABSENT) from error


def _mark(record: Record) -> Mark:
    owner = record.owner.key if isinstance(record, Attachment) else ""
    return Mark(
        kind=record.kind,
        key=record.key,
        target_id=record.key,
        name=str(getattr(record, "name", "")),
        owner=owner,
        size=record.size if isinstance(record, Attachment) else None,
    )
