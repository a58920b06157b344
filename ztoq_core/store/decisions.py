"""What people decide about single records, journaled: try again, adopt, leave out, accept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import attrs

from ztoq_core.contracts import Written
from ztoq_core.records import Kind, Ref
from ztoq_core.store.database import reads, writes
from ztoq_core.store.journal import Event
from ztoq_core.store.load_jobs import object_columns
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import placeholders
from ztoq_core.store.states import (
    ANY,
    BELONGS,
    RETRYABLE,
    UNDECIDED,
    Cause,
    Decision,
    JournalEvent,
    Side,
    State,
)
from ztoq_core.store.tables import MAPPED, moment_of

_LEFT_OUT = "left out by decision (ztoq resolve)"
_KEPT = "it stays as it is in the target, by decision (ztoq resolve)"


@attrs.frozen
class Undecided:
    """A record in doubt or in conflict, with what is known; ``at`` is UTC without a zone."""

    item: int
    ref: Ref
    state: State = attrs.field(converter=State)
    reason: str
    attempts: int
    target_id: str | None
    pid: str
    url: str
    at: datetime | None = attrs.field(converter=moment_of)


@attrs.frozen
class TargetRef:
    """A record that is in the target."""

    item: int
    ref: Ref
    target_id: str


_NAMED = "kind = COALESCE(?, kind)"


class Decisions(Repository):
    """What may be decided, and what was. ``kind`` None means all kinds."""

    # -------------------------------------------------------------------------------- questions

    @reads
    def undecided(self) -> list[Undecided]:
        """Return what is in doubt or in conflict, parents' kinds first."""
        text = f"""SELECT id, kind, key, state, reason, attempts, target_id, pid, url,
            (SELECT MAX(at) FROM journal WHERE journal.item = item.id) FROM item
            WHERE state IN {placeholders(UNDECIDED)} ORDER BY rank, id"""
        rows = self.database.select(text, UNDECIDED)
        return [Undecided(item, Ref(Kind(kind), key), *rest) for item, kind, key, *rest in rows]

    @reads
    def states(self, kind: Kind | None, keys: Sequence[str]) -> dict[str, State]:
        """Return the states of the records with these keys."""
        text = f"SELECT key, state FROM item WHERE {_NAMED} AND key IN ??"
        return {key: State(state) for key, state in self.database.select(text, (kind,), keys)}

    @reads
    def insisted(self, number: int, digest: str) -> bool:
        """Whether it was decided to write this form of a record anyway."""
        values = (number, JournalEvent.DECISION, Decision.RETRY, digest)
        return self.database.any(
            "journal WHERE item = ? AND event = ? AND detail = ? AND digest = ?", values
        )

    @reads
    def belongings(self, ref: Ref) -> list[TargetRef]:
        """Return what belongs to a record and is in the target."""
        text = f"""SELECT item.id, item.kind, item.key, target_id FROM item
            JOIN edge ON edge.child = item.id WHERE side = ? AND edge.kind = ? AND edge.key = ?
            AND role IN {placeholders(BELONGS)} AND target_id IS NOT NULL"""
        values = (Side.TARGET, ref.kind, ref.key, *BELONGS)
        return [
            TargetRef(number, Ref(Kind(kind), key), target_id)
            for number, kind, key, target_id in self.database.select(text, values)
        ]

    @reads
    def unmapped(self, kind: Kind | None, keys: Sequence[str]) -> int:
        """Return how many failed records have no mapped form, so that a retry cannot help."""
        text = f"SELECT id FROM item WHERE {_NAMED} AND state = ? AND NOT {MAPPED}"
        return len(list(self._select_named(text, (kind, State.FAILED), keys)))

    def _select_named(
        self, text: str, values: Sequence[Any], keys: Sequence[str]
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows with one of the keys, or all if none is given."""
        return self.database.select(
            *((f"{text} AND key IN ??", values, keys) if keys else (text, values))
        )

    # -------------------------------------------------------------------------------- decisions

    @writes
    def retry(self, run: int, kind: Kind | None, keys: Sequence[str]) -> dict[Kind, int]:
        """Make ready again what the target refused, and what is no longer there.

        Returns how many records of each kind. ``kind`` None and no ``keys``: all of them. What
        could not be mapped stays failed, what was pruned stays away.
        """
        text = f"""SELECT id, kind, target_digest FROM item WHERE {_NAMED} AND {MAPPED}
            AND state IN {placeholders(RETRYABLE)} AND cause <> ?"""
        rows = list(self._select_named(text, (kind, *RETRYABLE, Cause.PRUNED), keys))
        numbers = [number for number, _, _ in rows]
        self._transitions.move_rows(numbers, State.READY, refused_digest="", attempts=0)
        self._journal.add(
            [
                Event(run, number, JournalEvent.DECISION, digest, Decision.RETRY)
                for number, _, digest in rows
            ]
        )
        return dict(Counter(Kind(each) for _, each, _ in rows))

    @writes
    def again(self, run: int, number: int) -> None:
        """Let a record be sent again, even if the target has an object of it."""
        self._transitions.move_rows([number], State.READY, attempts=0, stamp="")
        self._decided(run, number, Decision.RETRY)

    @writes
    def absent(self, run: int, numbers: Sequence[int]) -> None:
        """Let records be made again: their objects are not in the target any more."""
        for number in numbers:
            self._transitions.forget_object(number, State.READY)
            self._decided(run, number, Decision.REMAKE)

    @writes
    def accept(self, run: int, number: int, written: Written | None = None) -> None:
        """Accept what the target has; with ``written``, that object.

        Without it the object still counts as edited, so that a later change of the record is a
        conflict again.
        """
        self._transitions.move(
            ANY,
            State.FINISHED,
            "id = ?",
            (number,),
            reason=_KEPT,
            cause=Cause.KEPT,
            also="written_digest = target_digest, finished_digest = target_digest",
            **(object_columns(written) if written else {}),
        )
        named = f" {written.target_id}" if written else ""
        self._decided(run, number, f"{Decision.ACCEPT}{named}")

    @writes
    def leave_out(self, run: int, number: int) -> None:
        """Leave a record out for good, until its mapped form changes."""
        self._transitions.forget_object(
            number, State.SKIPPED, reason=_LEFT_OUT, cause=Cause.LEFT_OUT
        )
        text = "UPDATE item SET loss = ?, refused_digest = target_digest WHERE id = ?"
        self.database.execute(text, (False, number))
        self._decided(run, number, Decision.LEAVE_OUT)

    def _decided(self, run: int, number: int, detail: str) -> None:
        text = "SELECT target_digest FROM item WHERE id = ?"
        ((digest,),) = self.database.select(text, (number,))
        self._journal.add([Event(run, number, JournalEvent.DECISION, digest, detail)])
