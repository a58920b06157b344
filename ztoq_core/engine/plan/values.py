"""Finds what the target would not hold as it is, and what it would refuse, before it is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from ztoq_core.contracts import FieldSpec, Fit, Schema
from ztoq_core.engine.load.target_fields import MissingField
from ztoq_core.records import Attachment, FieldType, FieldValue, Kind, Level, Record, TestLog, plain
from ztoq_core.spelling import first_of, folded
from ztoq_core.store import NoteExample

_KEYS = 3


@attrs.define
class ValueCheck:
    """Holds the records to write against what the target has and what ztoq will create there.

    ``Schema.fits`` is asked for each value, as the sink will be when it writes it.
    """

    schema: Schema
    _created: Mapping[tuple[Kind, str], FieldSpec]
    changes: dict[tuple[Kind, str, str], NoteExample] = attrs.field(factory=dict)
    refusals: dict[tuple[Kind, str, str], NoteExample] = attrs.field(factory=dict)
    _statuses: frozenset[str] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Fold the statuses once."""
        self._statuses = frozenset(map(folded, self.schema.statuses))

    @classmethod
    def of(cls, schema: Schema, created: Iterable[MissingField]) -> ValueCheck:
        """Return a check for a target in which these fields and values will be created."""
        specs: dict[tuple[Kind, str], FieldSpec] = {}
        for each in created:
            known = schema.field(each.of, each.name)
            values = (*(known.values if known else ()), *each.values)
            spec = known or FieldSpec(kind=each.of, name=each.name, type=each.type)
            specs[each.of, folded(each.name)] = attrs.evolve(spec, values=values)
        return cls(schema, specs)

    def take(self, record: Record) -> None:
        """Look at a record that will be written."""
        held, unfit = set(), {}
        for field in record.fields:
            if field.value in (None, "", ()):
                continue
            spec = self._spec(record.kind, field.name)
            fit = self.schema.fits(spec, field) if spec else Fit(rest=field.value)
            if spec and fit.rest is None:
                held.add(spec.name)
            elif spec and spec.required and not spec.default and spec.kind is record.kind:
                unfit[spec.name] = _not_held(spec, fit)
            elif not field.optional:
                self._change(record, field, _not_held(spec, fit))
        for name in unfit.keys() - held:
            self._refuse(record, "required", f"{name!r} is required and stays empty: {unfit[name]}")
        if isinstance(record, TestLog) and self._statuses:
            self._check_statuses(record)
        limit = self.schema.max_file_size
        if isinstance(record, Attachment) and limit is not None and record.size > limit:
            self._refuse(record, "size", f"the target takes files of at most {limit:,} bytes")

    def _check_statuses(self, log: TestLog) -> None:
        for names in (log.statuses, *(each.statuses for each in log.results)):
            if names and self._statuses.isdisjoint(map(folded, names)):
                shown = first_of(list(map(repr, names)), _KEYS)
                self._refuse(log, "status", f"the target has no execution status {shown}")

    def _spec(self, kind: Kind, name: str) -> FieldSpec | None:
        of = self.schema.field_owner.get(kind, kind)
        return self._created.get((of, folded(name))) or self.schema.field(of, name)

    def _change(self, record: Record, field: FieldValue, why: str) -> None:
        text = f"the value of {field.name!r} becomes text: {why}"
        note = NoteExample(level=Level.FALLBACK, code="value-as-text", text=text)
        _count(self.changes, record, field.name, note)

    def _refuse(self, record: Record, code: str, text: str) -> None:
        _count(self.refusals, record, text, NoteExample(level=Level.LOSS, code=code, text=text))


def _not_held(spec: FieldSpec | None, fit: Fit) -> str:
    if spec is None:
        return "the target has no such field"
    values = fit.rest if isinstance(fit.rest, tuple) else (fit.rest,)
    shown = first_of([repr(str(each)[:40]) for each in values], _KEYS)
    if spec.type is FieldType.USER:
        return f"not an active user of the target project ({shown})"
    return f"a {plain(spec.type)} does not take {fit.loss or shown}"


def _count(
    found: dict[tuple[Kind, str, str], NoteExample], record: Record, name: str, note: NoteExample
) -> None:
    """Count a record for its reason, of which ``note`` is the first example."""
    note.kind = record.kind
    known = found.setdefault((record.kind, note.code, name), note)
    known.count += 1
    if len(known.keys) < _KEYS:
        known.keys = (*known.keys, record.key)
