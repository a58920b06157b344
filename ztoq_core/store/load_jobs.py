"""Values exchanged between the load stage and the store: jobs, intents, answers; their columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import orjson

from ztoq_core.contracts import Content, Written
from ztoq_core.records import Record, Ref
from ztoq_core.store.sql import clean
from ztoq_core.store.states import JournalEvent


@attrs.frozen(kw_only=True)
class LoadJob:
    """A record to write, or ``to_finish``, with what it refers to.

    ``late``: a sibling that comes after it is in the target already. ``again``: it was
    finished before, so it may have been edited since.
    """

    item: int
    record: Record
    digest: str
    written: Written | None
    links: Mapping[Ref, Written | None]
    content: Content | None = None
    to_finish: bool = False
    attempts: int = 0
    late: bool = False
    again: bool = False


@attrs.frozen(kw_only=True)
class Intent:
    """A record that is about to be sent."""

    run: int
    job: LoadJob


@attrs.frozen(kw_only=True)
class Answered:
    """What the target answered. ``finished``: nothing more is to be done for the record."""

    run: int
    job: LoadJob
    written: Written
    finished: bool
    event: JournalEvent = JournalEvent.ANSWER


def answer_row(answered: Answered) -> dict[str, Any]:
    """Return the columns that an answer of the target sets."""
    job, written = answered.job, answered.written
    row: dict[str, Any] = {
        "id": job.item,
        "kind": job.record.kind.value,
        "key": job.record.key,
        "rank": job.record.kind.rank,
        "written_digest": job.digest,
        "refused_digest": "",
        "parts": orjson.dumps(dict(written.parts)).decode() if written.parts else "",
        **object_columns(written),
    }
    if answered.finished:
        row["finished_digest"] = job.digest
    if job.written is None:
        row["created_run"] = answered.run
    elif not job.to_finish:
        row["updated_run"] = answered.run
    return row


def object_columns(written: Written) -> dict[str, Any]:
    """Return the columns that say which object of the target a record is."""
    return {
        "target_id": written.target_id,
        "pid": clean(written.pid),
        "url": clean(written.url),
        "version": written.version,
        "stamp": written.stamp,
        "borrowed": written.borrowed,
    }


def written_or_none(target_id: str | None, *rest: str) -> Written | None:
    """Return the object that the columns describe, None if there is none."""
    return written_of(target_id, *rest) if target_id else None


def written_of(*columns: str) -> Written:
    """Return the object that the columns describe: ``target_id`` to ``stamp``."""
    target_id, pid, url, version, parts, stamp = columns
    return Written(
        target_id=target_id,
        pid=pid,
        url=url,
        version=version,
        parts=orjson.loads(parts) if parts else {},
        stamp=stamp,
    )
