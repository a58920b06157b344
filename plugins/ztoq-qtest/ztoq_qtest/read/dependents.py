"""Finds what deleting an object would delete too, or break; by documented endpoints only.

    container   its direct children of every type; of a release also its builds
    case        its files and those of its steps; its runs anywhere in the project; cases that
                call it; requirements and other objects linked to it; comments
    run         its logs, their files and those of their steps; comments
    release, requirement   files, linked objects; of a requirement comments
    field       nothing: ``delete_field`` refuses if objects of others use the field
    file        nothing

No endpoint lists the runs or the callers of a case. So the runs of the whole project are listed for
each group of cases. All cases are listed with their steps once per run; each case that calls
another is read again before it counts.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

import attrs

from ztoq_core.plugin import Kind, Mark, RejectedError, Written
from ztoq_qtest.api.object_types import OBJECT_TYPES, ROOT, ObjectRef, object_ref, target_id_of
from ztoq_qtest.api.project import MISSING, items_of
from ztoq_qtest.objects.marks import NO_FIELDS, PLAN
from ztoq_qtest.read.find import list_logs, read_written_case
from ztoq_qtest.read.mark_lists import AT_ONCE, key_of, list_modules, mark_of
from ztoq_qtest.write.attachments import list_files
from ztoq_qtest.write.save import Session

NOT_ALLOWED = 405
CONTAINED: Mapping[str, tuple[tuple[Kind, str], ...]] = {
    "modules": (
        (Kind.FOLDER, "modules"),
        (Kind.REQUIREMENT, "requirements"),
        (Kind.TEST_CASE, "test-cases"),
    ),
    "releases": (
        (Kind.FOLDER, "test-cycles"),
        (Kind.TEST_CYCLE, "test-suites"),
        (Kind.TEST_RUN, "test-runs"),
    ),
    "test-cycles": (
        (Kind.FOLDER, "test-cycles"),
        (Kind.TEST_CYCLE, "test-suites"),
        (Kind.TEST_RUN, "test-runs"),
    ),
    "test-suites": ((Kind.TEST_RUN, "test-runs"),),
}
LINKED: Mapping[str, Kind] = {
    "requirements": Kind.REQUIREMENT,
    "test-cases": Kind.TEST_CASE,
    "releases": Kind.TEST_PLAN,
    "builds": Kind.TEST_PLAN,
}
"""Types of objects that can be linked to others, with the kinds as which they are reported."""
NOTHING_INSIDE = frozenset({Kind.FIELD, Kind.ATTACHMENT})
"""Kinds whose target ids name another object first: a field's type, a file's owner."""
COMMENTED = frozenset({"requirements", "test-cases", "test-runs"})
SELF = re.compile(r"/([a-z-]+)/(\d+)/?(?:\?.*)?$")

Marks = dict[str, list[Mark]]


async def list_dependents(
    session: Session, kind: Kind, target_ids: Sequence[str]
) -> Mapping[str, tuple[Mark, ...]]:
    """Return the objects that deleting each object would delete too, or would break."""
    found: Marks = {target_id: [] for target_id in target_ids}
    if kind in NOTHING_INSIDE:
        return dict.fromkeys(target_ids, ())
    targets = {target_id: object_ref(kind, target_id) for target_id in target_ids}
    if kind is Kind.TEST_CASE:
        await _find_runs(session, targets, found)
        await _find_callers(session, targets, found)
    await _find_linked(session, targets, found)
    # At most this many objects at a time, so that a large group does not fill the client's queue.
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(target_id: str, target: ObjectRef) -> None:
        async with slots:
            try:
                found[target_id] += [
                    mark async for mark in _list_inside(session, kind, target_id, target)
                ]
            except RejectedError as error:
                if error.status != MISSING:
                    raise  # else it was deleted in the meantime: nothing is left to delete

    async with asyncio.TaskGroup() as group:
        for target_id, target in targets.items():
            group.create_task(one(target_id, target))
    return {target_id: tuple(marks) for target_id, marks in found.items()}


async def _list_inside(
    session: Session, kind: Kind, target_id: str, target: ObjectRef
) -> AsyncIterator[Mark]:
    async for mark in _list_children(session, target):
        yield mark
    if kind is Kind.TEST_RUN:
        async for mark in _list_logs(session, target.id):
            yield mark
    elif kind in {Kind.TEST_CASE, Kind.TEST_PLAN, Kind.REQUIREMENT, Kind.TEST_LOG}:
        whole = Written(target_id=target_id)
        if kind is Kind.TEST_CASE:
            whole = await read_written_case(session, target)
        async for mark in _list_files(session, kind, whole):
            yield mark
    if target.type in COMMENTED:
        for item in await _list_comments(session, target):
            number = f"comments/{item['id']}"
            yield Mark(kind=kind, key="", target_id=number, pid=f"comment {item['id']}")


async def _list_children(session: Session, target: ObjectRef) -> AsyncIterator[Mark]:
    for child, type_ in CONTAINED.get(target.type, ()):
        fields = await session.settings.fields(type_) if OBJECT_TYPES[type_].fields else NO_FIELDS
        async for item in session.project.children(type_, target):
            key = key_of(session, type_, item, fields)
            planned = type_ == "test-cycles" and key.endswith(PLAN)
            as_kind = Kind.TEST_PLAN if planned else child
            yield mark_of(as_kind, type_, item, key.removesuffix(PLAN) if planned else key)
    if target.type == "releases":
        # Builds are deleted with their release. ztoq makes none and has no kind for them.
        for item in await session.project.get("builds", releaseId=target.id):
            number, name = f"builds/{item['id']}", str(item.get("name") or "")
            pid = str(item.get("pid") or "")
            yield Mark(kind=Kind.TEST_PLAN, key="", target_id=number, pid=pid, name=name)


async def _list_logs(session: Session, run: int) -> AsyncIterator[Mark]:
    """Yield the logs of a run and the files on them and on their steps."""
    async for item in list_logs(session, run):
        number = f"{run}/{item['id']}"
        key, name = key_of(session, "test-logs", item, NO_FIELDS), str(item.get("name") or "")
        yield Mark(kind=Kind.TEST_LOG, key=key, target_id=number, name=name)
        whole = item
        if "test_step_logs" not in item:
            whole = await session.project.get(f"test-runs/{run}/test-logs/{item['id']}")
        logged = whole.get("test_step_logs") or ()
        steps = [each["test_step_log_id"] for each in logged if "test_step_log_id" in each]
        parts = {str(order): str(step) for order, step in enumerate(steps, 1)}
        async for mark in _list_files(
            session, Kind.TEST_LOG, Written(target_id=number, parts=parts)
        ):
            yield mark


async def _list_files(session: Session, kind: Kind, owner: Written) -> AsyncIterator[Mark]:
    async for _, number, item in list_files(session.project, kind, owner):
        yield Mark(kind=Kind.ATTACHMENT, key="", target_id=number, name=str(item.get("name") or ""))


async def _list_comments(session: Session, target: ObjectRef) -> Sequence[Any]:
    """Return the first page of comments on an object; ztoq writes none."""
    try:
        body = await session.project.get(f"{target.path}/comments")
    except RejectedError as error:
        if error.status not in {MISSING, NOT_ALLOWED}:
            raise
        return ()  # this site has no comments on objects of this type
    return items_of(body)


async def _find_runs(session: Session, targets: Mapping[str, ObjectRef], found: Marks) -> None:
    """Find the runs of the cases in all cycles and suites of the project."""
    by_id = {target.id: target_id for target_id, target in targets.items()}
    fields = await session.settings.fields("test-runs")
    async for item in session.project.children("test-runs", ROOT, expand="descendants"):
        case = _case_of(item)
        if not case:
            case = _case_of(await session.project.get(f"test-runs/{item['id']}"))
        if target_id := by_id.get(case):
            key = key_of(session, "test-runs", item, fields)
            found[target_id].append(mark_of(Kind.TEST_RUN, "test-runs", item, key))


def _case_of(run: Mapping[str, Any]) -> int:
    """Return the id of a run's case, or 0 if the answer does not show it."""
    return int(run.get("testCaseId") or (run.get("test_case") or {}).get("id") or 0)


