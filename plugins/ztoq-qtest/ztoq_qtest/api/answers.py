"""Which shape each endpoint's answer has, and the reader that holds an answer to it.

From the vendor's document (schemas of API v3) and captured answers (facts, sections 10 and 12).
A service that answers 200 with an error body, ``null`` or half an object says nothing: taken for
"there is nothing", it makes objects twice. So ``reader`` gives for every request what checks its
body: containers, ids, and whatever a mark may stand in have to be as documented; a scalar may come
as a string or a number, null counts as left out, and unknown keys are dropped: services add some.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["FIELDS", "TOKEN", "reader"]

Reader = Callable[[Any], Any]
"""Returns the checked value; ValueError says where it differs."""

LONGEST_ID = 2**63  # ids are int64 (vendor's document)
SHOWN = 60  # characters of a wrong value in a message


def _wrong(value: object, wanted: str) -> ValueError:
    shown = "nothing" if value is None else repr(value)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return ValueError(f"{shown} instead of {wanted}")


# --------------------------------------------------------------------------------------- scalars


def anything(value: Any) -> Any:
    """Return any body: what it says is not used."""
    return value


def text(value: Any) -> str:
    """Return a text; a number or a flag is one too."""
    if isinstance(value, str | int | float):
        return str(value)
    raise _wrong(value, "a text")


def loose(value: Any) -> str:
    """Return a text that only people read: another shape counts as empty."""
    return str(value) if isinstance(value, str | int | float) else ""


def number(value: Any) -> int:
    """Return a whole number, also one that came as a string."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        value = int(value)
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < LONGEST_ID:
        return value
    raise _wrong(value, "a whole number")


def object_id(value: Any) -> int:
    """Return the id of an object; 0 names the root and no object."""
    found = number(value)
    if found < 1:
        raise _wrong(value, "an id")
    return found


def flag(value: Any) -> bool:
    """Return a truth value."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in {"true", "false"}:
        return bool(value == "true")
    raise _wrong(value, "true or false")


# ------------------------------------------------------------------------------------ containers


def listed(item: Reader) -> Reader:
    """Return the reader of a bare array."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise _wrong(value, "a list")
        found = []
        for place, each in enumerate(value):
            try:
                found.append(item(each))
            except ValueError as error:
                raise ValueError(f"[{place}]: {error}") from error
        return found

    return read


def obj(needs: Mapping[str, Reader], may: Mapping[str, Reader] | None = None) -> Reader:
    """Return the reader of an object: keys that it needs, and those that it may leave out."""
    known = {**(may or {}), **needs}

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(value, "an object")
        if lacking := [name for name in needs if value.get(name) is None]:
            raise ValueError(f"an object without {lacking[0]!r}")
        found = {}
        for name, one in known.items():
            if (given := value.get(name)) is not None:
                try:
                    found[name] = one(given)
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from error
        return found

    return read


def page(item: Reader) -> Reader:
    """Return the reader of a page object; a bare array serves as well (facts, section 10)."""
    bare = listed(item)
    paged = obj({"items": bare}, {"total": number})

    def read(value: Any) -> Any:
        return bare(value) if isinstance(value, list) else paged(value)

    return read


def maybe(item: Reader) -> Reader:
    """Return the reader of an answer whose body may be left out."""
    return lambda value: None if value is None else item(value)


def later(name: str) -> Reader:
    """Return the reader of an object that holds others like it."""

    def read(value: Any) -> Any:
        return _RECURSIVE[name](value)

    return read


# --------------------------------------------------------------------------------------- objects

