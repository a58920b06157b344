"""Every body that the simulator serves, against the vendor's newest schemas."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import aiohttp
import attrs
import pytest
from jsonschema import Draft202012Validator
from ztoq_demo.zephyr.demo import shop
from ztoq_demo.zephyr.mattermost import mattermost
from ztoq_demo.zephyr.model import Project
from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.simulator import Simulator

from tests.shared import SHARED
from tests.tables import sampled

SCHEMAS = SHARED / "specs" / "zephyr-cloud-v2.2026-08.schemas.json"
MATTERMOST = SHARED / "data" / "mattermost"

pytestmark = [
    pytest.mark.shared("specs/zephyr-cloud-v2.2026-08.schemas.json"),
    pytest.mark.unmeasured,  # a second time through what others cover
]

# where real answers differ from the schema, the real ones are served: (operation, place)
REAL = {
    ("ListFolders", "values/*/parentId"),
    ("GetFolder", "parentId"),
    ("ListTestExecutions", "values/*/actualEndDate"),
    ("ListTestExecutionsNextgen", "values/*/actualEndDate"),
    ("GetTestExecution", "actualEndDate"),
}
FILES = (
    *("GetTestCaseAttachment", "GetTestCaseStepAttachment", "GetTestCycleAttachment"),
    *("GetTestPlanAttachment", "GetTestExecutionAttachment", "GetTestExecutionStepAttachment"),
)
BODILESS = {*FILES, "RetrieveBDDTestCases", "Healthcheck"}


@attrs.define
class Walk:
    """Asks, finds the operation of each path, and judges the answer by its schema."""

    base_url: str
    session: aiohttp.ClientSession
    operations: list[tuple[re.Pattern[str], str, dict[str, Any]]]
    projects: list[Project]
    seen: Counter[tuple[str, int]] = attrs.field(factory=Counter)
    problems: list[str] = attrs.field(factory=list)
    differences: set[tuple[str, str]] = attrs.field(factory=set)

    async def get(self, path: str, expected: int = 200) -> Any:
        async with self.session.get(self.base_url + path) as answer:
            content = await answer.read()
            assert answer.status == expected, f"{path}: {answer.status} {content[:300]!r}"
        operation, schemas = self.operation(path)
        self.seen[operation, expected] += 1
        if operation in BODILESS and expected == 200:
            return content
        body = json.loads(content)
        for number, item in enumerate(self.parameters(path, schemas, expected)):
            self.problems += [f"{path}: query {number}: {e.message}" for e in item]
        schema = schemas.get(f"{expected}Response", schemas["DefaultResponse"])
        for error in Draft202012Validator(schema).iter_errors(body):
            place = re.sub(r"\b[0-9]+\b", "*", "/".join(map(str, error.absolute_path)))
            if error.instance is None and (operation, place) in REAL:
                self.differences.add((operation, place))
            else:
                self.problems.append(f"{path} {operation} {place}: {error.message[:300]}")
        return body

    def operation(self, path: str) -> tuple[str, dict[str, Any]]:
        plain = urlsplit(path).path
        for pattern, name, schemas in self.operations:
            if pattern.fullmatch(plain):
                return name, schemas
        raise AssertionError(f"no operation for {path}")

    def parameters(
        self, path: str, schemas: dict[str, Any], expected: int
    ) -> Iterator[Iterator[Any]]:
        query = {k: json.loads(v) if v.isdigit() else v for k, v in parse_qsl(urlsplit(path).query)}
        if expected == 200 and query:
            known = schemas["QueryParams"]["properties"]
            assert not query.keys() - known.keys(), path
            flags = {k: v == "true" for k, v in query.items() if v in ("true", "false")}
            yield Draft202012Validator(schemas["QueryParams"]).iter_errors(query | flags)

    async def offsets(self, path: str, size: int = 7) -> list[Any]:
        values: list[Any] = []
        url: str | None = f"{path}{'&' if '?' in path else '?'}maxResults={size}"
        while url:
            page = await self.get(url)
            assert page["startAt"] == len(values)
            values += page["values"]
            assert page["isLast"] is (page["next"] is None)
            assert page["total"] >= len(values)
            url = page["next"] and page["next"].removeprefix(self.base_url)
        return values

    async def cursors(self, path: str, size: int = 9) -> list[Any]:
        values: list[Any] = []
        url: str | None = f"{path}{'&' if '?' in path else '?'}limit={size}"
        while url:
            page = await self.get(url)
            values += page["values"]
            assert (page["next"] is None) is (page["nextStartAtId"] is None)
            url = page["next"] and page["next"].removeprefix(self.base_url)
        return values


def operations() -> list[tuple[re.Pattern[str], str, dict[str, Any]]]:
    found = []
    for each in json.loads(SCHEMAS.read_text("utf-8"))["operations"]:
        if each["method"] == "GET":
            pattern = re.sub(r"\{\w+\}", "[^/]+", each["path"])
            found.append((each["path"].count("{"), re.compile(pattern), each))
    found.sort(key=lambda each: each[0])
    return [(pattern, each["operation"], each["schemas"]) for _, pattern, each in found]


@pytest.fixture
async def tenant(request: pytest.FixtureRequest) -> AsyncIterator[Walk]:
    projects: list[Project] = request.param()
    simulator = Simulator(projects)
    headers = {"Authorization": f"Bearer {simulator.token()}"}
    async with (
        simulator.serving() as base_url,
        aiohttp.ClientSession(headers=headers) as session,
    ):
        yield Walk(base_url, session, operations(), projects)
    assert simulator.writes == 0
    assert not simulator.server.errors


async def walk_lists(walk: Walk, key: str) -> None:
    for project in await walk.offsets("/projects"):
        await walk.get(f"/projects/{project['id']}")
    for name in ("folders", "statuses", "priorities", "environments"):
        for each in await walk.offsets(f"/{name}?projectKey={key}", 50):
            await walk.get(f"/{name}/{each['id']}")
    for kind in ("TEST_CASE", "TEST_CYCLE", "TEST_PLAN"):
        await walk.offsets(f"/folders?projectKey={key}&folderType={kind}", 100)
        await walk.offsets(f"/statuses?projectKey={key}&statusType={kind}")


async def walk_files(walk: Walk, path: str, key_path: str, *, has: bool) -> None:
    if not has:
        await walk.get(f"{path}/attachments", 404)
        return
    for file in (await walk.get(f"{path}/attachments"))["attachments"]:
        assert await walk.get(f"{key_path}/attachments/{file['id']}")


async def walk_case(walk: Walk, project: Project, number: int) -> None:
    case = project.cases[number]
    path = f"/testcases/{quote(case.key)}"
    body = await walk.get(path)
    assert body["testScript"]["self"].endswith("testscript" if case.script else "teststeps")
    await walk.get(f"{path}/links")
    for version in await walk.offsets(f"{path}/versions"):
        await walk.get(version["self"].removeprefix(walk.base_url))
    if case.script:
        assert (await walk.get(f"{path}/testscript"))["text"] == case.script.text
        await walk.get(f"{path}/teststeps", 422)
    else:
        steps = await walk.offsets(f"{path}/teststeps")
        assert len(steps) == len(case.steps)
        assert all((step["inline"] is None) is not (step["testCase"] is None) for step in steps)
        await walk.get(f"{path}/testscript", 422)
    await walk_files(walk, f"/testcases/{case.id}", path, has=bool(case.files))
    for step in case.steps:
        place = f"{path}/teststeps/{step.id}"
        await walk_files(walk, place, place, has=bool(step.files))


@pytest.mark.parametrize("tenant", [shop], indirect=True)
async def test_every_answer_about_the_demo_project_is_as_the_schemas_say(tenant: Walk) -> None:
    walk = tenant
    project = shop()[0]
    await walk_lists(walk, "DEMO")
    query = "?projectKey=DEMO"
    cases = await walk.offsets(f"/testcases{query}")
    assert cases == await walk.cursors(f"/testcases/nextgen{query}")
    assert [case["key"] for case in cases] == [case.key for case in project.cases]
    for number in range(len(cases)):
        await walk_case(walk, project, number)
    for name, items in (("testcycles", project.cycles), ("testplans", project.plans)):
        bodies = await walk.offsets(f"/{name}{query}")
        assert bodies == await walk.cursors(f"/{name}/nextgen{query}")
        for item in (*items,):
            path = f"/{name}/{item.key}"
            assert await walk.get(path) == await walk.get(f"/{name}/{item.id}")
            await walk_files(walk, path, path, has=bool(item.files))
    for cycle in project.cycles:
        await walk.get(f"/testcycles/{cycle.key}/links")
    runs = await walk.offsets(f"/testexecutions{query}&includeStepLinks=true")
    assert runs == await walk.cursors(f"/testexecutions/nextgen{query}&includeStepLinks=true")
    for run in project.executions:
        path = f"/testexecutions/{run.key}"
        await walk.get(path)
        await walk.get(f"{path}/links")
        assert len(await walk.offsets(f"{path}/teststeps")) == len(run.results)
        await walk_files(walk, path, path, has=bool(run.files))
        for result in run.results:
            place = f"{path}/teststeps/{result.id}"
            await walk_files(walk, place, place, has=bool(result.files))
    for number in (101, 107, 201):
        for name in ("testcases", "testcycles", "testplans", "executions"):
            await walk.get(f"/issuelinks/DEMO-{number}/{name}")
    await walk.get("/automations/testcases?projectKey=DEMO")
    await walk.get("/healthcheck")
    assert not walk.problems, "\n".join(walk.problems[:20])
    assert walk.differences == REAL
    asked = {operation for operation, status in walk.seen if status == 200}
    assert asked == {operation for _, operation, _ in walk.operations}


def some_cases() -> list[Project]:
    return [mattermost(MATTERMOST, 50)]


def first_cases() -> list[Project]:
    return [mattermost(MATTERMOST, 300)]


@pytest.mark.shared("data/mattermost")
@pytest.mark.parametrize("tenant", sampled([some_cases, first_cases], 2), indirect=True)
async def test_every_answer_about_real_cases_is_as_the_schemas_say(tenant: Walk) -> None:
    walk = tenant
    (project,) = walk.projects
    await walk_lists(walk, "MM")
    cases = await walk.offsets("/testcases?projectKey=MM", 100)
    assert cases == await walk.cursors("/testcases/nextgen?projectKey=MM", 100)
    assert len(cases) == len(project.cases) >= 50
    for number in range(len(cases)):
        await walk_case(walk, project, number)
    assert not walk.problems, "\n".join(walk.problems[:20])


REFUSED = [
    ("/testcases?maxResults=0", 400),
    ("/testcases?maxResults=ten", 400),
    ("/testcases?startAt=-1", 400),
    ("/testcases?startAt=1000001", 400),
    ("/testcases?projectKey=demo", 400),
    ("/testcases?projectKey=NONE", 404),
    ("/testcases?projectKey=HR", 404),
    ("/testcases?folderId=0", 400),
    ("/testcases?folderId=1", 404),
    ("/testcases/nextgen?limit=0", 400),
    ("/testcases/nextgen?limit=1001", 400),
    ("/testcases/nextgen?updatedAfter=yesterday", 400),
    ("/testcases/DEMO-R1", 400),
    ("/testcases/DEMO-T999", 404),
    ("/testcases/DEMO-T1/testscript", 422),
    ("/testcases/DEMO-T1/versions/one", 400),
    ("/testcases/DEMO-T1/versions/9", 404),
    ("/testcases/DEMO-T1/attachments", 404),
    ("/testcycles/DEMO-T1", 400),
    ("/testcycles/DEMO-R999", 404),
    ("/testplans/DEMO-P999", 404),
    ("/testexecutions/DEMO-E999", 404),
    ("/testexecutions/DEMO-E999/links", 400),
    ("/testexecutions?actualEndDateAfter=x", 400),
    ("/folders/1", 404),
    ("/projects/NONE", 404),
]


@pytest.mark.parametrize("tenant", [shop], indirect=True)
async def test_every_refusal_is_as_the_schemas_say(tenant: Walk) -> None:
    for path, status in REFUSED:
        body = await tenant.get(path, status)
        assert body["errorCode"] == status
    assert not tenant.problems, "\n".join(tenant.problems)


async def test_optional_keys_may_be_left_out_and_totals_may_drift() -> None:
    options = Options(total=False, is_last=False, next_url=False, step_ids=False)
    simulator = Simulator(shop(), options)
    headers = {"Authorization": f"Bearer {simulator.token()}"}
    async with simulator.serving() as base, aiohttp.ClientSession(headers=headers) as session:
        walk = Walk(base, session, operations(), [])
        assert "total" not in await walk.get("/testcases")
        assert "isLast" not in await walk.get("/testcases")
        assert "next" not in await walk.get("/testcases/nextgen?limit=1000")
        assert "id" not in (await walk.get("/testcases/DEMO-T1/teststeps"))["values"][0]
        options.total, options.drift = True, 4
        assert (await walk.get("/testcases?startAt=3"))["total"] == len(shop()[0].cases) + 3 + 1
    assert not walk.problems
