"""Gives custom fields a label and a type in the target, and converts their values to it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time

import attrs

from ztoq_core.plugin import FieldType, FieldValue, Kind, Schema, Value
from ztoq_mappings.note_codes import FIELD_TYPE, LABEL_UNFIT
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import address, is_broken, is_html, one_line, plain, rich
from ztoq_mappings.to_qtest.name_tables import PRODUCT
from ztoq_mappings.to_qtest.people import People

LONGEST_LABEL = 100
"""Characters in the name of a field or the label of a choice (qTest help, field settings)."""
LONGEST_TEXT = 255
"""Characters of a text box (qTest facts: commonly 255)."""

_OWNERS = {Kind.TEST_LOG: Kind.TEST_RUN}
"""qTest's logs use the fields of runs (qTest v3 document, no fields of type test-logs)."""


def choice(
    name: str, value: str, notes: NoteCollector, *, origin: str = "", optional: bool = False
) -> FieldValue:
    """Return a choice, or a text if the value cannot be the label of a choice.

    ``origin``, here and below, is the word for what the value was in the source (``@status``).
    """
    if not _fits(value):
        return _label_too_long(name, value, notes, origin)
    return FieldValue(
        name=name,
        value=plain(value, notes),
        type=FieldType.CHOICE,
        optional=optional,
        origin=origin,
        lossy=is_broken(value),
    )


def system_choice(
    name: str, value: str, notes: NoteCollector, *, origin: str, others: tuple[str, ...] = ()
) -> tuple[FieldValue, ...]:
    """Return an optional choice of a system field, with more candidates; none for blanks."""
    shown = one_line(plain(value, notes))
    if not shown.strip():
        return ()
    folded = value.casefold()
    return (
        FieldValue(
            name=name,
            value=shown,
            type=FieldType.CHOICE,
            alternatives=tuple(each for each in others if each.casefold() != folded),
            optional=True,
            origin=origin,
        ),
    )


def choices(
    name: str, values: tuple[str, ...], notes: NoteCollector, *, origin: str = ""
) -> FieldValue:
    """Return a multiple choice, or a text if a value cannot be a label."""
    values = tuple(filter(None, values))
    if not all(map(_fits, values)):
        return _label_too_long(name, values, notes, origin)
    each_once = tuple(dict.fromkeys(plain(value, notes) for value in values))
    return FieldValue(
        name=name,
        value=each_once,
        type=FieldType.MULTI_CHOICE,
        origin=origin,
        lossy=any(map(is_broken, values)),
    )


def text(
    name: str, value: str, notes: NoteCollector, *, origin: str = "", optional: bool = False
) -> FieldValue:
    """Return a text; it is a long one if necessary."""
    lossy = is_broken(value)
    value = plain(value, notes)
    long = len(value) > LONGEST_TEXT or one_line(value) != value
    return FieldValue(
        name=name,
        value=value,
        type=FieldType.LONG_TEXT if long else FieldType.TEXT,
        optional=optional,
        origin=origin,
        lossy=lossy,
    )


def moment(name: str, value: datetime, *, origin: str = "") -> FieldValue:
    """Return a date-time in whole seconds, UTC."""
    return FieldValue(
        name=name,
        value=_written(value),
        type=FieldType.DATETIME,
        origin=origin,
        lossy=bool(value.microsecond),
    )


def number(name: str, value: float | None, *, origin: str = "") -> tuple[FieldValue, ...]:
    """Return a number, an integer if it is whole; nothing for no number."""
    if value is None or not math.isfinite(value):
        return ()
    whole = int(value) if value == int(value) else value
    return (FieldValue(name=name, value=whole, type=FieldType.NUMBER, origin=origin),)


