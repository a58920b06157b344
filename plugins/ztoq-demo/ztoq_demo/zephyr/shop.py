"""The demo project: the tests of a small web shop, made from ``shop.toml``; all is invented."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from itertools import count
from typing import Any

from ztoq_demo.zephyr.jira import Component, Issue, Person, Version
from ztoq_demo.zephyr.model import (
    Call,
    Case,
    Cycle,
    CycleLink,
    Environment,
    Folder,
    FolderType,
    IssueLink,
    Parameter,
    Plan,
    Priority,
    Project,
    Script,
    Status,
    StatusType,
    Step,
    WebLink,
)

KEY = "DEMO"
CASE_FOLDERS = FolderType.TEST_CASE
STATUSES = {
    StatusType.TEST_CASE: ("Draft", "Approved", "Deprecated"),
    StatusType.TEST_PLAN: ("Draft", "Approved", "Deprecated"),
    StatusType.TEST_CYCLE: ("Not Executed", "In Progress", "Done"),
    StatusType.TEST_EXECUTION: (
        *("Not Executed", "In Progress", "Pass", "Fail", "Blocked"),
        "Passed with remarks",
    ),
}
PEOPLE = (
    Person(
        account_id="712020:0f5c1c7e-demo-4a0e-9d53-anna",
        name="Anna Berg",
        email="anna.berg@shop.example",
    ),
    # hides the e-mail address, as the profile settings of Atlassian allow
    Person(account_id="5b10ac8d82e05b22cc7d4ef5", name="Ben Okafor"),
    Person(account_id="557058:8e0c2f6a-demo-4b7d-8a51-carla", name="Carla Ruiz", active=False),
)
BROWSERS = ("Chrome", "Firefox", "Safari")
MINUTE = 60_000


class Ids:
    """Numbers objects: every id occurs once in the whole tenant."""

    def __init__(self) -> None:
        self._ids = count(40_001)

    def __call__(self) -> int:
        """Return the next id."""
        return next(self._ids)


def base_project(ids: Ids) -> Project:
    """Return the project with its lists, cases, cycles and plan; without executions and files."""
    project = Project(
        id=437_001,
        key=KEY,
        jira_id=10_277,
        name="Web shop",
        statuses=_statuses(ids),
        priorities=_priorities(ids),
        environments=[
            Environment(id=ids(), name=name, index=index)
            for index, name in enumerate((*BROWSERS, "Pixel 8"))
        ],
        components=[Component(id=10_501, name="Checkout"), Component(id=10_502, name="Catalogue")],
        versions=[
            Version(id=10_100, name="1.4", release_date="2024-03-18", released=True),
            Version(id=10_101, name="1.5", start_date="2024-04-01", release_date="2024-05-02"),
        ],
        issues=[
            *(
                Issue(id=20_000 + n, key=f"{KEY}-{n}", summary=f"Story {n}")
                for n in range(101, 113)
            ),
            *(
                Issue(id=20_000 + n, key=f"{KEY}-{n}", summary=f"Bug {n}", type="Bug")
                for n in range(201, 207)
            ),
        ],
        people=list(PEOPLE),
    )
    _Cases(project, ids).add(
        tomllib.loads(files(__package__).joinpath("shop.toml").read_text("utf-8"))
    )
    project.cycles = _cycles(project, ids)
    project.plans = [_plan(project, ids)]
    return project


def foreign_project(ids: Ids) -> Project:
    """Return another team's project, of which one case is executed in a cycle of this one."""
    project = Project(
        id=437_002,
        key="PAY",
        jira_id=10_278,
        name="Payment",
        statuses=_statuses(ids),
        priorities=_priorities(ids),
    )
    case = Case(
        id=ids(),
        key="PAY-T1",
        name="Refund to the card",
        priority_id=project.priority("Normal").id,
        status_id=project.status(StatusType.TEST_CASE, "Approved").id,
        version_ids=[ids()],
        steps=[
            Step(
                id=ids(),
                description="Refund an order that was paid by card",
                expected_result="The money is back within three days",
            )
        ],
    )
    project.cases = [case]
    return project


