"""Reads objects back and compares them with what was sent; keeps a result for each record."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from heapq import nsmallest

import attrs

from ztoq_core.contracts import ContentReading, Schema
from ztoq_core.engine.comparison.compare import compare
from ztoq_core.engine.comparison.rules import FieldResult, Outcome
from ztoq_core.engine.comparison.single_values import Known
from ztoq_core.engine.run import Run, side_by_side
from ztoq_core.errors import RecordError, RejectedError
from ztoq_core.plugin_calls import plugin_call
from ztoq_core.records import FieldDefinition, Kind, Record, TestLog, TestRun
from ztoq_core.store import FieldDetail, RecordProof, Sample, SentRecord, ValidationLevel, now

_AT_ONCE, _PAGE = 100, 1_000
"""Records that are compared before their results are saved."""


@attrs.frozen(kw_only=True)
class ContentCheck:
    """Compares objects with what was sent, at a level of contents."""

    run: Run
    sink: ContentReading
    schema: Schema
    level: ValidationLevel

    async def compare(self, kind: Kind, held: Mapping[str, Record | None]) -> None:
        """Compare objects, by their ids in the target; those without a record are read first.

        What was compared since the validation began is not compared again.
        """
        ids = list(held)
        for start in range(0, len(ids), _AT_ONCE):
            some = await self.run.store.validation.sent(kind, ids[start : start + _AT_ONCE])
            proofs = await side_by_side(
                self._proof(each, held[each.written.target_id]) for each in some
            )
            await self.run.store.validation.save_proofs(now(), proofs)

    async def _proof(self, sent: SentRecord, held: Record | None) -> RecordProof:
        kind, target_id = sent.record.kind, sent.written.target_id
        if kind is Kind.ATTACHMENT and self.level is ValidationLevel.FILES:
            held = None  # a list may show the size alone
        listed = await self._compared(sent, held) if held is not None else ()
        if listed and all(each.proved for each in listed):
            return _proof_of(sent.item, listed, held)
        # a list may show less of an object than the object itself
        try:
            with plugin_call(self.sink, "read", sent.record.ref):
                held = await self._read(sent.record, target_id)
            return _proof_of(sent.item, await self._compared(sent, held), held)
        except (RejectedError, RecordError) as error:
            unread = FieldResult("contents", Outcome.UNCHECKED, None, f"cannot be read: {error}")
            return _proof_of(sent.item, listed or [unread])

    async def _compared(self, sent: SentRecord, held: Record) -> Sequence[FieldResult]:
        known = Known(
            schema=self.schema,
            links=sent.links,
            losses=sent.losses,
            parts=sent.written.parts,
            unknown=await self._unknown(sent, held),
        )
        return compare(sent.record, held, known)

    async def _unknown(self, sent: SentRecord, held: Record) -> frozenset[str]:
        """Return the id of a run's case if no record has it: the case was made again since."""
        if not isinstance(held, TestRun) or not isinstance(sent.record, TestRun):
            return frozenset()
        number, case = held.case.key, sent.links.get(sent.record.case)
        if case is None or case.target_id == number:
            return frozenset()
        known = await self.run.store.target_index.rows_of(Kind.TEST_CASE, [number])
        return frozenset() if known else frozenset({number})

    async def _read(self, record: Record, target_id: str) -> Record:
        of = self.schema.field  # known already: no call for each field
        if isinstance(record, FieldDefinition) and (spec := of(record.of, record.name)):
            return attrs.evolve(record, name=spec.name, values=spec.values)
        return await self.sink.read(record.kind, target_id)


def _proof_of(item: int, results: Sequence[FieldResult], held: Record | None = None) -> RecordProof:
    outcomes = [each.outcome for each in results]
    return RecordProof(
        item=item,
        status=held.status if isinstance(held, TestLog) else "",
        equal=outcomes.count(Outcome.EQUAL),
        by_rule=outcomes.count(Outcome.BY_RULE),
        wrong=sum(each.wrong for each in results),
        unchecked=outcomes.count(Outcome.UNCHECKED),
        details=tuple(
            FieldDetail(each.field, each.outcome, each.rule or "", each.detail, each.wrong)
            for each in results
            if each.outcome is not Outcome.EQUAL
        ),
    )


async def compare_sample(
    contents: ContentCheck, sample: Sample, missing: Mapping[Kind, Collection[str]]
) -> Sample:
    """Read the objects of a sample one by one and compare them; return it with its numbers.

    What is ``missing``, by kind and key, is no part of the whole: that was found already.
    """
    store, waits = contents.run.store, contents.run.waits
    drawn: list[tuple[bytes, Kind, str]] = []
    total = after = 0
    while rows := await store.validation.comparable(after, _PAGE):
        after = rows[-1][0]
        there = [row for row in rows if row[2] not in missing.get(row[1], ())]
        total += len(there)
        numbered = [(_number(sample.seed, kind, key), kind, id_) for _, kind, key, id_ in there]
        drawn = nsmallest(sample.size, [*drawn, *numbered])
    by_kind: dict[Kind, list[str]] = {}
    for _, kind, target_id in drawn:
        by_kind.setdefault(kind, []).append(target_id)
    for kind, ids in by_kind.items():
        for start in range(0, len(ids), _AT_ONCE):
            if not waits.stopping:
                await contents.compare(kind, dict.fromkeys(ids[start : start + _AT_ONCE]))
    unread = len({ref for ref, _ in await store.validation.unchecked(sample.size)})
    found = sum(each.records for each in await store.validation.contents())
    return attrs.evolve(sample, compared=found - unread, total=total)


def _number(seed: int, kind: Kind, key: str) -> bytes:
    """Return a number that depends on the seed and the record alone, as good as a random one."""
    return hashlib.sha256(f"{seed} {kind} {key}".encode("utf-8", "surrogatepass")).digest()
