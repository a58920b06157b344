"""How objects of the execution tree look in answers, and ``show`` for all types.

Sources: the models of the qTest v3 document, facts sections 10 and 12.
"""

from __future__ import annotations

from typing import Any

from ztoq_demo.qtest.fields import COMPUTED
from ztoq_demo.qtest.objects import (
    Build,
    Cycle,
    Defect,
    Log,
    Release,
    Run,
    StepLog,
    Suite,
    Thing,
)
from ztoq_demo.qtest.site import Call
from ztoq_demo.qtest.texts import show_time
from ztoq_demo.qtest.views import (
    attachments,
    case,
    head,
    href,
    module,
    properties,
    requirement,
    rich,
    status,
    step,
)

PARENT_TYPES = {"releases": "release", "test-cycles": "test-cycle", "test-suites": "test-suite"}


def release(call: Call, thing: Release) -> dict[str, Any]:
    zone = call.site.options.zone
    shown = head(call, thing) | {
        "properties": properties(call, thing),
        "description": rich(call, thing.description),
        "note": rich(call, thing.note),
    }
    if thing.start is not None:
        shown["start_date"] = show_time(thing.start, zone)
    if thing.end is not None:
        shown["end_date"] = show_time(thing.end, zone)
    return shown


def build(call: Call, thing: Build) -> dict[str, Any]:
    shown = head(call, thing) | {"properties": properties(call, thing)}
    owner = call.state.get(Release, thing.parent[1])
    return shown | ({"release": release(call, owner)} if owner else {})


def _targets(thing: Cycle | Suite) -> dict[str, Any]:
    pairs = {"target_release_id": thing.target_release, "target_build_id": thing.target_build}
    return {key: value for key, value in pairs.items() if value is not None}


def cycle(call: Call, thing: Cycle, *, expand: bool = False) -> dict[str, Any]:
    shown = head(call, thing) | {"description": rich(call, thing.description)} | _targets(thing)
    if expand:
        cycles = call.state.under(thing.place, Cycle.type)
        suites = call.state.under(thing.place, Suite.type)
        shown["test-cycles"] = [cycle(call, c, expand=True) for c in cycles if isinstance(c, Cycle)]
        shown["test-suites"] = [suite(call, s) for s in suites if isinstance(s, Suite)]
    return shown


def _hung(thing: Thing) -> dict[str, Any]:
    """Return how suites and runs name their parent; guess: the root has the id 0."""
    kind, number = thing.parent
    if kind == "root":
        return {"parentId": 0, "parentType": kind}
    return {"parentId": number, "parentType": PARENT_TYPES[kind]}


def suite(call: Call, thing: Suite) -> dict[str, Any]:
    shown = head(call, thing) | _hung(thing) | {"properties": properties(call, thing)}
    return shown | _targets(thing)


def run(
    call: Call, thing: Run, *, case_expanded: bool = False, steps: bool = False
) -> dict[str, Any]:
    """Return a run; its case has neither name nor properties unless it is expanded."""
    version, zone = thing.version, call.site.options.zone
    shown = head(call, thing) | _hung(thing)
    shown |= {
        "automation": "No",
        "testCaseId": thing.case.id,
        "properties": [
            *properties(call, thing),
            *({"field_id": n, "field_name": label, "field_value": "0"} for n, label in COMPUTED),
        ],
        "test_case": {
            "links": [],
            "id": thing.case.id,
            "test_case_version_id": version.id,
            "agent_ids": [],
        },
        "test_case_version_id": version.id,
        "test_case_version": version.label,
        "creator_id": thing.creator,
    }
    if case_expanded:
        shown["test_case"] = case(call, thing.case, version)
        if steps:
            inner = [step(call, thing.case, s, called=True) for s in version.steps]
            shown["test_case"]["test_steps"] = inner
    if thing.configuration:
        shown["configuration_id"] = thing.configuration
    if (last := thing.last_log) is not None:
        shown["latest_test_log"] = {
            "status": last.status.name,
            "id": last.id,
            "exe_start_date": show_time(last.start, zone),
            "exe_end_date": show_time(last.end, zone),
        }
    return shown


