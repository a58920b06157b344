"""Lists the objects of the project with their marks, for reconciliation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from ztoq_core.plugin import Kind, Mark, MarkPage, Owner
from ztoq_qtest.api.object_types import (
    FIELD_OWNERS,
    OBJECT_TYPES,
    ROOT,
    ObjectRef,
    number_of,
    target_id_of,
)
from ztoq_qtest.objects.marks import NO_FIELDS, PLAN, find_keys
from ztoq_qtest.read.find import list_logs
from ztoq_qtest.write.attachments import list_files
from ztoq_qtest.write.save import Session

LISTED_BY_OWNER: Mapping[Kind, frozenset[Kind]] = {
    Kind.TEST_LOG: frozenset({Kind.TEST_RUN}),
    Kind.ATTACHMENT: frozenset({Kind.TEST_CASE, Kind.TEST_LOG, Kind.TEST_PLAN, Kind.REQUIREMENT}),
}
AT_ONCE = 16  # containers per page of marks, read at the same time


async def list_marks(
    session: Session, kind: Kind, owners: Sequence[Owner], cursor: str | None
) -> MarkPage:
    """Return a page of marks. The cursor is the id of the last container that is done."""
    if kind is Kind.TEST_LOG:
        return await list_together(owners, lambda owner: _logs_of_owner(session, owner))
    if kind is Kind.ATTACHMENT:
        return await list_together(owners, lambda owner: _list_files(session, owner))
    if kind in {Kind.TEST_CASE, Kind.TEST_CYCLE}:
        return await _list_by_container(session, kind, cursor)
    return MarkPage(marks=tuple([mark async for mark in _list_all(session, kind)]))


async def list_modules(session: Session) -> list[Any]:
    """Return all modules of the project."""
    return _flat(await session.project.get("modules", expand="descendants"), "children")


async def list_cycles(session: Session) -> list[Any]:
    """Return all test cycles of the project below its root."""
    listed = session.project.children("test-cycles", ROOT, expand="descendants")
    return _flat([item async for item in listed], "test-cycles")


async def cycles_with_parents(session: Session) -> list[tuple[Mapping[str, Any], int]]:
    """Return all test cycles, each with the id of the one around it (0: none)."""
    listed = session.project.children("test-cycles", ROOT, expand="descendants")
    return list(with_parents([item async for item in listed], "test-cycles", 0))


def with_parents(
    items: Sequence[Mapping[str, Any]], inside: str, parent: int
) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Yield the items of a tree, each with the id of the one around it (0: none)."""
    for item in items:
        yield item, parent
        yield from with_parents(item.get(inside) or (), inside, int(item["id"]))


def _flat(items: Sequence[Any], inside: str) -> list[Any]:
    """Return the items of a tree, each once, by ascending id."""
    found: dict[int, Any] = {}
    waiting = list(items)
    while waiting:
        item = waiting.pop()
        found.setdefault(int(item["id"]), item)
        waiting += item.get(inside) or ()
    return [found[number] for number in sorted(found)]


async def list_together(
    owners: Sequence[Any], marks: Callable[[Any], AsyncIterator[Mark]]
) -> MarkPage:
    async def collect(owner: Any) -> list[Mark]:
        return [mark async for mark in marks(owner)]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(collect(owner)) for owner in owners]
    return MarkPage(marks=tuple(mark for task in tasks for mark in task.result()))


async def _list_by_container(session: Session, kind: Kind, cursor: str | None) -> MarkPage:
    """List cases module by module, and suites cycle by cycle.

    The document does not say whether the list of cases without parentId covers the whole project,
    so all modules are visited, by ascending id. The cursor is the last one that is done.
    """
    known = session.project.containers
    if cursor is None or kind not in known:
        if kind is Kind.TEST_CASE:
            known[kind] = [
                ObjectRef("modules", int(each["id"])) for each in await list_modules(session)
            ]
        else:
            found = [
                ObjectRef("test-cycles", int(each["id"])) for each in await list_cycles(session)
            ]
            known[kind] = [ROOT, *found]
    left = [target for target in known[kind] if cursor is None or target.id > int(cursor)]
    page = left[:AT_ONCE]
    listed = await list_together(page, lambda target: _list_children(session, kind, target))
    more = str(page[-1].id) if len(left) > len(page) else None
    return MarkPage(marks=listed.marks, cursor=more)


