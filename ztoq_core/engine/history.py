"""The history of one record: from the source's payload to what the target holds now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from ztoq_core.contracts import ContentReading, Schema, Sink, Skip, Transform
from ztoq_core.convert import converter, read_json, write_json
from ztoq_core.engine.run import Run
from ztoq_core.engine.schema_inference import infer_schema
from ztoq_core.engine.transform.enrichment import enriched
from ztoq_core.engine.transform.transform import transformed
from ztoq_core.errors import RecordError, ZtoqError
from ztoq_core.json_changes import Change, changes
from ztoq_core.records import Record, Ref
from ztoq_core.store import JournalEntry, RecordSnapshot, Reference

Built = Callable[[Schema], Sequence[tuple[str, Transform]]]

_PATIENCE_S = 30


@attrs.frozen(kw_only=True)
class TransformerStep:
    """What one transformer did; ``end`` says why the record went no further, else ``""``.

    ``after`` is the record as it left the transformer, as plain JSON.
    """

    name: str
    after: Any = None
    changes: tuple[Change, ...] = ()
    companions: tuple[Ref, ...] = ()
    end: str = ""


@attrs.frozen(kw_only=True)
class MappingTrace:
    """What the mapping does with a record.

    ``enriched`` is how the record that the transformers got differs from the extracted one.
    """

    known: RecordSnapshot
    enriched: tuple[Change, ...]
    steps: tuple[TransformerStep, ...]


@attrs.frozen(kw_only=True)
class Explained(MappingTrace):
    """The history of a record.

    ``present`` is what exists in the target now; ``not_asked`` says why that is not known.
    """

    journal: tuple[JournalEntry, ...]
    notes: tuple[tuple[str, str, str, str], ...]
    refers_to: tuple[Reference, ...]
    referred_by: tuple[Reference, ...]
    present: Any
    not_asked: str


async def explain(
    run: Run,
    number: int,
    build: Built,
    sink: Sink | None,
    *,
    patience: float = _PATIENCE_S,
) -> Explained:
    """Return the history of the record in row ``number``; without ``sink``, not the target's part.

    ``patience`` is how many seconds to wait for the target.
    """
    store = run.store
    way = await trace_mapping(run, number, build)
    known = way.known
    present, not_asked = await _present(sink, known, patience)
    return Explained(
        **attrs.asdict(way, recurse=False),
        journal=tuple(await store.history.journal(number)),
        notes=tuple(await store.history.notes(known.ref)),
        refers_to=tuple(await store.history.refers_to(number)),
        referred_by=tuple(await store.history.referred_by(known.ref)),
        present=present,
        not_asked=not_asked,
    )


async def trace_mapping(run: Run, number: int, build: Built) -> MappingTrace:
    """Send the record in row ``number`` through the mapping, step by step; nothing is written."""
    store = run.store
    known = await store.history.snapshot(number)
    record = await enriched(run, number, known.ref)
    if record is None:
        return MappingTrace(known=known, enriched=(), steps=())
    return MappingTrace(
        known=known,
        enriched=tuple(changes(known.extracted, _plain(record))),
        steps=tuple(_steps(record, build(await _mapped_schema(run)))),
    )


async def _mapped_schema(run: Run) -> Schema:
    """Return the schema of the last mapping: to infer it again means to read all records."""
    facts = run.store.facts
    if facts.mapped and (known := facts.mapped_schema):
        return known.schema()
    return await infer_schema(run)


def _steps(record: Record, chain: Sequence[tuple[str, Transform]]) -> Iterator[TransformerStep]:
    for name, change in chain:
        before = record
        try:
            record = transformed(change, record)
        except Skip as skip:
            yield TransformerStep(name=name, end=f"left out: {skip.why}")
            return
        except RecordError as error:
            yield TransformerStep(name=name, end=f"cannot be mapped: {error}")
            return
        yield TransformerStep(
            name=name,
            after=_plain(record),
            changes=tuple(changes(_plain(before), _plain(record))),
            companions=tuple(
                each.ref for each in record.companions if each not in before.companions
            ),
        )


async def _present(sink: Sink | None, known: RecordSnapshot, patience: float) -> tuple[Any, str]:
    if known.target_id is None:
        return None, "it is not in the target"
    if sink is None:
        return None, "the target was not asked"
    if not isinstance(sink, ContentReading):
        return None, "this sink cannot read objects back"
    try:
        async with asyncio.timeout(patience):
            return _plain(await sink.read(known.ref.kind, known.target_id)), ""
    except ZtoqError as error:
        return None, str(error)
    except TimeoutError:
        return None, f"the target did not answer within {patience:.0f} s"


def _plain(record: Record) -> Any:
    """Return a record as the JSON that the store keeps."""
    return read_json(write_json(converter.unstructure(record, type(record))))
