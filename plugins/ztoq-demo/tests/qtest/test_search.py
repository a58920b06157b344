from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from ztoq_demo.qtest.query import And, Comparison, Or, parse
from ztoq_testkit.simulate import Refusal

if TYPE_CHECKING:
    from tests.qtest.conftest import Opener, Site


async def found(site: Site, query: str, kind: str = "test-cases") -> list[str]:
    body = {"object_type": kind, "fields": ["*"], "query": query}
    return [item["name"] for item in (await site.post("search", body))["items"]]


@pytest.mark.parametrize(
    ("query", "node"),
    [
        ("", None),
        ("Name = 'a b'", Comparison("Name", "=", ("a b",))),
        ("'Zephyr key' ~ 'it''s'", Comparison("Zephyr key", "~", ("it's",))),
        ("Id in ('TC-1', 'TC-2')", Comparison("Id", "in", ("TC-1", "TC-2"))),
        ("id in (1,2)", Comparison("id", "in", ("1", "2"))),
        ("Name is 'not empty'", Comparison("Name", "is", ("not empty",))),
        (
            "a = 1 or b = 2 and c = 3",
            Or(
                (
                    Comparison("a", "=", ("1",)),
                    And((Comparison("b", "=", ("2",)), Comparison("c", "=", ("3",)))),
                )
            ),
        ),
        (
            "(a = 1 OR b = 2) AND c = 3",
            And(
                (
                    Or((Comparison("a", "=", ("1",)), Comparison("b", "=", ("2",)))),
                    Comparison("c", "=", ("3",)),
                )
            ),
        ),
    ],
)
def test_queries_are_read(query: str, node: Any) -> None:
    assert parse(query) == node


@pytest.mark.parametrize(
    "query",
    [
        "Name",
        "Name =",
        "Name='x'",
        'Name = "x"',
        "Name = 'x",
        "Name = 'it's'",
        "Zephyr key = 'x'",
        "Name in 'x'",
        "(Name = 'x'",
        "Name = 'x' Name = 'y'",
        "Name like 'x'",
    ],
)
def test_what_cannot_be_read_is_refused(query: str) -> None:
    with pytest.raises(Refusal) as refusal:
        parse(query)
    assert refusal.value.status == 400


async def test_cases_are_found_by_name_pid_id_and_field(site: Site) -> None:
    text = await site.post("settings/test-cases/fields", {"label": "Zephyr key", "data_type": 1})
    made = []
    for name in ("Alpha", "Beta"):
        value = [{"field_id": text["id"], "field_value": f"ACME-{name}"}]
        made.append(await site.case(name=name, properties=value, description=f"<p>{name} text</p>"))
    for query in (
        "Name = 'alpha'",
        "Name ~ 'lph'",
        "Name !~ 'beta'",
        "Name != 'Beta'",
        "Id = 'TC-1'",
        f"'id' = '{made[0]['id']}'",
        f"id in ({made[0]['id']},5)",
        "'Zephyr key' = 'ACME-Alpha'",
        f"'{text['id']}' = 'ACME-Alpha'",
        "'Zephyr key' in ('ACME-Alpha', 'x')",
        "'Zephyr key' = 'ACME-Alpha' and Priority = 'Undecided'",
        "Description ~ 'alpha text'",
        "Name = 'Alpha' and 'Created Date' > '2001-01-01T00:00:00Z'",
    ):
        assert await found(site, query) == ["Alpha"], query
    assert await found(site, "") == ["Alpha", "Beta"]
    assert await found(site, "'Zephyr key' is 'empty'") == []
    assert await found(site, "'Assigned To' is 'empty'") == ["Alpha", "Beta"]
    assert await found(site, "Id = 'TC-9'") == []


async def test_values_found_follow_edits_and_deletions(site: Site) -> None:
    case = await site.case(name="Alpha")
    assert await found(site, "Name = 'Alpha'") == ["Alpha"]
    await site.put(f"test-cases/{case['id']}", {"name": "Gamma"})
    assert await found(site, "Name = 'Alpha'") == []
    assert await found(site, "Name = 'Gamma'") == ["Gamma"]
    await site.good("DELETE", f"test-cases/{case['id']}")
    assert await found(site, "Name = 'Gamma'") == []


async def test_each_type_but_modules_is_searched(site: Site) -> None:
    for kind in ("releases", "requirements", "test-suites", "test-cycles", "builds", "test-runs"):
        assert await found(site, "Name = 'x'", kind) == []
    for wrong in ("modules", "", None):
        await site.refused(400, "POST", "search", {"object_type": wrong, "query": ""})


@pytest.mark.parametrize(
    "query", ["Nothing = 'x'", "Name < 'x'", "'Created Date' > 'soon'", "'Created Date' ~ 'x'"]
)
async def test_what_does_not_fit_is_400(site: Site, query: str) -> None:
    await site.refused(400, "POST", "search", {"object_type": "test-cases", "query": query})


async def test_logs_are_found_by_execution_date_only(
    site: Site, a_log: Callable[..., dict[str, Any]]
) -> None:
    run = await site.run(await site.case("one", approved=True))
    await site.post(f"test-runs/{run}/test-logs", a_log())
    query = "'Execution Start Date' >= '2021-03-04T10:00:00.000Z'"
    body = {"object_type": "test-logs", "fields": ["*"], "query": query}
    page = await site.post("search", body)
    assert page["total"] == 1
    assert "test_step_logs" not in page["items"][0]
    page = await site.post("search?includeTestLogProperties=true", body)
    assert page["items"][0]["test_step_logs"] == []
    await site.refused(400, "POST", "search", body | {"query": "Name = 'x'"})


async def test_dates_of_fields_are_compared(site: Site) -> None:
    field = await site.field("test-suites", "Planned Start Date")
    value = [{"field_id": field["id"], "field_value": "2021-03-04T10:00:00Z"}]
    await site.post("test-suites", {"name": "x", "properties": value})
    for query, names in (
        ("'Planned Start Date' = '2021-03-04T17:00:00+07:00'", ["x"]),
        ("'Planned Start Date' < '2021-03-04T10:00:00Z'", []),
        ("'Planned Start Date' is 'not empty'", ["x"]),
        ("'Planned End Date' is 'empty'", ["x"]),
    ):
        assert await found(site, query, "test-suites") == names


async def test_fields_and_steps_are_chosen(site: Site) -> None:
    await site.case("one")
    body = {"object_type": "test-cases", "fields": ["name", "Priority"], "query": ""}
    (item,) = (await site.post("search", body))["items"]
    assert {"name", "id", "properties"} <= set(item) <= {"name", "id", "properties", "links"}
    assert [p["field_name"] for p in item["properties"]] == ["Priority"]
    body["fields"] = ["*"]
    (item,) = (await site.post("search?appendTestSteps=true", body))["items"]
    assert len(item["test_steps"]) == 1
    await site.refused(400, "POST", "search", body | {"fields": "*"})
    await site.refused(400, "POST", "search?pageSize=1000", body)


async def test_a_write_is_found_only_after_the_lag(served: Opener) -> None:
    async with served(search_lag=30) as site:
        case = await site.case(name="Late")
        assert await found(site, "Name = 'Late'") == []
        assert await found(site, "") == []
        assert len(await site.get("test-cases")) == 1
        site.simulator.state.objects["test-cases"][case["id"]].born = time.monotonic() - 30
        assert await found(site, "Name = 'Late'") == ["Late"]
