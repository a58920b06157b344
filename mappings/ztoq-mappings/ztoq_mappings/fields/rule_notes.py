"""What rules made of fields besides fields, to be told in the notes of a record."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ztoq_mappings.fields.steps import RuleRun
from ztoq_mappings.note_collector import NoteCollector

__all__ = ["RuleNotes"]

_OF_STEPS = {
    "field-left-out": "fields of steps are left out",
    "value-dropped": "values of fields of steps are dropped",
    "field-into-property": "fields of steps go into their texts",
    "field-partly-into-property": "fields of steps go in part into their texts",
}
"""What the note on fields of steps says, by its code without the ``step-`` before it."""


@attrs.define
class RuleNotes:
    """What the rules made of fields of one record, or of all its steps.

    ``step`` is the key of the step that is being mapped. ``said`` holds by code, field and property
    the steps that it is about.
    """

    step: str = ""
    said: dict[str, dict[tuple[str, str], list[str]]] = attrs.field(factory=dict)

    def add(self, names: Iterable[str], into: str, run: RuleRun) -> None:
        """Say what one rule did to fields; ``into`` is the property that it filled, or ``""``."""
        for name in names:
            if run.dropped:
                self._add("value-dropped", name, "")
            if into:
                partly = "partly-" if run.lossy else ""
                self._add(f"field-{partly}into-property", name, into)

    def leave_out(self, name: str) -> None:
        """Say that a field is left out."""
        self._add("field-left-out", name, "")

    def _add(self, code: str, name: str, into: str) -> None:
        steps = self.said.setdefault(code, {}).setdefault((name, into), [])
        if self.step not in steps:
            steps.append(self.step)

    def tell(self, notes: NoteCollector) -> None:
        """Note it, quoting the names of the fields."""
        for code, fields in self.said.items():
            names = ", ".join(repr(name) for name, _ in fields)
            if code == "field-left-out":
                said = f"the field {names} is" if len(fields) == 1 else f"the fields {names} are"
                said += " left out"
            elif code == "value-dropped":
                said = f"values of {names} are dropped"
            else:
                said = "; ".join(f"the field {name!r} goes into {into!r}" for name, into in fields)
            notes.change(code, f"{said}, as the mapping says")

    def tell_of_steps(self, notes: NoteCollector) -> None:
        """Note it with the numbers of the steps: ``'Area' into '@data' (1, 2)``."""
        for code, fields in self.said.items():
            parts = (
                f"{name!r}{f' into {into!r}' if into else ''} ({', '.join(steps)})"
                for (name, into), steps in fields.items()
            )
            said = f"{_OF_STEPS[code]}, as the mapping says: {', '.join(parts)}"
            notes.change(f"step-{code}", said)
