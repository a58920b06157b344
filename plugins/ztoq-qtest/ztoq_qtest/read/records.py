"""Reads objects of qTest as neutral records, without what ztoq added to texts and names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from ztoq_core.plugin import (
    Call,
    FieldDefinition,
    FieldValue,
    Folder,
    Kind,
    Record,
    Ref,
    RejectedError,
    Requirement,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    Tree,
    Written,
)
from ztoq_qtest.api.object_types import FIELD_OWNERS, OBJECT_TYPES, ObjectRef, object_ref
from ztoq_qtest.api.project import MISSING
from ztoq_qtest.fields.encoding import Field, decode, parse_time
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.html import without_additions, without_key
from ztoq_qtest.objects.marks import NO_FIELDS, PLAN, find_keys
from ztoq_qtest.objects.stamps import as_written, drop_log_properties
from ztoq_qtest.read.find import read_written_case
from ztoq_qtest.write.attachments import locate_file, read_file
from ztoq_qtest.write.save import Session
from ztoq_qtest.write.steps import sort_steps

__all__ = ["read_current", "read_record"]


async def read_record(session: Session, kind: Kind, target_id: str) -> Record:
    """Return an object as a record: refs have qTest's ids, ``key`` is the mark or the pid.

    Raises:
        RejectedError: The object does not exist (status 404).
    """
    if kind is Kind.ATTACHMENT:
        return await read_file(session.project, target_id)
    if kind is Kind.FIELD:
        return await _read_field(session, target_id)
    target, raw = await _read_answer(session, kind, target_id)
    fields = NO_FIELDS
    if target.type in OBJECT_TYPES and OBJECT_TYPES[target.type].fields:
        fields = await session.settings.fields(target.type)
    elif kind is Kind.TEST_LOG:
        fields = await session.settings.fields(FIELD_OWNERS[kind])
    return _to_record(session, target, raw, fields)


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


@attrs.frozen(kw_only=True)
class _ObjectData:
    """An answer, with the values that all kinds of objects have in common."""

    target: ObjectRef
    raw: Mapping[str, Any]
    key: str
    name: str
    description: str
    note: str
    values: tuple[FieldValue, ...]


def _to_record(
    session: Session, target: ObjectRef, raw: Mapping[str, Any], fields: FieldSet
) -> Record:
    config = session.project.config
    marks = find_keys(target.type, raw, fields, config)
    key = marks[0] if marks else str(raw.get("pid") or target.path)
    item = _ObjectData(
        target=target,
        raw=raw,
        key=key,
        name=without_key(str(raw.get("name") or ""), key),
        description=without_additions(str(raw.get("description") or ""), config.key_field),
        note=without_additions(str(raw.get("note") or ""), config.key_field),
        values=_decode_values(target.type, raw, fields, config.key_field),
    )
    return READERS[target.type](item)


def _decode_values(
    type_: str, raw: Mapping[str, Any], fields: FieldSet, key_field: str
) -> tuple[FieldValue, ...]:
    # a case repeats its texts as properties; a requirement has its description nowhere else
    hidden = {key_field, *(("Description", "Precondition") if type_ == "test-cases" else ())}
    found = []
    for each in raw.get("properties") or ():
        number = int(each.get("field_id") or 0)
        field = fields.by_id(number)
        value = decode(field, each)
        if number <= 0 or value.value in (None, ()) or {value.name, _original(field)} & hidden:
            continue
        if isinstance(value.value, str):
            value = attrs.evolve(value, value=without_additions(value.value, key_field))
        found.append(value)
    return tuple(found)


def _original(field: Field | None) -> str:
    return field.original if field else ""


def _to_folder(item: _ObjectData) -> Folder:
    tree = Tree.CASES if item.target.type == "modules" else Tree.CYCLES
    return Folder(key=item.key, name=item.name, tree=tree, description=item.description)


def _to_cycle(item: _ObjectData) -> Record:
    if not item.key.endswith(PLAN):
        return _to_folder(item)
    key = item.key.removesuffix(PLAN)
    return TestPlan(key=key, name=item.name, description=item.description)


def _to_requirement(item: _ObjectData) -> Requirement:
    texts = [str(each.value) for each in item.values if each.name == "Description"]
    return Requirement(
        key=item.key,
        name=item.name,
        issue_key=item.key,
        description=texts[0] if texts else "",
        fields=tuple(each for each in item.values if each.name != "Description"),
    )


def _to_case(item: _ObjectData) -> TestCase:
    return TestCase(
        key=item.key,
        name=item.name,
        description=item.description,
        precondition=str(item.raw.get("precondition") or ""),
        steps=_to_steps(item.raw),
        fields=item.values,
        status=_status_of(item.values),
    )


def _to_release(item: _ObjectData) -> TestPlan:
    return TestPlan(
        key=item.key,
        name=item.name,
        description=item.description,
        note=item.note,
        start=parse_time(item.raw.get("start_date")),
        end=parse_time(item.raw.get("end_date")),
        fields=item.values,
    )


def _to_suite(item: _ObjectData) -> TestCycle:
    return TestCycle(key=item.key, name=item.name, fields=item.values)


def _to_run(item: _ObjectData) -> TestRun:
    case = (item.raw.get("test_case") or {}).get("id") or item.raw.get("testCaseId") or ""
    return TestRun(
        key=item.key,
        name=item.name,
        case=Ref(Kind.TEST_CASE, str(case)),
        fields=item.values,
    )


def _status_of(values: tuple[FieldValue, ...]) -> str:
    return next((str(each.value) for each in values if each.name == "Status"), "")


def _to_steps(raw: Mapping[str, Any]) -> tuple[TestStep, ...]:
    steps = []
    for order, each in enumerate(sort_steps(raw.get("test_steps") or ()), 1):
        called = each.get("called_test_case_id")
        steps.append(
            TestStep(
                key=str(order),
                description=str(each.get("description") or ""),
                expected=str(each.get("expected") or ""),
                call=Call(case=Ref(Kind.TEST_CASE, str(called))) if called else None,
                source_id=str(each.get("id") or ""),
            )
        )
    return tuple(steps)


def _to_log(item: _ObjectData) -> TestLog:
    raw = item.raw
    status = str((raw.get("status") or {}).get("name") or "")
    results = tuple(
        StepResult(
            key=str(order),
            status=str((each.get("status") or {}).get("name") or ""),
            actual=str(each.get("actual_result") or ""),
            source_id=str(each.get("test_step_log_id") or ""),
        )
        for order, each in enumerate(raw.get("test_step_logs") or (), 1)
    )
    return TestLog(
        key=item.key,
        run=Ref(Kind.TEST_RUN, str(raw.get("test_run_id") or "")),
        case=Ref(Kind.TEST_CASE, str((raw.get("test_case") or {}).get("id") or "")),
        status=status,
        statuses=(status,),
        start=parse_time(raw.get("exe_start_date")),
        end=parse_time(raw.get("exe_end_date")),
        note=item.note,
        results=results,
        fields=item.values,
    )


READERS: Mapping[str, Callable[[_ObjectData], Record]] = MappingProxyType(
    {
        "modules": _to_folder,
        "test-cycles": _to_cycle,
        "requirements": _to_requirement,
        "test-cases": _to_case,
        "releases": _to_release,
        "test-suites": _to_suite,
        "test-runs": _to_run,
        "test-logs": _to_log,
    }
)
