"""Writes test cases with their steps, approves them and links them to requirements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from ztoq_core.plugin import (
    FieldType,
    Kind,
    Links,
    Note,
    RecordError,
    RejectedError,
    TestCase,
    Written,
)
from ztoq_qtest.api.object_types import ROOT, ROOT_CASES, ObjectRef, object_ref
from ztoq_qtest.api.project import REFUSED, ExecutableStep, Project
from ztoq_qtest.fields.encoding import values_table
from ztoq_qtest.fields.settings import PropertyValues
from ztoq_qtest.html import add_mark, anchor
from ztoq_qtest.note_codes import (
    CANNOT_CLEAR,
    NOT_APPROVED,
    NOT_MOVED,
    PERSON_STAYS,
    REQUIREMENT_NOT_LINKED,
)
from ztoq_qtest.objects.stamps import as_written, compute_stamp
from ztoq_qtest.write.links import link_case
from ztoq_qtest.write.save import Session, WriteRequest, doubt_if_created, find_parent, save
from ztoq_qtest.write.steps import (
    StepBodies,
    build_steps,
    send_changed_steps,
    shows_fields,
    sort_steps,
)


@attrs.define(kw_only=True)
class _Draft:
    """A case as it is sent; ``steps`` change if qTest does not store the fields of steps."""

    session: Session
    case: TestCase
    request: WriteRequest
    parent: ObjectRef
    values: PropertyValues
    body: Mapping[str, Any]
    steps: StepBodies

    @property
    def fills_step_fields(self) -> bool:
        """Whether fields of steps are sent with the case."""
        return self.request.changed is None and self.steps.fills

    async def save(self, target: ObjectRef | str) -> Mapping[str, Any]:
        """Create or change the case, with all its steps unless single ones are to be sent."""
        body = self.body
        if self.request.changed is None:
            body = {**body, "test_steps": list(self.steps.bodies)}  # a PUT replaces all (facts, 5)
        answer: Mapping[str, Any] = await save(
            self.session.project, target, body, self.parent, self.case.ref
        )
        return answer

    async def save_without_step_fields(self, target: ObjectRef | str) -> Mapping[str, Any]:
        """Save the case with the fields of its steps in their descriptions, as all later cases."""
        self.steps = await build_steps(self.session, self.case, self.request.links, fill=False)
        answer = await self.save(target)
        self.session.settings.step_fields = False
        return answer

    async def with_steps(self, target: ObjectRef, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer with its steps in order; read the case if the answer lacks them."""
        made = sort_steps(answer.get("test_steps") or ())
        if self.steps.bodies and (not made or not shows_fields(self.steps, made)):
            whole = await self.session.project.get(target.path, expand="teststep")
            answer = {**answer, **whole}
            made = sort_steps(whole.get("test_steps") or ())
        return {**answer, "test_steps": made}


async def write_case(session: Session, case: TestCase, request: WriteRequest) -> Written:
    """Write a case with all its steps in one request."""
    draft = await _draft(session, case, request)
    at = object_ref(Kind.TEST_CASE, request.target_id) if request.target_id else "test-cases"
    try:
        answer = await draft.save(at)
    except RejectedError as error:
        # Certainly not stored. The fields of the steps may be the reason (guess: with 400).
        if error.status != REFUSED or not draft.fills_step_fields:
            raise
        answer = await draft.save_without_step_fields(at)
    target = ObjectRef("test-cases", int(answer["id"]))
    session.project.forget(target.id)
    notes = [*draft.values.notes("description")]
    if request.target_id:
        notes += _uncleared(case, draft.values.properties, answer)
        if answer.get("parent_id") not in (None, draft.parent.id):
            notes.append(NOT_MOVED.note("qTest left the case in its old module"))
    if request.changed:
        draft.steps = await send_changed_steps(session, target, case, request, draft.steps)
        answer = {**answer, "test_steps": ()}  # each save may have given the steps new ids
    with doubt_if_created(case.ref, new=request.target_id is None):
        answer = await draft.with_steps(target, answer)
        if draft.fills_step_fields and not shows_fields(draft.steps, answer["test_steps"]):
            # qTest accepted the fields of steps but did not store them.
            answer = await draft.save_without_step_fields(target)
            answer = await draft.with_steps(target, answer)
    notes += draft.steps.notes
    made = zip(case.steps, answer["test_steps"], strict=False)
    parts = {step.key: str(each["id"]) for step, each in made}
    return as_written(target, str(target.id), answer, parts=parts, notes=notes)


async def note_case_losses(
    session: Session, case: TestCase, links: Links, steps: Sequence[Mapping[str, Any]]
) -> tuple[Note, ...]:
    """Return what ``write_case`` notes about a new case, which has these ``steps`` in qTest."""
    draft = await _draft(session, case, WriteRequest(target_id=None, links=links))
    bodies = draft.steps
    if draft.fills_step_fields and not shows_fields(bodies, steps):
        bodies = await build_steps(session, case, links, fill=False)
    return (*draft.values.notes("description"), *bodies.notes)


