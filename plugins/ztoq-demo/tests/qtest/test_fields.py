from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.qtest.conftest import Opener, Site

SETTINGS = "settings/test-cases/fields"


async def field(site: Site, data_type: int, *values: str, **more: Any) -> dict[str, Any]:
    body = {"label": f"Custom {data_type}", "data_type": data_type, **more}
    if values:
        body["allowed_values"] = [{"label": value} for value in values]
    return dict(await site.post(SETTINGS, body))


async def stored(site: Site, number: int, value: Any) -> tuple[str, str | None]:
    """What a case shows of a value that it was made with."""
    case = await site.case(properties=[{"field_id": number, "field_value": value}])
    shown = next(p for p in case["properties"] if p["field_id"] == number)
    return shown["field_value"], shown.get("field_value_name")


async def test_each_object_type_has_its_system_fields(site: Site) -> None:
    for owner in ("releases", "builds", "requirements", "defects", "test-suites", "test-runs"):
        assert all(f["system_field"] for f in await site.get(f"settings/{owner}/fields"))
    assert await site.get("settings/test-steps/fields") == []
    await site.refused(400, "GET", "settings/test-logs/fields")
    names = {f["original_name"] for f in await site.get("settings/test-runs/fields")}
    assert {"ExecutionTypeTestRun", "PlannedStartTestRun", "Environment", "Status"} <= names


async def test_a_label_can_change_and_the_original_name_cannot(site: Site) -> None:
    status = await site.field("test-cases", "Status")
    path = f"settings/test-cases/system-fields/{status['id']}"
    assert (await site.post(path, {"label": "Zustand"}))["original_name"] == "Status"


async def test_fields_forbidden_is_403(served: Opener) -> None:
    async with served(fields_forbidden=True) as site:
        await site.refused(403, "GET", SETTINGS)
        await site.refused(403, "POST", SETTINGS, {"label": "x", "data_type": 1})
        assert (await site.get("user-profiles/current"))["project_setting"] == {"manage": False}
        await site.refused(403, "GET", "/api/v3/fields/test-cases")
    async with served(administrator=False) as site:
        await site.refused(403, "GET", SETTINGS)
        await site.refused(403, "GET", "/api/v3/fields/test-cases")
        await site.refused(403, "GET", "/api/v3/admin-profiles/current")


@pytest.mark.parametrize(
    "body",
    [
        {"data_type": 1},
        {"label": "", "data_type": 1},
        {"label": "x" * 101, "data_type": 1},
        {"label": "x"},
        {"label": "x", "data_type": 10},
        {"label": "x", "data_type": 8},
        {"label": "x", "data_type": 17, "multiple": False},
        {"label": "Priority", "data_type": 1},
        {"label": "x", "data_type": 1, "allowed_values": [{"label": "v"}]},
        {"label": "x", "data_type": 3, "allowed_values": [{"label": "v"}, {"label": "v"}]},
        {"label": "x", "data_type": 3, "allowed_values": [{"name": "v"}]},
    ],
)
async def test_an_unusable_field_is_400(site: Site, body: dict[str, Any]) -> None:
    await site.refused(400, "POST", SETTINGS, body)


async def test_labels_may_repeat_by_option(served: Opener) -> None:
    async with served(unique_labels=False) as site:
        assert (await field(site, 1))["id"] != (await field(site, 1))["id"]


async def test_more_than_100_values_in_one_call_are_400(site: Site) -> None:
    made = await field(site, 3)
    path = f"{SETTINGS}/{made['id']}/allowed-values"
    values = [{"label": f"v{n}"} for n in range(101)]
    await site.refused(400, "POST", path, values)
    await site.refused(400, "POST", path, {"label": "v"})
    status, answer = await site.ask("POST", path, values[:100])
    assert (status, answer["total"]) == (201, 100)
    await site.refused(400, "POST", path, values[:1])
    assert len(await site.get(f"{path}?pageSize=60&page=2")) == 40
    assert site.headers["X-Item-Total"] == "100"


