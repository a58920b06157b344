"""How objects look in answers: the key sets of captured answers; unset keys are left out.

Sources: the models of the qTest v3 document, facts sections 10 and 12.
"""

from __future__ import annotations

from typing import Any

from ztoq_demo.qtest.fields import Form
from ztoq_demo.qtest.objects import (
    Attachment,
    Case,
    Comment,
    Module,
    Requirement,
    Status,
    Step,
    Thing,
    User,
    Version,
)
from ztoq_demo.qtest.site import Call
from ztoq_demo.qtest.texts import cleaned, normal_html, plain, show_time

WEB_TYPES = {  # facts section 2; requirements, runs and releases are guesses
    "test-cases": ("testdesign", 1),
    "test-suites": ("testexecution", 2),
    "test-runs": ("testexecution", 3),
    "test-cycles": ("testexecution", 4),
    "requirements": ("requirements", 5),
    "releases": ("testplan", 8),
    "defects": ("defects", 9),
}


def rich(call: Call, text: str) -> str:
    """Return a rich text as the site gives it back."""
    options = call.site.options
    text = cleaned(text) if options.clean_html else text
    return normal_html(text) if options.normalise_html else text


def href(call: Call, project: int, path: str) -> str:
    return f"{call.origin}/api/v3/projects/{project}/{path}"


def links(call: Call, thing: Thing) -> list[dict[str, str]]:
    """Return the links of an object."""
    return [{"rel": "self", "href": href(call, thing.project, f"{thing.type}/{thing.id}")}]


def head(call: Call, thing: Thing) -> dict[str, Any]:
    """Return what all objects with a pid show."""
    zone = call.site.options.zone
    shown: dict[str, Any] = {
        "links": links(call, thing),
        "id": thing.id,
        "name": thing.name,
        "order": thing.order,
        "pid": thing.pid,
        "created_date": show_time(thing.created, zone),
        "last_modified_date": show_time(thing.modified, zone),
    }
    if thing.type in WEB_TYPES:
        tab, number = WEB_TYPES[thing.type]
        shown["web_url"] = (
            f"{call.origin}/p/{thing.project}/portal/project"
            f"#tab={tab}&object={number}&id={thing.id}"
        )
    return shown


def properties(call: Call, thing: Thing, owner: str = "") -> list[dict[str, Any]]:
    """Return all active fields with their values, "" where there is none."""
    fields, shown = call.site.fields, []
    for field in fields.of(thing.project, owner or thing.type):
        if not field.is_active(thing.project) or field.label == "Name":
            continue
        if field.key:
            value = getattr(thing.latest, field.key) if isinstance(thing, Case) else ""
        else:
            value = thing.properties.get(field.id, "")
        if field.form is Form.RICH:
            value = rich(call, value)
        item = {"field_id": field.id, "field_name": field.label, "field_value": value}
        if (name := fields.name_of(field, value)) is not None:
            item["field_value_name"] = name
        shown.append(item)
    return shown


def user(person: User) -> dict[str, Any]:
    """Return a user (UserResource); guess: the status of an active one is 1."""
    return {
        "id": person.id,
        "username": person.email,
        "email": person.email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "status": 1 if person.active else 0,
    }


def status(value: Status) -> dict[str, Any]:
    """Return an execution status (StatusResource)."""
    return {
        "links": [],
        "id": value.id,
        "name": value.name,
        "is_default": value.is_default,
        "color": value.color,
        "active": value.active,
    }


def module(call: Call, thing: Module, *, expand: bool = False) -> dict[str, Any]:
    shown = head(call, thing)
    shown["description"] = rich(call, thing.description)
    if thing.parent[0] == Module.type:
        shown["parent_id"] = thing.parent[1]
    if expand:
        children = call.state.under(thing.place, Module.type)
        shown["children"] = [
            module(call, c, expand=True) for c in children if isinstance(c, Module)
        ]
    return shown


def requirement(call: Call, thing: Requirement) -> dict[str, Any]:
    shown = head(call, thing) | {"properties": properties(call, thing)}
    if thing.parent[0] == Module.type:
        shown["parent_id"] = thing.parent[1]
    external = call.flag("includeExternalProperties")
    if thing.external_key and external:
        link = f"https://jira.example.com/browse/{thing.external_key}"
        shown["external_properties"] = {
            "id": thing.external_key,
            "unique_id": str(thing.id),
            "link": link,
        }
    return shown