PROPERTY = obj(
    {"field_id": number},
    {"field_name": loose, "field_value": text, "field_value_name": loose},
)
INFO = obj({}, {"id": number, "name": loose, "value": text})
NAMED = {"id": object_id}
LOOSE = {"pid": loose, "web_url": loose, "created_date": loose}
OBJECT = {
    **LOOSE,
    "name": text,
    "description": text,
    "properties": listed(PROPERTY),
    "parent_id": number,
    "parentId": number,
}
ATTACHMENT = obj(NAMED, {**LOOSE, "name": text, "content_type": loose})
DEFECT = obj(
    {},
    {
        "id": number,
        "pid": loose,
        "external_defect_id": loose,
        "connection_id": number,
        "external_project_id": loose,
    },
)
STATUS = obj({"id": object_id}, {"name": text, "is_default": flag, "active": flag})
STEP = obj(
    NAMED,
    {
        "description": text,
        "expected": text,
        "order": number,
        "called_test_case_id": number,
        "root_called_test_case_id": number,
        "parent_test_step_id": number,
        "called_test_case": later("called"),
        "customFieldInfo": listed(INFO),
    },
)
CASE = obj(
    NAMED,
    {
        **OBJECT,
        "precondition": text,
        "test_case_version_id": number,
        "version": loose,
        "test_steps": listed(STEP),
    },
)
STEP_LOG = obj(
    {},
    {
        "test_step_id": number,
        "test_step_log_id": number,
        "parent_test_step_id": number,
        "status": obj({}, {"id": number, "name": text}),
        "actual_result": text,
        "defects": listed(DEFECT),
    },
)
LOG = obj(
    NAMED,
    {
        **LOOSE,
        "name": text,
        "note": text,
        "properties": listed(PROPERTY),
        "status": obj({}, {"id": number, "name": text}),
        "exe_start_date": text,
        "exe_end_date": text,
        "test_case_version_id": number,
        "test_run_id": number,
        "test_case": obj({}, {"id": number}),
        "test_step_logs": listed(STEP_LOG),
        "defects": listed(DEFECT),
    },
)
RUN = obj(
    NAMED,
    {
        **OBJECT,
        "test_case": obj({}, {"id": number}),
        "testCaseId": number,
        "test_case_version_id": number,
    },
)
RELEASE = obj(NAMED, {**OBJECT, "note": text, "start_date": text, "end_date": text})
REQUIREMENT = obj(
    NAMED,
    {
        **OBJECT,
        "external_properties": obj({}, {"id": loose, "link": loose, "unique_id": loose}),
    },
)
SUITE = obj(NAMED, OBJECT)
OBJECTS: Mapping[str, Reader] = {
    "modules": later("module"),
    "requirements": REQUIREMENT,
    "test-cases": CASE,
    "releases": RELEASE,
    "builds": obj(NAMED, LOOSE | {"name": text}),
    "test-cycles": later("cycle"),
    "test-suites": SUITE,
    "test-runs": RUN,
}
_RECURSIVE: Mapping[str, Reader] = {
    "called": obj({}, {"id": number, "test_steps": listed(STEP)}),
    "module": obj(NAMED, {**OBJECT, "children": listed(later("module"))}),
    "cycle": obj(
        NAMED,
        {**OBJECT, "test-cycles": listed(later("cycle")), "test-suites": listed(SUITE)},
    ),
}
VALUE = obj({}, {"value": number, "label": text, "is_default": flag, "is_active": flag})
FIELD = obj(
    {"id": number},
    {
        "label": text,
        "original_name": text,
        "data_type": number,
        "attribute_type": loose,
        "instanceType": loose,
        "required": flag,
        "constrained": flag,
        "multiple": flag,
        "default_value": loose,
        "system_field": flag,
        "is_active": flag,
        "allowed_values": listed(VALUE),
    },
)
FIELDS = listed(FIELD)
TOKEN = obj({"access_token": text}, {"refresh_token": text, "expires_in": number})
LINKED = obj(
    {}, {"id": number, "objects": listed(obj({}, {"id": number, "pid": loose, "self": loose}))}
)
USER = obj(
    NAMED,
    {
        "username": loose,
        "email": loose,
        "first_name": loose,
        "last_name": loose,
        "status": number,
    },
)


