"""Projects that tests of files write: by hand into a sink, in the order of the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial
from hashlib import sha256

from ztoq_core.contracts import Content, Sink, Source, Written
from ztoq_core.engine.sides import finish
from ztoq_core.records import Attachment, Kind, Record, Ref


def content_of(file: Attachment, body: bytes) -> Content:
    return Content(
        name=file.name,
        size=len(body),
        sha256=sha256(body).hexdigest(),
        media_type="",
        open=partial(_chunks, body),
    )


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
    yield body[len(body) // 2 :]


async def write_project(
    sink: Sink, records: Iterable[Record], contents: Mapping[str, bytes]
) -> dict[Ref, Written | None]:
    """Write and finish the records, parents first; ``contents`` are by locator."""
    links: dict[Ref, Written | None] = {}
    ordered = sorted(records, key=lambda each: each.kind.rank)
    waiting = list(ordered)
    while waiting:
        here = {each.ref for each in waiting}
        ready = [each for each in waiting if here.isdisjoint(each.parents())]
        assert ready, f"parents in a circle: {waiting}"
        for record in ready:
            content = None
            if isinstance(record, Attachment):
                content = content_of(record, contents[record.locator])
            links[record.ref] = await sink.write(record, None, links, content)
        waiting = [each for each in waiting if each not in ready]
    for record in ordered:
        if (written := links[record.ref]) and record.text_refs:
            links[record.ref] = await finish(sink, record, written, links)
    return links


async def read_project(source: Source) -> dict[Ref, Record]:
    """Return all that a source has, completed."""
    found: dict[Ref, Record] = {}
    for kind in source.kinds:
        cursor = None
        while True:
            page = await source.fetch(kind, cursor)
            for record in page.records:
                whole = await source.complete(record) if kind in source.completes else (record,)
                found.update((each.ref, each) for each in whole)
            cursor = page.cursor
            if cursor is None:
                break
    return dict(sorted(found.items(), key=lambda each: list(Kind).index(each[0].kind)))
