"""The settings of fields, of projects and of the site (facts section 3)."""

from __future__ import annotations

from typing import Any

from ztoq_testkit.simulate import Refusal, Reply

from ztoq_demo.qtest.fields import (
    CONSTRAINED,
    CREATABLE,
    FIELD_OWNERS,
    AllowedValue,
    Field,
    Form,
    bad,
)
from ztoq_demo.qtest.site import API, Call, Line, missing

MOST_VALUES = 100  # qTest v3 document: at most 100 values in one call
LONGEST_LABEL = 100  # qTest help pages, field settings
NEED_MULTIPLE = (8, 17)
STEP_TYPES = (3, 5, 6)  # qTest v3 document, site fields of test steps
STEP_LABEL = 16
STEP_FIELDS = 2


def _allow(call: Call) -> None:
    options = call.site.options
    if not options.administrator or options.fields_forbidden:
        raise Refusal(403, {"message": "You do not have permission to perform this action"})


def _owner(call: Call) -> str:
    owner = call.request.params["objectType"]
    if owner not in FIELD_OWNERS:
        raise bad(f"objectType {owner} has no fields")
    return owner


def _value(value: AllowedValue) -> dict[str, Any]:
    return {
        "links": [],
        "value": value.id,
        "label": value.label,
        "order": value.order,
        "is_default": value.is_default,
        "is_active": value.active,
    }


def _field(call: Call, field: Field, project: int | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "links": [],
        "id": field.id,
        "attribute_type": field.form.value,
        "label": field.label,
        "required": call.site.fields.is_required(field),
        "constrained": field.form in CONSTRAINED,
        "order": field.order,
        "multiple": field.multiple,
        "data_type": field.data_type,
        "searchable": field.searchable,
        "system_field": field.system,
        "original_name": field.original_name,
        "is_active": field.active if project is None else field.is_active(project),
    }
    if field.default_value:
        shown["default_value"] = field.default_value
    if field.form in CONSTRAINED:
        shown["allowed_values"] = [_value(v) for v in field.values.values()]
    return shown


def listed(call: Call) -> Reply:
    _allow(call)
    project, inactive = call.project().id, call.flag("includeInactive")
    fields = [
        f for f in call.site.fields.of(project, _owner(call)) if f.is_active(project) or inactive
    ]
    return Reply(200, [_field(call, f, project) for f in fields])


def site_listed(call: Call) -> Reply:
    _allow(call)
    start, end = call.page("pageSize", 100, 999)
    fields = call.site.fields.of_site(_owner(call))
    headers = {"X-Item-Total": str(len(fields)), "Link": ""}
    return Reply(200, [_field(call, f, None) for f in fields[start:end]], headers=headers)


def _made(call: Call, owner: str, project: int | None) -> Field:
    body = call.body()
    label, data_type = body.get("label"), body.get("data_type")
    if not isinstance(label, str) or not len(label.strip()) >= 1 or len(label) > LONGEST_LABEL:
        raise bad("label must have 1 to 100 characters")
    if not isinstance(data_type, int) or data_type not in CREATABLE:
        raise bad("Invalid data_type")
    multiple = body.get("multiple") is True
    if data_type in NEED_MULTIPLE and not multiple:
        raise bad(f"a field of data_type {data_type} needs multiple: true")
    own = (
        call.site.fields.of_site(owner) if project is None else call.site.fields.of(project, owner)
    )
    if call.site.options.unique_labels and any(f.label == label for f in own):
        raise bad(f"The field {label} already exists.")
    limit = call.site.options.field_limit
    if limit is not None and sum(not f.system for f in own) >= limit:
        raise bad(f"{owner} have {limit} custom fields already.")
    form = CREATABLE[data_type]
    if form is Form.USER and multiple:
        form = Form.USERS
    field = Field(
        id=call.state.new_id(),
        project=project,
        owner=owner,
        label=label,
        original_name=label,
        data_type=data_type,
        form=form,
        order=len(own) + 1,
        required=body.get("required") is True,
        multiple=multiple,
        active=body.get("is_active") is not False,
        searchable=body.get("searchable") is True,
        default_value=call.text(body, "default_value"),
    )
    if body.get("allowed_values"):
        _add_values(call, field, body["allowed_values"])
    return field


def create(call: Call) -> Reply:
    """Create a field of the project; the enum lacks test steps."""
    _allow(call)
    owner, project = _owner(call), call.project().id
    if owner == "test-steps":
        raise bad("fields of test steps are fields of the site")
    field = _made(call, owner, project)
    call.site.fields.add(field)
    return Reply(201, _field(call, field, project))


def site_create(call: Call) -> Reply:
    _allow(call)
    owner = _owner(call)
    field = _made(call, owner, None)
    if owner == "test-steps":
        crowded = len(call.site.fields.of_site(owner)) >= STEP_FIELDS
        fits = field.data_type in STEP_TYPES and len(field.label) <= STEP_LABEL
        if crowded or not fits or field.required:
            raise bad("Invalid field of test steps")
    if call.site.options.site_fields_inactive:
        field.inactive_in.update(call.state.projects)
    call.site.fields.add(field)
    return Reply(201, _field(call, field, None))


def _add_values(call: Call, field: Field, given: Any) -> list[AllowedValue]:
    if not isinstance(given, list) or not given:
        raise bad("allowed values must be an array")
    if len(given) > MOST_VALUES:
        raise bad(f"at most {MOST_VALUES} allowed values in one call")
    if field.form not in CONSTRAINED:
        raise bad(f"the field {field.label} takes no allowed values")
    made: dict[str, AllowedValue] = {}
    for item in given:
        label = item.get("label") if isinstance(item, dict) else None
        if not isinstance(label, str) or not label.strip():
            raise bad("an allowed value needs a label")
        known = [*made, *(value.label for value in field.values.values())]
        folded = call.site.options.folded_labels
        if label in known or (folded and label.casefold() in map(str.casefold, known)):
            raise bad(f"The value {label} already exists.")  # guess: labels are unique
        made[label] = AllowedValue(
            id=call.state.new_id(),
            label=label,
            order=len(field.values) + len(made) + 1,
            is_default=item.get("is_default") is True,
            active=item.get("is_active") is not False,
        )
    field.values.update({value.id: value for value in made.values()})
    return list(made.values())


