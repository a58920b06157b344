from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.qtest.conftest import Opener, Site


async def test_modules_make_a_tree(site: Site) -> None:
    top = await site.module("Top")
    below = await site.module("Below", top)
    assert "parent_id" not in await site.get(f"modules/{top}")
    assert (await site.get(f"modules/{below}"))["parent_id"] == top
    assert [m["id"] for m in await site.get("modules")] == [top]
    assert [m["id"] for m in await site.get(f"modules?parentId={top}")] == [below]
    whole = await site.get("modules?expand=descendants")
    assert [m["id"] for m in whole[0]["children"]] == [below]
    assert "children" not in (await site.get("modules"))[0]
    assert [m["id"] for m in await site.get("modules?search=elow")] == [below]


async def test_the_same_post_twice_makes_two_objects(site: Site) -> None:
    first, second = await site.module("Twin"), await site.module("Twin")
    assert first != second
    assert [m["pid"] for m in await site.get("modules")] == ["MD-1", "MD-2"]


@pytest.mark.parametrize("name", [None, "", " ", 7, "x" * 501, "two\nlines"])
async def test_a_name_has_1_to_500_characters_on_a_line(site: Site, name: Any) -> None:
    for path in ("modules", "requirements", "test-cases", "releases", "test-cycles", "test-suites"):
        await site.refused(400, "POST", path, {"name": name, "properties": []})


async def test_unknown_parents_are_refused(site: Site) -> None:
    case = await site.case()
    await site.refused(404, "POST", f"modules?parentId={case['id']}", {"name": "x"})
    await site.refused(400, "POST", "modules?parentId=x", {"name": "x"})
    await site.refused(404, "POST", "requirements?parentId=1", {"name": "x"})
    await site.refused(404, "POST", "test-cases", {"name": "x", "parent_id": 1})
    await site.refused(400, "POST", "test-cases", {"name": "x", "parent_id": "1"})


async def test_a_put_with_a_parent_moves_and_ignores_the_body(site: Site) -> None:
    first, second = await site.module("First"), await site.module("Second")
    await site.put(f"modules/{second}?parentId={first}", {"name": "Changed"})
    assert (await site.get(f"modules/{second}"))["name"] == "Second"
    await site.refused(400, "PUT", f"modules/{first}?parentId={second}", {})
    await site.put(f"modules/{second}", {"name": "Changed", "description": "<p>d</p>"})
    assert (await site.get(f"modules/{second}"))["description"] == "<p>d</p>"
    await site.put(f"modules/{second}?parentId=0")
    assert len(await site.get("modules")) == 2


async def test_a_module_with_children_is_deleted_only_by_force(site: Site) -> None:
    case = await site.case("step")
    module = case["parent_id"]
    await site.refused(400, "DELETE", f"modules/{module}")
    await site.good("DELETE", f"modules/{module}?force=true")
    await site.refused(404, "GET", f"test-cases/{case['id']}")
    await site.refused(404, "GET", f"test-cases/{case['pid']}")
    assert site.simulator.state.cascades == ["TC-1 with MD-1"]
    empty = await site.module()
    await site.good("DELETE", f"modules/{empty}")


async def test_requirements_are_paged_by_page_and_size(site: Site) -> None:
    module = await site.module()
    for n in range(25):
        body = {"name": f"R{n}", "properties": []}
        await site.post(f"requirements?parentId={module}", body)
    assert len(await site.get(f"requirements?parentId={module}")) == 20
    assert len(await site.get(f"requirements?parentId={module}&page=2&pageSize=3")) == 5
    assert len(await site.get("requirements?size=30")) == 25
    await site.refused(400, "GET", "requirements?page=0")
    first = (await site.get("requirements?size=1"))[0]
    path = f"requirements/{first['id']}"
    assert (await site.put(path, {"name": "New", "properties": []}))["name"] == "New"
    assert "parent_id" not in await site.put(f"{path}?parentId=0", {"name": "ignored"})
    assert (await site.get(path))["name"] == "New"
    await site.good("DELETE", path)
    await site.refused(404, "GET", path)


async def test_the_trace_matrix_names_the_cases_of_requirements(site: Site) -> None:
    case = await site.case()
    made = await site.post(
        f"requirements?parentId={case['parent_id']}", {"name": "R", "properties": []}
    )
    await site.post(f"requirements/{made['id']}/link?type=test-cases", [case["id"]])
    matrix = await site.get("requirements/trace-matrix-report?size=999")
    row = matrix[0]["children"][0]["requirements"][0]
    assert (row["pid"], [c["id"] for c in row["testcases"]]) == ("RQ-1", [case["id"]])
    await site.refused(400, "GET", "requirements/trace-matrix-report?size=1000")
    none = await site.get("requirements/trace-matrix-report?lastModifiedTo=2001-01-01")
    assert none[0]["children"] == []
    await site.refused(400, "GET", "requirements/trace-matrix-report?lastModifiedFrom=soon")


