"""Takes over what an earlier store wrote: the first load of a new store reads the marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ztoq_core.contracts import Mark, Sink
from ztoq_core.engine.load.context import LoadContext
from ztoq_core.engine.load.doubt import PARENT_FIRST_S, Settling
from ztoq_core.engine.load.marks import marks_of, marks_under, owners_of
from ztoq_core.engine.sides import owner_kinds
from ztoq_core.errors import ConfigError, RecordError, RejectedError
from ztoq_core.records import Kind, counted, plain
from ztoq_core.store import Store

_BATCH = 100


async def adopt(context: LoadContext, settling: Settling) -> None:
    """Put in doubt every record whose mark is in the target, and look for it, parents first.

    A list alone is not trusted: each record is looked for by ``Sink.find``, a file by its content.
    What is not found stays in doubt, and is settled beside the pipeline.

    Raises:
        ConfigError: The target refuses a list, so what it holds already cannot be seen.
    """
    store, sink = context.store, context.sink
    adopted = 0
    for kind in Kind:
        if kind is Kind.FIELD or kind not in context.schema.kinds:
            continue
        if not await store.target_index.unwritten(kind):
            continue
        owners = owner_kinds(sink).get(kind)
        marked: dict[str, list[str]] = {}  # what belongs to an owner cannot be anywhere else
        if owners is None:
            for mark in await _all_marks(sink, kind):
                marked.setdefault(mark.key, []).append(mark.target_id)
            await store.target_index.doubt_marked(kind, [key for key in marked if key])
        else:
            for owner in sorted(owners, key=lambda each: each.rank):
                await _under(store, sink, kind, owner)
        # what a crash left in doubt counts, too: its children are still to be found
        await settling.gather()
        while found := await _look_for_all(context, settling, kind, marked):
            adopted += found
        if context.run.waits.stopping:
            return
    if adopted:
        have = counted(adopted, "record has", "records have")
        context.reporter.message(f"{have} this source's marks in the target: adopted")


async def _look_for_all(
    context: LoadContext, settling: Settling, kind: Kind, marked: Mapping[str, Sequence[str]]
) -> int:
    """Look for what is in doubt of a kind; return how many were found."""
    found = 0
    # a record whose parent is of its own kind is due a little later, and parents may come last
    for item in settling.due([kind], (), ahead_s=PARENT_FIRST_S):
        if not context.run.waits.stopping:
            found += await settling.look(item, marked.get(settling.doubts[item].ref.key, ()))
    return found


async def _under(store: Store, sink: Sink, kind: Kind, owner: Kind) -> None:
    after = 0
    while batch := await store.target_index.objects(owner, after, _BATCH):
        after = batch[-1][0]
        among = [each for _, each in batch]
        ours = await store.target_index.ready_under(kind, owner, [each.ref.key for each in among])
        listed = await marks_under(sink, kind, owners_of(ours, among))
        for ref, error in listed.refused.items():
            if isinstance(error, RecordError):
                raise error
            # what may be there is looked for one by one, and not sent blindly
            hidden = await store.target_index.ready_under(kind, owner, [ref.key])
            await store.target_index.doubt_marked(kind, [each.key for each in hidden])
        if kind is Kind.ATTACHMENT:
            # files have no marks: if an owner has files, each of ours is looked for by its content
            keys = [each.key for each in ours] if listed.marks else []
            await store.target_index.doubt_marked(kind, keys)
        else:
            await _doubt(store, kind, listed.marks)


async def _all_marks(sink: Sink, kind: Kind) -> list[Mark]:
    try:
        return await marks_of(sink, kind)
    except RejectedError as error:
        raise ConfigError(
            f"{error}. Without this list ztoq cannot see which {plain(kind)}s an earlier migration "
            "wrote, and might write them twice: give this user the right to read it and run again"
        ) from error


async def _doubt(store: Store, kind: Kind, marks: Sequence[Mark]) -> None:
    keys = list(dict.fromkeys(mark.key for mark in marks if mark.key))
    await store.target_index.doubt_marked(kind, keys)
