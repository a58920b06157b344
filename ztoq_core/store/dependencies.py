"""Whose turn it is: what each record waits for, and what an answer lets go.

A record waits (``item.waiting``) for its parents to be finished, for what it mentions to be
written, and for the sibling before it to be settled; a file waits for its owner to be written, and
the owner's finishing (``item.open_files``) for its files and for what its texts refer to. The
counts are made by ``prepare`` and kept up to date with each answer, so that the next records to
write are one indexed query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import peewee as pw

from ztoq_core.convert import loads
from ztoq_core.records import Attachment, Kind, Record, Ref
from ztoq_core.store.database import Database, writes
from ztoq_core.store.facts import Facts
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import chunks
from ztoq_core.store.states import (
    ARRIVED,
    BELONGS,
    COMING,
    FAULTY,
    FOLLOWABLE,
    PARENT_READY,
    SETTLED,
    WAITING,
    Cause,
    Role,
    Selected,
    Side,
    State,
)
from ztoq_core.store.tables import tuples

__all__ = ["MISSING", "UNANSWERED", "Dependencies"]

MISSING = "reference-missing"
"""The code of the note that a record was finished without something that it refers to."""

UNANSWERED = "the run ended before the answer was stored"


class Dependencies(Repository):
    """The order of writing. All methods are operations for the writer thread."""

    def __init__(self, database: Database) -> None:
        """Work on ``database``."""
        super().__init__(database)
        self._any_refers = False
        self._behind: tuple[list[Any], set[int]] = ([], set())

    @writes
    def prepare(self, *, overwrite_conflicts: bool = False) -> None:
        """Bring states and counts in order after whatever happened before.

        ``overwrite_conflicts``: records in conflict are to be written after all.
        """
        item = self._item
        self._facts.drop(Facts.final)  # the target is about to change
        # what a rollback removed, or validation did not find any more, is written again
        wanted = (item.cause != Cause.PRUNED) & (item.chosen != Selected.NO)
        self._transitions.move((State.DELETED,), State.READY, wanted & ~item.target.is_null())
        if overwrite_conflicts:
            self._transitions.move((State.CONFLICT,), State.READY)
        self._transitions.move((State.SENDING,), State.UNKNOWN, reason=UNANSWERED)
        self._transitions.move((State.BLOCKED,), State.READY, ~item.target.is_null())
        self._pass_on(FAULTY, State.BLOCKED)
        self._pass_on((State.SKIPPED,), State.SKIPPED)
        self._any_refers = self._refers().exists()
        self._count()

    def _count(self) -> None:
        """Count anew what everything waits for."""
        item = self._item
        self._behind = ([], set())
        item.update(waiting=self._unsettled(), open_files=self._unsettled_files()).where(
            item.state << WAITING
        ).execute()
        if self._any_refers:
            item.update(open_files=item.open_files + self._unsettled_refers()).where(
                (item.state << WAITING) & (item.id << self._refers())
            ).execute()

    def count_files(self, owner: Record, files: Sequence[str]) -> None:
        """Count anew which files their owner, and what shows them, must wait for."""
        item, edge = self._item, self._edge
        waits: list[Any] = [(item.kind == owner.kind) & (item.key == owner.key)]
        for some in chunks(files if self._any_refers else ()):
            shows = edge.select(edge.child).where(
                (edge.kind == Kind.ATTACHMENT)
                & (edge.key << list(some))
                & (edge.side == Side.TARGET)
                & (edge.role == Role.REFER)
            )
            waits.append((item.state << WAITING) & (item.id << shows))
        for wait in waits:
            item.update(open_files=self._unsettled_files()).where(wait).execute()
            if self._any_refers:
                item.update(open_files=item.open_files + self._unsettled_refers()).where(
                    wait
                ).execute()

    def _refers(self) -> pw.ModelSelect[Any]:
        """Return, as a query of ids, what refers to something in its texts."""
        edge = self._edge
        return edge.select(edge.child).where((edge.role == Role.REFER) & (edge.side == Side.TARGET))

    @writes
    def requeue_finish(self) -> int:
        """Make ready what was finished without something that stands by now; return how many."""
        if not self._any_refers:
            return 0
        item, edge, to = self._item, self._edge, self._item.alias()
        note = self._tables.note
        lacking = (
            edge.select(edge.child)
            .join(to, pw.JOIN.LEFT_OUTER, on=(to.kind == edge.kind) & (to.key == edge.key))
            .where(
                (edge.child == item.id)
                & (edge.role == Role.REFER)
                & (edge.side == Side.TARGET)
                & to.target_id.is_null()  # of one that is not known too
            )
        )
        noted = note.select(note.id).where(
            (note.kind == item.kind)
            & (note.key == item.key)
            & (note.origin == "finish")
            & (note.code == MISSING)
        )
        found = self._transitions.move(
            (State.FINISHED,),
            State.READY,
            (item.id << self._refers()) & pw.fn.EXISTS(noted) & ~pw.fn.EXISTS(lacking),
            finished_digest="",
        )
        if found:
            self._count()
        return found

    def _pass_on(self, states: Collection[State], becomes: State) -> None:
        """Give the children of records in ``states`` their state, generation by generation."""
        item, edge, parent = self._item, self._edge, self._item.alias()
        absent: Any = False
        if becomes is State.BLOCKED:
            # what is gone from the source, or in conflict, still stands if it ever was written
            absent = parent.id.is_null() | (
                (parent.state << (State.CONFLICT, State.GONE)) & parent.target_id.is_null()
            )
        while True:
            children = (
                edge.select(edge.child)
                .join(
                    parent,
                    pw.JOIN.LEFT_OUTER,
                    on=(parent.kind == edge.kind) & (parent.key == edge.key),
                )
                .where(
                    (edge.side == Side.TARGET)
                    & (edge.role << BELONGS)
                    & ((parent.state << [s for s in states if s is not State.GONE]) | absent)
                )
            )
            reason = f"what it belongs to is {becomes}"
            if not self._transitions.move(
                (State.READY,), becomes, item.id << children, reason=reason
            ):
                return

    def _unsettled(self) -> pw.ModelSelect[Any]:
        """Count, as a subquery, what the outer record waits for."""
        edge, parent = self._edge, self._item.alias()
        waits = (
            ((edge.role == Role.PARENT) & parent.state.not_in(PARENT_READY))
            | ((edge.role == Role.OWNER) & parent.state.not_in((*ARRIVED, State.GONE)))
            | ((edge.role == Role.MENTION) & parent.state.not_in(SETTLED))
            | ((edge.role == Role.AFTER) & parent.state.not_in(FOLLOWABLE))
        )
        return (
            edge.select(pw.fn.COUNT(pw.SQL("*")))
            .join(parent, on=(parent.kind == edge.kind) & (parent.key == edge.key))
            .where((edge.child == self._item.id) & (edge.side == Side.TARGET) & waits)
        )

    def _unsettled_files(self) -> pw.ModelSelect[Any]:
        edge, child = self._edge, self._item.alias()
        return (
            edge.select(pw.fn.COUNT(pw.SQL("*")))
            .join(child, on=child.id == edge.child)
            .where(
                (edge.kind == self._item.kind)
                & (edge.key == self._item.key)
                & (edge.side == Side.TARGET)
                & (edge.role == Role.OWNER)
                & child.state.not_in(SETTLED)
            )
        )

    def _unsettled_refers(self) -> pw.ModelSelect[Any]:
        edge, to = self._edge, self._item.alias()
        return (
            edge.select(pw.fn.COUNT(pw.SQL("*")))
            .join(to, on=(to.kind == edge.kind) & (to.key == edge.key))
            .where(
                (edge.child == self._item.id)
                & (edge.side == Side.TARGET)
                & (edge.role == Role.REFER)
                & (to.state << COMING)
            )
        )

    @writes
    def release_finish(self, *, despite_doubt: bool) -> int:
        """Let what is written be finished without what it refers to; return how many.

        Only where nothing can be written any more: what a case refers to may wait for that case.
        ``despite_doubt`` as for ``release_cycle``.
        """
        if not self._any_refers:
            return 0
        item, edge, to = self._item, self._edge, self._item.alias()
        doubtful = (
            edge.select(edge.child)
            .join(to, on=(to.kind == edge.kind) & (to.key == edge.key))
            .where(
                (edge.child == item.id)
                & (edge.side == Side.TARGET)
                & (edge.role == Role.REFER)
                & (to.state << (() if despite_doubt else (State.UNKNOWN,)))
            )
        )
        waits = (
            (item.state == State.WRITTEN)
            & (item.open_files > 0)
            & (item.id << self._refers())
            & (self._unsettled_files() == 0)
            & ~pw.fn.EXISTS(doubtful)
        )
        # those of one kind at a time: the others may only wait for what waits for these
        first = item.select(pw.fn.MIN(item.rank)).where(waits).scalar()
        if first is None:
            return 0
        return int(item.update(open_files=0).where(waits & (item.rank == first)).execute())

    def _behind_doubt(self) -> set[int]:
        """Return the rows that wait for what is in doubt, at whatever remove: it may yet arrive.

        Found anew only where something else is in doubt than before: many may be released one by
        one, and nothing comes to wait for a doubt while records are written.
        """
        text = "SELECT kind, key FROM item WHERE state = ? ORDER BY id"
        doubts = list(self.database.select(text, (State.UNKNOWN.value,)))
        if doubts != self._behind[0]:
            self._behind = (doubts, self._waiting_for(doubts))
        return self._behind[1]

    def _waiting_for(self, frontier: list[tuple[Any, ...]]) -> set[int]:
        found: set[int] = set()
        text = """SELECT DISTINCT item.id, item.kind, item.key FROM edge
            JOIN item ON item.id = edge.child
            WHERE item.state = ? AND edge.side = ? AND edge.role <> 'refer'
            AND edge.kind = ? AND edge.key IN ??"""
        while frontier:
            keys: dict[str, list[str]] = {}
            for kind, key in frontier:
                keys.setdefault(kind, []).append(key)
            frontier = []
            for kind, these in keys.items():
                values = (State.READY.value, Side.TARGET.value, kind)
                for number, child_kind, child in list(self.database.select(text, values, these)):
                    if number not in found:
                        found.add(number)
                        frontier.append((child_kind, child))
        return found

    @writes
    def release_cycle(
        self, kinds: Collection[Kind], keys: Collection[str], *, despite_doubt: bool
    ) -> Ref | None:
        """Release one record that only waits for what it mentions; return it, or None.

        ``kinds`` and ``keys`` as for ``LoadStore.next_jobs``: what may not be written now has to
        wait.
        ``despite_doubt``: nothing more becomes certain, so what is in doubt is not waited for.
        """
        item, edge, parent = self._item, self._edge, self._item.alias()
        held = (
            edge.select(edge.child)
            .join(parent, on=(parent.kind == edge.kind) & (parent.key == edge.key))
            .where(
                (edge.side == Side.TARGET)
                & (
                    ((edge.role == Role.PARENT) & (parent.state != State.FINISHED))
                    | ((edge.role == Role.OWNER) & parent.state.not_in(ARRIVED))
                    | ((edge.role == Role.AFTER) & (parent.state << (State.READY, State.UNKNOWN)))
                    | (
                        (edge.role == Role.MENTION)
                        & (parent.state << (() if despite_doubt else (State.UNKNOWN,)))
                    )
                )
            )
        )
        where = (
            (item.state == State.READY)
            & (item.waiting > 0)
            & item.id.not_in(held)
            & (item.kind << list(kinds))
        )
        if keys:
            where &= item.key << list(keys)
        query = item.select(item.id, item.kind, item.key).where(where)
        candidates = tuples(query.order_by(item.rank, item.id))
        behind = set() if despite_doubt else self._behind_doubt()
        row = next((each for each in candidates if each[0] not in behind), None)
        if row is None:
            return None
        item.update(waiting=0).where(item.id == row[0]).execute()
        return Ref(Kind(row[1]), row[2])

    def children(self, records: Sequence[Record], roles: Collection[Role]) -> pw.ModelSelect[Any]:
        """Return, as a query of ids, what refers to records of one kind in one of the roles."""
        edge = self._edge
        return edge.select(edge.child).where(
            (edge.kind == records[0].kind)
            & (edge.key << [record.key for record in records])
            & (edge.side == Side.TARGET)
            & (edge.role << list(roles))
        )

    def release_dependents(self, records: Sequence[Record], roles: Collection[Role]) -> None:
        """Tell what refers to the records in one of the roles to wait for so many less."""
        keys: dict[Kind, list[str]] = {}
        for record in records:
            keys.setdefault(record.kind, []).append(record.key)
        for kind, these in keys.items():
            text = """SELECT child, role FROM edge WHERE side = ? AND kind = ? AND key IN ??"""
            found = self.database.select(text, (Side.TARGET.value, kind.value), these)
            counted = Counter(child for child, role in found if role in roles)
            for less in set(counted.values()):
                children = [child for child, number in counted.items() if number == less]
                text = """UPDATE item SET waiting = waiting - ?
                    WHERE waiting >= ? AND id IN ??"""
                self.database.execute(text, (less, less), children)

    def files_settled(self, records: Sequence[Record]) -> None:
        """Tell the owners of files, and what refers to records, to wait for so many less."""
        if self._any_refers:
            keys: dict[Kind, list[str]] = {}
            for record in records:
                keys.setdefault(record.kind, []).append(record.key)
            for kind, these in keys.items():
                text = """SELECT child FROM edge
                    WHERE side = ? AND kind = ? AND role = 'refer' AND key IN ??"""
                found = self.database.select(text, (Side.TARGET.value, kind.value), these)
                for child, number in Counter(child for (child,) in found).items():
                    text = """UPDATE item SET open_files = open_files - ?
                        WHERE id = ? AND open_files >= ?"""
                    self.database.execute(text, (number, child, number))
        owners = Counter(each.owner for each in records if isinstance(each, Attachment))
        for owner, number in owners.items():
            text = """UPDATE item SET open_files = open_files - ?
                WHERE kind = ? AND key = ? AND open_files >= ?"""
            self.database.execute(text, (number, owner.kind.value, owner.key, number))

    def finish_again(self, records: Sequence[Record]) -> None:
        """Let what was finished without these records be finished again, now that they stand.

        For kinds that ``Sink.finish`` links; what else a record mentions is part of its writing.
        """
        if not records:
            return
        item, edge = self._item, self._edge
        again = list(
            tuples(
                item.select(item.id, item.kind, item.key).where(
                    (item.state == State.FINISHED)
                    & (item.id << self.children(records, (Role.MENTION,)))
                )
            )
        )
        for some in chunks(again):
            self._transitions.move_rows(
                [number for number, _, _ in some],
                State.WRITTEN,
                reason="finished once before, and to be finished again",
                cause=Cause.REFINISH,
                finished_digest="",
            )
            for kind in {kind for _, kind, _ in some}:
                # what belongs to them did not wait for them, and is let go when they are finished
                keys = [key for _, each, key in some if each == kind]
                waits = edge.select(edge.child).where(
                    (edge.kind == kind)
                    & (edge.key << keys)
                    & (edge.side == Side.TARGET)
                    & (edge.role << (Role.PARENT, Role.AFTER))
                )
                item.update(waiting=self._unsettled()).where(
                    (item.state << WAITING) & (item.id << waits)
                ).execute()

    def skip_dependents(self, record: Record) -> None:
        """Leave out what belongs to a record that was; release what only mentioned it."""
        self.release_dependents([record], (Role.MENTION, Role.AFTER))
        self.files_settled([record])
        why = f"what it belongs to is {State.SKIPPED}"
        for child in self._end_children(record, State.SKIPPED, why):
            self.skip_dependents(child)

    def block_dependents(self, record: Record, *, written: bool = False) -> None:
        """Block the children of a record that did not arrive; release what only mentioned it.

        ``written``: it was only to be finished, so that these were released before.
        """
        self.release_dependents([record], (Role.AFTER,) if written else (Role.MENTION, Role.AFTER))
        if not written:
            self.files_settled([record])
        for child in self._end_children(record, State.BLOCKED, f"{record.ref} did not arrive"):
            self.block_dependents(child)

    def _end_children(self, record: Record, becomes: State, why: str) -> list[Record]:
        """Give the children of a record that are ready their last state; return them."""
        item = self._item
        children = list(
            tuples(
                item.select(item.id, item.kind, item.target).where(
                    (item.state == State.READY) & (item.id << self.children([record], BELONGS))
                )
            )
        )
        self._transitions.move_rows([number for number, _, _ in children], becomes, reason=why)
        return [loads(Kind(kind), bytes(body)) for _, kind, body in children]
