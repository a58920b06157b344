"""Test cases, their steps and versions (facts sections 5, 6 and 10)."""

from __future__ import annotations

from typing import Any

import attrs
from ztoq_testkit.simulate import Reply

from ztoq_demo.qtest import hierarchy, versions
from ztoq_demo.qtest.design_tree import api_module
from ztoq_demo.qtest.fields import bad
from ztoq_demo.qtest.files import attach_all, inline
from ztoq_demo.qtest.objects import Case, Step, Version
from ztoq_demo.qtest.site import API, Call, Line, missing
from ztoq_demo.qtest.texts import parse_time
from ztoq_demo.qtest.views import case as view
from ztoq_demo.qtest.views import step as step_view


def _values(call: Call, body: dict[str, Any]) -> tuple[dict[int, str], dict[str, str]]:
    """Return the checked properties, and the texts that some of them mirror.

    guess: the key at the top of the body wins over the property.
    """
    values = call.site.fields.checked(call.project().id, Case.type, body.get("properties"))
    texts = {}
    for number in list(values):
        if key := call.site.fields.table[number].key:
            texts[key] = values.pop(number)
    for key in ("description", "precondition"):
        if body.get(key) is not None:
            texts[key] = call.text(body, key)
    return values, texts


def create(call: Call) -> Reply:
    body, fields = call.body(), call.site.fields
    project, name, parent = call.project().id, call.named(body), body.get("parent_id")
    if parent is not None and (not isinstance(parent, int) or isinstance(parent, bool)):
        raise bad("parent_id must be a number")
    place = hierarchy.module_place(call, parent) if parent else None
    values, texts = _values(call, body)
    values = fields.completed(project, Case.type, values, body | texts)
    steps, files = versions.drafts(call, None, body.get("test_steps")), inline(call, body)
    made = Case(
        id=call.state.new_id(),
        project=project,
        parent=place or api_module(call),
        name=name,
        properties=values,
        creator=call.user.id,
        stranger=call.user is not call.site.user,
    )
    texts.pop("name", None)
    versions.save(call, made, steps, **texts)
    call.state.add(made)
    attach_all(call, made.place, files)
    return Reply(200, view(call, made, steps=True))


def listed(call: Call) -> Reply:
    """List the direct children of a module, or all cases; page and size (20)."""
    number, project = call.asked("parentId"), call.project().id
    start, end = call.page("size", 20)
    place = None if number is None else hierarchy.module_place(call, number)
    found = (
        call.state.of_project(project, Case.type)
        if place is None
        else call.state.under(place, Case.type)
    )
    after = call.request.query.get("modifiedAfter", "all")
    if after != "all":
        instant = parse_time(after)
        if instant is None:
            raise bad("modifiedAfter must be a date")
        found = [c for c in found if c.modified > instant]
    steps, shown = call.flag("expandSteps"), call.flag("expandProps", default=True)
    page = [c for c in found[start:end] if isinstance(c, Case)]
    return Reply(200, [view(call, c, steps=steps, with_properties=shown) for c in page])


def one(call: Call) -> Reply:
    case, number = call.thing(Case, "testCaseId", pid=True), call.asked("versionId")
    version = None if number is None else _version(case, number)
    return Reply(200, view(call, case, version, steps=call.expands("teststep")))


def update(call: Call) -> Reply:
    """Edit a case: a new version. Steps are replaced where they are given."""
    case, body = call.thing(Case, "testCaseId"), call.body()
    name = call.named(body) if body.get("name") is not None else case.name
    values, texts = _values(call, body)
    given = body.get("test_steps")
    steps = None if given is None else versions.drafts(call, case, given)
    parent = body.get("parent_id")
    if isinstance(parent, int) and parent and parent != case.parent[1]:
        call.state.move(case, hierarchy.module_place(call, parent))
    files = inline(call, body)
    case.name = name
    case.properties |= values
    texts.pop("name", None)
    versions.save(call, case, steps, **texts)
    attach_all(call, case.place, files)
    call.site.changed(case)
    return Reply(200, view(call, case, steps=True))


def delete(call: Call) -> Reply:
    hierarchy.delete(call.state, call.thing(Case, "testCaseId"))
    return Reply(200, {})


def approve(call: Call) -> Reply:
    case = call.thing(Case, "testCaseId")
    versions.approve(call, case)
    call.site.changed(case)
    return Reply(200, view(call, case))


