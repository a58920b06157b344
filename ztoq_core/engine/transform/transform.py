"""Transformation: sends every extracted record through the transformers, from the store alone.

Before a record reaches the transformers it is enriched with facts that need the whole project.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import attrs
from loguru import logger

from ztoq_core.contracts import Schema, Skip, Transform
from ztoq_core.engine.run import ProgressReporter, Run
from ztoq_core.engine.schema_inference import infer_schema
from ztoq_core.engine.transform.enrichment import Enrichment
from ztoq_core.engine.transform.execution_order import run_of, sort_key_of
from ztoq_core.engine.transform.selection import choose, leave_out
from ztoq_core.errors import ZtoqError
from ztoq_core.note_codes import SKIPPED
from ztoq_core.pictures.addresses import texts_of
from ztoq_core.plugin_calls import check_record, plugin_call
from ztoq_core.records import Attachment, FieldType, Kind, Record, Ref, TestLog
from ztoq_core.selection import Selection
from ztoq_core.store import (
    ExtractedRecord,
    Facts,
    FieldNeed,
    MappingOutcome,
    Selected,
    SourceSchema,
    State,
)

_BATCH = 200
_MANY = (FieldType.CHOICE, FieldType.MULTI_CHOICE)

Take = Callable[[Kind, Sequence[MappingOutcome]], None]
"""Takes the results for a batch of records of one kind."""


async def transform(
    run: Run,
    build: Callable[[Schema], Sequence[Transform]],
    *,
    selection: Selection | None = None,
) -> None:
    """Send every extracted record through the transformers that ``build`` returns.

    ``build`` gets the source's schema, inferred from all records. Records whose mapped form changed
    become ready; the others keep their state. With a ``selection``, only what it takes is mapped;
    the rest is skipped, and becomes ready when a later selection takes it.

    Raises:
        ConfigError: The selection names something that does not exist.
    """
    store, reporter = run.store, run.reporter("transform")
    selection = selection or Selection()
    await store.facts.save(Facts.mapped, value=False)
    schema = await infer_schema(run)
    await store.facts.save(Facts.mapped_schema, SourceSchema.of(schema))
    transforms = build(schema)
    narrowed = await choose(store, selection, reporter)
    reporter.totals = await store.selection.counts(Selected.YES)
    for kind, number in (await store.selection.counts(Selected.ALONG)).items():
        reporter.totals[kind] = reporter.totals.get(kind, 0) + number
    stage = _Transformation(run, transforms, reporter)
    await stage.everything()
    if not run.waits.stopping:
        await store.transformation.replace_needs(list(stage.demand.all()))
        if narrowed:
            await leave_out(store, selection, reporter)
        await store.facts.save(Facts.mapped, value=True)


async def dry_run(run: Run, transforms: Sequence[Transform], take: Take) -> list[FieldNeed]:
    """Map every extracted record, selected or not; hand the results to ``take``, store nothing.

    Returns the fields and values that the mapped records need in the target.
    """
    stage = _Transformation(run, transforms, run.reporter("mapping"), take)
    await stage.everything()
    return list(stage.demand.all())


class _Transformation:
    def __init__(
        self,
        run: Run,
        transforms: Sequence[Transform],
        reporter: ProgressReporter,
        take: Take | None = None,
    ) -> None:
        """Save the results; with ``take``, hand it those of all records instead."""
        self._store = run.store
        self._waits = run.waits
        self._take = take
        self._transforms = transforms
        self._reporter = reporter
        self._enrichment = Enrichment(run)
        self.demand = FieldDemand()

    # ----------------------------------------------------------------------------- the passes

    async def everything(self) -> None:
        """Map all kinds, parents first."""
        for kind in Kind:
            if kind is Kind.TEST_LOG:
                await self._logs()
            else:
                await self._of_kind(kind)

    async def _of_kind(self, kind: Kind) -> None:
        after = 0
        while not self._waits.stopping and (
            batch := await self._store.transformation.scan(
                kind, after, _BATCH, everything=self._take is not None
            )
        ):
            after = batch[-1].item
            records = await self._enrichment.enriched(kind, await self._enrichment.named(batch))
            unshown = await self._unshown(records)
            await self._save(
                kind,
                [
                    _not_needed(each) if each.record.key in unshown else self._map(each)
                    for each in records
                ],
            )

    async def _logs(self) -> None:
        """Map logs run by run; a run that a batch cuts off is mapped with the next batch."""
        place = None
        tail: list[ExtractedRecord] = []
        while not self._waits.stopping:
            batch = await self._store.transformation.scan_logs(
                place, _BATCH, everything=self._take is not None
            )
            named = await self._enrichment.named([scanned for _, scanned in batch])
            rows = [*tail, *await self._enrichment.with_lost(named)]
            runs = [list(run) for _, run in groupby(rows, key=run_of)]
            tail = runs.pop() if batch and runs else []
            outcomes = [outcome for run in runs for outcome in self._map_run(run)]
            await self._save(Kind.TEST_LOG, outcomes)
            if not batch:
                return
            place = batch[-1][0]

    async def _save(self, kind: Kind, outcomes: Sequence[MappingOutcome]) -> None:
        if outcomes:
            if self._take:
                self._take(kind, outcomes)
            else:
                await self._store.transformation.save(outcomes)
            self._reporter.advance(kind, len(outcomes))
        await asyncio.sleep(0)

    # ---------------------------------------------------------------------------- the mapping

    async def _unshown(self, batch: Sequence[ExtractedRecord]) -> set[str]:
        """Return the keys of pictures that the target shows already, at the steps of a log."""
        records = (each.record for each in batch)
        keys = [each.key for each in records if isinstance(each, Attachment) and each.inline]
        return await self._store.transformation.unshown(keys) if keys else set()

    def _map_run(self, run: Sequence[ExtractedRecord]) -> Iterator[MappingOutcome]:
        before: Ref | None = None
        turn = ""
        for scanned, log in self._enrichment.enriched_run(run):
            turn = sort_key_of(log, turn)
            if not scanned.chosen:
                continue
            outcome = self._map(ExtractedRecord(scanned.item, log))
            steps = {result.key: result.step for result in log.results}
            joined = None if log.drift else steps
            yield attrs.evolve(outcome, after=before, joined=joined, turn=turn)
            before = log.ref if outcome.record is not None else before

    def _map(self, scanned: ExtractedRecord) -> MappingOutcome:
        source = record = scanned.record
        outcome = MappingOutcome(item=scanned.item, source=source, record=None)
        with logger.contextualize(stage="transform", kind=source.kind.value, key=source.key):
            try:
                for change in self._transforms:
                    record = transformed(change, record)
            except Skip as skip:
                why, loss = str(skip.why), bool(skip.loss)
                notes = (SKIPPED.note(why),) if loss else ()
                return attrs.evolve(
                    outcome, state=State.SKIPPED, reason=why, loss=loss, notes=notes
                )
            except ZtoqError as error:
                logger.warning("cannot be mapped: {}", error)
                return attrs.evolve(outcome, state=State.FAILED, reason=str(error))
        unshown: tuple[Ref, ...] = ()
        if isinstance(record, TestLog):
            # Only the mapping needs these. If they were kept, each newer log of the run would
            # change the older ones.
            record = attrs.evolve(record, last=False, siblings_executed=False)
            record, unshown = _without_its_steps(record)
        if record.images:
            # the mapped texts have it all, and the reason of a loss may differ each time
            record = attrs.evolve(record, images=())
        for each in (record, *record.companions):
            self.demand.add(each)
        added = [note for note in record.notes if note not in source.notes]
        return MappingOutcome(
            item=scanned.item, source=source, record=record, unshown=unshown, notes=tuple(added)
        )


def transformed(change: Transform, record: Record) -> Record:
    """Send a record through one transformer, whose faults fail this record only."""
    with plugin_call(change, "the mapping", record.ref):
        changed = change(record)
        check_record(changed, record)
    return changed


def _without_its_steps(log: TestLog) -> tuple[TestLog, tuple[Ref, ...]]:
    """Return a log without the references that only texts of its steps have, and their pictures.

    The target shows a joined result at its step, which has description and expected result.
    """
    if not log.text_refs or log.drift:
        return log, ()
    results = (
        attrs.evolve(each, description="", expected="") if each.step else each
        for each in log.results
    )
    html = "".join(texts_of(attrs.evolve(log, results=tuple(results))))
    shown = tuple(ref for ref in log.text_refs if ref.address in html)
    rest = (ref for ref in log.text_refs if ref not in shown)
    return (
        attrs.evolve(log, text_refs=shown),
        tuple(ref for ref in rest if ref.kind is Kind.ATTACHMENT),
    )


def _not_needed(scanned: ExtractedRecord) -> MappingOutcome:
    reason = "its step shows the same picture"
    source = scanned.record
    return MappingOutcome(
        item=scanned.item, source=source, record=None, state=State.SKIPPED, reason=reason
    )


class FieldDemand:
    """Counts the fields and values that records need in the target, which its memory grows with."""

    def __init__(self) -> None:
        self._found: dict[tuple[Kind, str, FieldType, str], tuple[int, bool]] = {}

    def add(self, record: Record) -> None:
        """Count what a mapped record needs."""
        self._count(record.kind, "", FieldType.TEXT, "", optional=True)
        for field in record.fields:
            if field.value is None or field.value in ((), "") or field.type is None:
                continue
            self._count(record.kind, field.name, field.type, "", optional=field.optional)
            if field.type in _MANY:
                values = field.value if isinstance(field.value, tuple) else (str(field.value),)
                for value in values:
                    self._count(record.kind, field.name, field.type, value, optional=field.optional)

    def _count(
        self, kind: Kind, name: str, type_: FieldType, value: str, *, optional: bool
    ) -> None:
        key = (kind, name, type_, value)
        count, only_optional = self._found.get(key, (0, True))
        self._found[key] = (count + 1, only_optional and optional)

    def all(self) -> Iterator[FieldNeed]:
        """Yield each field, and each value of a choice, with its count."""
        for (kind, name, type_, value), (count, optional) in self._found.items():
            yield FieldNeed(kind, name, type_, value, count, optional)
