"""Reads objects of qTest and returns them as neutral records, one by one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ztoq_core.plugin import FieldDefinition, Kind, Record, RejectedError, Written
from ztoq_qtest.api.object_types import FIELD_OWNERS, OBJECT_TYPES, ObjectRef, object_ref
from ztoq_qtest.api.project import MISSING
from ztoq_qtest.fields.settings import FieldSet, Status
from ztoq_qtest.objects.marks import NO_FIELDS
from ztoq_qtest.objects.stamps import as_written, drop_log_properties
from ztoq_qtest.read.find import read_written_case
from ztoq_qtest.read.mark_lists import cycles_with_parents
from ztoq_qtest.read.readers import Linked, as_record
from ztoq_qtest.write.attachments import locate_file, read_file
from ztoq_qtest.write.save import Session
from ztoq_qtest.write.steps import step_fields

REQUIREMENT = re.compile(r"/requirements/(\d+)/?(?:\?.*)?$")


async def read_record(session: Session, kind: Kind, target_id: str) -> Record:
    """Return an object as a record: refs have target ids, ``key`` is the mark or the pid.

    Raises:
        RejectedError: The object does not exist (status 404).
    """
    if kind is Kind.ATTACHMENT:
        return await read_file(session.project, target_id)
    if kind is Kind.FIELD:
        return await _read_field(session, target_id)
    target, raw = await _read_answer(session, kind, target_id)
    linked: Linked = {}
    if kind is Kind.TEST_CASE:
        linked = await linked_requirements(session, [target.id])
    elif kind is Kind.TEST_LOG:
        raw = {"test_run_id": int(target_id.partition("/")[0]), **raw}
    elif target.type == "test-cycles" and "parent_id" not in raw:  # only the tree shows it
        for item, parent in await cycles_with_parents(session):
            if int(item["id"]) == target.id:
                raw = {**raw, "parent_id": parent, "parentType": "test-cycle"}
    return await to_record(session, target, raw, linked)


async def to_record(
    session: Session, target: ObjectRef, raw: Mapping[str, Any], linked: Linked
) -> Record:
    """Return an answer of qTest as a record; ``linked`` are the requirements of cases."""
    fields = NO_FIELDS
    if target.type in OBJECT_TYPES and OBJECT_TYPES[target.type].fields:
        fields = await session.settings.fields(target.type)
    elif target.type == "test-logs":
        fields = await session.settings.fields(FIELD_OWNERS[Kind.TEST_LOG])
        raw = _with_status_names(raw, await session.settings.statuses())
    of_steps = FieldSet()
    if any(step.get("customFieldInfo") for step in raw.get("test_steps") or ()):
        of_steps = await step_fields(session)
    return as_record(session.project.config, target, raw, fields, of_steps, linked)


def _with_status_names(raw: Mapping[str, Any], statuses: Sequence[Status]) -> Mapping[str, Any]:
    """Return a log whose statuses have names; an answer need not have them (vendor's document)."""
    names = {each.id: each.name for each in statuses}

    def named(value: Mapping[str, Any]) -> Mapping[str, Any]:
        status = value.get("status") or {}
        name = status.get("name") or names.get(status.get("id", 0), "")
        return {**value, "status": {**status, "name": name}}

    steps = [named(each) for each in raw.get("test_step_logs") or ()]
    return {**named(raw), "test_step_logs": steps}


async def linked_requirements(session: Session, cases: Sequence[int]) -> Linked:
    """Return the ids of the requirements that are linked to cases, by the ids of the cases."""
    listed = await session.project.get("linked-artifacts", type="test-cases", ids=cases)
    found: dict[int, list[int]] = {}
    for each in listed:
        numbers = (
            REQUIREMENT.search(str(one.get("self") or "")) for one in each.get("objects", ())
        )
        found.setdefault(int(each.get("id") or 0), []).extend(
            int(number[1]) for number in numbers if number
        )
    return found


async def read_current(session: Session, kind: Kind, target_id: str) -> Written:
    """Return the facts that the engine keeps of an object, with its current stamp."""
    if kind in {Kind.ATTACHMENT, Kind.FIELD}:
        await (
            locate_file(session.project, target_id)
            if kind is Kind.ATTACHMENT
            else _read_field(session, target_id)
        )
        return Written(target_id=target_id, stamp=target_id)
    if kind is Kind.TEST_CASE:
        return await read_written_case(session, object_ref(kind, target_id))
    target, raw = await _read_answer(session, kind, target_id)
    if kind is Kind.TEST_RUN:
        raw = drop_log_properties(raw, await session.settings.fields(target.type))
    return as_written(target, target_id, raw)


async def _read_answer(session: Session, kind: Kind, target_id: str) -> tuple[ObjectRef, Any]:
    target = object_ref(kind, target_id)
    if kind is Kind.TEST_CASE:
        return target, await session.project.get(target.path, expand="teststep")
    if kind is Kind.TEST_LOG:
        run = target_id.partition("/")[0]
        return target, await session.project.get(f"test-runs/{run}/{target.path}")
    return target, await session.project.get(target.path)


async def _read_field(session: Session, target_id: str) -> FieldDefinition:
    target = object_ref(Kind.FIELD, target_id)
    field = (await session.settings.list_fields(target.type)).by_id(target.id)
    if field is None:
        raise RejectedError(f"qTest has no field {target_id}", status=MISSING)
    kind = next(kind for kind, type_ in FIELD_OWNERS.items() if type_ == target.type)
    return FieldDefinition(
        key=f"{kind}/{field.label}",
        of=kind,
        name=field.label,
        type=field.type,
        values=tuple(each.label for each in field.choices if each.active),
    )