async def _draft(session: Session, case: TestCase, request: WriteRequest) -> _Draft:
    settings, config = session.settings, session.project.config
    root = ROOT_CASES if config.root_module else None
    parent = find_parent(request.links, case.folder, root, case)
    if parent == ROOT:
        raise RecordError(f"{case.ref} has no folder; qTest would put it into 'Created via API'")
    values = await settings.encode_properties(
        Kind.TEST_CASE, case.fields, mark=case.key, clear=request.target_id is not None
    )
    text = case.description + values_table(values.rest, *_unlinked(case, request.links))
    if not await settings.has_key_field(Kind.TEST_CASE):
        text = add_mark(text, config.key_field, case.key)
    return _Draft(
        session=session,
        case=case,
        request=request,
        parent=parent,
        values=values,
        body={
            "name": case.name,
            "description": text,
            "precondition": case.precondition,
            "properties": values.properties,
        },
        steps=await build_steps(session, case, request.links),
    )


def _unlinked(case: TestCase, links: Links) -> list[tuple[str, str]]:
    """Return a table row with links to the issues whose requirements are not in qTest."""
    known = {link.issue_key: link for link in case.links}
    shown = []
    for ref in case.requirements:
        if links.get(ref) is None:
            link = known.get(ref.key)
            title = f"{ref.key} {link.text}".strip() if link else ref.key
            shown.append(anchor(link.url if link else "", title))
    return [("Covers", "<br>".join(shown))] if shown else []


def _uncleared(
    case: TestCase, sent_properties: Sequence[Mapping[str, Any]], answer: Mapping[str, Any]
) -> list[Note]:
    """Return notes on fields that are empty in the source but cannot be emptied in qTest."""
    held = {
        each.get("field_name") for each in answer.get("properties") or () if each.get("field_value")
    }
    sent = {each["field_name"] for each in sent_properties}
    stay = held - sent
    lost = [
        CANNOT_CLEAR.note(f"qTest's API cannot empty {value.name!r}; its old value stays")
        for value in case.fields
        if value.value in (None, "", ()) and value.name in stay
    ]
    text = "qTest's API cannot empty {!r}; the person who was set before stays"
    return lost + [
        PERSON_STAYS.note(text.format(value.name))
        for value in case.fields
        if value.type is FieldType.USER and value.optional and value.name in stay
    ]


# ------------------------------------------------------------------------------------ finishing


async def finish_case(session: Session, case: TestCase, before: Written, links: Links) -> Written:
    """Approve the case if the config says so, and link its requirements.

    Step ids belong to a version, so they are read again after the approval (facts, section 6).
    """
    project = session.project
    target = object_ref(Kind.TEST_CASE, before.target_id)
    due = project.config.approve
    after = before
    if due == "all" or (due == "needed" and (case.approve or case.executed)):
        after = await _approve(project, case, before, target)
    notes = list(after.notes)
    for ref in case.requirements:
        if requirement := links.get(ref):
            at = object_ref(Kind.REQUIREMENT, requirement.target_id)
            if reason := await link_case(project, at, target.id, case.ref):
                text = f"qTest did not link the case to {ref.key}: {reason}"
                notes.append(REQUIREMENT_NOT_LINKED.note(text))
    return attrs.evolve(after, notes=tuple(notes))


async def _approve(project: Project, case: TestCase, before: Written, target: ObjectRef) -> Written:
    # qTest may refuse to approve an approved case (guess: with 400). Then the version decides.
    body: Mapping[str, Any] | None = None
    refused = "its answer does not show it"
    try:
        body = (await project.send("PUT", f"{target.path}/approve", ref=case.ref)).body
    except RejectedError as error:
        refused = str(error)
    # after the approval, as a log may have read the old steps while it ran
    project.forget(target.id)
    confirmed = body is not None
    if not body or not body.get("test_case_version_id"):
        body = dict(await project.get(target.path))
    label, version = str(body.get("version") or ""), str(body.get("test_case_version_id") or "")
    notes = list(before.notes)
    if not confirmed and not (label.endswith(".0") and label != "0.0"):
        text = f"qTest did not approve the case, its version is {label or 'unknown'}: {refused}"
        notes.append(NOT_APPROVED.note(text))
    version = version or before.version
    steps = await _version_steps(project, target, version, len(case.steps)) if case.steps else []
    lines = _lines(steps)
    project.remember(before.target_id, version, lines)
    top = _own(steps)
    parts = {step.key: str(number) for step, number in zip(case.steps, top, strict=False)}
    parts |= {line.key: str(line.id) for line in lines}
    stamp = before.stamp
    if "properties" in body:
        stamp = compute_stamp(target.type, {**body, "test_steps": list(top.values())})
    return attrs.evolve(before, version=version, parts=parts, stamp=stamp, notes=tuple(notes))