def step_log(call: Call, owner: Log, value: StepLog, *, expand: bool) -> dict[str, Any]:
    zone, own = call.site.options.zone, value.step
    files = f"test-step-logs/{value.id}/attachments"
    shown: dict[str, Any] = {
        "links": [{"rel": "attachments", "href": href(call, owner.project, files)}],
        "test_step_id": own.id,
        "test_step_log_id": value.id,
        "user_id": owner.creator,
        "status": status(value.status),
        "description": rich(call, own.description),
        "expected_result": rich(call, own.expected),
        "actual_result": rich(call, value.actual_result),
        "order": value.order,
        "group": value.order,
        "attachments": attachments(call, "test-step-logs", value.id),
        "defects": [defect_link(call, d) for d in value.defects],
    }
    if value.exe_date is not None:
        shown["exe_date"] = show_time(value.exe_date, zone)
    if value.called is not None:
        other = call.state.case_of(value.called)
        shown["called_test_case_id"] = value.called
        shown["called_test_case_name"] = other.name if other else ""
        shown["parent_test_step_id"] = value.parent
    if expand:
        shown["test_step"] = step(call, owner.run.case, own)
    return shown


def log(
    call: Call, thing: Log, *, case_expanded: bool = False, steps: bool = False
) -> dict[str, Any]:
    """Return a log with its step logs; ``steps`` adds the steps to them."""
    zone = call.site.options.zone
    shown: dict[str, Any] = {
        "links": [
            {
                "rel": "self",
                "href": href(call, thing.project, f"test-runs/{thing.run.id}/test-logs/{thing.id}"),
            }
        ],
        "id": thing.id,
        "test_case_version_id": thing.version.id,
        "exe_start_date": show_time(thing.start, zone),
        "exe_end_date": show_time(thing.end, zone),
        "note": rich(call, thing.note),
        "attachments": attachments(call, Log.type, thing.id),
        "name": thing.name,
        "planned_exe_time": thing.planned_time,
        "properties": properties(call, thing, Run.type),
        "status": status(thing.status),
        "result_number": thing.result_number,
        "test_step_logs": [step_log(call, thing, s, expand=steps) for s in thing.steps],
        "test_run_id": thing.run.id,
        "defects": [defect_link(call, d) for d in thing.defects],
    }
    optional = {
        "actual_exe_time": thing.actual_time,
        "build_number": thing.build_number or None,
        "build_url": thing.build_url or None,
    }
    shown |= {key: value for key, value in optional.items() if value is not None}
    if case_expanded:
        shown["test_case"] = case(call, thing.run.case, thing.version)
    return shown


def defect_link(call: Call, pid: str) -> dict[str, Any]:
    """Return a linked defect; the id of an external one is made up."""
    return {"id": call.site.defect_number(pid), "pid": pid, "links": []}


def defect(call: Call, thing: Defect) -> dict[str, Any]:
    zone = call.site.options.zone
    shown = head(call, thing)
    for key in ("name", "order", "created_date"):
        del shown[key]
    return shown | {
        "properties": properties(call, thing),
        "submitted_date": show_time(thing.created, zone),
        "submitter_id": thing.creator,
    }


_SHOW: dict[str, Any] = {
    "modules": module,
    "requirements": requirement,
    "test-cases": case,
    "releases": release,
    "builds": build,
    "test-cycles": cycle,
    "test-suites": suite,
    "test-runs": run,
    "test-logs": log,
    "defects": defect,
}


def show(call: Call, thing: Thing) -> dict[str, Any]:
    """Return an object as lists and searches show it."""
    shown: dict[str, Any] = _SHOW[thing.type](call, thing)
    return shown
