"""Settling doubt: wait until a request cannot arrive any more, then look for its mark."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import attrs
from loguru import logger

from ztoq_core.contracts import Found, Schema, Sink, Written
from ztoq_core.engine.probe import DEFAULT_LAG_S, MEASURED
from ztoq_core.engine.progress import Stop, Teller
from ztoq_core.errors import RecordError, RejectedError
from ztoq_core.records import Attachment, Level, Note, Ref
from ztoq_core.store import Answered, Job, Kept, Store
from ztoq_core.words import counted

__all__ = ["Reads", "settle"]

Reads = Callable[[Attachment], Awaitable[Kept]]
"""Tells what a file is that the store does not hold, by reading it at the source."""

_MOST_ATTEMPTS = 6


async def settle(  # noqa: PLR0913, PLR0917 - the loading's whole scene
    store: Store,
    sink: Sink,
    schema: Schema,
    run: int,
    teller: Teller,
    roots: Mapping[Ref, Written | None],
    stop: Stop,
    reads: Reads | None = None,
) -> int:
    """Look for every record in doubt; return how many are certain now (design section 6.4).

    One hit is adopted, none makes the record ready again, of several the oldest is adopted and
    the others are reported.
    """
    settled = 0
    doubts = await store.read(store.outbox.in_doubt)
    if doubts:
        teller.say(f"Looking for {counted(len(doubts), 'record')} that the target may hold already")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for doubt in doubts:
        lag = 0.0 if doubt.kind in schema.consistent else _lag(store, schema)
        wait = begun + doubt.deadline_s + lag - loop.time()
        if wait > 0:
            teller.say(f"Waiting {wait:.0f} s until a lost request cannot arrive any more")
            await stop.within(wait)
        if stop.wished:
            return settled
        # read anew: what this record belongs to may just have been found itself
        job = await store.read(store.outbox.job, doubt.item)
        with logger.contextualize(stage="settle", kind=doubt.kind.value, key=job.record.key):
            settled += await _look(store, sink, schema, run, job, roots, reads)
    return settled


def _lag(store: Store, schema: Schema) -> float:
    """Return the seconds that a search may lag: configured, else measured, else a safe default."""
    if schema.search_lag is not None:
        return schema.search_lag
    return float(store.meta(MEASURED) or DEFAULT_LAG_S)


async def _look(  # noqa: PLR0913, PLR0917
    store: Store,
    sink: Sink,
    schema: Schema,
    run: int,
    job: Job,
    roots: Mapping[Ref, Written | None],
    reads: Reads | None,
) -> int:
    outbox = store.outbox
    if job.written is not None:
        # an update may be sent again: it gives the same object
        await store.write(outbox.not_sent, run, job, "an update in doubt is sent again")
        return 1
    unread = isinstance(job.record, Attachment) and not job.record.sha256
    if unread and reads is None:
        logger.warning("could not be looked for: only the source can tell what the file holds")
        return 0
    try:
        if isinstance(job.record, Attachment) and unread and reads:
            kept = await reads(job.record)
            job = await store.write(outbox.learn, job, kept)
        found = await sink.find(job.record, {**roots, **job.links})
    except (RejectedError, RecordError) as error:
        logger.warning("could not be looked for: {}", error)
        return 0
    taken = await store.read(
        outbox.taken, job.record.ref, [each.written.target_id for each in found]
    )
    # of several equal files of one owner each belongs to one attachment
    found = tuple(each for each in found if each.written.target_id not in taken)
    if not found and job.attempts >= _MOST_ATTEMPTS:
        why = f"sent {counted(job.attempts, 'time')}, never confirmed and never found in the target"
        await store.write(outbox.refused, run, job, why)
        return 0
    if not found:
        await store.write(outbox.not_sent, run, job, "looked for and not found: sent again")
        return 1
    finished = not schema.to_finish(job.record)
    written = _adopted(found)
    answered = Answered(run=run, job=job, written=written, finished=finished, event="adopted")
    await store.gather(outbox.answered, answered)
    return 1


def _adopted(found: tuple[Found, ...]) -> Written:
    first, *others = found
    if not others:
        return first.written
    pids = ", ".join(other.written.pid or other.written.target_id for other in others)
    note = Note(
        level=Level.FALLBACK,
        code="duplicate-in-target",
        text=f"The target holds this more than once; besides {first.written.pid} also {pids}",
    )
    return attrs.evolve(first.written, notes=(*first.written.notes, note))
