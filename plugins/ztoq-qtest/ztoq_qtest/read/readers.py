"""Turns qTest's answers into neutral records, without what ztoq added to texts and names.

What ztoq added as readable text comes back as fields (``FieldType.RICH_TEXT``), so that it can be
compared with what was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from ztoq_core.plugin import (
    Call,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Link,
    LinkType,
    Record,
    Ref,
    Requirement,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    Tree,
)
from ztoq_qtest.api.object_types import ObjectRef, target_id_of
from ztoq_qtest.config import QtestConfig
from ztoq_qtest.fields.encoding import decode, parse_time
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.html import bracketed, split_additions
from ztoq_qtest.objects.marks import PLAN, find_keys, name_of
from ztoq_qtest.write.links import defects_of
from ztoq_qtest.write.steps import sort_steps

Linked = Mapping[int, Sequence[int]]
"""The ids of the requirements that are linked to cases, by the ids of the cases."""

ROOT = "root"
"""The id in references to the root of a tree, which is not an object."""
PLANNED = {
    "planned_start": ("plannedstarttestsuite", "plannedstartdate", "planned start date"),
    "planned_end": ("plannedendtestsuite", "plannedenddate", "planned end date"),
}
ENVIRONMENT = "environment"


@attrs.frozen(kw_only=True)
class _Answer:
    """An answer, with the values that all kinds of objects have in common.

    ``places`` maps the original names and labels of fields (in lower case) to their values.
    """

    target: ObjectRef
    raw: Mapping[str, Any]
    label: str
    key: str
    name: str
    description: str
    note: str
    fields: tuple[FieldValue, ...]
    places: Mapping[str, FieldValue]
    of_steps: FieldSet
    requirements: Sequence[int]

    def parent(self, kind: Kind) -> Ref | None:
        """Return what the object lies in; None where the answer does not show it."""
        number = self.raw.get("parent_id", self.raw.get("parentId"))
        if number is None:
            return None
        if not number:
            return Ref(kind, ROOT)
        type_ = str(self.raw.get("parentType") or "module").removesuffix("s")
        if kind is Kind.TEST_CYCLE and type_ != "test-suite":
            return Ref(Kind.FOLDER, f"{type_}s/{number}")
        return Ref(kind, target_id_of(kind, ObjectRef(f"{type_}s", int(number))))

    def moment(self, names: Sequence[str]) -> datetime | None:
        """Return the time in the first of these fields that has one."""
        found = (self.places[name].value for name in names if name in self.places)
        return next((time for value in found if (time := parse_time(value))), None)


def as_record(  # noqa: PLR0913, PLR0917 - what an answer is read by
    config: QtestConfig,
    target: ObjectRef,
    raw: Mapping[str, Any],
    fields: FieldSet,
    of_steps: FieldSet,
    linked: Linked,
) -> Record:
    """Return an answer as a record: refs have target ids, ``key`` is the mark or the pid."""
    label = config.key_field
    marks = find_keys(target.type, raw, fields, config)
    key = marks[0] if marks else str(raw.get("pid") or target.path)
    description, rows = split_additions(str(raw.get("description") or ""), label)
    note, more = split_additions(str(raw.get("note") or ""), label)
    values, places = _properties(target.type, raw, fields, label)
    answer = _Answer(
        target=target,
        raw=raw,
        label=label,
        key=key,
        name=name_of(target.type, raw, fields, config),
        description=description,
        note=note,
        fields=(*values, *_as_fields((*rows, *more))),
        places=places,
        of_steps=of_steps,
        requirements=linked.get(target.id, ()),
    )
    return READERS[target.type](answer)


def _as_fields(rows: Sequence[tuple[str, str]]) -> list[FieldValue]:
    return [FieldValue(name=name, value=html, type=FieldType.RICH_TEXT) for name, html in rows]


def _properties(
    type_: str, raw: Mapping[str, Any], fields: FieldSet, label: str
) -> tuple[list[FieldValue], dict[str, FieldValue]]:
    """Return the values of the fields, and the same by the names of the fields."""
    # a case repeats its texts as properties; a requirement has its description nowhere else
    hidden = {label, *(("Description", "Precondition") if type_ == "test-cases" else ())}
    found: list[FieldValue] = []
    places: dict[str, FieldValue] = {}
    for each in raw.get("properties") or ():
        number = int(each.get("field_id") or 0)
        field = fields.by_id(number)
        value = decode(field, each)
        original = field.original if field else ""
        if number <= 0 or value.value in (None, ()) or {value.name, original} & hidden:
            continue
        found.append(value)
        places.setdefault(value.name.casefold(), value)
        places.setdefault(original.casefold(), value)
    return found, places


def _to_folder(answer: _Answer) -> Folder:
    return Folder(
        key=answer.key,
        name=answer.name,
        tree=Tree.CASES if answer.target.type == "modules" else Tree.CYCLES,
        parent=answer.parent(Kind.FOLDER),
        description=answer.description,
        fields=answer.fields,
    )


def _to_cycle(answer: _Answer) -> Record:
    if not answer.key.endswith(PLAN):
        return _to_folder(answer)
    rows = {each.name: each for each in answer.fields}
    return TestPlan(
        key=answer.key.removesuffix(PLAN),
        name=answer.name,
        folder=answer.parent(Kind.FOLDER),
        description=answer.description,
        start=parse_time(rows["Planned start"].value) if "Planned start" in rows else None,
        end=parse_time(rows["Planned end"].value) if "Planned end" in rows else None,
        fields=answer.fields,
    )


def _to_requirement(answer: _Answer) -> Requirement:
    texts = [each for each in answer.fields if each.name == "Description"]
    description, rows = split_additions(str(texts[0].value) if texts else "", answer.label)
    others = [each for each in answer.fields if each.name != "Description"]
    return Requirement(
        key=answer.key,
        name=answer.name,
        issue_key=answer.key,
        folder=answer.parent(Kind.FOLDER),
        description=description,
        fields=(*others, *_as_fields(rows)),
    )


def _to_case(answer: _Answer) -> TestCase:
    status = answer.places.get("status")
    return TestCase(
        key=answer.key,
        name=answer.name,
        folder=answer.parent(Kind.FOLDER),
        description=answer.description,
        precondition=str(answer.raw.get("precondition") or ""),
        steps=_to_steps(answer),
        fields=answer.fields,
        status=str(status.value) if status else "",
        requirements=tuple(Ref(Kind.REQUIREMENT, str(each)) for each in answer.requirements),
    )


def _to_release(answer: _Answer) -> TestPlan:
    return TestPlan(
        key=answer.key,
        name=answer.name,
        description=answer.description,
        note=answer.note,
        start=parse_time(answer.raw.get("start_date")),
        end=parse_time(answer.raw.get("end_date")),
        fields=answer.fields,
    )


def _to_suite(answer: _Answer) -> TestCycle:
    release = answer.raw.get("target_release_id")
    return TestCycle(
        key=answer.key,
        name=answer.name,
        folder=answer.parent(Kind.FOLDER),
        planned_start=answer.moment(PLANNED["planned_start"]),
        planned_end=answer.moment(PLANNED["planned_end"]),
        plans=(Ref(Kind.TEST_PLAN, f"releases/{release}"),) if release else (),
        fields=answer.fields,
    )


def _to_run(answer: _Answer) -> TestRun:
    raw, name = answer.raw, answer.name
    case = (raw.get("test_case") or {}).get("id") or raw.get("testCaseId")
    place = answer.places.get(ENVIRONMENT)
    environment = str(place.value) if place else ""
    keyed = "".join(answer.key.split("/", 2)[2:])  # its own slashes belong to an environment
    # with its environment in the field, what is in brackets belongs to the name
    if environment.casefold() != keyed.casefold() and name.endswith(bracketed(keyed)):
        environment, name = keyed, name.removesuffix(bracketed(keyed))
    return TestRun(
        key=answer.key,
        name=name,
        case=Ref(Kind.TEST_CASE, str(case or "")),
        cycle=answer.parent(Kind.TEST_CYCLE),
        environment=environment,
        fields=answer.fields,
    )


def _to_steps(answer: _Answer) -> tuple[TestStep, ...]:
    steps = []
    for order, each in enumerate(sort_steps(answer.raw.get("test_steps") or ()), 1):
        called = each.get("called_test_case_id")
        description, rows = split_additions(str(each.get("description") or ""), answer.label)
        infos = [
            decode(
                answer.of_steps.by_id(int(info.get("id") or 0)),
                {"field_name": info.get("name"), "field_value": info.get("value")},
            )
            for info in each.get("customFieldInfo") or ()
            if info.get("value")
        ]
        steps.append(
            TestStep(
                key=str(order),
                description=description,
                expected=str(each.get("expected") or ""),
                call=Call(case=Ref(Kind.TEST_CASE, str(called))) if called else None,
                fields=(*infos, *_as_fields(rows)),
                source_id=str(each.get("id") or ""),
            )
        )
    return tuple(steps)


def _to_log(answer: _Answer) -> TestLog:
    raw = answer.raw
    status = str((raw.get("status") or {}).get("name") or "")
    results = tuple(
        StepResult(
            key=str(order),
            status=str((each.get("status") or {}).get("name") or ""),
            actual=str(each.get("actual_result") or ""),
            source_id=str(each.get("test_step_log_id") or ""),
            links=_defects(each),
        )
        for order, each in enumerate(raw.get("test_step_logs") or (), 1)
    )
    return TestLog(
        key=answer.key,
        run=Ref(Kind.TEST_RUN, str(raw.get("test_run_id") or "")),
        case=Ref(Kind.TEST_CASE, str((raw.get("test_case") or {}).get("id") or "")),
        status=status,
        statuses=(status,),
        start=parse_time(raw.get("exe_start_date")),
        end=parse_time(raw.get("exe_end_date")),
        note=answer.note,
        results=results,
        fields=answer.fields,
        links=_defects(raw),
    )


def _defects(raw: Mapping[str, Any]) -> tuple[Link, ...]:
    keys = sorted(defects_of(raw))  # the key of an issue may be in either of two places
    return tuple(Link(type=LinkType.BLOCKS, issue_key=key) for key in keys)


READERS: Mapping[str, Callable[[_Answer], Record]] = {
    "modules": _to_folder,
    "test-cycles": _to_cycle,
    "requirements": _to_requirement,
    "test-cases": _to_case,
    "releases": _to_release,
    "test-suites": _to_suite,
    "test-runs": _to_run,
    "test-logs": _to_log,
}
