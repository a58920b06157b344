"""Writes and finishes one record: sees that it may be written, sends it, and stores the answer."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from loguru import logger

from ztoq_core.contents import READINGS
from ztoq_core.contracts import Content, Written
from ztoq_core.engine.comparison.edits import is_edited
from ztoq_core.engine.load.context import LoadContext
from ztoq_core.engine.load.streaming import hash_file, stream_file
from ztoq_core.engine.sides import current, finish, write
from ztoq_core.errors import DoubtError, RecordError, RejectedError, ServiceError, StoreError
from ztoq_core.note_codes import REFERENCE_MISSING
from ztoq_core.plugin_calls import FaultyPluginError
from ztoq_core.records import Attachment, Record, Ref
from ztoq_core.store import Intent, LoadJob

_SHOWN = 5


@attrs.frozen
class RecordWriter:
    """Writes records of one load; ``on_conflict`` as for ``load``.

    Both methods raise what the sink raises; the caller stores what that means for the record.
    """

    context: LoadContext
    on_conflict: str

    async def write(self, job: LoadJob) -> None:
        """Create or update the record's object, unless somebody else changed it."""
        record = job.record
        if job.late and not await self._may_be_late(job):
            return
        if job.written is not None and not await self._is_unchanged(job, job.written):
            return
        if isinstance(record, Attachment) and job.content is None and job.written is None:
            job, written = await self._stream(job, record)
        else:
            if job.content is not None:
                await self.context.store.files.verify(job.content)
            written = await self._send(job, job.content)
        if written is None:
            return
        finished = not self.context.schema.to_finish(record)
        await self.context.answered(job, written, finished=finished)

    async def finish(self, job: LoadJob) -> None:
        """Complete the record's object, now that what it refers to exists."""
        context, written = self.context, job.written
        if written is None:
            raise StoreError(f"{job.record.ref} is written but has no target id in the store")
        if job.again and not await self._is_unchanged(job, written):
            return
        if context.schema.to_finish(job.record):
            links = {**context.links(job), job.record.ref: written}
            written = await finish(context.sink, job.record, written, links)
            written = _with_missing(job.record, written, links)
        await context.answered(job, written, finished=True)

    async def _send(self, job: LoadJob, content: Content | None) -> Written | None:
        """Return the target's answer, None if the record may no longer be sent."""
        context, record = self.context, job.record
        # committed before the request leaves: after a kill the record is looked for by its mark
        if not await context.store.loading.record_intents(Intent(run=context.run.id, job=job)):
            return None
        target_id = job.written.target_id if job.written else None
        await context.store.before_write()
        return await write(context.sink, record, target_id, context.links(job), content)

    async def _stream(self, job: LoadJob, file: Attachment) -> tuple[LoadJob, Written | None]:
        """Write a file that the store does not hold, while it is read at the source."""
        store, source = self.context.store, self.context.source
        if source is None:
            raise RecordError("The store does not hold the file's content; extract again")
        attempts = 0
        while True:
            attempts += 1
            async with stream_file(store, source, file) as stream:
                try:
                    written = await self._send(job, stream.content)
                except (RejectedError, FaultyPluginError) as error:
                    if not stream.lost or attempts == READINGS:
                        raise
                    logger.warning("attempt {} to pass the file on failed: {}", attempts, error)
                    continue
            if written is None:
                return job, None
            try:
                kept = stream.kept or await hash_file(source, file)
            except ServiceError as error:
                raise DoubtError(f"it was sent, and then: {error}", status=200) from error
            return await store.loading.save_content(job, kept), written

    async def _may_be_late(self, job: LoadJob) -> bool:
        """Whether an execution may be written although a later one of its run exists already."""
        if self.on_conflict == "overwrite":
            return True
        if await self.context.store.decisions.insisted(job.item, job.digest):
            return True
        reason = "an older execution came late; the target would show it as the newest of its run"
        await self._conflict(job, reason)
        return False

    async def _is_unchanged(self, job: LoadJob, written: Written) -> bool:
        """Whether an object that is to be updated still is as ztoq left it."""
        sink, record = self.context.sink, job.record
        present = await current(sink, record.kind, written.target_id, written)
        schema, links = self.context.schema, self.context.links(job)
        if present and not await is_edited(sink, schema, job, links, present):
            return True
        what = "removed from" if present is None else "edited in"
        reason = f"it was {what} the target since ztoq wrote it"
        if present is not None and self.on_conflict == "overwrite":
            logger.warning("{}; overwritten", reason)
            return True
        await self._conflict(job, reason)
        return False

    async def _conflict(self, job: LoadJob, reason: str) -> None:
        if self.on_conflict == "fail":
            raise RecordError(f"{reason}, and conflicts are to fail")
        await self.context.store.loading.record_conflict(self.context.run.id, job, reason)


def _with_missing(record: Record, written: Written, links: Mapping[Ref, Written | None]) -> Written:
    """Note what a record's texts point at that is not in the target."""
    missing = [str(ref) for ref in record.text_refs if links.get(ref) is None]
    if not missing:
        return written
    named = ", ".join(missing[:_SHOWN]) + (" …" if len(missing) > _SHOWN else "")
    text = f"its texts point at what is not in the target and show words instead: {named}"
    note = REFERENCE_MISSING.note(text)
    return attrs.evolve(written, notes=(*written.notes, note))
