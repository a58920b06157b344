"""What tests use of the simulator: hands, dump, stats, demo, command line."""

from __future__ import annotations

import sys
import time
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from ztoq_demo.qtest import demo
from ztoq_demo.qtest.__main__ import make_server, options
from ztoq_testkit.simulate import Fault, Faults, Refusal

from ztoq_core.plugin import Secret

if TYPE_CHECKING:
    from tests.qtest.conftest import Opener, Site

Logs = Callable[..., dict[str, Any]]


async def test_another_person_works_by_hand(site: Site) -> None:
    case = await site.case("one")
    hand = site.simulator.by_hand
    stranger = hand("POST", "modules?parentId=0", {"name": "Foreign"})
    hand("PUT", f"test-cases/{case['id']}", {"name": "Edited"})
    site.simulator.attach_by_hand("test-cases", case["id"], "a.txt", b"x", "text/plain")
    assert (await site.get(f"test-cases/{case['id']}"))["name"] == "Edited"
    assert len(await site.get(f"test-cases/{case['id']}/attachments")) == 1
    shown = {m["name"]: m["stranger"] for m in site.simulator.dump()["modules"]}
    assert shown == {"Folder": False, "Foreign": True}
    assert hand("GET", f"modules/{stranger['id']}")["name"] == "Foreign"
    hand("DELETE", f"modules/{stranger['id']}")
    for path, status in (("nothing", 404), (f"modules/{stranger['id']}", 404)):
        with pytest.raises(Refusal) as refusal:
            hand("GET", path)
        assert refusal.value.status == status


async def test_the_dump_holds_everything(site: Site, a_log: Logs) -> None:
    inner = await site.case("inner", name="Inner", approved=True)
    call = {"description": "calls", "expected": "", "called_test_case_id": inner["id"]}
    priority = await site.field("test-cases", "Priority")
    high = next(v["value"] for v in priority["allowed_values"] if v["label"] == "High")
    value = [{"field_id": priority["id"], "field_value": str(high)}]
    case = await site.case(name="Outer", test_steps=[call], properties=value, approved=True)
    suite = await site.post("test-suites", {"name": "Suite", "properties": []})
    path = f"test-runs?parentId={suite['id']}&parentType=test-suite"
    run = await site.post(path, {"name": "R", "test_case": {"id": case["id"]}, "properties": []})
    (leaf,), (step,) = await site.steps(inner), await site.steps(case)
    result = {
        "test_step_id": leaf["id"],
        "status": {"id": 602},
        "called_test_case_id": inner["id"],
        "parent_test_step_id": step["id"],
    }
    await site.post(f"test-runs/{run['id']}/test-logs", a_log(test_step_logs=[result], note="n"))
    status, dump = await site.ask("GET", "/_simulator/dump")
    assert status == 200
    assert dump == site.simulator.dump()
    outer = dump["test_cases"][1]
    assert (outer["path"], outer["properties"]["Priority"]) == (["Folder"], "High")
    assert [v["version"] for v in outer["versions"]] == ["0.1", "1.0"]
    assert outer["versions"][1]["steps"][0]["called"] == inner["id"]
    assert dump["test_runs"][0]["path"] == ["Suite"]
    (log,) = dump["test_logs"]
    assert (log["status"], log["start"], log["note"], log["version"]) == (
        "Passed",
        1_614_852_000,
        "n",
        "1.0",
    )
    assert (log["steps"][0]["status"], log["steps"][0]["called"]) == ("Failed", inner["id"])
    _, stats = await site.ask("GET", "/_simulator/stats")
    assert stats["calls"]["POST /api/v3/projects/{projectId}/test-cases"] == 2
    assert stats["errors"] == []


async def test_a_lost_answer_leaves_the_object(served: Opener) -> None:
    faults = Faults(plan=[Fault.LOST])
    async with served(faults=faults) as site:
        with pytest.raises(aiohttp.ClientError):
            await site.module("Lost")
        assert [m["name"] for m in await site.get("modules")] == ["Lost"]


async def test_the_demo_is_an_empty_project() -> None:
    async with demo() as table:
        assert isinstance(table["token"], Secret)
        headers = {"Authorization": f"Bearer {table['token'].reveal()}"}
        url = f"{table['base_url']}/api/v3/projects/{table['project']}"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{url}/modules") as answer,
        ):
            assert (answer.status, await answer.json()) == (200, [])
        assert (table["use"], table["create_fields"]) == ("qtest", True)


async def test_the_command_line_says_where_it_serves() -> None:
    command = [sys.executable, "-m", "ztoq_demo.qtest", "--token", "secret", "--project", "7"]
    process = await create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    base_url = (await process.stdout.readline()).decode().strip()
    headers = {"Authorization": "Bearer secret"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{base_url}/api/v3/projects/7") as answer,
    ):
        assert answer.status == 200
    process.terminate()
    _, said = await process.communicate()
    assert "project 7, token secret" in said.decode()


def test_the_command_line_sets_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--required", "test-runs=Environment", "--required", "test-runs=Status", "--lenient"]
    make_server(options().parse_args(words))
    assert "token" in capsys.readouterr().err


async def test_a_write_costs_little(site: Site) -> None:
    """A write must leave the two cores to the product: far under a millisecond of its own."""
    module = await site.module()
    steps = [{"description": "<p>d</p>", "expected": "<p>e</p>", "order": n} for n in range(1, 9)]
    body = {"name": "Case", "parent_id": module, "properties": [], "test_steps": steps}
    before = time.process_time()
    for _ in range(300):
        site.simulator.by_hand("POST", "test-cases", body)
    assert (time.process_time() - before) / 300 < 0.003  # 0.3 ms when alone; slack for a busy host
