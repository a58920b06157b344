"""Decides the type of the field that a rule fills."""

from __future__ import annotations

from ztoq_core.plugin import FieldType, Schema
from ztoq_mappings.fields.format import MappingFile, Rule
from ztoq_mappings.fields.properties import PROPERTIES, is_property
from ztoq_mappings.fields.sections import Section


def effective_type(
    rule: Rule, section: Section, mapping: MappingFile, source: Schema
) -> FieldType | None:
    """Return the type of a rule's value; None if it depends on the value."""
    if is_property(rule.to):
        return PROPERTIES[section][rule.to].type
    if rule.type is not None:
        return rule.type
    if rule.template is not None or rule.join is not None:
        return FieldType.LONG_TEXT
    if rule.constant is not None:
        return None
    (name,) = rule.from_  # several have a type or 'join'
    if is_property(name):
        found: FieldType | None = PROPERTIES[section][name].type
    else:
        found = mapping.types.of(section).get(name)
        spec = section.source_field(source, name)
        found = found or (spec.type if spec else None)
    # an account id is nobody in the target until 'person' resolves it
    return FieldType.TEXT if found is FieldType.USER and not rule.person else found
