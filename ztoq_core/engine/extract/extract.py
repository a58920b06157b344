"""Extraction: everything that the source holds, into the store.

Pages are the producer, completing a record and fetching its files the consumers, a bounded queue
between them. A listed record is in the store before it is completed, so a stop loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime

import attrs
from loguru import logger

from ztoq_core.contracts import ChangedSince, Directory, Page, Source
from ztoq_core.engine.extract.complete import RecordCompletion, reject_of
from ztoq_core.engine.extract.id_names import resolve_ids, warn_unresolved_ids
from ztoq_core.engine.passes import KEPT_CHANGING, MOST_PASSES, Passes
from ztoq_core.engine.run import ProgressReporter, Run, run_workers
from ztoq_core.engine.sides import checked, described
from ztoq_core.errors import ConfigError, RecordError, RejectedError
from ztoq_core.pictures.collector import PictureCollector, PictureSources
from ztoq_core.plugin_calls import check_cursor, check_record, plugin_call, storable, wrong
from ztoq_core.records import Kind, Record, counted, plain
from ztoq_core.store import Checkpoint, Facts, Listed, SourceSchema, Store


async def extract(
    run: Run,
    source: Source,
    *,
    since: datetime | None = None,
    pictures: PictureSources | None = None,
    stream: bool = False,
) -> None:
    """Read the source into the store, going on where an unfinished extraction stopped.

    After a complete extraction a new one reads everything again; with ``since`` a quick pass reads
    only what changed from then on, and calls nothing gone. ``stream`` leaves files at the source;
    ``load`` then passes them on. Without ``pictures``, those in texts are not looked for.

    A list that cannot be read to its end does not stop the others. The extraction then stays
    incomplete, nothing is called gone, and the store knows why.

    Raises:
        AccessError, ConfigError: The source cannot be read at all, or not by what changed.
        ServiceError: The source stopped answering; what was read is kept.
    """
    store, reporter = run.store, run.reporter("extract")
    noted = await store.extraction.last_note()
    for finding in await checked(source):
        reporter.message(finding.text, finding.level)
    store.bind(source=source.identity)
    await store.facts.save(Facts.declared, SourceSchema.of(await described(source)))
    collector = None
    if pictures:
        collector = PictureCollector(store, source, pictures, run.rules.picture_name)
    completion = RecordCompletion(run, source, reporter, stream, collector)
    stage = _Extraction(run, source, reporter, completion)
    if since is not None:
        await _quick(stage, since)
        return
    await store.extraction.begin(run.id, noted=noted, stream=stream)
    await stage.read(stage.pages)
    if collector and (collector.left or collector.fetches):
        await store.attachments.note_pictures(left=collector.left)
    begun = store.facts.extraction
    # before the extraction counts as complete, so that one that is stopped here goes on here
    await stage.resolve_ids(begun, since_run=begun)
    if run.waits.stopping or stage.unread:
        # what was not listed must not count as gone, nor the extraction as complete
        return
    gone = await store.extraction.finish(streamed=stream)
    if gone:
        said = counted(gone, "record is", "records are")
        reporter.message(f"{said} no longer in the source", "warning")
    await warn_unresolved_ids(store, reporter)


async def _quick(stage: _Extraction, since: datetime) -> None:
    """Read what changed since a moment, on top of a complete extraction."""
    store, source = stage.store, stage.source
    if not isinstance(source, ChangedSince):
        raise ConfigError("This source cannot list what changed; leave --since out")
    if not store.reporting.extraction_ended:
        raise ConfigError("--since needs a complete extraction before it: run ztoq extract first")
    await store.extraction.begin_quick(stage.run.id, stream=stage.completion.stream)
    if stage.completion.collector:
        await store.attachments.retry_pictures()

    def pages(kind: Kind) -> AsyncGenerator[Sequence[Listed], None]:
        return stage.changed(source, kind, since)

    await stage.read(pages)
    await stage.resolve_ids(stage.run.id)
    if not stage.run.waits.stopping and not stage.unread:
        await store.facts.save(Facts.quick_pass, value=False)
    stage.reporter.message(
        f"A quick pass over what changed since {since:%Y-%m-%d %H:%M} UTC. It cannot see what was "
        "deleted, nor changes that do not touch the time of change that the service keeps (steps, "
        "files and links may not); a full ztoq extract sees them.",
        "warning",
    )
    await warn_unresolved_ids(store, stage.reporter)


@attrs.frozen
class _Extraction:
    run: Run
    source: Source
    reporter: ProgressReporter
    completion: RecordCompletion
    unread: dict[Kind, str] = attrs.field(factory=dict)
    """Why lists could not be read to their ends."""

    @property
    def store(self) -> Store:
        return self.run.store

    async def read(self, pages: Callable[[Kind], AsyncGenerator[Sequence[Listed], None]]) -> None:
        """List all kinds by ``pages``, complete what they name, and look up what they refer to."""
        await run_workers(
            self.run.slots,
            self.reporter,
            self.completion.complete_listed,
            lambda queue: self._list_all(queue, pages),
        )
        self.reporter.log_queue()
        await self.completion.look_up()

    async def resolve_ids(self, extraction: int, since_run: int = 0) -> None:
        """Ask for the names of the ids in what was read."""
        if not self.run.waits.stopping and isinstance(self.source, Directory):
            await resolve_ids(self.run, self.source, self.reporter, extraction, since_run)

    # -------------------------------------------------------------------------------- listing

    async def _list_all(
        self,
        queue: asyncio.Queue[Listed | None],
        pages: Callable[[Kind], AsyncGenerator[Sequence[Listed], None]],
    ) -> None:
        async for listed in self._left_over():
            if self.run.waits.stopping:
                return
            await queue.put(listed)
        for kind in self.source.kinds:
            try:
                async with aclosing(pages(kind)) as listing:
                    async for page in listing:
                        for listed in page:
                            await queue.put(listed)
                        if self.run.waits.stopping:
                            return
            except (RejectedError, RecordError) as error:
                # the other lists go on
                self.reporter.message(
                    f"The list of {plain(kind)}s could not be read to its end: {error}", "warning"
                )
                self.unread[kind] = str(error)
                await self.store.facts.save(Facts.unread, self.unread)

    async def _left_over(self) -> AsyncIterator[Listed]:
        after = 0
        while batch := await self.store.extraction.incomplete(after, 100):
            for listed in batch:
                yield listed
            after = batch[-1].item

    async def pages(self, kind: Kind) -> AsyncGenerator[Sequence[Listed], None]:
        """Yield what is to be completed of each page; list again while a list is shifting.

        While a page is being completed, the next one is fetched.
        """
        point = await self.store.extraction.checkpoint(kind)
        seen = {point.cursor} if point.cursor else set[str]()
        passes, from_start = Passes(), point.cursor is None
        ahead: asyncio.Task[Page] | None = None
        try:
            while not point.done:
                page = await (ahead or self._fetch(kind, point.cursor, seen))
                ahead = None
                if page.total is not None:
                    self.reporter.totals[kind] = page.total
                following = attrs.evolve(
                    point, cursor=page.cursor, done=page.cursor is None and page.stable
                )
                with_pictures = self._with_pictures(page)
                listed = await self.store.extraction.save_page(
                    self.run.id, kind, with_pictures, self.source.completes, following
                )
                if not page.stable:
                    passes.add_page(await self.store.extraction.rows(page.records))
                if not point.passes:  # later passes list the same again
                    self._count(page)
                # fetched while the workers complete this page, and only after it is committed with
                # its cursor: a run after a kill goes on from there
                if following.cursor is not None and not self.run.waits.stopping:
                    ahead = asyncio.create_task(self._fetch(kind, following.cursor, seen))
                yield listed
                point = await self.store.extraction.checkpoint(kind)
                if page.cursor is None and not point.done:
                    done = passes.end(point.pass_new, from_start=from_start)
                    point, from_start = await self._after_pass(kind, point, done=done), True
                    if not point.passes and not point.done:
                        raise RecordError(KEPT_CHANGING)
        finally:
            if ahead is not None:
                await _give_up(ahead)

    async def _fetch(self, kind: Kind, cursor: str | None, seen: set[str]) -> Page:
        with plugin_call(self.source, "fetch", f"the list of {kind}"):
            return self._checked(await self.source.fetch(kind, cursor), seen)

    def _checked(self, page: Page, seen: set[str]) -> Page:
        """Return a page whose records the store can keep; the others are rejects.

        ``seen`` are the cursors of this pass through the list.
        """
        if not isinstance(page, Page):
            raise wrong(page, "a Page")
        check_cursor(page.cursor, seen)
        records = []
        rejects = [storable(reject) for reject in page.rejects]
        for record in page.records:
            named = record.ref if isinstance(record.key, str) else f"a {record.kind} without a key"
            try:
                with plugin_call(self.source, "fetch", named):
                    check_record(record)
            except RecordError as error:
                logger.warning("rejected: {}", error)
                rejects.append(reject_of(record.ref, str(error), record))
            else:
                records.append(record)
        return attrs.evolve(page, records=tuple(records), rejects=tuple(rejects))

    async def changed(
        self, source: ChangedSince, kind: Kind, since: datetime
    ) -> AsyncGenerator[Sequence[Listed], None]:
        """Yield what is to be completed of each page of changes; nothing is kept of the place."""
        passes = Passes()
        for number in range(MOST_PASSES):
            cursor: str | None = None
            seen: set[str] = set()
            new = 0
            while True:
                with plugin_call(source, "changed_since", f"the list of {kind}"):
                    page = self._checked(await source.changed_since(kind, since, cursor), seen)
                listed, more = await self.store.extraction.save_changed(
                    self.run.id, self._with_pictures(page), self.source.completes
                )
                if not page.stable:
                    passes.add_page(await self.store.extraction.rows(page.records))
                if not number:
                    self._count(page)
                yield listed
                new += more
                if page.cursor is None or self.run.waits.stopping:
                    break
                cursor = page.cursor
            if passes.end(new) or page.stable or self.run.waits.stopping:
                return
        raise RecordError(KEPT_CHANGING)

    def _with_pictures(self, page: Page) -> Page:
        """Return a page with the pictures of those records that are complete already."""
        found: list[Record] = []
        for record in page.records:
            whole = record.kind not in self.source.completes
            found += self.completion.with_pictures((record,)) if whole else (record,)
        return attrs.evolve(page, records=tuple(found))

    def _count(self, page: Page) -> None:
        for each in Kind:
            whole = sum(record.kind is each for record in page.records)
            if whole and each not in self.source.completes and each is not Kind.ATTACHMENT:
                self.reporter.advance(each, whole)

    async def _after_pass(self, kind: Kind, point: Checkpoint, *, done: bool) -> Checkpoint:
        """Keep that a pass over an unstable list has ended.

        One that changes in each of many passes is left as not read to its end, for a later run.
        """
        following = Checkpoint(done=done, passes=(point.passes + 1) % MOST_PASSES)
        await self.store.extraction.save_page(
            self.run.id, kind, Page(records=(), cursor=None), (), following
        )
        return following


async def _give_up(task: asyncio.Task[Page]) -> None:
    """Cancel the fetch of a page that is not needed any more; its error would come up again."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()
