"""Reads what qTest holds back into neutral records, without what ztoq added to texts and names."""

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
from ztoq_qtest.api.object_types import FIELD_OWNERS, SHAPES, Place, place_of
from ztoq_qtest.api.project import MISSING
from ztoq_qtest.fields.encoding import Field, decode, instant
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.html import own_name, own_text
from ztoq_qtest.objects.marks import NO_FIELDS, PLAN, keys_of
from ztoq_qtest.objects.stamps import without_logs, written
from ztoq_qtest.read.find import written_case
from ztoq_qtest.write.attachments import held_file, read_file
from ztoq_qtest.write.save import Desk
from ztoq_qtest.write.steps import in_order

__all__ = ["look", "read"]


async def read(desk: Desk, kind: Kind, target_id: str) -> Record:
    """Return what the target holds now; refs name qTest's ids, ``key`` the mark or the pid.

    Raises:
        RejectedError: It is not there (status 404).
    """
    if kind is Kind.ATTACHMENT:
        return await read_file(desk.project, target_id)
    if kind is Kind.FIELD:
        return await _read_field(desk, target_id)
    place, raw = await _raw(desk, kind, target_id)
    fields = NO_FIELDS
    if place.type in SHAPES and SHAPES[place.type].fields:
        fields = await desk.settings.fields(place.type)
    elif kind is Kind.TEST_LOG:
        fields = await desk.settings.fields(FIELD_OWNERS[kind])
    return _record(desk, place, raw, fields)


async def look(desk: Desk, kind: Kind, target_id: str) -> Written:
    """Return what the engine keeps of an object, with the stamp that it has now."""
    if kind in {Kind.ATTACHMENT, Kind.FIELD}:
        await (
            held_file(desk.project, target_id)
            if kind is Kind.ATTACHMENT
            else _read_field(desk, target_id)
        )
        return Written(target_id=target_id, stamp=target_id)
    if kind is Kind.TEST_CASE:
        return await written_case(desk, place_of(kind, target_id))
    place, raw = await _raw(desk, kind, target_id)
    if kind is Kind.TEST_RUN:
        raw = without_logs(raw, await desk.settings.fields(place.type))
    return written(place, target_id, raw)


async def _raw(desk: Desk, kind: Kind, target_id: str) -> tuple[Place, Any]:
    place = place_of(kind, target_id)
    if kind is Kind.TEST_CASE:
        return place, await desk.project.get(place.path, expand="teststep")
    if kind is Kind.TEST_LOG:
        run = target_id.partition("/")[0]
        return place, await desk.project.get(f"test-runs/{run}/{place.path}")
    return place, await desk.project.get(place.path)


async def _read_field(desk: Desk, target_id: str) -> FieldDefinition:
    place = place_of(Kind.FIELD, target_id)
    field = (await desk.settings.list_fields(place.type)).by_id(place.id)
    if field is None:
        raise RejectedError(f"qTest: there is no field {target_id}", status=MISSING)
    kind = next(kind for kind, type_ in FIELD_OWNERS.items() if type_ == place.type)
    return FieldDefinition(
        key=f"{kind}/{field.label}",
        of=kind,
        name=field.label,
        type=field.type,
        values=tuple(each.label for each in field.choices if each.active),
    )


@attrs.frozen(kw_only=True)
class _Seen:
    """An answer, with what its kind of object has in common with all others already read."""

    place: Place
    raw: Mapping[str, Any]
    key: str
    name: str
    description: str
    note: str
    values: tuple[FieldValue, ...]


def _record(desk: Desk, place: Place, raw: Mapping[str, Any], fields: FieldSet) -> Record:
    config = desk.project.config
    marks = keys_of(place.type, raw, fields, config)
    key = marks[0] if marks else str(raw.get("pid") or place.path)
    seen = _Seen(
        place=place,
        raw=raw,
        key=key,
        name=own_name(str(raw.get("name") or ""), key),
        description=own_text(str(raw.get("description") or ""), config.key_field),
        note=own_text(str(raw.get("note") or ""), config.key_field),
        values=_values(place.type, raw, fields, config.key_field),
    )
    return READERS[place.type](seen)


def _values(
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
            value = attrs.evolve(value, value=own_text(value.value, key_field))
        found.append(value)
    return tuple(found)


def _original(field: Field | None) -> str:
    return field.original if field else ""


def _folder(seen: _Seen) -> Folder:
    tree = Tree.CASES if seen.place.type == "modules" else Tree.CYCLES
    return Folder(key=seen.key, name=seen.name, tree=tree, description=seen.description)


def _cycle(seen: _Seen) -> Record:
    if not seen.key.endswith(PLAN):
        return _folder(seen)
    key = seen.key.removesuffix(PLAN)
    return TestPlan(key=key, name=seen.name, description=seen.description)


def _requirement(seen: _Seen) -> Requirement:
    texts = [str(each.value) for each in seen.values if each.name == "Description"]
    return Requirement(
        key=seen.key,
        name=seen.name,
        issue_key=seen.key,
        description=texts[0] if texts else "",
        fields=tuple(each for each in seen.values if each.name != "Description"),
    )


def _case(seen: _Seen) -> TestCase:
    return TestCase(
        key=seen.key,
        name=seen.name,
        description=seen.description,
        precondition=str(seen.raw.get("precondition") or ""),
        steps=_steps(seen.raw),
        fields=seen.values,
        status=_status(seen.values),
    )


def _release(seen: _Seen) -> TestPlan:
    return TestPlan(
        key=seen.key,
        name=seen.name,
        description=seen.description,
        note=seen.note,
        start=instant(seen.raw.get("start_date")),
        end=instant(seen.raw.get("end_date")),
        fields=seen.values,
    )


def _suite(seen: _Seen) -> TestCycle:
    return TestCycle(key=seen.key, name=seen.name, fields=seen.values)


def _run(seen: _Seen) -> TestRun:
    case = (seen.raw.get("test_case") or {}).get("id") or seen.raw.get("testCaseId") or ""
    return TestRun(
        key=seen.key,
        name=seen.name,
        case=Ref(Kind.TEST_CASE, str(case)),
        fields=seen.values,
    )


def _status(values: tuple[FieldValue, ...]) -> str:
    return next((str(each.value) for each in values if each.name == "Status"), "")


def _steps(raw: Mapping[str, Any]) -> tuple[TestStep, ...]:
    steps = []
    for order, each in enumerate(in_order(raw.get("test_steps") or ()), 1):
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


def _log(seen: _Seen) -> TestLog:
    raw = seen.raw
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
        key=seen.key,
        run=Ref(Kind.TEST_RUN, str(raw.get("test_run_id") or "")),
        case=Ref(Kind.TEST_CASE, str((raw.get("test_case") or {}).get("id") or "")),
        status=status,
        statuses=(status,),
        start=instant(raw.get("exe_start_date")),
        end=instant(raw.get("exe_end_date")),
        note=seen.note,
        results=results,
        fields=seen.values,
    )


READERS: Mapping[str, Callable[[_Seen], Record]] = MappingProxyType(
    {
        "modules": _folder,
        "test-cycles": _cycle,
        "requirements": _requirement,
        "test-cases": _case,
        "releases": _release,
        "test-suites": _suite,
        "test-runs": _run,
        "test-logs": _log,
    }
)
