"""What the notes say of fields that rules put into properties or dropped."""

from __future__ import annotations

import pytest
from ztoq_mappings.fields.steps import Work
from ztoq_mappings.fields.tale import Tale
from ztoq_mappings.notebook import Notebook


@pytest.mark.parametrize("rules", [1, 2])
def test_a_step_is_named_once_however_many_rules_took_its_field(rules: int) -> None:
    notes, tale = Notebook(), Tale()
    for tale.step in ("1", "2"):
        for _ in range(rules):
            work = Work(key="ACME-T1", field="Data", otherwise=None, notes=notes)
            tale.add(["Area"], "@data", work)
    tale.tell_of_steps(notes)
    (note,) = notes.notes()
    assert note.code == "step-field-into-property"
    assert note.text.endswith("'Area' into '@data' (1, 2)")
