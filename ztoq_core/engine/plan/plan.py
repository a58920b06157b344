"""Makes a plan: looks at the store and the target as a load does, and writes to neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

import attrs

from ztoq_core.contracts import CallForecast, Finding, Schema, Sink
from ztoq_core.engine.comparison.edits import is_edited
from ztoq_core.engine.load.containers import find_changed
from ztoq_core.engine.load.marks import marks_of
from ztoq_core.engine.load.target_fields import MissingField, field_definitions, missing_fields
from ztoq_core.engine.plan.cost import Counting, PlainTally, Saving
from ztoq_core.engine.plan.values import ValueCheck
from ztoq_core.engine.run import Run, side_by_side
from ztoq_core.engine.sides import checked, current, described, owner_kinds
from ztoq_core.errors import ConfigError, one_error
from ztoq_core.records import Kind, Level, Record
from ztoq_core.store import NoteExample, Phase, PlannedLoad, Seen, State, chunks

_LOOKS = 32
_BATCH = 400
_KEYS = 3


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
class PlanKey:
    """What a plan holds for: target, digests of the mapping and the mapped records, choices."""

    target: str
    mapping: str
    records: str
    accepts: bool = False
    on_conflict: str = "keep-target"


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

    key: PlanKey
    creates: bool = False
    selection: str = ""
    kinds: tuple[KindPlan, ...] = ()
    required: tuple[MissingField, ...] = ()
    lacking: tuple[MissingField, ...] = ()
    fields_known: bool = True
    refusals: tuple[NoteExample, ...] = ()
    changes: tuple[NoteExample, ...] = ()
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
        lacks = (self.lacking or not self.fields_known) and not (self.creates or self.key.accepts)
        conflicts = self.key.on_conflict == "fail" and bool(self.edited_containers)
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


async def require_same(run: Run, wanted: PlanKey, *, target: str, mapping: str) -> None:
    """Refuse a plan that was made for something else.

    Raises:
        ConfigError: Source, mapping or target changed since.
    """
    differs = []
    if wanted.target != target:
        differs.append(f"it is for {wanted.target!r}, and the configuration names {target!r}")
    if wanted.mapping != mapping:
        differs.append("the mapping in the configuration changed since")
    if wanted.records != await run.store.planning.digest():
        differs.append("the records to write changed since, by another extraction or mapping")
    if differs:
        raise ConfigError(
            f"This plan cannot be carried out: {'; '.join(differs)}. Nothing was written. "
            "Make a new one: ztoq transform, then ztoq plan --output FILE"
        )


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
    findings = await checked(sink)
    store.bind(sink=sink.identity, remember=False)
    schema = await described(sink)
    lacking = missing_fields(await store.transformation.needs(), schema)
    creates = schema.can_create_fields and schema.fields_known
    absent = [each for each in lacking if not each.required]
    derived: list[Record] = [*(field_definitions(absent) if creates else ()), *schema.roots]
    gone, edited = await find_changed(run, sink, reporter)
    seen = Seen(
        gone=gone,
        fields_gone=[f"{each.of}/{each.name}" for each in absent if creates and not each.exists],
        marked=await _marked(run, sink, schema),
        listed_by_owner=tuple(owner_kinds(sink)),
    )

    async def foresee(now: Seen) -> PlannedLoad:
        return await store.planning.foresee(
            now, derived, goes_with_owner=schema.goes_with_owner, on_conflict=on_conflict
        )

    load = await foresee(seen)
    changed = [number async for number in _edited(run, sink, schema, load.updates)]
    looks = len(load.updates)
    if changed and on_conflict != "overwrite":
        load = await foresee(attrs.evolve(seen, edited=changed))
    values = ValueCheck.of(schema, absent if creates else ())
    tally = await sink.forecast() if isinstance(sink, CallForecast) else PlainTally(schema)
    counting = Counting(tally=tally)
    for record, new in load.derived:
        counting.take(record, new=new)
    for rows, new in ((load.creates, True), (load.updates, False)):
        for some in chunks(rows, _BATCH):
            for each in await store.planning.records(some):
                if each.record.kind in schema.kinds:
                    counting.take_planned(each, new=new)
                    values.take(each.record)
    kinds = tuple(_kinds(load, counting, schema))
    changes = [*values.changes.values(), *await store.planning.notes(_KEYS)]
    return Plan(
        key=PlanKey(
            target=sink.identity,
            mapping=mapping,
            records=await store.planning.digest(),
            accepts=accept_missing_fields,
            on_conflict=on_conflict,
        ),
        creates=creates,
        selection=str(store.facts.selection or ""),
        kinds=kinds,
        required=tuple(each for each in lacking if each.required),
        lacking=tuple(absent),
        fields_known=schema.fields_known,
        refusals=_by_weight(values.refusals.values()),
        changes=_by_weight(changes),
        findings=findings,
        edited_containers=tuple(f"{each.ref}" for each in edited),
        # what is looked for, or only completed, takes a call or two
        calls=sum(counting.calls.values())
        + tally.shared()
        + sum(2 * each.adopt + each.complete for each in kinds),
        looks=looks,
        in_a_row=counting.in_a_row(load.longest_run),
        source_calls=counting.streamed,
        validation_calls=tally.to_validate(
            {each.kind: each.create + each.update + each.leave + each.adopt for each in kinds}
        ),
        file_bytes=counting.file_bytes,
        text_bytes=counting.text_bytes,
        savings=tuple(counting.savings()),
    )


def _by_weight(found: Iterable[NoteExample]) -> tuple[NoteExample, ...]:
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
            if kind in schema.kinds - {Kind.FIELD} - set(owner_kinds(sink)):
                keys = [mark.key for mark in await marks_of(sink, kind) if mark.key]
                if keys:
                    found[kind] = list(dict.fromkeys(keys))
    return found


async def _edited(run: Run, sink: Sink, schema: Schema, rows: Sequence[int]) -> AsyncIterator[int]:
    """Yield the rows of objects that somebody changed or removed since ztoq wrote them."""

    async def look(row: int) -> bool:
        job = await run.store.loading.job(row)
        if job.written is None:
            return False
        present = await current(sink, job.record.kind, job.written.target_id, job.written)
        return present is None or await is_edited(sink, schema, job, job.links, present)

    for some in chunks(rows, _LOOKS):
        for row, changed in zip(some, await side_by_side(map(look, some)), strict=True):
            if changed:
                yield row


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


def _kinds(load: PlannedLoad, counting: Counting, schema: Schema) -> Iterable[KindPlan]:
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