async def test_values_and_fields_are_changed_and_deleted(site: Site) -> None:
    made = await field(site, 3, "one", "two")
    path = f"{SETTINGS}/{made['id']}"
    first, second = (value["value"] for value in made["allowed_values"])
    assert await stored(site, made["id"], str(first)) == (str(first), "one")
    await site.put(f"{path}/allowed-values/{first}", {"label": "uno", "is_active": False})
    await site.good("DELETE", f"{path}/allowed-values/{second}")
    await site.refused(404, "PUT", f"{path}/allowed-values/{second}", {})
    assert [v["label"] for v in (await site.get(path))["allowed_values"]] == ["uno"]
    await site.refused(400, "PUT", path, {"data_type": 1})
    changed = await site.put(path, {"label": "New", "required": True, "is_active": False})
    assert (changed["label"], changed["required"], changed["is_active"]) == ("New", True, False)
    await site.good("DELETE", path)
    await site.refused(404, "GET", path)
    status = await site.field("test-cases", "Status")
    await site.refused(400, "DELETE", f"{SETTINGS}/{status['id']}")


async def test_test_step_fields_are_fields_of_the_site(site: Site) -> None:
    await site.refused(400, "POST", "settings/test-steps/fields", {"label": "x", "data_type": 3})
    path = "/api/v3/fields/test-steps"
    for body in (
        {"label": "x" * 17, "data_type": 3},
        {"label": "x", "data_type": 1},
        {"label": "x", "data_type": 3, "required": True},
    ):
        await site.refused(400, "POST", path, body)
    for label in "ab":
        assert (await site.ask("POST", path, {"label": label, "data_type": 3}))[0] == 201
    await site.refused(400, "POST", path, {"label": "c", "data_type": 3})
    assert len(await site.get(path)) == 2


async def test_a_site_field_is_activated_in_the_project(site: Site) -> None:
    made = await site.post("/api/v3/fields/test-cases", {"label": "Everywhere", "data_type": 1})
    labels = [f["label"] for f in await site.get(SETTINGS)]
    assert "Everywhere" not in labels
    await site.refused(400, "PUT", f"{SETTINGS}/{made['id']}", {"label": "x"})
    active = "settings/test-cases/custom-fields/active"
    await site.post(active, [{"id": made["id"], "label": "Everywhere", "is_active": True}])
    assert await stored(site, made["id"], "x") == ("x", None)
    await site.post(active, [{"id": made["id"], "label": "Everywhere", "is_active": False}])
    await site.refused(404, "POST", active, [{"id": 1}])
    everything = [f["label"] for f in await site.get(f"{SETTINGS}?includeInactive=true")]
    assert "Everywhere" in everything


@pytest.mark.parametrize("value", [5, 1.5, None, True, ["1"], {}])
async def test_a_value_must_be_a_string(site: Site, value: Any) -> None:
    made = await field(site, 1)
    body = {"name": "x", "properties": [{"field_id": made["id"], "field_value": value}]}
    assert "string" in await site.refused(400, "POST", "test-cases", body)


@pytest.mark.parametrize(
    ("data_type", "more", "good", "bad"),
    [
        (1, {}, "any 'text' <b>", None),
        (2, {}, "two\nlines", None),
        (6, {}, "<p>rich</p>", None),
        (7, {}, "-12.5", "twelve"),
        (7, {}, "0", "1,5"),
        (12, {}, "https://example.com/?a=b", None),
        (4, {}, "2021-03-04T17:00:00+07:00", "2021-03-04"),
        (9, {}, "2021-03-04T17:00:00+07:00", "2021-03-04T10:00:00.000Z"),
        (9, {}, "2021-03-04T17:00:00+07:00", "2021-02-31T10:00:00Z"),
        (5, {}, "70004", "alice@example.com"),
        (5, {}, "70004", "70010"),  # inactive
        (5, {"multiple": True}, "[70004,70007]", "70004"),
    ],
)
async def test_values_fit_their_type(
    site: Site, data_type: int, more: dict[str, Any], good: str, bad: str | None
) -> None:
    made = await field(site, data_type, **more)
    assert (await stored(site, made["id"], good))[0] == good
    if bad is not None:
        body = {"name": "x", "properties": [{"field_id": made["id"], "field_value": bad}]}
        await site.refused(400, "POST", "test-cases", body)


