"""Writes test cases with their steps, approves them and links them to requirements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from ztoq_core.plugin import (
    FieldType,
    Kind,
    Level,
    Links,
    Note,
    RecordError,
    RejectedError,
    TestCase,
    Written,
)
from ztoq_qtest.api.object_types import ROOT, ROOT_CASES, Place, place_of
from ztoq_qtest.api.project import REFUSED, Line, Project
from ztoq_qtest.fields.encoding import readable_table
from ztoq_qtest.html import add_mark, anchor
from ztoq_qtest.objects.stamps import stamp_of, written
from ztoq_qtest.write.links import link_case
from ztoq_qtest.write.save import Desk, Job, looking_at_new, parent_place, save
from ztoq_qtest.write.steps import Steps, change_steps, in_order, made_steps, shows_fields

__all__ = ["case_lines", "finish_case", "write_case"]


async def write_case(desk: Desk, case: TestCase, job: Job) -> Written:
    """Write a case with all its steps in one request."""
    project, settings = desk.project, desk.settings
    config = project.config
    root = ROOT_CASES if config.root_module else None
    parent = parent_place(job.links, case.folder, root, case)
    if parent == ROOT:
        raise RecordError(f"{case.ref} has no folder; qTest would put it into 'Created via API'")
    filled = await settings.properties(
        Kind.TEST_CASE, case.fields, mark=case.key, clear=job.target_id is not None
    )
    text = case.description + readable_table(filled.rest, *_unlinked(case, job.links))
    if not await settings.has_key_field(Kind.TEST_CASE):
        text = add_mark(text, config.key_field, case.key)
    notes = [*filled.notes("description")]
    steps = await made_steps(desk, case, job.links)
    body: dict[str, Any] = {
        "name": case.name,
        "description": text,
        "precondition": case.precondition,
        "properties": filled.properties,
    }
    at = place_of(Kind.TEST_CASE, job.target_id) if job.target_id else "test-cases"
    try:
        answer = await save(project, at, _with_steps(body, steps, job), parent, case.ref)
    except RejectedError as error:
        # certainly not stored: perhaps it is the fields of the steps (guess: with 400)
        if error.status != REFUSED or not steps.fills or job.changed is not None:
            raise
        steps = await made_steps(desk, case, job.links, fill=False)
        answer = await save(project, at, _with_steps(body, steps, job), parent, case.ref)
        settings.step_fields = False
    place = Place("test-cases", int(answer["id"]))
    project.forget(place.id)
    if job.target_id:
        notes += _uncleared(case, filled.properties, answer)
        if answer.get("parent_id") not in (None, parent.id):
            notes.append(_loss("not-moved", "qTest left the case in its old module"))
    if job.changed:
        steps = await change_steps(desk, place, case, job, steps)
        answer = {**answer, "test_steps": ()}  # each save may have given them other ids
    with looking_at_new(case.ref, new=job.target_id is None):
        answer = await _with_made_steps(project, place, answer, steps)
        if job.changed is None and steps.fills and not shows_fields(steps, answer["test_steps"]):
            # they travelled and did not arrive: the descriptions take them
            settings.step_fields = False
            steps = await made_steps(desk, case, job.links, fill=False)
            whole = _with_steps(body, steps, job)
            answer = await save(project, place, whole, parent, case.ref)
            answer = await _with_made_steps(project, place, answer, steps)
    made = answer["test_steps"]
    notes += steps.notes
    parts = {step.key: str(each["id"]) for step, each in zip(case.steps, made, strict=False)}
    return written(place, str(place.id), answer, parts=parts, notes=notes)


def _unlinked(case: TestCase, links: Links) -> list[tuple[str, str]]:
    """Return the row with links to the issues whose requirements are not in qTest."""
    known = {link.issue_key: link for link in case.links}
    shown = []
    for ref in case.requirements:
        if links.get(ref) is None:
            link = known.get(ref.key)
            title = f"{ref.key} {link.text}".strip() if link else ref.key
            shown.append(anchor(link.url if link else "", title))
    return [("Covers", "<br>".join(shown))] if shown else []


def _with_steps(body: Mapping[str, Any], steps: Steps, job: Job) -> Mapping[str, Any]:
    """Return the body with the steps where all are to be sent: a PUT replaces them (facts, 5)."""
    return body if job.changed is not None else {**body, "test_steps": list(steps.bodies)}


async def _with_made_steps(
    project: Project, place: Place, answer: Mapping[str, Any], steps: Steps
) -> dict[str, Any]:
    """Return the answer with its steps in order; asked for where it leaves out what travelled."""
    made = in_order(answer.get("test_steps") or ())
    if steps.bodies and (not made or not shows_fields(steps, made)):
        whole = await project.get(place.path, expand="teststep")
        answer = {**answer, **whole}
        made = in_order(whole.get("test_steps") or ())
    return {**answer, "test_steps": made}


def _loss(code: str, text: str) -> Note:
    return Note(level=Level.LOSS, code=code, text=text)


def _uncleared(
    case: TestCase, sent_properties: Sequence[Mapping[str, Any]], answer: Mapping[str, Any]
) -> list[Note]:
    """Return the notes on fields that are empty in the source and cannot be emptied in qTest."""
    held = {
        each.get("field_name") for each in answer.get("properties") or () if each.get("field_value")
    }
    sent = {each["field_name"] for each in sent_properties}
    stay = held - sent
    lost = [
        _loss("cannot-clear", f"qTest's API cannot empty {value.name!r}; its old value stays")
        for value in case.fields
        if value.value in (None, "", ()) and value.name in stay
    ]
    text = "qTest's API cannot empty {!r}; somebody stays there who is no longer meant"
    return lost + [
        Note(level=Level.FALLBACK, code="person-stays", text=text.format(value.name))
        for value in case.fields
        if value.type is FieldType.USER and value.optional and value.name in stay
    ]


# ------------------------------------------------------------------------------------ finishing


async def finish_case(desk: Desk, case: TestCase, before: Written, links: Links) -> Written:
    """Approve the case where that is due, link its requirements, and tell its steps as they are.

    Step ids belong to a version, so they are read again after the approval (facts, section 6).
    """
    project = desk.project
    place = place_of(Kind.TEST_CASE, before.target_id)
    due = project.config.approve
    after = before
    if due == "all" or (due == "needed" and (case.approve or case.executed)):
        after = await _approve(project, case, before, place)
    notes = list(after.notes)
    for ref in case.requirements:
        if requirement := links.get(ref):
            at = place_of(Kind.REQUIREMENT, requirement.target_id)
            if reason := await link_case(project, at, place.id, case.ref):
                text = f"qTest did not link the case to {ref.key}: {reason}"
                notes.append(_loss("requirement-not-linked", text))
    return attrs.evolve(after, notes=tuple(notes))


async def _approve(project: Project, case: TestCase, before: Written, place: Place) -> Written:
    # a case that is approved already may refuse (guess: with 400): then its version decides
    body: Mapping[str, Any] | None = None
    refused = "its answer does not show it"
    try:
        body = (await project.send("PUT", f"{place.path}/approve", ref=case.ref)).body
    except RejectedError as error:
        refused = str(error)
    project.forget(place.id)  # after the approval: what was read meanwhile may be old
    sure = body is not None
    if not body or not body.get("test_case_version_id"):
        body = dict(await project.get(place.path))
    label, version = str(body.get("version") or ""), str(body.get("test_case_version_id") or "")
    notes = list(before.notes)
    if not sure and not (label.endswith(".0") and label != "0.0"):
        text = f"qTest did not approve the case, its version is {label or 'unknown'}: {refused}"
        notes.append(_loss("not-approved", text))
    version = version or before.version
    steps = await _version_steps(project, place, version) if case.steps else []
    lines = _lines(steps)
    project.remember(before.target_id, version, lines)
    top = _own(steps)
    parts = {step.key: str(number) for step, number in zip(case.steps, top, strict=False)}
    parts |= {line.key: str(line.id) for line in lines}
    stamp = before.stamp
    if "properties" in body:
        stamp = stamp_of(place.type, {**body, "test_steps": list(top.values())})
    return attrs.evolve(before, version=version, parts=parts, stamp=stamp, notes=tuple(notes))


# ---------------------------------------------------------------------------------------- steps


async def case_lines(project: Project, case: Written) -> tuple[Line, ...]:
    """Return the steps that a log of this version answers for, in order."""
    known = project.lines.get((case.target_id, case.version))
    if known is None:
        place = place_of(Kind.TEST_CASE, case.target_id)
        known = _lines(await _version_steps(project, place, case.version))
    project.remember(case.target_id, case.version, known)
    return known


async def _version_steps(project: Project, place: Place, version: str) -> list[Mapping[str, Any]]:
    path = f"{place.path}/versions/{version}/test-steps"
    steps = await project.get(path, expand="calledteststep")
    # called steps in a flat answer may bear the order that they have in their own case
    return steps if any(map(_is_called, steps)) else in_order(steps)


def _is_called(step: Mapping[str, Any]) -> bool:
    return bool(step.get("parent_test_step_id"))


def _calling(step: Mapping[str, Any]) -> int:
    return int(step.get("parent_test_step_id") or step["id"])


def _own(steps: Sequence[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """Return the case's own steps by id; of one that only its called steps name, what they say."""
    found: dict[int, Mapping[str, Any]] = {}
    for step in steps:
        if not _is_called(step):
            found[int(step["id"])] = step
        else:
            called = step.get("root_called_test_case_id") or step.get("called_test_case_id")
            found.setdefault(_calling(step), {"called_test_case_id": called})
    return found


