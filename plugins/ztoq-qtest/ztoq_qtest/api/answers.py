"""The shape of each endpoint's answer, and the readers that check answers.

From the vendor's document (schemas of API v3) and captured answers (facts, sections 10 and 12).
A service may answer 200 with an error body, ``null`` or half an object. If ztoq took that for an
empty list, it would create objects twice. So each request has a reader that checks its answer:
containers, ids and every text that may hold a mark must be as documented. A scalar may be a string
or a number, null counts as missing, and unknown keys are dropped, since services add keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["FIELDS", "TOKEN", "reader"]

Reader = Callable[[Any], Any]
"""Returns the checked value; raises ValueError that says where it differs."""

LONGEST_ID = 2**63  # ids are int64 (vendor's document)
SHOWN = 60  # characters of a wrong value in a message


def _wrong(value: object, wanted: str) -> ValueError:
    shown = "nothing" if value is None else repr(value)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return ValueError(f"{shown} instead of {wanted}")


# --------------------------------------------------------------------------------------- scalars


def anything(value: Any) -> Any:
    """Return any body; ztoq does not use it."""
    return value


def text(value: Any) -> str:
    """Return a text; a number or a flag counts too."""
    if isinstance(value, str | int | float):
        return str(value)
    raise _wrong(value, "a text")


def loose(value: Any) -> str:
    """Return a text that only people read; anything else counts as empty."""
    return str(value) if isinstance(value, str | int | float) else ""


def number(value: Any) -> int:
    """Return a whole number, also if it came as a string."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        value = int(value)
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < LONGEST_ID:
        return value
    raise _wrong(value, "a whole number")


def object_id(value: Any) -> int:
    """Return the id of an object; 0 is the root, which is not an object."""
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
        for position, each in enumerate(value):
            try:
                found.append(item(each))
            except ValueError as error:
                raise ValueError(f"[{position}]: {error}") from error
        return found

    return read


def obj(needs: Mapping[str, Reader], may: Mapping[str, Reader] | None = None) -> Reader:
    """Return the reader of an object with required and optional keys."""
    known = {**(may or {}), **needs}

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _wrong(value, "an object")
        if missing := [name for name in needs if value.get(name) is None]:
            raise ValueError(f"an object without {missing[0]!r}")
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
    """Return the reader of a page object or a bare array (facts, section 10)."""
    bare = listed(item)
    paged = obj({"items": bare}, {"total": number, "page_size": number})
    return lambda value: bare(value) if isinstance(value, list) else paged(value)


def maybe(item: Reader) -> Reader:
    """Return the reader of an answer that may have no body."""
    return lambda value: None if value is None else item(value)


def later(name: str) -> Reader:
    """Return the reader of an object that contains objects of its own type."""

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
    "parentType": loose,
    "target_release_id": number,
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
STATUS = obj({"id": object_id, "name": text}, {"is_default": flag, "active": flag})
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
CONNECTION = obj({}, {"id": number, "active": flag})
REQUIREMENT_MAPPING = obj(
    {}, {"externalProjectId": loose, "externalTypeId": loose, "mapping_id": number}
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
    """Return the rights of a user by kind of object; only flags count."""
    found = obj({}, {"user_id": number})(value)
    if "user_id" not in value and "test_case" not in value:
        raise _wrong(value, "the rights of a user")
    for name, rights in value.items():
        if isinstance(rights, dict):
            found[name] = {right: on for right, on in rights.items() if isinstance(on, bool)}
    return dict(found)


def one_or_more(item: Reader) -> Reader:
    """Return the reader of a list of Jira settings.

    The document shows one object where its text says "all"; an empty one counts as none.
    """
    several = listed(item)
    return lambda value: several(value if isinstance(value, list) else [value] if value else [])


def made_values(value: Any) -> Any:
    """Return an answer to new allowed values: documented are a page object (200), no schema (201).

    The list that is read afterwards shows what was made.
    """
    if isinstance(value, dict) and "items" not in value:
        return obj({})(value)
    return page(VALUE)(value)


# ------------------------------------------------------------------------------------- endpoints

TYPE = rf"(?P<type>{'|'.join(OBJECTS)})"
PAGED = frozenset({"requirements", "test-cases", "test-cycles", "test-runs"})
"""The types whose lists have pages (vendor's document); a page of another list is not all of it."""
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
    ("POST", rf"settings/[a-z-]+/fields/{ID}/allowed-values", maybe(made_values)),
    ("PUT", rf"settings/[a-z-]+/fields/{ID}/allowed-values/{ID}", maybe(obj({}))),
    ("POST", r"settings/[a-z-]+/custom-fields/active", FIELDS),
    ("GET", "settings/integration/connections", one_or_more(CONNECTION)),
    (
        "GET",
        rf"settings/integration/connections/{ID}/requirement/mappings",
        one_or_more(REQUIREMENT_MAPPING),
    ),
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
    ("POST", "search", page(obj(NAMED))),  # ids are all that is used
    ("GET", TYPE, _LIST_OF_TYPE),
    ("GET|POST|PUT", rf"{TYPE}(/{ID})?", _OF_TYPE),
    ("DELETE", ".*", anything),
)
_COMPILED = tuple(
    (frozenset(methods.split("|")), re.compile(path), shape) for methods, path, shape in ENDPOINTS
)


def reader(method: str, path: str) -> Reader:
    """Return the reader of the answer to a request under the project.

    Raises:
        LookupError: The table does not have the endpoint.
    """
    for methods, pattern, shape in _COMPILED:
        if method in methods and (match := pattern.fullmatch(path)):
            if shape is _OF_TYPE:
                return _whole(OBJECTS[match["type"]])
            if shape is _LIST_OF_TYPE:
                of_list = page if match["type"] in PAGED else listed
                return _whole(of_list(OBJECTS[match["type"]]))
            return _whole(shape)
    raise LookupError(f"the table of answers lacks {method} {path}")


def _whole(shape: Reader) -> Reader:
    def read(value: Any) -> Any:
        try:
            return shape(value)
        except RecursionError as error:
            raise ValueError("the answer is nested too deeply") from error

    return read
