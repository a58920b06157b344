"""The order of a run's executions, in which they are written."""

from __future__ import annotations

from collections.abc import Sequence

from ztoq_core.records import Record, TestLog
from ztoq_core.store import ExtractedRecord


def run_of(scanned: ExtractedRecord) -> str:
    place = scanned.record.sequence()
    return place.group if place else ""


def _dateless(log: Record) -> bool:
    return isinstance(log, TestLog) and not log.executed and log.ended is None


def sort_key_of(log: TestLog, before: str) -> str:
    """Return a key that sorts like ``sort_executions``; ``before`` is the key of the last log."""
    if not _dateless(log):
        return log.sequence().order
    return f"{before or '!'}~{log.number:020d}"


def sort_executions(run: Sequence[ExtractedRecord]) -> list[ExtractedRecord]:
    """Return a run's logs in order; one that was not executed and has no date is put by its number.

    Such a log is the newest of its run if its number is the highest: it was created last.
    The dates of its cycle do not matter.
    """
    numbers = {each.item: each.record.number for each in run if isinstance(each.record, TestLog)}
    dateless = [each for each in run if _dateless(each.record)]
    ordered = [each for each in run if each not in dateless]
    for one in sorted(dateless, key=lambda each: numbers[each.item]):
        before = [
            place
            for place, each in enumerate(ordered, start=1)
            if numbers[each.item] < numbers[one.item]
        ]
        ordered.insert(before[-1] if before else 0, one)
    return ordered
