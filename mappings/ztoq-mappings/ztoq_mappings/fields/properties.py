"""What records and steps have besides custom fields, by their names in a mapping file: ``@status``.

They are read as fields are. Some are only a field to the default mapping; where a rule has used
such a one, it is emptied, so that its value does not arrive twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from ztoq_core.plugin import FieldType, Record, Ref, TestStep, Value
from ztoq_mappings.fields.sections import Section

_TEXT, _RICH, _CHOICE = FieldType.TEXT, FieldType.RICH_TEXT, FieldType.CHOICE
_MANY, _USER, _NUMBER = FieldType.MULTI_CHOICE, FieldType.USER, FieldType.NUMBER
_DATETIME = FieldType.DATETIME


@attrs.frozen
class Property:
    """One attribute of a record, or of a step.

    ``settable``: a rule may fill it. ``spent``: it is emptied once a rule has used it.
    """

    attribute: str
    type: FieldType
    settable: bool = False
    spent: bool = False

    def read(self, record: Record | TestStep) -> Value:
        """Return the value as a field would have it."""
        found: Any = getattr(record, self.attribute)
        if isinstance(found, datetime):
            return found.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if self.attribute == "path":
            return " / ".join(found)
        if self.attribute == "links":
            return tuple(link.issue_key or link.url or link.text for link in found)
        if isinstance(found, Ref):
            return found.key
        value: Value = found
        return value

    def empty(self) -> Any:
        """Return what the attribute is where there is nothing."""
        if self.type is FieldType.CHECKBOX:
            return False
        return {_MANY: (), _NUMBER: None, _DATETIME: None}.get(self.type, "")


def is_property(name: str) -> bool:
    """Return whether a name in a mapping file means a property, not a custom field."""
    return name.startswith("@")


_KEY = Property("key", _TEXT)
_PATH = Property("path", _TEXT)
_NAME = Property("name", _TEXT, settable=True)
_DESCRIPTION = Property("description", _RICH, settable=True)
_STATUS = Property("status", _CHOICE, settable=True)
_LABELS = Property("labels", _MANY, settable=True, spent=True)
_OWNER = Property("owner", _USER, settable=True, spent=True)
_VERSION = Property("version", _TEXT, settable=True)
_ENVIRONMENT = Property("environment", _CHOICE, settable=True)
_ASSIGNED = Property("assigned_to", _USER, settable=True)
_LINKS = Property("links", _MANY)
_ESTIMATED = Property("estimated", _NUMBER, spent=True)


def _of(*properties: Property) -> Mapping[str, Property]:
    return {f"@{each.attribute}": each for each in properties}


PROPERTIES: Mapping[Section, Mapping[str, Property]] = {
    Section.FOLDER: _of(_KEY, _PATH, _NAME, _DESCRIPTION, Property("tree", _CHOICE)),
    Section.REQUIREMENT: _of(_KEY, _NAME, _DESCRIPTION, Property("issue_key", _TEXT)),
    Section.TEST_CASE: _of(
        _KEY,
        _PATH,
        _NAME,
        _DESCRIPTION,
        Property("precondition", _RICH, settable=True),
        _STATUS,
        Property("priority", _CHOICE, settable=True, spent=True),
        Property("component", _CHOICE, settable=True, spent=True),
        _LABELS,
        _OWNER,
        Property("created", _DATETIME, spent=True),
        _ESTIMATED,
        Property("project", _TEXT),
        _LINKS,
    ),
    Section.TEST_STEP: _of(
        _KEY,
        _DESCRIPTION,
        Property("data", _RICH, settable=True, spent=True),
        Property("expected", _RICH, settable=True),
    ),
    Section.TEST_PLAN: _of(
        _KEY,
        _PATH,
        _NAME,
        _DESCRIPTION,
        _STATUS,
        _LABELS,
        _OWNER,
        Property("start", _DATETIME),
        Property("end", _DATETIME),
        _LINKS,
    ),
    Section.TEST_CYCLE: _of(
        _KEY,
        _PATH,
        _NAME,
        _DESCRIPTION,
        _STATUS,
        _OWNER,
        _VERSION,
        Property("planned_start", _DATETIME),
        Property("planned_end", _DATETIME),
        _LINKS,
    ),
    Section.TEST_RUN: _of(_KEY, _NAME, _ENVIRONMENT, _ASSIGNED),
    Section.TEST_LOG: _of(
        _KEY,
        Property("status", _CHOICE),
        Property("comment", _RICH, settable=True),
        Property("executed_by", _USER, settable=True),
        _ASSIGNED,
        _ENVIRONMENT,
        _VERSION,
        Property("ended", _DATETIME),
        Property("duration", _NUMBER),
        _ESTIMATED,
        Property("automated", FieldType.CHECKBOX, spent=True),
        _LINKS,
    ),
    Section.ATTACHMENT: _of(_KEY, _NAME, Property("owner", _TEXT)),
}
"""The properties of each section, by name."""
