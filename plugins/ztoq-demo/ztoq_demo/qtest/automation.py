"""Automation logs and their queue (facts section 7); refused unless the project allows them."""

from __future__ import annotations

import json
from typing import Any

from ztoq_testkit.simulate import Refusal, Reply

from ztoq_demo.qtest import versions
from ztoq_demo.qtest.design_tree import add_module
from ztoq_demo.qtest.execution_views import log as log_view
from ztoq_demo.qtest.fields import bad
from ztoq_demo.qtest.logs import add_log
from ztoq_demo.qtest.objects import Case, Cycle, Job, Log, Module, Place, Run, Status, Suite
from ztoq_demo.qtest.placing import common
from ztoq_demo.qtest.runs import add_run
from ztoq_demo.qtest.site import API, Call, Line, missing
from ztoq_demo.qtest.texts import parse_time

WORDS = {"PASS": "Passed", "FAIL": "Failed", "SKIP": "Incomplete", "BLOCK": "Blocked"}
"""The mapping of Automation Settings; names of statuses are understood too (guess)."""

STATES = ("IN_WAITING", "IN_PROCESSING", "SUCCESS")


def _allowed(call: Call) -> None:
    if not call.project().automation:
        raise Refusal(403, {"message": "Automation not turned on"})


def _status(call: Call, given: Any) -> Status:
    if isinstance(given, str):
        name = WORDS.get(given.upper(), given).casefold()
        for status in call.state.statuses.values():
            if status.name.casefold() == name:
                return status
    raise bad(f"the status {given!r} is not mapped in Automation Settings")


def _case(call: Call, item: dict[str, Any], place: Place) -> Case:
    """Return the case of an ``automation_content``, made where there is none."""
    project, content = call.project().id, item.get("automation_content")
    field = call.site.fields.named(project, Case.type, "Automation Content")
    if field is None or not isinstance(content, str) or not content:
        raise bad("automation_content is required")
    for found in call.state.having(project, Case.type, field.id, content):
        if isinstance(found, Case):
            return found
    values = call.site.fields.completed(project, Case.type, {field.id: content}, {"name": "-"})
    made = Case(**common(call, place), name=call.named(item), properties=values)
    steps = [
        versions.Draft(
            description=str(step.get("description", "")),
            expected=str(step.get("expected_result", "")),
            order=order,
            called=None,
        )
        for order, step in enumerate(item.get("test_step_logs") or (), 1)
    ]
    versions.save(call, made, steps)
    versions.approve(call, made)
    call.state.add(made)
    return made


def _log(call: Call, run: Run, item: dict[str, Any]) -> Log:
    start, end = parse_time(item.get("exe_start_date")), parse_time(item.get("exe_end_date"))
    if start is None or end is None:
        raise bad("exe_start_date and exe_end_date are required")
    log = Log(
        **common(call, run.place),
        run=run,
        version=run.case.approved or run.case.latest,
        status=_status(call, item.get("status")),
        start=start,
        end=end,
        name=call.text(item, "name", run.name),
        note=call.text(item, "note"),
        automated=True,
    )
    add_log(call, run, log)
    return log


def _run(call: Call, case: Case, place: Place) -> Run:
    for found in call.state.under(place, Run.type):
        if isinstance(found, Run) and found.case is case:
            return found
    return add_run(call, place, case, case.approved or case.latest, name=case.name)


def _modules(call: Call, names: list[str]) -> Place:
    place: Place = "root", call.project().id
    for name in names:
        below = [m for m in call.state.under(place, Module.type) if m.name == name]
        place = below[0].place if below else add_module(call, name, place).place
    return place


def _under(call: Call, place: Place, name: str, kind: type[Cycle | Suite]) -> Place:
    below = [c for c in call.state.under(place, kind.type) if c.name == name]
    if below:
        return below[0].place
    made = kind(**common(call, place), name=name)
    call.state.add(made)
    return made.place


def _target(call: Call, text: Any, kind: type[Cycle | Suite]) -> Place:
    number = call.state.pids.get((call.project().id, str(text)))
    if number is None and str(text).isdigit():
        number = int(str(text))
    return call.at(kind, number or 0).place


def _batch(call: Call, kind: type[Cycle | Suite], key: str) -> Reply:
    _allowed(call)
    if call.request.query.get("type") != "automation":
        raise bad("type must be automation")
    body = call.body()
    given = body.get("test_logs")
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise bad("test_logs must be an array")
    root: Place = "root", call.project().id
    target = root if body.get(key) is None else _target(call, body[key], kind)
    made = []
    for item in given:
        names = [str(name) for name in item.get("module_names") or ["Automation"]]
        place = target
        if kind is Cycle:
            for name in names:
                place = _under(call, place, name, Cycle)
            place = _under(call, place, names[-1], Suite)
        case = _case(call, item, _modules(call, names))
        made.append(_log(call, _run(call, case, place), item).id)
    content = json.dumps({"testLogs": made})
    job = Job(id=call.state.new_id(), states=list(STATES), content=content)
    call.state.jobs[job.id] = job
    return Reply(201, _shown(job))


def tree(call: Call) -> Reply:
    return _batch(call, Cycle, "test_cycle")


def suite(call: Call) -> Reply:
    return _batch(call, Suite, "test_suite")


def single(call: Call) -> Reply:
    """Submit one automation log; the run 0 makes a new one."""
    _allowed(call)
    body = call.body()
    if call.request.params["testRunId"] == "0":
        case = _case(call, body, _modules(call, ["Automation"]))
        run = _run(call, case, ("root", call.project().id))
    else:
        run = call.thing(Run, "testRunId")
    shown = log_view(call, _log(call, run, body))
    return Reply(201, shown | {"status": body["status"]})


def _shown(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "state": job.states[0],
        "type": "AUTOMATION_TEST_LOG",
        "contentType": "application/json",
        "content": job.content if job.states[0] == "SUCCESS" else "",
    }


def track(call: Call) -> Reply:
    """Show a job; each look brings it one state further."""
    job = call.state.jobs.get(call.number("id"))
    if job is None:
        raise missing("job")
    if len(job.states) > 1:
        del job.states[0]
    return Reply(200, _shown(job))


LINES: tuple[Line, ...] = (
    ("POST", API + "/auto-test-logs", tree),
    ("POST", API + "/test-runs/{testRunId}/auto-test-logs", single),
    ("POST", "/api/v3.1/projects/{projectId}/test-runs/{testRunId}/auto-test-logs", suite),
    ("GET", "/api/v3/projects/queue-processing/{id}", track),
)
