"""Reads all pages of what the target lists, and finds the owners under which it lists a kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

import attrs

from ztoq_core.contracts import ListReading, Mark, MarkPage, Owner, Sink
from ztoq_core.errors import RecordError, RejectedError, one_error
from ztoq_core.plugin_calls import check_cursor, plugin_call, wrong
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
    if whole and isinstance(sink, ListReading):
        call, list_page = "read_list", sink.read_list
    else:
        call, list_page = "marks", sink.marks
    about = f"{owners[0][0].ref} (and {len(owners) - 1} more)" if owners else f"all {kind}"
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        with plugin_call(sink, call, about):
            page = await list_page(kind, owners, cursor)
            if not isinstance(page, MarkPage):
                raise wrong(page, "a MarkPage")
            check_cursor(page.cursor, seen)
        yield page.marks
        cursor = page.cursor
        if cursor is None:
            return


@attrs.frozen
class Listed:
    """What the target lists under some owners, and the errors with which it refused others."""

    marks: list[Mark] = attrs.field(factory=list)
    refused: dict[Ref, RejectedError | RecordError] = attrs.field(factory=dict)


async def marks_under(
    sink: Sink, kind: Kind, owners: Sequence[Owner], *, whole: bool = False
) -> Listed:
    """Return all that is listed under these owners; each is asked for alone if that is refused."""
    every = Listed()
    try:
        with one_error():
            every.marks.extend(await marks_of(sink, kind, owners, whole=whole) if owners else ())
    except (RejectedError, RecordError) as error:
        if len(owners) == 1:
            return Listed([], {owners[0][0].ref: error})
        for each in owners:
            found = await marks_under(sink, kind, [each], whole=whole)
            every.marks.extend(found.marks)
            every.refused.update(found.refused)
    return every


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
