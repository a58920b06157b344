"""What runs created and changed in the target, and what became of undoing it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs

from ztoq_core.contracts import Written
from ztoq_core.convert import loads
from ztoq_core.records import Kind, Record, Ref
from ztoq_core.store.database import reads, writes
from ztoq_core.store.dependencies import UNANSWERED
from ztoq_core.store.facts import Facts
from ztoq_core.store.journal import Event
from ztoq_core.store.load_jobs import written_of
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import literals, placeholders
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
from ztoq_core.store.tables import WITH_TARGET

_OURS = "target_id IS NOT NULL AND NOT borrowed AND created_run > 0"
_CHILDREN_FIRST, _PARENTS_FIRST = "rank DESC, id DESC", "rank, id"


@attrs.frozen(kw_only=True)
class RollbackItem:
    """An object that a run created, or changed where ``before`` is what was written earlier."""

    item: int
    ref: Ref
    written: Written
    before: Record | None = None


class RollbackStore(Repository):
    """The objects to delete or restore; a ``run`` that is None means any run.

    Objects that were there before and are only linked are not among them.
    """

    @reads
    def created(self, run: int | None) -> list[RollbackItem]:
        """Return the objects that ``run`` created, children's kinds first."""
        return self._items(f"{_OURS} AND created_run = COALESCE(?, created_run)", run)

    @reads
    def counted(self, run: int | None) -> dict[Kind, int]:
        """Return how many objects ``run`` created, by kind."""
        text = f"""SELECT kind, COUNT(*) FROM item
            WHERE {_OURS} AND created_run = COALESCE(?, created_run) GROUP BY kind"""
        found = dict(self.database.select(text, (run,)))
        return {kind: found[kind] for kind in Kind if kind in found}

    @reads
    def stranded(self, run: int | None, along: Collection[Kind]) -> list[RollbackItem]:
        """Return what goes with its owner (``along``), and whose owner ``run`` did not create."""
        where = f"""{_OURS} AND created_run = COALESCE(?, created_run)
            AND kind IN {placeholders(along)} AND id IN (
                SELECT child FROM edge JOIN item owner
                ON owner.kind = edge.kind AND owner.key = edge.key
                WHERE side = ? AND (role = ? OR edge.kind = ?) AND owner.target_id IS NOT NULL
                AND (owner.borrowed OR owner.created_run = 0
                    OR owner.created_run <> COALESCE(?, owner.created_run)))"""
        return self._items(where, run, *along, Side.TARGET, Role.OWNER, Kind.TEST_RUN, run)

    @reads
    def gone(self) -> list[RollbackItem]:
        """Return the objects whose records are gone from the source, children's kinds first."""
        return self._items(f"{_OURS} AND state = ?", State.GONE)

    @reads
    def awaited(self, kinds: Collection[Kind]) -> list[RollbackItem]:
        """Return the objects of ours, of some kinds, that records not written yet belong to."""
        waiting = (State.READY, State.BLOCKED, State.DELETED)
        where = f"""{_OURS} AND kind IN {placeholders(kinds)} AND EXISTS (
            SELECT 1 FROM edge JOIN item child ON child.id = edge.child
            WHERE edge.kind = item.kind AND edge.key = item.key AND side = ? AND role = ?
            AND child.state IN {placeholders(waiting)} AND child.target_id IS NULL)"""
        values = (*kinds, Side.TARGET, Role.PARENT, *waiting)
        return self._items(where, *values, order=_PARENTS_FIRST)

    @reads
    def updated(self, run: int) -> list[RollbackItem]:
        """Return the objects that ``run`` was the last to change and an earlier run created."""
        where = """updated_run = ? AND created_run < ? AND before IS NOT NULL
            AND target_id IS NOT NULL"""
        return self._items(where, run, run, order=_PARENTS_FIRST, source=WITH_TARGET)

    @reads
    def intended(self) -> list[RollbackItem]:
        """Return the objects that may or may not have been deleted, children first."""
        return self._items("state = ? AND before_delete <> ''", State.UNKNOWN)

    @reads
    def belonging(self, ref: Ref, along: Collection[Kind]) -> list[RollbackItem]:
        """Return what of the kinds ``along`` belongs to a record, at every remove, innermost first.

        Also what is in doubt: its target id is empty.
        """
        where = f"""kind IN {placeholders(along)} AND (target_id IS NOT NULL OR state = ?)
            AND id IN (SELECT child FROM edge WHERE side = ? AND kind = ? AND key = ?
                AND role IN {placeholders(BELONGS)})"""
        values = (*along, State.UNKNOWN, Side.TARGET, ref.kind, ref.key, *BELONGS)
        found: list[RollbackItem] = []
        for each in self._items(where, *values, order="rank DESC, id"):
            found += [*self.belonging.body(each.ref, along), each]
        return found

    def _items(
        self, where: str, *values: Any, order: str = _CHILDREN_FIRST, source: str = "item"
    ) -> list[RollbackItem]:
        before = "before" if source == WITH_TARGET else "NULL"
        text = f"""SELECT id, kind, key, COALESCE(target_id, ''), pid, url, version, '', stamp,
            {before} FROM {source} WHERE {where} ORDER BY {order}"""
        return [
            RollbackItem(
                item=number,
                ref=Ref(Kind(kind), key),
                written=written_of(*columns),
                before=loads(Kind(kind), bytes(body)) if body else None,
            )
            for number, kind, key, *columns, body in list(self.database.select(text, values))
        ]

    @reads
    def ours(self, kind: Kind, target_ids: Sequence[str]) -> set[str]:
        """Return those of the target ids that the store knows as its own."""
        text = "SELECT target_id FROM item WHERE kind = ? AND NOT borrowed AND target_id IN ??"
        return {number for (number,) in self.database.select(text, (kind.value,), target_ids)}

    @reads
    def mentioned(self, undoing: RollbackItem, kind: Kind, target_ids: Sequence[str]) -> set[str]:
        """Return those of the target ids whose records this one refers to, or that refer to it."""
        ref, side = undoing.ref, Side.TARGET.value
        to = """SELECT item.target_id FROM edge
            JOIN item ON item.kind = edge.kind AND item.key = edge.key
            WHERE edge.child = ? AND edge.side = ? AND item.kind = ? AND item.target_id IN ??"""
        by = """SELECT item.target_id FROM edge JOIN item ON item.id = edge.child
            WHERE edge.kind = ? AND edge.key = ? AND edge.side = ? AND item.kind = ?
            AND item.target_id IN ??"""
        select = self.database.select
        found = [*select(to, (undoing.item, side, kind.value), target_ids)]
        found += select(by, (ref.kind.value, ref.key, side, kind.value), target_ids)
        return {number for (number,) in found}

    # ------------------------------------------------------------------ intents and their outcome

    @writes
    def intend(self, run: int, batch: Sequence[RollbackItem]) -> None:
        """Journal that objects are about to be deleted, before the requests leave."""
        self._transitions.move(
            allowed_before(State.UNKNOWN),
            State.UNKNOWN,
            "before_delete = '' AND id IN ??",
            many=[each.item for each in batch],
            reason="its deletion was begun and not confirmed",
            also="before_delete = state",
        )
        self._add_events(run, batch, JournalEvent.DELETION_INTENDED)

    @writes
    def still_exist(self, run: int, batch: Sequence[RollbackItem]) -> None:
        """Store that objects whose deletion was intended still exist."""
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
        went = [*self.belonging.body(undoing.ref, along), undoing]
        for each in went:
            self._transitions.forget_object(each.item, State.DELETED, reason=reason, cause=cause)
        self._add_events(run, went, JournalEvent.DELETED)
        return [each for each in went if each.written.target_id]

    @writes
    def restored(self, run: int, undoing: RollbackItem, written: Written, digest: str) -> None:
        """Store that an object holds again what was written before."""
        text = "UPDATE item SET stamp = ?, version = ?, written_digest = ? WHERE id = ?"
        self.database.execute(text, (written.stamp, written.version, digest, undoing.item))
        text = "UPDATE target_body SET before = NULL WHERE item = ?"
        self.database.execute(text, (undoing.item,))
        self._add_events(run, [undoing], JournalEvent.RESTORED)

    @writes
    def only_once(self, number: int) -> None:
        """Let a record that was only made to be deleted never be written again."""
        self.database.execute("UPDATE item SET target_digest = '' WHERE id = ?", (number,))
        self.database.execute("DELETE FROM target_body WHERE item = ?", (number,))

    def _add_events(self, run: int, items: Sequence[RollbackItem], event: JournalEvent) -> None:
        self._journal.add(
            [Event(run, each.item, event, detail=each.written.target_id) for each in items]
        )

    # ------------------------------------------------------------------------- after a killed load

    @writes
    def prepare(self) -> None:
        """Put in doubt what was being sent when a run ended; forget what will not hold."""
        self._facts.drop(Facts.final, Facts.validation)  # the target is about to change
        self._transitions.move((State.SENDING,), State.UNKNOWN, reason=UNANSWERED)

    @reads
    def unsettled(self) -> bool:
        """Whether anything is in doubt, or was being sent when a run ended."""
        return self.database.any(f"item WHERE state IN {literals(IN_DOUBT)}")

    @writes
    def adopted(self, run: int) -> None:
        """Give what was adopted in ``run`` to the run that sent it."""
        text = """UPDATE item SET created_run = COALESCE((SELECT MAX(run) FROM journal
            WHERE journal.item = item.id AND journal.event = ? AND journal.run < ?),
            created_run) WHERE created_run = ?"""
        self.database.execute(text, (JournalEvent.INTENT, run, run))
