"""What the transform stage reads and writes: records before and after the mapping."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import peewee as pw

from ztoq_core.convert import dumps, loads, read_json, write_json
from ztoq_core.records import FieldType, Kind, Note, Record, Ref
from ztoq_core.store.choice import LEFT_OUT
from ztoq_core.store.intake import references, replace_edges
from ztoq_core.store.models import PRUNED, Chosen, Side, State, tuples
from ztoq_core.store.notes import chunks, clean, save_notes
from ztoq_core.store.statements import Rows, ask

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["PRUNED", "Fate", "Mapped", "Scanned", "Want"]

_COLUMNS = (
    "id",
    "kind",
    "key",
    "rank",
    "state",
    "reason",
    "loss",
    "target",
    "target_digest",
    "before",
    "turn",
    "joined",
)
_KNOWN = """SELECT id, state, target_digest, written_digest, finished_digest, refused_digest,
    reason, target, before, digest FROM item WHERE id IN ??"""

_OUT_OF_REACH = (State.REJECTED, State.GONE)
_KEPT_STATES = (State.SENDING, State.UNKNOWN, State.CONFLICT)


@attrs.frozen
class Scanned:
    """A record as extracted, with its row; ``chosen`` False: only its siblings are selected.

    ``joined`` is what ``Fate.joined`` was when the log, unchanged since, was written.
    """

    item: int
    record: Record
    chosen: bool = True
    joined: Mapping[str, str] | None = None


@attrs.frozen(kw_only=True)
class Fate:
    """What became of a record in the mapping.

    ``record`` is the mapped record, or None with ``state`` skipped or failed and its ``reason``.
    ``after`` names the sibling that must be written before, ``turn`` sorts the record among its
    siblings. ``joined`` maps the results of a log to
    the steps of its case as it is now; None: they do not join. ``unshown`` are the pictures that
    only the texts of joined results have: their steps show the same.
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
class Want:
    """A field, or a value of it, that mapped records want in the target; how many do."""

    kind: Kind
    name: str
    type: FieldType
    value: str
    count: int
    optional: bool


