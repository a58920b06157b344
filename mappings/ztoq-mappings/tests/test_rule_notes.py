"""What the notes say of fields that rules put into properties or dropped."""

from __future__ import annotations

import pytest
from ztoq_mappings.fields.conversions import RuleRun
from ztoq_mappings.fields.rule_notes import RuleNotes
from ztoq_mappings.note_collector import NoteCollector

from ztoq_core.plugin import FieldTrace


@pytest.mark.parametrize("rules", [1, 2])
def test_a_step_is_named_once_however_many_rules_took_its_field(rules: int) -> None:
    notes, rule_notes = NoteCollector(), RuleNotes()
    for rule_notes.step in ("1", "2"):
        for _ in range(rules):
            run = RuleRun(key="ACME-T1", field="Data", otherwise=None, notes=notes)
            rule_notes.add(["Area"], "@data", run)
    rule_notes.note_of_steps(notes)
    (note,) = notes.notes()
    assert note.code == "step-field-into-property"
    assert note.text.endswith("'Area' into '@data' (1, 2)")
    assert note.fields == (FieldTrace(name="Area", into="@data", steps=("1", "2")),)
