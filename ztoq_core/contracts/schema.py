"""How a side of a migration describes itself: fields, values, people, limits, findings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain

import attrs

from ztoq_core.records import FieldType, FieldValue, Folder, Kind, Record, Tree, Value
from ztoq_core.spelling import folded

__all__ = ["FieldLimits", "FieldSpec", "Finding", "Fit", "Right", "Schema", "User"]


@attrs.frozen(kw_only=True)
class FieldLimits:
    """What a field of a target holds: characters of a text box and of a label; labels of a choice.

    The defaults are usual ones, for a target that publishes none. There is always a most of labels,
    since all of them are kept in memory.
    """

    text_length: int = 255
    label_length: int = 100
    labels: int = 500


@attrs.frozen(kw_only=True)
class FieldSpec:
    """One field of a schema.

    ``origin`` is ``declared`` or ``inferred from N values``. ``values`` are the labels of a choice:
    those allowed (sink) or those that occur (source). ``system`` fields cannot be created or
    removed. ``max_length`` is in characters, None if unknown. ``default``: a required field that
    fills itself. ``alias`` is a stable name behind a label that customers may change. ``multiple``
    fields of people take several.
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
    multiple: bool = False


@attrs.frozen(kw_only=True)
class Fit:
    """How a value fits into a field of the target.

    ``rest`` is what the field cannot hold, None if it holds all; ``loss`` says what is lost of
    the rest of the value, such as "a date shows no time of day".
    """

    rest: Value = None
    loss: str = ""


def fits_labels(spec: FieldSpec, field: FieldValue) -> Fit:
    """Fit a value into the field of a target whose choices take their labels alone, in any case."""
    if spec.type not in {FieldType.CHOICE, FieldType.MULTI_CHOICE}:
        return Fit()
    allowed = set(map(folded, spec.values))
    labels = field.value if isinstance(field.value, tuple) else (str(field.value),)
    return Fit(rest=tuple(each for each in labels if folded(each) not in allowed) or None)


@attrs.frozen(kw_only=True)
class User:
    """A person: a user of the target project, or somebody whom the source's directory knows."""

    id: str
    name: str
    email: str = ""
    active: bool = True


@attrs.frozen(kw_only=True)
class Schema:
    """The fields, values, users, capabilities and limits of a source or target.

    ``step_fields`` are the fields of the steps of cases (``kind`` is test case); for a target,
    those that can hold a step's value, which ztoq never creates. ``fields_known`` is False if the
    service does not let this token list the fields, ``can_create_fields`` True if config and
    permissions allow ztoq to create missing ones.

    ``folders`` are the extracted ones of a source, by tree with the path ``A/B``; None
    before an extraction.

    ``kinds`` can be written, ``attachable`` take files, of at most ``max_file_size`` bytes (None:
    unknown); for ``finish_kinds``, ``finish`` does more than resolve references. ``roots`` are
    folders that the sink needs before anything else.
    ``mark_field`` is the label of the field that carries the source's key, ``mark_kinds`` the kinds
    that have such a field or may have it. ``assumed_fields`` are fields, as kind and label, that
    every project has; used if the fields cannot be listed. ``field_owner`` names the kind
    whose fields another kind uses (qTest's logs use the fields of runs).

    For ``consistent_kinds``, ``Sink.find`` reads consistent lists, so settling doubt about them
    needs no waiting. ``search_lag`` is how many seconds a search may lag behind a write, None if
    not configured. ``goes_with_owner`` are the kinds that the target deletes together with their
    owner (a log with its run); the engine deletes all others first. ``remote`` is False if no
    request outlives the call that sent it (a sink of files): what is absent then stays absent.

    ``fits`` decides how a value fits into a field that exists or that ztoq will create: as
    ``Sink.write`` does it.
    """

    fields: tuple[FieldSpec, ...] = ()
    step_fields: tuple[FieldSpec, ...] = ()
    fields_known: bool = True
    can_create_fields: bool = False
    statuses: tuple[str, ...] = ()
    users: tuple[User, ...] = ()
    folders: frozenset[tuple[Tree, str]] | None = None
    kinds: frozenset[Kind] = frozenset(Kind)
    finish_kinds: frozenset[Kind] = frozenset()
    attachable: frozenset[Kind] = frozenset(Kind)
    max_file_size: int | None = None
    roots: tuple[Folder, ...] = ()
    mark_field: str = ""
    mark_kinds: frozenset[Kind] = frozenset()
    assumed_fields: frozenset[tuple[Kind, str]] = frozenset()
    field_owner: Mapping[Kind, Kind] = attrs.field(factory=dict)
    consistent_kinds: frozenset[Kind] = frozenset(Kind)
    search_lag: float | None = None
    remote: bool = True
    goes_with_owner: frozenset[Kind] = frozenset({Kind.ATTACHMENT})
    fits: Callable[[FieldSpec, FieldValue], Fit] = attrs.field(default=fits_labels, eq=False)

    def to_finish(self, record: Record) -> bool:
        """Whether ``finish`` has something to do for the record."""
        return record.kind in self.finish_kinds or bool(record.text_refs)

    def field(self, kind: Kind, name: str) -> FieldSpec | None:
        """Return the field of ``kind`` whose name or else alias is ``name``, or None.

        Where none has exactly that name, case and blanks around it do not matter: services change
        them.
        """
        return _named([field for field in self.fields if field.kind is kind], name)

    def step_field(self, name: str) -> FieldSpec | None:
        """Return the field of steps by its name, as ``field``."""
        return _named(self.step_fields, name)


def _named(fields: Sequence[FieldSpec], name: str) -> FieldSpec | None:
    exact = (each for each in fields if each.name == name)
    aliased = (each for each in fields if name and each.alias == name)
    alike = (
        each for each in fields if name and folded(name) in {folded(each.name), folded(each.alias)}
    )
    return next(chain(exact, aliased, alike), None)


@attrs.frozen
class Right:
    """A right that the account of a service needs, for ``ztoq config check --checklist``.

    ``verbs`` are the commands that need it, ``without`` what happens if the account lacks it.
    """

    verbs: tuple[str, ...]
    right: str
    without: str


@attrs.frozen(kw_only=True)
class Finding:
    """What a check found. ``level`` is ``error`` (the run would fail), ``warning`` or ``info``.

    ``later`` errors do not stop a run before its first record: the stage that meets them knows more
    (load lists what an administrator must do), or an option lets it go on.
    """

    level: str
    text: str
    later: bool = False
