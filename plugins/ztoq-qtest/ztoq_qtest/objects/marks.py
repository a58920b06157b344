"""Reads the mark of an object: the key of its source record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ztoq_qtest.config import QtestConfig
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.html import find_key_in_name, find_keys_in

__all__ = ["NO_FIELDS", "PLAN", "find_keys"]

NO_FIELDS = FieldSet()
PLAN = " (plan)"
"""Suffix of the key of a plan that became a test cycle, since folders become cycles too."""
NAMED = frozenset({"test-suites", "test-runs", "requirements"})


def find_keys(
    type_: str, item: Mapping[str, Any], fields: FieldSet, config: QtestConfig
) -> tuple[str, ...]:
    """Return the keys in an object, the most reliable first: in its field, a text, its name."""
    found: list[str] = []
    key_field = fields.named(config.key_field)
    properties = item.get("properties") or ()
    for each in properties:
        text = str(each.get("field_value") or "")
        if key_field and each.get("field_id") == key_field.id and text:
            found.insert(0, text)
        else:
            found += find_keys_in(text, config.key_field)
    for name in ("description", "note"):
        found += find_keys_in(str(item.get(name) or ""), config.key_field)
    if type_ in NAMED and (key := find_key_in_name(str(item.get("name") or ""))):
        found.append(key)
    return tuple(dict.fromkeys(found))
