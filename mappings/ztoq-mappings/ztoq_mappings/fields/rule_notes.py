"""Collects notes about fields that a rule dropped, left out or wrote to a property."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ztoq_core.plugin import FieldTrace, NoteCode
from ztoq_mappings.fields.conversions import RuleRun
from ztoq_mappings.note_codes import (
    FIELD_INTO_PROPERTY,
    FIELD_LEFT_OUT,
    FIELD_PARTLY_INTO_PROPERTY,
    STEP_FIELD_INTO_PROPERTY,
    STEP_FIELD_LEFT_OUT,
    STEP_FIELD_PARTLY_INTO_PROPERTY,
    STEP_VALUE_DROPPED,
    VALUE_DROPPED,
)
from ztoq_mappings.note_collector import NoteCollector

_OF_STEPS = {
    FIELD_LEFT_OUT: (STEP_FIELD_LEFT_OUT, "fields of steps are left out"),
    VALUE_DROPPED: (STEP_VALUE_DROPPED, "values of fields of steps are dropped"),
    FIELD_INTO_PROPERTY: (STEP_FIELD_INTO_PROPERTY, "fields of steps go into their texts"),
    FIELD_PARTLY_INTO_PROPERTY: (
        STEP_FIELD_PARTLY_INTO_PROPERTY,
        "fields of steps go in part into their texts",
    ),
}
"""The code of a note about fields of steps, and how it begins."""


@attrs.define
class RuleNotes:
    """What the rules did with fields of one record, or of all its steps.

    ``step`` is the key of the present step. ``found`` has the steps of each field by the code of
    the note, and by name, property and whether that has all of the value.
    """

    step: str = ""
    found: dict[NoteCode, dict[tuple[str, str, bool], list[str]]] = attrs.field(factory=dict)

    def add(self, names: Iterable[str], into: str, run: RuleRun) -> None:
        """Add what one rule did; ``into`` is the property that it filled, or ``""``."""
        for name in names:
            if run.dropped:
                self._add(VALUE_DROPPED, name)
            if into:
                code = FIELD_PARTLY_INTO_PROPERTY if run.lossy else FIELD_INTO_PROPERTY
                self._add(code, name, into, lossy=run.lossy)

    def leave_out(self, name: str) -> None:
        """Add a field that is left out."""
        self._add(FIELD_LEFT_OUT, name)

    def _add(self, code: NoteCode, name: str, into: str = "", *, lossy: bool = False) -> None:
        steps = self.found.setdefault(code, {}).setdefault((name, into, lossy), [])
        if self.step and self.step not in steps:
            steps.append(self.step)

    def note(self, notes: NoteCollector) -> None:
        """Add the notes on fields of the record."""
        for code, traces in self._traces():
            names = ", ".join(repr(each.name) for each in traces)
            if code is FIELD_LEFT_OUT:
                said = f"the field {names} is" if len(traces) == 1 else f"the fields {names} are"
                said += " left out"
            elif code is VALUE_DROPPED:
                said = f"values of {names} are dropped"
            else:
                said = "; ".join(f"the field {x.name!r} goes into {x.into!r}" for x in traces)
            notes.add(code, f"{said}, as the mapping says", traces)

    def note_of_steps(self, notes: NoteCollector) -> None:
        """Add the notes on fields of steps, with the numbers of the steps."""
        for code, traces in self._traces():
            parts = (
                f"{x.name!r}{f' into {x.into!r}' if x.into else ''} ({', '.join(x.steps)})"
                for x in traces
            )
            of_steps, begin = _OF_STEPS[code]
            notes.add(of_steps, f"{begin}, as the mapping says: {', '.join(parts)}", traces)

    def _traces(self) -> Iterable[tuple[NoteCode, tuple[FieldTrace, ...]]]:
        for code, found in self.found.items():
            yield (
                code,
                tuple(
                    FieldTrace(name=name, into=into, lossy=lossy, steps=tuple(steps))
                    for (name, into, lossy), steps in found.items()
                ),
            )
