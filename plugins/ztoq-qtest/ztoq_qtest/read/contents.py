"""Finds what the deletion of an object would take along or harm, by documented endpoints only.

    container   what lies directly in it, of every type; a release its builds
    case        its files and those of its steps; runs of it anywhere in the project; cases that
                call it; requirements and others that are linked to it; comments
    run         its logs, their files and those of their steps; comments
    release, requirement   files, what is linked to it; of a requirement comments
    field       nothing: ``delete_field`` refuses where objects of others use it

No endpoint gives the runs or the callers of a case. So the runs of the whole project are listed for
each group of cases, and its cases with their steps once; a case that was seen to call is read
again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs

from ztoq_core.plugin import Kind, Mark, RejectedError, Written
from ztoq_qtest.api.object_types import ROOT, SHAPES, Place, place_of, target_of
from ztoq_qtest.api.project import MISSING
from ztoq_qtest.objects.marks import NO_FIELDS, PLAN
from ztoq_qtest.read.find import logs_of, written_case
from ztoq_qtest.read.mark_lists import AT_ONCE, key_of, mark_of, modules
from ztoq_qtest.write.attachments import file_places
from ztoq_qtest.write.save import Desk

__all__ = ["contents"]

NOT_ALLOWED = 405
CONTAINED: Mapping[str, tuple[tuple[Kind, str], ...]] = MappingProxyType(
    {
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
)
LINKED: Mapping[str, Kind] = MappingProxyType(
    {
        "requirements": Kind.REQUIREMENT,
        "test-cases": Kind.TEST_CASE,
        "releases": Kind.TEST_PLAN,
        "builds": Kind.TEST_PLAN,
    }
)
"""Types of objects that others link, with the kinds as which they are told."""
COMMENTED = frozenset({"requirements", "test-cases", "test-runs"})
SELF = re.compile(r"/([a-z-]+)/(\d+)/?(?:\?.*)?$")

Marks = dict[str, list[Mark]]


async def contents(
    desk: Desk, kind: Kind, target_ids: Sequence[str]
) -> Mapping[str, tuple[Mark, ...]]:
    """Return what the deletion of each object would take along or harm."""
    found: Marks = {target_id: [] for target_id in target_ids}
    places = {target_id: place_of(kind, target_id) for target_id in target_ids}
    if kind is Kind.TEST_CASE:
        await _runs_of_cases(desk, places, found)
        await _callers(desk, places, found)
    await _linked(desk, places, found)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(target_id: str, place: Place) -> None:
        async with gate:
            try:
                found[target_id] += [mark async for mark in _inside(desk, kind, target_id, place)]
            except RejectedError as error:
                if error.status != MISSING:
                    raise  # else it went meanwhile, and nothing can go with it

    async with asyncio.TaskGroup() as group:
        for target_id, place in places.items():
            group.create_task(one(target_id, place))
    return {target_id: tuple(marks) for target_id, marks in found.items()}


async def _inside(desk: Desk, kind: Kind, target_id: str, place: Place) -> AsyncIterator[Mark]:
    async for mark in _children(desk, place):
        yield mark
    if kind is Kind.TEST_RUN:
        async for mark in _logs(desk, place.id):
            yield mark
    elif kind in {Kind.TEST_CASE, Kind.TEST_PLAN, Kind.REQUIREMENT, Kind.TEST_LOG}:
        whole = Written(target_id=target_id)
        if kind is Kind.TEST_CASE:
            whole = await written_case(desk, place)
        async for mark in _files(desk, kind, whole):
            yield mark
    if place.type in COMMENTED:
        for item in await _comments(desk, place):
            number = f"comments/{item['id']}"
            yield Mark(kind=kind, key="", target_id=number, pid=f"comment {item['id']}")


async def _children(desk: Desk, place: Place) -> AsyncIterator[Mark]:
    for child, type_ in CONTAINED.get(place.type, ()):
        fields = await desk.settings.fields(type_) if SHAPES[type_].fields else NO_FIELDS
        async for item in desk.project.children(type_, place):
            key = key_of(desk, type_, item, fields)
            planned = type_ == "test-cycles" and key.endswith(PLAN)
            as_kind = Kind.TEST_PLAN if planned else child
            yield mark_of(as_kind, type_, item, key.removesuffix(PLAN) if planned else key)
    if place.type == "releases":
        # builds go with their release; ztoq makes none, and has no kind for them
        for item in await desk.project.get("builds", releaseId=place.id):
            number, name = f"builds/{item['id']}", str(item.get("name") or "")
            pid = str(item.get("pid") or "")
            yield Mark(kind=Kind.TEST_PLAN, key="", target_id=number, pid=pid, name=name)


async def _logs(desk: Desk, run: int) -> AsyncIterator[Mark]:
    """Yield the logs of a run and the files on them and on their steps."""
    async for item in logs_of(desk, run):
        number = f"{run}/{item['id']}"
        key, name = key_of(desk, "test-logs", item, NO_FIELDS), str(item.get("name") or "")
        yield Mark(kind=Kind.TEST_LOG, key=key, target_id=number, name=name)
        whole = item
        if "test_step_logs" not in item:
            whole = await desk.project.get(f"test-runs/{run}/test-logs/{item['id']}")
        steps = [each["test_step_log_id"] for each in whole.get("test_step_logs") or ()]
        parts = {str(order): str(step) for order, step in enumerate(steps, 1)}
        async for mark in _files(desk, Kind.TEST_LOG, Written(target_id=number, parts=parts)):
            yield mark


async def _files(desk: Desk, kind: Kind, owner: Written) -> AsyncIterator[Mark]:
    async for hold, item in file_places(desk.project, kind, owner):
        number, name = f"{hold}/{item['id']}", str(item.get("name") or "")
        yield Mark(kind=Kind.ATTACHMENT, key="", target_id=number, name=name)


async def _comments(desk: Desk, place: Place) -> Sequence[Any]:
    """Return the first comments on an object; ztoq writes none."""
    try:
        body = await desk.project.get(f"{place.path}/comments")
    except RejectedError as error:
        if error.status not in {MISSING, NOT_ALLOWED}:
            raise
        return ()  # this site has no comments on such objects
    return body.get("items", ()) if isinstance(body, dict) else body  # type: ignore[no-any-return]


async def _runs_of_cases(desk: Desk, places: Mapping[str, Place], found: Marks) -> None:
    """Find the runs of the cases, in whatever cycle or suite of the project."""
    by_id = {place.id: target_id for target_id, place in places.items()}
    fields = await desk.settings.fields("test-runs")
    async for item in desk.project.children("test-runs", ROOT, expand="descendants"):
        case = _case_of(item)
        if not case:
            case = _case_of(await desk.project.get(f"test-runs/{item['id']}"))
        if target_id := by_id.get(case):
            key = key_of(desk, "test-runs", item, fields)
            found[target_id].append(mark_of(Kind.TEST_RUN, "test-runs", item, key))


def _case_of(run: Mapping[str, Any]) -> int:
    """Return the id of the case of a run, 0 where the answer does not show it."""
    return int(run.get("testCaseId") or (run.get("test_case") or {}).get("id") or 0)


async def _callers(desk: Desk, places: Mapping[str, Place], found: Marks) -> None:
    """Find the cases that call these."""
    project = desk.project
    if project.called_by is None:
        project.called_by = await _all_callers(desk)
    fields = await desk.settings.fields("test-cases")
    for target_id, place in places.items():
        for number in sorted(project.called_by.get(place.id, ())):
            caller = Place("test-cases", number)
            try:
                whole = await project.get(caller.path, expand="teststep")
            except RejectedError as error:
                if error.status != MISSING:
                    raise
                continue
            if place.id in _called(whole):
                key = key_of(desk, "test-cases", whole, fields)
                found[target_id].append(mark_of(Kind.TEST_CASE, "test-cases", whole, key))


async def _all_callers(desk: Desk) -> dict[int, set[int]]:
    """Return, for each case that others call, the ids of those, from the whole project."""
    callers: dict[int, set[int]] = {}
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(module: Place) -> None:
        async with gate:
            async for item in desk.project.children("test-cases", module, expandSteps="true"):
                whole = item
                if "test_steps" not in item:
                    whole = await desk.project.get(f"test-cases/{item['id']}", expand="teststep")
                for called in _called(whole):
                    callers.setdefault(called, set()).add(int(item["id"]))

    async with asyncio.TaskGroup() as group:
        for each in await modules(desk):
            group.create_task(one(Place("modules", int(each["id"]))))
    return callers


def _called(case: Mapping[str, Any]) -> Collection[int]:
    names = ("called_test_case_id", "root_called_test_case_id")
    steps = case.get("test_steps") or ()
    return {int(step[name]) for step in steps for name in names if step.get(name)} - {
        int(case["id"])
    }


async def _linked(desk: Desk, places: Mapping[str, Place], found: Marks) -> None:
    """Find what is linked to the objects; a defect keeps nothing, it only loses a link of a log."""
    asked = {place.id: target_id for target_id, place in places.items() if place.type in LINKED}
    if not asked:
        return
    type_ = next(iter(places.values())).type
    try:
        answer = await desk.project.get("linked-artifacts", type=type_, ids=sorted(asked))
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
            kind, place = LINKED[other], Place(other, int(number))
            mark = Mark(kind=kind, key="", target_id=target_of(kind, place), linked=True)
            found[target_id].append(attrs.evolve(mark, pid=str(item.get("pid") or "")))


def _type_of(item: Mapping[str, Any]) -> str:
    """Return the type of a linked object: its address tells it, else the usual prefix of its id."""
    if match := SELF.search(str(item.get("self") or "")):
        return match[1]
    prefixes = {"RQ": "requirements", "TC": "test-cases", "RL": "releases", "BL": "builds"}
    return prefixes.get(str(item.get("pid") or "").partition("-")[0], "")
