"""Reads the mark of an object: the key of its source record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ztoq_qtest.config import QtestConfig
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.html import find_key_in_name, find_keys_in, without_key

NO_FIELDS = FieldSet()
PLAN = " (plan)"
"""Suffix of the key of a plan that became a test cycle, since folders become cycles too."""
NAMED = frozenset({"test-suites", "test-runs", "requirements"})
WITHOUT_TEXT = frozenset({"test-suites", "test-runs"})
"""Types without a text for the mark: what looks like one in their fields was copied there."""


def find_keys(
    type_: str, item: Mapping[str, Any], fields: FieldSet, config: QtestConfig
) -> tuple[str, ...]:
    """Return the keys in an object: those in its field and texts, else the one in its name."""
    found = _find_inside(type_, item, fields, config)
    if not found and type_ in NAMED and (key := find_key_in_name(str(item.get("name") or ""))):
        found = (key,)
    return found


def name_of(type_: str, item: Mapping[str, Any], fields: FieldSet, config: QtestConfig) -> str:
    """Return the name of an object without its key, if that is where ztoq wrote it.

    Brackets at the end of a name that has its key elsewhere are what a person typed.
    """
    name = str(item.get("name") or "")
    if type_ not in NAMED or _find_inside(type_, item, fields, config):
        return name
    return without_key(name, find_key_in_name(name))


def _find_inside(
    type_: str, item: Mapping[str, Any], fields: FieldSet, config: QtestConfig
) -> tuple[str, ...]:
    found: list[str] = []
    key_field = fields.named(config.key_field)
    properties = item.get("properties") or ()
    for each in properties:
        text = str(each.get("field_value") or "")
        if key_field and each.get("field_id") == key_field.id and text:
            found.insert(0, text)
        elif type_ not in WITHOUT_TEXT:
            found += find_keys_in(text, config.key_field)
    for name in ("description", "note"):
        found += find_keys_in(str(item.get(name) or ""), config.key_field)
    return tuple(dict.fromkeys(found))
