"""Tells what somebody else changed in the target from what ztoq wrote itself."""

from __future__ import annotations

from ztoq_core.contracts import ContentReading, Links, Schema, Sink, Written
from ztoq_core.engine.comparison.compare import compare
from ztoq_core.engine.comparison.single_values import Known
from ztoq_core.plugin_calls import plugin_call
from ztoq_core.store import LoadJob


async def is_edited(
    sink: Sink, schema: Schema, job: LoadJob, links: Links, present: Written
) -> bool:
    """Return whether an object, as it is at ``present``, is not what ztoq left.

    One that already holds what is to be written is no edit: after a kill this is ztoq's own update,
    whose answer was lost.
    """
    before, record = job.written, job.record
    if before is None or not before.stamp or present.stamp == before.stamp:
        return False
    if not isinstance(sink, ContentReading):
        return True
    with plugin_call(sink, "read", record.ref):
        held = await sink.read(record.kind, present.target_id)
    known = Known(schema=schema, links=links, parts=before.parts)
    return not all(each.proved for each in compare(record, held, known))
