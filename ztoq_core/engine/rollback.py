"""Rollback: what runs created is removed again, and nothing else (design section 6, the end).

Pruning is a rollback of what is gone from the source, by the same rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import attrs
from loguru import logger

from ztoq_core.contracts import Mark, Sink
from ztoq_core.convert import dumps
from ztoq_core.engine.progress import Progress, Stop, Teller
from ztoq_core.engine.select import selected
from ztoq_core.errors import ConfigError, DoubtError, RecordError, RejectedError, one_error
from ztoq_core.records import Kind, Ref
from ztoq_core.store import PRUNED, State, Store, Undoing
from ztoq_core.words import counted

__all__ = ["Kept", "Undone", "may_prune", "prune", "rollback"]

_WITH_THEIR_OWNER = (Kind.ATTACHMENT, Kind.TEST_LOG)
_ABSENT = 404


@attrs.frozen(kw_only=True)
class Kept:
    """An object that a rollback leaves where it is, and why."""

    ref: Ref
    pid: str
    reason: str


@attrs.frozen(kw_only=True)
class Undone:
    """What a rollback did, or would do: how many objects went by kind, and what stays."""

    deleted: dict[Kind, int]
    restored: int
    kept: tuple[Kept, ...]


async def rollback(  # noqa: PLR0913 - the choices of the command
    store: Store,
    sink: Sink,
    run: int,
    progress: Progress,
    *,
    of_run: int | None = None,
    force: bool = False,
    dry_run: bool = False,
    stop: Stop | None = None,
) -> Undone:
    """Remove what run ``of_run`` (None: every run) created; put back what it changed.

    Objects that somebody changed since stay unless ``force``; containers that hold anything of
    somebody else stay in any case. May be stopped, killed and run again.
    """
    stage = _Rollback(store, sink, run, Teller("rollback", progress), force, dry_run)
    stop = stop or Stop()
    store.bind(sink=sink.identity)
    await sink.check()
    with one_error():
        if of_run is not None:
            for undoing in await store.read(store.removal.updated, of_run):
                await stage.restore(undoing)
        left = [
            undoing
            for undoing in await store.read(store.removal.created, of_run)
            if undoing.ref.kind not in _WITH_THEIR_OWNER
        ]
        alone = await store.read(store.removal.stranded, of_run)
        await stage.remove(left, stop)
        await stage.remove_alone(alone, stop)
        if not dry_run and not stop.wished:
            await stage.tell_rest(of_run)
    return Undone(deleted=stage.deleted, restored=stage.restored, kept=tuple(stage.kept))


def may_prune(store: Store) -> None:
    """Make sure that what the store calls gone is gone from the source for certain.

    Raises:
        ConfigError: It is not: a selection, rejects, or an extraction that did not end.
    """
    if not store.read_whole or store.pending():
        raise ConfigError("--prune needs a complete extraction: run ztoq extract to its end first")
    if selected(store):
        raise ConfigError("--prune needs the whole project: leave the selection out")
    rejected = sum(states.get(State.REJECTED, 0) for states in store.counts().values())
    if rejected:
        some = counted(rejected, "record was", "records were")
        raise ConfigError(
            f"--prune needs a source that can be read whole: {some} rejected, and "
            "what they refer to is not known; ztoq report lists them"
        )


async def prune(  # noqa: PLR0913 - the choices of the command
    store: Store,
    sink: Sink,
    run: int,
    progress: Progress,
    *,
    dry_run: bool = False,
    stop: Stop | None = None,
) -> Undone:
    """Remove from the target what is gone from the source, and what belongs to that.

    What somebody changed since stays, and so do containers that hold anything that is not gone.

    Raises:
        ConfigError: It is not certain what is gone (see ``may_prune``).
    """
    may_prune(store)
    stage = _Rollback(
        store,
        sink,
        run,
        Teller("prune", progress),
        force=False,
        dry_run=dry_run,
        reason=PRUNED,
    )
    stop = stop or Stop()
    with one_error():
        gone = await store.read(store.removal.gone)
        stage.only = {undoing.written.target_id for undoing in gone}
        containers = [each for each in gone if each.ref.kind not in _WITH_THEIR_OWNER]
        await stage.remove(containers, stop)
        alone = [
            each
            for each in await store.read(store.removal.gone)
            if each.ref.kind in _WITH_THEIR_OWNER
        ]
        held = {kept.ref for kept in stage.kept}
        await stage.remove([each for each in alone if each.ref not in held], stop)
    return Undone(deleted=stage.deleted, restored=0, kept=tuple(stage.kept))


@attrs.define
class _Rollback:
    store: Store
    sink: Sink
    run: int
    teller: Teller
    force: bool
    dry_run: bool
    reason: str = "removed by rollback"
    only: set[str] | None = None
    deleted: dict[Kind, int] = attrs.field(factory=dict)
    restored: int = 0
    kept: list[Kept] = attrs.field(factory=list)

    async def remove(self, left: list[Undoing], stop: Stop) -> None:
        """Delete in passes, innermost first: what still holds some of ours waits for the next."""
        while left and not stop.wished:
            again = []
            for undoing in left:
                if stop.wished:
                    return
                with logger.contextualize(
                    stage="rollback", kind=undoing.ref.kind.value, key=undoing.ref.key
                ):
                    try:
                        settled = await self._one(undoing)
                    except RejectedError as error:
                        self._keep(undoing, f"it could not be looked at: {error}")
                        settled = True
                    if not settled:
                        again.append(undoing)
            if len(again) == len(left):
                for undoing in again:
                    self._keep(undoing, "it holds objects of ours that stay")
                return
            left = again

    async def remove_alone(self, alone: list[Undoing], stop: Stop) -> None:
        """Delete logs and files whose owner stays; which of them the target lets go, it tells."""
        if self.dry_run:
            for undoing in alone:
                if undoing.ref.kind is Kind.TEST_LOG:
                    self._keep(undoing, "it goes only if the target deletes it without its run")
            alone = [each for each in alone if each.ref.kind is not Kind.TEST_LOG]
        await self.remove(alone, stop)

    async def tell_rest(self, of_run: int | None) -> None:
        """Name the logs and files that stay because what they belong to does."""
        held = {kept.ref for kept in self.kept}
        for undoing in await self.store.read(self.store.removal.created, of_run):
            if undoing.ref not in held:
                self._keep(undoing, "what it belongs to stays")

    async def _one(self, undoing: Undoing) -> bool:
        """Delete one object, or decide that it stays; return False where it must wait."""
        kind, target_id = undoing.ref.kind, undoing.written.target_id
        present = await self.sink.look(kind, target_id)
        if present is None:
            gone = self.reason if self.only is not None else "was not in the target any more"
            await self._gone(undoing, gone)
            return True
        if undoing.written.stamp and present.stamp != undoing.written.stamp and not self.force:
            self._keep(undoing, "it was changed in the target since (--force takes it)")
            return True
        if kind in {Kind.ATTACHMENT, Kind.FIELD}:
            return await self._delete(undoing)  # nothing lies in these
        inside = await self.sink.contents(kind, target_id)
        if why := await self._must_stay(inside):
            self._keep(undoing, why)
            return True
        waits = [mark for mark in inside if mark.kind not in _WITH_THEIR_OWNER]
        if waits and not self.dry_run:
            return False
        return await self._delete(undoing)

    async def _must_stay(self, inside: Sequence[Mark]) -> str:
        """Return why an object that holds all this stays, or an empty text."""
        foreign = await self._foreign(inside)
        if foreign:
            some = counted(len(foreign), "object")
            return f"it holds {some} of others, such as {_named(foreign[0])}"
        lives = [m for m in inside if self.only is not None and m.target_id not in self.only]
        if lives:
            return f"it holds {len(lives)} still in the source, such as {_named(lives[0])}"
        return ""

    async def _foreign(self, inside: Sequence[Mark]) -> list[Mark]:
        foreign = []
        for kind in dict.fromkeys(mark.kind for mark in inside):
            these = [mark for mark in inside if mark.kind is kind]
            ours = await self.store.read(
                self.store.removal.ours, kind, [mark.target_id for mark in these]
            )
            foreign += [mark for mark in these if mark.target_id not in ours]
        return foreign

    async def _delete(self, undoing: Undoing) -> bool:
        if self.dry_run:
            self._count(undoing)
            return True
        try:
            await self.sink.delete(undoing.ref.kind, undoing.written.target_id)
        except RejectedError as error:
            if error.status != _ABSENT:
                self._keep(undoing, f"the target refused: {error}")
                return True
        await self._gone(undoing, self.reason)
        return True

    async def _gone(self, undoing: Undoing, reason: str) -> None:
        self._count(undoing)
        if not self.dry_run:
            await self.store.write(self.store.removal.deleted, self.run, undoing, reason)
        self.teller.done(undoing.ref.kind)

    def _count(self, undoing: Undoing) -> None:
        kind = undoing.ref.kind
        self.deleted[kind] = self.deleted.get(kind, 0) + 1

    def _keep(self, undoing: Undoing, reason: str) -> None:
        self.kept.append(Kept(ref=undoing.ref, pid=undoing.written.pid, reason=reason))

    async def restore(self, undoing: Undoing) -> None:
        """Put back what stood in the target before the run changed it."""
        if undoing.before is None:
            return
        present = await self.sink.look(undoing.ref.kind, undoing.written.target_id)
        if present is None:
            self._keep(undoing, "it is not in the target any more")
            return
        if present.stamp != undoing.written.stamp and not self.force:
            self._keep(undoing, "it was changed in the target since (--force takes it)")
            return
        if self.dry_run:
            self.restored += 1
            return
        job = await self.store.read(self.store.outbox.job, undoing.item)
        # what it showed then may be something else than now
        before = await self.store.read(self.store.outbox.links_of, undoing.before)
        links = {**job.links, **before}
        try:
            written = await self.sink.write(
                undoing.before, undoing.written.target_id, links, job.content
            )
            written = await self.sink.finish(undoing.before, written, links)
        except (DoubtError, RejectedError, RecordError) as error:
            self._keep(undoing, f"what was there before could not be put back: {error}")
            return
        digest = hashlib.sha256(dumps(undoing.before)).hexdigest()
        await self.store.write(self.store.removal.restored, self.run, undoing, written, digest)
        self.restored += 1


def _named(mark: Mark) -> str:
    return f"{mark.kind} {mark.pid or mark.target_id}"
