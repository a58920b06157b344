"""Validation: what should stand in the target against what does, by counts and keys.

Works from the store and the target alone; the source may be gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import attrs
import orjson

from ztoq_core.contracts import Mark, Sink
from ztoq_core.convert import converter
from ztoq_core.engine.owners import mark_pages, marks_of, owners_of
from ztoq_core.engine.progress import Progress, Stop, Teller
from ztoq_core.errors import one_error
from ztoq_core.records import Kind
from ztoq_core.store import Compared, State, Store, Stored, Validation
from ztoq_core.store.models import now
from ztoq_core.words import counted

__all__ = ["validate"]

_BATCH = 100
_SHOWN = 1000
_DUE = (State.LISTED, State.EXTRACTED, State.READY, State.SENDING, State.WRITTEN, State.FINISHED)
_DUE_TOO = (State.FAILED, State.BLOCKED, State.UNKNOWN, State.CONFLICT)


async def validate(
    store: Store, sink: Sink, progress: Progress, *, stop: Stop | None = None
) -> Validation:
    """Compare the store with the target, remember the result in the store and return it."""
    stop = stop or Stop()
    teller = Teller("validate", progress)
    store.bind(sink=sink.identity)
    counts = await store.read(store.counts)
    schema = await sink.describe()
    rows: list[Compared] = []
    for kind in Kind:
        if stop.wished or kind is Kind.FIELD or kind not in schema.kinds:
            continue
        states = counts.get(kind, {})
        due = sum(states.get(state, 0) for state in (*_DUE, *_DUE_TOO))
        check = _Check(kind)
        with one_error():
            if owners := sink.listed_by_owner.get(kind):
                await _by_owner(store, sink, kind, owners, check, stop)
            else:
                await _whole(store, sink, kind, check)
        rows.append(check.compared(due))
        teller.done(kind, check.present)
    result = Validation(at=now(), rows=tuple(rows), findings=tuple(_findings(rows)))
    for sentence in result.findings:
        teller.say(sentence, "warning")
    body = orjson.dumps(converter.unstructure(result, Validation)).decode()
    store.set_meta("validation", body)
    return result


@attrs.define
class _Check:
    """Compares the marks of one kind with what the store expects."""

    kind: Kind
    present: int = 0
    foreign: int = 0
    missing: list[str] = attrs.field(factory=list)
    duplicate: list[str] = attrs.field(factory=list)

    def compare(self, expected: Sequence[Stored], marks: Sequence[Mark]) -> None:
        """Count ``marks`` against what the store expects."""
        by_id = {each.written.target_id: each for each in expected}
        seen = {mark.target_id for mark in marks}
        lost = [each for number, each in by_id.items() if number not in seen]
        strangers = [mark for mark in marks if mark.target_id not in by_id]
        if self.kind is Kind.ATTACHMENT:
            lost, strangers = _by_name(lost, strangers)
        self.present += len(by_id) - len(lost)
        self.missing += [each.ref.key for each in lost]
        self.add_strangers(strangers, {each.ref.key for each in expected})

    def add_strangers(self, strangers: Sequence[Mark], ours: Collection[str]) -> None:
        """Count what the store did not write; ``ours`` are keys of which it wrote another."""
        for mark in strangers:
            if mark.key and mark.key in ours:
                self.duplicate.append(mark.key)
            else:
                self.foreign += 1

    def compared(self, due: int) -> Compared:
        return Compared(
            kind=self.kind,
            source=due,
            target=self.present,
            missing=tuple(self.missing[:_SHOWN]),
            duplicate=tuple(self.duplicate[:_SHOWN]),
            foreign=self.foreign,
        )


async def _whole(store: Store, sink: Sink, kind: Kind, check: _Check) -> None:
    """Compare a kind that the target lists whole, page by page.

    Which of the store's rows were seen is a bit for each, so that memory does not grow with them.
    """
    outbox = store.outbox
    seen = bytearray()
    listed: set[str] = set()
    async for page in mark_pages(sink, kind):
        marks = {mark.target_id: mark for mark in page}
        rows = await store.read(outbox.standing, kind, list(marks))
        known = {number for number, _ in rows}
        for _, row in rows:
            seen.extend(bytes(max(0, row // 8 + 1 - len(seen))))
            seen[row // 8] |= 1 << row % 8
        strangers = [
            mark for number, mark in marks.items() if number not in known and number not in listed
        ]
        listed |= {mark.target_id for mark in strangers}
        ours = await store.read(outbox.standing_keys, kind, [mark.key for mark in strangers])
        check.add_strangers(strangers, ours)
    after = 0
    while batch := await store.read(outbox.standing_rows, kind, after, 1000):
        after = batch[-1][0]
        lost = [
            key for row, key in batch if row // 8 >= len(seen) or not seen[row // 8] >> row % 8 & 1
        ]
        check.present += len(batch) - len(lost)
        check.missing += lost


async def _by_owner(  # noqa: PLR0913, PLR0917 - one pass over one kind
    store: Store, sink: Sink, kind: Kind, owners: frozenset[Kind], check: _Check, stop: Stop
) -> None:
    for owner_kind in sorted(owners, key=lambda each: each.rank):
        after = 0
        while not stop.wished and (
            batch := await store.read(store.outbox.stored, owner_kind, after, _BATCH)
        ):
            after = batch[-1][0]
            among = [each for _, each in batch]
            expected = await store.read(
                store.outbox.stored_under, kind, owner_kind, [each.ref.key for each in among]
            )
            under = owners_of((each.record for each in expected), among)
            marks = await marks_of(sink, kind, under) if under else []
            check.compare(expected, marks)


def _by_name(lost: Sequence[Stored], strangers: Sequence[Mark]) -> tuple[list[Stored], list[Mark]]:
    """Pair files by name: one of a step may get a new id with a new version of its case."""
    names = Counter(mark.name for mark in strangers)
    still_lost = []
    for each in lost:
        name = getattr(each.record, "name", "")
        if names[name]:
            names[name] -= 1
        else:
            still_lost.append(each)
    left = []
    for mark in strangers:
        if names[mark.name]:
            names[mark.name] -= 1
            left.append(mark)
    return still_lost, left


def _findings(rows: Sequence[Compared]) -> list[str]:
    found = []
    for row in rows:
        if row.missing:
            some = counted(len(row.missing), row.kind)
            found.append(
                f"Not in the target, though the store calls it written: {some}, such as "
                f"{row.missing[0]}"
            )
        for key, count in Counter(row.duplicate).most_common(_SHOWN):
            found.append(f"{row.kind} {key} stands {counted(count + 1, 'time')} in the target")
        if row.source > row.target + len(row.missing):
            left = row.source - row.target - len(row.missing)
            found.append(f"{left:,} of {counted(row.source, row.kind)} did not arrive")
    return found