def _target(call: Call, *, writes: bool = False) -> tuple[Field, int | None]:
    """Return the field of the path, and its project; None for a site path."""
    site = "projectId" not in call.request.params
    _allow(call)
    project = None if site else call.project().id
    field = call.site.fields.table.get(call.number("fieldId"))
    mine = field is not None and (
        field.project is None if site else field.project in (project, None)
    )
    if field is None or field.owner != _owner(call) or not mine:
        raise missing("field")
    if writes and not site and (field.project is None or field.owner == "test-steps"):
        raise bad("a field of the site is changed on the site")
    return field, project


def one(call: Call) -> Reply:
    field, project = _target(call)
    return Reply(200, _field(call, field, project))


def update(call: Call) -> Reply:
    field, project = _target(call, writes=True)
    body = call.body()
    if body.get("data_type") not in (None, field.data_type):
        raise bad("data_type cannot be changed")
    if isinstance(body.get("label"), str):
        field.label = body["label"]
    if isinstance(body.get("required"), bool):
        field.required = body["required"]
    if isinstance(body.get("is_active"), bool):
        field.active = body["is_active"]
    return Reply(200, _field(call, field, project))


def delete(call: Call) -> Reply:
    field, _ = _target(call, writes=True)
    if field.system:
        raise bad("a system field cannot be deleted")
    call.site.fields.remove(field)
    return Reply(200, {})


def activate(call: Call) -> Reply:
    """Activate or deactivate custom fields of the project, site fields among them."""
    _allow(call)
    owner, project, body = _owner(call), call.project().id, call.anything()
    if not isinstance(body, list):
        raise bad("the body must be an array")
    changed = []
    for item in body:
        field = call.site.fields.table.get(item.get("id", 0) if isinstance(item, dict) else 0)
        if field is None or field.owner != owner or field.project not in (project, None):
            raise missing("field")
        if item.get("is_active") is True:
            field.inactive_in.discard(project)
        else:
            field.inactive_in.add(project)
        changed.append(field)
    return Reply(200, [_field(call, f, project) for f in changed])


def values(call: Call) -> Reply:
    field, _ = _target(call)
    start, end = call.page("pageSize", 100, 999)
    headers = {"X-Item-Total": str(len(field.values)), "Link": ""}
    shown = [_value(v) for v in list(field.values.values())[start:end]]
    return Reply(200, shown, headers=headers)


def add_values(call: Call) -> Reply:
    field, _ = _target(call, writes=True)
    made = _add_values(call, field, call.anything())
    return Reply(201, {"links": [], "total": len(made), "items": [_value(v) for v in made]})


def _target_value(call: Call) -> tuple[Field, AllowedValue]:
    field, _ = _target(call, writes=True)
    value = field.values.get(call.number("value"))
    if value is None:
        raise missing("allowed value")
    return field, value


def update_value(call: Call) -> Reply:
    _, value = _target_value(call)
    body = call.body()
    if isinstance(body.get("label"), str):
        value.label = body["label"]
    if isinstance(body.get("is_active"), bool):
        value.active = body["is_active"]
    return Reply(200, _value(value))


def delete_value(call: Call) -> Reply:
    field, value = _target_value(call)
    del field.values[value.id]
    return Reply(200, {})


def connections(call: Call) -> Reply:
    """Return the project's connections to Jira (IntegrationConnectionVM)."""
    _allow(call)
    call.project()
    shown = {
        "id": 1,
        "external_system": "Jira",
        "connection_name": "Jira",
        "server_url": "https://jira.example.com",
        "active": True,
    }
    return Reply(200, [] if call.site.options.mirrors_jira is None else [shown])


def requirement_mappings(call: Call) -> Reply:
    """Return which issue types become requirements (RequirementMapping)."""
    _allow(call)
    call.project()
    shown = {"externalProjectId": "10031", "externalTypeId": "10100", "mapping_id": 1}
    return Reply(200, [shown] if call.site.options.mirrors_jira else [])


_CONNECTIONS = API + "/settings/integration/connections"
_OWN = API + "/settings/{objectType}"
_SITE = "/api/v3/fields/{objectType}"


def _lines(base: str) -> tuple[Line, ...]:
    one_field = base + "/{fieldId}"
    return (
        ("GET", one_field, one),
        ("PUT", one_field, update),
        ("DELETE", one_field, delete),
        ("GET", one_field + "/allowed-values", values),
        ("POST", one_field + "/allowed-values", add_values),
        ("PUT", one_field + "/allowed-values/{value}", update_value),
        ("DELETE", one_field + "/allowed-values/{value}", delete_value),
    )


LINES: tuple[Line, ...] = (
    ("GET", _CONNECTIONS, connections),
    ("GET", _CONNECTIONS + "/{connectionId}/requirement/mappings", requirement_mappings),
    ("GET", _OWN + "/fields", listed),
    ("POST", _OWN + "/fields", create),
    ("POST", _OWN + "/custom-fields/active", activate),
    ("POST", _OWN + "/system-fields/{fieldId}", update),
    ("GET", _SITE, site_listed),
    ("POST", _SITE, site_create),
    *_lines(_OWN + "/fields"),
    *_lines(_SITE),
)
