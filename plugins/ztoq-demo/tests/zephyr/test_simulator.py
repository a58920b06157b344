"""The simulator's own rules: tokens, refusals, filters, files, changes of the source, corpora."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from ztoq_demo.zephyr import corpus
from ztoq_demo.zephyr.access import token
from ztoq_demo.zephyr.demo import demo, shop
from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.model import Project, Step
from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.simulator import Simulator


@attrs.define
class Caller:
    simulator: Simulator
    base_url: str
    session: aiohttp.ClientSession

    async def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
        async with self.session.request(method, self.base_url + path, headers=headers) as answer:
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.read()

    async def keys(self, path: str) -> list[str]:
        status, body = await self.ask(path)
        assert status == 200, body
        return [value["key"] for value in body["values"]]


@pytest.fixture
async def tenant() -> AsyncIterator[Caller]:
    simulator = Simulator(shop(), Options())
    headers = {"Authorization": f"Bearer {simulator.token()}"}
    async with (
        simulator.serving() as base_url,
        aiohttp.ClientSession(headers=headers) as session,
    ):
        yield Caller(simulator, base_url, session)
    assert not simulator.server.errors


def part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "credentials",
    [
        "",
        "Basic abc",
        "Bearer two.parts",
        "Bearer %%%.%%%.%%%",
        f"Bearer {part('no json')}.{part('no json')}.x",
        f"Bearer {token(days=-1)}",
    ],
)
async def test_a_token_that_is_none_or_has_expired_is_refused(
    tenant: Caller, credentials: str
) -> None:
    for path in ("/projects", "/healthcheck", "/nowhere"):
        status, body = await tenant.ask(path, Authorization=credentials)
        assert (status, list(body)) == (401, ["error"])


async def test_another_token_than_the_fixed_one_is_refused(tenant: Caller) -> None:
    fixed = token(account_id="fixed")
    tenant.simulator.options.token = fixed
    assert tenant.simulator.token() == fixed
    assert (await tenant.ask("/projects"))[0] == 401
    assert (await tenant.ask("/projects", Authorization=f"Bearer {fixed}"))[0] == 200


async def test_a_token_expires_while_the_simulator_serves(tenant: Caller) -> None:
    assert (await tenant.ask("/projects"))[0] == 200
    tenant.simulator.options.clock = lambda: 9e9
    assert (await tenant.ask("/projects"))[0] == 401


async def test_a_wrong_path_and_a_write_are_forbidden_and_the_write_is_counted(
    tenant: Caller,
) -> None:
    assert (await tenant.ask("/testexecution"))[0] == 403
    assert tenant.simulator.writes == 0
    for number, method in enumerate(("POST", "PUT", "DELETE"), 1):
        status, body = await tenant.ask("/testcases", method)
        assert (status, body["errorCode"]) == (403, 403)
        assert tenant.simulator.writes == number


async def test_a_page_has_ten_values_unless_asked_and_never_more_than_the_cap(
    tenant: Caller,
) -> None:
    _, body = await tenant.ask("/testcases")
    assert (body["maxResults"], len(body["values"])) == (10, 10)
    _, body = await tenant.ask("/testcases/DEMO-T19/teststeps")
    assert (len(body["values"]), body["isLast"], body["total"]) == (10, False, 12)
    tenant.simulator.options.cap = 4
    _, body = await tenant.ask("/testcases?maxResults=5000&projectKey=DEMO")
    assert (body["maxResults"], len(body["values"])) == (4, 4)
    assert body["next"].endswith("/testcases?maxResults=4&projectKey=DEMO&startAt=4")
    _, body = await tenant.ask("/testcases/nextgen?limit=1000&projectKey=DEMO")
    assert (body["limit"], len(body["values"])) == (4, 4)
    assert f"startAtId={body['nextStartAtId']}" in body["next"]


async def test_filters_keep_what_they_say(tenant: Caller) -> None:
    project = tenant.simulator.tenant.project("DEMO")
    all_ = "maxResults=1000&projectKey=DEMO"
    guest = tenant.simulator.tenant.case("DEMO-T19")
    in_folder = await tenant.keys(f"/testcases?{all_}&folderId={guest.folder_id}")
    assert guest.key in in_folder
    assert len(in_folder) == 3
    assert await tenant.keys(f"/testcycles?{all_}&jiraProjectVersionId=10100") == ["DEMO-R1"]
    cycle = tenant.simulator.tenant.cycle("DEMO-R2")
    by_key = await tenant.keys(f"/testexecutions?{all_}&testCycle=DEMO-R2")
    assert by_key == await tenant.keys(f"/testexecutions?{all_}&testCycle={cycle.id}")
    assert len(by_key) == 22
    case = await tenant.keys(f"/testexecutions?{all_}&testCase=DEMO-T13")
    assert case == await tenant.keys(
        f"/testexecutions?{all_}&testCase={tenant.simulator.tenant.case('DEMO-T13').id}"
    )
    assert len(case) == 5
    moment = "2024-03-05T08:00:00Z"
    dated = {e.key for e in project.executions if e.actual_end}
    after = set(await tenant.keys(f"/testexecutions?{all_}&actualEndDateAfter={moment}"))
    before = set(await tenant.keys(f"/testexecutions?{all_}&actualEndDateBefore={moment}"))
    assert after | before == dated
    assert not after & before
    last = await tenant.keys(f"/testexecutions?{all_}&onlyLastExecutions=true")
    assert len(last) == len(project.executions) - 8


@pytest.mark.parametrize(
    "path",
    [
        "/testexecutions?onlyLastExecutions=maybe",
        "/testexecutions?actualEndDateBefore=2024-01-01T00:00:00",
        "/testexecutions?testCycle=R1",
        "/testexecutions?testCase=case",
        "/statuses?statusType=CASE",
        "/folders?folderType=case",
        "/folders/zero",
        "/testcases/DEMO-T1/teststeps/one/attachments",
        "/automations/testcases",
    ],
)
async def test_a_parameter_that_the_documents_do_not_allow_is_refused(
    tenant: Caller, path: str
) -> None:
    status, body = await tenant.ask(path)
    assert (status, body["errorCode"]) == (400, 400)


async def test_who_sees_more_than_a_thousand_projects_must_name_one() -> None:
    projects = [Project(id=number, key=f"P{number}") for number in range(1, 1002)]
    simulator = Simulator(projects)
    headers = {"Authorization": f"Bearer {simulator.token()}"}
    async with simulator.serving() as base, aiohttp.ClientSession(headers=headers) as session:
        for path, expected in (("testcases", 400), ("testcases?projectKey=P7", 200)):
            async with session.get(f"{base}/{path}") as answer:
                assert answer.status == expected


async def test_issues_of_steps_show_only_when_asked_for(tenant: Caller) -> None:
    run = next(
        each
        for each in tenant.simulator.tenant.project("DEMO").executions
        if any(result.issues for result in each.results)
    )
    _, plain = await tenant.ask(f"/testexecutions/{run.key}")
    _, with_steps = await tenant.ask(f"/testexecutions/{run.key}?includeStepLinks=true")
    assert len(with_steps["links"]["issues"]) == len(plain["links"]["issues"]) + 1


async def test_rows_of_test_data_can_be_asked_for_one_by_one(tenant: Caller) -> None:
    run = next(
        each
        for each in tenant.simulator.tenant.project("DEMO").executions
        if any(result.row for result in each.results)
    )
    path = f"/testexecutions/{run.key}/teststeps"
    assert (await tenant.ask(path))[1]["total"] == 6
    assert (await tenant.ask(f"{path}?testDataRowNumber=2"))[1]["total"] == 2
    assert (await tenant.ask(f"{path}?testDataRowNumber=-1"))[0] == 400


async def test_a_file_comes_as_its_bytes_and_what_the_tenant_lacks_is_refused(
    tenant: Caller,
) -> None:
    guest = tenant.simulator.tenant.case("DEMO-T19")
    path = f"/testcases/DEMO-T19/attachments/{guest.files[1].id}"
    assert await tenant.ask(path) == (200, guest.files[1].content())
    assert (await tenant.ask("/testcases/DEMO-T19/attachments/7"))[0] == 404
    assert (await tenant.ask(f"/testcases/{guest.id}/attachments/7"))[0] == 400
    options = tenant.simulator.options
    options.downloads = False
    assert (await tenant.ask(path))[0] == 401
    options.attachments = options.next_gen = False
    for missing in (403, 404, 503):
        options.missing = missing
        assert (await tenant.ask(path))[0] == missing
        assert (await tenant.ask("/testcases/DEMO-T19/attachments"))[0] == missing
        assert (await tenant.ask("/testcases/nextgen"))[0] == missing


async def test_a_made_file_has_its_size_and_begins_like_its_kind() -> None:
    file = File(id=1, name="a.PNG", size=200_000, seed=3)
    assert file.content()[:4] == b"\x89PNG"
    assert len(file.content()) == file.length() == 200_000
    assert file.content() == File(id=2, name="a.PNG", size=200_000, seed=3).content()
    assert file.content() != File(id=1, name="a.PNG", size=200_000, seed=4).content()


async def test_the_source_can_be_changed_while_it_is_served(tenant: Caller) -> None:
    state = tenant.simulator.tenant
    guest = state.case("DEMO-T19")
    guest.steps[0].description = "Open the shop, please"
    state.touch(guest, "2030-01-01T00:00:00Z")
    _, body = await tenant.ask("/testcases/DEMO-T19/teststeps")
    assert body["values"][0]["inline"]["description"] == "Open the shop, please"
    after = "/testcases/nextgen?updatedAfter=2029-01-01T00:00:00Z"
    assert await tenant.keys(after) == ["DEMO-T19"]
    state.remove("DEMO-T19")
    assert (await tenant.ask("/testcases/DEMO-T19"))[0] == 404
    with pytest.raises(KeyError):
        state.remove("DEMO-T19")
    state.project("DEMO").cases.append(guest)
    state.refresh()
    assert (await tenant.ask("/testcases/DEMO-T19"))[0] == 200
    guest.archived = True
    state.refresh()
    assert (await tenant.ask("/testcases/DEMO-T19"))[0] == 404


async def test_references_may_carry_keys_that_nobody_documented(tenant: Caller) -> None:
    tenant.simulator.options.extra_keys = True
    _, body = await tenant.ask("/testcases/DEMO-T1")
    assert body["project"]["key"] == "DEMO"
    assert "uri" in body["status"]


async def test_links_of_an_issue_may_come_as_an_object(tenant: Caller) -> None:
    _, documented = await tenant.ask("/issuelinks/DEMO-107/testcases")
    tenant.simulator.options.issue_links_bare = False
    assert await tenant.ask("/issuelinks/DEMO-107/testcases") == (200, {"testCases": documented})
    assert await tenant.ask("/issuelinks/DEMO-999/executions") == (200, [])


async def test_the_demo_yields_the_table_that_points_at_it() -> None:
    async with demo() as table:
        assert table["use"] == "zephyr"
        assert table["project"] == "DEMO"
        assert str(table["token"]) == "***"
        headers = {"Authorization": f"Bearer {table['token'].reveal()}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            url = f"{table['base_url']}/projects/DEMO"
            async with session.get(url) as answer:
                assert (await answer.json())["key"] == "DEMO"


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.jsonl.gz"])
async def test_a_corpus_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    projects = shop()
    corpus.write(tmp_path / name, projects)
    again = corpus.read(tmp_path / name)
    assert {each.base for each in again} == {tmp_path}
    assert [corpus.to_json(each) for each in again] == [corpus.to_json(each) for each in projects]


async def test_a_corpus_may_be_one_project_and_take_files_from_beside_it(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    body = '{"id": 1, "key": "X", "cases": [{"id": 2, "key": "X-T1", "name": "a", "status_id": 3, \
        "priority_id": 4, "files": [{"id": 5, "name": "n.txt", "path": "note.txt"}]}]}'
    (tmp_path / "x.json").write_text(body)
    (project,) = corpus.read(tmp_path / "x.json")
    assert project.cases[0].files[0].content(project.base) == b"hello"
    assert project.cases[0].files[0].length(project.base) == 5


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", "{"),
        ("a.json", '{"id": 1, "key": "X", "casses": []}'),
        ("a.json", '{"id": "one"}'),
        ("a.jsonl", '{"case": {}}'),
        ("a.jsonl", '{"project": {"id": 1, "key": "X"}}\n{"thing": {}}'),
    ],
)
async def test_what_is_no_corpus_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=r"."):
        corpus.read(tmp_path / name)


async def test_the_command_serves_a_corpus_and_prints_address_and_token(tmp_path: Path) -> None:
    step = Step(id=9, description="x" * 10)
    project = Project(id=1, key="ONE")
    source = shop()[0].cases[0]
    project.cases = [attrs.evolve(source, key="ONE-T1", folder_id=None, steps=[step])]
    corpus.write(tmp_path / "one.json", [project])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ztoq_demo.zephyr"),
        *("--corpus", str(tmp_path / "one.json"), "--no-nextgen", "--missing", "404"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    try:
        base_url = (await process.stdout.readline()).decode().strip()
        access = (await process.stdout.readline()).decode().strip()
        assert base_url.endswith("/v2")
        headers = {"Authorization": f"Bearer {access}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.get(f"{base_url}/testcases/ONE-T1") as answer:
                assert (await answer.json())["project"]["id"] == 1
            async with session.get(f"{base_url}/testcases/nextgen") as answer:
                assert answer.status == 404
    finally:
        process.terminate()
    assert await process.wait() == 0


async def test_the_command_says_what_is_wrong_with_a_corpus(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ztoq_demo.zephyr", "--corpus", str(tmp_path / "none.json")),
        stderr=asyncio.subprocess.PIPE,
    )
    _, talk = await process.communicate()
    assert process.returncode == 1
    assert talk.startswith(b"the corpus cannot be read: ")


# ------------------------------------------------------------------------------------------ jira


async def jira(tenant: Caller, path: str, pair: str = "") -> tuple[int, Any]:
    """Ask the Jira beside the tenant; ``pair`` replaces its user's name and token."""
    known = f"{tenant.simulator.options.jira_email}:{tenant.simulator.options.jira_token}"
    basic = base64.b64encode((pair or known).encode()).decode()
    url = tenant.base_url.removesuffix("/v2") + "/jira/rest/api/2" + path
    async with tenant.session.get(url, headers={"Authorization": f"Basic {basic}"}) as answer:
        return answer.status, await answer.json()


