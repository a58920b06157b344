"""Repair: what validation found missing or different is written again by the next load."""

from __future__ import annotations

from ztoq_core.engine.run import Run


async def repair(run: Run) -> int:
    """Let what is missing or differs be written again; return how many records.

    The load looks at each object before it changes it: what somebody edited is a conflict.
    """
    changed = await run.store.validation.rewrite(run.id)
    return changed + await run.store.database.read(run.store.reporting.removed)
