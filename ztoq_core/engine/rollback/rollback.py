"""Rollback: removes what runs created, and nothing else.

Pruning is a rollback of what is gone from the source, by the same rules. What is in doubt is
settled first. Objects are deleted innermost first. Before an object is deleted, the target is asked
for everything that would be deleted with it or uses it; an object that others made keeps it. An
intent is committed before each DELETE, so that a run after a kill knows which objects to check.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import TypeVar

import attrs
from loguru import logger

from ztoq_core.contracts import Mark, Schema, Sink, Written
from ztoq_core.convert import dumps
from ztoq_core.engine.load.context import LoadContext
from ztoq_core.engine.load.deletion_doubt import REMOVED, settle_deletions
from ztoq_core.engine.load.doubt import Settling
from ztoq_core.engine.rollback.dependents import Dependents
from ztoq_core.engine.run import ProgressReporter, Run, side_by_side
from ztoq_core.engine.sides import checked, current, delete, deleting, described, finish, write
from ztoq_core.errors import (
    ConfigError,
    DoubtError,
    RecordError,
    RejectedError,
    StoppedError,
    one_error,
)
from ztoq_core.records import Kind, Ref, counted
from ztoq_core.store import PRUNED, Cause, RollbackItem, State, Store, chunks

T = TypeVar("T")

_ABSENT = 404
_CHANGED = "it was changed in the target since (--force takes it)"
_BATCH = 32
"""Objects of a kind that are looked at, asked about and deleted side by side."""


@attrs.frozen(kw_only=True)
class KeptObject:
    """An object that a rollback keeps, and why."""

    ref: Ref
    pid: str
    reason: str


@attrs.frozen(kw_only=True)
class RollbackResult:
    """What a rollback did, or would do: how many objects it deleted by kind, and what it kept.

    ``order`` lists the objects in the order in which they would be deleted (dry run only).
    """

    deleted: dict[Kind, int]
    restored: int
    kept: tuple[KeptObject, ...]
    order: tuple[KeptObject, ...] = ()


async def rollback(
    run: Run, sink: Sink, *, of_run: int | None = None, force: bool = False
) -> RollbackResult:
    """Delete what run ``of_run`` (None: every run) created; restore what it changed.

    Objects that somebody changed since are kept unless ``force``; an object is always kept if
    something that others made is in it or uses it. May be stopped, killed and run again.
    """
    store = run.store
    store.bind(sink=sink.identity)
    await checked(sink)
    deleting(sink)
    schema = await described(sink)
    stage = _Rollback(run, sink, schema, run.reporter("rollback"), force=force)
    with suppress(StoppedError), one_error():
        if not run.dry_run:
            await _settle_all(LoadContext(run, sink, schema, run.reporter("rollback")))
        if of_run is not None:
            for item in await store.rollback.updated(of_run):
                await stage.restore(item)
        created = await store.rollback.created(of_run)
        alone = await store.rollback.stranded(of_run, schema.goes_with_owner)
        await stage.remove(created, alone)
        if not run.waits.stopping:
            await stage.keep_rest(created)
    return stage.undone()


async def _settle_all(context: LoadContext) -> None:
    """Find out what exists in the target, however the earlier runs ended."""
    store = context.store
    await settle_deletions(context.run, context.sink, wait_s=0)
    await store.rollback.prepare()
    await context.read_roots()
    await Settling.of(context, lambda: None).until_nothing_is_due()
    await store.rollback.adopted(context.run.id)


def may_prune(store: Store) -> None:
    """Check that what the store calls gone is certainly gone from the source.

    Raises:
        ConfigError: It is not: a selection, rejects, or an extraction that did not end.
    """
    if not store.reporting.extraction_ended or store.reporting.pending():
        raise ConfigError("--prune needs a complete extraction: run ztoq extract to its end first")
    if store.facts.selection:
        raise ConfigError("--prune needs the whole project: leave the selection out")
    rejected = sum(states.get(State.REJECTED, 0) for states in store.reporting.counts().values())
    if rejected:
        some = counted(rejected, "record was", "records were")
        raise ConfigError(
            f"--prune needs a source that can be read whole: {some} rejected, and "
            "what they refer to is not known; ztoq report lists them"
        )


async def prune(run: Run, sink: Sink) -> RollbackResult:
    """Delete from the target what is gone from the source, and what belongs to that.

    What somebody changed since is kept, and so are containers of anything that is not gone.

    Raises:
        ConfigError: It is not certain what is gone (see ``may_prune``).
    """
    store = run.store
    may_prune(store)
    deleting(sink)
    schema = await described(sink)
    stage = _Rollback(run, sink, schema, run.reporter("prune"), reason=PRUNED, cause=Cause.PRUNED)
    with suppress(StoppedError), one_error():
        if not run.dry_run:
            await settle_deletions(run, sink, wait_s=0)
        gone = await store.rollback.gone()
        stage.dependents.only = {item.written.target_id for item in gone}
        await stage.remove(gone, ())
        if not run.waits.stopping:
            left = await store.rollback.gone()
            await stage.remove_each([each for each in left if each.ref not in stage.kept])
    return stage.undone()


@attrs.define
class _Rollback:
    run: Run
    sink: Sink
    schema: Schema
    reporter: ProgressReporter
    force: bool = False
    reason: str = REMOVED
    cause: Cause = Cause.NONE
    deleted: dict[Kind, int] = attrs.field(factory=dict)
    restored: int = 0
    kept: dict[Ref, KeptObject] = attrs.field(factory=dict)
    going: dict[Ref, KeptObject] = attrs.field(factory=dict)
    """What would be deleted, in order (dry run only)."""
    away: set[tuple[Kind, str]] = attrs.field(factory=set)
    """Target ids of what would be deleted (dry run only)."""
    dependents: Dependents = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Ask the same target for what depends on an object."""
        self.dependents = Dependents(self.run, self.sink, self.schema)

    def undone(self) -> RollbackResult:
        return RollbackResult(
            deleted=self.deleted,
            restored=self.restored,
            kept=tuple(self.kept.values()),
            order=tuple(self.going.values()),
        )

    async def remove(self, created: Sequence[RollbackItem], alone: Sequence[RollbackItem]) -> None:
        """Delete what the target does not delete with its owner, then what is left ``alone``.

        Fields come last: without them, objects that wait for others would look changed.
        """
        along = self.schema.goes_with_owner
        fields = [each for each in created if each.ref.kind is Kind.FIELD]
        await self.remove_each(
            [each for each in created if each.ref.kind not in {*along, Kind.FIELD}]
        )
        left = [each for each in alone if each.ref not in self.going]
        if self.run.dry_run:  # of these only files can be deleted by themselves everywhere
            for item in left:
                if item.ref.kind is not Kind.ATTACHMENT:
                    self._keep(item, "it goes only if the target deletes it without its owner")
            left = [each for each in left if each.ref not in self.kept]
        await self.remove_each(left)
        await self.remove_each(fields)

    async def remove_each(self, left: Sequence[RollbackItem]) -> None:
        """Delete in passes, innermost first: what still contains objects of ours waits."""
        while left and not self.run.waits.stopping:
            again: list[RollbackItem] = []
            for _, alike in groupby(left, key=lambda each: each.ref.kind):
                for batch in chunks(list(alike), _BATCH):
                    if self.run.waits.stopping:
                        return
                    again += await self._batch(batch)
            if len(again) == len(left):  # each waits for one that stays
                for item in again:
                    self._keep(item, "objects of ours that stay are in it or use it")
                return
            left = again

    async def keep_rest(self, created: Sequence[RollbackItem]) -> None:
        """List what is kept because its owner is, and what is still in doubt."""
        there = {each.item for each in await self.run.store.rollback.created(None)}
        for _, ref, reason in await self.run.store.loading.in_doubt():
            self.kept[ref] = KeptObject(ref=ref, pid="", reason=f"in doubt: {reason}")
        for item in created:
            if item.item in there and item.ref not in {*self.kept, *self.going}:
                self._keep(item, "what it belongs to stays")

    async def _batch(self, batch: Sequence[RollbackItem]) -> list[RollbackItem]:
        """Delete objects of one kind, or decide to keep them; return those that must wait."""
        # asked right before the deletion: people may have changed them since the run began
        looked = await self._each(batch, self._as_it_was)
        there = [each for each, ours in zip(batch, looked, strict=True) if ours]
        inside = await self.dependents.contents(there, self._keep)
        waiting, going = [], []
        for item in there:
            if item.ref in self.kept:
                continue
            marks = [
                mark
                for mark in inside[item.written.target_id]
                if (mark.kind, mark.target_id) not in self.away
            ]
            if why := await self.dependents.reason_to_keep(item, marks):
                self._keep(item, why)
            elif any(self._waits_for(mark) for mark in marks):
                waiting.append(item)
            else:
                going.append(item)
        if self.run.dry_run:
            for item in going:
                await self._plan(item)
        elif going:
            # all intents before the first request: after a kill none is deleted without a trace
            await self.run.store.rollback.intend(self.run.id, going)
            await self._each(going, self._delete)
        return waiting

    async def _each(
        self, batch: Sequence[RollbackItem], act: Callable[[RollbackItem], Awaitable[T]]
    ) -> list[T]:
        """Act on a few objects side by side; return the results in order."""

        async def one(item: RollbackItem) -> T:
            ref = item.ref
            with logger.contextualize(stage="rollback", kind=ref.kind.value, key=ref.key):
                return await act(item)

        return await side_by_side(map(one, batch))

    async def _current(self, item: RollbackItem) -> Written | None:
        return await current(self.sink, item.ref.kind, item.written.target_id, item.written)

    async def _as_it_was(self, item: RollbackItem) -> bool:
        """Whether the object exists and nobody changed it, or it is to be deleted anyway."""
        try:
            present = await self._current(item)
        except (RejectedError, RecordError) as error:
            self._keep(item, f"it could not be looked at: {error}")
            return False
        if present is None:
            if self.run.dry_run:
                self.away.add((item.ref.kind, item.written.target_id))
                return False
            pruned = self.cause is Cause.PRUNED
            absent = self.reason if pruned else "was not in the target any more"
            await self._gone(item, absent, counts=False)
            return False
        if item.written.stamp and present.stamp != item.written.stamp and not self.force:
            self._keep(item, _CHANGED)
            return False
        return True

    def _waits_for(self, mark: Mark) -> bool:
        """Whether an object of ours must be deleted first."""
        return not mark.linked and mark.kind not in self.schema.goes_with_owner

    async def _delete(self, item: RollbackItem) -> None:
        try:
            await delete(deleting(self.sink), item.ref.kind, item.written.target_id)
        except (StoppedError, RecordError) as error:
            logger.warning("it is not known whether it was deleted: {}", error)
            return  # the request may have left: the next run checks; the others go on
        except RejectedError as error:
            if error.status != _ABSENT:
                await self.run.store.rollback.still_exist(self.run.id, [item])
                self._keep(item, f"the target refused: {error}")
                return
        await self._gone(item, self.reason)

    async def _gone(self, item: RollbackItem, reason: str, *, counts: bool = True) -> None:
        """Store that an object is gone, and what the target deleted with it."""
        along = self.schema.goes_with_owner
        for each in await self.run.store.rollback.deleted(
            self.run.id, item, reason, along, cause=self.cause
        ):
            if counts:
                self._count(each.ref.kind)
            self.reporter.advance(each.ref.kind)

    async def _plan(self, item: RollbackItem) -> None:
        """Remember what would be deleted, the object after what goes with it."""
        along = self.schema.goes_with_owner
        went = await self.run.store.rollback.belonging(item.ref, along)
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
        """Restore what the object was before the run changed it."""
        if item.before is None:
            return
        present = await self._current(item)
        if present is None:
            self._keep(item, "it is not in the target any more")
            return
        if present.stamp != item.written.stamp and not self.force:
            self._keep(item, _CHANGED)
            return
        if self.run.dry_run:
            self.restored += 1
            return
        job = await self.run.store.loading.job(item.item)
        # it may have referred to other records then
        before = await self.run.store.loading.links_of(item.before)
        links = {**job.links, **before}
        try:
            target_id = item.written.target_id
            written = await write(self.sink, item.before, target_id, links, job.content)
            if self.schema.to_finish(item.before):
                written = await finish(self.sink, item.before, written, links)
        except (DoubtError, RejectedError, RecordError) as error:
            self._keep(item, f"what was there before could not be put back: {error}")
            return
        digest = hashlib.sha256(dumps(item.before)).hexdigest()
        await self.run.store.rollback.restored(self.run.id, item, written, digest)
        self.restored += 1
