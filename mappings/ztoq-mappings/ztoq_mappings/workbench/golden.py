"""Golden cases of mappings: folders with a record before (``in.json``) and after (``out.json``).

``in.json`` holds ``kind`` and ``record``, and where they matter ``fields``, ``step_fields`` and
``users`` of the source's schema, ``options`` of the transformer (paths count from the case's
folder), ``source`` and ``sink`` (settings that the transformer looks at). ``out.json`` holds
``kind``, ``record`` and, where there are any, ``companions``; or ``skip`` and ``loss``; or, for a
record that fails, ``error``. Records are as ``record_to_json`` writes them: what equals its default
is left out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import attrs
import cattrs
import orjson

from ztoq_core.contracts import (
    FieldSpec,
    Schema,
    Skip,
    Transform,
    TransformContext,
    TransformerPlugin,
    User,
)
from ztoq_core.convert import read_json
from ztoq_core.errors import ConfigError, RecordError
from ztoq_core.json_changes import changes
from ztoq_core.record_json import RecordJsonError, record_to_json, strict
from ztoq_core.records import RECORD_TYPES, Kind, Record
from ztoq_core.settings.reader import Tables
from ztoq_core.spelling import nearest

T = TypeVar("T")

BEFORE = "in.json"
AFTER = "out.json"
KEYS = ("kind", "record", "fields", "step_fields", "users", "options", "source", "sink")
MOST_LINES = 20
"""Differences that a message shows."""


@attrs.frozen(kw_only=True)
class Case:
    """A record before the mapping, what the mapping may know, and what should come out.

    ``expected`` is the content of ``out.json``, None where there is none yet.
    """

    folder: Path
    record: Record
    options: Mapping[str, Any]
    context: TransformContext
    expected: Mapping[str, Any] | None

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.name


def read_cases(folder: Path) -> tuple[Case, ...]:
    """Return the cases in a folder of case folders, by name.

    Raises:
        ConfigError: There is none, or one cannot be read; the message names file and path.
    """
    try:
        found = sorted(path.parent for path in folder.glob(f"*/{BEFORE}"))
    except OSError as error:
        raise ConfigError(f"cannot read {str(folder)!r}: {error.strerror}") from error
    if not found:
        raise ConfigError(
            f"there are no golden cases in {str(folder)!r}: expected folders with a file {BEFORE!r}"
        )
    return tuple(map(_read_case, found))


def built(case: Case, plugin: TransformerPlugin[Any]) -> Transform:
    """Return the transformer as the case's options want it.

    Raises:
        ConfigError: The options cannot be used.
    """
    reader = Tables(case.folder)
    options = reader.structure(case.options, plugin.config, "options")
    if reader.problems:
        file = case.folder / BEFORE
        raise ConfigError("\n".join(f"{file}: {each}" for each in reader.problems))
    return plugin.build(options, case.context)


def run(case: Case, transforms: Sequence[Transform]) -> dict[str, Any]:
    """Return what comes out, in the form of ``out.json``."""
    record = case.record
    try:
        for transform in transforms:
            record = transform(record)
    except Skip as skip:
        return {"skip": skip.why, "loss": skip.loss}
    except RecordError as error:
        return {"error": str(error)}
    found = _shown(record)
    return found | (
        {"companions": [_shown(each) for each in record.companions]} if record.companions else {}
    )


def differences(expected: Mapping[str, Any] | None, found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a line with its path for each difference, none where both are equal."""
    if expected is None:
        return (f"there is no {AFTER} yet",)
    lines = [
        f"{each.path}: expected {each.before!r}, got {each.after!r}"
        for each in changes(expected, found, "$", absent=_Nothing(), by_name=False)
    ]
    more = len(lines) - MOST_LINES
    return (*lines[:MOST_LINES], *([f"and {more} more"] if more > 0 else []))


def rewrite(case: Case, found: Mapping[str, Any]) -> None:
    """Put what came out into ``out.json``; read the difference before you commit it."""
    body = orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    half = case.folder / f".{AFTER}.new"
    half.write_bytes(body)
    os.replace(half, case.folder / AFTER)  # noqa: PTH105 - says that it replaces


# ---------------------------------------------------------------------------------------- reading


def _read_case(folder: Path) -> Case:
    file = folder / BEFORE
    before = _table(file)
    for key in before:
        if key not in KEYS:
            raise ConfigError(f"{file}: unknown key {key!r}{nearest(key, KEYS)}")
    kinds = [kind.value for kind in Kind]
    if (kind := before.get("kind")) not in kinds:
        raise ConfigError(f"{file}: unknown kind {kind!r}{nearest(str(kind), kinds)}")
    record: Record = _structure(file, "record", before.get("record"), RECORD_TYPES[Kind(kind)])
    schema = Schema(
        fields=_structure(file, "fields", before.get("fields", []), tuple[FieldSpec, ...]),
        step_fields=_structure(
            file, "step_fields", before.get("step_fields", []), tuple[FieldSpec, ...]
        ),
        users=_structure(file, "users", before.get("users", []), tuple[User, ...]),
    )
    options, source, sink = (_part(file, before, key) for key in ("options", "source", "sink"))
    after = folder / AFTER
    return Case(
        folder=folder,
        record=record,
        options=options,
        context=TransformContext(
            source=schema,
            source_config=SimpleNamespace(**source),
            sink_config=SimpleNamespace(**sink),
        ),
        expected=_table(after) if after.exists() else None,
    )


def _table(file: Path) -> Mapping[str, Any]:
    try:
        found = read_json(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read {str(file)!r}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{file}: expected an object")
    return found


def _part(file: Path, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{file}: expected an object @ {key}")
    return found


def _structure(file: Path, name: str, value: Any, kind: type[T]) -> T:
    def line(error: BaseException, _type: type | None) -> str:
        if isinstance(error, cattrs.ForbiddenExtraKeysError):
            known = [each.name for each in attrs.fields(error.cl)]
            return "; ".join(
                f"unknown key {key!r}{nearest(key, known)}" for key in sorted(error.extra_fields)
            )
        return f"missing key {error}" if isinstance(error, KeyError) else str(error)

    try:
        return strict.structure(value, kind)
    except (cattrs.BaseValidationError, RecordJsonError) as error:
        lines = cattrs.transform_error(error, path=name, format_exception=line)
        raise ConfigError("\n".join(f"{file}: {each}" for each in lines)) from error


# ---------------------------------------------------------------------------------------- showing


def _shown(record: Record) -> dict[str, Any]:
    return {"kind": record.kind.value, "record": record_to_json(record)}


class _Nothing:
    """Stands for a value that is not there."""

    def __repr__(self) -> str:
        return "nothing"