def disabled_project() -> Project:
    """Return a Jira project for which Zephyr is switched off."""
    return Project(id=437_003, key="HR", jira_id=10_279, name="People", enabled=False)


def _statuses(ids: Ids) -> list[Status]:
    return [
        Status(id=ids(), name=name, type=type_, index=index, default=index == 0)
        for type_, names in STATUSES.items()
        for index, name in enumerate(names)
    ]


def _priorities(ids: Ids) -> list[Priority]:
    return [
        Priority(id=ids(), name=name, index=index, default=name == "Normal")
        for index, name in enumerate(("High", "Normal", "Low"))
    ]


def folder_at(project: Project, type_: FolderType, path: str, ids: Ids) -> int | None:
    """Return the id of the folder at a path such as ``A/B``, making what is missing.

    A child may get a smaller id than its parent, as after a folder was moved in the product.
    """
    parent: int | None = None
    for name in filter(None, path.split("/")):
        siblings = [f for f in project.folders if f.type is type_ and f.parent_id == parent]
        found = next((each for each in siblings if each.name == name), None)
        if found is None:
            found = Folder(id=ids(), name=name, type=type_, parent_id=parent, index=len(siblings))
            project.folders.append(found)
        parent = found.id
    return parent


class _Cases:
    """Makes cases of what ``shop.toml`` says."""

    def __init__(self, project: Project, ids: Ids) -> None:
        self.project = project
        self.ids = ids
        self.issues = {issue.key: issue.id for issue in project.issues}
        self.keys: dict[str, str] = {}

    def add(self, content: dict[str, Any]) -> None:
        bodies = content["case"]
        self.keys = {
            body["name"]: f"{KEY}-T{number}"
            for number, body in reversed(list(enumerate(bodies, 1)))
        }
        # made first, so that their ids are smaller than those of their parents
        moved = {path: self.ids() for path in ("Catalogue/Lists", "Account/Orders")}
        for body in bodies:
            folder_at(self.project, CASE_FOLDERS, body.get("folder", ""), self.ids)
        for path, id_ in moved.items():
            old = folder_at(self.project, CASE_FOLDERS, path, self.ids)
            next(each for each in self.project.folders if each.id == old).id = id_
        self.project.cases = [self.case(number, body) for number, body in enumerate(bodies, 1)]

    def case(self, number: int, body: dict[str, Any]) -> Case:
        path = body.get("folder", "")
        top = path.split("/")[0]
        script = body.get("script")
        components = {"Checkout": 10_501, "Catalogue": 10_502}
        case = Case(
            id=self.ids(),
            key=f"{KEY}-T{number}",
            name=body["name"],
            priority_id=self.project.priority(body.get("priority", "Normal")).id,
            status_id=self.project.status(StatusType.TEST_CASE, body.get("status", "Draft")).id,
            created_on=f"2024-01-{8 + number % 20:02}T09:{number % 60:02}:00Z",
            objective=body.get("objective"),
            precondition=body.get("precondition"),
            estimated_time=body["estimate"] * MINUTE if "estimate" in body else None,
            labels=body.get("labels", []),
            component_id=components.get(top),
            folder_id=folder_at(self.project, CASE_FOLDERS, path, self.ids),
            owner=PEOPLE[number % 3].account_id if number % 4 else None,
            custom_fields=_case_fields(number, top, automated=bool(script)),
            issues=[
                IssueLink(id=self.ids(), issue_id=self.issues[k]) for k in body.get("covers", ())
            ],
            steps=[self.step(number, each) for each in body.get("steps", ())],
            script=Script(id=self.ids(), **script) if script else None,
            version_ids=[self.ids()],
        )
        if path == "Checkout":
            link = WebLink(id=self.ids(), url="https://shop.example/terms", description="Terms")
            case.web_links = [link]
        return case

    def step(self, number: int, body: Any) -> Step:
        if isinstance(body, dict):
            given = [Parameter(name=name, value=v) for name, v in body.get("with", {}).items()]
            call = Call(case_key=self.keys[body["call"]], parameters=given)
            return Step(id=self.ids(), call=call)
        description, test_data, expected = body
        return Step(
            id=self.ids(),
            description=description,
            # the service mixes null and empty texts
            test_data=test_data or (None if number % 2 else ""),
            expected_result=expected or None,
            custom_fields={"Page": "Checkout" if "Check out" in description else ""},
        )


