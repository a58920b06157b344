"""Judges what becomes of a mapped value in the target, by what the target says of its fields."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, time
from enum import StrEnum

import attrs

from ztoq_core.contracts import FieldLimits, FieldSpec, Schema, User
from ztoq_core.records import FieldType, FieldValue, Kind
from ztoq_core.spelling import folded

__all__ = ["Arrival", "Fit", "Fitting", "holds"]

_SHOWN = 60
_CHOICES = frozenset({FieldType.CHOICE, FieldType.MULTI_CHOICE})
# Guess: labels that sinks take for a tick and for none; the first ones are those that ztoq makes.
_TICKED = frozenset({"yes", "true", "checked", "on", "y"})
_UNTICKED = frozenset({"no", "false", "unchecked", "off", "n"})
# "007" and "1e5" are texts: as a number they would read otherwise
_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?", re.ASCII)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
_MARKUP = re.compile(r"<[a-z/!]|&(?:[a-z]{2,8}|#x?[0-9a-f]{1,7});", re.IGNORECASE)


class Arrival(StrEnum):
    """What becomes of a value of the source, the best first.

    EXACT: a typed property holds it, in a field and with labels that are there or will be made.
    LOSSY: a typed property holds less than the source said. FALLBACK: it stands in a text, since
    the target has no field or label for it. UNMAPPED: no field comes from it. FAILED: so does its
    record. SKIPPED: it, or its record, is left out on purpose.
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


_RANKS = {each: place for place, each in enumerate(Arrival)}


@attrs.frozen
class Fit:
    """What becomes of one mapped value; ``why`` says why it is not exact."""

    arrival: Arrival
    why: str = ""


def holds(value: object) -> bool:
    """Return whether a value says anything; an unticked check box does."""
    return any(value) if isinstance(value, tuple) else value not in (None, "")


class Fitting:
    """Fits mapped values into the fields of a target."""

    def __init__(self, sink: Schema) -> None:
        """Look at what ``sink`` says of its fields and people."""
        self._sink = sink
        self._specs: dict[tuple[Kind, str], _Place] = {}
        places = [_Place(spec) for spec in sink.fields]
        people = _people(sink.users)
        for place in places:
            place.people = people
            self._specs.setdefault((place.spec.kind, place.spec.name), place)
        for place in places:
            if place.spec.alias:
                self._specs.setdefault((place.spec.kind, place.spec.alias), place)
        self._alike: dict[tuple[Kind, str], _Place] = {}
        for place in places:
            self._alike.setdefault((place.spec.kind, folded(place.spec.name)), place)
        self._new: dict[tuple[Kind, str, FieldType], _Place] = {}
        self._people = people

    def fit(self, kind: Kind, field: FieldValue) -> Fit | None:
        """Return what becomes of ``field`` of a record of ``kind``.

        None where it is optional and has no place: another field carries it.
        """
        found = self._fit(kind, field)
        if found.arrival is Arrival.FALLBACK and field.optional:
            return None
        if found.arrival is Arrival.EXACT and field.lossy:
            return Fit(Arrival.LOSSY, "the mapping says that it is shortened or made coarser")
        return found

    def _fit(self, kind: Kind, field: FieldValue) -> Fit:
        sink = self._sink
        if kind not in sink.kinds:
            return Fit(Arrival.UNMAPPED, f"the target takes no {kind}")
        creates = sink.can_create_fields and not field.optional
        of = sink.field_owner.get(kind, kind)
        place = self._specs.get((of, field.name)) or self._alike.get((of, folded(field.name)))
        if place is not None:
            return place.fit(field, creates=creates)
        if not sink.fields_known:
            return Fit(Arrival.FALLBACK, "the target's fields cannot be listed")
        if creates and field.type is not None:
            return self._made(of, field.name, field.type).fit(field, creates=True)
        return Fit(Arrival.FALLBACK, f"the target has no field {field.name!r}")

    def _made(self, of: Kind, name: str, kind_of: FieldType) -> _Place:
        """Return the field as the load will create it."""
        found = self._new.get((of, name, kind_of))
        if found is None:
            longest = FieldLimits().text_length if kind_of is FieldType.TEXT else None
            spec = FieldSpec(kind=of, name=name, type=kind_of, max_length=longest)
            found = self._new[of, name, kind_of] = _Place(spec, self._people)
        return found


