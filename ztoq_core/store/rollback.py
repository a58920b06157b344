"""Rollback's side of a store: what runs created and changed, and what became of undoing it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs
import peewee as pw

from ztoq_core.contracts import Written
from ztoq_core.convert import loads
from ztoq_core.records import Kind, Record, Ref
from ztoq_core.store.database import Database, reads, writes
from ztoq_core.store.dependencies import UNANSWERED
from ztoq_core.store.facts import Facts
from ztoq_core.store.journal import Event
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import chunks
from ztoq_core.store.states import (
    BELONGS,
    IN_DOUBT,
    Cause,
    JournalEvent,
    Role,
    Side,
    State,
    allowed_before,
)
from ztoq_core.store.tables import tuples

__all__ = ["RollbackItem", "RollbackStore"]


@attrs.frozen(kw_only=True)
class RollbackItem:
    """An object that a run created, or changed where ``before`` is what was written earlier."""

    item: int
    ref: Ref
    written: Written
    before: Record | None = None


class RollbackStore(Repository):
    """What runs created and changed, and what became of undoing it."""

    def __init__(self, database: Database) -> None:
        """Work on ``database``."""
        super().__init__(database)
        item = self._item
        self._standing = ~item.target_id.is_null() & ~item.borrowed & (item.created_run > 0)

    @reads
    def created(self, run: int | None) -> list[RollbackItem]:
        """Return the objects that ``run`` (None: any run) created, children's kinds first.

        Objects that were there before and are only linked are not among them.
        """
        item = self._item
        where = self._standing
        if run is not None:
            where &= item.created_run == run
        return self._undoings(where, (item.rank.desc(), item.id.desc()), with_before=False)

    @reads
    def stranded(self, run: int | None, along: Collection[Kind]) -> list[RollbackItem]:
        """Return what goes with its owner (``along``), and whose owner ``run`` did not create."""
        item, edge, owner = self._item, self._edge, self._item.alias()
        ours = ~owner.borrowed & (owner.created_run > 0)
        if run is not None:
            ours &= owner.created_run == run
        numbers = (
            edge.select(edge.child)
            .join(owner, on=(owner.kind == edge.kind) & (owner.key == edge.key))
            .where(
                (edge.side == Side.TARGET)
                & ((edge.role == Role.OWNER) | (edge.kind == Kind.TEST_RUN))
                & ~owner.target_id.is_null()
                & ~ours
            )
        )
        where = (
            (item.kind << [kind.value for kind in along])
            & ~item.target_id.is_null()
            & ~item.borrowed
            & ((item.created_run > 0) if run is None else (item.created_run == run))
            & (item.id << numbers)
        )
        return self._undoings(where, (item.rank.desc(), item.id.desc()), with_before=False)

    @reads
    def gone(self) -> list[RollbackItem]:
        """Return the objects whose records are gone from the source, children's kinds first."""
        item = self._item
        where = self._standing & (item.state == State.GONE)
        return self._undoings(where, (item.rank.desc(), item.id.desc()), with_before=False)

    @reads
    def awaited(self, kinds: Collection[Kind]) -> list[RollbackItem]:
        """Return the objects of ours, of some kinds, that records not written yet belong to."""
        item, edge, child = self._item, self._edge, self._item.alias()
        waits = (
            edge.select(pw.SQL("1"))
            .join(child, on=child.id == edge.child)
            .where(
                (edge.kind == item.kind)
                & (edge.key == item.key)
                & (edge.side == Side.TARGET)
                & (edge.role == Role.PARENT)
                & (child.state << (State.READY, State.BLOCKED, State.DELETED))
                & child.target_id.is_null()
            )
        )
        where = self._standing & (item.kind << [kind.value for kind in kinds])
        return self._undoings(where & pw.fn.EXISTS(waits), (item.rank, item.id), with_before=False)

    @reads
    def counted(self, run: int | None) -> dict[Kind, int]:
        """Return how many objects ``run`` (None: any run) created, by kind."""
        item = self._item
        where = self._standing
        if run is not None:
            where &= item.created_run == run
        query = item.select(item.kind, pw.fn.COUNT(pw.SQL("*"))).where(where).group_by(item.kind)
        found = {Kind(kind): int(number) for kind, number in tuples(query)}
        return {kind: found[kind] for kind in Kind if kind in found}

    @reads
    def updated(self, run: int) -> list[RollbackItem]:
        """Return the objects that ``run`` was the last to change and an earlier run created."""
        item = self._item
        where = (
            (item.updated_run == run)
            & (item.created_run < run)
            & ~item.before.is_null()
            & ~item.target_id.is_null()
        )
        return self._undoings(where, (item.rank, item.id), with_before=True)

    def _undoings(
        self, where: pw.Expression, order: Sequence[Any], *, with_before: bool
    ) -> list[RollbackItem]:
        item = self._item
        query = item.select(
            item.id,
            item.kind,
            item.key,
            item.target_id,
            item.pid,
            item.url,
            item.version,
            item.stamp,
            item.before if with_before else pw.SQL("NULL"),
        )
        return [
            RollbackItem(
                item=number,
                ref=Ref(Kind(kind), key),
                written=Written(
                    target_id=target_id or "", pid=pid, url=url, version=version, stamp=stamp
                ),
                before=loads(Kind(kind), bytes(before)) if before else None,
            )
            for number, kind, key, target_id, pid, url, version, stamp, before in tuples(
                query.where(where).order_by(*order)
            )
        ]

    @reads
    def ours(self, kind: Kind, target_ids: Sequence[str]) -> set[str]:
        """Return those of the target ids that the store knows as its own."""
        item = self._item
        query = item.select(item.target_id).where(
            (item.kind == kind) & (item.target_id << list(target_ids)) & ~item.borrowed
        )
        return {number for (number,) in tuples(query)}

    @reads
    def mentioned(self, undoing: RollbackItem, kind: Kind, target_ids: Sequence[str]) -> set[str]:
        """Return those of the target ids whose records this one refers to, or that refer to it."""
        ref = undoing.ref
        text = """SELECT item.target_id FROM edge
            JOIN item ON item.kind = edge.kind AND item.key = edge.key
            WHERE edge.child = ? AND edge.side = ? AND item.kind = ? AND item.target_id IN ??"""
        values = (undoing.item, Side.TARGET.value, kind.value)
        found = {number for (number,) in self.database.select(text, values, target_ids)}
        text = """SELECT item.target_id FROM edge JOIN item ON item.id = edge.child
            WHERE edge.kind = ? AND edge.key = ? AND edge.side = ? AND item.kind = ?
            AND item.target_id IN ??"""
        users = self.database.select(
            text,
            (ref.kind.value, ref.key, Side.TARGET.value, kind.value),
            target_ids,
        )
        return found | {number for (number,) in users}

    # ------------------------------------------------------------------ intents and their outcome

    @writes
    def intend(self, run: int, batch: Sequence[RollbackItem]) -> None:
        """Journal that objects are about to be deleted, before the requests leave."""
        item = self._item
        for some in chunks([each.item for each in batch]):
            self._transitions.move(
                allowed_before(State.UNKNOWN),
                State.UNKNOWN,
                (item.before_delete == "") & (item.id << list(some)),
                reason="its deletion was begun and not confirmed",
                before_delete=item.state,
            )
        self._add_events(run, batch, JournalEvent.DELETION_INTENDED)

    @writes
    def only_once(self, number: int) -> None:
        """Let a record that was only made to be deleted never be written again."""
        self._item.update(target=None).where(self._item.id == number).execute()

    @reads
    def intended(self) -> list[RollbackItem]:
        """Return the objects of which nobody knows whether they were deleted, children first."""
        item = self._item
        where = (item.state == State.UNKNOWN) & (item.before_delete != "")
        return self._undoings(where, (item.rank.desc(), item.id.desc()), with_before=False)

    @writes
    def stands(self, run: int, batch: Sequence[RollbackItem]) -> None:
        """Store that objects whose deletion was intended still stand."""
        self._transitions.undo_deletion([each.item for each in batch])
        self._add_events(run, batch, JournalEvent.NOT_DELETED)

    @writes
    def deleted(
        self,
        run: int,
        undoing: RollbackItem,
        reason: str,
        along: Collection[Kind] = (),
        *,
        cause: Cause = Cause.NONE,
    ) -> list[RollbackItem]:
        """Store that an object is gone, and what went with it; return all of it."""
        went = [*self._belonging(undoing.ref, along), undoing]
        for each in went:
            self._transitions.forget_object(each.item, State.DELETED, reason=reason, cause=cause)
        self._add_events(run, went, JournalEvent.DELETED)
        return [each for each in went if each.written.target_id]

    @reads
    def belonging(self, ref: Ref, along: Collection[Kind]) -> list[RollbackItem]:
        """Return what of the kinds ``along`` belongs to a record, at every remove, innermost first.

        Also what is in doubt: its target id is empty.
        """
        return self._belonging(ref, along)

    def _belonging(self, ref: Ref, along: Collection[Kind]) -> list[RollbackItem]:
        item, edge = self._item, self._edge
        children = edge.select(edge.child).where(
            (edge.side == Side.TARGET)
            & (edge.kind == ref.kind)
            & (edge.key == ref.key)
            & (edge.role << BELONGS)
        )
        where = (
            (item.id << children)
            & (item.kind << [kind.value for kind in along])
            & (~item.target_id.is_null() | (item.state == State.UNKNOWN))
        )
        found: list[RollbackItem] = []
        for each in self._undoings(where, (item.rank.desc(), item.id), with_before=False):
            found += [*self._belonging(each.ref, along), each]
        return found

    # ------------------------------------------------------------------------- after a killed load

    @writes
    def prepare(self) -> None:
        """Put in doubt what was being sent when a run ended; forget what holds no more soon."""
        self._facts.drop(Facts.final, Facts.validation)  # the target is about to change
        self._transitions.move((State.SENDING,), State.UNKNOWN, reason=UNANSWERED)

    @reads
    def unsettled(self) -> bool:
        """Whether anything is in doubt, or was being sent when a run ended."""
        item = self._item
        return item.select().where(item.state << IN_DOUBT).exists()

    @writes
    def adopted(self, run: int) -> None:
        """Give what was adopted in ``run`` to the run that sent it."""
        text = """UPDATE item SET created_run = COALESCE((SELECT MAX(run) FROM journal
            WHERE journal.item = item.id AND journal.event = ? AND journal.run < ?),
            created_run) WHERE created_run = ?"""
        self.database.execute(text, (JournalEvent.INTENT.value, run, run))

    @writes
    def restored(self, run: int, undoing: RollbackItem, written: Written, digest: str) -> None:
        """Store that an object holds again what was written before."""
        item = self._item
        item.update(
            stamp=written.stamp, version=written.version, written_digest=digest, before=None
        ).where(item.id == undoing.item).execute()
        self._add_events(run, [undoing], JournalEvent.RESTORED)

    def _add_events(self, run: int, items: Sequence[RollbackItem], event: JournalEvent) -> None:
        self._journal.add(
            [Event(run, each.item, event, detail=each.written.target_id) for each in items]
        )
