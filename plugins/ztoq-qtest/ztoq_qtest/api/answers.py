"""The shape of each endpoint's answer, and the readers that check answers.

From the vendor's document (schemas of API v3) and captured answers (facts, sections 10 and 12).
A service may answer 200 with an error body, ``null`` or half an object. If ztoq took that for an
empty list, it would create objects twice. So each request has a reader that checks its answer:
containers, ids and every text that may hold a mark must be as documented. A scalar may be a string
or a number, null counts as missing, and unknown keys are dropped, since services add keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ztoq_qtest.api.shapes import (
    Reader,
    anything,
    flag,
    listed,
    loose,
    maybe,
    number,
    obj,
    object_id,
    page,
    text,
    wrong,
)


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
        "called_test_case_log": later("log"),
    },
)


def step_logs(value: Any) -> list[Any]:
    """Return the step logs of a log in one list, each once.

    Guess: those of a called case may be inside that of the calling step, which has a property for
    them without an example (TestStepLogResource). They were sent in its place, so they take it.
    """
    found: dict[Any, Any] = {}
    for each in listed(STEP_LOG)(value):
        inside = each.pop("called_test_case_log", {}).get("test_step_logs")
        for one in inside or [each]:
            found.setdefault(one.get("test_step_log_id", len(found)), one)
    return list(found.values())


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
        "test_step_logs": step_logs,
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
    "log": obj({}, {"test_step_logs": step_logs}),
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
        raise wrong(value, "the rights of a user")
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