@attrs.define(eq=False)
class _Place:
    """A field of the target, ready to be asked often."""

    spec: FieldSpec
    people: frozenset[str] = frozenset()
    labels: frozenset[str] = attrs.field(init=False)
    allowed: frozenset[str] = attrs.field(init=False)
    refused: dict[FieldType | None, str] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.labels = frozenset(each.strip() for each in self.spec.values)
        self.allowed = frozenset(map(folded, self.labels))

    def fit(self, field: FieldValue, *, creates: bool) -> Fit:
        kind_of = self.spec.type
        if kind_of in _CHOICES:
            if isinstance(field.value, bool):
                return self._tick(field.value)
            return self._labels(field, creates=creates)
        if kind_of is FieldType.USER:
            return self._users(field)
        if kind_of in _TYPED:
            fits = _TYPED[kind_of](field, self.spec)
            return fits or self._no(f"takes no {self._type_of(field)}")
        if kind_of is FieldType.URL and not _ADDRESS.fullmatch(str(field.value)):
            return self._no(f"takes no {self._type_of(field)}")
        return self._text(field)

    def _labels(self, field: FieldValue, *, creates: bool) -> Fit:
        labels = _texts(field)
        if len(labels) > 1 and self.spec.type is FieldType.CHOICE:
            return self._no("takes one label, not several")
        lacking = [each for each in labels if folded(each) not in self.allowed]
        if not lacking:
            return self._spelt(labels)
        if creates and field.type in _CHOICES and not self.spec.system:
            return Fit(Arrival.EXACT)
        for other in field.alternatives:
            if folded(other) in self.allowed and len(lacking) == len(labels):
                return Fit(Arrival.LOSSY, f"{_short(labels[0])} arrives as {_short(other)}")
        shown = ", ".join(map(_short, lacking[:3]))
        return self._no(f"does not allow {shown}")

    def _spelt(self, labels: Iterable[str]) -> Fit:
        """Return whether the labels stand there as they are; the target's own ones always do."""
        for label in labels:
            if label.strip() not in self.labels and not self.spec.system:
                return self._less(f"spells {_short(label)} in other capitals")
        return Fit(Arrival.EXACT)

    def _tick(self, ticked: bool) -> Fit:  # noqa: FBT001 - the value itself
        one_box = self.spec.type is FieldType.MULTI_CHOICE and len(self.allowed) == 1
        if one_box or self.allowed & (_TICKED if ticked else _UNTICKED):
            return Fit(Arrival.EXACT)
        return self._no(f"has no label for {'yes' if ticked else 'no'}")

    def _users(self, field: FieldValue) -> Fit:
        labels = _texts(field)
        for some in (labels, field.alternatives):
            if some and all(folded(each) in self.people for each in some):
                return Fit(Arrival.EXACT)
        return self._no(f"does not know {', '.join(map(_short, labels[:3]))}")

    def _text(self, field: FieldValue) -> Fit:
        labels, kind_of = _texts(field), self.spec.type
        text = ", ".join(labels)
        if self.spec.max_length is not None and len(text) > self.spec.max_length:
            return self._no(f"takes {self.spec.max_length:,} characters, and this has more")
        if len(labels) > 1 and any("," in each for each in labels):
            return self._less("is a text: commas stand in its labels and between them")
        if kind_of is FieldType.RICH_TEXT:
            return Fit(Arrival.EXACT)
        if field.type is FieldType.RICH_TEXT and _MARKUP.search(text):
            return self._less("is a plain text: markup is lost")
        if kind_of is not FieldType.LONG_TEXT and len(text.splitlines()) > 1:
            return self._less("has one line: line breaks are lost")
        return Fit(Arrival.EXACT)

    def _type_of(self, field: FieldValue) -> str:
        """Return the type that does not fit, each time with the same sample: it is one reason."""
        shown = _short(", ".join(_texts(field)))
        return self.refused.setdefault(field.type, f"{field.type or 'value'} such as {shown}")

    def _no(self, why: str) -> Fit:
        return Fit(Arrival.FALLBACK, f"{self.spec.name!r} ({self.spec.type}) {why}")

    def _less(self, why: str) -> Fit:
        return Fit(Arrival.LOSSY, f"{self.spec.name!r} {why}")


def _number(field: FieldValue, _: FieldSpec) -> Fit | None:
    value = field.value
    if isinstance(value, str):
        return Fit(Arrival.EXACT) if _NUMBER.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Fit(Arrival.EXACT) if math.isfinite(value) else None


def _checkbox(field: FieldValue, _: FieldSpec) -> Fit | None:
    value = field.value
    ticks = isinstance(value, bool) or (
        isinstance(value, str) and folded(value) in _TICKED | _UNTICKED
    )
    return Fit(Arrival.EXACT) if ticks else None


def _moment(field: FieldValue, spec: FieldSpec) -> Fit | None:
    try:
        moment = datetime.fromisoformat(str(field.value))
    except ValueError:
        return None
    # targets may keep times in date fields of their own, such as planned dates (guess)
    if spec.type is FieldType.DATE and not spec.system and moment.time() != time():
        return Fit(Arrival.LOSSY, f"{spec.name!r} is a date: the time of day is lost")
    if moment.microsecond:
        return Fit(Arrival.LOSSY, f"{spec.name!r} takes whole seconds: fractions are lost")
    return Fit(Arrival.EXACT)


_TYPED: Mapping[FieldType, Callable[[FieldValue, FieldSpec], Fit | None]] = {
    FieldType.NUMBER: _number,
    FieldType.CHECKBOX: _checkbox,
    FieldType.DATE: _moment,
    FieldType.DATETIME: _moment,
}


def _people(users: Iterable[User]) -> frozenset[str]:
    """Return the names by which exactly one active person is known."""
    found: dict[str, set[str]] = {}
    for user in users:
        if user.active:
            for name in (user.id, user.email, user.name):
                found.setdefault(folded(name), set()).add(user.id)
    return frozenset(name for name, ids in found.items() if name and len(ids) == 1)


def _texts(field: FieldValue) -> tuple[str, ...]:
    if isinstance(field.value, tuple):
        return tuple(filter(None, field.value))
    return (str(field.value),)


def _short(label: str) -> str:
    return repr(label if len(label) <= _SHOWN else f"{label[:_SHOWN]}…")
