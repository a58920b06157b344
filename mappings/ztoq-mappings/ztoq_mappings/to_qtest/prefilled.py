"""Uses values of an earlier transformer for qTest's own texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ztoq_core.plugin import FieldType, FieldValue, Kind, Record, folded
from ztoq_mappings import markup
from ztoq_mappings.to_qtest.fields import has_value

NAME = "name"
_TEXTS: Mapping[Kind, frozenset[str]] = {
    Kind.FOLDER: frozenset({NAME, "description"}),
    Kind.REQUIREMENT: frozenset({NAME, "description"}),
    Kind.TEST_CASE: frozenset({NAME, "description", "precondition"}),
    Kind.TEST_PLAN: frozenset({NAME, "description", "note"}),
    Kind.TEST_CYCLE: frozenset({NAME}),
    Kind.TEST_RUN: frozenset({NAME}),
}
"""Folded labels that are both a key of the request's body and an attribute of the record."""


def with_prefilled_texts(record: Record) -> Record:
    """Return the record with placed values of such labels in its texts, which they replace."""
    if not any(field.placed for field in record.fields):
        return record
    known = _TEXTS.get(record.kind, frozenset())
    texts = {
        label: field
        for field in record.fields
        if field.placed and (label := folded(field.name)) in known
    }
    if not texts:
        return record
    changes: dict[str, Any] = {
        label: str(field.value) if label == NAME else _html(field)
        for label, field in texts.items()
        # every object has a name
        if label != NAME or has_value(field.value)
    }
    rest = tuple(field for field in record.fields if field not in texts.values())
    return attrs.evolve(record, fields=rest, **changes)


def _html(field: FieldValue) -> str:
    if field.type is FieldType.RICH_TEXT and isinstance(field.value, str):
        return field.value
    return markup.value(field.value)
