from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.qtest.conftest import Opener, Site

Logs = Callable[..., dict[str, Any]]
PASSED, FAILED = {"id": 601}, {"id": 602}


def results(steps: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    return [{"test_step_id": s["id"], "status": PASSED, "order": s["order"]} | more for s in steps]


async def test_a_log_comes_back_with_its_steps(site: Site, a_log: Logs) -> None:
    case = await site.case("one", "two", approved=True)
    run, steps = await site.run(case), await site.steps(case)
    given = results(steps, actual_result="<p>seen</p>", exe_date="2021-03-04T10:01:00Z")
    given[1]["status"] = FAILED
    body = a_log(note="<p>n</p>", test_step_logs=given, actual_exe_time=300_000)
    status, log = await site.ask("POST", f"test-runs/{run}/test-logs", body)
    assert status == 201
    assert log["exe_start_date"] == "2021-03-04T17:00:00+07:00"
    assert (log["test_run_id"], log["result_number"]) == (run, 1)
    assert [s["status"]["name"] for s in log["test_step_logs"]] == ["Passed", "Failed"]
    assert log["test_step_logs"][0]["test_step_id"] == steps[0]["id"]
    last = await site.get(f"test-runs/{run}/test-logs/last-run?expand=teststeplog.teststep")
    assert last["test_step_logs"][0]["test_step"]["description"] == "one"
    assert last["test_step_logs"][0]["actual_result"] == "<p>seen</p>"
    listed = await site.get(f"test-runs/{run}/test-logs")
    assert (listed["total"], listed["items"][0]["id"]) == (1, log["id"])
    assert (await site.get(f"test-runs/{run}/test-logs/{log['id']}"))["note"] == "<p>n</p>"


async def test_the_newest_submitted_log_gives_the_status(site: Site, a_log: Logs) -> None:
    run = await site.run(await site.case("one", approved=True))
    path = f"test-runs/{run}/test-logs"
    await site.post(path, a_log(status=FAILED))
    earlier = {"exe_start_date": "2001-01-01T00:00:00Z", "exe_end_date": "2001-01-01T00:00:00Z"}
    last = await site.post(path, a_log(status=PASSED) | earlier)
    shown = await site.get(f"test-runs/{run}")
    assert shown["latest_test_log"]["id"] == last["id"]
    status = next(p for p in shown["properties"] if p["field_name"] == "Status")
    assert (status["field_value"], status["field_value_name"]) == ("601", "Passed")
    second = await site.get(f"{path}?pageSize=1&page=2")
    assert second["items"][0]["id"] == last["id"]


async def test_the_last_run_of_an_unexecuted_run_is_404(site: Site) -> None:
    run = await site.run(await site.case("one", approved=True))
    await site.refused(404, "GET", f"test-runs/{run}/test-logs/last-run")


@pytest.mark.parametrize(
    "change",
    [
        {"status": None},
        {"status": {"name": "Passed"}},
        {"status": {"id": "601"}},
        {"status": {"id": 999}},
        {"status": "Passed"},
        {"exe_start_date": None},
        {"exe_end_date": None},
        {"exe_start_date": "2021-03-04T10:00:00.000Z"},
        {"exe_end_date": "2021-03-04T10:05:00.5+00:00"},
        {"exe_start_date": "2021-03-04T10:00:00"},
        {"exe_start_date": "2021-03-04"},
        {"exe_start_date": 1_614_852_000_000},
        {"exe_start_date": "2021-03-04T11:00:00Z"},  # after the end
        {"planned_exe_time": -1},
        {"planned_exe_time": 10_000_000},
        {"actual_exe_time": "5"},
        {"note": 5},
        {"test_case_version_id": 1},
        {"test_step_logs": {}},
        {"test_step_logs": []},
        {"test_step_logs": ["x"]},
        {"attachments": [{"name": "a", "content_type": "text/plain", "data": "no base64!"}]},
        {"attachments": [{"content_type": "text/plain", "data": ""}]},
        {"attachments": ["x"]},
        {"properties": [{"field_id": 1, "field_value": "x"}]},
        {"defects": ["ACME-1"]},
    ],
)
async def test_a_wrong_log_is_400_and_makes_nothing(
    site: Site, a_log: Logs, change: dict[str, Any]
) -> None:
    run = await site.run(await site.case("one", approved=True))
    await site.refused(400, "POST", f"test-runs/{run}/test-logs", a_log(**change))
    assert (await site.get(f"test-runs/{run}/test-logs"))["total"] == 0


async def test_a_version_of_another_case_is_400(site: Site, a_log: Logs) -> None:
    run = await site.run(await site.case("one", approved=True))
    other = await site.case("other", approved=True)
    body = a_log(test_case_version_id=other["test_case_version_id"])
    await site.refused(400, "POST", f"test-runs/{run}/test-logs", body)


async def test_without_an_approved_version_there_is_no_log(served: Opener, a_log: Logs) -> None:
    async with served() as site:
        case = await site.case("one")
        run = await site.run(case)
        await site.refused(400, "POST", f"test-runs/{run}/test-logs", a_log())
        unapproved = a_log(test_case_version_id=case["test_case_version_id"])
        await site.refused(400, "POST", f"test-runs/{run}/test-logs", unapproved)
    async with served(strict=False) as site:
        case = await site.case("one")
        run = await site.run(case)
        await site.post(f"test-runs/{run}/test-logs", a_log())


async def test_a_log_binds_to_the_newest_approved_version(site: Site, a_log: Logs) -> None:
    case = await site.case("one", approved=True)
    run = await site.run(case)
    await site.put(f"test-cases/{case['id']}", {"name": "x"})
    approved = await site.put(f"test-cases/{case['id']}/approve")
    await site.put(f"test-cases/{case['id']}", {"name": "y"})
    log = await site.post(f"test-runs/{run}/test-logs", a_log())
    assert log["test_case_version_id"] == approved["test_case_version_id"]


@pytest.mark.parametrize("take", [0, 1])
async def test_step_logs_are_for_all_steps(site: Site, a_log: Logs, take: int) -> None:
    case = await site.case("one", "two", "three", approved=True)
    run, steps = await site.run(case), await site.steps(case)
    wrong = results(steps[:2]) if take else results([*steps, steps[0]])
    await site.refused(400, "POST", f"test-runs/{run}/test-logs", a_log(test_step_logs=wrong))


async def test_step_logs_name_each_step_of_the_version_once(site: Site, a_log: Logs) -> None:
    case = await site.case("one", "two", approved=True)
    run, steps = await site.run(case), await site.steps(case)
    stale = (await site.get(f"test-cases/{case['id']}?expand=teststep"))["test_steps"]
    await site.put(f"test-cases/{case['id']}", {"name": "x"})
    await site.put(f"test-cases/{case['id']}/approve")
    for wrong in ([steps[0], steps[0]], stale):
        body = a_log(test_step_logs=results(wrong))
        await site.refused(400, "POST", f"test-runs/{run}/test-logs", body)
    body = a_log(test_step_logs=results(steps), test_case_version_id=case["test_case_version_id"])
    await site.post(f"test-runs/{run}/test-logs", body)
    body["test_step_logs"][0]["status"] = {"id": 1}
    await site.refused(400, "POST", f"test-runs/{run}/test-logs", body)


async def test_called_steps_name_their_case_and_the_calling_step(site: Site, a_log: Logs) -> None:
    inner = await site.case("inner", approved=True)
    call = {"description": "calls", "expected": "", "called_test_case_id": inner["id"]}
    middle = await site.case(test_steps=[call], approved=True)
    outer_call = call | {"called_test_case_id": middle["id"]}
    own = {"description": "own", "expected": ""}
    outer = await site.case(test_steps=[outer_call, own, outer_call], approved=True)
    run, steps = await site.run(outer), await site.steps(outer)
    (leaf,) = await site.steps(inner)
    called = {"called_test_case_id": inner["id"]}
    first = called | {"parent_test_step_id": steps[0]["id"]}
    third = called | {"parent_test_step_id": steps[2]["id"]}
    path = f"test-runs/{run}/test-logs"
    for wrong in ({}, called, first | {"called_test_case_id": middle["id"]}):
        given = [*results([leaf], **wrong), *results([steps[1]]), *results([leaf], **third)]
        await site.refused(400, "POST", path, a_log(test_step_logs=given))
    await site.refused(400, "POST", path, a_log(test_step_logs=results(steps)))
    given = [*results([steps[1]]), *results([leaf], **third), *results([leaf], **first)]
    log = await site.post(path, a_log(test_step_logs=given))
    assert [
        s["parent_test_step_id"] for s in log["test_step_logs"] if "parent_test_step_id" in s
    ] == [
        steps[0]["id"],
        steps[2]["id"],
    ]
    assert log["test_step_logs"][0]["called_test_case_name"] == "Case"


async def test_files_and_defects_of_logs_and_steps(site: Site, a_log: Logs) -> None:
    case = await site.case("one", approved=True)
    run, steps = await site.run(case), await site.steps(case)
    data = base64.b64encode(b"evidence").decode()
    file = {"name": "log.txt", "content_type": "text/plain", "data": data}
    given = results(steps, attachments=[file], defects=[{"pid": "ACME-2"}, {"pid": "nonsense"}])
    body = a_log(attachments=[file, file], test_step_logs=given, defects=[{"pid": "ACME-1"}])
    log = await site.post(f"test-runs/{run}/test-logs", body)
    assert [a["name"] for a in log["attachments"]] == ["log.txt", "log.txt"]
    step_log = log["test_step_logs"][0]
    assert [a["name"] for a in step_log["attachments"]] == ["log.txt"]
    assert [d["pid"] for d in log["defects"] + step_log["defects"]] == ["ACME-1", "ACME-2"]
    number = step_log["test_step_log_id"]
    path = f"test-step-logs/{number}/attachments/{step_log['attachments'][0]['id']}"
    assert await site.get(path) == b"evidence"


async def test_an_inline_file_over_the_limit_is_413(served: Opener, a_log: Logs) -> None:
    async with served(file_limit=10) as site:
        run = await site.run(await site.case("one", approved=True))
        data = base64.b64encode(b"x" * 11).decode()
        file = {"name": "a", "content_type": "text/plain", "data": data}
        body = a_log(attachments=[file])
        await site.refused(413, "POST", f"test-runs/{run}/test-logs", body)


async def test_a_log_needs_the_required_run_fields(served: Opener, a_log: Logs) -> None:
    async with served() as site:
        run = await site.run(await site.case("one", approved=True))
        site.simulator.options.required_fields = {"test-runs": ("Environment",)}
        path = f"test-runs/{run}/test-logs"
        assert "Environment" in await site.refused(400, "POST", path, a_log())
        field = await site.field("test-runs", "Environment")
        value = str(field["allowed_values"][0]["value"])
        properties = [{"field_id": field["id"], "field_value": value}]
        log = await site.post(path, a_log(properties=properties))
        shown = next(p for p in log["properties"] if p["field_name"] == "Environment")
        assert shown["field_value_name"] == "Staging"


async def test_a_log_is_modified_but_not_its_version(site: Site, a_log: Logs) -> None:
    case = await site.case("one", approved=True)
    run, steps = await site.run(case), await site.steps(case)
    path = f"test-runs/{run}/test-logs"
    log = await site.post(path, a_log(test_step_logs=results(steps), build_number="1"))
    number = log["test_step_logs"][0]["test_step_log_id"]
    step = {"test_step_log_id": number, "status": FAILED, "actual_result": "new"}
    change = a_log(status=FAILED, note="new", test_case_version_id=1, build_number="2")
    changed = await site.put(f"{path}/{log['id']}", change | {"test_step_logs": [step]})
    assert (changed["note"], changed["status"]["id"], changed["build_number"]) == ("new", 602, "1")
    assert changed["test_case_version_id"] == log["test_case_version_id"]
    assert changed["test_step_logs"][0]["actual_result"] == "new"
    wrong = change | {"test_step_logs": [step | {"test_step_log_id": 1}]}
    await site.refused(400, "PUT", f"{path}/{log['id']}", wrong)
    await site.refused(404, "PUT", f"{path}/1", change)
    other = await site.run(case)
    await site.refused(404, "GET", f"test-runs/{other}/test-logs/{log['id']}")


async def test_only_an_administrator_changes_the_logs_of_others(
    served: Opener, a_log: Logs
) -> None:
    async with served(administrator=False) as site:
        run = await site.run(await site.case("one", approved=True))
        made = site.simulator.by_hand("POST", f"test-runs/{run}/test-logs", a_log())
        path = f"test-runs/{run}/test-logs/{made['id']}"
        await site.refused(403, "PUT", path, a_log())
        await site.refused(404, "DELETE", path)


async def test_logs_go_with_their_run(site: Site, a_log: Logs) -> None:
    case = await site.case("one", approved=True)
    run, steps = await site.run(case), await site.steps(case)
    body = a_log(test_step_logs=results(steps))
    log = await site.post(f"test-runs/{run}/test-logs", body)
    await site.good("DELETE", f"test-runs/{run}")
    await site.refused(404, "GET", f"test-logs/{log['id']}/attachments")
    step_log = log["test_step_logs"][0]["test_step_log_id"]
    await site.refused(404, "GET", f"test-step-logs/{step_log}/attachments")
    assert site.simulator.state.cascades == []
    assert datetime.fromisoformat(log["exe_end_date"]).tzinfo is not None


@pytest.mark.parametrize("answer", ["400", "500"])
async def test_a_site_may_refuse_logs_that_name_unknown_defects(
    served: Opener, a_log: Logs, answer: str
) -> None:
    async with served(jira_keys=frozenset({"ACME-1"}), unknown_defects=answer) as site:
        run = await site.run(await site.case("one", approved=True))
        path = f"test-runs/{run}/test-logs"
        await site.refused(int(answer), "POST", path, a_log(defects=[{"pid": "ACME-2"}]))
        log = await site.post(path, a_log(defects=[{"external_defect_id": "ACME-1"}]))
        assert [each["pid"] for each in log["defects"]] == ["ACME-1"]


async def test_a_change_replaces_the_defects_of_a_step(site: Site, a_log: Logs) -> None:
    case = await site.case("one", approved=True)
    run, (step,) = await site.run(case), await site.steps(case)
    given = {"test_step_id": step["id"], "status": {"id": 601}, "defects": [{"pid": "ACME-1"}]}
    path = f"test-runs/{run}/test-logs"
    log = await site.post(path, a_log(test_step_logs=[given]))
    held = {"test_step_log_id": log["test_step_logs"][0]["test_step_log_id"], "status": {"id": 601}}
    changed = await site.good("PUT", f"{path}/{log['id']}", a_log(test_step_logs=[held]))
    assert [each["pid"] for each in changed["test_step_logs"][0]["defects"]] == ["ACME-1"]
    held["defects"] = [{"pid": "ACME-2"}]
    changed = await site.good("PUT", f"{path}/{log['id']}", a_log(test_step_logs=[held]))
    assert [each["pid"] for each in changed["test_step_logs"][0]["defects"]] == ["ACME-2"]
