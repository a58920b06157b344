"""Builds a project from Mattermost's published test cases, for tests and benchmarks.

The data (Apache-2.0, github.com/mattermost/mattermost-test-management, lists of 2022-09-07) is not
part of this package. At its origin the references were replaced by names and project, owner, script
address and links dropped: they are put back here. Statuses of cycles, plans and executions are
Zephyr's defaults, since the data has none.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson

from ztoq_demo.zephyr.jira import Component
from ztoq_demo.zephyr.model import (
    Call,
    Case,
    Environment,
    Folder,
    FolderType,
    Priority,
    Project,
    Status,
    StatusType,
    Step,
)

KEY = "MM"
DATE = "2022-09-07"
# ids that the origin does not tell; far from those it does
PROJECT_ID = 60_001
JIRA_ID = 10_302
FIRST_STATUS_ID = 900_001
VERSION_OFFSET = 1_000_000_000
STEPS_A_CASE = 1_000

# Zephyr's default statuses (facts of the Cloud service; the first of each is the default one)
_DEFAULTS = {
    StatusType.TEST_EXECUTION: ("Not Executed", "In Progress", "Pass", "Fail", "Blocked"),
    StatusType.TEST_CYCLE: ("Not Executed", "In Progress", "Done"),
    StatusType.TEST_PLAN: ("Draft", "Approved", "Deprecated"),
}


def mattermost(folder: Path, limit: int | None = None) -> Project:
    """Return the project MM with the cases of ``folder`` in id order, the first ``limit`` of them.

    Cases that a kept case calls are kept too.
    """
    project = Project(
        id=PROJECT_ID,
        key=KEY,
        jira_id=JIRA_ID,
        name="Mattermost",
        folders=[
            Folder(id=f["id"], name=f["name"], parent_id=f["parentId"], index=f["index"])
            for f in _list(folder, "folders")
            if f["folderType"] == FolderType.TEST_CASE
        ],
        statuses=[
            Status(type=StatusType.TEST_CASE, index=index, **each)
            for index, each in enumerate(_list(folder, "statuses"))
        ],
        priorities=[
            Priority(index=index, **each) for index, each in enumerate(_list(folder, "priorities"))
        ],
        environments=[
            Environment(index=index, **each)
            for index, each in enumerate(_list(folder, "environments"))
        ],
        components=[Component(**each) for each in _list(folder, "components")],
    )
    project.statuses += _default_statuses()
    with gzip.open(folder / f"testcases-{DATE}.jsonl.gz") as file:
        bodies = sorted((orjson.loads(line) for line in file), key=lambda body: body["id"])
    folders = {f["fullPath"]: f["id"] for f in _list(folder, "folders")}
    cases = {body["key"]: _case(body, project, folders) for body in bodies}
    project.cases = _with_called(cases, list(cases.values())[:limit])
    return project


def _list(folder: Path, name: str) -> list[dict[str, Any]]:
    body: list[dict[str, Any]] = orjson.loads((folder / f"{name}.{DATE}.json").read_bytes())
    return body


def _default_statuses() -> list[Status]:
    named = [
        (type_, index, name)
        for type_, names in _DEFAULTS.items()
        for index, name in enumerate(names)
    ]
    return [
        Status(id=id_, name=name, type=type_, index=index, default=index == 0)
        for id_, (type_, index, name) in enumerate(named, FIRST_STATUS_ID)
    ]


def _case(body: dict[str, Any], project: Project, folders: dict[str, int]) -> Case:
    component = body["componentName"]
    return Case(
        id=body["id"],
        key=body["key"],
        name=body["name"],
        created_on=body["createdOn"],
        objective=body["objective"],
        precondition=body["precondition"],
        estimated_time=body["estimatedTime"],
        labels=body["labels"],
        component_id=next((c.id for c in project.components if c.name == component), None),
        priority_id=project.priority(body["priorityName"]).id,
        status_id=project.status(StatusType.TEST_CASE, body["statusName"]).id,
        folder_id=folders[body["folderFullPath"]],
        custom_fields=body["customFields"],
        version_ids=[body["id"] + VERSION_OFFSET],
        steps=[
            _step(body["id"] * STEPS_A_CASE + number, step)
            for number, step in enumerate(body["steps"])
        ],
    )


def _step(id_: int, body: dict[str, Any]) -> Step:
    if called := body["testCase"]:
        return Step(id=id_, call=Call(case_key=called["testCaseKey"]))
    inline = body["inline"]
    return Step(
        id=id_,
        description=inline["description"],
        test_data=inline["testData"],
        expected_result=inline["expectedResult"],
        custom_fields=inline["customFields"],
    )


def _with_called(cases: dict[str, Case], wanted: list[Case]) -> list[Case]:
    kept: dict[str, Case] = {}
    waiting = list(wanted)
    while waiting:
        case = waiting.pop()
        if case.key not in kept:
            kept[case.key] = case
            waiting += [cases[step.call.case_key] for step in case.steps if step.call]
    return sorted(kept.values(), key=lambda case: case.id)