def _information(call: Call, text: str) -> dict[str, Any]:
    bare = plain(text)
    return {
        "parameters": [],
        "rawText": text,
        "plainValueText": bare,
        "editedParameters": [],
        "valueText": rich(call, text),
        "htmlText": normal_html(text),
        "plainText": bare,
    }


def step(call: Call, case: Case, value: Step, *, called: bool = False) -> dict[str, Any]:
    """Return a step; ``called``: with the case that it calls and its steps."""
    path = f"test-cases/{case.id}/test-steps/{value.id}"
    files = f"test-steps/{value.id}/attachments"
    shown: dict[str, Any] = {
        "links": [
            {"rel": "self", "href": href(call, case.project, path)},
            {"rel": "attachments", "href": href(call, case.project, files)},
        ],
        "id": value.id,
        "description": rich(call, value.description),
        "expected": rich(call, value.expected),
        "order": value.order,
        "attachments": attachments(call, "test-steps", value.line),
        "group": value.order,
        "information": {"descriptionInfo": _information(call, value.description)},
        "plain_value_text": plain(value.description),
        "parameter_values": [],
    }
    if value.fields:
        shown["customFieldInfo"] = [
            {"id": n, "objectId": value.id, "name": call.site.fields.table[n].label, "value": text}
            for n, text in value.fields.items()
        ]
    if value.called is None:
        return shown
    other = call.state.case_of(value.called)
    shown["called_test_case_id"] = value.called
    shown["root_called_test_case_id"] = value.called
    if other is not None:
        shown["called_test_case_name"] = other.name
        if called:
            version = other.approved or other.latest
            inner = [step(call, other, s, called=True) for s in version.steps]
            bound = {"id": other.id, "test_case_version_id": version.id, "name": other.name}
            shown["called_test_case"] = bound | {"properties": [], "test_steps": inner}
    return shown


def case(
    call: Call,
    thing: Case,
    version: Version | None = None,
    *,
    steps: bool = False,
    with_properties: bool = True,
) -> dict[str, Any]:
    """Return a case (today's version unless another is given)."""
    value = version or thing.latest
    shown = head(call, thing)
    if version is not None:
        shown["name"] = version.name
    if with_properties:
        shown["properties"] = properties(call, thing)
    if steps:
        shown["test_steps"] = [step(call, thing, s) for s in value.steps]
    if thing.parent[0] == Module.type:
        shown["parent_id"] = thing.parent[1]
    return shown | {
        "test_case_version_id": value.id,
        "version": value.label,
        "description": rich(call, value.description),
        "precondition": rich(call, value.precondition),
        "creator_id": thing.creator,
        "agent_ids": [],
    }


def attachments(call: Call, kind: str, number: int) -> list[dict[str, Any]]:
    """Return the files of an object."""
    owned = call.state.attached.get((kind, number))
    return [attachment(call, call.state.attachments[n]) for n in owned] if owned else []


def attachment(call: Call, value: Attachment) -> dict[str, Any]:
    """Return a file (AttachmentResource); no size and no digest, as in the document."""
    kind, number = value.owner
    path = f"{kind}/{number}/attachments/{value.id}"
    author = call.state.users[value.author]
    return {
        "links": [{"rel": "self", "href": href(call, value.project, path)}],
        "id": value.id,
        "name": value.name,
        "content_type": value.content_type,
        "created_date": show_time(value.created, call.site.options.zone),
        "author": {
            "id": author.id,
            "email": author.email,
            "first_name": author.first_name,
            "last_name": author.last_name,
        },
        "artifact_id": number,
        "web_url": href(call, value.project, path),
    }


def comment(call: Call, value: Comment) -> dict[str, Any]:
    """Return a comment (CommentResource)."""
    zone = call.site.options.zone
    return {
        "links": [],
        "id": value.id,
        "content": rich(call, value.content),
        "created": show_time(value.created, zone),
        "updated": show_time(value.updated, zone),
        "userId": value.author,
    }
