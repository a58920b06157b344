"""Finds objects of earlier runs by their mark, using strongly consistent child lists."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import attrs

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
    OBJECT_TYPES,
    ROOT_CASES,
    ROOT_CYCLES,
    ObjectRef,
    number_of,
    target_id_of,
)
from ztoq_qtest.fields.encoding import parse_time
from ztoq_qtest.objects.marks import NO_FIELDS, PLAN, find_keys
from ztoq_qtest.objects.stamps import as_written, drop_log_properties
from ztoq_qtest.write.attachments import find_files
from ztoq_qtest.write.cases import note_case_losses
from ztoq_qtest.write.execution import draft_cycle, draft_plan, draft_run
from ztoq_qtest.write.field_definitions import find_field
from ztoq_qtest.write.folders import draft_folder
from ztoq_qtest.write.logs import log_parts, note_log_losses
from ztoq_qtest.write.requirements import draft_requirement
from ztoq_qtest.write.save import Draft, Session, WriteRequest, find_parent, required_link
from ztoq_qtest.write.steps import sort_steps

# Any: the kind determines the type of the record, which the type of a table cannot express
DRAFTS: Mapping[Kind, Callable[[Session, Any, WriteRequest], Awaitable[Draft]]] = {
    Kind.FOLDER: draft_folder,
    Kind.REQUIREMENT: draft_requirement,
    Kind.TEST_PLAN: draft_plan,
    Kind.TEST_CYCLE: draft_cycle,
    Kind.TEST_RUN: draft_run,
}


async def find(session: Session, record: Record, links: Links) -> tuple[Found, ...]:
    """Return the objects that have the record's mark, oldest first, and what they have lost."""
    if isinstance(record, FieldDefinition):
        return tuple(await find_field(session, record))
    if isinstance(record, Attachment):
        found = await find_files(session.project, record, links)
    elif isinstance(record, TestLog):
        found = await _find_log(session, record, links)
    else:
        found = await _find_object(session, record, links)
    return tuple(sorted(found, key=_age))


def _age(found: Found) -> tuple[str, int]:
    moment = parse_time(found.created)
    number = found.written.target_id.rpartition("/")[2]
    return (moment.isoformat() if moment else "", int(number))


async def _find_object(session: Session, record: Record, links: Links) -> list[Found]:
    config = session.project.config
    type_, parent, key = _where(session, record, links)
    fields = await session.settings.fields(type_) if OBJECT_TYPES[type_].fields else NO_FIELDS
    found = []
    async for item in session.project.children(type_, parent):
        if key in find_keys(type_, item, fields, config):
            target = ObjectRef(type_, int(item["id"]))
            if isinstance(record, TestCase):
                earlier, steps = await _read_case(session, target)
                notes = await note_case_losses(session, record, links, steps)
                earlier = attrs.evolve(earlier, notes=notes)
            else:
                shown = drop_log_properties(item, fields) if type_ == "test-runs" else item
                request = WriteRequest(target_id=None, links=links)
                draft = await DRAFTS[record.kind](session, record, request)
                number = target_id_of(record.kind, target)
                earlier = as_written(target, number, shown, notes=draft.notes)
            found.append(Found(written=earlier, created=str(item.get("created_date") or "")))
    return found


def _where(session: Session, record: Record, links: Links) -> tuple[str, ObjectRef, str]:
    """Return the type, parent and mark of the record's object."""
    config = session.project.config
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
            raise TypeError(f"{type(record).__name__} is not listed by qTest")
    return type_, find_parent(links, ref, root, record), key


async def read_written_case(session: Session, target: ObjectRef) -> Written:
    """Read a case and return the facts that the engine keeps of it."""
    written, _ = await _read_case(session, target)
    return written


async def _read_case(
    session: Session, target: ObjectRef
) -> tuple[Written, Sequence[Mapping[str, Any]]]:
    whole = await session.project.get(target.path, expand="teststep")
    steps = sort_steps(whole.get("test_steps") or ())
    parts = {str(order): str(step["id"]) for order, step in enumerate(steps, 1)}
    answer = {**whole, "test_steps": steps}
    return as_written(target, str(target.id), answer, parts=parts), steps


async def list_logs(session: Session, run: int) -> AsyncIterator[Any]:
    """Yield the logs of a run, each with its note."""
    path = f"test-runs/{run}/test-logs"
    async for item in session.project.pages(path):
        yield item if "note" in item else await session.project.get(f"{path}/{item['id']}")


async def _find_log(session: Session, log: TestLog, links: Links) -> list[Found]:
    run = number_of(Kind.TEST_RUN, required_link(links, log.run, log).target_id)
    found = []
    async for item in list_logs(session, run):
        if log.key in find_keys("test-logs", item, NO_FIELDS, session.project.config):
            target = ObjectRef("test-logs", int(item["id"]))
            whole = item
            if log.results and not item.get("test_step_logs"):
                whole = await session.project.get(f"test-runs/{run}/{target.path}")
            parts = await log_parts(session, log, links, whole)
            notes = await note_log_losses(session, log, links, whole)
            earlier = as_written(target, f"{run}/{target.id}", whole, parts=parts, notes=notes)
            # A log has no date of creation, but ids grow.
            found.append(Found(written=earlier))
    return found
