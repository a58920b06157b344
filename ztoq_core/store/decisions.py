"""What people decide about single records, journaled: try again, adopt, leave out, accept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import attrs
import peewee as pw

from ztoq_core.contracts import Written
from ztoq_core.records import Kind, Ref
from ztoq_core.store.database import reads, writes
from ztoq_core.store.journal import Event
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import clean
from ztoq_core.store.states import (
    ANY,
    BELONGS,
    UNDECIDED,
    Cause,
    Decision,
    JournalEvent,
    Side,
    State,
)
from ztoq_core.store.tables import tuples

__all__ = ["Decisions", "Standing", "Undecided"]

_LEFT_OUT = "left out by decision (ztoq resolve)"
_KEPT = "it stays as it stands in the target, by decision (ztoq resolve)"


@attrs.frozen(kw_only=True)
class Undecided:
    """A record in doubt or in conflict, with what is known; ``at`` is UTC without a zone."""

    item: int
    ref: Ref
    state: State
    reason: str
    attempts: int
    target_id: str | None
    pid: str
    url: str
    at: datetime | None


@attrs.frozen
class Standing:
    """A record that stands in the target."""

    item: int
    ref: Ref
    target_id: str


class Decisions(Repository):
    """Queries for any thread; methods that change something are operations for the writer."""

    # -------------------------------------------------------------------------------- questions

    @reads
    def undecided(self) -> list[Undecided]:
        """Return what is in doubt or in conflict, parents' kinds first."""
        item, journal = self._item, self._tables.journal
        last = journal.select(pw.fn.MAX(journal.at)).where(journal.item == item.id)
        query = (
            item.select(
                item.id,
                item.kind,
                item.key,
                item.state,
                item.reason,
                item.attempts,
                item.target_id,
                item.pid,
                item.url,
                last,
            )
            .where(item.state << UNDECIDED)
            .order_by(item.rank, item.id)
        )
        return [
            Undecided(
                item=number,
                ref=Ref(Kind(kind), key),
                state=State(state),
                reason=reason,
                attempts=attempts,
                target_id=target_id,
                pid=pid,
                url=url,
                at=datetime.fromisoformat(at) if isinstance(at, str) else at,
            )
            for number, kind, key, state, reason, attempts, target_id, pid, url, at in tuples(query)
        ]

    @reads
    def states(self, kind: Kind | None, keys: Collection[str]) -> dict[str, State]:
        """Return the states of the records with these keys."""
        item = self._item
        query = item.select(item.key, item.state).where(self._named(kind, keys))
        return {key: State(state) for key, state in tuples(query)}

    @reads
    def insisted(self, number: int, digest: str) -> bool:
        """Whether somebody decided that this form of a record be written all the same."""
        journal = self._tables.journal
        return bool(
            journal.select()
            .where(
                (journal.item == number)
                & (journal.event == JournalEvent.DECISION)
                & (journal.detail == Decision.RETRY)
                & (journal.digest == digest)
            )
            .exists()
        )

    @reads
    def belongings(self, ref: Ref) -> list[Standing]:
        """Return what belongs to a record and stands in the target."""
        item, edge = self._item, self._edge
        query = (
            item.select(item.id, item.kind, item.key, item.target_id)
            .join(edge, on=edge.child == item.id)
            .where(
                (edge.side == Side.TARGET)
                & (edge.kind == ref.kind)
                & (edge.key == ref.key)
                & (edge.role << BELONGS)
                & ~item.target_id.is_null()
            )
        )
        return [
            Standing(number, Ref(Kind(kind), key), target_id)
            for number, kind, key, target_id in tuples(query)
        ]

    # -------------------------------------------------------------------------------- decisions

    @writes
    def retry(self, run: int, kind: Kind | None, keys: Collection[str]) -> dict[Kind, int]:
        """Make ready again what the target refused, and what is no longer there.

        Returns how many records of each kind. ``kind`` None and no ``keys``: all of them. What
        could not be mapped stays failed, what was pruned stays away.
        """
        item = self._item
        gone = (item.state == State.DELETED) & (item.cause != Cause.PRUNED)
        where = self._named(kind, keys) & ((item.state == State.FAILED) | gone)
        where &= ~item.target.is_null()
        rows = list(tuples(item.select(item.id, item.kind, item.target_digest).where(where)))
        counts: dict[Kind, int] = {}
        numbers = [number for number, _, _ in rows]
        self._transitions.move_rows(numbers, State.READY, refused_digest="", attempts=0)
        self._note_event([(run, number, digest, Decision.RETRY) for number, _, digest in rows])
        for _, each, _ in rows:
            counts[Kind(each)] = counts.get(Kind(each), 0) + 1
        return counts

    @reads
    def unmapped(self, kind: Kind | None, keys: Collection[str]) -> int:
        """Return how many failed records have no mapped form, so that trying again cannot help."""
        item = self._item
        where = self._named(kind, keys) & (item.state == State.FAILED) & item.target.is_null()
        return int(item.select().where(where).count())

    @writes
    def again(self, run: int, number: int) -> None:
        """Let a record be sent again whatever stands in the target."""
        self._transitions.move_rows([number], State.READY, attempts=0, stamp="")
        self._decided(run, number, Decision.RETRY)

    @writes
    def absent(self, run: int, numbers: Sequence[int]) -> None:
        """Let records be made anew: their objects are not in the target any more."""
        for number in numbers:
            self._transitions.forget_object(number, State.READY)
            self._decided(run, number, Decision.REMAKE)

    @writes
    def accept(self, run: int, number: int, written: Written | None = None) -> None:
        """Take what stands in the target for what should; with ``written``, that object.

        Without it the object still counts as edited, so that a later change of the record is a
        conflict again.
        """
        item = self._item
        changes: dict[str, Any] = {}
        if written is not None:
            changes = {
                "target_id": written.target_id,
                "pid": clean(written.pid),
                "url": clean(written.url),
                "version": written.version,
                "stamp": written.stamp,
                "borrowed": written.borrowed,
            }
        self._transitions.move(
            ANY,
            State.FINISHED,
            item.id == number,
            reason=_KEPT,
            written_digest=item.target_digest,
            finished_digest=item.target_digest,
            **changes,
        )
        named = f" {written.target_id}" if written else ""
        self._decided(run, number, f"{Decision.ACCEPT}{named}")

    @writes
    def leave_out(self, run: int, number: int) -> None:
        """Leave a record out for good, until its mapped form changes."""
        item = self._item
        self._transitions.forget_object(
            number, State.SKIPPED, reason=_LEFT_OUT, cause=Cause.LEFT_OUT
        )
        item.update(loss=False, refused_digest=item.target_digest).where(
            item.id == number
        ).execute()
        self._decided(run, number, Decision.LEAVE_OUT)

    # ------------------------------------------------------------------------------ inner part

    def _named(self, kind: Kind | None, keys: Collection[str]) -> pw.Expression:
        item = self._item
        where: pw.Expression = item.kind << ([kind] if kind else list(Kind))
        return where & (item.key << list(keys)) if keys else where

    def _decided(self, run: int, number: int, detail: str) -> None:
        item = self._item
        (digest,) = next(tuples(item.select(item.target_digest).where(item.id == number)))
        self._note_event([(run, number, digest, detail)])

    def _note_event(self, rows: Iterable[tuple[int, int, str, str]]) -> None:
        self._journal.add(
            [
                Event(run, number, JournalEvent.DECISION, digest, detail)
                for run, number, digest, detail in rows
            ]
        )
