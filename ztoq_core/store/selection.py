"""The selection's side of a store: which records are chosen, which come along, which stay out.

The edges of the source's records lead from children to parents (a log to its run, a run to its
cycle and case, a case to its folder and the cases it calls), so what a chosen record needs is found
by following them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import peewee as pw

from ztoq_core.records import Kind, Level, Note, Ref
from ztoq_core.store.database import reads, writes
from ztoq_core.store.notes import save_notes
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import chunks
from ztoq_core.store.states import ABSENT, NOT_DUE, UNSENT, Cause, Role, Selected, Side, State
from ztoq_core.store.tables import tuples

__all__ = ["SelectionStore"]

_NOT_SELECTED = "not selected"
_UNNEEDED = "nothing that is selected needs it"
_STANDS = "not selected; it stands as it was written before"
_TOLD = (Kind.TEST_CASE, Kind.TEST_PLAN, Kind.TEST_CYCLE)


class SelectionStore(Repository):
    """Which records the selection takes; each change is a short transaction."""

    # --------------------------------------------------------------------------------- choosing

    @writes
    def reset(self, kinds: Sequence[Kind], chosen: Selected) -> None:
        """Choose all records of these kinds, or none."""
        item = self._item
        item.update(chosen=chosen).where(
            (item.kind << list(kinds)) & (item.chosen != chosen) & ~item.record.is_null()
        ).execute()

    @writes
    def choose(self, numbers: Sequence[int]) -> None:
        """Choose the records with these row ids."""
        item = self._item
        for some in chunks(numbers):
            item.update(chosen=Selected.YES).where(item.id << list(some)).execute()

    @reads
    def cases_of(self, cycles: Sequence[str]) -> set[str]:
        """Return the keys of the cases that have a run in one of the cycles."""
        edge, run = self._edge, self._edge.alias()
        query = (
            edge.select(edge.key)
            .join(run, on=run.child == edge.child)
            .where(
                (edge.side == Side.SOURCE)
                & (edge.kind == Kind.TEST_CASE)
                & (run.side == Side.SOURCE)
                & (run.kind == Kind.TEST_CYCLE)
                & (run.key << list(cycles))
            )
            .distinct()
        )
        return {key for (key,) in tuples(query)}

    @writes
    def choose_runs(self, cycles: Sequence[str], *, of_cases: bool) -> None:
        """Choose runs: of the chosen cases where ``of_cases``, in these cycles where there are."""
        item, edge, case = self._item, self._edge, self._item.alias()
        where = (item.kind == Kind.TEST_RUN) & ~item.record.is_null()
        if of_cases:
            where &= item.id << (
                edge.select(edge.child)
                .join(case, on=(case.kind == edge.kind) & (case.key == edge.key))
                .where(
                    (edge.side == Side.SOURCE)
                    & (edge.kind == Kind.TEST_CASE)
                    & (case.chosen == Selected.YES)
                )
            )
        if cycles:
            where &= item.id << (
                edge.select(edge.child).where(
                    (edge.side == Side.SOURCE)
                    & (edge.kind == Kind.TEST_CYCLE)
                    & (edge.key << list(cycles))
                )
            )
        item.update(chosen=Selected.YES).where(where).execute()

    @writes
    def choose_logs(self, numbers: Sequence[int] | None = None) -> None:
        """Choose the logs of the chosen runs, or of these row ids those whose run is chosen."""
        item, run = self._item, self._item.alias()
        runs = run.select(run.key).where((run.kind == Kind.TEST_RUN) & (run.chosen == Selected.YES))
        where = (item.kind == Kind.TEST_LOG) & (item.sibling_group << runs)
        if numbers is None:
            item.update(chosen=Selected.YES).where(where).execute()
            return
        for some in chunks(numbers):
            item.update(chosen=Selected.YES).where(where & (item.id << list(some))).execute()

    @writes
    def drop(self, numbers: Sequence[int]) -> None:
        """Leave out the records with these row ids."""
        item = self._item
        for some in chunks(numbers):
            item.update(chosen=Selected.NO).where(item.id << list(some)).execute()

    @writes
    def drop_empty_runs(self) -> None:
        """Leave out runs all of whose logs are out; runs that never had any stay."""
        item, log, chosen = self._item, self._item.alias(), self._item.alias()
        had = log.select(log.sibling_group).where(
            (log.kind == Kind.TEST_LOG) & ~log.sibling_group.is_null() & log.state.not_in(ABSENT)
        )
        has = chosen.select(chosen.sibling_group).where(
            (chosen.kind == Kind.TEST_LOG)
            & ~chosen.sibling_group.is_null()
            & (chosen.chosen == Selected.YES)
        )
        item.update(chosen=Selected.NO).where(
            (item.kind == Kind.TEST_RUN) & (item.key << had) & item.key.not_in(has)
        ).execute()

    @writes
    def follow(self) -> int:
        """Let what chosen records refer to come along, one step of the way; return how many."""
        item, edge = self._item, self._edge
        child, needed = self._item.alias(), self._item.alias()
        numbers = (
            needed.select(needed.id)
            .join(edge, on=(edge.kind == needed.kind) & (edge.key == needed.key))
            .join(child, on=child.id == edge.child)
            .where(
                (edge.side == Side.SOURCE)
                & (child.chosen != Selected.NO)
                & ~child.record.is_null()
                & child.state.not_in(ABSENT)
                & (needed.chosen == Selected.NO)
            )
        )
        return int(item.update(chosen=Selected.ALONG).where(item.id << numbers).execute())

    @writes
    def choose_files(self) -> None:
        """Choose the files of all that is chosen or comes along."""
        item, edge = self._item, self._edge
        for chosen in (Selected.ALONG, Selected.YES):
            owner = self._item.alias()
            numbers = (
                edge.select(edge.child)
                .join(owner, on=(owner.kind == edge.kind) & (owner.key == edge.key))
                .where(
                    (edge.side == Side.SOURCE)
                    & (edge.role == Role.OWNER)
                    & (owner.chosen == chosen)
                )
            )
            item.update(chosen=chosen).where(
                (item.kind == Kind.ATTACHMENT) & (item.id << numbers)
            ).execute()

    # ------------------------------------------------------------------------- what comes of it

    @reads
    def counts(self, chosen: Selected) -> dict[Kind, int]:
        """Return how many of the source's records are chosen so, by kind."""
        found: Counter[Kind] = Counter()
        text = "SELECT kind, state, COUNT(*) FROM item WHERE chosen = ? GROUP BY kind, state"
        for kind, state, number in self.database.select(text, (chosen.value,)):
            if state not in ABSENT:
                found[Kind(kind)] += number
        if chosen is Selected.YES:
            # what the mapping or the engine derived is chosen, but none of the source's
            item = self._item
            derived = item.select(item.kind, pw.fn.COUNT(pw.SQL("*"))).where(
                item.derived & item.record.is_null() & item.state.not_in(ABSENT)
            )
            for kind, number in tuples(derived.group_by(item.kind)):
                found[Kind(kind)] -= number
        return {kind: found[kind] for kind in Kind if found[kind]}

    @writes
    def note_included(self) -> None:
        """Note the cases, plans and cycles that come along, for the report, all anew."""
        item, note = self._item, self._tables.note
        note.delete().where(note.origin == "select").execute()
        said = Note(
            level=Level.CHANGE,
            code="came-along",
            text="Is not selected itself, and came along because something selected refers to it",
        )
        query = item.select(item.kind, item.key).where(
            (item.chosen == Selected.ALONG) & (item.kind << list(_TOLD)) & item.state.not_in(ABSENT)
        )
        noted = [(Ref(Kind(kind), key), (said,)) for kind, key in tuples(query)]
        save_notes(self.database, "select", noted, new=True)

    @writes
    def leave_out(self) -> None:
        """Give what stays out its state; what stands in the target already stays as it is."""
        item, edge, note = self._item, self._edge, self._tables.note
        out = (item.chosen == Selected.NO) & ~item.pending & ~item.record.is_null()
        gone = self._item.alias()
        numbers = gone.select(gone.id).where(
            (gone.chosen == Selected.NO) & gone.target_id.is_null() & ~gone.record.is_null()
        )
        edge.delete().where((edge.side == Side.TARGET) & (edge.child << numbers)).execute()
        named = gone.select(gone.id).where(
            (gone.kind == note.kind)
            & (gone.key == note.key)
            & (gone.chosen == Selected.NO)
            & gone.target_id.is_null()
        )
        note.delete().where((note.origin == "transform") & pw.fn.EXISTS(named)).execute()
        self._transitions.move(
            (State.EXTRACTED, *UNSENT, State.DELETED, State.SKIPPED),
            State.SKIPPED,
            out & item.target_id.is_null() & item.cause.not_in((Cause.PRUNED, Cause.LEFT_OUT)),
            reason=_NOT_SELECTED,
            loss=False,
            target=None,
            target_digest="",
            refused_digest="",
        )
        as_written = ~item.target_id.is_null() & (item.finished_digest == item.written_digest)
        self._transitions.move(UNSENT, State.FINISHED, out & as_written, reason=_STANDS)

    @writes
    def skip_unneeded(self) -> int:
        """Leave out what the mapping added for records that stay out; return how many."""
        item, edge, child = self._item, self._edge, self._item.alias()
        needed: Any = (
            edge.select(edge.child)
            .join(child, on=child.id == edge.child)
            .where(
                (edge.side == Side.TARGET)
                & (edge.kind == item.kind)
                & (edge.key == item.key)
                & child.state.not_in(NOT_DUE)
            )
        )
        spare = (
            item.derived & item.record.is_null() & item.target_id.is_null() & ~pw.fn.EXISTS(needed)
        )
        unsent = (*UNSENT, State.DELETED)
        return self._transitions.move(unsent, State.SKIPPED, spare, reason=_UNNEEDED)
