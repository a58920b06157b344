"""Which objects the target holds, against those that the store expects, by ids and marks.

What is missing is looked for once more by its id, and then called deleted in the store, so that the
next load writes it again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import attrs

from ztoq_core.contracts import Mark, Owner, Sink
from ztoq_core.engine.load.marks import mark_pages, marks_of, owners_of
from ztoq_core.engine.run import Run
from ztoq_core.errors import RejectedError, one_error
from ztoq_core.records import Attachment, Kind
from ztoq_core.store import Compared, Store, TargetObject
from ztoq_core.vocabulary import counted, plain

__all__ = ["IdentityCheck", "check_identity", "findings"]

_BATCH = 100
_LOOKS = 32
_SHOWN = 1000
_ABSENT = 404


@attrs.define
class IdentityCheck:
    """Compares the marks of one kind with what the store expects.

    ``missing`` are keys of objects that are certainly absent, ``unlisted`` of objects that no list
    holds and that are not certainly absent.
    """

    kind: Kind
    present: int = 0
    foreign: int = 0
    missing: dict[str, None] = attrs.field(factory=dict)
    unlisted: list[str] = attrs.field(factory=list)
    duplicate: list[str] = attrs.field(factory=list)

    async def look_for(self, sink: Sink, lost: Sequence[tuple[str, str]]) -> None:
        """Look by their ids for the objects, as key and id, that the lists did not hold.

        A list may lag or lack something; only what cannot be read by its id either is missing,
        since writing it again would otherwise make it twice.
        """

        async def absent(target_id: str) -> bool:
            try:
                return await sink.current(self.kind, target_id) is None
            except RejectedError:  # nobody knows: it may be there
                return False

        for start in range(0, len(lost), _LOOKS):
            some = lost[start : start + _LOOKS]
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(absent(target_id)) for _, target_id in some]
            for (key, _), task in zip(some, tasks, strict=True):
                if task.result():
                    self.missing[key] = None
                else:
                    self.present += 1
                    self.unlisted.append(key)

    async def compare(
        self, sink: Sink, expected: Sequence[TargetObject], marks: Sequence[Mark]
    ) -> None:
        """Count ``marks`` against what the store expects."""
        by_id = {each.written.target_id: each for each in expected}
        seen = {mark.target_id for mark in marks}
        lost = [each for number, each in by_id.items() if number not in seen]
        strangers = [mark for mark in marks if mark.target_id not in by_id]
        if self.kind is Kind.ATTACHMENT:
            lost, strangers = _by_name(lost, strangers)
        self.present += len(by_id) - len(lost)
        await self.look_for(sink, [(each.ref.key, each.written.target_id) for each in lost])
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
            missing=tuple(self.missing)[:_SHOWN],
            duplicate=tuple(self.duplicate[:_SHOWN]),
            unlisted=tuple(self.unlisted[:_SHOWN]),
            foreign=self.foreign,
        )


async def check_identity(
    run: Run, sink: Sink, kind: Kind, done: Mapping[Kind, IdentityCheck]
) -> IdentityCheck:
    """Compare the marks of one kind; ``done`` are the checks of the kinds before it."""
    check = IdentityCheck(kind)
    with one_error():
        if owners := sink.listed_by_owner.get(kind):
            await _by_owner(run, sink, check, owners, done)
        else:
            await _whole(run.store, sink, check)
    return check


async def _whole(store: Store, sink: Sink, check: IdentityCheck) -> None:
    """Compare a kind that the target lists whole, page by page.

    Which of the store's rows were seen is a bit for each, so that memory does not grow with them.
    """
    kind = check.kind
    seen = bytearray()
    listed: set[str] = set()
    async for page in mark_pages(sink, kind):
        marks = {mark.target_id: mark for mark in page}
        rows = await store.target_index.rows_of(kind, list(marks))
        known = {number for number, _ in rows}
        for _, row in rows:
            seen.extend(bytes(max(0, row // 8 + 1 - len(seen))))
            seen[row // 8] |= 1 << row % 8
        strangers = [
            mark for number, mark in marks.items() if number not in known and number not in listed
        ]
        listed |= {mark.target_id for mark in strangers}
        ours = await store.target_index.keys_in_target(kind, [mark.key for mark in strangers])
        check.add_strangers(strangers, ours)
    after = 0
    while batch := await store.target_index.in_target(kind, after, 1000):
        after = batch[-1][0]
        lost = [
            (key, target_id)
            for row, key, target_id in batch
            if row // 8 >= len(seen) or not seen[row // 8] >> row % 8 & 1
        ]
        check.present += len(batch) - len(lost)
        await check.look_for(sink, lost)


async def _by_owner(
    run: Run,
    sink: Sink,
    check: IdentityCheck,
    owners: frozenset[Kind],
    checks: Mapping[Kind, IdentityCheck],
) -> None:
    store, kind = run.store, check.kind
    for owner_kind in sorted(owners, key=lambda each: each.rank):
        lost_owners = checks[owner_kind].missing if owner_kind in checks else {}
        after = 0
        while not run.stop.requested and (
            batch := await store.target_index.objects(owner_kind, after, _BATCH)
        ):
            after = batch[-1][0]
            there = [each for _, each in batch if each.ref.key not in lost_owners]
            gone = [each.ref.key for _, each in batch if each.ref.key in lost_owners]
            if gone:
                under_gone = await store.target_index.objects_under(kind, owner_kind, gone)
                check.missing |= dict.fromkeys(each.ref.key for each in under_gone)
            expected = await store.target_index.objects_under(
                kind, owner_kind, [each.ref.key for each in there]
            )
            under = owners_of((each.record for each in expected), there)
            marks = await _marks_under(sink, kind, under) if under else []
            await check.compare(sink, expected, marks)


async def _marks_under(sink: Sink, kind: Kind, under: Sequence[Owner]) -> list[Mark]:
    """Return what is listed under these owners; one that went meanwhile does not end all."""
    try:
        with one_error():
            return await marks_of(sink, kind, under)
    except RejectedError as error:
        if len(under) == 1:
            if error.status != _ABSENT:
                raise
            return []
    return [mark for owner in under for mark in await _marks_under(sink, kind, [owner])]


def _by_name(
    lost: Sequence[TargetObject], strangers: Sequence[Mark]
) -> tuple[list[TargetObject], list[Mark]]:
    """Pair files by name: one of a step may get a new id with a new version of its case."""
    names = Counter(mark.name for mark in strangers)
    still_lost = []
    for each in lost:
        name = each.record.name if isinstance(each.record, Attachment) else ""
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


def findings(rows: Iterable[Compared]) -> list[str]:
    """Return what is not in order besides what is missing, which the store's states say."""
    found = []
    for row in rows:
        for key, count in Counter(row.duplicate).most_common(_SHOWN):
            found.append(f"{plain(row.kind)} {key} exists {count + 1} times in the target")
        if row.unlisted:
            some = counted(len(row.unlisted), row.kind)
            are = "is" if len(row.unlisted) == 1 else "are"
            found.append(
                f"{some} {are} in no list of the target, and by id not certainly deleted: "
                f"{', '.join(row.unlisted[:5])}"
            )
    return found