async def test_a_single_choice_is_the_id_of_an_active_value(site: Site) -> None:
    made = await field(site, 3, "one", "two")
    one, two = (str(value["value"]) for value in made["allowed_values"])
    await site.put(f"{SETTINGS}/{made['id']}/allowed-values/{two}", {"is_active": False})
    assert await stored(site, made["id"], one) == (one, "one")
    for value in ("one", f"[{one}]", two, "999", "-1"):
        body = {"name": "x", "properties": [{"field_id": made["id"], "field_value": value}]}
        await site.refused(400, "POST", "test-cases", body)


async def test_several_choices_stand_in_brackets(site: Site) -> None:
    for data_type in (8, 17):
        made = await field(site, data_type, "one", "two", multiple=True)
        one, two = (str(value["value"]) for value in made["allowed_values"])
        assert await stored(site, made["id"], f"[{one},{two}]") == (f"[{one},{two}]", "[one, two]")
        assert await stored(site, made["id"], "[]") == ("[]", "[]")
        for value in (one, f"[{one}, {two}]", f'["{one}"]', "[999]", f"[{one},]", "one"):
            body = {"name": "x", "properties": [{"field_id": made["id"], "field_value": value}]}
            await site.refused(400, "POST", "test-cases", body)


async def test_a_single_choice_cannot_be_cleared(site: Site) -> None:
    made = await field(site, 3, "one")
    one = str(made["allowed_values"][0]["value"])
    case = await site.case(properties=[{"field_id": made["id"], "field_value": one}])
    body = {"properties": [{"field_id": made["id"], "field_value": ""}]}
    changed = await site.put(f"test-cases/{case['id']}", body)
    shown = next(p for p in changed["properties"] if p["field_id"] == made["id"])
    assert shown["field_value"] == one


async def test_a_field_that_is_not_there_is_400(site: Site) -> None:
    other = await site.field("test-runs", "Environment")
    made = await field(site, 1)
    await site.put(f"{SETTINGS}/{made['id']}", {"is_active": False})
    for number in (1, -117, other["id"], made["id"], "7", None, True):
        body = {"name": "x", "properties": [{"field_id": number, "field_value": "x"}]}
        await site.refused(400, "POST", "test-cases", body)
    await site.refused(400, "POST", "test-cases", {"name": "x", "properties": {}})


async def test_a_required_field_must_have_a_value(served: Opener) -> None:
    required = {"test-cases": ("Assigned To",), "test-suites": ("Environment",)}
    async with served(required_fields=required) as site:
        assert "Assigned To" in await site.refused(400, "POST", "test-cases", {"name": "x"})
        assert "Environment" in await site.refused(400, "POST", "test-suites", {"name": "x"})
        assert (await site.field("test-cases", "Assigned To"))["required"] is True
    async with served(required_fields=required, strict=False) as site:
        await site.post("test-cases", {"name": "x"})


async def test_a_long_text_box_is_400_by_option(served: Opener) -> None:
    async with served(text_limit=5) as site:
        made = await field(site, 1)
        assert await stored(site, made["id"], "12345") == ("12345", None)
        body = {"name": "x", "properties": [{"field_id": made["id"], "field_value": "123456"}]}
        await site.refused(400, "POST", "test-cases", body)


async def test_defaults_and_mirrored_texts_are_shown_as_properties(site: Site) -> None:
    case = await site.case(description="<p>d</p>", precondition="<p>p</p>")
    shown = {p["field_name"]: p for p in case["properties"]}
    assert shown["Status"]["field_value_name"] == "New"
    assert shown["Description"]["field_value"] == "<p>d</p>"
    assert shown["Precondition"]["field_value"] == "<p>p</p>"
    assert shown["Assigned To"]["field_value"] == shown["Assigned To"]["field_value_name"] == ""
