"""docs/mapping.md has a row for every property that Zephyr's API gives, and for no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_mappings.to_qtest.name_tables import name_tables

from tests.shared import SHARED

ROOT = Path(__file__).parents[2]
SCHEMAS = SHARED / "specs" / "zephyr-cloud-v2.2026-08.schemas.json"
LISTS = "Read from: every list."
WITH_SCHEMAS = pytest.mark.shared("specs/zephyr-cloud-v2.2026-08.schemas.json")


@attrs.frozen
class Section:
    """A section of the page: the endpoints it speaks of, and the properties it has rows for."""

    endpoints: frozenset[str]
    rows: frozenset[str]


def sections() -> list[Section]:
    page = (ROOT / "docs" / "mapping.md").read_text("utf-8")
    found = []
    for section in page.split("\n## ")[1:]:
        read_from = next((x for x in section.splitlines() if x.startswith("Read from: ")), "")
        endpoints = (
            {"lists"} if read_from == LISTS else set(re.findall(r"`GET ([^`]+)`", read_from))
        )
        rows = re.findall(r"^\| `([^`]+)` \| \S", section, re.MULTILINE)
        if endpoints:
            found.append(Section(frozenset(endpoints), frozenset(rows)))
    return found


def properties(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the dotted paths of all properties that an answer of this schema may have."""
    for word in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(word, ()):
            yield from properties(each, path)
    if isinstance(schema.get("items"), dict):
        yield from properties(schema["items"], f"{path}[]")
    for name, each in schema.get("properties", {}).items():
        inner = f"{path}.{name}" if path else name
        yield inner
        yield from properties(each, inner)


def readable() -> dict[str, set[str]]:
    """Return, for each endpoint, the paths of its good answers, those of a list relative to it."""
    found: dict[str, set[str]] = {}
    for operation in json.loads(SCHEMAS.read_text("utf-8"))["operations"]:
        if operation["method"] == "GET":
            paths = found.setdefault(operation["path"], set())
            for name, schema in operation["schemas"].items():
                if name.startswith("200"):
                    paths |= {
                        path.removeprefix("values[].").removeprefix("[].")
                        for path in properties(schema)
                    }
    return found


@WITH_SCHEMAS
def test_every_readable_property_has_a_row() -> None:
    page = sections()
    of_lists = next(section.rows for section in page if section.endpoints == {"lists"})
    missing = []
    for endpoint, paths in readable().items():
        own = [section.rows for section in page if endpoint in section.endpoints]
        assert own, f"docs/mapping.md does not mention GET {endpoint}"
        rows = frozenset().union(*own) | (of_lists if "values" in paths else frozenset())
        missing += [f"GET {endpoint}: {path}" for path in sorted(paths - rows)]
    assert not missing


@WITH_SCHEMAS
def test_every_row_names_a_property_that_there_is() -> None:
    known = readable()
    stale = []
    for section in sections():
        of = frozenset(known) if section.endpoints == {"lists"} else section.endpoints
        assert of <= known.keys()
        paths = set().union(*(known[endpoint] for endpoint in of))
        stale += [f"{min(section.endpoints)}: {row}" for row in section.rows - paths]
    assert not stale


def test_the_page_names_what_the_mapping_fills() -> None:
    page = (ROOT / "docs" / "mapping.md").read_text("utf-8")
    for label in name_tables("Zephyr").labels.values():
        assert f'"{label}"' in page
