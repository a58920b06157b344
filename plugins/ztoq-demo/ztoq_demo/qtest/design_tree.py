"""Modules and requirements: the tree that holds the cases too (facts sections 2 and 5)."""

from __future__ import annotations

import time
from typing import Any

from ztoq_testkit.simulate import Reply

from ztoq_demo.qtest import hierarchy
from ztoq_demo.qtest.fields import bad
from ztoq_demo.qtest.objects import Case, Module, Project, Requirement
from ztoq_demo.qtest.site import API, Call, Line
from ztoq_demo.qtest.texts import parse_time
from ztoq_demo.qtest.views import module, requirement

API_MODULE = "Created via API"


def add_module(call: Call, name: str, parent: tuple[str, int], description: str = "") -> Module:
    """Put a module in."""
    made = Module(
        id=call.state.new_id(),
        project=call.project().id,
        parent=parent,
        name=name,
        description=description,
        creator=call.user.id,
        stranger=call.user is not call.site.user,
    )
    call.state.add(made)
    return made


def api_module(call: Call) -> tuple[str, int]:
    """Return the module of the cases that name none (qTest v3 document, POST test-cases)."""
    root = "root", call.project().id
    for found in call.state.under(root, Module.type):
        if found.name == API_MODULE:
            return found.place
    return add_module(call, API_MODULE, root).place


def _parent(call: Call, body: dict[str, Any]) -> tuple[str, int]:
    number = call.asked("parentId")
    if number is None:
        number = body.get("parent_id")
    if number is not None and (not isinstance(number, int) or isinstance(number, bool)):
        raise bad("parentId must be a number")
    return hierarchy.module_place(call, number)


def create_module(call: Call) -> Reply:
    body = call.body()
    name, text, parent = call.named(body), call.text(body, "description"), _parent(call, body)
    return Reply(201, module(call, add_module(call, name, parent, text)))


def modules(call: Call) -> Reply:
    """List modules under a parent (default: the root), or those that contain a text."""
    sought, expand = call.request.query.get("search"), call.expands("descendants")
    parent = hierarchy.module_place(call, call.asked("parentId"))
    if sought is not None:
        found = call.state.of_project(call.project().id, Module.type)
        found = [m for m in found if sought.casefold() in m.name.casefold()]
    else:
        found = call.state.under(parent, Module.type)
    return Reply(200, [module(call, m, expand=expand) for m in found if isinstance(m, Module)])


def one_module(call: Call) -> Reply:
    return Reply(
        200, module(call, call.thing(Module, "moduleId"), expand=call.expands("descendants"))
    )


def update_module(call: Call) -> Reply:
    """Edit a module; with parentId it is moved, and the body ignored."""
    thing, number = call.thing(Module, "moduleId"), call.asked("parentId")
    if number is not None:
        place = hierarchy.module_place(call, number)
        _refuse_loop(call, thing, place)
        call.state.move(thing, place)
    else:
        body = call.body()
        if "name" in body:
            thing.name = call.named(body)
        thing.description = call.text(body, "description", thing.description)
    call.site.changed(thing)
    return Reply(200, module(call, thing))


def _refuse_loop(call: Call, thing: Module, place: tuple[str, int]) -> None:
    while place[0] == Module.type:
        if place[1] == thing.id:
            raise bad("a module cannot lie in itself")
        place = call.at(Module, place[1]).parent


def delete_module(call: Call) -> Reply:
    thing = call.thing(Module, "moduleId")
    hierarchy.refuse_children(call, thing)
    hierarchy.delete(call.state, thing)
    return Reply(200, {"message": "Deleted"})


def create_requirement(call: Call) -> Reply:
    body, fields = call.body(), call.site.fields
    project, name = call.project().id, call.named(body)
    values = fields.checked(project, Requirement.type, body.get("properties"))
    made = Requirement(
        id=call.state.new_id(),
        project=project,
        parent=_parent(call, body),
        name=name,
        properties=fields.completed(project, Requirement.type, values, body),
        creator=call.user.id,
        stranger=call.user is not call.site.user,
    )
    call.state.add(made)
    return Reply(200, requirement(call, made))


