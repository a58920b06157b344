"""Collects notes about fields that a rule dropped, left out or wrote to a property."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ztoq_core.plugin import FieldTrace
from ztoq_mappings.fields.conversions import RuleRun
from ztoq_mappings.note_collector import NoteCollector

__all__ = ["RuleNotes"]

_OF_STEPS = {
    "field-left-out": "fields of steps are left out",
    "value-dropped": "values of fields of steps are dropped",
    "field-into-property": "fields of steps go into their texts",
    "field-partly-into-property": "fields of steps go in part into their texts",
}
"""The beginning of a note about fields of steps, by its code without ``step-``."""


@attrs.define
class RuleNotes:
    """What the rules did with fields of one record, or of all its steps.

    ``step`` is the key of the present step. ``found`` has the steps of each field by the code of
    the note, and by name, property and whether that has all of the value.
    """

    step: str = ""
    found: dict[str, dict[tuple[str, str, bool], list[str]]] = attrs.field(factory=dict)

    def add(self, names: Iterable[str], into: str, run: RuleRun) -> None:
        """Add what one rule did; ``into`` is the property that it filled, or ``""``."""
        for name in names:
            if run.dropped:
                self._add("value-dropped", name)
            if into:
                partly = "partly-" if run.lossy else ""
                self._add(f"field-{partly}into-property", name, into, lossy=run.lossy)

    def leave_out(self, name: str) -> None:
        """Add a field that is left out."""
        self._add("field-left-out", name)

    def _add(self, code: str, name: str, into: str = "", *, lossy: bool = False) -> None:
        steps = self.found.setdefault(code, {}).setdefault((name, into, lossy), [])
        if self.step and self.step not in steps:
            steps.append(self.step)

    def note(self, notes: NoteCollector) -> None:
        """Add the notes on fields of the record."""
        for code, traces in self._traces():
            names = ", ".join(repr(each.name) for each in traces)
            if code == "field-left-out":
                said = f"the field {names} is" if len(traces) == 1 else f"the fields {names} are"
                said += " left out"
            elif code == "value-dropped":
                said = f"values of {names} are dropped"
            else:
                said = "; ".join(f"the field {x.name!r} goes into {x.into!r}" for x in traces)
            notes.change(code, f"{said}, as the mapping says", traces)

    def note_of_steps(self, notes: NoteCollector) -> None:
        """Add the notes on fields of steps, with the numbers of the steps."""
        for code, traces in self._traces():
            parts = (
                f"{x.name!r}{f' into {x.into!r}' if x.into else ''} ({', '.join(x.steps)})"
                for x in traces
            )
            said = f"{_OF_STEPS[code]}, as the mapping says: {', '.join(parts)}"
            notes.change(f"step-{code}", said, traces)

    def _traces(self) -> Iterable[tuple[str, tuple[FieldTrace, ...]]]:
        for code, found in self.found.items():
            yield (
                code,
                tuple(
                    FieldTrace(name=name, into=into, lossy=lossy, steps=tuple(steps))
                    for (name, into, lossy), steps in found.items()
                ),
            )
