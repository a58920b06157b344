"""Zephyr's JSON, key by key in the order the service gives them.

Shapes: schemas of 2026-08. Where real answers differ from them, the real ones hold:

- a folder at the top has ``"parentId": null`` (real lists of 2022; the schema wants an integer),
- an execution without end date has ``"actualEndDate": null`` (real answers; the schema wants text),
- a cycle's ``links.self`` and an execution's carry the numeric id (real answers), a case's the key
  (example in the vendor's document), and links to plans and cycles have a ``target`` on the Jira
  site that leads nowhere (real answers).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import attrs

from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.model import (
    Call,
    Case,
    Cycle,
    Environment,
    Execution,
    Folder,
    IssueLink,
    Plan,
    Priority,
    Project,
    Result,
    Status,
    Step,
    WebLink,
)
from ztoq_demo.zephyr.tenant import Row, Tenant

Json = dict[str, Any]


@attrs.frozen
class Bodies:
    """Makes the answers for one request.

    ``base`` is the API's address (with ``/v2``) as the client named it, ``jira`` the Jira site's.
    ``extra`` adds a key that no document knows to references (seen on the real service),
    ``step_ids`` False leaves out the ids of steps (they came in 2026).
    """

    tenant: Tenant
    base: str
    jira: str
    extra: bool = False
    step_ids: bool = True

    # -------------------------------------------------------------------------------- main objects

    def case(self, row: Row[Case]) -> Json:
        """Return a test case."""
        case = row.item
        url = f"{self.base}/testcases/{case.key}"
        return {
            "id": case.id,
            "key": case.key,
            "name": case.name,
            "project": self._project(row.project),
            "createdOn": case.created_on,
            "objective": case.objective,
            "precondition": case.precondition,
            "estimatedTime": case.estimated_time,
            "labels": case.labels,
            "component": self._in_jira("component", case.component_id),
            "priority": self._ref("priorities", case.priority_id),
            "status": self._ref("statuses", case.status_id),
            "folder": self._ref("folders", case.folder_id),
            "owner": self._owner(case.owner),
            "testScript": {"self": f"{url}/{'testscript' if case.script else 'teststeps'}"},
            "customFields": case.custom_fields,
            "links": self.case_links(row),
        }

    def case_version(self, row: Row[Case], number: int) -> Json:
        """Return version ``number`` of a case (guess: like the newest but for its id)."""
        return self.case(row) | {"id": (row.item.version_ids or [row.item.id])[number - 1]}

    def case_links(self, row: Row[Case]) -> Json:
        """Return the links of a case."""
        return self._links(f"testcases/{row.item.key}", row.item.issues, row.item.web_links)

    def cycle(self, row: Row[Cycle]) -> Json:
        """Return a test cycle."""
        cycle = row.item
        return {
            "id": cycle.id,
            "key": cycle.key,
            "name": cycle.name,
            "project": self._project(row.project),
            "jiraProjectVersion": self._in_jira("version", cycle.version_id),
            "status": self._ref("statuses", cycle.status_id),
            "folder": self._ref("folders", cycle.folder_id),
            "description": cycle.description,
            "plannedStartDate": cycle.planned_start,
            "plannedEndDate": cycle.planned_end,
            "owner": self._owner(cycle.owner),
            "customFields": cycle.custom_fields,
            "links": self.cycle_links(row),
        }

    def cycle_links(self, row: Row[Cycle]) -> Json:
        """Return the links of a cycle, those to plans among them."""
        cycle = row.item
        plans = [
            {
                "id": link.id,
                "self": f"{self.base}/links/{link.id}",
                "testPlanId": plan.item.id,
                "type": link.type,
                "target": f"{self.jira}/testplans/{plan.item.id}",
            }
            for plan in self.tenant.plans.rows
            for link in plan.item.cycles
            if link.cycle_id == cycle.id
        ]
        links = self._links(f"testcycles/{cycle.id}", cycle.issues, cycle.web_links)
        return links | {"testPlans": plans}

    def plan(self, row: Row[Plan]) -> Json:
        """Return a test plan."""
        plan = row.item
        return {
            "id": plan.id,
            "key": plan.key,
            "name": plan.name,
            "objective": plan.objective,
            "project": self._project(row.project),
            "status": self._ref("statuses", plan.status_id),
            "folder": self._ref("folders", plan.folder_id),
            "owner": self._owner(plan.owner),
            "customFields": plan.custom_fields,
            "labels": plan.labels,
            "links": {
                "webLinks": self._web_links(plan.web_links),
                "issues": self._issues(plan.issues),
                "testCycles": [
                    {
                        "id": link.id,
                        "self": f"{self.base}/links/{link.id}",
                        "testCycleId": link.cycle_id,
                        "type": link.type,
                        "target": f"{self.jira}/testcycles/{link.cycle_id}",
                    }
                    for link in plan.cycles
                ],
            },
        }

    def execution(self, row: Row[Execution], *, step_links: bool = False) -> Json:
        """Return a test execution; ``step_links``: with the issues of its steps."""
        run = row.item
        case = f"{self.base}/testcases/{run.case_key}/versions/{run.case_version}"
        return {
            "id": run.id,
            "key": run.key,
            "project": self._project(row.project),
            "testCase": {"self": case, "id": run.case_version_id},
            "environment": self._ref("environments", run.environment_id),
            "jiraProjectVersion": self._in_jira("version", run.version_id),
            "testExecutionStatus": self._ref("statuses", run.status_id),
            "actualEndDate": run.actual_end,
            "estimatedTime": run.estimated_time,
            "executionTime": run.execution_time,
            "executedById": run.executed_by,
            "assignedToId": run.assigned_to,
            "comment": run.comment,
            "automated": run.automated,
            "testCycle": self._ref("testcycles", run.cycle_id, self_first=True),
            "customFields": run.custom_fields,
            "links": self.execution_links(row, step_links=step_links),
        }

    def execution_links(self, row: Row[Execution], *, step_links: bool = False) -> Json:
        """Return the links of an execution (guess: links of steps follow in the same list)."""
        issues = list(row.item.issues)
        if step_links:
            issues += [link for result in row.item.results for link in result.issues]
        url = f"{self.base}/testexecutions/{row.item.id}/links"
        return {"self": url, "issues": self._issues(issues)}

    # --------------------------------------------------------------------------------------- parts

    def step(self, step: Step) -> Json:
        """Return a step of a case: exactly one of ``inline`` and ``testCase`` is not null."""
        if step.call:
            called = {
                "self": f"{self.base}/testcases/{step.call.case_key}",
                "testCaseKey": step.call.case_key,
                "parameters": _parameters(step.call),
            }
            return self._numbered(step) | {"inline": None, "testCase": called}
        inline = {
            "description": step.description,
            "testData": step.test_data,
            "expectedResult": step.expected_result,
            "customFields": step.custom_fields,
            "reflectRef": step.reflect_ref,
        }
        return self._numbered(step) | {"inline": inline, "testCase": None}

    def result(self, result: Result) -> Json:
        """Return a step of an execution."""
        inline = {
            "description": result.description,
            "testData": result.test_data,
            "expectedResult": result.expected_result,
            "actualResult": result.actual_result,
            "testDataRowNumber": result.row,
            "reflectRef": result.reflect_ref,
            "status": self._ref("statuses", result.status_id),
        }
        return self._numbered(result) | {"inline": inline}

    def files(self, files: Sequence[File]) -> Json:
        """Return the list of an object's attachments: no sizes, types or dates."""
        return {"attachments": [{"id": file.id, "name": file.name} for file in files]}

    # --------------------------------------------------------------------------------------- lists

    def project(self, row: Row[Project]) -> Json:
        """Return a project."""
        each = row.item
        return {
            "id": each.id,
            "jiraProjectId": each.jira_id,
            "key": each.key,
            "enabled": each.enabled,
        }

    def folder(self, row: Row[Folder]) -> Json:
        """Return a folder."""
        folder = row.item
        return {
            "id": folder.id,
            "parentId": folder.parent_id,
            "name": folder.name,
            "index": folder.index,
            "folderType": folder.type,
            "project": self._project(row.project),
        }

    def status(self, row: Row[Status]) -> Json:
        """Return a status; its type is not told."""
        return self._option(row) | {
            "color": row.item.color,
            "archived": row.item.archived,
            "default": row.item.default,
        }

    def priority(self, row: Row[Priority]) -> Json:
        """Return a priority."""
        return self._option(row) | {"color": row.item.color, "default": row.item.default}

    def environment(self, row: Row[Environment]) -> Json:
        """Return an environment."""
        return self._option(row) | {"archived": row.item.archived}

    # ---------------------------------------------------------------------------------- references

    def _numbered(self, part: Step | Result) -> Json:
        return {"id": part.id} if self.step_ids else {}

    def _option(self, row: Row[Status] | Row[Priority] | Row[Environment]) -> Json:
        return {
            "id": row.item.id,
            "project": self._project(row.project),
            "name": row.item.name,
            "description": row.item.description,
            "index": row.item.index,
        }

    def _project(self, project: Project) -> Json:
        body = {"id": project.id, "self": f"{self.base}/projects/{project.id}"}
        return body | {"key": project.key} if self.extra else body

    def _ref(self, path: str, id_: int | None, *, self_first: bool = False) -> Json | None:
        if id_ is None:
            return None
        url = f"{self.base}/{path}/{id_}"
        body: Json = {"self": url, "id": id_} if self_first else {"id": id_, "self": url}
        return body | {"uri": url} if self.extra else body

    def _in_jira(self, path: str, id_: int | None) -> Json | None:
        return {"id": id_, "self": f"{self.jira}/rest/api/2/{path}/{id_}"} if id_ else None

    def _owner(self, account_id: str | None) -> Json | None:
        if not account_id:
            return None if account_id is None else {"accountId": None}
        user = f"{self.jira}/rest/api/2/user?accountId={quote(account_id, safe='')}"
        return {"self": user, "accountId": account_id}

    def _links(self, path: str, issues: list[IssueLink], web_links: list[WebLink]) -> Json:
        return {
            "self": f"{self.base}/{path}/links",
            "issues": self._issues(issues),
            "webLinks": self._web_links(web_links),
        }

    def _issues(self, links: list[IssueLink]) -> list[Json]:
        return [
            {
                "self": f"{self.base}/links/{link.id}",
                "issueId": link.issue_id,
                "id": link.id,
                "target": f"{self.jira}/rest/api/2/issue/{link.issue_id}",
                "type": link.type,
            }
            for link in links
        ]

    def _web_links(self, links: list[WebLink]) -> list[Json]:
        return [
            {
                "self": f"{self.base}/links/{link.id}",
                "id": link.id,
                "url": link.url,
                "description": link.description,
                "type": link.type,
            }
            for link in links
        ]


def _parameters(call: Call) -> list[Json] | None:
    return None if call.parameters is None else [attrs.asdict(each) for each in call.parameters]
