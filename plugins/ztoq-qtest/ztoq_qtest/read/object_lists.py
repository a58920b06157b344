"""Lists the objects of the project with their contents, a page of answers at a time.

An answer of a list shows a whole object, but for cases their links to requirements, which come for
all cases of a page with one call. A list of files shows neither size nor digest, so that each file
is downloaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from ztoq_core.plugin import Attachment, Kind, Mark, MarkPage, Owner, RejectedError
from ztoq_qtest.api.object_types import OBJECT_TYPES, ROOT, ObjectRef, number_of
from ztoq_qtest.api.project import PAGE_SIZE, items_of, parent_query
from ztoq_qtest.objects.marks import NO_FIELDS, PLAN
from ztoq_qtest.read.find import list_logs
from ztoq_qtest.read.mark_lists import (
    AT_ONCE,
    cycles_with_parents,
    file_mark,
    key_of,
    list_answers,
    list_modules,
    list_together,
    log_mark,
    mark_of,
    with_parents,
)
from ztoq_qtest.read.readers import Linked
from ztoq_qtest.read.records import linked_requirements, to_record
from ztoq_qtest.write.attachments import file_record, list_files
from ztoq_qtest.write.save import Session


async def list_objects(
    session: Session, kind: Kind, owners: Sequence[Owner], cursor: str | None
) -> MarkPage:
    """Return a page of objects as marks with records."""
    under_owners = {Kind.TEST_LOG: _logs, Kind.ATTACHMENT: _files}
    by_page = {Kind.TEST_CASE: _cases, Kind.TEST_CYCLE: _suites, Kind.TEST_RUN: _runs}
    if kind in under_owners:
        return await list_together(owners, partial(under_owners[kind], session))
    if kind in by_page:
        return await by_page[kind](session, cursor)
    planned = kind is Kind.TEST_PLAN and session.project.config.plans == "cycle"
    if kind is Kind.FOLDER or planned:
        return MarkPage(marks=tuple([mark async for mark in _containers(session, kind)]))
    listed = list_answers(session, kind)
    marks = [await _mark(session, kind, type_, item) async for type_, item in listed]
    return MarkPage(marks=tuple(marks))


async def _mark(
    session: Session, kind: Kind, type_: str, item: Mapping[str, Any], linked: Linked | None = None
) -> Mark:
    fields = await session.settings.fields(type_) if OBJECT_TYPES[type_].fields else NO_FIELDS
    mark = mark_of(kind, type_, item, key_of(session, type_, item, fields).removesuffix(PLAN))
    place = ObjectRef(type_, int(item["id"]))
    return attrs.evolve(mark, record=await to_record(session, place, item, linked or {}))


# ------------------------------------------------------------------------------ cases and runs


async def _cases(session: Session, cursor: str | None) -> MarkPage:
    """List one page each of several modules, with the steps.

    The cursor holds the last module that was begun, and for modules that may have more cases their
    number, the next page and the first case of the last one.
    """
    known = session.project.containers
    if cursor is None or Kind.TEST_CASE not in known:
        known[Kind.TEST_CASE] = [
            ObjectRef("modules", int(each["id"])) for each in await list_modules(session)
        ]
    last, _, rest = (cursor or "0|").partition("|")
    places = [tuple(map(int, each.split(":"))) for each in rest.split(",") if each]
    if not places:
        left = [each.id for each in known[Kind.TEST_CASE] if each.id > int(last)]
        places = [(module, 1, 0) for module in left[:AT_ONCE]]
        if not places:
            return MarkPage(marks=())
        last = str(places[-1][0])
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(
                session.project.get(
                    "test-cases",
                    parentId=module,
                    page=page,
                    size=PAGE_SIZE,
                    expandSteps="true",
                )
            )
            for module, page, _ in places
        ]
    more: list[str] = []
    found: list[dict[str, Any]] = []
    for (module, page, first), task in zip(places, tasks, strict=True):
        items = items_of(task.result())
        if items and items[0]["id"] != first:  # else the site ignores the page
            more.append(f"{module}:{page + 1}:{items[0]['id']}")
            found += ({"parent_id": module, **item} for item in items)
    numbers = [int(item["id"]) for item in found]
    chunks = [numbers[at : at + PAGE_SIZE] for at in range(0, len(numbers), PAGE_SIZE)]
    linked: dict[int, Sequence[int]] = {}
    for chunk in chunks:
        linked |= await linked_requirements(session, chunk)
    marks = [await _mark(session, Kind.TEST_CASE, "test-cases", item, linked) for item in found]
    return MarkPage(marks=tuple(marks), cursor=f"{last}|{','.join(more)}")


async def _runs(session: Session, cursor: str | None) -> MarkPage:
    """List a page of the project's runs.

    The cursor holds the page, the number of runs before it and the first run of the last one.
    """
    page, seen, first = map(int, (cursor or "1:0:0").split(":"))
    query = {**parent_query("test-runs", ROOT), "expand": "descendants"}
    body = await session.project.get("test-runs", **query, page=page, pageSize=PAGE_SIZE)
    items = items_of(body)
    if not items or items[0]["id"] == first:  # the end, or the site ignores the page
        return MarkPage(marks=())
    shown = body if isinstance(body, dict) else {}
    seen += len(items)
    # a total may lag, so it ends the list only where the page is not full either
    full = len(items) >= shown.get("page_size", PAGE_SIZE)
    ended = shown.get("total") is not None and seen >= shown["total"] and not full
    marks = [await _mark(session, Kind.TEST_RUN, "test-runs", item) for item in items]
    following = f"{page + 1}:{seen}:{items[0]['id']}"
    return MarkPage(marks=tuple(marks), cursor=None if ended else following)


# ---------------------------------------------------------------------------------- containers


async def _suites(session: Session, cursor: str | None) -> MarkPage:
    """List the suites cycle by cycle; the cursor is the last one that is done."""
    known = session.project.containers
    if cursor is None or Kind.TEST_CYCLE not in known:
        cycles = [int(item["id"]) for item, _ in await cycles_with_parents(session)]
        known[Kind.TEST_CYCLE] = [
            ROOT,
            *(ObjectRef("test-cycles", each) for each in sorted(cycles)),
        ]
    left = [each for each in known[Kind.TEST_CYCLE] if cursor is None or each.id > int(cursor)]
    page = left[:AT_ONCE]

    async def inside(parent: ObjectRef) -> AsyncIterator[Mark]:
        place = {"parentId": parent.id, "parentType": parent.type}
        async for item in session.project.children("test-suites", parent):
            yield await _mark(session, Kind.TEST_CYCLE, "test-suites", {**place, **item})

    listed = await list_together(page, inside)
    more = str(page[-1].id) if len(left) > len(page) else None
    return MarkPage(marks=listed.marks, cursor=more)


async def _containers(session: Session, kind: Kind) -> AsyncIterator[Mark]:
    """Yield modules and cycles with what they lie in, which answers need not show."""
    if kind is Kind.FOLDER:
        modules = await session.project.get("modules", expand="descendants")
        for item, parent in with_parents(modules, "children", 0):
            place = {"parent_id": parent, "parentType": "module"}
            yield await _mark(session, kind, "modules", {**item, **place})
    for item, parent in await cycles_with_parents(session):
        place = {"parentId": parent, "parentType": "test-cycle"}
        planned = key_of(session, "test-cycles", item, NO_FIELDS).endswith(PLAN)
        if planned == (kind is Kind.TEST_PLAN):
            yield await _mark(session, kind, "test-cycles", {**item, **place})


# --------------------------------------------------------------------------------- under owners


async def _logs(session: Session, owner: Owner) -> AsyncIterator[Mark]:
    record, at = owner
    run = number_of(Kind.TEST_RUN, at.target_id)
    async for item in list_logs(session, run):
        place = ObjectRef("test-logs", int(item["id"]))
        log = await to_record(session, place, {"test_run_id": run, **item}, {})
        yield attrs.evolve(log_mark(session, run, item, record.key), record=log)


async def _files(session: Session, owner: Owner) -> AsyncIterator[Mark]:
    record, at = owner
    async for target, target_id, item in list_files(session.project, record.kind, at):
        file = await _readable(file_record(session.project, target, target_id, item))
        yield attrs.evolve(file_mark(target_id, item, record.key), record=file)


async def _readable(reading: Awaitable[Attachment]) -> Attachment | None:
    """Return the file, or None where it cannot be downloaded: that concerns this file alone."""
    try:
        return await reading
    except RejectedError:
        return None
