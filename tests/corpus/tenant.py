"""The corpus in the words of the Zephyr simulator's corpus files: plain JSON, written to a file."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from pathlib import Path

from tests.corpus.invent import (
    CYCLE_STATUSES,
    EXECUTION_STATUSES,
    FOREIGN,
    PLAN_STATUSES,
    PROJECT,
    VERSIONS,
    History,
)
from tests.corpus.real import Json, Real

VERSION_OFFSET = 1_000_000_000
OF_KIND = {
    "TEST_CYCLE": CYCLE_STATUSES,
    "TEST_PLAN": PLAN_STATUSES,
    "TEST_EXECUTION": EXECUTION_STATUSES,
}


def write(path: Path, real: Real, history: History) -> None:
    """Write the file that ``python -m ztoq_demo.zephyr --corpus`` serves."""
    path.write_text(json.dumps(tenant(real, history)), "utf-8")


def tenant(real: Real, history: History) -> list[Json]:
    """Return the two projects of the tenant: the one that moves, and one that it refers to."""
    return [_Tenant(real, history).project(), _foreign(history)]


class _Tenant:
    def __init__(self, real: Real, history: History) -> None:
        self.real = real
        self.history = history
        self.statuses: dict[tuple[str, str], int] = {}
        self.rows: list[Json] = [
            {**each, "type": "TEST_CASE", "index": index}
            for index, each in enumerate(real.statuses)
        ]
        for kind, names in OF_KIND.items():
            for index, name in enumerate(names):
                id_ = 950_000 + len(self.statuses)
                self.statuses[kind, name] = id_
                row = {"id": id_, "name": name, "type": kind, "index": index}
                self.rows.append({**row, "default": index == 0})
        self.environments = {each["name"]: each["id"] for each in real.environments}
        self.files: dict[tuple[str, str, int | None], list[Json]] = defaultdict(list)
        for file in history.files:
            content = base64.b64encode(file["content"]).decode()
            self.files[file["owner_kind"], file["owner"], file["part"]].append(
                {"id": file["id"], "name": file["name"], "base64": content}
            )
        self.cycle_ids = {each["key"]: each["id"] for each in history.cycles}

    def project(self) -> Json:
        issues = [
            {"id": int(id_), "key": key, "summary": f"Issue {key}"}
            for id_, key in self.history.issue_keys.items()
        ]
        return {
            "id": 60_001,
            "key": PROJECT,
            "jira_id": 10_302,
            "name": "Mattermost",
            "folders": [_folder(each) for each in [*self.real.folders, *self.history.folders]],
            "statuses": self.rows,
            "priorities": [
                {**each, "index": index} for index, each in enumerate(self.real.priorities)
            ],
            "environments": [
                {**each, "index": index} for index, each in enumerate(self.real.environments)
            ],
            "components": [{"id": id_, "name": name} for id_, name in self.real.components.items()],
            "versions": [{"id": id_, "name": f"Version {id_}"} for id_ in VERSIONS],
            "issues": issues,
            "people": [
                {"account_id": each, "name": f"Person {number}", "email": f"p{number}@example.com"}
                for number, each in enumerate(self.history.accounts)
            ],
            "cases": [self._case(each) for each in self.real.cases],
            "cycles": [self._cycle(each) for each in self.history.cycles],
            "plans": [self._plan(each) for each in self.history.plans],
            "executions": [self._execution(each) for each in self.history.executions],
        }

    def _case(self, case: Json) -> Json:
        steps = []
        for index, step in enumerate(case["steps"]):
            row = _step(step)
            row["files"] = self.files["step", case["key"], index]
            steps.append(row)
        return {
            **_plain_case(case),
            "priority_id": case["priority"],
            "status_id": case["status"],
            "steps": steps,
            "files": self.files["case", case["key"], None],
        }

    def _cycle(self, cycle: Json) -> Json:
        return {
            "id": cycle["id"],
            "key": cycle["key"],
            "name": cycle["name"],
            "status_id": self.statuses["TEST_CYCLE", cycle["status"]],
            "description": cycle["description"],
            "planned_start": cycle["plannedStartDate"],
            "planned_end": cycle["plannedEndDate"],
            "version_id": cycle["version"],
            "folder_id": cycle["folder"],
            "owner": cycle["owner"],
            "custom_fields": cycle["customFields"],
            "issues": [_issue(each) for each in cycle["issues"]],
            "web_links": cycle["webLinks"],
            "files": self.files["cycle", cycle["key"], None],
        }

    def _plan(self, plan: Json) -> Json:
        return {
            "id": plan["id"],
            "key": plan["key"],
            "name": plan["name"],
            "status_id": self.statuses["TEST_PLAN", plan["status"]],
            "objective": plan["objective"],
            "folder_id": plan["folder"],
            "owner": plan["owner"],
            "labels": plan["labels"],
            "custom_fields": plan["customFields"],
            "cycles": [
                {"id": plan["id"] * 100 + number, "cycle_id": self.cycle_ids[key]}
                for number, key in enumerate(plan["cycles"])
            ],
            "files": self.files["plan", plan["key"], None],
        }

    def _execution(self, each: Json) -> Json:
        known = self.real.by_key.get(each["testCase"])
        case_id = known["id"] if known else int(each["testCase"].rpartition("T")[2])
        results = []
        for index, result in enumerate(each["results"]):
            results.append(
                {
                    "id": result["id"],
                    "status_id": self.statuses["TEST_EXECUTION", result["status"]],
                    "description": result["description"],
                    "test_data": result["testData"],
                    "expected_result": result["expectedResult"],
                    "actual_result": result["actualResult"],
                    "row": result["row"],
                    "issues": [_issue(link) for link in result["issues"]],
                    "files": self.files["result", each["key"], index],
                }
            )
        return {
            "id": each["id"],
            "key": each["key"],
            "case_key": each["testCase"],
            "case_version_id": case_id + VERSION_OFFSET,
            "status_id": self.statuses["TEST_EXECUTION", each["status"]],
            "environment_id": self.environments[each["environment"]]
            if each["environment"]
            else None,
            "actual_end": each["ended"],
            "execution_time": each["duration"],
            "executed_by": each["executedBy"],
            "assigned_to": each["assignedTo"],
            "comment": each["comment"],
            "automated": each["automated"],
            "cycle_id": self.cycle_ids[each["cycle"]] if each["cycle"] else None,
            "custom_fields": each["customFields"],
            "issues": [_issue(link) for link in each["issues"]],
            "results": results,
            "files": self.files["execution", each["key"], None],
        }


def _foreign(history: History) -> Json:
    return {
        "id": 60_002,
        "key": FOREIGN,
        "jira_id": 10_303,
        "name": "Another project",
        "statuses": [{"id": 1, "name": "Approved", "type": "TEST_CASE", "default": True}],
        "priorities": [{"id": 2, "name": "Normal", "default": True}],
        "cases": [
            {
                **_plain_case(each),
                "priority_id": 2,
                "status_id": 1,
                "steps": [_step(step) for step in each["steps"]],
            }
            for each in history.foreign_cases
        ],
    }


def _plain_case(case: Json) -> Json:
    return {
        "id": case["id"],
        "key": case["key"],
        "name": case["name"],
        "created_on": case["createdOn"],
        "objective": case["objective"],
        "precondition": case["precondition"],
        "estimated_time": case["estimatedTime"],
        "labels": case["labels"],
        "component_id": case["component"],
        "folder_id": case["folder"],
        "owner": case["owner"],
        "custom_fields": case["customFields"],
        "issues": [_issue(each) for each in case["issues"]],
        "web_links": case["webLinks"],
        "version_ids": [case["id"] + VERSION_OFFSET],
    }


def _step(step: Json) -> Json:
    inline = step["inline"]
    if inline is None:
        return {"id": step["id"], "call": {"case_key": step["testCase"]["testCaseKey"]}}
    return {
        "id": step["id"],
        "description": inline["description"],
        "test_data": inline["testData"],
        "expected_result": inline["expectedResult"],
        "custom_fields": inline["customFields"],
    }


def _issue(link: Json) -> Json:
    return {"id": link["id"], "issue_id": link["issueId"], "type": link["type"]}


def _folder(each: Json) -> Json:
    row = {"id": each["id"], "name": each["name"], "type": each["folderType"]}
    return {**row, "parent_id": each["parentId"], "index": each["index"]}
