"""``ztoq map check`` on all public cases, and what stands in the target, both counted by hand."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import attrs
import pytest

from tests.acceptance.test_corpus import Sides, said, sides_of
from tests.corpus.corpus import corpus, shared_data
from tests.corpus.real import Json
from tests.corpus.setting import PROJECT_ID, ztoq
from tests.corpus.values import properties, same_value

DATA = shared_data()
pytestmark = [
    pytest.mark.shared("data/mattermost"),
    pytest.mark.timeout(300),
]

CASES, VALUES = 4366, 20_860
CHOICE, MANY, RICH = 3, 17, 6
TYPES = {
    "Cypress": CHOICE,
    "Detox": CHOICE,
    "Location": CHOICE,
    "MMCTL": CHOICE,
    "Manual Test Environments": MANY,
    "Playwright": CHOICE,
    "Priority P1 to P4": CHOICE,
    "Rainforest": MANY,
    "Tags": MANY,
    "Team Ownership": MANY,
    "Update notes": RICH,
}
"""The custom fields of the cases as a person reads the data, with qTest's numbers of data types."""


def raw_cases() -> Iterator[Json]:
    """Yield the public cases as they were published."""
    assert DATA
    with gzip.open(DATA / "testcases-2022-09-07.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def filled(fields: Json) -> Json:
    """Return the fields that hold something; several labels of a choice are one value."""
    return {name: value for name, value in fields.items() if value not in (None, "", [])}


@attrs.define(kw_only=True)
class Checked:
    """All cases after extraction, and what was said before and after the target had its fields.

    ``before`` is with permission to create fields, ``without`` without; both of an empty target.
    """

    sides: Sides
    before: dict[str, Any]
    without: dict[str, Any]


def map_check(sides: Sides, code: int = 0) -> dict[str, Any]:
    done = sides.run("--json", "map", "check")
    assert done.returncode == code, said(done)
    (line,) = done.stdout.splitlines()
    result: dict[str, Any] = json.loads(line)
    return result


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    assert DATA
    made = corpus(DATA, cases=None, executions=0, files=0)
    for sides in sides_of(made, tmp_path_factory.mktemp("all")):
        done = sides.run("extract")
        assert done.returncode == 0, said(done)
        before = map_check(sides)
        text = sides.config.read_text("utf-8")
        sides.config.write_text(text.replace("create_fields = true", "create_fields = false"))
        without = map_check(sides)
        sides.config.write_text(text)
        yield Checked(sides=sides, before=before, without=without)


def classes(result: dict[str, Any], *, of_steps: bool) -> dict[str, Json]:
    return {
        each["field"]: {
            name: each[name]
            for name in ("exact", "lossy", "fallback", "unmapped", "failed", "skipped")
            if each[name]
        }
        for each in result["fields"]
        if each["kind"] == "test_case" and each["of_steps"] is of_steps
    }


def counted(cases: list[Json]) -> dict[str, int]:
    return dict(Counter(name for case in cases for name in filled(case["customFields"])))


def test_the_figures_equal_a_count_of_the_published_file(checked: Checked) -> None:
    cases = list(raw_cases())
    assert len(cases) == CASES
    found = classes(checked.before, of_steps=False)
    own = {name: count for name, count in found.items() if not name.startswith("@")}
    expected = counted(cases)
    assert set(expected) == set(TYPES)
    assert own == {name: {"exact": count} for name, count in expected.items()}
    assert checked.before["records"]["test_case"] == {"mapped": CASES, "skipped": 0, "failed": 0}


def test_attributes_are_counted_as_fields_are(checked: Checked) -> None:
    cases = list(raw_cases())
    owners = [case["owner"] for case in checked.sides.made.real.cases]  # none is published
    found = classes(checked.before, of_steps=False)
    assert {name: found[name] for name in found if name.startswith("@")} == {
        name: {"exact": count}
        for name, count in {
            "@status": sum(bool(case["statusName"]) for case in cases),
            "@priority": sum(bool(case["priorityName"]) for case in cases),
            "@component": sum(bool(case["componentName"]) for case in cases),
            "@labels": sum(bool(case["labels"]) for case in cases),
            "@created": sum(bool(case["createdOn"]) for case in cases),
            "@estimated": sum(case["estimatedTime"] is not None for case in cases),
            "@owner": sum(map(bool, owners)),
        }.items()
        if count
    }


def test_fields_of_steps_stand_as_text(checked: Checked) -> None:
    expected = Counter(
        name
        for case in raw_cases()
        for step in case["steps"]
        if step["inline"]
        for name in filled(step["inline"]["customFields"])
    )
    assert classes(checked.before, of_steps=True) == {
        name: {"fallback": count} for name, count in expected.items()
    }


def test_without_permission_for_fields_all_values_are_texts(checked: Checked) -> None:
    found = classes(checked.without, of_steps=False)
    own = {name: count for name, count in found.items() if not name.startswith("@")}
    expected = counted(list(raw_cases()))
    assert own == {name: {"fallback": count} for name, count in expected.items()}


async def types_of(sides: Sides) -> dict[str, int]:
    """Return qTest's data types of the fields of cases, as its API tells them."""
    url = f"{sides.qtest_url}/api/v3/projects/{PROJECT_ID}/settings/test-cases/fields"
    headers = {"Authorization": f"Bearer {sides.qtest.options.token}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
        return {each["label"]: each["data_type"] for each in await answer.json()}


def test_every_value_stands_in_a_typed_property(checked: Checked) -> None:
    done = ztoq(checked.sides.config, "-q", "migrate", env=checked.sides.env, timeout=250)
    assert done.returncode == 0, said(done)
    found = checked.sides.found()
    by_key = {properties(each)["Zephyr key"]["field_value"]: each for each in found.cases}
    right, wrong = 0, []
    types = asyncio.run(types_of(checked.sides))
    for case in raw_cases():
        shown = properties(by_key[case["key"]])
        for name, value in filled(case["customFields"]).items():
            holds = name in shown and same_value(value, shown[name])
            if holds and types[name] == TYPES[name]:
                right += 1
            else:
                wrong.append((case["key"], name))
    assert not wrong[:10]
    assert right == sum(counted(list(raw_cases())).values()) == VALUES
    again = map_check(checked.sides)
    assert again["totals"] == checked.before["totals"]
    assert again["missing"] == []
