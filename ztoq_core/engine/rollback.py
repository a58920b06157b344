"""Rollback: what runs created is removed again, and nothing else (design section 6, the end).

Pruning is a rollback of what is gone from the source, by the same rules: what is in doubt is
settled first; objects go innermost first; before an object goes, the target is asked for all that
would go with it or uses it, and what others made keeps it. An intent is committed before each
DELETE, so that a run after a kill knows which objects to look at.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from typing import TypeVar

import attrs
from loguru import logger

from ztoq_core.contracts import Mark, Schema, Sink
from ztoq_core.convert import dumps
from ztoq_core.engine.deletion_doubt import REMOVED, settle_deletions
from ztoq_core.engine.load.context import LoadContext
from ztoq_core.engine.load.doubt import Settling
from ztoq_core.engine.run import ProgressReporter, Run, StopRequest
from ztoq_core.engine.transform.selection import selected
from ztoq_core.errors import (
    ConfigError,
    DoubtError,
    RecordError,
    RejectedError,
    StoppedError,
    one_error,
)
from ztoq_core.records import Attachment, Kind, Ref
from ztoq_core.store import PRUNED, Cause, RollbackItem, State, Store, chunks
from ztoq_core.vocabulary import counted

__all__ = ["KeptObject", "RollbackResult", "may_prune", "prune", "rollback"]

T = TypeVar("T")

_ABSENT = 404
_BATCH = 32
"""Objects of a kind that are looked at, asked about and deleted side by side."""
_NAMED = 5
"""Objects of others that the reason for keeping one of ours names."""


@attrs.frozen(kw_only=True)
class KeptObject:
    """An object that a rollback leaves where it is, and why."""

    ref: Ref
    pid: str
    reason: str


@attrs.frozen(kw_only=True)
class RollbackResult:
    """What a rollback did, or would do: how many objects went by kind, and what stays.

    ``order`` are the objects in the order in which they would go, without reasons (dry run only).
    """

    deleted: dict[Kind, int]
    restored: int
    kept: tuple[KeptObject, ...]
    order: tuple[KeptObject, ...] = ()


async def rollback(
    run: Run, sink: Sink, *, of_run: int | None = None, force: bool = False
) -> RollbackResult:
    """Remove what run ``of_run`` (None: every run) created; put back what it changed.

    Objects that somebody changed since stay unless ``force``; what others made keeps what it lies
    in or uses in any case. May be stopped, killed and run again.
    """
    store = run.store
    store.bind(sink=sink.identity)
    await sink.check()
    schema = await sink.describe()
    stage = _Rollback(run, sink, schema, force=force)
    with suppress(StoppedError), one_error():
        if not run.dry_run:
            await _settle_all(LoadContext(run, sink, schema, run.reporter("rollback")))
        if of_run is not None:
            for item in await store.rollback.updated(of_run):
                await stage.restore(item)
        created = await store.rollback.created(of_run)
        alone = await store.rollback.stranded(of_run, schema.goes_with_owner)
        await stage.remove(created, alone)
        if not run.stop.requested:
            await stage.keep_rest(created)
    return stage.undone()


async def _settle_all(context: LoadContext) -> None:
    """Find out what stands in the target, after whatever ended the run before."""
    store = context.store
    await settle_deletions(context.run, context.sink, wait_s=0)
    await store.rollback.prepare()
    await context.read_roots()
    await Settling.of(context, lambda: None).until_nothing_is_due()
    await store.rollback.adopted(context.run.id)


def may_prune(store: Store) -> None:
    """Make sure that what the store calls gone is gone from the source for certain.

    Raises:
        ConfigError: It is not: a selection, rejects, or an extraction that did not end.
    """
    if not store.reporting.extraction_ended or store.reporting.pending():
        raise ConfigError("--prune needs a complete extraction: run ztoq extract to its end first")
    if selected(store):
        raise ConfigError("--prune needs the whole project: leave the selection out")
    rejected = sum(states.get(State.REJECTED, 0) for states in store.reporting.counts().values())
    if rejected:
        some = counted(rejected, "record was", "records were")
        raise ConfigError(
            f"--prune needs a source that can be read whole: {some} rejected, and "
            "what they refer to is not known; ztoq report lists them"
        )


async def prune(run: Run, sink: Sink) -> RollbackResult:
    """Remove from the target what is gone from the source, and what belongs to that.

    What somebody changed since stays, and so do containers that hold anything that is not gone.

    Raises:
        ConfigError: It is not certain what is gone (see ``may_prune``).
    """
    store = run.store
    may_prune(store)
    schema = await sink.describe()
    stage = _Rollback(run, sink, schema, stage="prune", reason=PRUNED, cause=Cause.PRUNED)
    with suppress(StoppedError), one_error():
        if not run.dry_run:
            await settle_deletions(run, sink, wait_s=0)
        gone = await store.rollback.gone()
        stage.only = {item.written.target_id for item in gone}
        await stage.remove(gone, ())
        if not run.stop.requested:
            left = await store.rollback.gone()
            await stage.remove_each([each for each in left if each.ref not in stage.kept])
    return stage.undone()


@attrs.define
class _Rollback:
    run: Run
    sink: Sink
    schema: Schema
    stage: str = "rollback"
    force: bool = False
    reason: str = REMOVED
    cause: Cause = Cause.NONE
    only: set[str] | None = None
    deleted: dict[Kind, int] = attrs.field(factory=dict)
    restored: int = 0
    kept: dict[Ref, KeptObject] = attrs.field(factory=dict)
    going: dict[Ref, KeptObject] = attrs.field(factory=dict)
    """What would be deleted, in order (dry run only)."""
    away: set[tuple[Kind, str]] = attrs.field(factory=set)
    """Target ids of what would be deleted (dry run only)."""

    store: Store = attrs.field(init=False)
    stop: StopRequest = attrs.field(init=False)
    reporter: ProgressReporter = attrs.field(init=False)
    dry_run: bool = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Take apart what the run holds."""
        self.store, self.stop, self.dry_run = self.run.store, self.run.stop, self.run.dry_run
        self.reporter = self.run.reporter(self.stage)

    def undone(self) -> RollbackResult:
        return RollbackResult(
            deleted=self.deleted,
            restored=self.restored,
            kept=tuple(self.kept.values()),
            order=tuple(self.going.values()),
        )

    async def remove(self, created: Sequence[RollbackItem], alone: Sequence[RollbackItem]) -> None:
        """Delete what does not go with its owner, then what does, but whose owner stays."""
        along = self.schema.goes_with_owner
        await self.remove_each([each for each in created if each.ref.kind not in along])
        left = [each for each in alone if each.ref not in self.going]
        if self.dry_run:  # of these only files can be deleted by themselves everywhere
            for item in left:
                if item.ref.kind is not Kind.ATTACHMENT:
                    self._keep(item, "it goes only if the target deletes it without its owner")
            left = [each for each in left if each.ref not in self.kept]
        await self.remove_each(left)

    async def remove_each(self, left: Sequence[RollbackItem]) -> None:
        """Delete in passes, innermost first: what still holds some of ours waits for the next."""
        while left and not self.stop.requested:
            again: list[RollbackItem] = []
            for _, alike in groupby(left, key=lambda each: each.ref.kind):
                for batch in chunks(list(alike), _BATCH):
                    if self.stop.requested:
                        return
                    again += await self._batch(batch)
            if len(again) == len(left):
                for item in again:
                    self._keep(item, "objects of ours that stay lie in it or use it")
                return
            left = again

    async def keep_rest(self, created: Sequence[RollbackItem]) -> None:
        """Name what stays because what it belongs to does, and what is still in doubt."""
        standing = {each.item for each in await self.store.rollback.created(None)}
        for _, ref, reason in await self.store.loading.in_doubt():
            self.kept[ref] = KeptObject(ref=ref, pid="", reason=f"in doubt: {reason}")
        for item in created:
            if item.item in standing and item.ref not in {*self.kept, *self.going}:
                self._keep(item, "what it belongs to stays")

    async def _batch(self, batch: Sequence[RollbackItem]) -> list[RollbackItem]:
        """Delete objects of one kind, or decide that they stay; return those that must wait."""
        looked = await self._each(batch, self._as_it_was)
        standing = [each for each, ours in zip(batch, looked, strict=True) if ours]
        inside = await self._contents(standing)
        waiting, going = [], []
        for item in standing:
            if item.ref in self.kept:
                continue
            marks = [
                mark
                for mark in inside[item.written.target_id]
                if (mark.kind, mark.target_id) not in self.away
            ]
            if why := await self._must_stay(item, marks):
                self._keep(item, why)
            elif any(self._waits_for(mark) for mark in marks):
                waiting.append(item)
            else:
                going.append(item)
        if self.dry_run:
            for item in going:
                await self._plan(item)
        elif going:
            await self.store.rollback.intend(self.run.id, going)
            await self._each(going, self._delete)
        return waiting

    async def _each(
        self, batch: Sequence[RollbackItem], act: Callable[[RollbackItem], Awaitable[T]]
    ) -> list[T]:
        """Do something for each of a few objects side by side; return the results in order."""

        async def one(item: RollbackItem) -> T:
            ref = item.ref
            with logger.contextualize(stage="rollback", kind=ref.kind.value, key=ref.key):
                return await act(item)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(each)) for each in batch]
        return [task.result() for task in tasks]

    async def _as_it_was(self, item: RollbackItem) -> bool:
        """Whether the object is there, and is to be deleted as far as it is itself concerned."""
        try:
            present = await self.sink.current(item.ref.kind, item.written.target_id)
        except RejectedError as error:
            self._keep(item, f"it could not be looked at: {error}")
            return False
        if present is None:
            if self.dry_run:
                self.away.add((item.ref.kind, item.written.target_id))
                return False
            absent = self.reason if self.only is not None else "was not in the target any more"
            await self._gone(item, absent, counts=False)
            return False
        if item.written.stamp and present.stamp != item.written.stamp and not self.force:
            self._keep(item, "it was changed in the target since (--force takes it)")
            return False
        return True

    async def _contents(self, standing: Sequence[RollbackItem]) -> Mapping[str, Sequence[Mark]]:
        """Return what would go with these objects of one kind; keep those that cannot be asked."""
        if not standing:
            return {}
        kind = standing[0].ref.kind
        if kind is Kind.ATTACHMENT:
            return {each.written.target_id: () for each in standing}  # nothing lies in a file
        try:
            return await self.sink.children(kind, [each.written.target_id for each in standing])
        except RejectedError as error:
            if len(standing) == 1:
                self._keep(standing[0], f"what would go with it cannot be found out: {error}")
                return {}
        found: dict[str, Sequence[Mark]] = {}
        for each in standing:
            found |= await self._contents([each])
        return found

    def _waits_for(self, mark: Mark) -> bool:
        """Whether an object of ours must go first."""
        return not mark.linked and mark.kind not in self.schema.goes_with_owner

    async def _must_stay(self, item: RollbackItem, marks: Sequence[Mark]) -> str:
        """Return why an object stays to which all this belongs, or an empty text."""
        if foreign := await self._foreign(item, marks):
            return f"others made what lies in it or uses it: {_named(foreign)}"
        lives = [m for m in marks if self.only is not None and m.target_id not in self.only]
        if lives and not all(mark.linked for mark in lives):
            return f"what is still in the source lies in it or uses it: {_named(lives)}"
        return ""

    async def _foreign(self, item: RollbackItem, marks: Sequence[Mark]) -> list[Mark]:
        foreign = []
        for kind in dict.fromkeys(mark.kind for mark in marks):
            these = [mark for mark in marks if mark.kind is kind]
            ids = [mark.target_id for mark in these]
            ours = await self.store.rollback.ours(kind, ids)
            if ids := [mark.target_id for mark in these if mark.linked]:
                ours |= await self.store.rollback.mentioned(item, kind, ids)
            foreign += [mark for mark in these if mark.target_id not in ours]
        if any(mark.kind is Kind.ATTACHMENT for mark in foreign):
            ours = await self._files_found(item, {mark.target_id for mark in marks})
            foreign = [mark for mark in foreign if mark.target_id not in ours]
        return foreign

    async def _files_found(self, item: RollbackItem, listed: set[str]) -> set[str]:
        """Return the target ids that our own files have by now, looked for by name and content.

        A file of a step may get another id with another version of its case.
        """
        found: set[str] = set()
        along = self.schema.goes_with_owner
        for file in await self.store.rollback.belonging(item.ref, along):
            if file.ref.kind is not Kind.ATTACHMENT or file.written.target_id in listed:
                continue
            job = await self.store.loading.job(file.item)
            if isinstance(job.record, Attachment) and job.record.sha256:
                try:
                    earlier = await self.sink.find(job.record, job.links)
                except (RejectedError, RecordError) as error:
                    logger.info("a file of ours could not be looked for: {}", error)
                    continue
                found |= {each.written.target_id for each in earlier}
        return found

    async def _delete(self, item: RollbackItem) -> None:
        try:
            await self.sink.delete(item.ref.kind, item.written.target_id)
        except StoppedError:
            return  # it may have left: it is looked for by the next run; the others go on
        except RejectedError as error:
            if error.status != _ABSENT:
                await self.store.rollback.stands(self.run.id, [item])
                self._keep(item, f"the target refused: {error}")
                return
        await self._gone(item, self.reason)

    async def _gone(self, item: RollbackItem, reason: str, *, counts: bool = True) -> None:
        """Keep that an object is gone, and what went with it."""
        along = self.schema.goes_with_owner
        for each in await self.store.rollback.deleted(
            self.run.id, item, reason, along, cause=self.cause
        ):
            if counts:
                self._count(each.ref.kind)
            self.reporter.advance(each.ref.kind)

    async def _plan(self, item: RollbackItem) -> None:
        """Remember what would go, after all that goes with it."""
        along = self.schema.goes_with_owner
        went = await self.store.rollback.belonging(item.ref, along)
        for each in (*(each for each in went if each.written.target_id), item):
            if each.ref not in self.going:
                self._count(each.ref.kind)
                self.going[each.ref] = KeptObject(ref=each.ref, pid=each.written.pid, reason="")
                self.away.add((each.ref.kind, each.written.target_id))

    def _count(self, kind: Kind) -> None:
        self.deleted[kind] = self.deleted.get(kind, 0) + 1

    def _keep(self, item: RollbackItem, reason: str) -> None:
        self.kept[item.ref] = KeptObject(ref=item.ref, pid=item.written.pid, reason=reason)

    async def restore(self, item: RollbackItem) -> None:
        """Put back what stood in the target before the run changed it."""
        if item.before is None:
            return
        present = await self.sink.current(item.ref.kind, item.written.target_id)
        if present is None:
            self._keep(item, "it is not in the target any more")
            return
        if present.stamp != item.written.stamp and not self.force:
            self._keep(item, "it was changed in the target since (--force takes it)")
            return
        if self.dry_run:
            self.restored += 1
            return
        job = await self.store.loading.job(item.item)
        # what it showed then may be something else than now
        before = await self.store.loading.links_of(item.before)
        links = {**job.links, **before}
        try:
            written = await self.sink.write(item.before, item.written.target_id, links, job.content)
            written = await self.sink.finish(item.before, written, links)
        except (DoubtError, RejectedError, RecordError) as error:
            self._keep(item, f"what was there before could not be put back: {error}")
            return
        digest = hashlib.sha256(dumps(item.before)).hexdigest()
        await self.store.rollback.restored(self.run.id, item, written, digest)
        self.restored += 1


def _named(marks: Sequence[Mark]) -> str:
    """Return the names of a few objects, with the ids by which people find them."""
    names = [
        f"{mark.kind} {mark.pid or mark.target_id}" + (f" ({mark.name})" if mark.name else "")
        for mark in marks
    ]
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