async def test_jira_gives_single_objects(tenant: Caller) -> None:
    status, issue = await jira(tenant, "/issue/20101")
    assert (status, issue["key"], issue["fields"]["issuetype"]["name"]) == (
        200,
        "DEMO-101",
        "Story",
    )
    assert (await jira(tenant, "/issue/DEMO-101?fields=summary"))[1]["fields"] == {
        "summary": "Story 101"
    }
    assert (await jira(tenant, "/component/10501"))[1]["name"] == "Checkout"
    assert (await jira(tenant, "/version/10101"))[1]["releaseDate"] == "2024-05-02"
    assert "startDate" not in (await jira(tenant, "/version/10100"))[1]
    assert [each["id"] for each in (await jira(tenant, "/project/DEMO/versions"))[1]] == [
        "10100",
        "10101",
    ]
    assert (await jira(tenant, "/serverInfo"))[1]["deploymentType"] == "Cloud"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/issue/1", 404),
        ("/user?accountId=nobody", 404),
        ("/user", 400),
        ("/component/1", 404),
        ("/version/1", 404),
        ("/project/NOSUCH/components", 404),
        ("/search", 404),
    ],
)
async def test_jira_refuses_in_its_own_shape(tenant: Caller, path: str, expected: int) -> None:
    status, body = await jira(tenant, path)
    assert status == expected
    assert {"errorMessages", "errors"} <= set(body) or "message" in body


@pytest.mark.parametrize("path", ["/issue/20101", "/myself", "/search"])
async def test_jira_knows_no_other_credential(tenant: Caller, path: str) -> None:
    status, body = await jira(tenant, path, "reader@shop.example:wrong")
    assert status == 401
    assert body["errorMessages"]
    # Zephyr's own token opens nothing there, and Jira's nothing of Zephyr
    answer = await tenant.ask("/../jira/rest/api/2/issue/20101")
    assert answer[0] == 401
    token = tenant.simulator.options.jira_token
    assert (await tenant.ask("/testcases", Authorization=f"Bearer {token}"))[0] == 401
