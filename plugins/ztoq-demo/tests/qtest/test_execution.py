from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.qtest.conftest import Opener, Site

EARLY, LATE = "2021-03-04T10:00:00+00:00", "2021-03-05T10:00:00+00:00"
NONE: dict[str, Any] = {"properties": []}


async def made(site: Site, path: str, **more: Any) -> int:
    return int((await site.post(path, {"name": "x", "properties": []} | more))["id"])


async def test_a_release_keeps_texts_and_dates(site: Site) -> None:
    body = {"name": "R", "description": "<p>d</p>", "note": "n", "start_date": EARLY} | NONE
    release = await site.post("releases", body | {"end_date": LATE})
    assert (release["pid"], release["note"]) == ("RL-1", "n")
    assert datetime.fromisoformat(release["start_date"]) == datetime.fromisoformat(EARLY)
    assert datetime.fromisoformat(release["start_date"]).utcoffset() == timedelta(hours=7)
    assert "start_date" not in await site.post("releases", {"name": "R"} | NONE)
    changed = await site.put(f"releases/{release['id']}", {"name": "S", "note": "m"} | NONE)
    assert (changed["name"], changed["note"], changed["description"]) == ("S", "m", "<p>d</p>")
    await site.refused(400, "POST", "releases", body | {"start_date": "2021-03-04"})
    await site.refused(400, "POST", "releases", body | {"start_date": LATE, "end_date": EARLY})


async def test_closed_releases_are_hidden(site: Site) -> None:
    status = await site.field("releases", "Status")
    closed = next(v["value"] for v in status["allowed_values"] if v["label"] == "Closed")
    value = [{"field_id": status["id"], "field_value": str(closed)}]
    await site.post("releases", {"name": "old", "properties": value})
    assert await site.get("releases") == []
    assert len(await site.get("releases?includeClosed=true")) == 1


async def test_a_build_needs_its_release(site: Site) -> None:
    release = await made(site, "releases")
    await site.refused(400, "POST", "builds", {"name": "b"} | NONE)
    await site.refused(404, "POST", "builds", {"name": "b", "release": {"id": 1}} | NONE)
    build = await site.post("builds", {"name": "b", "release": {"id": release}} | NONE)
    assert build["release"]["id"] == release
    await site.refused(400, "GET", "builds")
    assert len(await site.get(f"builds?releaseId={release}")) == 1
    assert (await site.put(f"builds/{build['id']}", {"name": "c"} | NONE))["name"] == "c"


async def test_cycles_lie_in_the_root_releases_and_cycles(site: Site) -> None:
    release = await made(site, "releases")
    top = await made(site, "test-cycles?parentId=0&parentType=root")
    mine = await made(site, f"test-cycles?parentId={release}&parentType=release")
    below = await made(site, f"test-cycles?parentId={top}&parentType=test-cycle")
    suite = await made(site, f"test-suites?parentId={below}&parentType=test-cycle")
    assert [c["id"] for c in await site.get("test-cycles")] == [top]
    path = f"test-cycles?parentId={release}&parentType=release"
    assert [c["id"] for c in await site.get(path)] == [mine]
    whole = (await site.get("test-cycles?expand=descendants"))[0]
    assert whole["test-cycles"][0]["test-suites"][0]["id"] == suite
    assert "test-cycles" not in (await site.get("test-cycles"))[0]
    assert (await site.get(f"test-cycles/{top}?expand=descendants"))["test-cycles"]


async def test_a_negative_page_size_lists_all_cycles(site: Site) -> None:
    for _ in range(3):
        await made(site, "test-cycles")
    assert len(await site.get("test-cycles?pageSize=2")) == 2
    assert len(await site.get("test-cycles?pageSize=2&page=2")) == 1
    assert len(await site.get("test-cycles?pageSize=-1")) == 3


async def test_parents_of_the_wrong_type_are_refused(site: Site) -> None:
    cycle = await made(site, "test-cycles")
    suite = await made(site, f"test-suites?parentId={cycle}&parentType=test-cycle")
    in_suite = f"parentId={suite}&parentType=test-suite"
    await site.refused(400, "POST", f"test-suites?{in_suite}", {"name": "x"} | NONE)
    await site.refused(400, "POST", f"test-cycles?{in_suite}", {"name": "x"} | NONE)
    await site.refused(
        404, "POST", f"test-cycles?parentId={suite}&parentType=release", {"name": "x"}
    )
    await site.refused(400, "POST", f"test-suites?parentId={cycle}", {"name": "x"} | NONE)


async def test_a_parent_in_the_body_works_too(site: Site) -> None:
    cycle = await made(site, "test-cycles")
    body = {"name": "x", "parentId": cycle, "parentType": "test-cycle"} | NONE
    suite = await site.post("test-suites", body)
    assert (suite["parentId"], suite["parentType"]) == (cycle, "test-cycle")


async def test_moving_ignores_the_body(site: Site) -> None:
    cycle = await made(site, "test-cycles")
    suite, other = await made(site, "test-suites"), await made(site, "test-cycles")
    path = f"parentId={cycle}&parentType=test-cycle"
    moved = await site.put(f"test-suites/{suite}?{path}", {"name": "New"} | NONE)
    assert (moved["name"], moved["parentId"]) == ("x", cycle)
    await site.put(f"test-cycles/{other}?{path}", {"name": "New"})
    back = f"test-cycles/{cycle}?parentId={other}&parentType=test-cycle"
    await site.refused(400, "PUT", back, {})
    assert (await site.put(f"test-cycles/{other}", {"name": "New"}))["name"] == "New"