# ---------------------------------------------------------------------------------------- steps


async def list_executable_steps(project: Project, case: Written) -> tuple[ExecutableStep, ...]:
    """Return the steps that a log of this case version has results for, in order."""
    known = project.executable_steps.get((case.target_id, case.version))
    if known is None:
        target = object_ref(Kind.TEST_CASE, case.target_id)
        due = sum("/" not in part for part in case.parts)
        known = _lines(await _version_steps(project, target, case.version, due))
    project.remember(case.target_id, case.version, known)
    return known


async def have_same_steps(project: Project, case: Written, version: str) -> bool:
    """Return whether another version of a case has the steps of the one that was written.

    A text that somebody edited in its place does not matter; a step that moved does.
    """
    target = object_ref(Kind.TEST_CASE, case.target_id)
    ours, theirs = [
        [
            (step.get("called_test_case_id"), step.get("description"), step.get("expected"))
            for step in await _version_steps(project, target, each)
        ]
        for each in (case.version, version)
    ]
    return len(ours) == len(theirs) and all(
        one == other or (one not in theirs and other not in ours)
        for one, other in zip(ours, theirs, strict=True)
    )


async def _version_steps(
    project: Project, target: ObjectRef, version: str, due: int = 0
) -> list[Mapping[str, Any]]:
    """Return the steps of a version with those of called cases; ``due`` of its own at least."""
    path = f"{target.path}/versions/{version}/test-steps"
    steps = await project.get(path, expand="calledteststep")
    # In a flat answer a called step may carry the order that it has in its own case.
    steps = steps if any(map(_is_called, steps)) else sort_steps(steps)
    shown = set(map(_calling, steps))
    if len(shown) >= due:
        return steps
    # A flat answer leaves out a step that calls a case without steps.
    own = sort_steps(await project.get(path))
    for number, step in enumerate(own, 1):
        if int(step["id"]) not in shown:
            later = {int(each["id"]) for each in own[number:]}
            at = next((at for at, each in enumerate(steps) if _calling(each) in later), None)
            empty = {**step, "called_test_case": {"test_steps": []}}
            steps.insert(len(steps) if at is None else at, empty)
    return steps


def _is_called(step: Mapping[str, Any]) -> bool:
    return bool(step.get("parent_test_step_id"))


def _calling(step: Mapping[str, Any]) -> int:
    return int(step.get("parent_test_step_id") or step["id"])


def _own(steps: Sequence[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """Return the case's own steps by id; a step that only its called steps name is inferred."""
    found: dict[int, Mapping[str, Any]] = {}
    for step in steps:
        if not _is_called(step):
            found[int(step["id"])] = step
        else:
            called = step.get("root_called_test_case_id") or step.get("called_test_case_id")
            found.setdefault(_calling(step), {"called_test_case_id": called})
    return found


def _lines(steps: Sequence[Mapping[str, Any]]) -> tuple[ExecutableStep, ...]:
    """Return the steps of a version, with the called steps in place of the calling step.

    The document does not say how ``expand=calledteststep`` shows called steps. Public code reads
    them nested in ``called_test_case``. It logs them instead of the calling step, each with the id
    of its case and of the outermost calling step. A flat answer names that step itself.
    """
    targets = {
        number: target for target, number in enumerate(dict.fromkeys(map(_calling, steps)), 1)
    }
    flat = {_calling(step) for step in steps if _is_called(step)}
    found: list[ExecutableStep] = []
    for step in steps:
        number = _calling(step)
        top = f"{targets[number]}"
        nested = (step.get("called_test_case") or {}).get("test_steps")
        if _is_called(step):
            inside = sum(line.parent == number for line in found) + 1
            called = step.get("called_test_case_id") or step.get("root_called_test_case_id")
            found.append(ExecutableStep(f"{top}/{inside}", int(step["id"]), called, number))
        elif nested is not None:
            found += _nested(step["called_test_case"], number, top)
        elif number not in flat:
            found.append(ExecutableStep(top, number, step.get("called_test_case_id")))
    return tuple(found)


def _nested(called: Mapping[str, Any], parent: int, key: str) -> Iterator[ExecutableStep]:
    for target, step in enumerate(sort_steps(called.get("test_steps") or ()), 1):
        inner = step.get("called_test_case") or {}
        if inner.get("test_steps") is not None:
            yield from _nested(inner, parent, f"{key}/{target}")
        else:
            yield ExecutableStep(f"{key}/{target}", int(step["id"]), called.get("id"), parent)
