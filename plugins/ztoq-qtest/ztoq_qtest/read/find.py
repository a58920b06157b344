"""Finds earlier writes by their marks, in consistent lists: the children of the parent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from ztoq_core.plugin import (
    Attachment,
    FieldDefinition,
    Folder,
    Found,
    Kind,
    Links,
    Record,
    Ref,
    Requirement,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    Tree,
    Written,
)
from ztoq_qtest.api.object_types import (
    ROOT_CASES,
    ROOT_CYCLES,
    SHAPES,
    Place,
    number_of,
    target_of,
)
from ztoq_qtest.fields.encoding import instant
from ztoq_qtest.objects.marks import NO_FIELDS, PLAN, keys_of
from ztoq_qtest.objects.stamps import without_logs, written
from ztoq_qtest.write.attachments import find_files
from ztoq_qtest.write.field_definitions import find_field
from ztoq_qtest.write.logs import log_parts
from ztoq_qtest.write.save import Desk, linked, parent_place
from ztoq_qtest.write.steps import in_order

__all__ = ["find", "logs_of", "written_case"]


async def find(desk: Desk, record: Record, links: Links) -> tuple[Found, ...]:
    """Return what bears the record's mark, oldest first."""
    if isinstance(record, FieldDefinition):
        return tuple(await find_field(desk, record))
    if isinstance(record, Attachment):
        found = await find_files(desk.project, record, links)
    elif isinstance(record, TestLog):
        found = await _find_log(desk, record, links)
    else:
        found = await _find_object(desk, record, links)
    return tuple(sorted(found, key=_age))


def _age(found: Found) -> tuple[str, int]:
    moment = instant(found.created)
    number = found.written.target_id.rpartition("/")[2]
    return (moment.isoformat() if moment else "", int(number))


async def _find_object(desk: Desk, record: Record, links: Links) -> list[Found]:
    config = desk.project.config
    type_, parent, key = _where(desk, record, links)
    fields = await desk.settings.fields(type_) if SHAPES[type_].fields else NO_FIELDS
    found = []
    async for item in desk.project.children(type_, parent):
        if key in keys_of(type_, item, fields, config):
            place = Place(type_, int(item["id"]))
            if isinstance(record, TestCase):
                earlier = await written_case(desk, place)
            else:
                shown = without_logs(item, fields) if type_ == "test-runs" else item
                earlier = written(place, target_of(record.kind, place), shown)
            found.append(Found(written=earlier, created=str(item.get("created_date") or "")))
    return found


def _where(desk: Desk, record: Record, links: Links) -> tuple[str, Place, str]:
    """Return the type, parent and mark that the record's object has."""
    config = desk.project.config
    cases = ROOT_CASES if config.root_module else None
    cycles = ROOT_CYCLES if config.root_cycle else None
    key = record.key
    ref: Ref | None
    root: Ref | None
    match record:
        case Folder(tree=Tree.CASES):
            type_, ref, root = "modules", record.parent, cases
        case Folder():
            type_, ref, root = "test-cycles", record.parent, cycles
        case Requirement():
            type_, ref, root = "requirements", record.folder, cases
        case TestCase():
            type_, ref, root = "test-cases", record.folder, cases
        case TestPlan() if config.plans == "cycle":
            type_, ref, root, key = "test-cycles", record.folder, cycles, key + PLAN
        case TestPlan():
            type_, ref, root = "releases", None, None
        case TestCycle():
            type_, ref, root = "test-suites", record.folder, cycles
        case TestRun():
            type_, ref, root = "test-runs", record.cycle, cycles
        case _:
            raise TypeError(f"{type(record).__name__} is no object of a list")
    return type_, parent_place(links, ref, root, record), key


async def written_case(desk: Desk, place: Place) -> Written:
    """Return what the engine keeps of a case, from what qTest holds now."""
    whole = await desk.project.get(place.path, expand="teststep")
    steps = in_order(whole.get("test_steps") or ())
    parts = {str(order): str(step["id"]) for order, step in enumerate(steps, 1)}
    return written(place, str(place.id), {**whole, "test_steps": steps}, parts=parts)


async def logs_of(desk: Desk, run: int) -> AsyncIterator[Any]:
    """Yield the logs of a run with their notes."""
    path = f"test-runs/{run}/test-logs"
    async for item in desk.project.pages(path):
        yield item if "note" in item else await desk.project.get(f"{path}/{item['id']}")


async def _find_log(desk: Desk, log: TestLog, links: Links) -> list[Found]:
    run = number_of(Kind.TEST_RUN, linked(links, log.run, log).target_id)
    found = []
    async for item in logs_of(desk, run):
        if log.key in keys_of("test-logs", item, NO_FIELDS, desk.project.config):
            place = Place("test-logs", int(item["id"]))
            whole = item
            if log.results and not item.get("test_step_logs"):
                whole = await desk.project.get(f"test-runs/{run}/{place.path}")
            parts = await log_parts(desk, log, links, whole)
            earlier = written(place, f"{run}/{place.id}", whole, parts=parts)
            # a log has no date of creation; ids grow
            found.append(Found(written=earlier))
    return found
