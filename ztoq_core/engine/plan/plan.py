"""Makes a plan: looks at the store and the target as a load does, and writes to neither."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import attrs

from ztoq_core.contracts import CallForecast, CallTally, Finding, Schema, Sink
from ztoq_core.engine.guard import plugin_call
from ztoq_core.engine.load.containers import find_changed
from ztoq_core.engine.load.marks import marks_of
from ztoq_core.engine.load.target_fields import MissingField, field_definitions, missing_fields
from ztoq_core.engine.plan.values import Foreseen, ValueCheck
from ztoq_core.engine.run import Run
from ztoq_core.errors import ConfigError, one_error
from ztoq_core.records import Attachment, Folder, Kind, Level, Record, Ref
from ztoq_core.store import Phase, PlannedLoad, PlannedRecord, Seen, State, chunks

_LOOKS = 32
_BATCH = 400
_KEYS = 3
_PILOT = 20


@attrs.frozen(kw_only=True)
class KindPlan:
    """What becomes of the records of one kind.

    ``leave``: in the target as they are wanted. ``adopt``: an object with the record's mark is
    there, or may be; it is looked for, and created only where it is not found. ``failed`` are those
    that stay out: refused before, blocked, or unusable. ``complete``: written already, and to be
    completed. ``calls`` are those of create and update.
    """

    kind: Kind
    create: int = 0
    update: int = 0
    leave: int = 0
    skip: int = 0
    conflict: int = 0
    adopt: int = 0
    failed: int = 0
    complete: int = 0
    calls: int = 0


@attrs.frozen(kw_only=True)
class Saving:
    """How much less ``options`` would write; where it ``saves`` not, how much a pilot writes."""

    options: str
    records: int
    calls: int
    saves: bool = True


@attrs.frozen(kw_only=True)
class PlanDigest:
    """What a plan holds for: the target, the mapping, and every mapped record."""

    target: str
    mapping: str
    records: str


@attrs.frozen(kw_only=True)
class Plan:
    """What a load would do.

    ``required`` are fields that stop it before its first write, ``lacking`` what the target lacks:
    created where ``creates``, else text where ``accepts`` and a stop where not. ``refusals`` are
    values that the target would refuse, ``changes`` losses and changes.

    ``calls`` are those of the load to the target, ``source_calls`` to the source, ``looks`` of them
    before its first write; of them ``in_a_row`` wait for each other. ``validation_calls`` are those
    of a validation afterwards. ``file_bytes`` are to be uploaded, ``text_bytes`` is the size of the
    records.
    """

    digest: PlanDigest
    on_conflict: str = "keep-target"
    accepts: bool = False
    creates: bool = False
    selection: str = ""
    kinds: tuple[KindPlan, ...] = ()
    required: tuple[MissingField, ...] = ()
    lacking: tuple[MissingField, ...] = ()
    fields_known: bool = True
    refusals: tuple[Foreseen, ...] = ()
    changes: tuple[Foreseen, ...] = ()
    findings: tuple[Finding, ...] = ()
    edited_containers: tuple[str, ...] = ()
    calls: int = 0
    looks: int = 0
    in_a_row: int = 0
    source_calls: int = 0
    validation_calls: int = 0
    file_bytes: int = 0
    text_bytes: int = 0
    savings: tuple[Saving, ...] = ()

    @property
    def blocked(self) -> bool:
        """Whether the load would end before its first write."""
        errors = any(each.level == "error" and not each.later for each in self.findings)
        lacks = (self.lacking or not self.fields_known) and not (self.creates or self.accepts)
        conflicts = self.on_conflict == "fail" and bool(self.edited_containers)
        return bool(self.required) or errors or bool(lacks) or conflicts

    @property
    def total(self) -> KindPlan:
        """The sums over all kinds."""
        sums: Counter[str] = Counter()
        for each in self.kinds:
            sums.update(attrs.asdict(each, filter=lambda field, _: field.name != "kind"))
        return KindPlan(kind=Kind.FIELD, **sums)

    @property
    def clean(self) -> bool:
        """Whether nothing that is to arrive would be left out."""
        sums = self.total
        return not (self.blocked or self.refusals or sums.conflict or sums.failed)


async def require_same(run: Run, wanted: PlanDigest, *, target: str, mapping: str) -> None:
    """Refuse a plan that was made for something else.

    Raises:
        ConfigError: Source, mapping or target changed since.
    """
    present = PlanDigest(target=target, mapping=mapping, records=await run.store.planning.digest())
    reasons = {
        "target": f"it is for the target {wanted.target!r}, the configuration names {target!r}",
        "mapping": "the mapping in the configuration changed since",
        "records": "the records to write changed since, by another extraction or mapping",
    }
    differs = [why for name, why in reasons.items() if _differs(name, wanted, present)]
    if differs:
        raise ConfigError(
            f"This plan cannot be carried out: {'; '.join(differs)}. Nothing was written. "
            "Make a new one: ztoq transform, then ztoq plan --output FILE"
        )


def _differs(name: str, one: PlanDigest, other: PlanDigest) -> bool:
    return bool(getattr(one, name) != getattr(other, name))


async def plan(
    run: Run,
    sink: Sink,
    *,
    mapping: str = "",
    accept_missing_fields: bool = False,
    on_conflict: str = "keep-target",
) -> Plan:
    """Return what ``load`` would do with the same arguments; nothing is written anywhere.

    The target is read as a load reads it before its first write: its fields, the containers that
    new records go into, each object that is to be updated, and the marks if the store is new.
    ``mapping`` is a digest of the mapping's configuration.
    """
    store, reporter = run.store, run.reporter("plan")
    findings = await sink.check()
    store.bind(sink=sink.identity, remember=False)
    schema = await sink.describe()
    lacking = missing_fields(await store.transformation.needs(), schema)
    creates = schema.can_create_fields and schema.fields_known
    absent = [each for each in lacking if not each.required]
    derived: list[Record] = [*(field_definitions(absent) if creates else ()), *schema.roots]
    gone, edited = await find_changed(run, sink, reporter)
    seen = Seen(
        gone=gone,
        fields_gone=[f"{each.of}/{each.name}" for each in absent if creates and not each.exists],
        marked=await _marked(run, sink, schema),
        listed_by_owner=tuple(sink.listed_by_owner),
    )

    async def foresee(now: Seen) -> PlannedLoad:
        return await store.planning.foresee(
            now, derived, goes_with_owner=schema.goes_with_owner, on_conflict=on_conflict
        )

    load = await foresee(seen)
    changed = [number async for number in _edited(run, sink, load.updates)]
    looks = len(load.updates)
    if changed and on_conflict != "overwrite":
        load = await foresee(attrs.evolve(seen, edited=changed))
    counting = _Counting(
        tally=await _tally(sink, schema),
        values=ValueCheck.of(schema, absent if creates else ()),
        schema=schema,
    )
    for record, new in load.derived:
        counting.take(record, new=new)
    for rows, new in ((load.creates, True), (load.updates, False)):
        for some in chunks(rows, _BATCH):
            for each in await store.planning.records(some):
                counting.take_planned(each, new=new)
    kinds = tuple(_kinds(load, counting, schema))
    changes = [
        *counting.values.changes.values(),
        *(Foreseen(**attrs.asdict(each)) for each in await store.planning.notes(_KEYS)),
    ]
    return Plan(
        digest=PlanDigest(
            target=sink.identity, mapping=mapping, records=await store.planning.digest()
        ),
        on_conflict=on_conflict,
        accepts=accept_missing_fields,
        creates=creates,
        selection=str(store.facts.selection or ""),
        kinds=kinds,
        required=tuple(each for each in lacking if each.required),
        lacking=tuple(absent),
        fields_known=schema.fields_known,
        refusals=_by_weight(counting.values.refusals.values()),
        changes=_by_weight(changes),
        findings=findings,
        edited_containers=tuple(f"{each.ref}" for each in edited),
        # what is looked for, or only completed, takes a call or two
        calls=sum(counting.calls.values())
        + counting.tally.shared()
        + sum(2 * each.adopt + each.complete for each in kinds),
        looks=looks,
        in_a_row=counting.in_a_row(load.longest_run),
        source_calls=counting.streamed,
        validation_calls=counting.tally.to_validate(
            {each.kind: each.create + each.update + each.leave + each.adopt for each in kinds}
        ),
        file_bytes=counting.file_bytes,
        text_bytes=counting.text_bytes,
        savings=tuple(counting.savings()),
    )


def _by_weight(found: Iterable[Foreseen]) -> tuple[Foreseen, ...]:
    levels = list(Level)
    return tuple(sorted(found, key=lambda each: (-levels.index(each.level), -each.count)))


async def _marked(run: Run, sink: Sink, schema: Schema) -> Mapping[Kind, Sequence[str]]:
    """Return the keys whose marks are in the target, if the load would look for them."""
    begun = run.store.facts.adoption is Phase.BEGUN
    if not begun and not await run.store.target_index.nothing_written():
        return {}
    found = {}
    with one_error():
        for kind in Kind:
            if kind in schema.kinds - {Kind.FIELD} - set(sink.listed_by_owner):
                keys = [mark.key for mark in await marks_of(sink, kind) if mark.key]
                if keys:
                    found[kind] = list(dict.fromkeys(keys))
    return found


async def _edited(run: Run, sink: Sink, rows: Sequence[int]) -> AsyncIterator[int]:
    """Yield the rows of objects that somebody changed or removed since ztoq wrote them."""

    async def look(each: PlannedRecord) -> bool:
        record, written = each.record, each.written
        if written is None:
            return False
        with plugin_call(sink, "current", record.ref):
            present = await sink.current(record.kind, written.target_id)
        return present is None or bool(written.stamp and present.stamp != written.stamp)

    with one_error():
        for some in chunks(rows, _LOOKS):
            records = await run.store.planning.records(some)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(look(each)) for each in records]
            for each, task in zip(records, tasks, strict=True):
                if task.result():
                    yield each.row


async def _tally(sink: Sink, schema: Schema) -> CallTally:
    return await sink.forecast() if isinstance(sink, CallForecast) else _PlainTally(schema)


@attrs.frozen
class _PlainTally:
    """Counts a call for each method of a sink that does not say what they cost."""

    schema: Schema

    def add(self, record: Record, *, new: bool) -> int:
        return 1 + (not new) + self.schema.to_finish(record)

    def shared(self) -> int:
        return 0

    def to_validate(self, counts: Mapping[Kind, int]) -> int:
        return sum(counts.values())


@attrs.define(kw_only=True)
class _Counting:
    """Sums up what the records cost, in calls and bytes, and what they would lose."""

    tally: CallTally
    values: ValueCheck
    schema: Schema
    calls: Counter[Kind] = attrs.field(factory=Counter)
    records: Counter[Kind] = attrs.field(factory=Counter)
    older: Counter[str] = attrs.field(factory=Counter)
    streamed: int = 0
    file_bytes: int = 0
    text_bytes: int = 0
    _depth: dict[Ref, int] = attrs.field(factory=dict)

    def take(self, record: Record, *, new: bool) -> int:
        """Count a record; return its calls."""
        calls = self.tally.add(record, new=new)
        self.calls[record.kind] += calls
        self.records[record.kind] += 1
        if isinstance(record, Folder):
            self._depth[record.ref] = 1 + (
                self._depth.get(record.parent, 0) if record.parent else 0
            )
        return calls

    def take_planned(self, each: PlannedRecord, *, new: bool) -> None:
        """Count a record of the store, and look at its values."""
        record = each.record
        if record.kind not in self.schema.kinds:
            return
        calls = self.take(record, new=new)
        self.text_bytes += each.size
        if each.older and new:
            self.older.update(records=1, calls=calls)
        if isinstance(record, Attachment):
            self.file_bytes += record.size
            self.streamed += not record.sha256
        self.values.take(record)

    def in_a_row(self, longest_run: int) -> int:
        """Return how many calls wait for each other: from a field to a file of the last log."""

        def of(kind: Kind) -> int:
            return -(-self.calls[kind] // self.records[kind]) if self.records[kind] else 0

        fields = 2 * of(Kind.FIELD)  # those of the keys come first
        depth = max(self._depth.values(), default=0)
        rest = (kind for kind in Kind if kind not in {Kind.FIELD, Kind.FOLDER, Kind.TEST_LOG})
        return (
            fields + depth * of(Kind.FOLDER) + sum(map(of, rest)) + longest_run * of(Kind.TEST_LOG)
        )

    def savings(self) -> Iterable[Saving]:
        """Return what a smaller selection would save, and what a pilot costs."""
        if self.older:
            yield Saving(
                options="--executions latest",
                records=self.older["records"],
                calls=self.older["calls"],
            )
        cases = self.records[Kind.TEST_CASE]
        if cases > _PILOT:
            once = {Kind.FIELD, Kind.FOLDER, Kind.TEST_PLAN}
            share = _PILOT / cases

            def pilot(counts: Counter[Kind]) -> int:
                return sum(
                    number if kind in once else round(number * share)
                    for kind, number in counts.items()
                )

            yield Saving(
                options=f"--limit {_PILOT}",
                records=pilot(self.records),
                calls=pilot(self.calls),
                saves=False,
            )


_BECOMES = {
    State.CONFLICT: "conflict",
    State.UNKNOWN: "adopt",
    State.SENDING: "adopt",
    State.WRITTEN: "complete",
    State.FAILED: "failed",
    State.BLOCKED: "failed",
    State.REJECTED: "failed",
    State.LISTED: "failed",
    State.EXTRACTED: "failed",
}
"""The columns of ``KindPlan`` of states in which it does not matter what the target has."""


def _kinds(load: PlannedLoad, counting: _Counting, schema: Schema) -> Iterable[KindPlan]:
    """Yield what becomes of each kind."""
    for kind in Kind:
        sums: Counter[str] = Counter()
        writes = kind in {Kind.FIELD, *schema.kinds}
        for (of, state, there), number in load.counts.items():
            column = "leave" if there and state is not State.SKIPPED else "skip"
            if state is State.READY and writes:
                column = "update" if there else "create"
            if of is kind:
                sums[_BECOMES.get(state, column)] += number
        if sums:
            yield KindPlan(kind=kind, calls=counting.calls[kind], **sums)
