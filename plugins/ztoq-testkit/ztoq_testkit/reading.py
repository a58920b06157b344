"""What the suite of sources works with: pages, records and files, read as the engine reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import pytest

from ztoq_core.contracts import Page, Reject, Source
from ztoq_core.records import (
    Attachment,
    Folder,
    IdKind,
    Kind,
    Record,
    Ref,
    Requirement,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
)

MOST_PAGES = 10_000
IDS = {
    IdKind.PERSON: ("owner", "executed_by", "assigned_to"),
    IdKind.COMPONENT: ("component",),
    IdKind.VERSION: ("version",),
}
_TAG = re.compile(r"<[a-zA-Z/!]")
_BARE = re.compile(r"<(?![a-zA-Z/!])|&(?!(?:[A-Za-z][A-Za-z0-9]*|#\d+|#[xX][0-9a-fA-F]+);)")


async def pages(source: Source, kind: Kind, cursor: str | None = None) -> list[Page]:
    """Return the pages of a kind from a cursor on, of which there must be an end."""
    found: list[Page] = []
    cursors: set[str] = set()
    while True:
        page = await source.fetch(kind, cursor)
        found.append(page)
        if page.cursor is None:
            return found
        if page.cursor in cursors or len(found) == MOST_PAGES:
            pytest.fail(
                f"fetch({kind}) gives the cursor {page.cursor!r} after {len(found)} pages, and "
                "never "
                "ends: give each page another cursor, and None after the last one"
            )
        cursor = page.cursor
        cursors.add(cursor)


async def listed(source: Source) -> dict[Ref, Record]:
    """Return what the pages of all kinds carry; of equal keys the last."""
    return {
        record.ref: record
        for kind in source.kinds
        for page in await pages(source, kind)
        for record in page.records
    }


async def everything(source: Source) -> dict[Ref, Record]:
    """Return all records, completed, and what they reveal."""
    records = await listed(source)
    for record in list(records.values()):
        if record.kind in source.completes:
            records.update((each.ref, each) for each in await source.complete(record))
    return records


async def can_be_resolved(source: Source, ref: Ref) -> None:
    """Fail unless ``resolve`` answers for a parent that no list holds."""
    found = await source.resolve(ref)
    if not isinstance(found, Reject):
        if found[0].ref != ref:
            pytest.fail(f"resolve({ref}) gives {found[0].ref}: give the record that is asked for")
    elif ref.kind is not Kind.TEST_CASE:  # a case that is gone gets a stub; nothing else does
        pytest.fail(
            f"{ref} is a parent, and neither listed nor given by resolve(): {found.reason}. List "
            "it, or leave the reference out"
        )


def ids_of(records: Iterable[Record]) -> Mapping[IdKind, list[str]]:
    """Return the ids that a directory may know, each once."""
    found: dict[IdKind, dict[str, None]] = {topic: {} for topic in IdKind}
    for record in records:
        for topic, names in IDS.items():
            values = (getattr(record, name, "") for name in names)
            found[topic].update(dict.fromkeys(v for v in values if v and isinstance(v, str)))
        issues = (link.issue_id for link in record.links if link.issue_id)
        found[IdKind.ISSUE].update(dict.fromkeys(issues))
    return {topic: list(ids) for topic, ids in found.items()}


async def files_of(source: Source) -> list[Attachment]:
    """Return all files that the source reveals."""
    records = (await everything(source)).values()
    return [each for each in records if isinstance(each, Attachment)]


async def content_of(source: Source, file: Attachment) -> bytes:
    """Return the bytes of a file."""
    return b"".join([chunk async for chunk in source.download(file)])


def path_by_folders(record: Record, records: Mapping[Ref, Record]) -> tuple[str, ...]:
    """Return the names of the folders around a record, outermost first."""
    names: list[str] = []
    above: Record | None = record
    while above is not None:
        ref = next((each for each in above.parents() if each.kind is Kind.FOLDER), None)
        above = records.get(ref) if ref else None
        if not isinstance(above, Folder) or len(names) > len(records):
            break
        names.insert(0, above.name)
    return tuple(names)


def html_of(record: Record) -> Iterator[tuple[str, str]]:
    """Yield the properties of a record that are HTML, with what people call them."""
    if isinstance(record, Folder | Requirement | TestCase | TestPlan | TestCycle):
        yield "description", record.description
    if isinstance(record, TestCase):
        yield "precondition", record.precondition
        if record.script and record.script.language == "plain":
            yield "script", record.script.text
    if isinstance(record, TestLog):
        yield "comment", record.comment
        for result in record.results:
            yield f"result {result.key}: actual", result.actual
    if isinstance(record, TestCase | TestLog):
        for each in record.steps if isinstance(record, TestCase) else record.results:
            for name in ("description", "data", "expected"):
                yield f"step {each.key}: {name}", getattr(each, name)


def plain_text(html: str) -> str:
    """Return what shows that a text is not HTML, ``""`` if it may be."""
    if bare := _BARE.search(html):
        return f"holds a bare {bare.group()!r}"
    if "\n" in html.strip() and not _TAG.search(html):
        return "has several lines and no tags, so they would run together"
    return ""
