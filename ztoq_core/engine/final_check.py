"""Final check: reads the source again and verifies that nothing changed since extraction."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from ztoq_core.contracts import Source
from ztoq_core.engine.extract.extract import extract
from ztoq_core.engine.run import Event, Run
from ztoq_core.engine.verdict.judgement import outcome
from ztoq_core.engine.verdict.problems import Goal
from ztoq_core.errors import Exit
from ztoq_core.losses import LossPolicy
from ztoq_core.pictures.collector import PictureSources
from ztoq_core.store import Facts, FinalCheck

_SHOWN = 20


async def verify_source_unchanged(
    run: Run,
    source: Source,
    *,
    pictures: PictureSources | None = None,
    stream: bool = False,
    policy: LossPolicy | None = None,
) -> FinalCheck | None:
    """Read everything again after a load, and store whether the migration is final.

    It is final if nothing is left open and the source has neither changed nor gained nor lost a
    record since it was read. ``policy`` says which losses fail. None if a stop was requested.
    """
    store = run.store
    await store.final_check.snapshot()
    digest, records = await store.final_check.digest()
    before = await store.database.read(outcome, store, Goal.LOAD, policy)
    mapped, journal = store.facts.mapped, store.journal.last()

    def forward(event: Event) -> None:
        run.progress(attrs.evolve(event, stage="final"))

    await extract(attrs.evolve(run, progress=forward), source, pictures=pictures, stream=stream)
    if run.waits.stopping:
        return None
    number, moved = await store.final_check.changes(_SHOWN)
    # a finding or a loss is a reason, too
    reasons = [before.headline, *before.sentences] if before.exit is not Exit.OK else []
    if number:
        named = ", ".join(f"{ref} ({how})" for ref, how in moved)
        more = f" and {number - len(moved):,} more" if number > len(moved) else ""
        reasons.append(
            f"the source changed while it was read: {named}{more}; run ztoq migrate again"
        )
    else:
        await store.final_check.unchanged(mapped=mapped, journal=journal)
        after = await store.database.read(outcome, store, Goal.LOAD, policy)
        if after.exit is not Exit.OK and before.exit is Exit.OK:  # what could not be read again
            reasons = [after.headline, *after.sentences]
    found = FinalCheck(
        at=datetime.now(UTC), run=run.id, records=records, digest=digest, reasons=tuple(reasons)
    )
    await store.facts.save(Facts.final, found)
    return found