async def test_jira_properties_of_requirements_are_shown_on_demand(site: Site) -> None:
    made = await site.post("requirements", {"name": "ACME-1", "properties": []})
    mirrored: Any = site.simulator.state.objects["requirements"][made["id"]]
    mirrored.external_key = "ACME-1"
    path = f"requirements/{made['id']}"
    assert "external_properties" not in await site.get(path)
    shown = await site.get(f"{path}?includeExternalProperties=true")
    assert shown["external_properties"]["id"] == "ACME-1"


async def test_a_case_is_as_captures_show_it(site: Site) -> None:
    case = await site.case("one", description="<p>it's</p>")
    assert (case["version"], case["pid"], case["agent_ids"]) == ("0.1", "TC-1", [])
    assert case["web_url"].endswith(f"#tab=testdesign&object=1&id={case['id']}")
    assert case["created_date"].endswith("+07:00")
    shown = await site.get(f"test-cases/{case['id']}")
    assert "test_steps" not in shown
    shown = await site.get(f"test-cases/{case['pid']}?expand=teststep")
    information = shown["test_steps"][0]["information"]["descriptionInfo"]
    assert (information["rawText"], shown["test_steps"][0]["attachments"]) == ("one", [])
    assert None not in shown.values()


async def test_server_set_values_of_the_body_are_ignored(site: Site) -> None:
    claims: dict[str, Any] = {
        "id": 5,
        "pid": "TC-99",
        "created_date": "2001-01-01T00:00:00Z",
        "creator_id": 1,
        "version": "7.0",
    }
    case = await site.case(**claims)
    assert case["pid"] == "TC-1"
    assert case["version"] == "0.1"
    assert case["creator_id"] == site.simulator.user.id
    assert not case["created_date"].startswith("2001")


async def test_a_case_without_a_module_goes_to_created_via_api(site: Site) -> None:
    first, second = [await site.post("test-cases", {"name": n}) for n in "ab"]
    assert first["parent_id"] == second["parent_id"]
    assert [m["name"] for m in await site.get("modules")] == ["Created via API"]


async def test_case_lists_show_direct_children_by_page_and_size(site: Site) -> None:
    top = await site.module("Top")
    below = await site.module("Below", top)
    for n in range(22):
        await site.post("test-cases", {"name": f"C{n}", "parent_id": below})
    assert await site.get(f"test-cases?parentId={top}") == []
    assert len(await site.get(f"test-cases?parentId={below}")) == 20
    assert len(await site.get(f"test-cases?parentId={below}&page=2&size=20&pageSize=1")) == 2
    assert await site.get(f"test-cases?parentId={below}&page=3&size=20") == []
    assert len(await site.get("test-cases?size=100")) == 22
    bare = (await site.get("test-cases?expandProps=false"))[0]
    assert {"properties", "test_steps"}.isdisjoint(bare)
    assert (await site.get("test-cases?expandSteps=true"))[0]["test_steps"] == []
    assert await site.get("test-cases?modifiedAfter=2999-01-01T00:00:00Z") == []
    await site.refused(400, "GET", "test-cases?modifiedAfter=soon")


@pytest.mark.parametrize(
    "step",
    [
        "text",
        {"description": "d"},
        {"expected": "e"},
        {"description": None, "expected": "e"},
        {"description": "d", "expected": "e", "order": 0},
        {"description": "d", "expected": "e", "called_test_case_id": 1},
    ],
)
async def test_an_unusable_step_is_400_and_makes_nothing(site: Site, step: Any) -> None:
    module = await site.module()
    body = {"name": "x", "parent_id": module, "test_steps": [step]}
    await site.refused(400, "POST", "test-cases", body)
    assert await site.get(f"test-cases?parentId={module}") == []


async def test_versions_grow_and_approval_makes_a_major_one(site: Site) -> None:
    case = await site.case("one")
    path = f"test-cases/{case['id']}"
    changed = await site.put(path, {"description": "new"})
    assert (changed["version"], len(changed["test_steps"])) == ("0.2", 1)
    approved = await site.put(f"{path}/approve")
    again = await site.put(f"{path}/approve")
    assert approved["version"] == again["version"] == "1.0"
    assert approved["test_case_version_id"] == again["test_case_version_id"]
    await site.put(path, {"name": "Renamed"})
    await site.put(path, {"precondition": "p"})
    listed = await site.get(f"{path}/versions")
    assert [v["version"] for v in listed] == ["1.0", "1.2"]
    first = case["test_case_version_id"]
    assert (await site.get(f"{path}/versions/{first}"))["description"] == ""
    assert (await site.get(f"{path}?versionId={first}"))["name"] == "Case"
    await site.refused(404, "GET", f"{path}/versions/1")


