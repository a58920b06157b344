"""Where an object's mark stands: the key of its source record (design, section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ztoq_qtest.config import QtestConfig
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.html import key_in_name, keys_in

__all__ = ["NO_FIELDS", "PLAN", "keys_of"]

NO_FIELDS = FieldSet()
PLAN = " (plan)"
"""Follows the key of a plan that became a test cycle: folders of that tree are cycles too."""
NAMED = frozenset({"test-suites", "test-runs", "requirements"})


def keys_of(
    type_: str, item: Mapping[str, Any], fields: FieldSet, config: QtestConfig
) -> tuple[str, ...]:
    """Return the keys that an object bears, the surest first: in its field, a text, its name."""
    found: list[str] = []
    key_field = fields.named(config.key_field)
    properties = item.get("properties") or ()
    for each in properties:
        text = str(each.get("field_value") or "")
        if key_field and each.get("field_id") == key_field.id and text:
            found.insert(0, text)
        else:
            found += keys_in(text, config.key_field)
    for name in ("description", "note"):
        found += keys_in(str(item.get(name) or ""), config.key_field)
    if type_ in NAMED and (key := key_in_name(str(item.get("name") or ""))):
        found.append(key)
    return tuple(dict.fromkeys(found))
