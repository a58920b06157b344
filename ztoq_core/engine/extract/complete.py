"""Completes extracted records one by one: steps and links, files and pictures, unlisted references.

A consumer of ``extract``. A record with any fault is rejected, with the reason in the store.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
from loguru import logger

from ztoq_core.contents import read_whole
from ztoq_core.contracts import Reject, Source
from ztoq_core.engine.run import ProgressReporter, Run
from ztoq_core.errors import RecordError, RejectedError
from ztoq_core.pictures.collector import PictureCollector, loss_reason
from ztoq_core.plugin_calls import check_record, checked_chunks, plugin_call, storable, wrong
from ztoq_core.records import (
    Attachment,
    Folder,
    Kind,
    Record,
    Ref,
    TestCase,
    TestCycle,
    TestLog,
    TestStep,
    Tree,
)
from ztoq_core.store import Completed, Fetched, Listed, Store

_LOOKED_UP = (Kind.FOLDER, Kind.TEST_CASE, Kind.TEST_CYCLE)


@attrs.frozen
class RecordCompletion:
    """Completes the records of one extraction; ``stream`` leaves files at the source."""

    run: Run
    source: Source
    reporter: ProgressReporter
    stream: bool
    collector: PictureCollector | None = None

    @property
    def store(self) -> Store:
        """The store of the run."""
        return self.run.store

    def with_pictures(self, records: tuple[Record, ...]) -> tuple[Record, ...]:
        """Return the records with the pictures that their texts show, if these are collected."""
        return self.collector.with_pictures(records) if self.collector else records

    async def complete_listed(self, listed: Listed) -> None:
        """Complete a record and fetch its files, unless a stop was requested."""
        if self.run.waits.stopping:
            return  # stays listed; the next run completes it
        record = listed.record
        with logger.contextualize(stage="extract", kind=record.kind.value, key=record.key):
            await self._complete(listed)

    async def _complete(self, listed: Listed) -> None:
        record = listed.record
        if isinstance(record, Attachment):
            await self._fetch_file(record)
            return
        try:
            records = await self._completed(record)
        except (RejectedError, RecordError) as error:
            logger.warning("rejected: {}", error)
            await self._reject(record.ref, str(error), record)
            return
        # one commit for the record and what it revealed: a kill loses neither or both
        completed = Completed(self.run.id, self.with_pictures(records))
        files = await self.store.extraction.save_completed(completed)
        self.reporter.advance(record.kind)
        for each in files:
            if self.run.waits.stopping:
                return  # the next run fetches the rest
            await self._complete(each)

    async def _completed(self, record: Record) -> tuple[Record, ...]:
        with plugin_call(self.source, "complete", record.ref):
            records = await self.source.complete(record)
            if not isinstance(records, tuple) or not records:
                raise wrong(records, "the record and what it reveals")
            check_record(records[0], record)
            for each in records[1:]:
                check_record(each)
        return records

    async def _fetch_picture(self, record: Attachment) -> None:
        if self.collector is None:
            await self._reject(record.ref, "This run fetched no pictures", record)
            return
        try:
            with plugin_call(self.source, "picture", record.ref):
                kept = await self.collector.keep(record)
        except (RejectedError, RecordError) as error:
            logger.warning("a picture is lost: {}", error)
            await self._reject(record.ref, f"{loss_reason(record.locator)}{error}", record)
            return
        await self.store.attachments.save(Fetched(self.run.id, record, kept))
        self.reporter.advance(Kind.ATTACHMENT)

    async def _fetch_file(self, record: Attachment) -> None:
        if record.inline:
            await self._fetch_picture(record)
            return
        if self.stream:
            await self.store.attachments.save(Fetched(self.run.id, record, None))
            return
        try:
            kept = await read_whole(
                lambda: self.store.files.keep(record.name, self._chunks(record))
            )
        except (RejectedError, RecordError) as error:
            logger.warning("rejected: {}", error)
            await self._reject(record.ref, f"The file could not be read: {error}", record)
            return
        await self.store.attachments.save(Fetched(self.run.id, record, kept))
        self.reporter.advance(Kind.ATTACHMENT)

    async def _chunks(self, file: Attachment) -> AsyncIterator[bytes]:
        with plugin_call(self.source, "download", file.ref):
            chunks = self.source.download(file)
        async for chunk in checked_chunks(self.source, file.ref, chunks):
            yield chunk

    async def _reject(self, ref: Ref, reason: str, record: Record | None = None) -> None:
        reject = reject_of(ref, reason, record)
        await self.store.extraction.reject(self.run.id, reject)

    # -------------------------------------------------------------------- unlisted references

    async def look_up(self) -> None:
        """Resolve references to records that no list held; put stubs for deleted ones."""
        while not self.run.waits.stopping:
            refs = await self.store.extraction.unlisted(_LOOKED_UP, 200)
            if not refs:
                return
            for ref in refs:
                with logger.contextualize(stage="extract", kind=ref.kind.value, key=ref.key):
                    await self._look_up_one(ref)

    async def _look_up_one(self, ref: Ref) -> None:
        try:
            found = await self._resolved(ref)
        except (RejectedError, RecordError) as error:
            # the service did not answer that it does not exist, so no stub may take its place
            logger.warning("rejected: {}", error)
            await self._reject(ref, f"It could not be looked up: {error}")
            return
        if isinstance(found, Reject):
            if await self.store.extraction.mark_gone(self.run.id, ref):
                return
            stub = self.with_pictures((await self._stub(ref, found.reason),))
            files = await self.store.extraction.save_resolved(self.run.id, stub, derived=True)
        else:
            found = self.with_pictures(found)
            files = await self.store.extraction.save_resolved(self.run.id, found)
            self.reporter.advance(ref.kind)
        for each in files:
            await self._complete(each)

    async def _resolved(self, ref: Ref) -> tuple[Record, ...] | Reject:
        with plugin_call(self.source, "resolve", ref):
            found = await self.source.resolve(ref)
            if not isinstance(found, Reject | tuple):
                raise wrong(found, "records or a Reject")
            if isinstance(found, tuple):
                if not found or found[0].ref != ref:
                    raise ValueError("it gave another record")
                for each in found:
                    check_record(each)
        return found

    async def _stub(self, ref: Ref, reason: str) -> Record:
        """Return a placeholder for a deleted record, so that references to it have a target."""
        logger.warning("no longer in the source, replaced by a stub: {}", reason)
        if ref.kind is Kind.TEST_CASE:
            log = await self.store.extraction.latest_log_of(ref)
            steps = _steps_of(log) if isinstance(log, TestLog) else ()
            return TestCase(key=ref.key, name=ref.key, gone=True, steps=steps)
        if ref.kind is Kind.TEST_CYCLE:
            return TestCycle(key=ref.key, name=ref.key)
        return Folder(key=ref.key, name=ref.key, tree=Tree.CASES)


def reject_of(ref: Ref, reason: str, record: Record | None) -> Reject:
    """Return a reject that the store can keep, with the payload of its record."""
    raw = record.raw if record else None
    return storable(Reject(kind=ref.kind, key=ref.key, reason=reason, raw=raw))


def _steps_of(log: TestLog) -> tuple[TestStep, ...]:
    """Return the steps that an execution ran, once if it ran several rows of data."""
    first = log.results[0].row if log.results else None
    return tuple(
        TestStep(
            key=str(place),
            description=result.description,
            data=result.data,
            expected=result.expected,
        )
        for place, result in enumerate((r for r in log.results if r.row == first), start=1)
    )