async def test_step_ids_belong_to_a_version_and_files_stay_with_the_step(site: Site) -> None:
    case = await site.case("one", "two")
    before = await site.steps(case)
    status, _ = await site.upload(
        f"test-steps/{before[0]['id']}", b"x", File_Name="a.txt", Content_Type="text/plain"
    )
    assert status == 201
    case |= await site.put(f"test-cases/{case['id']}/approve")
    after = await site.steps(case)
    assert {s["id"] for s in before}.isdisjoint(s["id"] for s in after)
    assert [len(s["attachments"]) for s in after] == [1, 0]
    assert len(await site.get(f"test-steps/{after[0]['id']}/attachments")) == 1


async def test_put_replaces_the_steps_only_where_they_are_given(site: Site) -> None:
    case = await site.case("one", "two")
    path = f"test-cases/{case['id']}"
    assert len((await site.put(path, {"name": "x"}))["test_steps"]) == 2
    new = [{"description": "b", "expected": "", "order": 2}]
    new += [{"description": "a", "expected": "", "order": 1}]
    changed = await site.put(path, {"test_steps": new})
    assert [s["description"] for s in changed["test_steps"]] == ["a", "b"]


async def test_steps_have_a_path_of_their_own(site: Site) -> None:
    case = await site.case("one", "two")
    path = f"test-cases/{case['id']}/test-steps"
    made = await site.post(path, {"description": "between", "expected": "", "order": 2})
    assert made["order"] == 2
    steps = await site.get(path)
    assert [s["description"] for s in steps] == ["one", "between", "two"]
    await site.refused(404, "GET", f"{path}/1")
    assert (await site.get(f"{path}/{steps[0]['id']}"))["description"] == "one"
    changed = await site.put(f"{path}/{steps[0]['id']}", {"description": "uno", "expected": ""})
    await site.refused(404, "PUT", f"{path}/{steps[0]['id']}", {"description": "old id"})
    await site.good("DELETE", f"{path}/{changed['id']}")
    paged = await site.get(f"/api/v4/projects/4242/{path}?size=1&page=2")
    assert [s["description"] for s in paged] == ["two"]


async def test_called_steps_are_shown_inside_the_calling_step(site: Site) -> None:
    inner = await site.case("inner one", "inner two")
    call = {"description": "calls", "expected": "", "called_test_case_id": inner["id"]}
    outer = await site.case(test_steps=[{"description": "own", "expected": ""}, call])
    plain = await site.steps(outer)
    assert (plain[1]["called_test_case_id"], plain[1]["called_test_case_name"]) == (
        inner["id"],
        "Case",
    )
    assert "called_test_case" not in plain[1]
    path = f"test-cases/{outer['id']}/versions/{outer['test_case_version_id']}/test-steps"
    expanded = await site.get(f"{path}?expand=calledteststep")
    below = expanded[1]["called_test_case"]
    assert (below["id"], [s["description"] for s in below["test_steps"]]) == (
        inner["id"],
        ["inner one", "inner two"],
    )
    site.simulator.options.called_steps = "flat"
    flat = await site.get(f"{path}?expand=calledteststep")
    assert [s["description"] for s in flat] == ["own", "inner one", "inner two"]
    assert flat[1]["parent_test_step_id"] == plain[1]["id"]
    assert flat[1]["called_test_case_id"] == inner["id"]


async def test_a_case_cannot_call_itself(site: Site) -> None:
    first = await site.case("one")
    call = {"description": "calls", "expected": "", "called_test_case_id": first["id"]}
    second = await site.case(test_steps=[call])
    path = f"test-cases/{first['id']}"
    for other in (first, second):
        back = call | {"called_test_case_id": other["id"]}
        await site.refused(400, "PUT", path, {"test_steps": [back]})
        await site.refused(400, "POST", f"{path}/test-steps", back)


@pytest.mark.parametrize("text", ["see [~name]", "<p>[~name]</p>", "[&#126;name]"])
async def test_parameters_in_steps_are_noted(site: Site, text: str) -> None:
    await site.case("no [ ~name ] and no [\u2060~name]")
    assert site.simulator.project.parameters == {}
    await site.case(text)
    assert list(site.simulator.project.parameters) == ["name"]
    assert site.simulator.dump()["parameters"] == ["name"]


async def test_texts_come_back_changed_by_option(served: Opener) -> None:
    async with served(normalise_html=True) as site:
        case = await site.case(description="<a title='x'>it's</a><br>", precondition="it's")
        assert case["description"] == "<a title='x'>it&#39;s</a><br />"
        assert case["precondition"] == "it&#39;s"


async def test_comments_of_cases(site: Site) -> None:
    case = await site.case()
    path = f"test-cases/{case['pid']}/comments"
    made = await site.post(path, {"content": "<p>x</p>"})
    await site.refused(400, "POST", path, {"content": ""})
    await site.refused(404, "POST", "test-cases/TC-9/comments", {"content": "x"})
    assert (await site.get(path))["total"] == 1
    await site.put(f"{path}/{made['id']}", {"content": "y"})
    assert (await site.get(f"{path}/{made['id']}"))["content"] == "y"
    await site.good("DELETE", f"{path}/{made['id']}")
    await site.refused(404, "GET", f"{path}/{made['id']}")
