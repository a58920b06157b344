"""The transformer ``values``: other words for values, the same in all records.

It changes what records have before other transformers look: statuses, priorities, labels and so
on, and the values of custom fields of any name. Words are compared without case and surrounding
blanks; what a table does not name stays, or fails its record with ``otherwise = "fail"``.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from ztoq_core.plugin import (
    ConfigError,
    FieldTrace,
    FieldValue,
    Finding,
    Kind,
    MappingError,
    Record,
    Schema,
    TestCase,
    TestLog,
    Transform,
    TransformContext,
    TransformerPlugin,
    closest,
    folded,
    nearest,
    read_text,
)
from ztoq_mappings.note_codes import NOTE_CODES, VALUE_DROPPED

Words = Mapping[str, str]

ATTRIBUTES: Mapping[str, Mapping[Kind, str]] = {
    "status": {
        Kind.TEST_CASE: "status",
        Kind.TEST_PLAN: "status",
        Kind.TEST_CYCLE: "status",
    },
    "priority": {Kind.TEST_CASE: "priority"},
    "component": {Kind.TEST_CASE: "component"},
    "labels": {Kind.TEST_CASE: "labels", Kind.TEST_PLAN: "labels"},
    "environment": {Kind.TEST_RUN: "environment", Kind.TEST_LOG: "environment"},
    "execution_status": {Kind.TEST_LOG: "status"},
}
"""The attributes to which each table applies, by kind."""

NEVER_EMPTY = ("status", "execution_status")
COLUMNS = ("field", "from", "to")
LIKELY = 0.75
"""The likeness from which a name that the source does not have counts as misspelt."""


@attrs.frozen(kw_only=True)
class ValuesOptions:
    """The ``[[transform]]`` table with ``use = "values"``: old words and new ones.

    ``status``, ``priority``, ``component``, ``labels``, ``environment`` and ``execution_status``
    are tables from old words to new ones, ``fields`` has one for each custom field. ``otherwise``
    says whether a word in no table stays or fails its record. ``table`` is a CSV file with the
    columns ``field``, ``from`` and ``to`` (``@status`` for what is not a custom field), or a TOML
    file with the tables of this class; what stands here wins. ``""`` takes a value away.
    """

    table: Path | None = None
    otherwise: Literal["keep", "fail"] = "keep"
    status: Mapping[str, str] = attrs.field(factory=dict)
    priority: Mapping[str, str] = attrs.field(factory=dict)
    component: Mapping[str, str] = attrs.field(factory=dict)
    labels: Mapping[str, str] = attrs.field(factory=dict)
    environment: Mapping[str, str] = attrs.field(factory=dict)
    execution_status: Mapping[str, str] = attrs.field(factory=dict)
    fields: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)


def build(options: ValuesOptions, _: TransformContext) -> Transform:
    """Return the transform.

    Raises:
        ConfigError: The table cannot be read or used; a line for each problem.
    """
    return _Values(_tables(options), fail=options.otherwise == "fail")


def check(options: ValuesOptions, source: Schema, _: Schema) -> tuple[Finding, ...]:
    """Return the custom fields that no record has. Raises as ``build``."""
    known = sorted({each.name for each in source.fields if not each.system})
    found = []
    for name in _tables(options):
        if known and not name.startswith("@") and name not in known:
            near = closest(name, known, LIKELY)
            said = f"values: no record has a field {name!r}{nearest(name, known)}"
            found.append(Finding(level="error" if near else "warning", text=said))
    return tuple(found)


VALUES = TransformerPlugin(
    name="values",
    summary="Other words for values, the same in all records",
    config=ValuesOptions,
    build=build,
    note_codes=NOTE_CODES,
    keeps_default=True,
    check=check,
)
"""What the hook declares."""


# ------------------------------------------------------------------------------------- the tables


def _tables(options: ValuesOptions) -> Mapping[str, Words]:
    """Return the tables of file and options by the name of the attribute or field."""
    found: dict[str, dict[str, str]] = {}
    rows = [*_rows(options.table)] if options.table is not None else []
    own = [
        *((f"@{name}", getattr(options, name)) for name in ATTRIBUTES),
        *options.fields.items(),
    ]
    rows += [("", name, old, new) for name, words in own for old, new in words.items()]
    problems = [problem for row in rows if (problem := _problem(*row))]
    if problems:
        raise ConfigError("\n".join(problems))
    for _, name, old, new in rows:
        found.setdefault(name, {})[folded(old)] = new
    return found


def _problem(place: str, name: str, old: str, new: str) -> str:
    known = [f"@{each}" for each in ATTRIBUTES]
    if name.startswith("@") and name not in known:
        return f"{place}there is no {name!r}{nearest(name, known)}"
    if not new.strip() and name.removeprefix("@") in NEVER_EMPTY and name.startswith("@"):
        return f"{place}{name}: {old!r} needs another value: a record has a {name[1:]}"
    return ""


def _rows(path: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield position, name, old and new word of each row of a file."""
    text = read_text(path, "table")
    yield from _toml(path.name, text) if path.suffix == ".toml" else _csv(path.name, text)


