"""Finds the fields and values that the mapped records need and the target lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import attrs

from ztoq_core.contracts import Schema
from ztoq_core.engine.run import ProgressReporter, Run
from ztoq_core.errors import ConfigError
from ztoq_core.records import FieldDefinition, FieldType, FieldValue, Kind, counted, plain
from ztoq_core.spelling import first_of
from ztoq_core.store import FieldNeed

_CHOICES = (FieldType.CHOICE, FieldType.MULTI_CHOICE)
_SHOWN = 10
_YES_NO = ("Yes", "No")
_WIDEST = (
    FieldType.RICH_TEXT,
    FieldType.LONG_TEXT,
    FieldType.USER,
    FieldType.TEXT,
    FieldType.MULTI_CHOICE,
    FieldType.CHOICE,
    FieldType.DATETIME,
    FieldType.DATE,
    FieldType.URL,
    FieldType.NUMBER,
    FieldType.CHECKBOX,
)
"""Where values of one field want several types, the first of these is made.

It holds the others, except people whom the target does not know: their ids become text.
"""


@attrs.frozen(kw_only=True)
class MissingField:
    """A field, or values of a field, that the target lacks; ``count`` records want it.

    ``required`` is set for a required field of the target that ``count`` records have no value
    for: ztoq cannot fill that field.
    """

    of: Kind
    name: str
    type: FieldType
    values: tuple[str, ...] = ()
    count: int = 0
    exists: bool = False
    required: bool = False

    def __str__(self) -> str:
        """Return a line for the administrator's list, without the words of any product."""
        of, records = plain(self.of), counted(self.count, "record")
        if self.required:
            one_of = f" (one of {self._shown()})" if self.values else ""
            return (
                f"{of}: the required field {self.name!r} has no value in {records}: map a constant "
                f"to it{one_of}, give it a default value in the target, or make it optional there"
            )
        shown = self._shown()
        if self.exists:
            return f"{of}: the field {self.name!r} lacks the values {shown}"
        labels = shown and self.type in (*_CHOICES, FieldType.CHECKBOX)
        values = f" with the values {shown}" if labels else ""
        return f"{of}: a field {self.name!r} of type {plain(self.type)}{values} ({records})"

    def _shown(self) -> str:
        return first_of([repr(value) for value in self.values], _SHOWN)


def missing_fields(wants: Sequence[FieldNeed], schema: Schema) -> list[MissingField]:
    """Return what the target lacks, field by field, in the order of kinds and names.

    A required field of a kind that lends its fields (runs lend theirs to logs) is filled by the
    records of that kind alone.
    """
    by_field: dict[tuple[Kind, str], list[FieldNeed]] = {}
    totals: dict[Kind, int] = {}
    filled: dict[tuple[Kind, str], int] = {}
    for want in wants:
        if want.kind not in schema.kinds:
            continue
        of = schema.field_owner.get(want.kind, want.kind)
        if not want.name:
            totals[want.kind] = totals.get(want.kind, 0) + want.count
            continue
        if not want.value and (known := schema.field(want.kind, want.name)):
            filled[want.kind, known.name] = filled.get((want.kind, known.name), 0) + want.count
        if not want.optional:
            by_field.setdefault((of, want.name), []).append(want)
    found = [
        field
        for (of, name), rows in by_field.items()
        if (field := _gap(of, name, rows, schema)) is not None
    ]
    found += _marks(schema, totals, {(field.of, field.name) for field in found})
    found += _required(schema, totals, filled)
    return sorted(found, key=lambda field: (field.of.rank, field.name))


def _gap(of: Kind, name: str, rows: Iterable[FieldNeed], schema: Schema) -> MissingField | None:
    rows = list(rows)
    type_ = min((row.type for row in rows), key=_WIDEST.index)
    values = tuple(dict.fromkeys(row.value for row in rows if row.value))
    count = sum(row.count for row in rows if not row.value)
    known = schema.field(of, name)
    if known is None:
        if not schema.fields_known and (of, name) in schema.assumed_fields:
            return None
        if type_ is FieldType.CHECKBOX:
            values = _YES_NO
        return MissingField(of=of, name=name, type=type_, values=values, count=count)
    if known.type not in _CHOICES or type_ not in _CHOICES:
        return None
    lacking = tuple(
        value
        for value in values
        if schema.fits(known, FieldValue(name=name, value=value, type=type_)).rest is not None
    )
    if not lacking or known.system:
        return None
    return MissingField(of=of, name=name, type=known.type, values=lacking, count=count, exists=True)


