"""Counts what a mapping makes of every value that the source gave, field by field.

What is counted: each value of a custom field that is not empty, of each extracted record (several
labels of a choice are one value), and of the records' own attributes (``@status``) those that the
mapping gives as the origin of a field. A value is found again by ``FieldValue.origin``; a mapped
field without one counts for the source's field of its name. Where several target fields come from
one value, the best of them counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache

import attrs

from ztoq_core.contracts import FieldLimits, Schema
from ztoq_core.html import plain_text
from ztoq_core.records import (
    RECORD_TYPES,
    FieldTrace,
    FieldValue,
    Kind,
    Note,
    Record,
    TestCase,
    TestStep,
    Value,
)
from ztoq_core.store import MappingOutcome, State
from ztoq_mappings.workbench.fitting import Fitting, Outcome, ValueFit, holds

_STEP_TEXTS = ("@description", "@data", "@expected")
_IN_STEP = "it is in a text of its step"
_ON_PURPOSE = "the mapping leaves it out on purpose"
_NOWHERE = "no text of the step has it"
_MOST_REASONS = 25
_OTHER = "other reasons, each rarer than those that were met first"
_COMMON = frozenset(each.name for each in attrs.fields(Record))


@attrs.frozen(kw_only=True)
class Reason:
    """Why ``count`` values of a field did not arrive exactly."""

    outcome: Outcome
    text: str
    count: int


@attrs.frozen(kw_only=True)
class Covered:
    """What became of the values of one field of the source.

    ``field`` is the source's name, ``@status`` for an attribute of the record; ``of_steps`` says
    that the steps of the records carry it. ``targets`` are the fields that come from it.
    """

    kind: Kind
    field: str
    of_steps: bool = False
    counts: Mapping[Outcome, int]
    targets: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @property
    def values(self) -> int:
        """The number of values that are not empty: the sum of the classes."""
        return sum(self.counts.values())


@attrs.define
class _Tally:
    counts: Counter[Outcome] = attrs.field(factory=Counter)
    targets: dict[str, None] = attrs.field(factory=dict)
    reasons: Counter[tuple[Outcome, str]] = attrs.field(factory=Counter)
    shown: bool = False

    def add(self, fit: ValueFit, targets: Iterable[str] = ()) -> None:
        self.counts[fit.outcome] += 1
        self.targets.update(dict.fromkeys(targets))
        if not fit.why:
            return
        reason = (fit.outcome, fit.why)
        if reason not in self.reasons and len(self.reasons) >= _MOST_REASONS:
            reason = (fit.outcome, _OTHER)
        self.reasons[reason] += 1


_Place = tuple[Kind, str, bool]


class Coverage:
    """Counts as records are mapped; memory grows with the number of fields alone."""

    def __init__(self, sink: Schema, limits: FieldLimits) -> None:
        """Hold the mapped values against the target's fields, and those that will be created."""
        self._fitting = Fitting(sink, limits)
        # nobody makes fields of steps; where a target's are unknown, the values stand as text
        of_steps = attrs.evolve(sink, fields=sink.step_fields, can_create_fields=False)
        of_steps = attrs.evolve(of_steps, fields_known=True, field_owner={})
        self._step_fitting = Fitting(of_steps, limits)
        self._tallies: dict[_Place, _Tally] = {}
        self.records: dict[Kind, Counter[State]] = {}
        self.failures: Counter[tuple[Kind, str]] = Counter()
        self.examples: dict[tuple[Kind, str], str] = {}
        self.losses = 0

    def add(self, kind: Kind, fates: Sequence[MappingOutcome]) -> None:
        """Count what became of a batch of records of one kind."""
        states = self.records.setdefault(kind, Counter())
        for fate in fates:
            states[fate.state] += 1
            self.losses += fate.loss
            if fate.state is State.FAILED:
                self._failed(fate.source, fate.reason)
            if fate.record is None:
                self._count_unmapped(fate)
            else:
                self._count_mapped(fate.source, fate.record)

    def rows(self) -> tuple[Covered, ...]:
        """Return the fields by kind and name, attributes of the records first."""
        return tuple(
            Covered(
                kind=kind,
                field=name,
                of_steps=of_steps,
                counts={each: tally.counts[each] for each in Outcome},
                targets=tuple(tally.targets),
                reasons=tuple(
                    Reason(outcome=outcome, text=text, count=count)
                    for (outcome, text), count in tally.reasons.most_common()
                ),
            )
            for (kind, name, of_steps), tally in sorted(
                self._tallies.items(), key=lambda each: _order(each[0])
            )
            if tally.shown
        )

    def totals(self) -> Counter[Outcome]:
        """Return the number of values of each class, over all fields."""
        found: Counter[Outcome] = Counter(dict.fromkeys(Outcome, 0))
        for row in self.rows():
            found.update(row.counts)
        return found

    # ------------------------------------------------------------------------------ inner part

    def _failed(self, source: Record, reason: str) -> None:
        """Count a failure under its reason, which may begin with the record's key."""
        known = (source.kind, reason.removeprefix(f"{source.key}: "))
        if known not in self.failures and len(self.failures) >= _MOST_REASONS:
            known = (source.kind, _OTHER)
        self.failures[known] += 1
        self.examples.setdefault(known, source.key)

    def _tally(self, kind: Kind, name: str, *, of_steps: bool = False) -> _Tally:
        place = (kind, name, of_steps)
        found = self._tallies.get(place)
        if found is None:
            found = self._tallies[place] = _Tally()
        return found

    def _count_unmapped(self, fate: MappingOutcome) -> None:
        outcome = Outcome.FAILED if fate.state is State.FAILED else Outcome.SKIPPED
        source = fate.source
        for name in _attributes(source):
            self._tally(source.kind, name).add(ValueFit(outcome))
        fields = [(each, False) for each in source.fields]
        fields += [(each, True) for each in _step_fields(source)]
        for field, of_steps in fields:
            if holds(field.value):
                tally = self._tally(source.kind, field.name, of_steps=of_steps)
                tally.shown = True
                tally.add(ValueFit(outcome))
        for step in source.steps if isinstance(source, TestCase) else ():
            for name, _ in _texts_of(step):
                self._tally(source.kind, name, of_steps=True).add(ValueFit(outcome))

    def _count_mapped(self, source: Record, mapped: Record) -> None:
        kind = source.kind
        attributes = _attributes(source)
        by_origin = _by_origin(mapped, {each.name for each in source.fields} | attributes)
        for name in attributes:
            self._count(kind, name, by_origin, mapped)
        for name in by_origin.keys() - attributes:
            # the mapping alone says that the source has it
            if name.startswith("@"):
                self._count(kind, name, by_origin, mapped)
        for field in source.fields:
            if holds(field.value):
                self._tally(kind, field.name).shown = True
                self._count(kind, field.name, by_origin, mapped)
        if isinstance(source, TestCase) and isinstance(mapped, TestCase):
            self._count_steps(source, mapped)

    def _count(
        self, kind: Kind, name: str, by_origin: Mapping[str, Sequence[FieldValue]], mapped: Record
    ) -> None:
        tally = self._tally(kind, name)
        found = self._fits(kind, by_origin.get(name, ()))
        if found:
            tally.shown = True
        else:
            found = self._noted(kind, name, by_origin, mapped.notes)
        best = min((fit for fit, _ in found), key=lambda fit: fit.outcome.rank)
        tally.add(best, (target for _, target in found if target))

    def _fits(
        self, kind: Kind, fields: Iterable[FieldValue], *, of_steps: bool = False
    ) -> list[tuple[ValueFit, str]]:
        fitting = self._step_fitting if of_steps else self._fitting
        return [(fit, each.name) for each in fields if (fit := fitting.fit(kind, each))]

    def _noted(
        self,
        kind: Kind,
        name: str,
        by_origin: Mapping[str, Sequence[FieldValue]],
        notes: Iterable[Note],
    ) -> list[tuple[ValueFit, str]]:
        """Return what the notes say of a value that no field comes from, with its target."""
        traces = [
            trace
            for note in notes
            for trace in note.fields
            if trace.name == name and not trace.steps
        ]
        if not traces:
            return [(ValueFit(Outcome.UNMAPPED, "no field comes from it"), "")]
        fit, into = _traced(traces)
        # a field that comes from the property shows what becomes of it in the target
        found = self._fits(kind, by_origin.get(into, ())) if into else []
        worse = [each for each in found if each[0].outcome.rank > fit.outcome.rank]
        return worse if found and len(worse) == len(found) else [(fit, into)]

    def _count_steps(self, source: TestCase, mapped: TestCase) -> None:
        after = {step.key: step for step in mapped.steps}
        traces = [each for note in mapped.notes for each in note.fields if each.steps]
        for step in source.steps:
            arrived = after.get(step.key)
            known = {each.name for each in step.fields} | set(_STEP_TEXTS)
            by_origin = _by_origin(arrived, known) if arrived and arrived.fields else {}
            for field in step.fields:
                if holds(field.value):
                    self._tally(source.kind, field.name, of_steps=True).shown = True
                    self._count_of_step(source.kind, field, step.key, arrived, by_origin, traces)
            for name, text in _texts_of(step):
                if name in by_origin:
                    self._tally(source.kind, name, of_steps=True).shown = True
                field = FieldValue(name=name, value=text)
                self._count_of_step(source.kind, field, step.key, arrived, by_origin, traces)

    def _count_of_step(  # noqa: PLR0913, PLR0917 - a value and all that says what became of it
        self,
        kind: Kind,
        field: FieldValue,
        key: str,
        step: TestStep | None,
        by_origin: Mapping[str, Sequence[FieldValue]],
        traces: Sequence[FieldTrace],
    ) -> None:
        found = self._fits(kind, by_origin.get(field.name, ()), of_steps=True)
        if not found and step is None:
            found = [(ValueFit(Outcome.UNMAPPED, "the step is left out"), "")]
        elif not found and step is not None:
            own = [each for each in traces if each.name == field.name and key in each.steps]
            found = [_traced(own) if own else (_in_text(field, step), "")]
        best, _ = min(found, key=lambda each: each[0].outcome.rank)
        targets = (target for fit, target in found if target and fit.outcome in _PLACED)
        self._tally(kind, field.name, of_steps=True).add(best, targets)


