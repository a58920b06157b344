"""Measures how long the target's search lags behind a write: one object created, found, deleted."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from ztoq_core.contracts import Sink
from ztoq_core.engine.run import Run
from ztoq_core.engine.sides import delete, deleting, is_searchable, write
from ztoq_core.errors import RejectedError
from ztoq_core.records import Kind, TestPlan
from ztoq_core.store import Answered, Facts, Intent, RollbackItem

DEFAULT_LAG_S = 60.0
"""Seconds that a search may lag if that was neither measured nor configured."""

_PATIENCE_S = 300.0
_MARGIN = 2.0


async def probe(run: Run, sink: Sink) -> float:
    """Return, and remember in the store, the seconds until a search shows a new object.

    The object is a plan, journaled like any other: if the probe is interrupted, ``ztoq rollback``
    removes it. Twice the measured time is remembered.

    Raises:
        ConfigError: The sink cannot delete.
        RejectedError: The target refuses the object, or no search showed it in five minutes.
    """
    store, reporter = run.store, run.reporter("probe")
    remover = deleting(sink)
    plan = TestPlan(key=f"ztoq-probe-{uuid4().hex[:12]}", name="ztoq probe, to be deleted at once")
    await store.transformation.save_derived([plan])
    (job,) = await store.loading.next_jobs((Kind.TEST_PLAN,), (plan.key,), (), 1)
    await store.loading.record_intents(Intent(run=run.id, job=job))
    written = await write(sink, plan, None, {}, None)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await store.loading.record_answers(
        Answered(run=run.id, job=job, written=written, finished=True)
    )
    await store.rollback.only_once(job.item)
    while not (shown := await is_searchable(sink, plan, written)):
        if loop.time() - begun > _PATIENCE_S:
            break
        await asyncio.sleep(0.1)
    lag = loop.time() - begun
    item = RollbackItem(item=job.item, ref=plan.ref, written=written)
    await store.rollback.intend(run.id, [item])
    await delete(remover, Kind.TEST_PLAN, written.target_id)
    await store.rollback.deleted(run.id, item, "made to measure the search's lag")
    if not shown:
        raise RejectedError(f"No search showed a new object within {_PATIENCE_S:.0f} s")
    await store.facts.save(Facts.search_lag, _MARGIN * lag)
    reporter.message(f"A search shows a new object after {lag:.1f} s; twice that is waited for")
    return lag