def _lines(steps: Sequence[Mapping[str, Any]]) -> tuple[Line, ...]:
    """Return the steps of a version with called ones in place of the calling ones.

    The document leaves open how ``expand=calledteststep`` shows called steps. Public code reads
    them nested in ``called_test_case`` and logs them, and not the calling step, with the case
    around them and the outermost calling step; flat ones name that step themselves.
    """
    places = {number: place for place, number in enumerate(dict.fromkeys(map(_calling, steps)), 1)}
    flat = {_calling(step) for step in steps if _is_called(step)}
    found: list[Line] = []
    for step in steps:
        number = _calling(step)
        top = f"{places[number]}"
        nested = (step.get("called_test_case") or {}).get("test_steps")
        if _is_called(step):
            inside = sum(line.parent == number for line in found) + 1
            called = step.get("called_test_case_id") or step.get("root_called_test_case_id")
            found.append(Line(f"{top}/{inside}", int(step["id"]), called, number))
        elif nested is not None:
            found += _nested(step["called_test_case"], number, top)
        elif number not in flat:
            found.append(Line(top, number, step.get("called_test_case_id")))
    return tuple(found)


def _nested(called: Mapping[str, Any], parent: int, key: str) -> Iterator[Line]:
    for place, step in enumerate(in_order(called.get("test_steps") or ()), 1):
        inner = step.get("called_test_case") or {}
        if inner.get("test_steps") is not None:
            yield from _nested(inner, parent, f"{key}/{place}")
        else:
            yield Line(f"{key}/{place}", int(step["id"]), called.get("id"), parent)
