"""Which objects the target holds, against those that the store expects, by ids and marks.

What is missing is looked for once more by its id, and then called deleted in the store, so that the
next load writes it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from urllib.parse import unquote

import attrs

from ztoq_core.contracts import Mark, Sink
from ztoq_core.engine.load.marks import Listed, mark_pages, marks_under, owners_of
from ztoq_core.engine.passes import RowSet
from ztoq_core.engine.run import Run, side_by_side
from ztoq_core.engine.sides import current, owner_kinds
from ztoq_core.engine.validate.contents import ContentCheck
from ztoq_core.errors import RecordError, RejectedError, one_error
from ztoq_core.records import Attachment, FieldDefinition, Kind, Record, counted, plain
from ztoq_core.spelling import first_of
from ztoq_core.store import Compared, TargetObject

_BATCH = 100
_LOOKS = 32
_SHOWN = 1000
_ABSENT = 404
_NAMED = 5


@attrs.define
class IdentityCheck:
    """Compares the marks of one kind with what the store expects.

    ``missing`` are keys of objects that are certainly absent, ``unlisted`` of objects that no list
    holds and that are not certainly absent. ``refused`` says which lists the target refused: what
    they would have shown is looked at by its ids, but strangers and duplicates are not found there.
    A kind that is listed by owners has come to the owner in the row ``after`` of the kind
    ``owner``. ``done``: all was looked at.
    """

    kind: Kind
    done: bool = False
    owner: Kind | None = None
    after: int = 0
    present: int = 0
    foreign: int = 0
    missing: dict[str, None] = attrs.field(factory=dict)
    unlisted: list[str] = attrs.field(factory=list)
    duplicate: list[str] = attrs.field(factory=list)
    refused: list[str] = attrs.field(factory=list)

    async def look_for(
        self, sink: Sink, lost: Sequence[tuple[str, str]], *, listed: bool = True
    ) -> list[str]:
        """Look by their ids for the objects, as key and id, that the lists did not hold.

        A list may lag or lack something; only what cannot be read by its id either is missing,
        since writing it again would otherwise make it twice. ``listed``: the target gave the list.
        Returns the ids of those that exist.
        """

        async def absent(target_id: str) -> bool:
            try:
                return await current(sink, self.kind, target_id) is None
            except (RejectedError, RecordError):  # nobody knows: it may be there
                return False

        there: list[str] = []
        for start in range(0, len(lost), _LOOKS):
            some = lost[start : start + _LOOKS]
            gone = await side_by_side(absent(target_id) for _, target_id in some)
            for (key, target_id), is_gone in zip(some, gone, strict=True):
                if is_gone:
                    self.missing[key] = None
                else:
                    self.present += 1
                    self.unlisted += [key] if listed else []
                    there.append(target_id)
        return there

    async def compare(
        self, sink: Sink, expected: Sequence[TargetObject], listed: Listed
    ) -> dict[str, Record | None]:
        """Count what is ``listed`` against what the store expects.

        Returns what was found by its id in the store, with its record where the list shows it.
        """
        marks = listed.marks
        by_id = {each.written.target_id: each for each in expected}
        found = {mark.target_id: mark.record for mark in marks if mark.target_id in by_id}
        lost = [each for number, each in by_id.items() if number not in found]
        strangers = [mark for mark in marks if mark.target_id not in by_id]
        if self.kind is Kind.ATTACHMENT:
            pairs, lost, strangers = _by_name(lost, strangers)
            found |= {each.written.target_id: mark.record for each, mark in pairs}
        self.present += len(by_id) - len(lost)
        # an owner that is gone has nothing under it
        refused = {
            ref: error
            for ref, error in listed.refused.items()
            if not (isinstance(error, RejectedError) and error.status == _ABSENT)
        }
        there: list[str] = []
        for given in (True, False):
            some = [
                (each.ref.key, each.written.target_id)
                for each in lost
                if refused.keys().isdisjoint(each.record.parents()) is given
            ]
            there += await self.look_for(sink, some, listed=given)
        self.add_strangers(strangers, {each.ref.key for each in expected})
        self.refused += (
            f"{plain(self.kind)}s of {plain(ref.kind)} {ref.key} cannot be listed: {error}"
            for ref, error in refused.items()
        )
        return {**found, **dict.fromkeys(there)}

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


@attrs.frozen(kw_only=True)
class ValidationContext:
    """What the check of every kind is given.

    ``checks`` are those of all kinds so far. With ``contents``, what objects hold is compared as
    well. ``save`` is called where a check could go on later.
    """

    run: Run
    sink: Sink
    checks: Mapping[Kind, IdentityCheck]
    contents: ContentCheck | None
    save: Callable[[], Awaitable[None]]

    async def compare(self, kind: Kind, held: Mapping[str, Record | None]) -> None:
        """Compare what these objects hold, if that is wanted."""
        if self.contents is not None:
            await self.contents.compare(kind, held)


async def check_objects(context: ValidationContext, check: IdentityCheck) -> None:
    """Compare the objects of one kind with those that the store expects."""
    with one_error():
        if check.kind is Kind.FIELD:
            await _fields(context, check)
        elif owners := owner_kinds(context.sink).get(check.kind):
            await _by_owner(context, check, owners)
        else:
            await _whole(context, check)


async def _fields(context: ValidationContext, check: IdentityCheck) -> None:
    """Compare the fields that ztoq made with those that the target describes."""
    store, contents = context.run.store, context.contents
    if contents is None or not contents.schema.fields_known:
        return
    after, described = 0, contents.schema.field
    while batch := await store.target_index.objects(Kind.FIELD, after, _BATCH):
        after = batch[-1][0]
        there: dict[str, None] = {}
        lost = []
        for _, each in batch:
            record, target_id = each.record, each.written.target_id
            if isinstance(record, FieldDefinition) and not described(record.of, record.name):
                lost.append((each.ref.key, target_id))
            else:
                there[target_id] = None
        check.present += len(there)
        await check.look_for(context.sink, lost)
        await contents.compare(Kind.FIELD, there)


async def _whole(context: ValidationContext, check: IdentityCheck) -> None:
    """Compare a kind that the target lists whole, page by page."""
    run, kind = context.run, check.kind
    seen = RowSet()
    try:
        await _compare_listed(context, check, seen)
    except (RejectedError, RecordError) as error:
        check.refused.append(f"the list of all {plain(kind)}s was refused: {error}")
    if run.waits.stopping:
        return
    after = 0
    while batch := await run.store.target_index.in_target(kind, after, 1000):
        after = batch[-1][0]
        lost = [(key, target_id) for row, key, target_id in batch if row not in seen]
        check.present += len(batch) - len(lost)
        there = await check.look_for(context.sink, lost, listed=not check.refused)
        await context.compare(kind, dict.fromkeys(there))
    if not after:  # nothing was sent that the list would show
        check.refused.clear()


async def _compare_listed(context: ValidationContext, check: IdentityCheck, seen: RowSet) -> None:
    """Compare what the target's pages show, and add its rows to ``seen``."""
    store, kind = context.run.store, check.kind
    listed: set[str] = set()
    async for page in mark_pages(context.sink, kind, whole=context.contents is not None):
        if context.run.waits.stopping:
            return
        marks = {mark.target_id: mark for mark in page}
        rows = await store.target_index.rows_of(kind, list(marks))
        known = {number for number, _ in rows}
        for _, row in rows:
            seen.add(row)
        await context.compare(kind, {number: marks[number].record for number in known})
        strangers = [
            mark for number, mark in marks.items() if number not in known and number not in listed
        ]
        listed |= {mark.target_id for mark in strangers}
        ours = await store.target_index.keys_in_target(kind, [mark.key for mark in strangers])
        check.add_strangers(strangers, ours)


