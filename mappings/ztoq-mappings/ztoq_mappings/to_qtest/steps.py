"""Maps the steps and scripts of cases."""

from __future__ import annotations

import attrs

from ztoq_core.plugin import Call, Ref, Script, TestCase, TestStep
from ztoq_mappings import markup
from ztoq_mappings.note_codes import CALL_CIRCULAR
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import rich
from ztoq_mappings.to_qtest.fields import FieldLabels

TEST_DATA = "Test data"
"""The heading over a step's test data in its description."""


def mapped_steps(
    case: TestCase, field_labels: FieldLabels, notes: NoteCollector
) -> tuple[TestStep, ...]:
    """Return the steps with final texts; a script is one more. Empty steps and keys stay."""
    steps = tuple(_step(step, case.ref, field_labels, notes) for step in case.steps)
    if case.script is None or not case.script.text.strip():
        return steps
    key = str(len(steps) + 1)
    return (*steps, TestStep(key=key, description=rich(_script(case.script), notes)))


def _script(script: Script) -> str:
    return markup.preformatted(script.text) if script.language == "bdd" else script.text


def _step(step: TestStep, case: Ref, field_labels: FieldLabels, notes: NoteCollector) -> TestStep:
    description = step.description
    call = step.call
    if call:
        description = _called(call) + description
        if call.case == case or call.circular:
            notes.add(
                CALL_CIRCULAR,
                f"a step calls {call.case.key}, which calls this case; it is kept as text",
            )
            call = None
    if step.data:
        description += markup.heading(TEST_DATA) + step.data
    return attrs.evolve(
        step,
        description=rich(description, notes),
        data="",
        expected=rich(step.expected, notes),
        call=call,
        fields=field_labels.of_step(step.fields, notes) if step.fields else (),
    )


def _called(call: Call) -> str:
    named = markup.paragraph(f"Run {call.case.key}")
    if not call.parameters:
        return named
    rows = [(markup.value(each.name), markup.value(each.value)) for each in call.parameters]
    return named + markup.table(("Parameter", "Value"), rows)
