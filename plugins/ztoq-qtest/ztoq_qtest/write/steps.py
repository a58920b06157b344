"""The steps of a case as they travel: texts, calls, and the site's fields of test steps.

These fields belong to the site, two at most, and are not a project's to make (vendor's document).
Where they have the labels of a step's custom fields they are filled, as ``customFieldInfo`` (guess:
the document has the property and no example of it); each answer is asked whether it shows them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ztoq_core.plugin import (
    FieldType,
    FieldValue,
    Kind,
    Level,
    Links,
    Note,
    RecordError,
    RejectedError,
    TestCase,
    TestStep,
)
from ztoq_qtest.api.object_types import Place, number_of
from ztoq_qtest.api.project import MISSING, REFUSED
from ztoq_qtest.fields.encoding import encode, readable_table
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.write.save import Desk, Job

__all__ = [
    "TAKEN",
    "Steps",
    "change_steps",
    "in_order",
    "made_steps",
    "shows_fields",
    "step_fields",
]

TRIES = 6  # of a step whose id changes each time

# vendor's document, site fields of test steps: combo box, user list, rich text
TAKEN = frozenset({FieldType.CHOICE, FieldType.USER, FieldType.RICH_TEXT})


@attrs.frozen(kw_only=True)
class Steps:
    """The bodies of a case's steps in order, and what is to be noted."""

    bodies: tuple[dict[str, Any], ...]
    notes: tuple[Note, ...]

    @property
    def fills(self) -> bool:
        """Whether fields of steps travel."""
        return any("customFieldInfo" in body for body in self.bodies)


async def made_steps(desk: Desk, case: TestCase, links: Links, *, fill: bool = True) -> Steps:
    """Return the steps as they travel; ``fill`` False: their fields stand in the descriptions."""
    fields = FieldSet()
    people: Mapping[str, str] = {}
    if fill and any(step.fields for step in case.steps) and desk.settings.step_fields:
        fields = await step_fields(desk)
        people = await desk.settings.people() if fields.fields else {}
    notes: dict[Note, None] = {}
    bodies = []
    for order, step in enumerate(case.steps, 1):
        held, rest = _held(step, fields, people)
        if rest:
            text = "steps carry custom fields; they stand under the step's description"
            notes[Note(level=Level.CHANGE, code="step-fields", text=text)] = None
        body: dict[str, Any] = {
            "description": step.description + readable_table(rest),
            "expected": step.expected,
            "order": order,
        }
        if held:
            body["customFieldInfo"] = held
        if step.call:
            if called := links.get(step.call.case):
                body["called_test_case_id"] = number_of(Kind.TEST_CASE, called.target_id)
            else:
                body["description"] = body["description"] or f"Call {step.call.case.key}"
                text = f"step {step.key} names {step.call.case.key} instead of calling it"
                notes[Note(level=Level.FALLBACK, code="call-as-text", text=text)] = None
        bodies.append(body)
    return Steps(bodies=tuple(bodies), notes=tuple(notes))


async def step_fields(desk: Desk) -> FieldSet:
    """Return the site's fields of test steps; none where it does not list them."""
    try:
        return await desk.settings.fields("test-steps")
    except RejectedError:
        # guess: an older site may not list those of steps
        desk.settings.step_fields = False
        return FieldSet()


def _held(
    step: TestStep, fields: FieldSet, people: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[FieldValue]]:
    """Return what fills fields, and the values that are left over."""
    held: dict[int, dict[str, Any]] = {}
    rest = []
    for value in step.fields:
        field = fields.named(value.name)
        left = value.value
        if field and field.type in TAKEN and field.id not in held:
            sent = encode(field, value, people)
            left = sent.left
            if sent.text is not None:
                held[field.id] = {"id": field.id, "name": field.label, "value": sent.text}
        # an unticked box says nothing: each step would get a table of it
        if left is not False and left not in (None, "", ()):
            rest.append(attrs.evolve(value, value=left))
    return list(held.values()), [each for each in rest if not each.optional]


def shows_fields(steps: Steps, made: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether each step of an answer shows the fields that travelled with it."""
    return len(made) == len(steps.bodies) and all(
        {info["id"] for info in body.get("customFieldInfo", ())}
        <= {info.get("id") for info in step.get("customFieldInfo") or () if info.get("value")}
        for body, step in zip(steps.bodies, made, strict=True)
    )


def in_order(steps: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return steps by their order, as they came where they have none."""
    return sorted(steps, key=lambda step: step.get("order") or 0)


# -------------------------------------------------------------------------------- changing steps


async def change_steps(desk: Desk, place: Place, case: TestCase, job: Job, steps: Steps) -> Steps:
    """Send the steps that changed, each by itself: the others, and the files of all, stay as is.

    Returns the steps as they travelled.

    Raises:
        RecordError: qTest has other steps than ztoq sent.
    """
    for number, step in enumerate(case.steps):
        if step.key in (job.changed or ()):
            steps = await _change(desk, place, case, job, steps, number)
    return steps


async def _change(  # noqa: PLR0913, PLR0917 - a step, and all that says what it is
    desk: Desk, at: Place, case: TestCase, job: Job, steps: Steps, number: int
) -> Steps:
    """Send one step to the case's latest version.

    Each save may give the steps new ids (vendor's document: "you will get the updated stepId"), one
    whose answer was lost as well. So they are read before, and again after a 404.
    """
    project = desk.project
    for _ in range(TRIES):
        there = in_order(await project.get(f"{at.path}/test-steps"))
        if len(there) != len(steps.bodies):
            raise RecordError(
                f"{case.ref} has {len(there)} steps in qTest where ztoq sent {len(steps.bodies)};"
                " somebody may have edited it: put it right there, or retry it"
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
        if not fills or (answer.status != REFUSED and await _shown(desk, at, body, number)):
            return steps
        # the site does not take fields of steps: the descriptions take them
        desk.settings.step_fields = False
        steps = await made_steps(desk, case, job.links, fill=False)
    raise RecordError(f"{case.ref}: qTest does not find the step {number + 1} that it lists")


async def _shown(desk: Desk, at: Place, body: dict[str, Any], number: int) -> bool:
    """Return whether a step shows the fields that travelled with it."""
    made = in_order(await desk.project.get(f"{at.path}/test-steps"))
    return shows_fields(Steps(bodies=(body,), notes=()), made[number : number + 1])