async def _find_callers(session: Session, targets: Mapping[str, ObjectRef], found: Marks) -> None:
    """Find the cases that call these cases."""
    project = session.project
    if project.called_by is None:
        project.called_by = await _list_callers(session)
    fields = await session.settings.fields("test-cases")
    for target_id, target in targets.items():
        for number in sorted(project.called_by.get(target.id, ())):
            caller = ObjectRef("test-cases", number)
            try:
                whole = await project.get(caller.path, expand="teststep")
            except RejectedError as error:
                if error.status != MISSING:
                    raise
                continue
            if target.id in _called(whole):
                key = key_of(session, "test-cases", whole, fields)
                found[target_id].append(mark_of(Kind.TEST_CASE, "test-cases", whole, key))


async def _list_callers(session: Session) -> dict[int, set[int]]:
    """Return the ids of the calling cases for each called case of the whole project."""
    callers: dict[int, set[int]] = {}
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(module: ObjectRef) -> None:
        async with slots:
            async for item in session.project.children("test-cases", module, expandSteps="true"):
                whole = item
                if "test_steps" not in item:
                    whole = await session.project.get(f"test-cases/{item['id']}", expand="teststep")
                for called in _called(whole):
                    callers.setdefault(called, set()).add(int(item["id"]))

    async with asyncio.TaskGroup() as group:
        for each in await list_modules(session):
            group.create_task(one(ObjectRef("modules", int(each["id"]))))
    return callers


def _called(case: Mapping[str, Any]) -> Collection[int]:
    names = ("called_test_case_id", "root_called_test_case_id")
    steps = case.get("test_steps") or ()
    return {int(step[name]) for step in steps for name in names if step.get(name)} - {
        int(case["id"])
    }


async def _find_linked(session: Session, targets: Mapping[str, ObjectRef], found: Marks) -> None:
    """Find what is linked to the objects; not defects, which only lose a link to a log."""
    asked = {target.id: target_id for target_id, target in targets.items() if target.type in LINKED}
    if not asked:
        return
    type_ = next(iter(targets.values())).type
    try:
        answer = await session.project.get("linked-artifacts", type=type_, ids=sorted(asked))
    except RejectedError as error:
        if error.status != MISSING:
            raise
        return
    for container in answer or ():
        target_id = asked.get(int(container.get("id") or 0))
        for item in container.get("objects") or ():
            other, number = _type_of(item), item.get("id")
            if target_id is None or number is None or other not in LINKED:
                continue
            kind, target = LINKED[other], ObjectRef(other, int(number))
            mark = Mark(kind=kind, key="", target_id=target_id_of(kind, target), linked=True)
            found[target_id].append(attrs.evolve(mark, pid=str(item.get("pid") or "")))


def _type_of(item: Mapping[str, Any]) -> str:
    """Return the type of a linked object: from its address, else from the prefix of its pid."""
    if match := SELF.search(str(item.get("self") or "")):
        return match[1]
    prefixes = {"RQ": "requirements", "TC": "test-cases", "RL": "releases", "BL": "builds"}
    return prefixes.get(str(item.get("pid") or "").partition("-")[0], "")
