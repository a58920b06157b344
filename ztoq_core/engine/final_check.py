"""The last look: the source is read once more, and must be as it was when it was brought over."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import orjson

from ztoq_core.contracts import Source
from ztoq_core.convert import converter
from ztoq_core.engine.extract.extract import extract
from ztoq_core.engine.progress import Event, Progress, Stop
from ztoq_core.engine.verdict import Finality, outcome
from ztoq_core.errors import Exit
from ztoq_core.pictures.collector import Gallery
from ztoq_core.store import FINAL, Store

__all__ = ["final"]

_SHOWN = 20


async def final(  # noqa: PLR0913 - the choices of the command
    store: Store,
    source: Source,
    run: int,
    progress: Progress,
    *,
    gallery: Gallery | None = None,
    slots: int = 32,
    stream: bool = False,
    stop: Stop | None = None,
) -> Finality | None:
    """Read everything again after a load, and remember whether the migration is final.

    It is where nothing is left open, and the source has neither changed nor gained nor lost a
    record since it was read. None where somebody wished to stop.
    """
    stop = stop or Stop()
    await store.write(store.intake.mark)
    digest, records = await store.read(store.intake.proof)
    before = await store.read(outcome, store)
    mapped, journal = store.mapping_done, store.journal.last()

    def tell(event: Event) -> None:
        progress(attrs.evolve(event, stage="final"))

    await extract(store, source, run, tell, gallery=gallery, slots=slots, stream=stream, stop=stop)
    if stop.wished:
        return None
    number, moved = await store.read(store.intake.moved, _SHOWN)
    # a finding or a loss is a reason, too
    reasons = [before.headline, *before.sentences] if before.exit is not Exit.OK else []
    if number:
        named = ", ".join(f"{ref} ({how})" for ref, how in moved)
        more = f" and {number - len(moved):,} more" if number > len(moved) else ""
        reasons.append(
            f"the source moved while it was brought over: {named}{more}; run ztoq migrate again"
        )
    else:
        still = store.intake.stood_still
        await store.write(lambda: still(mapped=mapped, journal=journal))
        after = await store.read(outcome, store)
        if after.exit is not Exit.OK and before.exit is Exit.OK:  # what could not be read again
            reasons = [after.headline, *after.sentences]
    found = Finality(
        at=datetime.now(UTC), run=run, records=records, digest=digest, reasons=tuple(reasons)
    )
    body = orjson.dumps(converter.unstructure(found, Finality)).decode()
    await store.write(store.put_meta, FINAL, body)
    return found