class Mapped:
    """The transform stage's side of a store."""

    def __init__(self, store: Store) -> None:
        """Work on ``store``."""
        self._store = store
        self._item = store.item_table
        self._rows = Rows(self._item, _COLUMNS, key=("id",), keep=("kind", "key", "rank"))

    # -------------------------------------------------------------------------------- reading

    def field_values(
        self, kind: Kind, after: int, limit: int, since_run: int = 0
    ) -> list[tuple[int, Any]]:
        """Return row ids and the plain JSON of extracted records, for looking at their fields.

        Where ``since_run`` is given, only what the source has given in that run or later.
        """
        item = self._item
        query = (
            item.select(item.id, item.record)
            .where(self._whole(kind) & (item.seen_run >= since_run) & (item.id > after))
            .order_by(item.id)
            .limit(limit)
        )
        return [(number, read_json(bytes(body))) for number, body in tuples(query)]

    def scan(
        self, kind: Kind, after: int, limit: int, *, everything: bool = False
    ) -> list[Scanned]:
        """Return extracted records of a kind that are selected (or ``everything``), by row id."""
        item = self._item
        where = self._whole(kind) & (item.id > after)
        if not everything:
            where &= item.chosen != Chosen.NO
        query = item.select(item.id, item.record).where(where).order_by(item.id).limit(limit)
        return [Scanned(number, loads(kind, bytes(body))) for number, body in tuples(query)]

    def scan_logs(
        self, after: tuple[str, str, int] | None, limit: int, *, everything: bool = False
    ) -> list[tuple[tuple[str, str, int], Scanned]]:
        """Return logs run by run, each run's in their order, with the place to go on from.

        Of each selected run all logs, since a log's mapping depends on its siblings. Where
        ``everything`` is wanted, each counts as chosen.
        """
        item, run = self._item, self._item.alias()
        place = (item.sibling_group, item.sibling_order, item.id)
        runs = run.select(run.key).where((run.kind == Kind.TEST_RUN) & (run.chosen != Chosen.NO))
        where = self._whole(Kind.TEST_LOG)
        if not everything:
            where &= (item.chosen != Chosen.NO) | (item.sibling_group << runs)
        if after is not None:
            where &= pw.Tuple(*place) > pw.Tuple(*after)
        query = (
            item.select(item.sibling_group, item.sibling_order, *self._log_columns())
            .where(where)
            .order_by(*place)
            .limit(limit)
        )
        found = [
            ((group, order, row[0]), _scanned_log(*row)) for group, order, *row in tuples(query)
        ]
        if everything:
            return [(each, attrs.evolve(scanned, chosen=True)) for each, scanned in found]
        return found

    def logs_of(self, group: str) -> list[Scanned]:
        """Return all logs of a run, in the order of their sequence."""
        item = self._item
        query = (
            item.select(*self._log_columns())
            .where(self._whole(Kind.TEST_LOG) & (item.sibling_group == group))
            .order_by(item.sibling_order, item.id)
        )
        return [_scanned_log(*row) for row in tuples(query)]

    def _log_columns(self) -> tuple[pw.Field, ...]:
        item = self._item
        return item.id, item.record, item.chosen, item.digest, item.written_digest, item.joined

    def _whole(self, kind: Kind) -> pw.Expression:
        item = self._item
        where: pw.Expression = (
            (item.kind == kind)
            & ~item.pending
            & ~item.record.is_null()
            & item.state.not_in(_OUT_OF_REACH)
            # what a rollback deleted may be written again, what was pruned may not
            & ((item.state != State.DELETED) | (item.reason != PRUNED))
        )
        return where

    def record(self, ref: Ref) -> Record | None:
        """Return a record as extracted."""
        item = self._item
        row = next(
            tuples(item.select(item.record).where((item.kind == ref.kind) & (item.key == ref.key))),
            None,
        )
        return loads(ref.kind, bytes(row[0])) if row and row[0] else None

    def records(self, kind: Kind, keys: Iterable[str]) -> dict[str, Record]:
        """Return extracted records of a kind by key."""
        item = self._item
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Record] = {}
        for some in chunks(wanted):
            query = item.select(item.key, item.record).where(
                (item.kind == kind) & (item.key << list(some)) & ~item.record.is_null()
            )
            found |= {key: loads(kind, bytes(body)) for key, body in tuples(query)}
        return found

    def lost_files(self, keys: Sequence[str]) -> dict[str, str]:
        """Return why those of the files that are not at hand are not."""
        item = self._item
        lost = dict.fromkeys(keys, "the source does not have it any more")
        for some in chunks(list(lost)):
            query = item.select(item.key, item.state, item.reason, item.pending).where(
                (item.kind == Kind.ATTACHMENT) & (item.key << list(some))
            )
            for key, state, reason, pending in tuples(query):
                if pending:
                    lost[key] = "it has not been read yet"
                elif state == State.REJECTED:
                    lost[key] = reason
                elif state != State.GONE:
                    del lost[key]
        return lost

    def unshown(self, keys: Sequence[str]) -> set[str]:
        """Return those of the files that no text in the target would show."""
        edge = self._store.edge_table
        query = edge.select(edge.key).where(
            (edge.kind == Kind.ATTACHMENT)
            & (edge.key << list(keys))
            & (edge.side == Side.TARGET)
            & (edge.role == "unshown")
        )
        return {key for (key,) in tuples(query)}

    def run_cases(self, keys: Sequence[str]) -> set[str]:
        """Return those of the case keys that a run refers to."""
        edge, item = self._store.edge_table, self._item
        query = (
            edge.select(edge.key)
            .join(item, on=edge.child == item.id)
            .where(
                (edge.side == Side.SOURCE)
                & (edge.kind == Kind.TEST_CASE)
                & (edge.key << list(keys))
                & (item.kind == Kind.TEST_RUN)
            )
            .distinct()
        )
        return {key for (key,) in tuples(query)}

    # -------------------------------------------------------------------------------- writing

    def save(self, fates: Sequence[Fate]) -> None:
        """Store what became of a batch of records of one kind. An operation for the writer."""
        found = ask(self._store.database, _KNOWN, (), [fate.item for fate in fates])
        known = {row[0]: row for row in found}
        edges: list[tuple[Any, ...]] = []
        changed: list[int] = []
        rows = []
        for fate in fates:
            _, state, before, written, finished, refused, reason, old, older, own = known[fate.item]
            body = dumps(fate.record) if fate.record else None
            digest = hashlib.sha256(body).hexdigest() if body else ""
            new = self._state(fate, digest, state, written, finished, refused)
            if new is State.FAILED and fate.record is not None and reason == LEFT_OUT:
                new = State.SKIPPED
            kept = new == state or (new is State.FAILED and fate.record is not None)
            rows.append(
                (
                    fate.item,
                    fate.source.kind.value,
                    fate.source.key,
                    fate.source.kind.rank,
                    new.value,
                    reason if kept else clean(fate.reason),
                    fate.loss,
                    body,
                    digest,
                    old if before == written and digest != before else older,
                    fate.turn,
                    _remember(fate, own),
                )
            )
            # a log's turn may change though the log does not: one may have come in before it
            turn = fate.source.kind is Kind.TEST_LOG and new is not State.FINISHED
            if digest != before or not digest or turn:
                changed.append(fate.item)
                edges += self._target_edges(fate)
        self._rows.save(rows)
        replace_edges(self._store, Side.TARGET, changed, edges)
        save_notes(self._store, "transform", [(fate.source.ref, fate.notes) for fate in fates])
        brought = {
            each.ref: each for fate in fates if fate.record for each in fate.record.companions
        }
        for each in brought.values():
            self._bring(each)

    @staticmethod
    def _state(  # noqa: PLR0913, PLR0917 - the columns that decide
        fate: Fate, digest: str, state: str, written: str, finished: str, refused: str
    ) -> State:
        if state in _KEPT_STATES:
            return State(state)
        if fate.record is None:
            return fate.state
        if written == digest:
            return State.FINISHED if finished == digest else State.WRITTEN
        if refused == digest:
            return State.FAILED
        return State.READY

    def _target_edges(self, fate: Fate) -> Iterator[tuple[Any, ...]]:
        if fate.record is None:
            return
        named = list(references(fate.record))
        if fate.after:
            named.append(("after", fate.after))
        named += (("unshown", ref) for ref in fate.unshown)
        for role, ref in named:
            yield fate.item, Side.TARGET.value, role, ref.kind.value, ref.key

    def _bring(self, record: Record) -> None:
        """Store a record that only the target needs; the same one comes many times."""
        for each in record.companions:
            self._bring(each)
        body = dumps(record)
        digest = hashlib.sha256(body).hexdigest()
        item = self._item
        row = next(
            tuples(
                item.select(item.id, item.target_digest, item.state).where(
                    (item.kind == record.kind) & (item.key == record.key)
                )
            ),
            None,
        )
        if row and row[1] == digest and row[2] not in {State.SKIPPED, State.DELETED}:
            return
        if row is None:
            number = item.insert(
                kind=record.kind, key=record.key, rank=record.kind.rank, derived=True
            ).execute()
        else:
            number = row[0]
        self.save([Fate(item=number, source=record, record=record, notes=record.notes)])

    def bring(self, records: Iterable[Record]) -> None:
        """Store records that the engine derives (fields, roots). An operation for the writer."""
        for record in records:
            self._bring(record)

    # ---------------------------------------------------------------------------------- wants

    def replace_wants(self, wants: Iterable[Want]) -> None:
        """Store what the mapped records want of the target's fields, all anew."""
        table = self._store.need_table
        table.delete().execute()
        rows = [
            {
                "kind": each.kind,
                "name": clean(each.name),
                "type": each.type,
                "value": clean(each.value),
                "count": each.count,
                "optional": each.optional,
            }
            for each in wants
        ]
        for some in chunks(rows):
            table.insert_many(some).execute()

    def wants(self) -> list[Want]:
        """Return what the mapped records want of the target's fields."""
        table = self._store.need_table
        query = table.select(
            table.kind, table.name, table.type, table.value, table.count, table.optional
        ).order_by(table.kind, table.name, table.value)
        return [
            Want(Kind(kind), name, FieldType(type_), value, count, bool(optional))
            for kind, name, type_, value, count, optional in tuples(query)
        ]


def _scanned_log(  # noqa: PLR0913, PLR0917 - the columns of the item table
    number: int, body: bytes, chosen: str, digest: str, written: str, joined: str
) -> Scanned:
    then = _remembered(joined, digest) if written else None
    return Scanned(number, loads(Kind.TEST_LOG, bytes(body)), chosen != Chosen.NO, then)


def _remember(fate: Fate, digest: str) -> str:
    """Return how a log joined, with the digest of the log as it was extracted."""
    if fate.source.kind is not Kind.TEST_LOG:
        return ""
    return write_json([digest, fate.joined]).decode()


def _remembered(joined: str, digest: str) -> Mapping[str, str] | None:
    """Return how a log joined if it has not changed since; ``{}`` if it did not join."""
    if not joined:
        return None
    then, steps = read_json(joined.encode())
    return (steps or {}) if then == digest else None