async def test_target_releases_must_exist(site: Site) -> None:
    release = await made(site, "releases")
    suite = await site.post("test-suites", {"name": "x", "target_release_id": release} | NONE)
    assert suite["target_release_id"] == release
    assert "target_build_id" not in suite
    await site.refused(404, "POST", "test-suites", {"name": "x", "target_release_id": 1} | NONE)
    await site.refused(400, "POST", "test-cycles", {"name": "x", "target_release_id": "1"})
    cycle = await made(site, "test-cycles", target_release_id=release)
    assert (await site.get(f"test-cycles/{cycle}"))["target_release_id"] == release


async def test_planned_dates_must_not_be_reversed(site: Site) -> None:
    start = await site.field("test-suites", "Planned Start Date")
    end = await site.field("test-suites", "Planned End Date")

    def dates(first: str, last: str) -> dict[str, Any]:
        pairs = ((start["id"], first), (end["id"], last))
        return {"name": "x", "properties": [{"field_id": i, "field_value": v} for i, v in pairs]}

    suite = await site.post("test-suites", dates(EARLY, LATE))
    await site.refused(400, "POST", "test-suites", dates(LATE, EARLY))
    only_end = {"properties": [{"field_id": end["id"], "field_value": "2020-01-01T00:00:00Z"}]}
    await site.refused(400, "PUT", f"test-suites/{suite['id']}", only_end)


async def test_only_force_deletes_a_cycle_with_children(site: Site) -> None:
    cycle = await made(site, "test-cycles")
    await made(site, f"test-suites?parentId={cycle}&parentType=test-cycle")
    await site.refused(400, "DELETE", f"test-cycles/{cycle}")
    await site.good("DELETE", f"test-cycles/{cycle}?force=true")
    assert site.simulator.state.cascades == ["TS-1 with CL-1"]


async def test_a_run_is_as_captures_show_it(site: Site) -> None:
    case = await site.case("one", approved=True)
    run = await site.get(f"test-runs/{await site.run(case)}")
    assert set(run["test_case"]) == {"links", "id", "test_case_version_id", "agent_ids"}
    assert (run["testCaseId"], run["automation"]) == (case["id"], "No")
    assert (run["test_case_version"], run["pid"]) == ("1.0", "TR-1")
    assert "latest_test_log" not in run
    assert min(p["field_id"] for p in run["properties"]) < 0
    whole = await site.get(f"test-runs/{run['id']}?expand=testcase.teststep")
    assert [s["description"] for s in whole["test_case"]["test_steps"]] == ["one"]
    named = await site.get(f"test-runs/{run['id']}?expand=testcase")
    assert (named["test_case"]["name"], "test_steps" in named["test_case"]) == ("Case", False)


@pytest.mark.parametrize("nested", [None, {}, {"id": "1"}, {"id": 1}])
async def test_a_run_needs_its_case(site: Site, nested: Any) -> None:
    await site.refused(400, "POST", "test-runs", {"name": "x", "test_case": nested} | NONE)


async def test_a_run_binds_a_version_of_its_own_case(site: Site) -> None:
    first, second = await site.case("a", approved=True), await site.case("b", approved=True)
    body = {"name": "x", "test_case": {"id": first["id"]}} | NONE
    wrong = {"test_case_version_id": second["test_case_version_id"]}
    await site.refused(400, "POST", "test-runs", body | wrong)
    await site.refused(400, "POST", "test-runs", body | {"configuration_id": "no uuid"})
    run = await site.post("test-runs", body)
    assert run["test_case_version_id"] == first["test_case_version_id"]
    await site.refused(400, "PUT", f"test-runs/{run['id']}", wrong)
    unapproved = await site.case("c")
    body = {"test_case": {"id": unapproved["id"]}} | NONE
    run = await site.post("test-runs", body)
    assert (run["test_case_version"], run["name"]) == ("0.1", "Case")


async def test_runs_are_a_page_object(site: Site) -> None:
    case = await site.case("one", approved=True)
    release = await made(site, "releases")
    cycle = await made(site, f"test-cycles?parentId={release}&parentType=release")
    suite = await made(site, f"test-suites?parentId={cycle}&parentType=test-cycle")
    body = {"name": "x", "test_case": {"id": case["id"]}} | NONE
    path = f"test-runs?parentId={suite}&parentType=test-suite"
    for _ in range(3):
        await site.post(path, body)
    page = await site.get(f"{path}&pageSize=2&page=2")
    assert (page["page"], page["page_size"], page["total"], len(page["items"])) == (2, 2, 3, 1)
    await site.refused(400, "GET", f"{path}&pageSize=1000")
    assert (await site.get("test-runs?parentId=0&parentType=root"))["total"] == 0
    whole = await site.get("test-runs?parentId=0&parentType=root&expand=descendants")
    assert whole["total"] == 3
    renamed = await site.put(f"test-runs/{page['items'][0]['id']}", {"name": "y"} | NONE)
    assert renamed["name"] == "y"


async def test_a_run_outlives_its_case(site: Site) -> None:
    case = await site.case("one", approved=True)
    run = await site.run(case)
    await site.good("DELETE", f"test-cases/{case['id']}")
    assert (await site.get(f"test-runs/{run}"))["test_case"]["id"] == case["id"]


async def test_statuses_are_a_bare_array(site: Site) -> None:
    statuses = await site.get("test-runs/execution-statuses")
    assert [s["id"] for s in statuses] == [601, 602, 603, 604, 605]


async def test_the_site_has_its_own_offset(served: Opener) -> None:
    async with served(site_offset=timedelta(hours=-3, minutes=-30)) as site:
        assert (await site.case())["created_date"].endswith("-03:30")
