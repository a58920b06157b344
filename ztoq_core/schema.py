"""What a side of a migration knows of itself: fields, values, people, limits, remarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ztoq_core.records import FieldType, Folder, Kind, Record

__all__ = ["FieldSpec", "Finding", "Schema", "User"]


@attrs.frozen(kw_only=True)
class FieldSpec:
    """One field of a schema.

    ``origin`` is ``declared`` or ``inferred from N values``. ``values`` are the allowed labels
    (sink) or
    those that occur (source, a choice). ``system`` fields cannot be created or removed.
    ``max_length`` is in characters, None where unknown. ``default`` says whether a required field
    fills itself. ``alias`` is a stable name behind a label that customers may change.
    """

    kind: Kind
    name: str
    type: FieldType
    origin: str = "declared"
    required: bool = False
    system: bool = False
    default: bool = False
    values: tuple[str, ...] = ()
    max_length: int | None = None
    alias: str = ""


@attrs.frozen(kw_only=True)
class User:
    """A person: of the target project, or whom the source's directory knows."""

    id: str
    name: str
    email: str = ""
    active: bool = True


@attrs.frozen(kw_only=True)
class Schema:
    """What a side of the migration knows.

    ``step_fields`` are the fields of the steps of cases (``kind`` says test case); of a target
    those that a step's value can stand in, which are never made by ztoq.
    ``fields_known`` is False where the service does not let this token list the fields.
    ``can_create_fields`` says whether config and permission allow ztoq to make what is missing.
    ``kinds`` are the kinds that can be written, ``finishes`` those for which ``Sink.finish`` does
    something besides resolving what a record refers to, ``attachable`` those that take files.
    ``roots`` are folders that the sink wants written
    before all else. ``mark_field`` is the label of the field that carries the source's key,
    ``marked``
    the kinds that have such a field or may have it. ``usual`` are kinds and labels of fields that
    every project has, told where the fields cannot be listed. ``field_owner`` says for kinds that
    borrow their fields whose they are (qTest's logs use the fields of runs). ``consistent`` are the
    kinds for which
    ``Sink.find`` reads consistent lists, so that doubt about them needs no settling wait.
    ``search_lag`` is the time in seconds that a search may lag behind a write, None
    where nobody configured it. ``goes_with_owner`` are the kinds that the target deletes together
    with what they belong to (a log with its run); the engine deletes all others first, by
    themselves. ``remote`` False: no request
    outlives the call that sent it (a sink of files), so absence needs no wait.
    """

    fields: tuple[FieldSpec, ...] = ()
    step_fields: tuple[FieldSpec, ...] = ()
    fields_known: bool = True
    can_create_fields: bool = False
    statuses: tuple[str, ...] = ()
    users: tuple[User, ...] = ()
    kinds: frozenset[Kind] = frozenset(Kind)
    finishes: frozenset[Kind] = frozenset()
    attachable: frozenset[Kind] = frozenset(Kind)
    roots: tuple[Folder, ...] = ()
    mark_field: str = ""
    marked: frozenset[Kind] = frozenset()
    usual: frozenset[tuple[Kind, str]] = frozenset()
    field_owner: Mapping[Kind, Kind] = attrs.field(factory=dict)
    consistent: frozenset[Kind] = frozenset(Kind)
    search_lag: float | None = None
    remote: bool = True
    goes_with_owner: frozenset[Kind] = frozenset({Kind.ATTACHMENT})

    def to_finish(self, record: Record) -> bool:
        """Whether ``Sink.finish`` has something to do for the record."""
        return record.kind in self.finishes or bool(record.refers)

    def field(self, kind: Kind, name: str) -> FieldSpec | None:
        """Return the field of ``kind`` whose name or else alias is ``name``, or None."""
        return _named([field for field in self.fields if field.kind is kind], name)

    def step_field(self, name: str) -> FieldSpec | None:
        """Return the field of steps whose name or else alias is ``name``, or None."""
        return _named(self.step_fields, name)


def _named(fields: Sequence[FieldSpec], name: str) -> FieldSpec | None:
    named = (field for field in fields if field.name == name)
    return next(named, next((field for field in fields if name and field.alias == name), None))


@attrs.frozen(kw_only=True)
class Finding:
    """A remark of a check. ``level`` is ``error`` (the run would fail), ``warning`` or ``info``.

    ``later`` errors do not stop a run before its first record: the stage that meets them knows more
    (load lists what an administrator must do) or may be told to go on.
    """

    level: str
    text: str
    later: bool = False
