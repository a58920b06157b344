"""Rollback: what runs created is removed again, and nothing else (design section 6, the end)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import attrs
from loguru import logger

from ztoq_core.contracts import Mark, Sink
from ztoq_core.convert import dumps
from ztoq_core.engine.progress import Progress, Stop, Teller, one_error
from ztoq_core.errors import DoubtError, RecordError, RejectedError
from ztoq_core.records import Kind, Ref
from ztoq_core.store import Store, Undoing

__all__ = ["Kept", "Undone", "rollback"]

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
        await stage.remove(left, stop or Stop())
    return Undone(deleted=stage.deleted, restored=stage.restored, kept=tuple(stage.kept))


@attrs.define
class _Rollback:
    store: Store
    sink: Sink
    run: int
    teller: Teller
    force: bool
    dry_run: bool
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
                    if not await self._one(undoing):
                        again.append(undoing)
            if len(again) == len(left):
                for undoing in again:
                    self._keep(undoing, "it holds objects of ours that stay")
                return
            left = again

    async def _one(self, undoing: Undoing) -> bool:
        """Delete one object, or decide that it stays; return False where it must wait."""
        kind, target_id = undoing.ref.kind, undoing.written.target_id
        present = await self.sink.look(kind, target_id)
        if present is None:
            await self._gone(undoing, "was not in the target any more")
            return True
        if undoing.written.stamp and present.stamp != undoing.written.stamp and not self.force:
            self._keep(undoing, "it was changed in the target since (--force takes it)")
            return True
        inside = await self.sink.contents(kind, target_id)
        foreign = await self._foreign(inside)
        if foreign:
            first = foreign[0]
            self._keep(
                undoing,
                f"it holds {len(foreign)} objects of others, such as {first.kind} "
                f"{first.pid or first.target_id}",
            )
            return True
        waits = [mark for mark in inside if mark.kind not in _WITH_THEIR_OWNER]
        if waits and not self.dry_run:
            return False
        return await self._delete(undoing)

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
        await self._gone(undoing, "removed by rollback")
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
        try:
            written = await self.sink.write(
                undoing.before, undoing.written.target_id, job.links, job.content
            )
            written = await self.sink.finish(undoing.before, written, job.links)
        except (DoubtError, RejectedError, RecordError) as error:
            self._keep(undoing, f"what was there before could not be put back: {error}")
            return
        digest = hashlib.sha256(dumps(undoing.before)).hexdigest()
        await self.store.write(self.store.removal.restored, self.run, undoing, written, digest)
        self.restored += 1
