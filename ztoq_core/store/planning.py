"""What a load would find to do: its own preparation, in a transaction that is rolled back."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial

import attrs

from ztoq_core.convert import loads
from ztoq_core.records import Kind, Level, Record, Ref
from ztoq_core.store.database import Database, reads
from ztoq_core.store.decisions import Decisions
from ztoq_core.store.dependencies import Dependencies
from ztoq_core.store.repository import Repository
from ztoq_core.store.rollback import RollbackItem, RollbackStore
from ztoq_core.store.sql import literals
from ztoq_core.store.states import BELONGS, Role, Side, State
from ztoq_core.store.tables import MAPPED, WITH_TARGET
from ztoq_core.store.target_index import TargetIndex
from ztoq_core.store.transformation import TransformationStore

_PAGE = 10_000
_LATE = f"""SELECT id, target_digest FROM item WHERE kind = '{Kind.TEST_LOG}'
    AND state = '{State.READY}' AND target_id IS NULL AND EXISTS (SELECT 1 FROM item later
        WHERE later.kind = item.kind AND later.sibling_group = item.sibling_group
        AND later.turn > item.turn AND COALESCE(later.target_id, '') <> '')"""
_LATER = f"""SELECT 1 FROM item later WHERE later.kind = '{Kind.TEST_LOG}'
    AND later.sibling_group = {{0}}.sibling_group AND later.sibling_order > {{0}}.sibling_order
    AND later.state <> '{State.SKIPPED}'"""
_OLDER = f"""(item.kind = '{Kind.TEST_LOG}' AND EXISTS ({_LATER.format("item")})
    OR item.kind = '{Kind.ATTACHMENT}' AND EXISTS (SELECT 1 FROM edge
        JOIN item log ON log.kind = edge.kind AND log.key = edge.key
        WHERE child = item.id AND side = '{Side.TARGET}' AND role = '{Role.OWNER}'
        AND log.kind = '{Kind.TEST_LOG}' AND EXISTS ({_LATER.format("log")})))"""


@attrs.frozen(kw_only=True)
class Seen:
    """What a look at the target found before a load.

    ``gone`` are containers that are not there any more. ``marked`` are the keys whose marks are
    there although the store does not know the objects, ``listed_by_owner`` the kinds that are
    looked for only under these. ``edited`` are rows of objects that somebody changed.
    ``fields_gone`` are the keys of fields that it lacks.
    """

    gone: Sequence[RollbackItem] = ()
    fields_gone: Collection[str] = ()
    marked: Mapping[Kind, Collection[str]] = attrs.field(factory=dict)
    listed_by_owner: Collection[Kind] = ()
    edited: Sequence[int] = ()


@attrs.frozen(kw_only=True)
class PlannedLoad:
    """What a load has to do once it is prepared.

    ``counts`` are records by kind, state, and whether they are in the target. ``creates`` and
    ``updates`` are rows, ``derived`` what the engine adds to them, each with whether it is new.
    ``longest_run`` is the most logs of one run among them.
    """

    counts: Mapping[tuple[Kind, State, bool], int]
    creates: Sequence[int]
    updates: Sequence[int]
    derived: Sequence[tuple[Record, bool]]
    longest_run: int


@attrs.frozen(kw_only=True)
class PlannedRecord:
    """A record that is to be written.

    ``older``: an execution that is not the newest of its run, or a file of one. ``size`` is that of
    the record, in bytes.
    """

    record: Record
    older: bool
    size: int


@attrs.define(kw_only=True)
class NoteExample:
    """Notes of one level and code about records of one kind: how many, and the first of them."""

    level: Level
    code: str
    text: str
    kind: Kind | None = None
    count: int = 0
    keys: tuple[str, ...] = ()


class _UndoneError(Exception):
    """Ends a transaction whose result is all that is wanted of it."""

    def __init__(self, result: PlannedLoad) -> None:
        super().__init__()
        self.result = result


class PlanningStore(Repository):
    """Questions about a load that has not begun."""

    def __init__(
        self, database: Database, transformation: TransformationStore, rollback: RollbackStore
    ) -> None:
        """Prepare as these do."""
        super().__init__(database)
        self._transformation = transformation
        self._rollback = rollback
        self._dependencies = Dependencies(database)
        self._index = TargetIndex(database)
        self._decisions = Decisions(database)

    async def foresee(
        self,
        seen: Seen,
        derived: Sequence[Record],
        *,
        goes_with_owner: Collection[Kind],
        on_conflict: str,
    ) -> PlannedLoad:
        """Return what a load would do with ``derived`` added; the store stays as it is."""
        attempt = partial(self._attempt, seen, derived, goes_with_owner, on_conflict)
        try:
            return await self.database.write(attempt)
        except _UndoneError as undone:
            return undone.result

    def _attempt(
        self, seen: Seen, derived: Sequence[Record], along: Collection[Kind], on_conflict: str
    ) -> PlannedLoad:
        """Prepare a load, and raise what that comes to, so that nothing is committed."""
        overwrite = on_conflict == "overwrite"
        self._index.missing.body(0, Kind.FIELD, seen.fields_gone)
        self._transformation.save_derived.body(derived)
        for each in seen.gone:
            self._rollback.deleted.body(0, each, "", along)
        self._dependencies.settle_states(overwrite_conflicts=overwrite)
        for kind, keys in seen.marked.items():
            self._index.doubt_marked.body(kind, list(keys))
        if seen.marked and seen.listed_by_owner:
            where = f"""kind IN {literals(seen.listed_by_owner)} AND target_id IS NULL
                AND id IN (SELECT child FROM edge JOIN item other
                ON other.kind = edge.kind AND other.key = edge.key WHERE side = '{Side.TARGET}'
                AND role IN {literals(BELONGS)} AND other.state = '{State.UNKNOWN}')"""
            while self._transitions.move((State.READY,), State.UNKNOWN, where):
                pass
        late = [] if overwrite else self._late()
        becomes = State.FAILED if on_conflict == "fail" else State.CONFLICT
        self._transitions.move_rows([*seen.edited, *late], becomes)
        self._dependencies.pass_on()
        raise _UndoneError(self._planned(derived))

    def _late(self) -> list[int]:
        """Return new executions that are older than what the target has of their run."""
        return [
            number
            for number, digest in list(self.database.select(_LATE))
            if not self._decisions.insisted.body(number, digest)
        ]

    def _planned(self, derived: Sequence[Record]) -> PlannedLoad:
        text = """SELECT kind, state, target_id IS NOT NULL, COUNT(*) FROM item
            GROUP BY kind, state, target_id IS NOT NULL"""
        counts = {
            (Kind(kind), State(state), bool(there)): number
            for kind, state, there, number in self.database.select(text)
        }
        refs = {each.ref: each for each in derived}
        creates: list[int] = []
        updates: list[int] = []
        added = []
        for number, ref, there in self._ready():
            if ref in refs:
                added.append((refs[ref], not there))
            else:
                (updates if there else creates).append(number)
        text = """SELECT COALESCE(MAX(number), 0) FROM (SELECT COUNT(*) AS number FROM item
            WHERE kind = ? AND state = ? GROUP BY sibling_group) AS runs"""
        ((longest,),) = self.database.select(text, (Kind.TEST_LOG, State.READY))
        return PlannedLoad(
            counts=counts, creates=creates, updates=updates, derived=added, longest_run=longest
        )

    def _ready(self) -> Iterator[tuple[int, Ref, bool]]:
        text = """SELECT rank, id, kind, key, target_id IS NOT NULL FROM item
            WHERE state = ? AND (rank, id) > (?, ?) ORDER BY rank, id LIMIT ?"""
        place = (-1, 0)
        while found := list(self.database.select(text, (State.READY, *place, _PAGE))):
            for rank, number, kind, key, there in found:
                place = (rank, number)
                yield number, Ref(Kind(kind), key), bool(there)

    @reads
    def records(self, rows: Sequence[int]) -> list[PlannedRecord]:
        """Return records that are to be written."""
        text = f"SELECT kind, target, {_OLDER} FROM {WITH_TARGET} WHERE id IN ??"
        return [
            PlannedRecord(record=loads(Kind(kind), bytes(body)), older=bool(older), size=len(body))
            for kind, body, older in self.database.select(text, (), rows)
        ]

    @reads
    def notes(self, shown: int) -> list[NoteExample]:
        """Return the notes of all records by level, code and kind, with ``shown`` keys of each."""
        text = """SELECT level, code, kind, COUNT(*), MIN(id) FROM note
            GROUP BY level, code, kind ORDER BY level, COUNT(*) DESC, code"""
        first = "SELECT text FROM note WHERE id = ?"
        some = "SELECT key FROM note WHERE level = ? AND code = ? AND kind = ? ORDER BY id LIMIT ?"
        return [
            NoteExample(
                level=Level(level),
                code=code,
                kind=Kind(kind) if kind else None,
                count=number,
                text=next(self.database.select(first, (least,)))[0],
                keys=tuple(
                    key for (key,) in self.database.select(some, (level, code, kind, shown)) if key
                ),
            )
            for level, code, kind, number, least in list(self.database.select(text))
        ]

    @reads
    def digest(self) -> str:
        """Return a digest of all that the mapping wants in the target, which no load changes."""
        made = hashlib.sha256()
        streamed = self._facts.files_left
        text = f"""SELECT kind, id, key, target_digest FROM item
            WHERE NOT derived AND {MAPPED} AND state <> ? AND state <> ?
            AND (kind, id) > (?, ?) ORDER BY kind, id LIMIT ?"""
        place = ("", 0)
        unwanted = (State.SKIPPED, State.GONE)
        while found := list(self.database.select(text, (*unwanted, *place, _PAGE))):
            for kind, number, key, digest in found:
                place = (kind, number)
                # what a file holds that is passed on is known only afterwards
                known = "" if streamed and kind == Kind.ATTACHMENT else digest
                made.update(f"{kind}\0{key}\0{known}\n".encode())
        return made.hexdigest()
