"""Checks the containers that a load relies on in the target, before its first write.

People rename, move and delete there between two runs. New records must not go into a folder that
has become another one, nor fail one by one because it is gone.
"""

from __future__ import annotations

from ztoq_core.contracts import Schema, Sink
from ztoq_core.engine.run import ProgressReporter, Run, side_by_side
from ztoq_core.engine.sides import current
from ztoq_core.errors import ConfigError, RecordError, RejectedError
from ztoq_core.records import Kind, counted
from ztoq_core.spelling import first_of
from ztoq_core.store import RollbackItem, chunks

_CONTAINERS = (Kind.FOLDER, Kind.TEST_PLAN, Kind.TEST_CYCLE)
_LOOKS = 32
_NAMED = 5
_GONE = "was not in the target any more"


async def find_changed(
    run: Run, sink: Sink, reporter: ProgressReporter
) -> tuple[list[RollbackItem], list[RollbackItem]]:
    """Return the containers of new records that are gone from the target, and those edited."""
    gone: list[RollbackItem] = []
    edited: list[RollbackItem] = []

    async def look(each: RollbackItem) -> None:
        try:
            present = await current(sink, each.ref.kind, each.written.target_id, each.written)
        except (RejectedError, RecordError) as error:
            reporter.message(f"{each.ref} could not be looked at: {error}", "warning")
            return
        if present is None:
            gone.append(each)
        elif each.written.stamp and present.stamp != each.written.stamp:
            edited.append(each)

    for some in chunks(await run.store.rollback.awaited(_CONTAINERS), _LOOKS):
        await side_by_side(map(look, some))
    return gone, edited


async def look_at_containers(
    run: Run, sink: Sink, schema: Schema, reporter: ProgressReporter, *, on_conflict: str
) -> None:
    """Compare the containers that new records go into with how ztoq left them.

    One that is gone is created again. One that was edited is named in a warning.

    Raises:
        ConfigError: One was edited, and conflicts are to fail.
    """
    gone, edited = await find_changed(run, sink, reporter)
    for each in gone:
        await run.store.rollback.deleted(run.id, each, _GONE, schema.goes_with_owner)
        text = f"{each.ref} is not in the target any more: it is created again"
        reporter.message(text, "warning")
    if not edited or on_conflict == "overwrite":
        return
    names = [f"{each.ref} ({each.written.pid or each.written.target_id})" for each in edited]
    what = counted(len(edited), "folder, plan or cycle", "folders, plans or cycles")
    was = "was" if len(edited) == 1 else "were"
    which = first_of(names, _NAMED)
    text = f"{what} that new records go into {was} edited in the target since: {which}"
    if on_conflict == "fail":
        raise ConfigError(f"{text}. Nothing was written; --on-conflict keep-target goes on")
    reporter.message(f"{text}. Check that they still are the right places", "warning")