def requirements(call: Call) -> Reply:
    number, project = call.asked("parentId"), call.project().id
    start, end = call.page("size", 20)
    found = (
        call.state.of_project(project, Requirement.type)
        if number is None
        else call.state.under(hierarchy.module_place(call, number), Requirement.type)
    )
    return Reply(
        200, [requirement(call, r) for r in found[start:end] if isinstance(r, Requirement)]
    )


def one_requirement(call: Call) -> Reply:
    return Reply(200, requirement(call, call.thing(Requirement, "requirementId")))


def update_requirement(call: Call) -> Reply:
    thing, number = call.thing(Requirement, "requirementId"), call.asked("parentId")
    if number is not None:
        call.state.move(thing, hierarchy.module_place(call, number))
    else:
        body = call.body()
        if "name" in body:
            thing.name = call.named(body)
        given = body.get("properties")
        thing.properties |= call.site.fields.checked(thing.project, Requirement.type, given)
    call.site.changed(thing)
    return Reply(200, requirement(call, thing))


def delete_requirement(call: Call) -> Reply:
    hierarchy.delete(call.state, call.thing(Requirement, "requirementId"))
    return Reply(200, {})


def trace_matrix(call: Call) -> Reply:
    """Return requirements with their cases by module; paged by requirements (20, at most 999).

    guess: the keys inside ``requirements``, which the document leaves open.
    """
    project = call.project()
    start, end = call.page("size", 20, 999)
    wanted = {
        r.id
        for r in call.state.of_project(project.id, Requirement.type)[start:end]
        if _in_time(call, r)
    }
    return Reply(200, [_traced(call, project, ("root", project.id), wanted, 1)])


def _in_time(call: Call, thing: Any) -> bool:
    earliest = call.request.query.get("lastModifiedFrom")
    latest = call.request.query.get("lastModifiedTo")
    first = parse_time(f"{earliest}T00:00:00Z") if earliest else 0
    last = parse_time(f"{latest}T23:59:59Z") if latest else int(time.time()) + 1
    if first is None or last is None:
        raise bad("dates must be yyyy-MM-dd")
    return bool(first <= thing.modified <= last)


def _traced(
    call: Call, project: Project, place: tuple[str, int], wanted: set[int], order: int
) -> dict[str, Any]:
    rows = []
    for thing in call.state.under(place, Requirement.type):
        if thing.id in wanted:
            linked = call.state.links.get(thing.place, {})
            cases = [number for kind, number in linked if kind == Case.type]
            rows.append(
                {
                    "id": thing.id,
                    "pid": thing.pid,
                    "name": thing.name,
                    "testcases": [_short(call, number) for number in cases],
                }
            )
    below = call.state.under(place, Module.type)
    inner = [_traced(call, project, m.place, wanted, n) for n, m in enumerate(below, 1)]
    kept = [child for child in inner if child["requirements"] or child["children"]]
    return {
        "root": place[0] == "root",
        "order": order,
        "requirements": rows,
        "children": kept,
    }


def _short(call: Call, number: int) -> dict[str, Any]:
    case = call.state.case_of(number)
    return {"id": number} | ({"pid": case.pid, "name": case.name} if case else {})


_MODULE = API + "/modules/{moduleId}"
_REQUIREMENT = API + "/requirements/{requirementId}"
LINES: tuple[Line, ...] = (
    ("GET", API + "/modules", modules),
    ("POST", API + "/modules", create_module),
    ("GET", _MODULE, one_module),
    ("PUT", _MODULE, update_module),
    ("DELETE", _MODULE, delete_module),
    ("GET", API + "/requirements/trace-matrix-report", trace_matrix),
    ("GET", API + "/requirements", requirements),
    ("POST", API + "/requirements", create_requirement),
    ("GET", _REQUIREMENT, one_requirement),
    ("PUT", _REQUIREMENT, update_requirement),
    ("DELETE", _REQUIREMENT, delete_requirement),
)
