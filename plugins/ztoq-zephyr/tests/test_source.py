"""What becomes of the answers of the service: every kind, completed, resolved, downloaded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ztoq_testkit.simulate import Reply

from ztoq_core.plugin import (
    AccessError,
    Call,
    FieldValue,
    Kind,
    Link,
    LinkType,
    Parameter,
    Ref,
    Reject,
    RejectedError,
    Script,
    Tree,
)

PERSON = "557058:0a1b2c3d-0000-4000-8000-000000000001"


def fields(record: Any) -> dict[str, Any]:
    return {field.name: field.value for field in record.fields}


async def test_folders_of_three_trees_know_their_parents(opened: Any) -> None:
    async with opened() as shop:
        folders = {each.key: each for each in await shop.all_of(Kind.FOLDER)}
    assert set(folders) == {f"SHOP-F{n}" for n in (3101, 3190, 3191, 3201, 3301)}
    cards = folders["SHOP-F3101"]
    # its parent has the higher number
    assert cards.parent == Ref(Kind.FOLDER, "SHOP-F3190")
    assert folders["SHOP-F3191"].order == 2
    assert folders["SHOP-F3201"].tree is Tree.CYCLES
    assert folders["SHOP-F3301"].tree is Tree.PLANS


async def test_a_folder_without_its_parent_stands_at_the_top(answers: Any, opened: Any) -> None:
    del answers["folders?folderType=TEST_CASE"]["values"][1]
    async with opened() as shop:
        cards = await shop.one(Kind.FOLDER, "SHOP-F3101")
    assert cards.parent is None
    assert [note.code for note in cards.notes] == ["folder-parent-unknown"]


async def test_folders_in_a_circle_are_cut_once(answers: Any, opened: Any) -> None:
    answers["folders?folderType=TEST_CASE"]["values"][1]["parentId"] = 3101
    async with opened() as shop:
        folders = {each.key: each for each in await shop.all_of(Kind.FOLDER)}
    assert folders["SHOP-F3101"].parent is None
    assert folders["SHOP-F3190"].parent == Ref(Kind.FOLDER, "SHOP-F3101")


async def test_a_case_with_everything(opened: Any) -> None:
    async with opened() as shop:
        case = await shop.one(Kind.TEST_CASE, "SHOP-T1")
    assert case.name == "Pay with a card"
    assert case.folder == Ref(Kind.FOLDER, "SHOP-F3101")
    assert case.description == "Pay with a <b>card</b>."
    assert case.precondition == "A basket with one item<br />"
    assert (case.status, case.priority, case.component) == ("Approved", "High", "10301")
    assert case.labels == ("smoke", "payments")
    assert case.owner == PERSON
    assert case.created == datetime(2024, 3, 5, 9, 30, 11, tzinfo=UTC)
    assert case.estimated == 138.0
    assert case.project == ""
    assert fields(case) == {
        "Browser": "Chrome",
        "Countries": ("Austria", "Chile"),
        "Automated": False,
        "Segments ": None,
        "Effort": 2.5,
        "Reviewed on": "2026-06-30T00:00:00Z",
        "Reviewer": None,
        "Tags": (),
    }
    assert case.links == (
        Link(
            type=LinkType.COVERAGE,
            issue_id="20011",
            url="https://shop.example.com/rest/api/2/issue/20011",
        ),
        Link(
            type=LinkType.BLOCKS,
            issue_id="20012",
            url="https://shop.example.com/rest/api/2/issue/20012",
        ),
        Link(type=LinkType.WEB, url="https://wiki.example.com/pay", text="Wiki"),
    )
    assert case.raw is not None
    assert case.raw["id"] == 101


async def test_a_case_with_little(opened: Any) -> None:
    async with opened() as shop:
        case = await shop.one(Kind.TEST_CASE, "SHOP-T2")
        other = await shop.one(Kind.TEST_CASE, "SHOP-T3")
    assert case.name == "Refund\nin parts"
    assert (case.folder, case.path, case.owner, case.component) == (None, (), "", "")
    assert (case.labels, case.links, case.estimated) == ((), (), None)
    assert other.owner == ""


async def test_steps_calls_and_their_parameters(opened: Any) -> None:
    async with opened() as shop:
        case, *files = await shop.completed(Kind.TEST_CASE, "SHOP-T1")
        assert not files
        assert shop.codes() == ["parameters-not-shown"]
        assert shop.tenant.times("testcases/SHOP-T1/teststeps/9001/attachments") == 1
    first, call, empty = case.steps
    assert (first.key, first.source_id) == ("1", "9001")
    assert (first.description, first.data) == ("Open the basket", "")
    assert first.expected == "It lists <i>one</i> item"
    assert first.fields == (
        FieldValue(name="Hint", value=None),
        FieldValue(name="Risk", value=("low",)),
    )
    assert call.call == Call(
        case=Ref(Kind.TEST_CASE, "SHOP-T3"), parameters=(Parameter(name="code", value="SPRING"),)
    )
    assert (empty.key, empty.description) == ("3", "")
    assert [value["id"] for value in case.raw["teststeps"]] == [9001, 9002, 9003]


async def test_scripts(opened: Any) -> None:
    async with opened() as shop:
        plain, *_ = await shop.completed(Kind.TEST_CASE, "SHOP-T2")
        bdd, *_ = await shop.completed(Kind.TEST_CASE, "SHOP-T3")
    assert plain.script == Script(language="plain", text="Refund <b>half</b>.<br>Then the rest.")
    assert bdd.script == Script(
        language="bdd", text="Given a voucher\nWhen I redeem it\nThen the price drops"
    )
    assert plain.steps == bdd.steps == ()


async def test_the_other_endpoint_is_asked_where_the_case_does_not_say(
    answers: Any, opened: Any
) -> None:
    wrong = Reply(422, {"errorCode": 422, "message": "Wrong script"})
    for number in (0, 1):
        answers["testcases/nextgen"]["values"][number]["testScript"] = None
    answers["testcases/SHOP-T2/teststeps"] = wrong
    answers["testcases/nextgen"]["values"][2]["testScript"] = {"self": "https://x/testscript"}
    answers["testcases/SHOP-T3/testscript"] = wrong
    answers["testcases/SHOP-T3/teststeps"] = wrong
    async with opened() as shop:
        first, *_ = await shop.completed(Kind.TEST_CASE, "SHOP-T1")
        second, *_ = await shop.completed(Kind.TEST_CASE, "SHOP-T2")
        with pytest.raises(RejectedError, match="SHOP-T3: it has neither steps nor a script"):
            await shop.completed(Kind.TEST_CASE, "SHOP-T3")
    assert len(first.steps) == 3
    assert second.script.language == "plain"


async def test_links_are_asked_for_where_the_list_leaves_them_out(
    answers: Any, opened: Any
) -> None:
    case = answers["testcases/nextgen"]["values"][0]
    answers["testcases/SHOP-T1/links"] = case.pop("links")
    del answers["testcases/nextgen"]["values"][1]["links"]
    answers["testcases/SHOP-T2/links"] = Reply(404, {"errorCode": 404, "message": "No"})
    async with opened() as shop:
        first, *_ = await shop.completed(Kind.TEST_CASE, "SHOP-T1")
        second, *_ = await shop.completed(Kind.TEST_CASE, "SHOP-T2")
    assert [link.issue_id for link in first.links] == ["20011", "20012", None]
    assert second.links == ()


async def test_plans_span_their_cycles(opened: Any) -> None:
    async with opened() as shop:
        plan = await shop.one(Kind.TEST_PLAN, "SHOP-P1")
    assert (plan.name, plan.description, plan.status) == ("Spring release", "Ship it", "Approved")
    assert plan.folder == Ref(Kind.FOLDER, "SHOP-F3301")
    assert plan.start == datetime(2026, 5, 4, 8, tzinfo=UTC)
    # the second cycle's dates are the wrong way round
    assert plan.end == datetime(2026, 6, 20, 8, tzinfo=UTC)
    assert plan.labels == ("q2",)
    assert fields(plan) == {"Budget": 12}
    assert plan.links[-1] == Link(type=LinkType.WEB, url="not a url", text="Notes")


async def test_cycles_and_their_plans(opened: Any) -> None:
    async with opened() as shop:
        first = await shop.one(Kind.TEST_CYCLE, "SHOP-R1")
        second = await shop.one(Kind.TEST_CYCLE, "SHOP-R2")
    assert (first.version, first.status) == ("10500", "In Progress")
    assert first.planned_start == datetime(2026, 5, 4, 8, tzinfo=UTC)
    assert first.plans == (Ref(Kind.TEST_PLAN, "SHOP-P1"),)
    # only the plan names it
    assert second.plans == (Ref(Kind.TEST_PLAN, "SHOP-P1"),)
    assert (second.version, second.folder, second.owner) == ("", None, "")
    assert second.planned_end == datetime(2026, 6, 10, 16, tzinfo=UTC)


async def test_plans_of_other_projects_and_unlisted_ones(
    answers: Any, opened: Any, answer_of: Any
) -> None:
    plan = answer_of("testplan")
    links = answers["testcycles/nextgen"]["values"][1]["links"]
    links["testPlans"] = [{"testPlanId": 402}, {"target": "https://x/testplans/403"}]
    answers["testplans/402"] = plan | {"id": 402, "key": "SHOP-P9"}
    answers["testplans/403"] = plan | {"id": 403, "key": "ELSE-P1"}
    async with opened() as shop:
        page = await shop.source.fetch(Kind.TEST_CYCLE, None)
    records = {record.key: record for record in page.records}
    assert set(records) == {"SHOP-R1", "SHOP-R2", "SHOP-P9"}
    cycle = records["SHOP-R2"]
    assert [ref.key for ref in cycle.soft_dependencies()] == ["SHOP-P9", "SHOP-P1"]
    assert [note.code for note in cycle.notes] == ["plan-elsewhere"]
    assert "ELSE-P1" in cycle.notes[0].text


async def test_executions_are_runs_and_logs(opened: Any) -> None:
    async with opened() as shop:
        records = {each.key: each for each in await shop.all_of(Kind.TEST_LOG)}
        notes = shop.notes
        assert shop.tenant.asked[0][1]["includeStepLinks"] == "true"
    assert set(records) == {
        *("SHOP-E1", "SHOP-E2", "SHOP-E3"),
        *("SHOP-R1/SHOP-T1/Chrome", "SHOP-R1/SHOP-T1/", "-/SHOP-T2/"),
    }
    run = records["SHOP-R1/SHOP-T1/Chrome"]
    assert run.cycle == Ref(Kind.TEST_CYCLE, "SHOP-R1")
    assert (run.environment, run.assigned_to) == ("Chrome", PERSON)
    log = records["SHOP-E1"]
    assert (log.run, log.case) == (run.ref, Ref(Kind.TEST_CASE, "SHOP-T1"))
    assert (log.status, log.number) == ("Pass", 801)
    assert log.ended == datetime(2026, 5, 6, 10, 11, 12, tzinfo=UTC)
    assert (log.duration, log.estimated) == (120.5, 138.0)
    assert log.planned_end == datetime(2026, 5, 15, 16, tzinfo=UTC)
    assert (log.executed_by, log.version, log.comment) == (PERSON, "10500", "All <b>well</b>")
    assert log.raw["testCase"]["id"] == 190801
    assert [link.issue_id for link in records["SHOP-E2"].links] == ["20041", "20042"]
    never = records["SHOP-E3"]
    assert (never.status, never.ended) == ("Not Executed", None)
    assert records["-/SHOP-T2/"].cycle is None
    # the first execution ran version 2, so there is a first one
    assert [(n.code, ref.key) for n, ref in notes] == [("old-versions-not-shown", "SHOP-T1")]


async def test_results_with_rows_of_data(opened: Any) -> None:
    async with opened() as shop:
        log, *files = await shop.completed(Kind.TEST_LOG, "SHOP-E1")
        assert "parameters-not-shown" in shop.codes()
    assert (files, log.files) == ([], 0)
    first, second = log.results
    assert (first.key, first.source_id, first.status, first.row) == ("1", "9501", "Pass", 0)
    assert (second.status, second.row, second.actual) == ("Fail", 1, "<p>Slow</p>")
    # parameters come as the service marks them
    assert second.description == "Redeem <var>SPRING</var>\u2060"


async def test_a_cycle_by_key_by_number_and_one_that_is_gone(
    answers: Any, opened: Any, answer_of: Any
) -> None:
    values = answers["testexecutions/nextgen"]["values"]
    values[0]["testCycle"] = {"self": "https://x/v2/testcycles/SHOP-R2"}
    values[1]["testCycle"] = {"id": 777}
    answers["testcycles/777"] = answer_of("testcycle") | {"id": 777, "key": "SHOP-R77"}
    values[2]["testCycle"] = {"id": 888, "self": "https://x/v2/testcycles/888"}
    async with opened() as shop:
        records = {each.key: each for each in await shop.all_of(Kind.TEST_LOG)}
    assert records["SHOP-E1"].run.key == "SHOP-R2/SHOP-T1/Chrome"
    assert records["SHOP-E2"].run.key == "SHOP-R77/SHOP-T1/"
    assert records["SHOP-E2"].planned_start == datetime(2026, 5, 4, 8, tzinfo=UTC)
    assert records["SHOP-E3"].run.key == "SHOP-RID888/SHOP-T2/"
    assert [note.code for note in records["SHOP-E3"].notes] == ["cycle-gone"]


async def test_names_that_are_on_no_list(answers: Any, opened: Any) -> None:
    values = answers["testexecutions/nextgen"]["values"]
    values[0]["testExecutionStatus"] = {"id": 99}
    answers["statuses/99"] = {"id": 99, "name": "Retired"}
    values[1]["environment"] = {"self": "https://x/v2/environments/98"}
    async with opened() as shop:
        records = {each.key: each for each in await shop.all_of(Kind.TEST_LOG)}
        assert "name-unknown" in shop.codes()
        assert shop.tenant.times("statuses/99") == 1
    assert records["SHOP-E1"].status == "Retired"
    assert records["SHOP-E2"].environment == "98"


async def test_a_folder_made_meanwhile_comes_with_its_case(answers: Any, opened: Any) -> None:
    answers["testcases/nextgen"]["values"][0]["folder"] = {"id": 3999}
    answers["testcases/nextgen"]["values"][1]["folder"] = {"id": 3998}
    answers["folders/3999"] = {
        "id": 3999,
        "parentId": 3190,
        "name": "New",
        "folderType": "TEST_CASE",
    }
    async with opened() as shop:
        records = {each.key: each for each in await shop.all_of(Kind.TEST_CASE)}
        found = await shop.source.resolve(Ref(Kind.FOLDER, "SHOP-F3999"))
        gone = await shop.source.resolve(Ref(Kind.FOLDER, "SHOP-F3998"))
    assert records["SHOP-T1"].folder == Ref(Kind.FOLDER, "SHOP-F3999")
    assert records["SHOP-F3999"].parent == Ref(Kind.FOLDER, "SHOP-F3190")
    assert found == (records["SHOP-F3999"],)
    assert records["SHOP-T2"].folder is None
    assert [note.code for note in records["SHOP-T2"].notes] == ["folder-gone"]
    assert isinstance(gone, Reject)


async def test_what_cannot_become_a_record_is_rejected_with_its_raw_value(
    answers: Any, opened: Any
) -> None:
    answers["testcases/nextgen"]["values"] += [{"id": 5, "name": "No key"}, "no object"]
    values = answers["testexecutions/nextgen"]["values"]
    values += [{"testCase": {"self": "https://x/testcases/SHOP-T1"}}, {"id": 6, "key": "SHOP-E6"}]
    answers["folders?folderType=TEST_CASE"]["values"].append({"name": "No id"})
    async with opened() as shop:
        cases = await shop.source.fetch(Kind.TEST_CASE, None)
        logs = await shop.source.fetch(Kind.TEST_LOG, None)
        folders = await shop.source.fetch(Kind.FOLDER, None)
    assert [(each.reason, each.raw) for each in cases.rejects] == [
        ("it has no key", {"id": 5, "name": "No key"}),
        ("it is not a JSON object", "no object"),
    ]
    assert [each.reason for each in logs.rejects] == [
        "it has neither key nor id",
        "it has no test case",
    ]
    assert [each.reason for each in folders.rejects] == ["it has no id"]


async def test_an_execution_that_names_only_the_version_keeps_its_place(
    answers: Any, opened: Any
) -> None:
    value = answers["testexecutions/nextgen"]["values"][0]
    value["testCase"] = {"id": 190801}
    async with opened() as shop:
        log = await shop.one(Kind.TEST_LOG, "SHOP-E1")
        found = await shop.source.resolve(log.case)
    assert log.case.key == "SHOP-TV190801"
    assert isinstance(found, Reject)


async def test_a_case_of_another_project_is_resolved_whole(
    answers: Any, opened: Any, answer_of: Any
) -> None:
    answers["testcases/OTHER-T7"] = answer_of("testcase") | {"key": "OTHER-T7"}
    answers["testcases/OTHER-T7/teststeps"] = answer_of("testcase-teststeps")
    answers["testcases/OTHER-T7/attachments"] = Reply(403, {"errorCode": 403, "message": "No"})
    async with opened() as shop:
        found = await shop.source.resolve(Ref(Kind.TEST_CASE, "OTHER-T7"))
        assert "files-not-offered" not in shop.codes()
    assert not isinstance(found, Reject)
    case = found[0]
    assert (case.key, case.project, case.folder) == ("OTHER-T7", "OTHER", None)
    assert len(case.steps) == 3


async def test_what_is_used_but_on_no_list_is_resolved_under_the_asked_key(
    answers: Any, opened: Any, answer_of: Any
) -> None:
    answers["testcases/SHOP-T50"] = answer_of("testcase") | {"key": "SHOP-T1"}
    async with opened() as shop:
        found = await shop.source.resolve(Ref(Kind.TEST_CASE, "SHOP-T50"))
        cycle = await shop.source.resolve(Ref(Kind.TEST_CYCLE, "SHOP-R1"))
        plan = await shop.source.resolve(Ref(Kind.TEST_PLAN, "SHOP-P1"))
        assert "unlisted" in shop.codes()
    assert found[0].key == "SHOP-T50"
    assert [note.code for note in found[0].notes] == ["key-changed"]
    assert (cycle[0].key, plan[0].key) == ("SHOP-R1", "SHOP-P1")


async def test_a_case_that_went_away_meanwhile_fails_alone(answers: Any, opened: Any) -> None:
    forbidden = Reply(403, {"errorCode": 403, "message": "Forbidden"})
    answers["testcases/SHOP-T1/teststeps"] = forbidden
    answers["testcases/SHOP-T2/testscript"] = Reply(404, {"errorCode": 404, "message": "Gone"})
    async with opened() as shop:
        cases = [await shop.one(Kind.TEST_CASE, key) for key in ("SHOP-T1", "SHOP-T2")]
        for case in cases:
            with pytest.raises(RejectedError):
                await shop.source.complete(case)
        answers["projects/SHOP"] = forbidden
        with pytest.raises(AccessError):
            await shop.source.complete(cases[0])


@pytest.mark.parametrize("status", [400, 403, 422])
async def test_what_is_refused_is_not_taken_for_gone(
    answers: Any, opened: Any, status: int
) -> None:
    answers["testcases/SHOP-T50"] = Reply(status, {"errorCode": status, "message": "No"})
    async with opened() as shop:
        with pytest.raises(RejectedError, match=f"answered {status}: No"):
            await shop.source.resolve(Ref(Kind.TEST_CASE, "SHOP-T50"))


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_gone_is_a_reject(answers: Any, opened: Any, status: int) -> None:
    answers["testcases/SHOP-T50"] = Reply(status, {"errorCode": status, "message": "Gone"})
    async with opened() as shop:
        found = await shop.source.resolve(Ref(Kind.TEST_CASE, "SHOP-T50"))
        run = await shop.source.resolve(Ref(Kind.TEST_RUN, "-/SHOP-T1/"))
    assert isinstance(found, Reject)
    assert str(status) in found.reason
    assert isinstance(run, Reject)


async def test_the_source_describes_its_choices(opened: Any) -> None:
    async with opened() as shop:
        schema = await shop.source.describe()
        assert shop.source.identity == "zephyr 127.0.0.1 SHOP"
        assert Kind.FOLDER not in shop.source.completes
    assert schema.statuses == ("Not Executed", "In Progress", "Pass", "Fail", "Blocked", "Flaky")
    priority = schema.field(Kind.TEST_CASE, "priority")
    assert priority is not None
    assert priority.values == ("High", "Normal", "Low")


async def test_a_kind_that_is_not_listed_is_an_empty_page(opened: Any) -> None:
    async with opened() as shop:
        page = await shop.source.fetch(Kind.REQUIREMENT, None)
        folder = await shop.one(Kind.FOLDER, "SHOP-F3190")
        assert await shop.source.complete(folder) == (folder,)
    assert (page.records, page.cursor) == ((), None)
