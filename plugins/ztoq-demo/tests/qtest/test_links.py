from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.qtest.conftest import Opener, Site

Logs = Callable[..., dict[str, Any]]


async def requirement(site: Site) -> int:
    return int((await site.post("requirements", {"name": "ACME-1", "properties": []}))["id"])


async def test_what_cannot_be_linked_is_ignored_silently(site: Site) -> None:
    case, number = await site.case(), await requirement(site)
    other = await site.case()
    site.simulator.options.unlinkable = frozenset({other["id"]})
    path = f"requirements/{number}/link"
    given = [case["id"], other["id"], 1]
    (answer,) = await site.post(f"{path}?type=test-cases", given)
    assert (answer["pid"], [o["pid"] for o in answer["objects"]]) == ("RQ-1", ["TC-1"])
    (answer,) = await site.post(f"{path}?type=test-logs", [case["id"]])
    assert answer["objects"] == []


async def test_links_are_read_from_both_sides_and_removed(site: Site) -> None:
    case, number = await site.case(), await requirement(site)
    path = f"requirements/{number}/link?type=test-cases"
    await site.post(path, [case["id"]])
    await site.post(path, [case["id"]])
    ids = f"ids={number}&ids=1"
    (found,) = await site.get(f"linked-artifacts?type=requirements&{ids}")
    assert [o["id"] for o in found["objects"]] == [case["id"]]
    (found,) = await site.get(f"linked-artifacts?type=test-cases&ids={case['id']}")
    assert [o["pid"] for o in found["objects"]] == ["RQ-1"]
    assert site.simulator.dump()["links"] == [["requirements", number, "test-cases", case["id"]]]
    await site.good("DELETE", path, [case["id"]])
    assert await site.get(f"linked-artifacts?type=requirements&{ids}") == []
    await site.post(path, [case["id"]])
    await site.good("DELETE", f"requirements/{number}")
    assert await site.get(f"linked-artifacts?type=test-cases&ids={case['id']}") == []


async def test_a_site_may_refuse_to_link_twice(served: Opener, a_log: Logs) -> None:
    async with served(linked_once=True) as site:
        case, number = await site.case("one", approved=True), await requirement(site)
        path = f"requirements/{number}/link?type=test-cases"
        await site.post(path, [case["id"]])
        await site.refused(400, "POST", path, [case["id"]])
        run = await site.run(case)
        log = await site.post(f"test-runs/{run}/test-logs", a_log())
        await site.post(f"test-logs/{log['id']}/defects", ["ACME-1"])
        await site.refused(400, "POST", f"test-logs/{log['id']}/defects", ["ACME-1"])


async def test_wrong_link_calls_are_refused(site: Site) -> None:
    case, number = await site.case(), await requirement(site)
    await site.refused(400, "POST", f"test-cases/{case['id']}/link?type=requirements", [number])
    await site.refused(400, "POST", f"requirements/{number}/link", [case["id"]])
    await site.refused(404, "POST", "requirements/1/link?type=test-cases", [case["id"]])
    body = {"ids": [1]}
    await site.refused(400, "POST", f"requirements/{number}/link?type=test-cases", body)
    await site.refused(400, "GET", "linked-artifacts?type=modules&ids=1")
    await site.refused(400, "GET", "linked-artifacts?type=test-cases&ids=x")


async def test_defects_are_linked_by_key(served: Opener, a_log: Logs) -> None:
    async with served(jira_keys=frozenset({"ACME-1", "ACME-2"})) as site:
        case = await site.case("one", approved=True)
        run, (step,) = await site.run(case), await site.steps(case)
        given = [{"test_step_id": step["id"], "status": {"id": 601}}]
        log = await site.post(f"test-runs/{run}/test-logs", a_log(test_step_logs=given))
        path = f"test-logs/{log['id']}/defects"
        status, answer = await site.ask("POST", path, ["ACME-1"])
        assert (status, answer[0]["objects"][0]["pid"]) == (201, "ACME-1")
        await site.refused(404, "POST", path, ["ACME-2", "ACME-3"])
        await site.refused(400, "POST", path, [1])
        await site.refused(404, "POST", "test-logs/1/defects", ["ACME-1"])
        await site.refused(404, "POST", f"test-logs/{log['id']}/requirements", ["ACME-1"])
        defect = await site.field("defects", "Summary")
        value = [{"field_id": defect["id"], "field_value": "It breaks"}]
        made = await site.post("defects", {"properties": value})
        step_log = log["test_step_logs"][0]["test_step_log_id"]
        await site.refused(404, "POST", f"test-steps/{step_log}/defects", ["ACME-2"])
        await site.post(f"test-steps/{step['id']}/defects", [made["pid"], "ACME-2"])
        shown = await site.get(f"test-runs/{run}/test-logs/{log['id']}")
        assert [d["pid"] for d in shown["defects"]] == ["ACME-1"]
        assert shown["test_step_logs"][0]["defects"] == []
        (found,) = await site.get(f"linked-artifacts?type=test-steps&ids={step['id']}")
        assert [each["pid"] for each in found["objects"]] == ["DF-1", "ACME-2"]
        (found,) = await site.get(f"linked-artifacts?type=test-logs&ids={log['id']}")
        assert found["objects"][0]["pid"] == "ACME-1"
        assert await site.good("DELETE", path, ["ACME-1", "ACME-9"]) == ["ACME-1"]
        assert (await site.get("defects/DF-1"))["submitter_id"] == site.simulator.user.id