_PLACED = frozenset({Outcome.EXACT, Outcome.LOSSY})


def _by_origin(mapped: Record | TestStep, known: Collection[str]) -> dict[str, list[FieldValue]]:
    """Return the mapped values by the source's field; one of several fields counts for each."""
    found: dict[str, list[FieldValue]] = {}
    for field in mapped.fields:
        if holds(field.value):
            origin = field.origin or field.name
            several = origin not in known and ", " in origin
            names = [x for x in origin.split(", ") if x in known] if several else [origin]
            for name in names:
                found.setdefault(name, []).append(field)
    return found


def _traced(traces: Sequence[FieldTrace]) -> tuple[ValueFit, str]:
    """Return what became of a value, with the property that holds it now."""
    moved = next((each for each in traces if each.into), None)
    if moved is None:
        return ValueFit(Outcome.SKIPPED, _ON_PURPOSE), ""
    if moved.lossy:
        return ValueFit(Outcome.LOSSY, f"{moved.into!r} holds less of it"), moved.into
    return ValueFit(Outcome.EXACT), moved.into


def _in_text(field: FieldValue, step: TestStep) -> ValueFit:
    """Return whether one of the step's own texts says a value, in other markup and spacing."""
    if isinstance(field.value, str) and field.value in step.description:
        return ValueFit(Outcome.FALLBACK, _IN_STEP)
    texts = _letters(f"{step.description} {step.data} {step.expected}")
    said = any(all(word in texts for word in words) for words in _said(field.value))
    return ValueFit(Outcome.FALLBACK, _IN_STEP) if said else ValueFit(Outcome.UNMAPPED, _NOWHERE)


