"""Taking over what an earlier store wrote: the first load into a new store reads the marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ztoq_core.contracts import Mark, Schema, Sink, Written
from ztoq_core.engine.owners import marks_of, owners_of
from ztoq_core.engine.progress import Stop, Teller
from ztoq_core.engine.settle import Reads, settle
from ztoq_core.records import Kind, Ref
from ztoq_core.store import Store
from ztoq_core.words import counted

__all__ = ["adopt"]

_BATCH = 100


async def adopt(  # noqa: PLR0913, PLR0917 - the loading's whole scene
    store: Store,
    sink: Sink,
    schema: Schema,
    run: int,
    teller: Teller,
    roots: Mapping[Ref, Written | None],
    stop: Stop,
    reads: Reads | None = None,
) -> None:
    """Put in doubt whatever bears a mark of ours in the target, and settle it, parents first.

    Nothing is taken on the word of a list: each record is looked for by ``Sink.find``, a file by
    its content.
    """
    adopted = 0
    for kind in Kind:
        if stop.wished or kind is Kind.FIELD or kind not in schema.kinds:
            continue
        owners = sink.listed_by_owner.get(kind)
        if owners is None:
            marks = await marks_of(sink, kind)
            found = await _doubt(store, kind, marks)
        else:
            found = 0
            for owner in sorted(owners, key=lambda each: each.rank):
                found += await _under(store, sink, kind, owner)
        # a crash may have left some in doubt before: what lies under them is still to be found
        doubts = await store.read(store.outbox.in_doubt)
        if found or doubts:
            adopted += await settle(store, sink, schema, run, teller, roots, stop, reads)
    if adopted:
        bear = counted(adopted, "record bears", "records bear")
        teller.say(f"{bear} this source's marks in the target: adopted")


async def _under(store: Store, sink: Sink, kind: Kind, owner: Kind) -> int:
    found = 0
    after = 0
    while batch := await store.read(store.outbox.stored, owner, after, _BATCH):
        after = batch[-1][0]
        among = [each for _, each in batch]
        ours = await store.read(
            store.outbox.ready_under, kind, owner, [each.ref.key for each in among]
        )
        under = owners_of(ours, among)
        marks = await marks_of(sink, kind, under) if under else []
        if kind is Kind.ATTACHMENT:
            # files bear no mark: wherever there are any, each of ours is looked for by content
            keys = [each.key for each in ours] if marks else []
            found += await store.write(store.outbox.doubt_marked, kind, keys)
        else:
            found += await _doubt(store, kind, marks)
    return found


async def _doubt(store: Store, kind: Kind, marks: Sequence[Mark]) -> int:
    keys = list(dict.fromkeys(mark.key for mark in marks if mark.key))
    return await store.write(store.outbox.doubt_marked, kind, keys)