class FieldLabels:
    """The labels of the source's custom fields in the target, chosen once for all records."""

    def __init__(
        self,
        source: Schema,
        reserved: Mapping[Kind, frozenset[str]],
        people: People | None = None,
        product: str = PRODUCT,
    ) -> None:
        """Choose a label for each field of the source; each differs from all others in qTest.

        A label that is taken gets the source's ``product`` as suffix.
        """
        self._product = product
        self._places: dict[tuple[Kind, str], tuple[str, FieldType]] = {}
        self._reserved = reserved
        self._people = people or People()
        self._step_types = {each.name: each.type for each in source.step_fields}
        taken: dict[Kind, set[str]] = {}
        for field in sorted(source.fields, key=lambda each: (each.kind.rank, each.name)):
            owner = _OWNERS.get(field.kind, field.kind)
            used = taken.setdefault(owner, set(reserved[owner]))
            label = _free(field.name, used, product)
            used.add(label.casefold())
            self._places[field.kind, field.name] = (label, field.type)

    def label(self, kind: Kind, name: str) -> str:
        """Return the label of a field in the target."""
        place = self._places.get((kind, name))
        return (
            place[0]
            if place
            else _free(name, self._reserved[_OWNERS.get(kind, kind)], self._product)
        )

    def values(
        self,
        kind: Kind,
        fields: Iterable[FieldValue],
        notes: NoteCollector,
        own: Iterable[FieldValue] = (),
    ) -> tuple[FieldValue, ...]:
        """Return the fields that have a value, labelled, typed and shaped.

        ``own`` are those that the mapping makes itself; they come first. A placed value, an empty
        one too, takes its label from them, and a custom field of that label gets another.
        """
        fields = tuple(fields)
        given = taken(fields)
        # most records have none, and folding each label would be the most expensive part
        found = [value for value in own if not given or _folded(value.name) not in given]
        for field in fields:
            if not has_value(field.value):
                continue
            value = _as_placed(field, notes) if field.placed else self._shaped(kind, field, notes)
            if given and not field.placed and _folded(value.name) in given:
                value = attrs.evolve(value, name=_free(value.name, given, self._product))
            found.append(value)
        return tuple(found)

    def of_step(self, fields: Iterable[FieldValue], notes: NoteCollector) -> tuple[FieldValue, ...]:
        """Return the fields of a step that have a value, typed and shaped, under their own names.

        The target's fields of steps are few and never made: most values become text, which needs no
        label of its own.
        """
        return tuple(self._in_step(each, notes) for each in fields if has_value(each.value))

    def _in_step(self, field: FieldValue, notes: NoteCollector) -> FieldValue:
        kind_of = field.type or self._step_types.get(field.name)
        if field.placed or kind_of is None:
            return _as_placed(field, notes)
        value, others = field.value, field.alternatives
        if kind_of is FieldType.USER and field.type is None:
            value, kind_of, others = self._people.field(field.value)
        shaped = _shaped(field.name, value, kind_of, notes)
        if shaped is None or shaped.name != field.name:
            return _as_placed(attrs.evolve(field, type=None), notes)
        return attrs.evolve(
            field,
            value=shaped.value,
            type=shaped.type,
            alternatives=others,
            origin=field.origin or field.name,
            lossy=field.lossy or shaped.lossy or _is_broken(field.value),
            name=one_line(plain(field.name, notes)).strip() or "Field",
        )

    def _shaped(self, kind: Kind, field: FieldValue, notes: NoteCollector) -> FieldValue:
        place = self._places.get((kind, field.name))
        label = place[0] if place else self.label(kind, field.name)
        kind_of = field.type or (place[1] if place else _guess(field.value))
        value, others = field.value, field.alternatives
        if kind_of is FieldType.USER and field.type is None:
            # an account id is nobody in qTest: only people who are known become users
            value, kind_of, others = self._people.field(field.value)
        shaped = _shaped(label, value, kind_of, notes)
        if shaped is None:
            notes.add(
                FIELD_TYPE,
                f"a value of the field {field.name!r} is not a {kind_of.value}; it is kept as text",
            )
            shaped = _text_beside(label, value, notes)
        # not evolved: there are many, and this takes half the time
        return FieldValue(
            name=shaped.name,
            value=shaped.value,
            type=shaped.type,
            alternatives=others,
            optional=field.optional,
            origin=field.origin or field.name,
            lossy=field.lossy or shaped.lossy or _is_broken(value),
        )


def taken(fields: Iterable[FieldValue]) -> frozenset[str]:
    """Return the folded labels that an earlier transformer set, also for empty values."""
    return frozenset(_folded(field.name) for field in fields if field.placed)


def _folded(label: str) -> str:
    return one_line(label).strip().casefold()


def _as_placed(field: FieldValue, notes: NoteCollector) -> FieldValue:
    """Return a value that has its label and type, with texts that the target accepts."""
    kind_of, value = field.type or _guess(field.value), field.value
    if isinstance(value, tuple):
        value = tuple(plain(each, notes) for each in value if each)
    elif isinstance(value, str):
        make = {FieldType.RICH_TEXT: rich, FieldType.URL: address}.get(kind_of, plain)
        value = make(value, notes)
    elif isinstance(value, float) and not math.isfinite(value):
        # numbers that JSON does not have
        value, kind_of = str(value), FieldType.TEXT
    return attrs.evolve(
        field,
        name=one_line(plain(field.name, notes)).strip() or "Field",
        value=value,
        type=kind_of,
        alternatives=tuple(plain(each, notes) for each in field.alternatives),
        origin=field.origin or field.name,
        lossy=field.lossy or _is_broken(field.value),
    )