async def _by_owner(
    context: ValidationContext, check: IdentityCheck, owners: frozenset[Kind]
) -> None:
    run, sink, kind = context.run, context.sink, check.kind
    store, before = run.store, context.checks
    for owner_kind in sorted(owners, key=lambda each: each.rank):
        if check.owner and owner_kind.rank < check.owner.rank:
            continue
        if owner_kind is not check.owner:
            check.owner, check.after = owner_kind, 0
        lost_owners = before[owner_kind].missing if owner_kind in before else {}
        while not run.waits.stopping and (
            batch := await store.target_index.objects(owner_kind, check.after, _BATCH)
        ):
            there = [each for _, each in batch if each.ref.key not in lost_owners]
            gone = [each.ref.key for _, each in batch if each.ref.key in lost_owners]
            if gone:
                under_gone = await store.target_index.objects_under(kind, owner_kind, gone)
                check.missing |= dict.fromkeys(each.ref.key for each in under_gone)
            expected = await store.target_index.objects_under(
                kind, owner_kind, [each.ref.key for each in there]
            )
            under = owners_of((each.record for each in expected), there)
            whole = context.contents is not None
            listed = await marks_under(sink, kind, under, whole=whole)
            found = await check.compare(sink, expected, listed)
            await context.compare(kind, found)
            check.after = batch[-1][0]
            await context.save()


def _by_name(
    lost: Sequence[TargetObject], strangers: Sequence[Mark]
) -> tuple[list[tuple[TargetObject, Mark]], list[TargetObject], list[Mark]]:
    """Pair files by name: one of a step may get a new id with a new version of its case.

    Of several files of one name, one with the same content comes first.
    """
    pairs: list[tuple[TargetObject, Mark]] = []
    lost, strangers = [*lost], [*strangers]
    for alike in (_same_file, _same_name):
        for each in [*lost]:
            mark = next((one for one in strangers if alike(each, one)), None)
            if mark is not None:
                pairs.append((each, mark))
                lost.remove(each)
                strangers.remove(mark)
    return pairs, lost, strangers


def _same_name(lost: TargetObject, mark: Mark) -> bool:
    name = lost.record.name if isinstance(lost.record, Attachment) else ""
    return mark.name == name or unquote(mark.name) == name


def _same_file(lost: TargetObject, mark: Mark) -> bool:
    sent, held = lost.record, mark.record
    if not isinstance(sent, Attachment) or not isinstance(held, Attachment):
        return False
    return sent.sha256 == held.sha256 and _same_name(lost, mark)


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
                f"{first_of(row.unlisted, _NAMED)}"
            )
    return found
