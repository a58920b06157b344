from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.qtest.conftest import Opener, Site

TREE = "auto-test-logs?type=automation"


def auto(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "automation_content": f"tests#{name}",
        "status": "PASS",
        "exe_start_date": "2021-03-04T10:00:00.357Z",
        "exe_end_date": "2021-03-04T10:00:01.000Z",
        "module_names": ["Auto"],
        "test_step_logs": [{"description": "d", "expected_result": "e", "order": 0}],
    } | more


async def test_automation_is_403_unless_it_is_on(site: Site) -> None:
    body = {"test_logs": [auto("a")]}
    for path in (TREE, "test-runs/0/auto-test-logs"):
        assert "Automation" in await site.refused(403, "POST", path, body)
    path = "/api/v3.1/projects/4242/test-runs/0/auto-test-logs?type=automation"
    await site.refused(403, "POST", path, body)


async def test_a_job_goes_through_its_states(served: Opener) -> None:
    async with served(automation=True) as site:
        job = await site.post(TREE, {"test_logs": [auto("a"), auto("b"), auto("a")]})
        states = [job["state"]]
        while states[-1] != "SUCCESS":
            job = await site.get(f"/api/v3/projects/queue-processing/{job['id']}")
            states.append(job["state"])
        assert states == ["IN_WAITING", "IN_PROCESSING", "SUCCESS"]
        assert len(json.loads(job["content"])["testLogs"]) == 3
        dump = site.simulator.dump()
        assert [c["name"] for c in dump["test_cases"]] == ["a", "b"]
        assert [len(r["logs"]) for r in dump["test_runs"]] == [2, 1]
        await site.refused(404, "GET", "/api/v3/projects/queue-processing/1")


async def test_logs_go_into_a_suite_a_cycle_or_a_run(served: Opener) -> None:
    async with served(automation=True) as site:
        suite = await site.post("test-suites", {"name": "s", "properties": []})
        cycle = await site.post("test-cycles", {"name": "c"})
        base = "/api/v3.1/projects/4242/test-runs/0/auto-test-logs?type=automation"
        await site.post(base, {"test_suite": suite["pid"], "test_logs": [auto("a")]})
        await site.post(TREE, {"test_cycle": cycle["id"], "test_logs": [auto("a")]})
        await site.refused(404, "POST", TREE, {"test_cycle": "CL-9", "test_logs": []})
        path = f"test-runs?parentId={suite['id']}&parentType=test-suite"
        run = (await site.get(path))["items"][0]
        again = await site.post(f"test-runs/{run['id']}/auto-test-logs", auto("a", status="FAIL"))
        assert again["status"] == "FAIL"
        await site.post("test-runs/0/auto-test-logs", auto("new"))


@pytest.mark.parametrize(
    "change",
    [{"status": "WHAT"}, {"status": None}, {"automation_content": ""}, {"exe_start_date": None}],
)
async def test_a_wrong_automation_log_is_400(served: Opener, change: dict[str, Any]) -> None:
    async with served(automation=True) as site:
        await site.refused(400, "POST", TREE, {"test_logs": [auto("a") | change]})
        await site.refused(400, "POST", "auto-test-logs", {"test_logs": []})
        await site.refused(400, "POST", TREE, {"test_logs": {}})