def _is_broken(value: Value) -> bool:
    texts = value if isinstance(value, tuple) else (value,)
    return any(isinstance(text, str) and is_broken(text) for text in texts)


def has_value(value: Value) -> bool:
    """Return whether a field has a value; an unticked check box is one."""
    return any(value) if isinstance(value, tuple) else value not in (None, "")


def _shaped(
    label: str, value: Value, kind_of: FieldType, notes: NoteCollector
) -> FieldValue | None:
    """Return the field, None if the value cannot be of this type."""
    if kind_of in (FieldType.RICH_TEXT, FieldType.LONG_TEXT, FieldType.TEXT):
        return FieldValue(name=label, value=_words(value, kind_of, notes), type=kind_of)
    if kind_of is FieldType.MULTI_CHOICE and isinstance(value, str | tuple):
        return choices(label, (value,) if isinstance(value, str) else value, notes)
    if isinstance(value, str):
        return _shaped_string(label, value, kind_of, notes)
    if (kind_of is FieldType.CHECKBOX and isinstance(value, bool)) or (
        kind_of is FieldType.NUMBER and _is_number(value)
    ):
        return FieldValue(name=label, value=value, type=kind_of)
    return None


def _shaped_string(
    label: str, value: str, kind_of: FieldType, notes: NoteCollector
) -> FieldValue | None:
    match kind_of:
        case FieldType.CHOICE:
            return choice(label, value, notes)
        case FieldType.DATE | FieldType.DATETIME:
            return _date(label, value, kind_of)
        case FieldType.URL:
            return FieldValue(name=label, value=address(value, notes), type=kind_of)
        case FieldType.USER:
            return FieldValue(name=label, value=plain(value, notes), type=kind_of)
        case _:
            return None


def _label_too_long(label: str, value: Value, notes: NoteCollector, origin: str = "") -> FieldValue:
    notes.add(
        LABEL_UNFIT,
        f"a value of {label!r} cannot be the label of a choice (1 to {LONGEST_LABEL} characters"
        " on one line); it is kept as text",
    )
    return _text_beside(label, value, notes, origin)


def _text_beside(label: str, value: Value, notes: NoteCollector, origin: str = "") -> FieldValue:
    suffix = " (text)"
    words = str(_words(value, FieldType.LONG_TEXT, notes))
    return FieldValue(
        name=label[: LONGEST_LABEL - len(suffix)] + suffix,
        value=words,
        type=FieldType.LONG_TEXT,
        origin=origin,
        lossy=_is_broken(value),
    )


def _date(label: str, value: str, kind_of: FieldType) -> FieldValue | None:
    try:
        when = datetime.fromisoformat(value)
        written = _written(when if when.tzinfo else when.replace(tzinfo=UTC))
    except (OverflowError, ValueError):
        return None
    lossy = bool(when.microsecond)
    if kind_of is FieldType.DATE:
        written, lossy = when.date().isoformat(), when.time() != time()
    return FieldValue(name=label, value=written, type=kind_of, lossy=lossy)


def _words(value: Value, kind_of: FieldType, notes: NoteCollector) -> str:
    separator = {FieldType.RICH_TEXT: "<br>", FieldType.LONG_TEXT: "\n"}.get(kind_of, ", ")
    if isinstance(value, bool):
        return str(value).lower()
    words = separator.join(filter(None, value)) if isinstance(value, tuple) else str(value)
    return rich(words, notes) if kind_of is FieldType.RICH_TEXT else plain(words, notes)


def _fits(label: str) -> bool:
    return bool(label.strip()) and len(label) <= LONGEST_LABEL and one_line(label) == label


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _written(value: datetime) -> str:
    return value.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _guess(value: Value) -> FieldType:
    # for records that are not part of the schema
    if isinstance(value, tuple):
        return FieldType.MULTI_CHOICE
    if isinstance(value, bool):
        return FieldType.CHECKBOX
    if isinstance(value, int | float):
        return FieldType.NUMBER
    if is_html(str(value)):
        return FieldType.RICH_TEXT
    return FieldType.TEXT if len(str(value)) <= LONGEST_TEXT else FieldType.LONG_TEXT


def _free(name: str, used: Iterable[str], product: str) -> str:
    """Return a label of at most 100 characters that is not in ``used`` (folded)."""
    label = one_line(plain(name, NoteCollector())).strip() or "Field"
    candidate, number = label[:LONGEST_LABEL].strip(), 1
    while candidate.casefold() in used:
        suffix = f" ({product})" if number == 1 else f" ({product} {number})"
        candidate, number = label[: LONGEST_LABEL - len(suffix)] + suffix, number + 1
    return candidate
