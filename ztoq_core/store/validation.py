"""Validation's side of a store: what was sent to the target, and what comparing it found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

import attrs
import orjson

from ztoq_core.contracts import Written
from ztoq_core.convert import loads
from ztoq_core.records import Kind, Level, Record, Ref
from ztoq_core.store.database import Database, reads, writes
from ztoq_core.store.facts import ComparedContents, Facts, Uncompared, Validation
from ztoq_core.store.journal import Event
from ztoq_core.store.load_jobs import written_or_none
from ztoq_core.store.loading import LINKS
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import BulkInsert, clean
from ztoq_core.store.states import Cause, JournalEvent, Side, State
from ztoq_core.store.tables import MAPPED, WITH_TARGET, Proof
from ztoq_core.store.target_index import TargetIndex

OTHER_CONTENT = "the file in the target has another content"

_SENT = f"""SELECT item.id, item.key, target, target_id, pid, url, version, parts, stamp
    FROM {WITH_TARGET} LEFT JOIN proof ON proof.item = item.id
    WHERE kind = ? AND state = ? AND {MAPPED} AND NOT borrowed AND cause <> ?
    AND proof.item IS NULL AND target_id IN ??"""
_COMPARABLE = f"""SELECT id, kind, key, target_id FROM item
    WHERE state = ? AND {MAPPED} AND target_id IS NOT NULL AND NOT borrowed
    AND cause <> ? AND id > ? ORDER BY id LIMIT ?"""
_UNCOMPARED = f"""SELECT kind, key, borrowed FROM item
    WHERE state = ? AND {MAPPED} AND target_id IS NOT NULL AND (borrowed OR cause = ?)
    ORDER BY borrowed, rank, id"""
_BORROWED = "in the target before ztoq, and only linked"
_KEPT = "kept as in the target, by decision"
_COUNTS = """SELECT kind, COUNT(*), SUM(equal), SUM(by_rule), SUM(wrong), SUM(unchecked)
    FROM proof JOIN item ON item.id = proof.item GROUP BY rank, kind ORDER BY rank"""
_DETAILS = """SELECT item.kind, item.key, details FROM proof JOIN item ON item.id = proof.item
    WHERE {} > 0 ORDER BY item.rank, item.id LIMIT ?"""
_PROOF = ("item", "at", "equal", "by_rule", "wrong", "unchecked", "details", "status")
_PROOFS = BulkInsert(Proof, _PROOF, key=("item",))


@attrs.frozen(kw_only=True)
class SentRecord:
    """A record as it was sent, with its object and what it refers to in the target.

    ``losses`` are the codes of what the notes about it call lost.
    """

    item: int
    record: Record
    written: Written
    links: Mapping[Ref, Written | None]
    losses: frozenset[str]


@attrs.frozen
class FieldDetail:
    """A field that is not equal: the result, the rule that allows it, and what both sides hold."""

    field: str
    outcome: str
    rule: str = ""
    detail: str = ""
    wrong: bool = False


@attrs.frozen(kw_only=True)
class RecordProof:
    """What the comparison of one record found; ``status`` is that of an execution, as read."""

    item: int
    equal: int
    by_rule: int
    wrong: int
    unchecked: int
    details: tuple[FieldDetail, ...] = ()
    status: str = ""


class ValidationStore(Repository):
    """What was sent, the results of comparing it, and how far a validation came."""

    def __init__(self, database: Database, index: TargetIndex) -> None:
        """Work on ``database``; ``index`` knows the objects in the target."""
        super().__init__(database)
        self._index = index

    @reads
    def sent(self, kind: Kind, target_ids: Sequence[str]) -> list[SentRecord]:
        """Return the records of these objects that are finished and not compared yet.

        Left out are objects that were there before ztoq, and those that were left as they are by
        decision: they need not hold what was sent.
        """
        rows = list(
            self.database.select(
                _SENT, (kind.value, State.FINISHED.value, Cause.KEPT.value), target_ids
            )
        )
        links: dict[int, dict[Ref, Written | None]] = {}
        for child, other, key, *rest in self.database.select(
            LINKS, (Side.TARGET.value,), [row[0] for row in rows]
        ):
            links.setdefault(child, {})[Ref(Kind(other), key)] = written_or_none(*rest)
        text = "SELECT DISTINCT key, code FROM note WHERE kind = ? AND level = ? AND key IN ??"
        values = (kind.value, Level.LOSS.value)
        losses: dict[str, set[str]] = {}
        for key, code in self.database.select(text, values, [row[1] for row in rows]):
            losses.setdefault(key, set()).add(code)
        return [
            SentRecord(
                item=number,
                record=loads(kind, bytes(body)),
                written=written,
                links=links.get(number, {}),
                losses=frozenset(losses.get(key, ())),
            )
            for number, key, body, *rest in rows
            if (written := written_or_none(*rest))
        ]

    @reads
    def comparable(self, after: int, limit: int) -> list[tuple[int, Kind, str, str]]:
        """Return row, kind, key and target id of the next records that ``sent`` may return."""
        values = (State.FINISHED.value, Cause.KEPT.value, after, limit)
        rows = self.database.select(_COMPARABLE, values)
        return [(row, Kind(kind), key, target_id) for row, kind, key, target_id in rows]

    @writes
    def begin(self, progress: str) -> None:
        """Forget the results of the last validation, and remember that another one is under way."""
        self.database.execute("DELETE FROM proof")
        self._facts.put(Facts.validating, progress)

    @writes
    def save_proofs(self, at: datetime, proofs: Sequence[RecordProof]) -> None:
        """Remember what the comparison of records found."""
        self.database.insert(
            _PROOFS,
            [
                (
                    each.item,
                    at,
                    each.equal,
                    each.by_rule,
                    each.wrong,
                    each.unchecked,
                    clean(orjson.dumps([attrs.astuple(one) for one in each.details]).decode()),
                    clean(each.status),
                )
                for each in proofs
            ],
        )

    @reads
    def uncompared(self, most: int) -> list[Uncompared]:
        """Return what ``sent`` leaves out by kind and reason, with at most so many keys each."""
        keys: dict[tuple[Kind, str], list[str]] = {}
        values = (State.FINISHED.value, Cause.KEPT.value)
        for kind, key, borrowed in self.database.select(_UNCOMPARED, values):
            why = _BORROWED if borrowed else _KEPT
            keys.setdefault((Kind(kind), why), []).append(key)
        return [
            Uncompared(kind=kind, why=why, count=len(found), keys=tuple(found[:most]))
            for (kind, why), found in keys.items()
        ]

    @reads
    def contents(self) -> list[ComparedContents]:
        """Return the numbers of all results by kind."""
        rows = self.database.select(_COUNTS)
        return [ComparedContents(Kind(kind), *numbers) for kind, *numbers in rows]

    @reads
    def wrong(self, limit: int) -> list[tuple[Ref, FieldDetail]]:
        """Return the first fields that differ or are missing, each with its record."""
        return [pair for pair in self._details("wrong", limit) if pair[1].wrong]

    @reads
    def unchecked(self, limit: int) -> list[tuple[Ref, FieldDetail]]:
        """Return the first fields that could not be compared, each with its record."""
        unchecked = self._details("unchecked", limit)
        return [pair for pair in unchecked if not pair[1].wrong and not pair[1].rule]

    def _details(self, column: str, limit: int) -> Iterator[tuple[Ref, FieldDetail]]:
        for kind, key, details in self.database.select(_DETAILS.format(column), (limit,)):
            for detail in orjson.loads(details):
                yield Ref(Kind(kind), key), FieldDetail(*detail)

    @writes
    def save(
        self, run: int, validation: Validation, missing: Mapping[Kind, Collection[str]]
    ) -> Validation:
        """Remember a validation as one of now, with the keys that it misses; return it so."""
        for kind, keys in missing.items():
            self._index.missing.body(run, kind, keys)
        current = attrs.evolve(validation, journal=self._journal.last())
        self._facts.put(Facts.validation, current)
        self._facts.drop(Facts.validating)
        return current

    @writes
    def rewrite(self, run: int) -> int:
        """Let what the last comparison found wrong be written again; return how many records.

        Not counted are those that are no longer in the target, files of other content among them.

        A file in the target cannot be changed: it is uploaded again, and the other one stays.
        """
        text = """SELECT id, kind FROM item WHERE state = ?
            AND id IN (SELECT item FROM proof WHERE wrong > 0)"""
        rows = list(self.database.select(text, (State.FINISHED,)))
        files = [number for number, kind in rows if kind == Kind.ATTACHMENT]
        for number in files:
            self._transitions.forget_object(number, State.DELETED, reason=OTHER_CONTENT)
        left = [number for number, kind in rows if kind != Kind.ATTACHMENT]
        self._transitions.move_rows(left, State.READY, attempts=0)
        self._journal.add([Event(run, number, JournalEvent.REPAIR) for number, _ in rows])
        return len(left)
