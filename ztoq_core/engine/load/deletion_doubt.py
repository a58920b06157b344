"""Finds out whether objects were deleted when the answer to the request was lost.

Load, validation and rollback call it before they rely on the target.
"""

from __future__ import annotations

from loguru import logger

from ztoq_core.contracts import Sink
from ztoq_core.engine.run import Run
from ztoq_core.engine.sides import current, described
from ztoq_core.errors import RecordError, RejectedError
from ztoq_core.records import counted

REMOVED = "removed by rollback"


async def settle_deletions(run: Run, sink: Sink, *, wait_s: float) -> None:
    """Check whether objects still exist whose deletion was begun and not confirmed.

    ``wait_s`` is how many seconds from now a lost DELETE may still arrive. An object that exists
    after that was not deleted.
    """
    store, waits = run.store, run.waits
    doubts = await store.rollback.intended()
    if not doubts:
        return
    along = (await described(sink)).goes_with_owner
    logger.info("looking for {} whose deletion was begun", counted(len(doubts), "object"))
    there = doubts
    for wait in (0.0, wait_s) if wait_s else (0.0,):
        if not there:
            return
        if wait:
            await waits.sleep(wait, "a lost request may still arrive")
        if waits.stopping:
            return
        left = []
        for item in there:
            try:
                present = await current(sink, item.ref.kind, item.written.target_id)
            except (RejectedError, RecordError) as error:
                logger.warning("{} could not be looked at: {}", item.ref, error)
                continue
            if present is None:
                await store.rollback.deleted(run.id, item, REMOVED, along)
            else:
                left.append(item)
        there = left
    await store.rollback.still_exist(run.id, there)