def _csv(name: str, text: str) -> Iterator[tuple[str, str, str, str]]:
    reader = csv.reader(text.splitlines())
    header = tuple(cell.strip() for cell in next(reader, ()))
    if header != COLUMNS:
        raise ConfigError(f"{name}:1: expected the columns {','.join(COLUMNS)}, got {header}")
    wrong = []
    rows = []
    for row in reader:
        place = f"{name}:{reader.line_num}: "
        if len(row) == len(COLUMNS):
            rows.append((place, row[0], row[1], row[2]))
        elif row:
            wrong.append(f"{place}expected {len(COLUMNS)} cells, got {len(row)}")
    if wrong:
        raise ConfigError("\n".join(wrong))
    yield from rows


def _toml(name: str, text: str) -> Iterator[tuple[str, str, str, str]]:
    try:
        tables: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{name} is not valid TOML: {error}") from error
    fields = tables.pop("fields", {})
    named = {f"@{key}": table for key, table in tables.items()}
    for key, table in {
        **named,
        **(fields if isinstance(fields, dict) else {"fields": fields}),
    }.items():
        if not isinstance(table, dict) or not all(isinstance(new, str) for new in table.values()):
            raise ConfigError(f'{name}: {key}: expected a table of strings such as "old" = "new"')
        for old, new in table.items():
            yield f"{name}: ", key, old, new


# ---------------------------------------------------------------------------------- the transform


class _Values:
    def __init__(self, tables: Mapping[str, Words], *, fail: bool) -> None:
        self._fail = fail
        self._fields = {name: words for name, words in tables.items() if not name.startswith("@")}
        self._attributes: dict[Kind, list[tuple[str, str, Words]]] = {}
        for name, kinds in ATTRIBUTES.items():
            if words := tables.get(f"@{name}"):
                for kind, attribute in kinds.items():
                    self._attributes.setdefault(kind, []).append((f"@{name}", attribute, words))

    def __call__(self, record: Record) -> Record:
        changes: dict[str, Any] = {}
        attributes = self._attributes.get(record.kind, ())
        for name, attribute, words in attributes:
            changes[attribute] = self._other(getattr(record, attribute), words, record, name)
            if isinstance(record, TestLog) and name == "@execution_status":
                changes["results"] = tuple(
                    attrs.evolve(each, status=self._other(each.status, words, record, name))
                    for each in record.results
                )
        if self._fields:
            changes["fields"] = self._changed(record.fields, record)
            if isinstance(record, TestCase):
                changes["steps"] = tuple(
                    attrs.evolve(each, fields=self._changed(each.fields, record))
                    if each.fields
                    else each
                    for each in record.steps
                )
        if not changes:
            return record
        after = attrs.evolve(record, **changes)
        pairs = [
            *(
                (f"@{attribute}", getattr(record, attribute), getattr(after, attribute))
                for _, attribute, _ in attributes
            ),
            *(
                (old.name, old.value, new.value)
                for old, new in zip(record.fields, after.fields, strict=True)
            ),
        ]
        gone = [name for name, old, new in pairs if old != new and new in ("", ())]
        if gone:
            said = f"values of {', '.join(map(repr, gone))} are dropped, as the table says"
            traces = tuple(FieldTrace(name=name) for name in gone)
            note = VALUE_DROPPED.note(said, traces)
            after = attrs.evolve(after, notes=tuple(dict.fromkeys((*record.notes, note))))
        return after

    def _changed(self, fields: tuple[FieldValue, ...], record: Record) -> tuple[FieldValue, ...]:
        return tuple(
            attrs.evolve(field, value=self._other(field.value, words, record, field.name))
            if (words := self._fields.get(field.name)) and not field.placed
            else field
            for field in fields
        )

    def _other(self, value: Any, words: Words, record: Record, name: str) -> Any:
        """Return the value or values in other words; a text is never replaced by nothing."""
        if isinstance(value, tuple):
            found = (self._other(each, words, record, name) for each in value)
            return tuple(dict.fromkeys(filter(None, found)))
        if not isinstance(value, str) or not value:
            return value
        new = words.get(folded(value))
        if new is None and self._fail:
            raise MappingError(f"{record.key}: value {value[:80]!r} of {name!r} has no mapping")
        return value if new is None else new
