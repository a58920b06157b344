"""Lists what stands in the project with the marks that it bears, for reconciling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ztoq_core.plugin import Kind, Mark, MarkPage, Owner
from ztoq_qtest.api.object_types import FIELD_OWNERS, ROOT, SHAPES, Place, number_of, target_of
from ztoq_qtest.objects.marks import NO_FIELDS, PLAN, keys_of
from ztoq_qtest.read.find import logs_of
from ztoq_qtest.write.attachments import file_places
from ztoq_qtest.write.save import Desk

__all__ = ["AT_ONCE", "LISTED_BY_OWNER", "cycles", "key_of", "list_marks", "mark_of", "modules"]

LISTED_BY_OWNER: Mapping[Kind, frozenset[Kind]] = MappingProxyType(
    {
        Kind.TEST_LOG: frozenset({Kind.TEST_RUN}),
        Kind.ATTACHMENT: frozenset(
            {Kind.TEST_CASE, Kind.TEST_LOG, Kind.TEST_PLAN, Kind.REQUIREMENT}
        ),
    }
)
AT_ONCE = 16  # containers that one page of marks covers


async def list_marks(
    desk: Desk, kind: Kind, owners: Sequence[Owner], cursor: str | None
) -> MarkPage:
    """Return a page of marks. The cursor counts the containers that are done, by their ids."""
    if kind is Kind.TEST_LOG:
        return await _together(owners, lambda owner: _logs_of_owner(desk, owner))
    if kind is Kind.ATTACHMENT:
        return await _together(owners, lambda owner: _files(desk, owner))
    if kind in {Kind.TEST_CASE, Kind.TEST_CYCLE}:
        return await _by_container(desk, kind, cursor)
    return MarkPage(marks=tuple([mark async for mark in _whole(desk, kind)]))


async def modules(desk: Desk) -> list[Any]:
    """Return all modules of the project."""
    return _flat(await desk.project.get("modules", expand="descendants"), "children")


async def cycles(desk: Desk) -> list[Any]:
    """Return all test cycles of the project that stand under its root."""
    listed = desk.project.children("test-cycles", ROOT, expand="descendants")
    return _flat([item async for item in listed], "test-cycles")


def _flat(items: Sequence[Any], inside: str) -> list[Any]:
    """Return the items of a tree, each once."""
    found: dict[int, Any] = {}
    waiting = list(items)
    while waiting:
        item = waiting.pop()
        found.setdefault(int(item["id"]), item)
        waiting += item.get(inside) or ()
    return [found[number] for number in sorted(found)]


async def _together(owners: Sequence[Any], marks: Callable[[Any], AsyncIterator[Mark]]) -> MarkPage:
    async def collect(owner: Any) -> list[Mark]:
        return [mark async for mark in marks(owner)]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(collect(owner)) for owner in owners]
    return MarkPage(marks=tuple(mark for task in tasks for mark in task.result()))


async def _by_container(desk: Desk, kind: Kind, cursor: str | None) -> MarkPage:
    """List cases module by module and suites cycle by cycle.

    The list of cases without parentId may or may not mean the whole project, so modules are
    walked. Containers are taken by ascending id; the cursor is the last one done.
    """
    known = desk.project.containers
    if cursor is None or kind not in known:
        if kind is Kind.TEST_CASE:
            known[kind] = [Place("modules", int(each["id"])) for each in await modules(desk)]
        else:
            found = [Place("test-cycles", int(each["id"])) for each in await cycles(desk)]
            known[kind] = [ROOT, *found]
    left = [place for place in known[kind] if cursor is None or place.id > int(cursor)]
    page = left[:AT_ONCE]
    listed = await _together(page, lambda place: _children(desk, kind, place))
    more = str(page[-1].id) if len(left) > len(page) else None
    return MarkPage(marks=listed.marks, cursor=more)


async def _children(desk: Desk, kind: Kind, parent: Place) -> AsyncIterator[Mark]:
    type_ = FIELD_OWNERS[kind]
    fields = await desk.settings.fields(type_)
    async for item in desk.project.children(type_, parent):
        yield mark_of(kind, type_, item, key_of(desk, type_, item, fields))


async def _whole(desk: Desk, kind: Kind) -> AsyncIterator[Mark]:
    if kind is Kind.FIELD:
        async for mark in _fields(desk):
            yield mark
        return
    async for type_, item in _objects(desk, kind):
        fields = await desk.settings.fields(type_) if SHAPES[type_].fields else NO_FIELDS
        key = key_of(desk, type_, item, fields)
        if type_ == "test-cycles":
            # cycles are folders, and plans where the config says so
            if key.endswith(PLAN) != (kind is Kind.TEST_PLAN):
                continue
            key = key.removesuffix(PLAN)
        yield mark_of(kind, type_, item, key)


async def _objects(desk: Desk, kind: Kind) -> AsyncIterator[tuple[str, Any]]:
    project = desk.project
    if kind is Kind.FOLDER:
        for item in await modules(desk):
            yield "modules", item
    if kind is Kind.FOLDER or (kind is Kind.TEST_PLAN and project.config.plans == "cycle"):
        for item in await cycles(desk):
            yield "test-cycles", item
        return
    # neither releases nor requirements know the parameter, so only runs get it
    more = {"expand": "descendants"} if kind is Kind.TEST_RUN else {}
    type_ = FIELD_OWNERS[kind]
    async for item in project.children(type_, ROOT, **more):
        yield type_, item


async def _fields(desk: Desk) -> AsyncIterator[Mark]:
    for kind, type_ in FIELD_OWNERS.items():
        if kind is Kind.TEST_LOG:
            continue
        for field in (await desk.settings.fields(type_)).fields:
            if not field.system:
                place = Place(type_, field.id)
                key = f"{kind}/{field.label}"
                yield Mark(kind=Kind.FIELD, key=key, target_id=place.path, name=field.label)


def key_of(desk: Desk, type_: str, item: Mapping[str, Any], fields: Any) -> str:
    """Return the mark that an object bears, or an empty text."""
    return next(iter(keys_of(type_, item, fields, desk.project.config)), "")


def mark_of(kind: Kind, type_: str, item: Mapping[str, Any], key: str) -> Mark:
    """Return an object of a list with its mark."""
    return Mark(
        kind=kind,
        key=key,
        target_id=target_of(kind, Place(type_, int(item["id"]))),
        pid=str(item.get("pid") or ""),
        name=str(item.get("name") or ""),
    )


def _logs_of_owner(desk: Desk, owner: Owner) -> AsyncIterator[Mark]:
    record, at = owner
    return _logs(desk, number_of(Kind.TEST_RUN, at.target_id), record.key)


async def _logs(desk: Desk, run: int, owner: str) -> AsyncIterator[Mark]:
    async for item in logs_of(desk, run):
        yield Mark(
            kind=Kind.TEST_LOG,
            key=key_of(desk, "test-logs", item, NO_FIELDS),
            target_id=f"{run}/{item['id']}",
            name=str(item.get("name") or ""),
            owner=owner,
        )


async def _files(desk: Desk, owner: Owner) -> AsyncIterator[Mark]:
    record, at = owner
    async for hold, item in file_places(desk.project, record.kind, at):
        yield Mark(
            kind=Kind.ATTACHMENT,
            key="",
            target_id=f"{hold}/{item['id']}",
            name=str(item.get("name") or ""),
            owner=record.key,
        )
