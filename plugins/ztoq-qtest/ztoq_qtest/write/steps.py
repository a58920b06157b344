"""Builds the request bodies of a case's steps: texts, calls, and the site's fields of test steps.

Fields of test steps belong to the site, at most two; a project cannot create them (vendor's
document). ztoq fills those whose label is that of a step's custom field, as ``customFieldInfo``
(guess: the document has the property without an example). Each answer is checked for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ztoq_core.plugin import (
    FieldType,
    FieldValue,
    Kind,
    Links,
    Note,
    RecordError,
    RejectedError,
    TestCase,
    TestStep,
)
from ztoq_qtest.api.object_types import ObjectRef, number_of
from ztoq_qtest.api.project import MISSING, REFUSED
from ztoq_qtest.fields.encoding import encode, values_table
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.note_codes import CALL_AS_TEXT, STEP_FIELDS
from ztoq_qtest.write.save import Session, WriteRequest

ATTEMPTS = 6  # for a step whose id changes each time

# vendor's document, site fields of test steps: combo box, user list, rich text
STEP_FIELD_TYPES = frozenset({FieldType.CHOICE, FieldType.USER, FieldType.RICH_TEXT})


@attrs.frozen(kw_only=True)
class StepBodies:
    """The request bodies of a case's steps in order, and the notes on them."""

    bodies: tuple[dict[str, Any], ...]
    notes: tuple[Note, ...]

    @property
    def fills(self) -> bool:
        """Whether any body fills a field of steps."""
        return any("customFieldInfo" in body for body in self.bodies)


async def build_steps(
    session: Session, case: TestCase, links: Links, *, fill: bool = True
) -> StepBodies:
    """Return the request bodies; with ``fill`` False the descriptions hold the custom fields."""
    fields = FieldSet()
    people: Mapping[str, str] = {}
    if fill and any(step.fields for step in case.steps) and session.settings.step_fields:
        fields = await step_fields(session)
        people = await session.settings.people() if fields.fields else {}
    notes: dict[Note, None] = {}
    bodies = []
    for order, step in enumerate(case.steps, 1):
        filled, rest = _fill_fields(step, fields, people)
        if rest:
            text = (
                "steps have custom fields; their values are in a table under the step's description"
            )
            notes[STEP_FIELDS.note(text)] = None
        body: dict[str, Any] = {
            "description": step.description + values_table(rest),
            "expected": step.expected,
            "order": order,
        }
        if filled:
            body["customFieldInfo"] = filled
        if step.call:
            if called := links.get(step.call.case):
                body["called_test_case_id"] = number_of(Kind.TEST_CASE, called.target_id)
            else:
                body["description"] = body["description"] or f"Call {step.call.case.key}"
                text = f"step {step.key} names {step.call.case.key} instead of calling it"
                notes[CALL_AS_TEXT.note(text)] = None
        bodies.append(body)
    return StepBodies(bodies=tuple(bodies), notes=tuple(notes))


async def step_fields(session: Session) -> FieldSet:
    """Return the site's fields of test steps; none if the site does not list them."""
    try:
        return await session.settings.fields("test-steps")
    except RejectedError:
        # Guess: an older site may not list fields of steps.
        session.settings.step_fields = False
        return FieldSet()


def _fill_fields(
    step: TestStep, fields: FieldSet, people: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[FieldValue]]:
    """Return the values that fill fields of steps, and those that no field takes."""
    filled: dict[int, dict[str, Any]] = {}
    rest = []
    for value in step.fields:
        field = fields.named(value.name)
        unsent = value.value
        if field and field.type in STEP_FIELD_TYPES and field.id not in filled:
            encoded = encode(field, value, people)
            unsent = encoded.rest
            if encoded.text is not None:
                filled[field.id] = {"id": field.id, "name": field.label, "value": encoded.text}
        # An unticked box carries no information; a table row of it on each step would be noise.
        if unsent is not False and unsent not in (None, "", ()):
            rest.append(attrs.evolve(value, value=unsent))
    return list(filled.values()), [each for each in rest if not each.optional]


def shows_fields(steps: StepBodies, made: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether each step of an answer shows the fields that were sent with it."""
    return len(made) == len(steps.bodies) and all(
        {info["id"] for info in body.get("customFieldInfo", ())}
        <= {info.get("id") for info in step.get("customFieldInfo") or () if info.get("value")}
        for body, step in zip(steps.bodies, made, strict=True)
    )


def sort_steps(steps: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return steps sorted by ``order``; steps without one keep their place."""
    return sorted(steps, key=lambda step: step.get("order") or 0)


# -------------------------------------------------------------------------------- changing steps


async def send_changed_steps(
    session: Session, target: ObjectRef, case: TestCase, request: WriteRequest, steps: StepBodies
) -> StepBodies:
    """Send only the steps that changed, so that the others and all files of steps stay.

    Returns the steps as they were sent.

    Raises:
        RecordError: qTest holds another number of steps than ztoq sent.
    """
    for number, step in enumerate(case.steps):
        if step.key in (request.changed or ()):
            steps = await _change(session, target, case, request, steps, number)
    return steps


async def _change(  # noqa: PLR0913, PLR0917 - a step and what identifies it
    session: Session,
    at: ObjectRef,
    case: TestCase,
    request: WriteRequest,
    steps: StepBodies,
    number: int,
) -> StepBodies:
    """Send one step to the case's latest version.

    Each save may give the steps new ids (vendor's document: "you will get the updated stepId"),
    also a save whose answer was lost. So the ids are read before each attempt; a 404 means that
    they changed in between.
    """
    project = session.project
    for _ in range(ATTEMPTS):
        there = sort_steps(await project.get(f"{at.path}/test-steps"))
        if len(there) != len(steps.bodies):
            raise RecordError(
                f"{case.ref} has {len(there)} steps in qTest where ztoq sent {len(steps.bodies)};"
                " somebody may have edited the case: correct it in qTest, or retry it"
            )
        body = steps.bodies[number]
        fills = "customFieldInfo" in body
        answer = await project.send(
            "PUT",
            f"{at.path}/test-steps/{there[number]['id']}",
            body,
            accept={MISSING, REFUSED} if fills else {MISSING},
            ref=case.ref,
        )
        if answer.status == MISSING:
            continue
        if not fills or (answer.status != REFUSED and await _shown(session, at, body, number)):
            return steps
        # The site does not store fields of steps, so the descriptions have to hold their values.
        session.settings.step_fields = False
        steps = await build_steps(session, case, request.links, fill=False)
    raise RecordError(f"{case.ref}: qTest lists step {number + 1} but cannot find it")


async def _shown(session: Session, at: ObjectRef, body: dict[str, Any], number: int) -> bool:
    """Return whether a step shows the fields that were sent with it."""
    made = sort_steps(await session.project.get(f"{at.path}/test-steps"))
    return shows_fields(StepBodies(bodies=(body,), notes=()), made[number : number + 1])
