"""Which records are selected, which come along because these need them, and which stay out.

The edges of the source's records lead from children to parents (a log to its run, a run to its
cycle and case, a case to its folder and the cases it calls), so what a chosen record needs is found
by following them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ztoq_core.note_codes import CAME_ALONG
from ztoq_core.records import Kind, Ref
from ztoq_core.store.database import reads, writes
from ztoq_core.store.records import save_notes
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import literals, placeholders
from ztoq_core.store.states import (
    ABSENT,
    NOT_DUE,
    UNSENT,
    Cause,
    Origin,
    Role,
    Selected,
    Side,
    State,
)
from ztoq_core.store.tables import MAPPED, READ

_NOT_SELECTED = "not selected"
_UNNEEDED = "nothing that is selected needs it"
_UNCHANGED = "not selected; it stays as it was written before"
_NOTED = (Kind.TEST_CASE, Kind.TEST_PLAN, Kind.TEST_CYCLE)


class SelectionStore(Repository):
    """Which records the selection takes; each change is a short transaction."""

    # --------------------------------------------------------------------------------- choosing

    @writes
    def reset(self, kinds: Sequence[Kind], chosen: Selected) -> None:
        """Choose all records of these kinds, or none."""
        where = f"chosen <> ? AND {READ} AND kind IN ??"
        self._choose(chosen, where, chosen, many=kinds)

    @writes
    def choose(self, numbers: Sequence[int]) -> None:
        """Choose the records with these row ids."""
        self._choose(Selected.YES, "id IN ??", many=numbers)

    @writes
    def drop(self, numbers: Sequence[int]) -> None:
        """Leave out the records with these row ids."""
        self._choose(Selected.NO, "id IN ??", many=numbers)

    @reads
    def cases_of(self, cycles: Sequence[str]) -> set[str]:
        """Return the keys of the cases that have a run in one of the cycles."""
        text = """SELECT DISTINCT edge.key FROM edge JOIN edge run ON run.child = edge.child
            WHERE edge.side = ? AND edge.kind = ? AND run.side = ? AND run.kind = ?
            AND run.key IN ??"""
        values = (Side.SOURCE, Kind.TEST_CASE, Side.SOURCE, Kind.TEST_CYCLE)
        return {key for (key,) in self.database.select(text, values, cycles)}

    @writes
    def choose_runs(self, cycles: Sequence[str], *, of_cases: bool) -> None:
        """Choose runs: of the chosen cases if ``of_cases``, in these cycles if any are given."""
        where, values = f"kind = ? AND {READ}", [Kind.TEST_RUN.value]
        if of_cases:
            where += """ AND id IN (SELECT child FROM edge
                JOIN item own ON own.kind = edge.kind AND own.key = edge.key
                WHERE side = ? AND edge.kind = ? AND own.chosen = ?)"""
            values += [Side.SOURCE, Kind.TEST_CASE, Selected.YES]
        if cycles:
            where += f""" AND id IN (SELECT child FROM edge WHERE side = ? AND kind = ?
                AND key IN {placeholders(cycles)})"""
            values += [Side.SOURCE, Kind.TEST_CYCLE, *cycles]
        self._choose(Selected.YES, where, *values)

    @writes
    def choose_logs(self, numbers: Sequence[int] | None = None) -> None:
        """Choose the logs of the chosen runs, or of these row ids those whose run is chosen."""
        where = """kind = ? AND sibling_group IN
            (SELECT run.key FROM item run WHERE run.kind = ? AND run.chosen = ?)"""
        where += "" if numbers is None else " AND id IN ??"
        values = (Kind.TEST_LOG, Kind.TEST_RUN, Selected.YES)
        self._choose(Selected.YES, where, *values, many=numbers)

    @writes
    def drop_empty_runs(self) -> None:
        """Leave out runs all of whose logs are out; runs that never had any stay."""
        logs = "SELECT sibling_group FROM item WHERE kind = ? AND sibling_group IS NOT NULL"
        where = f"""kind = ? AND key IN ({logs} AND state NOT IN {placeholders(ABSENT)})
            AND key NOT IN ({logs} AND chosen = ?)"""
        values = (Kind.TEST_RUN, Kind.TEST_LOG, *ABSENT, Kind.TEST_LOG, Selected.YES)
        self._choose(Selected.NO, where, *values)

    @writes
    def follow(self) -> int:
        """Let what chosen records refer to come along, one step of the way; return how many."""
        where = f"""id IN (SELECT needed.id FROM item needed
            JOIN edge ON edge.kind = needed.kind AND edge.key = needed.key
            JOIN item child ON child.id = edge.child
            JOIN source_body ON source_body.item = child.id
            WHERE side = ? AND child.chosen <> ?
            AND child.state NOT IN {placeholders(ABSENT)} AND needed.chosen = ?)"""
        values = (Side.SOURCE, Selected.NO, *ABSENT, Selected.NO)
        return self._choose(Selected.ALONG, where, *values)

    @writes
    def choose_files(self) -> None:
        """Choose the files of all that is chosen or comes along."""
        where = """kind = ? AND id IN (SELECT child FROM edge
            JOIN item own ON own.kind = edge.kind AND own.key = edge.key
            WHERE side = ? AND role = ? AND own.chosen = ?)"""
        for chosen in (Selected.ALONG, Selected.YES):
            self._choose(chosen, where, Kind.ATTACHMENT, Side.SOURCE, Role.OWNER, chosen)

    def _choose(
        self, chosen: Selected, where: str, *values: Any, many: Sequence[Any] | None = None
    ) -> int:
        text = f"UPDATE item SET chosen = ? WHERE {where}"
        return self.database.execute(text, (chosen, *values), many)

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
            text = f"""SELECT kind, COUNT(*) FROM item WHERE derived AND NOT {READ}
                AND state NOT IN {placeholders(ABSENT)} GROUP BY kind"""
            for kind, number in self.database.select(text, ABSENT):
                found[Kind(kind)] -= number
        return {kind: found[kind] for kind in Kind if found[kind]}

    @writes
    def note_included(self) -> None:
        """Note, for the report, the cases, plans and cycles that come along now."""
        self.database.execute("DELETE FROM note WHERE origin = ?", (Origin.SELECT,))
        note = CAME_ALONG.note(
            "Is not selected itself, and came along because something selected refers to it"
        )
        text = f"""SELECT kind, key FROM item WHERE chosen = ? AND kind IN {placeholders(_NOTED)}
            AND state NOT IN {placeholders(ABSENT)}"""
        found = self.database.select(text, (Selected.ALONG, *_NOTED, *ABSENT))
        noted = [(Ref(Kind(kind), key), (note,)) for kind, key in found]
        save_notes(self.database, Origin.SELECT, noted)

    @writes
    def leave_out(self) -> None:
        """Give what stays out its state; what is in the target already stays as it is."""
        text = f"""DELETE FROM edge WHERE side = ? AND child IN (SELECT id FROM item
            WHERE chosen = ? AND target_id IS NULL AND {READ})"""
        self.database.execute(text, (Side.TARGET, Selected.NO))
        text = """DELETE FROM note WHERE origin = ? AND EXISTS (SELECT 1 FROM item
            WHERE item.kind = note.kind AND item.key = note.key
            AND chosen = ? AND target_id IS NULL)"""
        self.database.execute(text, (Origin.TRANSFORM, Selected.NO))
        out = f"chosen = ? AND NOT pending AND {READ}"
        self._transitions.move(
            (State.EXTRACTED, *UNSENT, State.DELETED, State.SKIPPED),
            State.SKIPPED,
            f"{out} AND target_id IS NULL AND cause NOT IN (?, ?)",
            (Selected.NO, Cause.PRUNED, Cause.LEFT_OUT),
            reason=_NOT_SELECTED,
            loss=False,
            target_digest="",
            refused_digest="",
        )
        text = f"""DELETE FROM target_body WHERE item IN (SELECT id FROM item
            WHERE chosen = ? AND state = ? AND target_id IS NULL AND NOT {MAPPED})"""
        self.database.execute(text, (Selected.NO, State.SKIPPED))
        as_written = f"{out} AND target_id IS NOT NULL AND finished_digest = written_digest"
        self._transitions.move(
            UNSENT, State.FINISHED, as_written, (Selected.NO,), reason=_UNCHANGED
        )

    @writes
    def skip_unneeded(self) -> int:
        """Leave out what the mapping added for records that stay out; return how many."""
        spare = f"""derived AND NOT {READ} AND target_id IS NULL AND NOT EXISTS (
            SELECT 1 FROM edge JOIN item child ON child.id = edge.child
            WHERE side = '{Side.TARGET}' AND edge.kind = item.kind AND edge.key = item.key
            AND child.state NOT IN {literals(NOT_DUE)})"""
        return self._transitions.move(
            (*UNSENT, State.DELETED), State.SKIPPED, spare, reason=_UNNEEDED
        )
