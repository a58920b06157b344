"""What the transform stage reads and writes: records before and after the mapping."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from ztoq_core.convert import dumps, loads, read_json, write_json
from ztoq_core.records import FieldType, Kind, Note, Record, Ref
from ztoq_core.store.database import reads, writes
from ztoq_core.store.records import references, replace_edges, save_notes
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import BulkInsert, clean, literals
from ztoq_core.store.states import (
    ABSENT,
    KEPT_BY_MAPPING,
    Cause,
    Origin,
    Role,
    Selected,
    Side,
    State,
    check_transition,
)
from ztoq_core.store.tables import WITH_SOURCE, Item, Need, TargetBody

_COLUMNS = (
    "id",
    "kind",
    "key",
    "rank",
    "state",
    "reason",
    "cause",
    "loss",
    "target_digest",
    "turn",
    "joined",
)
_KNOWN = """SELECT id, state, target_digest, written_digest, finished_digest, refused_digest,
    reason, cause, digest FROM item WHERE id IN ??"""


_USABLE = f"""kind = ? AND NOT pending
    AND state NOT IN {literals(ABSENT)}
    AND cause <> '{Cause.PRUNED}'"""
"""What a rollback deleted may be written again, what was pruned may not."""
_LOG = "id, record, chosen, digest, written_digest, joined"


@attrs.frozen
class ExtractedRecord:
    """A record as extracted, with its row; ``chosen`` False: only its siblings are selected.

    ``joined`` is what ``MappingOutcome.joined`` was when the log, unchanged since, was written.
    """

    item: int
    record: Record
    chosen: bool = True
    joined: Mapping[str, str] | None = None


@attrs.frozen(kw_only=True)
class MappingOutcome:
    """What became of a record in the mapping.

    ``record`` is the mapped record, or None with ``state`` skipped or failed and its ``reason``.
    ``after`` names the sibling that must be written before, ``turn`` sorts the record among its
    siblings. ``joined`` maps the results of a log to the steps of its case as it is now; None: they
    do not join. ``unshown`` are the pictures that only the texts of joined results have: their
    steps show the same.
    """

    item: int
    source: Record
    record: Record | None
    state: State = State.READY
    reason: str = ""
    loss: bool = False
    after: Ref | None = None
    turn: str = ""
    joined: Mapping[str, str] | None = None
    unshown: tuple[Ref, ...] = ()
    notes: tuple[Note, ...] = ()


@attrs.frozen
class FieldNeed:
    """A field, or a value of it, that mapped records need in the target; how many do."""

    kind: Kind
    name: str
    type: FieldType
    value: str
    count: int
    optional: bool


_ROWS = BulkInsert(Item, _COLUMNS, key=("id",), keep=("kind", "key", "rank"))
_BODY = ("item", "target")
_BODIES = BulkInsert(TargetBody, _BODY, key=("item",))
_REMEMBER = ", before = target_body.target"
_BODIES_AFTER_WRITTEN = BulkInsert(TargetBody, _BODY, key=("item",), also=_REMEMBER)
_DERIVED = BulkInsert(Item, ("kind", "key", "rank", "derived"))
_NEEDS = BulkInsert(Need, [field.name for field in attrs.fields(FieldNeed)])


class TransformationStore(Repository):
    """Records before and after the mapping, and what these need in the target."""

    # -------------------------------------------------------------------------------- reading

    @reads
    def field_values(
        self, kind: Kind, after: int, limit: int, since_run: int = 0
    ) -> list[tuple[int, Any]]:
        """Return row ids and the plain JSON of extracted records, for looking at their fields.

        Where ``since_run`` is given, only what the source has given in that run or later.
        """
        text = f"""SELECT id, record FROM {WITH_SOURCE} WHERE {_USABLE} AND seen_run >= ? AND id > ?
            ORDER BY id LIMIT ?"""
        found = self.database.select(text, (kind, since_run, after, limit))
        return [(number, read_json(bytes(body))) for number, body in found]

    @reads
    def scan(
        self, kind: Kind, after: int, limit: int, *, everything: bool = False
    ) -> list[ExtractedRecord]:
        """Return extracted records of a kind that are selected (or ``everything``), by row id."""
        selected = "" if everything else f"AND chosen <> '{Selected.NO}'"
        text = f"""SELECT id, record FROM {WITH_SOURCE} WHERE {_USABLE} AND id > ? {selected}
            ORDER BY id LIMIT ?"""
        found = self.database.select(text, (kind, after, limit))
        return [ExtractedRecord(number, loads(kind, bytes(body))) for number, body in found]

    @reads
    def scan_logs(
        self, after: tuple[str, str, int] | None, limit: int, *, everything: bool = False
    ) -> list[tuple[tuple[str, str, int], ExtractedRecord]]:
        """Return logs run by run, each run's in their order, with the place to go on from.

        Of each selected run all logs, since a log's mapping depends on its siblings. Where
        ``everything`` is wanted, each counts as chosen.
        """
        values: list[Any] = [Kind.TEST_LOG]
        where = _USABLE
        if not everything:
            where += """ AND (chosen <> ? OR sibling_group IN
                (SELECT run.key FROM item run WHERE run.kind = ? AND run.chosen <> ?))"""
            values += [Selected.NO, Kind.TEST_RUN, Selected.NO]
        if after is not None:
            where += " AND (sibling_group, sibling_order, id) > (?, ?, ?)"
            values += after
        text = f"""SELECT sibling_group, sibling_order, {_LOG} FROM {WITH_SOURCE} WHERE {where}
            ORDER BY sibling_group, sibling_order, id LIMIT ?"""
        found = [
            ((group, order, row[0]), _extracted_log(row))
            for group, order, *row in self.database.select(text, (*values, limit))
        ]
        if everything:
            return [(each, attrs.evolve(scanned, chosen=True)) for each, scanned in found]
        return found

    @reads
    def logs_of(self, group: str) -> list[ExtractedRecord]:
        """Return all logs of a run, in the order of their sequence."""
        text = f"""SELECT {_LOG} FROM {WITH_SOURCE} WHERE {_USABLE} AND sibling_group = ?
            ORDER BY sibling_order, id"""
        found = self.database.select(text, (Kind.TEST_LOG, group))
        return [_extracted_log(row) for row in found]

    @reads
    def record(self, ref: Ref) -> Record | None:
        """Return a record as extracted."""
        return self.records.body(ref.kind, [ref.key]).get(ref.key)

    @reads
    def records(self, kind: Kind, keys: Iterable[str]) -> dict[str, Record]:
        """Return extracted records of a kind by key."""
        text = f"SELECT key, record FROM {WITH_SOURCE} WHERE kind = ? AND key IN ??"
        found = self.database.select(text, (kind,), list(dict.fromkeys(keys)))
        return {key: loads(kind, bytes(body)) for key, body in found}

    @reads
    def lost_files(self, keys: Sequence[str]) -> dict[str, str]:
        """Return, for each of the files that is not in the store, the reason."""
        lost = dict.fromkeys(keys, "the source does not have it any more")
        text = "SELECT key, state, reason, pending FROM item WHERE kind = ? AND key IN ??"
        found = self.database.select(text, (Kind.ATTACHMENT,), list(lost))
        for key, state, reason, pending in found:
            if pending:
                lost[key] = "it has not been read yet"
            elif state == State.REJECTED:
                lost[key] = reason
            elif state != State.GONE:
                del lost[key]
        return lost

    @reads
    def unshown(self, keys: Sequence[str]) -> set[str]:
        """Return those of the files that no text in the target would show."""
        text = "SELECT key FROM edge WHERE kind = ? AND side = ? AND role = ? AND key IN ??"
        found = self.database.select(text, (Kind.ATTACHMENT, Side.TARGET, Role.UNSHOWN), keys)
        return {key for (key,) in found}

    @reads
    def run_cases(self, keys: Sequence[str]) -> set[str]:
        """Return those of the case keys that a run refers to."""
        text = """SELECT DISTINCT edge.key FROM edge JOIN item ON item.id = edge.child
            WHERE side = ? AND edge.kind = ? AND item.kind = ? AND edge.key IN ??"""
        values = (Side.SOURCE, Kind.TEST_CASE, Kind.TEST_RUN)
        return {key for (key,) in self.database.select(text, values, keys)}

    # -------------------------------------------------------------------------------- writing

    @writes
    def save(self, outcomes: Sequence[MappingOutcome]) -> None:
        """Store what became of a batch of records of one kind."""
        found = self.database.select(_KNOWN, (), [outcome.item for outcome in outcomes])
        known = {row[0]: row for row in found}
        edges: list[tuple[Any, ...]] = []
        changed: list[int] = []
        rows = []
        bodies: dict[BulkInsert, list[tuple[Any, ...]]] = {}
        for outcome in outcomes:
            _, state, *digests, reason, cause, own = known[outcome.item]
            before, written, _, _ = digests
            body = dumps(outcome.record) if outcome.record else None
            digest = hashlib.sha256(body).hexdigest() if body else ""
            new = _state_after(outcome, digest, State(state), digests)
            if new is State.FAILED and outcome.record is not None and cause == Cause.LEFT_OUT:
                new = State.SKIPPED
            check_transition((State(state),), new)
            kept = new == state or (new is State.FAILED and outcome.record is not None)
            rows.append(
                (
                    outcome.item,
                    outcome.source.kind.value,
                    outcome.source.key,
                    outcome.source.kind.rank,
                    new.value,
                    reason if kept else clean(outcome.reason),
                    cause if kept else Cause.NONE.value,
                    outcome.loss,
                    digest,
                    outcome.turn,
                    _remember(outcome, own),
                )
            )
            if digest != before:
                save = _BODIES_AFTER_WRITTEN if before == written else _BODIES
                bodies.setdefault(save, []).append((outcome.item, body))
            # a log's turn may change though the log does not: one may have come in before it
            turn = outcome.source.kind is Kind.TEST_LOG and new is not State.FINISHED
            if digest != before or not digest or turn:
                changed.append(outcome.item)
                edges += self._target_edges(outcome)
        self.database.insert(_ROWS, rows)
        for save, these in bodies.items():
            self.database.insert(save, these)
        replace_edges(self.database, Side.TARGET, changed, edges)
        save_notes(
            self.database,
            Origin.TRANSFORM,
            [(outcome.source.ref, outcome.notes) for outcome in outcomes],
        )
        brought = {
            each.ref: each
            for outcome in outcomes
            if outcome.record
            for each in outcome.record.companions
        }
        for each in brought.values():
            self._save_derived(each)

    def _target_edges(self, outcome: MappingOutcome) -> Iterator[tuple[Any, ...]]:
        if outcome.record is None:
            return
        named = list(references(outcome.record))
        if outcome.after:
            named.append((Role.AFTER, outcome.after))
        named += ((Role.UNSHOWN, ref) for ref in outcome.unshown)
        for role, ref in named:
            yield outcome.item, Side.TARGET.value, role, ref.kind.value, ref.key

    def _save_derived(self, record: Record) -> None:
        """Store a record that only the target needs; the same one comes many times."""
        for each in record.companions:
            self._save_derived(each)
        digest = hashlib.sha256(dumps(record)).hexdigest()
        text = "SELECT id, target_digest, state FROM item WHERE kind = ? AND key = ?"
        row = next(self.database.select(text, (record.kind, record.key)), None)
        if row is None:
            values = (record.kind.value, record.key, record.kind.rank, True)
            self.database.insert(_DERIVED, [values])
            ((number, _, _),) = self.database.select(text, (record.kind, record.key))
        else:
            number, known, state = row
            if known == digest and state not in {State.SKIPPED, State.DELETED}:
                return
        self.save.body(
            [MappingOutcome(item=number, source=record, record=record, notes=record.notes)]
        )

    @writes
    def save_derived(self, records: Iterable[Record]) -> None:
        """Store records that the engine derives (fields, roots)."""
        for record in records:
            self._save_derived(record)

    # ---------------------------------------------------------------------------------- needs

    @writes
    def replace_needs(self, needs: Iterable[FieldNeed]) -> None:
        """Store what the mapped records need of the target's fields, instead of what was stored."""
        self.database.execute("DELETE FROM need")
        rows = [
            attrs.evolve(each, name=clean(each.name), value=clean(each.value)) for each in needs
        ]
        self.database.insert(_NEEDS, [attrs.astuple(each) for each in rows])

    @reads
    def needs(self) -> list[FieldNeed]:
        """Return what the mapped records need of the target's fields."""
        text = """SELECT kind, name, type, value, count, optional FROM need
            ORDER BY kind, name, value"""
        return [
            FieldNeed(Kind(kind), name, FieldType(type_), value, count, bool(optional))
            for kind, name, type_, value, count, optional in self.database.select(text)
        ]


