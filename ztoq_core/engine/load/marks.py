"""Reads all pages of what the target lists, and finds the owners under which it lists a kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

import attrs

from ztoq_core.contracts import ListReading, Mark, Owner, Sink
from ztoq_core.records import Attachment, Kind, Record, Ref
from ztoq_core.store import TargetObject


async def marks_of(
    sink: Sink, kind: Kind, owners: Sequence[Owner] = (), *, whole: bool = False
) -> list[Mark]:
    """Return all that the target lists of a kind, in the whole project or under these owners.

    ``whole``: with records, if the sink can list them.
    """
    return [mark async for page in mark_pages(sink, kind, owners, whole=whole) for mark in page]


async def mark_pages(
    sink: Sink, kind: Kind, owners: Sequence[Owner] = (), *, whole: bool = False
) -> AsyncIterator[Sequence[Mark]]:
    """Yield all that the target lists of a kind, as ``marks_of``, page by page."""
    list_page = sink.read_list if whole and isinstance(sink, ListReading) else sink.marks
    cursor: str | None = None
    while True:
        page = await list_page(kind, owners, cursor)
        yield page.marks
        cursor = page.cursor
        if cursor is None:
            return


def owners_of(children: Iterable[Record], among: Iterable[TargetObject]) -> list[Owner]:
    """Return those ``among`` the stored objects that any of the children belongs to.

    If files are attached to parts of an owner, only these parts are named: each costs a call.
    """
    parts: dict[Ref, set[str]] = {}
    for child in children:
        part = child.part if isinstance(child, Attachment) else ""
        for ref in child.parents():
            parts.setdefault(ref, set()).add(part)
    return [
        (
            each.record,
            attrs.evolve(
                each.written,
                parts={
                    part: number
                    for part, number in each.written.parts.items()
                    if part in parts[each.ref]
                },
            ),
        )
        for each in among
        if each.ref in parts
    ]
