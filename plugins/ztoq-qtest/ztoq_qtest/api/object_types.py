"""The table of qTest's object types, and the target ids of objects.

The engine keeps these target ids, which are built and parsed here:

    folder       modules/12, test-cycles/3
    plan         releases/5, test-cycles/5
    log          700/8001              run and log
    file         test-logs/8001/55     object and attachment
                 test-cases/501/3/55   on step 3 of a case, as ids of steps change with versions
    field        test-cases/40         a field that ztoq made
                 test-cases/40#7,8     values that ztoq added to a field that it did not make
    all others   12
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ztoq_core.plugin import Kind, Ref

ROOT_CASES = Ref(Kind.FOLDER, "root:cases")
ROOT_CYCLES = Ref(Kind.FOLDER, "root:cycles")


@attrs.frozen
class ObjectRef:
    """Identifies an object of qTest: its type as in paths, and its id."""

    type: str
    id: int

    @property
    def path(self) -> str:
        """The object's path under the project."""
        return f"{self.type}/{self.id}"


ROOT = ObjectRef("root", 0)  # parentId=0 with parentType=root (vendor's document)


@attrs.frozen(kw_only=True)
class ObjectType:
    """How objects of one type are handled.

    ``parent`` says how the parent is sent: ``query`` (parentId), ``typed`` (parentId and
    parentType), ``body`` (parent_id), ``none``. ``parent_key`` is the key of the parent in
    answers, ``""`` if they do not show it. ``fields``: the type has properties.
    """

    parent: str
    parent_key: str
    fields: bool


OBJECT_TYPES: Mapping[str, ObjectType] = {
    "modules": ObjectType(parent="query", parent_key="parent_id", fields=False),
    "requirements": ObjectType(parent="query", parent_key="parent_id", fields=True),
    "test-cases": ObjectType(parent="body", parent_key="parent_id", fields=True),
    "releases": ObjectType(parent="none", parent_key="", fields=True),
    "test-cycles": ObjectType(parent="typed", parent_key="", fields=False),
    "test-suites": ObjectType(parent="typed", parent_key="parentId", fields=True),
    "test-runs": ObjectType(parent="typed", parent_key="parentId", fields=True),
}

TYPES: Mapping[Kind, str] = {
    Kind.REQUIREMENT: "requirements",
    Kind.TEST_CASE: "test-cases",
    Kind.TEST_CYCLE: "test-suites",
    Kind.TEST_RUN: "test-runs",
}

FIELD_OWNERS: Mapping[Kind, str] = {
    **TYPES,
    Kind.TEST_PLAN: "releases",
    Kind.TEST_LOG: "test-runs",  # logs use the fields of runs (facts, section 3)
}


def object_ref(kind: Kind, target_id: str) -> ObjectRef:
    """Return the object of a target id; for a file, the object that it is attached to."""
    if kind in TYPES:
        return ObjectRef(TYPES[kind], int(target_id))
    if kind is Kind.TEST_LOG:
        return ObjectRef("test-logs", int(target_id.partition("/")[2]))
    type_, _, rest = target_id.partition("/")
    return ObjectRef(type_, int(rest.partition("/")[0].partition("#")[0]))


def number_of(kind: Kind, target_id: str) -> int:
    """Return an object's id in qTest, for request bodies."""
    return object_ref(kind, target_id).id


def target_id_of(kind: Kind, target: ObjectRef) -> str:
    """Return the target id of an object (not for logs, files and fields)."""
    return str(target.id) if kind in TYPES else target.path
