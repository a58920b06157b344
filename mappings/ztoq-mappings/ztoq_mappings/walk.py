"""Changes all texts of a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from ztoq_core.plugin import HTML_TEXTS, FieldValue, Record, TestCase, TestLog

T = TypeVar("T")


def with_html(
    record: Record,
    html: Callable[[str], str],
    field: Callable[[FieldValue], FieldValue],
) -> Record:
    """Return the record with each text that is HTML, and each field, changed.

    The fields of steps are fields as well. A plain script is HTML, a BDD script is not.
    """
    changes = _changes(record, html, field)
    if isinstance(record, TestCase):
        changes["steps"] = tuple(
            evolved(step, _changes(step, html, field)) for step in record.steps
        )
        if record.script and record.script.language == "plain":
            changes["script"] = evolved(record.script, {"text": html(record.script.text)})
    elif isinstance(record, TestLog):
        changes["results"] = tuple(
            evolved(result, _changes(result, html, field)) for result in record.results
        )
    return evolved(record, changes)


def evolved(thing: T, changes: Mapping[str, Any]) -> T:
    """Return ``thing`` with other values; the same object if it has them already."""
    other = {name: value for name, value in changes.items() if getattr(thing, name) != value}
    # mypy knows no attrs instance by its type variable
    return attrs.evolve(thing, **other) if other else thing  # type: ignore[misc]


def _changes(
    thing: object, html: Callable[[str], str], field: Callable[[FieldValue], FieldValue]
) -> dict[str, Any]:
    names = HTML_TEXTS.get(type(thing), ())
    changes: dict[str, Any] = {name: html(text) for name in names if (text := getattr(thing, name))}
    if fields := getattr(thing, "fields", ()):
        changes["fields"] = tuple(map(field, fields))
    return changes
