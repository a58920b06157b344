"""Escapes what only looks like an HTML tag, so that a target that cleans HTML drops no words.

Each text is escaped once, just before it is sent.
"""

from __future__ import annotations

import attrs

from ztoq_core.plugin import (
    Attachment,
    FieldDefinition,
    FieldType,
    FieldValue,
    Record,
    TestCase,
    escape_stray,
    with_texts,
)


def escape_texts(record: Record) -> Record:
    """Return the record with stray ``<`` escaped in all its HTML; plain texts stay as they are."""
    if isinstance(record, Attachment | FieldDefinition):
        return record
    made = with_texts(record, escape_stray)
    if (fields := _safe(record.fields)) != made.fields:
        made = attrs.evolve(made, fields=fields)
    if isinstance(record, TestCase) and isinstance(made, TestCase):
        of_steps = [_safe(step.fields) for step in record.steps]
        if of_steps != [step.fields for step in made.steps]:
            pairs = zip(made.steps, of_steps, strict=True)
            steps = tuple(attrs.evolve(step, fields=fields) for step, fields in pairs)
            made = attrs.evolve(made, steps=steps)
    return made


def _safe(fields: tuple[FieldValue, ...]) -> tuple[FieldValue, ...]:
    return tuple(
        attrs.evolve(each, value=escape_stray(each.value))
        if each.type is FieldType.RICH_TEXT and isinstance(each.value, str)
        else each
        for each in fields
    )
