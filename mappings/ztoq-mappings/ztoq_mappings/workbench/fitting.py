"""Tells what becomes of a mapped value in the target, by what the target says of its fields."""

from __future__ import annotations

from enum import StrEnum

import attrs

from ztoq_core.contracts import FieldLimits, FieldSpec, Fit, Schema
from ztoq_core.records import FieldType, FieldValue, Kind, Value

_SHOWN = 60
_CHOICES = frozenset({FieldType.CHOICE, FieldType.MULTI_CHOICE})


class Outcome(StrEnum):
    """What becomes of a value of the source, the best first.

    EXACT: a typed property holds it, in a field and with labels that exist or will be created.
    LOSSY: a typed property holds less than the source said. FALLBACK: a text holds it, since the
    target has no field or label for it. UNMAPPED: no field comes from it. FAILED: its record fails.
    SKIPPED: it, or its record, is left out on purpose.
    """

    EXACT = "exact"
    LOSSY = "lossy"
    FALLBACK = "fallback"
    UNMAPPED = "unmapped"
    FAILED = "failed"
    SKIPPED = "skipped"

    @property
    def rank(self) -> int:
        """The place of this class, from 0 for the best."""
        return _RANKS[self]


_RANKS = {each: place for place, each in enumerate(Outcome)}


@attrs.frozen
class ValueFit:
    """What becomes of one mapped value; ``why`` says why it is not exact."""

    outcome: Outcome
    why: str = ""


def holds(value: object) -> bool:
    """Return whether a value says anything; an unticked check box does."""
    return any(value) if isinstance(value, tuple) else value not in (None, "")


class Fitting:
    """Fits mapped values into the fields of a target, as the target's plugin says."""

    def __init__(self, sink: Schema, limits: FieldLimits) -> None:
        """Ask ``sink`` about its fields; those that ztoq will create keep to ``limits``."""
        self._sink = sink
        self._limits = limits
        self._fields: dict[tuple[Kind, str], FieldSpec | None] = {}
        self._samples: dict[tuple[FieldSpec, FieldType | None], str] = {}

    def fit(self, kind: Kind, field: FieldValue) -> ValueFit | None:
        """Return what becomes of ``field`` of a record of ``kind``.

        None where it is optional and has no place: another field carries it.
        """
        found = self._fit(kind, field)
        if found.outcome is Outcome.FALLBACK and field.optional:
            return None
        if found.outcome is Outcome.EXACT and field.lossy:
            return ValueFit(Outcome.LOSSY, "the mapping says that it is shortened or made coarser")
        return found

    def _fit(self, kind: Kind, field: FieldValue) -> ValueFit:
        sink = self._sink
        if kind not in sink.kinds:
            return ValueFit(Outcome.UNMAPPED, f"the target takes no {kind}")
        creates = sink.can_create_fields and not field.optional
        of = sink.field_owner.get(kind, kind)
        if spec := self._spec(of, field.name):
            return self._into(spec, field, creates=creates and not spec.system)
        if not sink.fields_known:
            return ValueFit(Outcome.FALLBACK, "the target's fields cannot be listed")
        if creates and field.type is not None:
            longest = self._limits.text_length if field.type is FieldType.TEXT else None
            spec = FieldSpec(kind=of, name=field.name, type=field.type, max_length=longest)
            return self._into(spec, field, creates=True)
        return ValueFit(Outcome.FALLBACK, f"the target has no field {field.name!r}")

    def _spec(self, of: Kind, name: str) -> FieldSpec | None:
        if (of, name) not in self._fields:
            self._fields[of, name] = self._sink.field(of, name)
        return self._fields[of, name]

    def _into(self, spec: FieldSpec, field: FieldValue, *, creates: bool) -> ValueFit:
        """Fit a value into a field; where the load ``creates`` labels, none is missing."""
        labels = _texts(field.value)
        several = len(labels) > 1 and spec.type is FieldType.CHOICE
        if spec.type in _CHOICES and field.type in _CHOICES and creates and not several:
            # the load creates its label, so none of the others comes in its place
            field = attrs.evolve(field, alternatives=())
            fit = self._sink.fits(spec, field)
            return self._judged(spec, field, Fit(loss=fit.loss) if fit.rest is not None else fit)
        return self._judged(spec, field, self._sink.fits(spec, field))

    def _judged(self, spec: FieldSpec, field: FieldValue, fit: Fit) -> ValueFit:
        if fit.rest is not None:
            why = f"{spec.name!r} ({spec.type}) {self._refusal(spec, field, fit.rest)}"
            return ValueFit(Outcome.FALLBACK, why)
        if fit.loss:
            return ValueFit(Outcome.LOSSY, f"{spec.name!r}: {fit.loss}")
        return ValueFit(Outcome.EXACT)

    def _refusal(self, spec: FieldSpec, field: FieldValue, rest: Value) -> str:
        labels = _texts(rest)
        shown = ", ".join(map(_short, labels[:3]))
        if spec.type in _CHOICES:
            several = len(labels) > 1 and spec.type is FieldType.CHOICE
            return "takes one label, not several" if several else f"does not allow {shown}"
        if spec.type is FieldType.USER:
            return f"does not know {shown}"
        if spec.max_length is not None and len(", ".join(labels)) > spec.max_length:
            return f"takes {spec.max_length:,} characters, and this has more"
        # each time the same sample, since it is one reason
        sample = self._samples.setdefault((spec, field.type), _short(", ".join(labels)))
        return f"takes no {field.type or 'value'} such as {sample}"


def _texts(value: Value) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    return tuple(filter(None, value)) if isinstance(value, tuple) else (str(value),)


def _short(label: str) -> str:
    return repr(label if len(label) <= _SHOWN else f"{label[:_SHOWN]}…")