async def _list_children(session: Session, kind: Kind, parent: ObjectRef) -> AsyncIterator[Mark]:
    type_ = FIELD_OWNERS[kind]
    fields = await session.settings.fields(type_)
    async for item in session.project.children(type_, parent):
        yield mark_of(kind, type_, item, key_of(session, type_, item, fields))


async def _list_all(session: Session, kind: Kind) -> AsyncIterator[Mark]:
    if kind is Kind.FIELD:
        async for mark in _list_fields(session):
            yield mark
        return
    async for type_, item in list_answers(session, kind):
        fields = await session.settings.fields(type_) if OBJECT_TYPES[type_].fields else NO_FIELDS
        key = key_of(session, type_, item, fields)
        if type_ == "test-cycles":
            # A cycle is a folder, or a plan if its mark says so.
            if key.endswith(PLAN) != (kind is Kind.TEST_PLAN):
                continue
            key = key.removesuffix(PLAN)
        yield mark_of(kind, type_, item, key)


async def list_answers(session: Session, kind: Kind) -> AsyncIterator[tuple[str, Any]]:
    project = session.project
    if kind is Kind.FOLDER:
        for item in await list_modules(session):
            yield "modules", item
    if kind is Kind.FOLDER or (kind is Kind.TEST_PLAN and project.config.plans == "cycle"):
        for item in await list_cycles(session):
            yield "test-cycles", item
        return
    # Only runs have this parameter; releases and requirements do not.
    more = {"expand": "descendants"} if kind is Kind.TEST_RUN else {}
    type_ = FIELD_OWNERS[kind]
    async for item in project.children(type_, ROOT, **more):
        yield type_, item


async def _list_fields(session: Session) -> AsyncIterator[Mark]:
    for kind, type_ in FIELD_OWNERS.items():
        if kind is Kind.TEST_LOG:
            continue
        for field in (await session.settings.fields(type_)).fields:
            if not field.system:
                target = ObjectRef(type_, field.id)
                key = f"{kind}/{field.label}"
                yield Mark(kind=Kind.FIELD, key=key, target_id=target.path, name=field.label)


def key_of(session: Session, type_: str, item: Mapping[str, Any], fields: Any) -> str:
    """Return the mark of an object, or an empty text."""
    return next(iter(find_keys(type_, item, fields, session.project.config)), "")


def mark_of(kind: Kind, type_: str, item: Mapping[str, Any], key: str) -> Mark:
    """Return an object of a list with its mark."""
    return Mark(
        kind=kind,
        key=key,
        target_id=target_id_of(kind, ObjectRef(type_, int(item["id"]))),
        pid=str(item.get("pid") or ""),
        name=str(item.get("name") or ""),
    )


def _logs_of_owner(session: Session, owner: Owner) -> AsyncIterator[Mark]:
    record, at = owner
    return _list_logs(session, number_of(Kind.TEST_RUN, at.target_id), record.key)


async def _list_logs(session: Session, run: int, owner: str) -> AsyncIterator[Mark]:
    async for item in list_logs(session, run):
        yield log_mark(session, run, item, owner)


async def _list_files(session: Session, owner: Owner) -> AsyncIterator[Mark]:
    record, at = owner
    async for _, target_id, item in list_files(session.project, record.kind, at):
        yield file_mark(target_id, item, record.key)


def log_mark(session: Session, run: int, item: Mapping[str, Any], owner: str) -> Mark:
    """Return the mark of a listed log of the run with that id; ``owner`` is its record's key."""
    return Mark(
        kind=Kind.TEST_LOG,
        key=key_of(session, "test-logs", item, NO_FIELDS),
        target_id=f"{run}/{item['id']}",
        name=str(item.get("name") or ""),
        owner=owner,
    )


def file_mark(target_id: str, item: Mapping[str, Any], owner: str) -> Mark:
    """Return the mark of a listed file; it bears no key. ``owner`` is its record's key."""
    name = str(item.get("name") or "")
    return Mark(kind=Kind.ATTACHMENT, key="", target_id=target_id, name=name, owner=owner)