def profile(value: Any) -> dict[str, Any]:
    """Return the rights of a user by kind of object; a right is a flag or not told."""
    found = obj({}, {"user_id": number})(value)
    if "user_id" not in value and "test_case" not in value:
        raise _wrong(value, "the rights of a user")
    for name, rights in value.items():
        if isinstance(rights, dict):
            found[name] = {right: on for right, on in rights.items() if isinstance(on, bool)}
    return dict(found)


def connections(value: Any) -> list[Any]:
    """Return the objects of a list; the document has one object where it speaks of all."""
    items = value if isinstance(value, list) else [value]
    return listed(obj({}, {"id": number, "active": flag}))(items)  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------- endpoints

TYPE = rf"(?P<type>{'|'.join(OBJECTS)})"
ID = r"-?\d+"
_OF_TYPE = object()
_LIST_OF_TYPE = object()
ENDPOINTS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "", obj({"id": object_id}, {"name": loose})),
    ("GET", "users", listed(USER)),
    ("GET", "user-profiles/current", profile),
    ("GET", r"settings/[a-z-]+/fields", FIELDS),
    ("POST", r"settings/[a-z-]+/fields", obj({"id": object_id})),
    ("GET", rf"settings/[a-z-]+/fields/{ID}", FIELD),
    ("GET", rf"settings/[a-z-]+/fields/{ID}/allowed-values", page(VALUE)),
    ("POST|PUT", rf"settings/[a-z-]+/fields/{ID}/allowed-values(/{ID})?", anything),
    ("POST", r"settings/[a-z-]+/custom-fields/active", anything),  # looked at later
    ("GET", r"settings/integration/.*", connections),
    ("GET", "test-runs/execution-statuses", listed(STATUS)),
    ("GET", rf"test-runs/{ID}/test-logs", page(LOG)),
    ("GET|POST|PUT", rf"test-runs/{ID}/test-logs(/{ID})?", LOG),
    ("GET", rf"test-cases/{ID}(/versions/{ID})?/test-steps", listed(STEP)),
    ("PUT", rf"test-cases/{ID}/test-steps/{ID}", obj(NAMED)),
    ("PUT", rf"test-cases/{ID}/approve", maybe(CASE)),
    ("GET", rf"[a-z-]+/{ID}/attachments", listed(ATTACHMENT)),
    ("GET", rf"[a-z-]+/{ID}/comments", page(obj(NAMED))),
    ("POST", rf"[a-z-]+/{ID}/blob-handles", ATTACHMENT),
    ("POST", rf"[a-z-]+/{ID}/(link|defects)", listed(LINKED)),
    ("GET", "linked-artifacts", listed(LINKED)),
    ("POST", "search", obj({"items": listed(obj(NAMED))})),  # ids are all that is used
    ("GET", TYPE, _LIST_OF_TYPE),
    ("GET|POST|PUT", rf"{TYPE}(/{ID})?", _OF_TYPE),
    ("DELETE", ".*", anything),
)
_COMPILED = tuple(
    (frozenset(methods.split("|")), re.compile(path), shape) for methods, path, shape in ENDPOINTS
)


def reader(method: str, path: str) -> Reader:
    """Return what reads the answer to a request under the project.

    Raises:
        LookupError: The table does not have the endpoint.
    """
    for methods, pattern, shape in _COMPILED:
        if method in methods and (match := pattern.fullmatch(path)):
            if shape is _OF_TYPE:
                return _whole(OBJECTS[match["type"]])
            if shape is _LIST_OF_TYPE:
                return _whole(page(OBJECTS[match["type"]]))
            return _whole(shape)
    raise LookupError(f"no shape is known of {method} {path}")


def _whole(shape: Reader) -> Reader:
    def read(value: Any) -> Any:
        try:
            return shape(value)
        except RecursionError as error:
            raise ValueError("an answer that is nested too deeply") from error

    return read