def _said(value: Value) -> Iterator[list[str]]:
    """Yield the ways in which a text may say a value, each as what must occur in it."""
    if isinstance(value, bool):
        yield ["yes" if value else "no"]
    words = value if isinstance(value, tuple) else (str(value),)
    yield [_letters(word) for word in words]


def _letters(html: str) -> str:
    return "".join(filter(str.isalnum, plain_text(html))).casefold()


def _texts_of(step: TestStep) -> Iterator[tuple[str, str]]:
    """Yield the step's own texts that say anything, as origins name them."""
    for name in _STEP_TEXTS:
        if text := getattr(step, name[1:]):
            yield name, text


def _step_fields(record: Record) -> list[FieldValue]:
    steps = record.steps if isinstance(record, TestCase) else ()
    return [field for step in steps for field in step.fields]


def _attributes(record: Record) -> set[str]:
    """Return the record's own attributes that say anything, as origins name them."""
    return {
        f"@{name}"
        for name in _names(record.kind)
        if (value := getattr(record, name)) is not False and holds(value)
    }


@cache
def _names(kind: Kind) -> tuple[str, ...]:
    return tuple(each.name for each in attrs.fields(RECORD_TYPES[kind]) if each.name not in _COMMON)


def _order(place: _Place) -> tuple[int, bool, bool, str]:
    kind, name, of_steps = place
    return kind.rank, of_steps, not name.startswith("@"), name
