"""The table of qTest's object types: where each is, what holds it, where its mark stands.

Target ids that the engine keeps are built and taken apart here:

    folder       modules/12, test-cycles/3
    plan         releases/5, test-cycles/5
    log          700/8001              run and log
    file         test-logs/8001/55     object and attachment
                 test-cases/501/3/55   of the step 3 of a case: ids of steps change with versions
    field        test-cases/40         a field that ztoq made
                 test-cases/40#7,8     values that ztoq added to somebody else's field
    all others   12
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import attrs

from ztoq_core.plugin import Kind, Ref

__all__ = [
    "FIELD_OWNERS",
    "ROOT",
    "ROOT_CASES",
    "ROOT_CYCLES",
    "SHAPES",
    "Place",
    "Shape",
    "number_of",
    "place_of",
    "target_of",
]

ROOT_CASES = Ref(Kind.FOLDER, "root:cases")
ROOT_CYCLES = Ref(Kind.FOLDER, "root:cycles")


@attrs.frozen
class Place:
    """An object of qTest: its type as paths name it, and its id."""

    type: str
    id: int

    @property
    def path(self) -> str:
        """Return the path under the project."""
        return f"{self.type}/{self.id}"


ROOT = Place("root", 0)  # parentId=0 with parentType=root (vendor's document)


@attrs.frozen(kw_only=True)
class Shape:
    """What differs from type to type.

    ``parent`` says how a parent travels: ``query`` (parentId), ``typed`` (parentId and
    parentType), ``body`` (parent_id), ``none``. ``parent_key`` is its name on reading, ``""`` where
    it cannot be read. ``fields``: the type has properties. ``mark`` is where the key stands without
    a field for it: ``description``, ``note`` or ``name``.
    """

    type: str
    parent: str
    parent_key: str
    fields: bool
    mark: str


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        shape.type: shape
        for shape in (
            Shape(
                type="modules",
                parent="query",
                parent_key="parent_id",
                fields=False,
                mark="description",
            ),
            Shape(
                type="requirements",
                parent="query",
                parent_key="parent_id",
                fields=True,
                mark="name",  # their description is a property, where there is one
            ),
            Shape(
                type="test-cases",
                parent="body",
                parent_key="parent_id",
                fields=True,
                mark="description",
            ),
            Shape(type="releases", parent="none", parent_key="", fields=True, mark="note"),
            Shape(
                type="test-cycles", parent="typed", parent_key="", fields=False, mark="description"
            ),
            Shape(
                type="test-suites", parent="typed", parent_key="parentId", fields=True, mark="name"
            ),
            Shape(
                type="test-runs", parent="typed", parent_key="parentId", fields=True, mark="name"
            ),
        )
    }
)

TYPES: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.REQUIREMENT: "requirements",
        Kind.TEST_CASE: "test-cases",
        Kind.TEST_CYCLE: "test-suites",
        Kind.TEST_RUN: "test-runs",
    }
)

FIELD_OWNERS: Mapping[Kind, str] = MappingProxyType(
    {
        **TYPES,
        Kind.TEST_PLAN: "releases",
        Kind.TEST_LOG: "test-runs",  # logs use the fields of runs (facts, section 3)
    }
)


def place_of(kind: Kind, target_id: str) -> Place:
    """Return the object behind a target id; of a log the log, of a file the object it hangs on."""
    if kind in TYPES:
        return Place(TYPES[kind], int(target_id))
    if kind is Kind.TEST_LOG:
        return Place("test-logs", int(target_id.partition("/")[2]))
    type_, _, rest = target_id.partition("/")
    return Place(type_, int(rest.partition("/")[0].partition("#")[0]))


def number_of(kind: Kind, target_id: str) -> int:
    """Return the id in qTest of an object, for bodies."""
    return place_of(kind, target_id).id


def target_of(kind: Kind, place: Place) -> str:
    """Return the target id of an object (not of logs, files and fields)."""
    return str(place.id) if kind in TYPES else place.path