def _case_fields(number: int, area: str, *, automated: bool) -> dict[str, Any]:
    """Return a value of every type; every field is present, those never set are null."""
    return {
        "Area": area or None,
        "Browsers": list(BROWSERS[: number % 4]),
        "Automated": automated,
        "Story points": number % 5 or None,
        "Risk": number % 8 / 4 if number % 3 else None,
        "Reviewed on": f"2024-02-{1 + number % 28:02}T00:00:00Z" if number % 2 else None,
        "Reviewer": PEOPLE[number % 2].account_id if number % 2 else None,
        "Reference": f"Manual, chapter {number}" if number % 6 == 0 else "",
        "Notes": "<p>Read the <b>terms</b> first.</p>" if number % 10 == 0 else None,
    }


def _cycles(project: Project, ids: Ids) -> list[Cycle]:
    def status(name: str) -> int:
        return project.status(StatusType.TEST_CYCLE, name).id

    def folder(path: str) -> int | None:
        return folder_at(project, FolderType.TEST_CYCLE, path, ids)

    return [
        Cycle(
            id=ids(),
            key=f"{KEY}-R1",
            name="Release 1.4 regression",
            status_id=status("Done"),
            description="Everything, before the release of <b>1.4</b>.",
            planned_start="2024-03-04T08:00:00Z",
            planned_end="2024-03-15T17:00:00Z",
            version_id=10_100,
            folder_id=folder("2024/Release 1.4"),
            owner=PEOPLE[0].account_id,
            custom_fields={"Build": "1.4.0-rc2", "Signed off": True},
            issues=[IssueLink(id=ids(), issue_id=20_107, type="RELATED")],
            web_links=[WebLink(id=ids(), url="https://ci.shop.example/1.4", description="Build")],
        ),
        Cycle(
            id=ids(),
            key=f"{KEY}-R2",
            name="Release 1.5 smoke",
            status_id=status("Done"),
            description=None,
            planned_start="2024-04-29T08:00:00Z",
            planned_end="2024-04-30T17:00:00Z",
            folder_id=folder("2024/Release 1.5"),
            owner=PEOPLE[1].account_id,
            custom_fields={"Build": "1.5.0", "Signed off": False},
        ),
        Cycle(
            id=ids(),
            key=f"{KEY}-R3",
            name="Hotfix 1.5.1",
            status_id=status("In Progress"),
            description="The planned dates are the wrong way round, as somebody typed them.",
            planned_start="2024-05-10T08:00:00Z",
            planned_end="2024-05-08T17:00:00Z",
            folder_id=folder("2024"),
            custom_fields={"Build": "", "Signed off": False},
        ),
    ]


def _plan(project: Project, ids: Ids) -> Plan:
    return Plan(
        id=ids(),
        key=f"{KEY}-P1",
        name="Spring releases",
        status_id=project.status(StatusType.TEST_PLAN, "Approved").id,
        objective="1.4 and 1.5 without surprises:<ul><li>payment</li><li>accounts</li></ul>",
        folder_id=folder_at(project, FolderType.TEST_PLAN, "2024", ids),
        owner=PEOPLE[0].account_id,
        labels=["release"],
        custom_fields={"Goal": "<p>No open bug of priority High.</p>", "Budget in days": 12},
        issues=[IssueLink(id=ids(), issue_id=20_101, type="RELATED")],
        web_links=[WebLink(id=ids(), url="https://wiki.shop.example/plan", description="Wiki")],
        cycles=[CycleLink(id=ids(), cycle_id=cycle.id) for cycle in project.cycles],
    )