def _marks(
    schema: Schema, totals: Mapping[Kind, int], named: set[tuple[Kind, str]]
) -> list[MissingField]:
    """Return the fields for the source's key that are missing."""
    return [
        MissingField(of=kind, name=schema.mark_field, type=FieldType.TEXT, count=totals[kind])
        for kind in Kind
        if kind in schema.mark_kinds
        and totals.get(kind)
        and schema.mark_field
        and schema.field(kind, schema.mark_field) is None
        and (kind, schema.mark_field) not in named
    ]


def _required(
    schema: Schema, totals: Mapping[Kind, int], filled: Mapping[tuple[Kind, str], int]
) -> list[MissingField]:
    found = []
    for spec in schema.fields:
        if not spec.required or spec.default:
            continue
        total = totals.get(spec.kind, 0)
        without = total - filled.get((spec.kind, spec.name), 0)
        if without > 0 and spec.name != schema.mark_field:
            found.append(
                MissingField(
                    of=spec.kind,
                    name=spec.name,
                    type=spec.type,
                    values=spec.values,
                    count=without,
                    exists=True,
                    required=True,
                )
            )
    return found


def require_fields(
    missing: Sequence[MissingField], schema: Schema, reporter: ProgressReporter, *, accepts: bool
) -> None:
    """Report what is missing and what becomes of it, a line per kind.

    Raises:
        ConfigError: The target would refuse records: nothing fills a required field, or (unless
            ``accepts``: values then become text) an administrator has to create fields or values.
    """
    creates = schema.can_create_fields and schema.fields_known
    if required := [field for field in missing if field.required]:
        raise ConfigError(
            "The target requires fields that the records do not fill. Nothing was written.\n"
            + _listed(required)
        )
    if not (creates or accepts) and (missing or not schema.fields_known):
        first = (
            "The target lacks fields or values that the records need."
            if schema.fields_known
            else "The fields of the target cannot be listed with these credentials: it may lack "
            "what the records need."
        )
        raise ConfigError(
            f"{first} Nothing was written. Ask an administrator of the target project for the "
            "following, or set create_fields = true in [sink] with an administrator's credentials, "
            "or go on with --accept-missing-fields: values then become text.\n"
            f"{_listed(missing)}".rstrip()
        )
    does, level = ("Will create fields", "info") if creates else ("Missing fields", "warning")
    for kind in Kind:
        names = [
            f"{field.name!r}"
            + (f" (+{counted(len(field.values), 'value')})" if field.exists else "")
            for field in missing
            if field.of is kind
        ]
        if names:
            reporter.message(f"{does} of {kind}: {', '.join(names)}", level)


def _listed(missing: Iterable[MissingField]) -> str:
    return "\n".join(f"  - {field}" for field in missing)


async def save_definitions(run: Run, missing: Sequence[MissingField]) -> None:
    """Store the fields to create; again those that an earlier run created and somebody deleted."""
    store = run.store
    stored = await store.target_index.objects(Kind.FIELD, 0, 1_000_000)
    created = {each.ref.key for _, each in stored}
    absent = field_definitions(field for field in missing if not field.exists)
    gone = [each.key for each in absent if each.key in created]
    await store.target_index.missing(run.id, Kind.FIELD, gone)
    await store.transformation.save_derived(field_definitions(missing))


def field_definitions(found: Iterable[MissingField]) -> list[FieldDefinition]:
    """Return the records of the fields and values that ztoq can create."""
    return [
        FieldDefinition(
            key=f"{field.of}/{field.name}",
            of=field.of,
            name=field.name,
            type=field.type,
            values=field.values,
        )
        for field in found
        if not field.required
    ]
