"""Transformation: every extracted record through the transformers, from the store alone.

Before a record reaches the transformers it is told what only the whole knows: names of issues,
components and versions as far as a directory knows them, whether a case was executed, what a run's
case is called, whether a log is the newest of its run and which steps its results belong to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import groupby

import attrs
from loguru import logger

from ztoq_core.contracts import Schema, Skip, Transform
from ztoq_core.engine.extract.id_names import known_names, with_names
from ztoq_core.engine.guard import check_record, plugin_call
from ztoq_core.engine.progress import Progress, Stop, Teller
from ztoq_core.engine.schema_inference import infer_schema
from ztoq_core.engine.transform.call_cycles import called_by, closing
from ztoq_core.engine.transform.execution_order import in_order, run_of, turn_of
from ztoq_core.engine.transform.selection import choose, leave_out
from ztoq_core.engine.transform.step_matching import flatten, join
from ztoq_core.errors import ZtoqError
from ztoq_core.pictures.addresses import texts_of
from ztoq_core.pictures.collector import LOST
from ztoq_core.records import (
    Attachment,
    FieldType,
    Image,
    Kind,
    Level,
    Note,
    Record,
    Ref,
    TestCase,
    TestLog,
    TestRun,
)
from ztoq_core.selection import Selection
from ztoq_core.store import MAPPED, Chosen, Fate, Scanned, State, Store, Want

__all__ = ["Take", "rehearse", "told", "transform"]

_BATCH = 200
_MANY = (FieldType.CHOICE, FieldType.MULTI_CHOICE)

Take = Callable[[Kind, Sequence[Fate]], None]
"""Takes what would become of a batch of records of one kind."""


async def transform(
    store: Store,
    build: Callable[[Schema], Sequence[Transform]],
    progress: Progress,
    *,
    selection: Selection | None = None,
    stop: Stop | None = None,
) -> None:
    """Send every extracted record through the transformers that ``build`` makes.

    ``build`` receives the source's schema, of all records. Records whose mapped form did not change
    keep their state; those that did become ready. Where a ``selection`` is given, only what it
    takes is mapped; the rest is skipped, and becomes ready when a later selection takes it.

    Raises:
        ConfigError: The selection names what is not there.
    """
    stop = stop or Stop()
    selection = selection or Selection()
    teller = Teller("transform", progress)
    await store.write(store.drop_meta, MAPPED)
    transforms = build(await infer_schema(store))
    narrowed = await choose(store, selection, teller)
    teller.totals = await store.read(store.choice.counts, Chosen.YES)
    for kind, number in (await store.read(store.choice.counts, Chosen.ALONG)).items():
        teller.totals[kind] = teller.totals.get(kind, 0) + number
    stage = _Transformation(store, transforms, teller, _Wants())
    for kind in Kind:
        if kind is Kind.TEST_LOG:
            await stage.logs(stop)
        else:
            await stage.kind(kind, stop)
    if not stop.wished:
        await store.write(store.mapped.replace_wants, list(stage.wants.all()))
        if narrowed:
            await leave_out(store, selection, teller)
        await store.write(store.put_meta, MAPPED, "yes")


async def rehearse(
    store: Store,
    transforms: Sequence[Transform],
    progress: Progress,
    take: Take,
    *,
    stop: Stop | None = None,
) -> list[Want]:
    """Map every extracted record, selected or not, hand the batches to ``take``, write nothing.

    Returns what the mapped records want of the target's fields.
    """
    stop = stop or Stop()
    stage = _Transformation(store, transforms, Teller("mapping", progress), _Wants(), take)
    for kind in Kind:
        if kind is Kind.TEST_LOG:
            await stage.logs(stop)
        else:
            await stage.kind(kind, stop)
    return list(stage.wants.all())


async def told(store: Store, number: int, ref: Ref) -> Record | None:
    """Return one extracted record, of row ``number``, as the transformers get to see it."""
    record = await store.read(store.mapped.record, ref)
    if record is None:
        return None
    stage = _Transformation(store, (), Teller("transform", lambda _: None), _Wants())
    if not isinstance(record, TestLog):
        alone = await stage.named([Scanned(number, record)])
        return (await stage.tell(ref.kind, alone))[0].record
    logs = await stage.named(await store.read(store.mapped.logs_of, record.sequence().group))
    run = await stage.with_lost(logs)
    return next((log for each, log in stage.tell_run(run) if each.item == number), record)


class _Wants:
    """Counts which fields and values the mapped records want; memory grows with these only."""

    def __init__(self) -> None:
        self._found: dict[tuple[Kind, str, FieldType, str], tuple[int, bool]] = {}

    def add(self, record: Record) -> None:
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

    def all(self) -> Iterator[Want]:
        for (kind, name, type_, value), (count, optional) in self._found.items():
            yield Want(kind, name, type_, value, count, optional)


class _Transformation:
    def __init__(
        self,
        store: Store,
        transforms: Sequence[Transform],
        teller: Teller,
        wants: _Wants,
        take: Take | None = None,
    ) -> None:
        """Save what becomes of the records, or hand it to ``take`` instead: then of all records."""
        self._store = store
        self._take = take
        self._scan = partial(store.mapped.scan, everything=take is not None)
        self._scan_logs = partial(store.mapped.scan_logs, everything=take is not None)
        self._transforms = transforms
        self._teller = teller
        self.wants = wants
        self._case = lru_cache(maxsize=1024)(self._read_case)
        # of each case only what it calls, since chains of calls are followed to their ends
        self._calls = lru_cache(maxsize=65_536)(self._read_calls)

    # ----------------------------------------------------------------------------- the passes

    async def kind(self, kind: Kind, stop: Stop) -> None:
        after = 0
        while not stop.wished and (
            batch := await self._store.read(self._scan, kind, after, _BATCH)
        ):
            after = batch[-1].item
            told = await self.tell(kind, await self.named(batch))
            unshown = await self._unshown(told)
            await self._save(
                kind,
                [
                    _not_needed(each) if each.record.key in unshown else self._map(each)
                    for each in told
                ],
            )

    async def logs(self, stop: Stop) -> None:
        """Map logs run by run; a batch may end within a run, whose tail waits for the next."""
        place = None
        tail: list[Scanned] = []
        while not stop.wished:
            batch = await self._store.read(self._scan_logs, place, _BATCH)
            named = await self.named([scanned for _, scanned in batch])
            rows = [*tail, *await self.with_lost(named)]
            runs = [list(run) for _, run in groupby(rows, key=run_of)]
            tail = runs.pop() if batch and runs else []
            fates = [fate for run in runs for fate in self._map_run(run)]
            await self._save(Kind.TEST_LOG, fates)
            if not batch:
                return
            place = batch[-1][0]

    async def _save(self, kind: Kind, fates: Sequence[Fate]) -> None:
        if fates:
            if self._take:
                self._take(kind, fates)
            else:
                await self._store.write(self._store.mapped.save, fates)
            self._teller.done(kind, len(fates))
        await asyncio.sleep(0)

    # ------------------------------------------------------------- what only the whole knows

    async def named(self, batch: Sequence[Scanned]) -> list[Scanned]:
        """Return records with the names that a directory told."""
        names = await known_names(self._store, (each.record for each in batch))
        if not names:
            return list(batch)
        return [attrs.evolve(each, record=with_names(each.record, names)) for each in batch]

    async def tell(self, kind: Kind, batch: Sequence[Scanned]) -> list[Scanned]:
        """Return records of a kind other than logs with what only the whole knows of them."""
        mapped = self._store.mapped
        batch = await self.with_lost(batch)
        if kind is Kind.TEST_CASE:
            keys = [each.record.key for each in batch]
            executed = await self._store.read(mapped.run_cases, keys)
            return [
                attrs.evolve(
                    each,
                    record=attrs.evolve(
                        self._without_circles(each.record), executed=each.record.key in executed
                    ),
                )
                if isinstance(each.record, TestCase)
                else each
                for each in batch
            ]
        if kind is Kind.TEST_RUN:
            cases = [each.record.case.key for each in batch if isinstance(each.record, TestRun)]
            known = await self._store.read(mapped.records, Kind.TEST_CASE, cases)
            return [attrs.evolve(each, record=_named(each.record, known)) for each in batch]
        return list(batch)

    async def with_lost(self, batch: Sequence[Scanned]) -> Sequence[Scanned]:
        """Return records told which of their pictures are not at hand."""
        keys = [image.file.key for each in batch for image in each.record.images]
        if not keys:
            return batch
        lost = await self._store.read(self._store.mapped.lost_files, keys)
        return [
            attrs.evolve(each, record=attrs.evolve(each.record, images=images))
            if (images := _with_reasons(each.record.images, lost)) != each.record.images
            else each
            for each in batch
        ]

    async def _unshown(self, batch: Sequence[Scanned]) -> set[str]:
        """Return the keys of pictures that stand in the target already, with a log's steps."""
        records = (each.record for each in batch)
        keys = [each.key for each in records if isinstance(each, Attachment) and each.inline]
        return await self._store.read(self._store.mapped.unshown, keys) if keys else set()

    def tell_run(self, run: Sequence[Scanned]) -> Iterator[tuple[Scanned, TestLog]]:
        """Yield a run's logs in order, each with what only the whole knows of it."""
        run = in_order(run)
        logs = [each.record for each in run if isinstance(each.record, TestLog)]
        executed = [log.executed for log in logs]
        for place, (scanned, log) in enumerate(zip(run, logs, strict=True)):
            others = executed[:place] + executed[place + 1 :]
            told = attrs.evolve(log, last=place == len(logs) - 1, siblings_executed=any(others))
            if log.results and scanned.chosen:
                told = self._joined(told, scanned)
            yield scanned, told

    def _map_run(self, run: Sequence[Scanned]) -> Iterator[Fate]:
        before: Ref | None = None
        turn = ""
        for scanned, told in self.tell_run(run):
            turn = turn_of(told, turn)
            if not scanned.chosen:
                continue
            fate = self._map(Scanned(scanned.item, told))
            steps = {result.key: result.step for result in told.results}
            joined = None if told.drift else steps
            yield attrs.evolve(fate, after=before, joined=joined, turn=turn)
            before = told.ref if fate.record is not None else before

    def _joined(self, log: TestLog, scanned: Scanned) -> TestLog:
        """Join a log's results to the steps of its case.

        One that stands in the target keeps the steps that it was written with: they are those of
        the case's version then, whatever becomes of the case.
        """
        if (then := scanned.joined) is not None:
            results = tuple(attrs.evolve(each, step=then.get(each.key, "")) for each in log.results)
            return attrs.evolve(log, results=results, drift=not then)
        case = self._case(log.case)
        return join(log, flatten(case, self._case) if case else ())

    def _read_case(self, ref: Ref) -> TestCase | None:
        record = self._store.mapped.record(ref)
        return record if isinstance(record, TestCase) else None

    def _read_calls(self, ref: Ref) -> tuple[Ref, ...]:
        case = self._read_case(ref)
        return called_by(case) if case else ()

    def _without_circles(self, case: TestCase) -> TestCase:
        """Tell a case which of its calls close a circle."""
        closes = closing(case.ref, self._calls) if called_by(case) else ()
        if not closes:
            return case
        steps = tuple(
            attrs.evolve(step, call=attrs.evolve(step.call, circular=True))
            if step.call and step.call.case in closes
            else step
            for step in case.steps
        )
        return attrs.evolve(case, steps=steps)

    # ---------------------------------------------------------------------------- the mapping

    def _map(self, scanned: Scanned) -> Fate:
        source = scanned.record
        record = source
        with logger.contextualize(stage="transform", kind=source.kind.value, key=source.key):
            try:
                for change in self._transforms:
                    record = _changed(change, record)
            except Skip as skip:
                why = str(skip.why)
                note = Note(level=Level.LOSS, code="skipped", text=why)
                return Fate(
                    item=scanned.item,
                    source=source,
                    record=None,
                    state=State.SKIPPED,
                    reason=why,
                    loss=bool(skip.loss),
                    notes=(note,) if skip.loss else (),
                )
            except ZtoqError as error:
                logger.warning("cannot be mapped: {}", error)
                return Fate(
                    item=scanned.item,
                    source=source,
                    record=None,
                    state=State.FAILED,
                    reason=str(error),
                )
        unshown: tuple[Ref, ...] = ()
        if isinstance(record, TestLog):
            # these told the mapping something; kept, they would make each newer log of the run a
            # change of the older ones
            record = attrs.evolve(record, last=False, siblings_executed=False)
            record, unshown = _without_its_steps(record)
        if record.images:
            # mapped texts say it all; the reason of a loss may read otherwise each time
            record = attrs.evolve(record, images=())
        for each in (record, *record.companions):
            self.wants.add(each)
        said = [note for note in record.notes if note not in source.notes]
        return Fate(
            item=scanned.item, source=source, record=record, unshown=unshown, notes=tuple(said)
        )


def _changed(change: Transform, record: Record) -> Record:
    """Send a record through one transformer; what that does wrong fails the record alone."""
    with plugin_call(change, "the mapping", record.ref):
        changed = change(record)
        check_record(changed, record)
    return changed


def _without_its_steps(log: TestLog) -> tuple[TestLog, tuple[Ref, ...]]:
    """Return a log without references that only its steps' texts have, and these if pictures.

    A joined result stands at its step, which shows description and expected result.
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


def _not_needed(scanned: Scanned) -> Fate:
    reason = "its step shows the same picture"
    source = scanned.record
    return Fate(item=scanned.item, source=source, record=None, state=State.SKIPPED, reason=reason)


def _with_reasons(images: Sequence[Image], lost: Mapping[str, str]) -> tuple[Image, ...]:
    reasons = {key: why.rpartition(LOST)[2] for key, why in lost.items()}
    return tuple(attrs.evolve(each, lost=reasons.get(each.file.key, "")) for each in images)


def _named(record: Record, cases: dict[str, Record]) -> Record:
    if not isinstance(record, TestRun):
        return record
    case = cases.get(record.case.key)
    name = case.name if isinstance(case, TestCase) else record.case.key
    return attrs.evolve(record, name=name)
