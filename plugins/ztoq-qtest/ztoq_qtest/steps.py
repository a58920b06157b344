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
    RejectedError,
    TestCase,
    TestStep,
)
from ztoq_qtest.fields import FieldSet
from ztoq_qtest.kinds import number_of
from ztoq_qtest.saving import Desk
from ztoq_qtest.values import encode, readable_table

__all__ = ["TAKEN", "Steps", "made_steps", "shows_fields", "step_fields"]

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
        if left not in (None, "", ()):
            rest.append(attrs.evolve(value, value=left))
    return list(held.values()), [each for each in rest if not each.optional]


def shows_fields(steps: Steps, made: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether each step of an answer shows the fields that travelled with it."""
    return len(made) == len(steps.bodies) and all(
        {info["id"] for info in body.get("customFieldInfo", ())}
        <= {info.get("id") for info in step.get("customFieldInfo") or () if info.get("value")}
        for body, step in zip(steps.bodies, made, strict=True)
    )