def _state_after(
    outcome: MappingOutcome, digest: str, state: State, digests: Sequence[str]
) -> State:
    """Return the state of a record after its mapping, whose digest is ``digest`` now.

    ``digests`` are those of the mapped form before, as written, as finished and as refused.
    """
    _, written, finished, refused = digests
    if state in KEPT_BY_MAPPING:
        return state
    if outcome.record is None:
        return outcome.state
    if written == digest:
        return State.FINISHED if finished == digest else State.WRITTEN
    return State.FAILED if refused == digest else State.READY


def _extracted_log(row: Sequence[Any]) -> ExtractedRecord:
    """Return what the columns ``_LOG`` describe."""
    number, body, chosen, digest, written, joined = row
    then = _remembered(joined, digest) if written else None
    return ExtractedRecord(number, loads(Kind.TEST_LOG, bytes(body)), chosen != Selected.NO, then)


def _remember(outcome: MappingOutcome, digest: str) -> str:
    """Return how a log joined, with the digest of the log as it was extracted."""
    if outcome.source.kind is not Kind.TEST_LOG:
        return ""
    return write_json([digest, outcome.joined]).decode()


def _remembered(joined: str, digest: str) -> Mapping[str, str] | None:
    """Return how a log joined if it has not changed since; ``{}`` if it did not join."""
    if not joined:
        return None
    then, steps = read_json(joined.encode())
    return (steps or {}) if then == digest else None