def _version(case: Case, number: int) -> Version:
    found = next((v for v in case.versions if v.id == number), None)
    if found is None:
        raise missing(f"version {number}")
    return found


def all_versions(call: Call) -> Reply:
    case = call.thing(Case, "testCaseId")
    return Reply(200, [view(call, case, v) for v in versions.shown_versions(case)])


def one_version(call: Call) -> Reply:
    case = call.thing(Case, "testCaseId")
    return Reply(200, view(call, case, _version(case, call.number("versionId")), steps=True))


def steps(call: Call) -> Reply:
    case = call.thing(Case, "testCaseId")
    return Reply(200, [step_view(call, case, s) for s in case.latest.steps])


def paged_steps(call: Call) -> Reply:
    """List steps in pages of 200 (API v4)."""
    case, (start, end) = call.thing(Case, "testCaseId"), call.page("size", 200)
    return Reply(200, [step_view(call, case, s) for s in case.latest.steps[start:end]])


def version_steps(call: Call) -> Reply:
    """List the steps of a version; called ones as the option ``called_steps`` says."""
    case = call.thing(Case, "testCaseId")
    version = _version(case, call.number("versionId"))
    expand = call.expands("calledteststep")
    if not expand or call.site.options.called_steps == "nested":
        return Reply(200, [step_view(call, case, s, called=expand) for s in version.steps])
    shown = []
    for order, leaf in enumerate(versions.expanded(call, version), 1):
        item = step_view(call, case, leaf.step) | {"order": order}
        if leaf.called is not None:
            other = call.state.case_of(leaf.called)
            item |= {
                "called_test_case_id": leaf.called,
                "called_test_case_name": other.name if other else "",
                "parent_test_step_id": leaf.parents[0],
            }
        shown.append(item)
    return Reply(200, shown)


def _step(call: Call) -> tuple[Case, Step]:
    case, number = call.thing(Case, "testCaseId"), call.number("stepId")
    found = next((s for s in case.latest.steps if s.id == number), None)
    if found is None:
        raise missing(f"test step {number}")
    return case, found


def one_step(call: Call) -> Reply:
    case, step = _step(call)
    return Reply(200, step_view(call, case, step))


def add_step(call: Call) -> Reply:
    """Add a step before the one that has its order now, or at the end."""
    case = call.thing(Case, "testCaseId")
    old = versions.kept(case.latest.steps)
    new = versions.draft(call, case, call.anything(), len(old) + 1)
    place = min(new.order, len(old) + 1) - 1
    version = versions.save(call, case, [*old[:place], new, *old[place:]])
    call.site.changed(case)
    return Reply(200, step_view(call, case, version.steps[place]))


def update_step(call: Call) -> Reply:
    case, step = _step(call)
    body = call.body()
    old = versions.kept(case.latest.steps)
    new = versions.draft(call, case, body, step.order, step.line)
    if "called_test_case_id" not in body:
        new = attrs.evolve(new, called=step.called)
    place = step.order - 1
    version = versions.save(call, case, [*old[:place], new, *old[place + 1 :]])
    call.site.changed(case)
    return Reply(200, step_view(call, case, version.steps[place]))


def delete_step(call: Call) -> Reply:
    case, step = _step(call)
    old = versions.kept(case.latest.steps)
    del old[step.order - 1]
    versions.save(call, case, old)
    call.site.changed(case)
    return Reply(200, {})


_CASE = API + "/test-cases/{testCaseId}"
_STEP = _CASE + "/test-steps/{stepId}"
_VERSION = _CASE + "/versions/{versionId}"
LINES: tuple[Line, ...] = (
    ("GET", API + "/test-cases", listed),
    ("POST", API + "/test-cases", create),
    ("GET", _CASE, one),
    ("PUT", _CASE, update),
    ("DELETE", _CASE, delete),
    ("PUT", _CASE + "/approve", approve),
    ("GET", _CASE + "/versions", all_versions),
    ("GET", _VERSION, one_version),
    ("GET", _VERSION + "/test-steps", version_steps),
    ("GET", _CASE + "/test-steps", steps),
    ("POST", _CASE + "/test-steps", add_step),
    ("GET", _STEP, one_step),
    ("PUT", _STEP, update_step),
    ("DELETE", _STEP, delete_step),
    ("GET", "/api/v4/projects/{projectId}/test-cases/{testCaseId}/test-steps", paged_steps),
)
