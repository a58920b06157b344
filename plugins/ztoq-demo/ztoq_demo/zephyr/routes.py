"""The table of routes: which path serves what, in which shape. The shapes are in ``shapes``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ztoq_testkit.simulate import Route

from ztoq_demo.zephyr.bodies import Bodies
from ztoq_demo.zephyr.queries import CYCLE, PROJECT_KEY
from ztoq_demo.zephyr.shapes import Kind, Shapes

BASE = "/v2"

NUMBER = re.compile(r"[1-9][0-9]*")
CASE_KEY = re.compile(r".+-T[0-9]+")
DATES = ("actualEndDateAfter", "actualEndDateBefore")

CASES = Kind(
    path="testcases",
    word="test case",
    table=lambda tenant: tenant.cases,
    body=lambda bodies, row, _: bodies.case(row),
    pattern=CASE_KEY,
    # attachments are listed by id or key, but downloaded by key only
    files_pattern=re.compile(r"[0-9]+|[A-Z][A-Z_0-9]+-T[0-9]+"),
    filters=("projectKey", "folderId"),
    cursor_filters=("projectKey", "folderId", "updatedAfter"),
    links=Bodies.case_links,
    parts=lambda case: case.steps,
)
CYCLES = Kind(
    path="testcycles",
    word="test cycle",
    table=lambda tenant: tenant.cycles,
    body=lambda bodies, row, _: bodies.cycle(row),
    pattern=CYCLE,
    filters=("projectKey", "folderId", "jiraProjectVersionId"),
    cursor_filters=("projectKey", "folderId", "jiraProjectVersionId", "updatedAfter"),
    links=Bodies.cycle_links,
)
PLANS = Kind(
    path="testplans",
    word="test plan",
    table=lambda tenant: tenant.plans,
    body=lambda bodies, row, _: bodies.plan(row),
    pattern=re.compile(r"[0-9]+|.+-P[0-9]+"),
    filters=("projectKey",),
    cursor_filters=("projectKey", "updatedAfter"),
)
EXECUTIONS = Kind(
    path="testexecutions",
    word="test execution",
    table=lambda tenant: tenant.executions,
    body=lambda bodies, row, step_links: bodies.execution(row, step_links=step_links),
    pattern=re.compile(r"[0-9]+|.+-E[0-9]+"),
    filters=(
        *("projectKey", "testCycle", "testCase", *DATES),
        *("jiraProjectVersionId", "onlyLastExecutions"),
    ),
    cursor_filters=(
        *("projectKey", "testCycle", "testCase", *DATES),
        *("jiraProjectVersionId", "onlyLastExecutions", "updatedAfter"),
    ),
    step_links=True,
    links=Bodies.execution_links,
    # the vendor's oddity: links of an unknown execution are 400, not 404
    links_unknown=400,
    parts=lambda execution: execution.results,
)
FOLDERS = Kind(
    path="folders",
    word="folder",
    table=lambda tenant: tenant.folders,
    body=lambda bodies, row, _: bodies.folder(row),
    pattern=NUMBER,
    filters=("projectKey", "folderType"),
)
STATUSES = Kind(
    path="statuses",
    word="status",
    table=lambda tenant: tenant.statuses,
    body=lambda bodies, row, _: bodies.status(row),
    pattern=NUMBER,
    filters=("projectKey", "statusType"),
)
PRIORITIES = Kind(
    path="priorities",
    word="priority",
    table=lambda tenant: tenant.priorities,
    body=lambda bodies, row, _: bodies.priority(row),
    pattern=NUMBER,
    filters=("projectKey",),
)
ENVIRONMENTS = Kind(
    path="environments",
    word="environment",
    table=lambda tenant: tenant.environments,
    body=lambda bodies, row, _: bodies.environment(row),
    pattern=NUMBER,
    filters=("projectKey",),
)
PROJECTS = Kind(
    path="projects",
    word="project",
    table=lambda tenant: tenant.all_projects,
    body=lambda bodies, row, _: bodies.project(row),
    pattern=re.compile(rf"[0-9]+|{PROJECT_KEY.pattern}"),
)
KINDS = (CASES, CYCLES, PLANS, EXECUTIONS, FOLDERS, STATUSES, PRIORITIES, ENVIRONMENTS, PROJECTS)


def routes(shapes: Shapes) -> Iterator[Route]:
    """Yield the table; every route reads, and ``Simulator`` refuses all that is not here."""
    for kind in KINDS:
        top = f"{BASE}/{kind.path}"
        yield Route("GET", top, shapes.listed(kind))
        yield Route("GET", f"{top}/{{key}}", shapes.one(kind))
        if kind.cursor_filters:
            yield Route("GET", f"{top}/nextgen", shapes.listed_by_cursor(kind))
            yield Route("GET", f"{top}/{{key}}/attachments", shapes.files(kind))
            yield Route("GET", f"{top}/{{key}}/attachments/{{file}}", shapes.content(kind))
        if kind.links:
            yield Route("GET", f"{top}/{{key}}/links", shapes.links(kind))
        if kind.parts:
            step = f"{top}/{{key}}/teststeps/{{part}}/attachments"
            yield Route("GET", step, shapes.files(kind))
            yield Route("GET", f"{step}/{{file}}", shapes.content(kind))
    case, run = f"{BASE}/testcases/{{key}}", f"{BASE}/testexecutions/{{key}}"
    yield Route("GET", f"{case}/teststeps", shapes.steps(CASES))
    yield Route("GET", f"{case}/testscript", shapes.script(CASES))
    yield Route("GET", f"{case}/versions", shapes.versions(CASES))
    yield Route("GET", f"{case}/versions/{{version}}", shapes.version(CASES))
    yield Route("GET", f"{run}/teststeps", shapes.results(EXECUTIONS))
    linked = f"{BASE}/issuelinks/{{issue}}"
    yield Route("GET", f"{linked}/testcases", shapes.linked_cases)
    yield Route("GET", f"{linked}/testcycles", shapes.linked(CYCLES))
    yield Route("GET", f"{linked}/testplans", shapes.linked(PLANS))
    yield Route("GET", f"{linked}/executions", shapes.linked(EXECUTIONS))
    yield Route("GET", f"{BASE}/automations/testcases", shapes.features)
    yield Route("GET", f"{BASE}/healthcheck", shapes.healthcheck)
