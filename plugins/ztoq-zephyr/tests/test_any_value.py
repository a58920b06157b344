"""Any JSON value in any property of any payload: a record is read, or is a reject with a reason."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ztoq_testkit.virtual_time import run_in_virtual_time

from tests.tables import examples
from ztoq_core.convert import dumps, loads
from ztoq_core.plugin import Kind, RejectedError

pytestmark = pytest.mark.unmeasured  # a second time through what others cover

PAYLOADS = {
    "testcases/nextgen": (Kind.TEST_CASE, "SHOP-T1"),
    "testplans/nextgen": (Kind.TEST_PLAN, "SHOP-P1"),
    "testcycles/nextgen": (Kind.TEST_CYCLE, "SHOP-R1"),
    "testexecutions/nextgen": (Kind.TEST_LOG, "SHOP-E1"),
    "folders?folderType=TEST_CASE": (Kind.FOLDER, ""),
    "testcases/SHOP-T1/teststeps": (Kind.TEST_CASE, "SHOP-T1"),
    "testexecutions/SHOP-E1/teststeps": (Kind.TEST_LOG, "SHOP-E1"),
    "statuses?statusType=TEST_EXECUTION": (Kind.TEST_LOG, "SHOP-E1"),
    "priorities": (Kind.TEST_CASE, "SHOP-T1"),
    "environments": (Kind.TEST_LOG, "SHOP-E1"),
}
ODD = [
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "\ud800",
    "a\x00b",
    "9" * 5000,
    10**30,
    -(10**30),
    2**63,
    1e308,
    -1e308,
    [[[[]]]],
    {"id": {"id": []}},
    {"self": "http://[", "id": "x"},
    "https://[x/testcases/A-T1",
]


def deep(depth: int) -> Any:
    value: Any = "x"
    for number in range(depth):
        value = [value] if number % 2 else {"id": value}
    return value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.sampled_from(ODD) | st.builds(deep, st.sampled_from([50, 150, 400])),
    lambda below: st.lists(below, max_size=3)
    | st.dictionaries(st.text() | st.sampled_from(["id", "self", "name"]), below, max_size=3),
    max_leaves=6,
)  # fmt: skip


def properties(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [at] if at else []
    if isinstance(value, dict):
        pairs: list[tuple[str | int, Any]] = list(value.items())
    else:
        pairs = list(enumerate(value)) if isinstance(value, list) else []
    for name, below in pairs:
        found += properties(below, (*at, name))
    return found


@pytest.mark.parametrize("path", PAYLOADS)
@settings(
    max_examples=examples(0.3),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_it_is_a_record_or_a_reject(answers: Any, opened: Any, path: str, data: Any) -> None:
    body = copy.deepcopy(answers[path])
    place = data.draw(st.sampled_from(properties(body["values"][0])))
    value = data.draw(st.sampled_from(ODD) | JSON)
    holder = body["values"][0]
    for name in place[:-1]:
        holder = holder[name]
    holder[place[-1]] = value
    kind, _ = PAYLOADS[path]

    async def read() -> None:
        async with opened() as shop:
            shop.tenant.answers = answers | {path: body}
            page = await shop.source.fetch(kind, None)
            whole = len(answers[f"{path}"]["values"]) if path.endswith("nextgen") else 0
            made = [each for each in page.records if each.kind is kind]
            if whole:
                assert len({each.key for each in made}) + len(page.rejects) >= whole - 1
                assert made or page.rejects
            assert all(each.reason for each in page.rejects)
            for record in made:
                assert loads(kind, dumps(record)) == record
                with suppress(RejectedError):
                    completed, *_ = await shop.source.complete(record)
                    assert loads(kind, dumps(completed))

    run_in_virtual_time(read())


@pytest.mark.parametrize("path", [path for path in PAYLOADS if path.endswith("nextgen")])
async def test_every_odd_value_in_every_property(answers: Any, opened: Any, path: str) -> None:
    kind, _ = PAYLOADS[path]
    first = answers[path]["values"][0]
    async with opened(attachments=()) as shop:
        for place in properties(first):
            for value in [*ODD, deep(50), deep(150)]:
                changed = copy.deepcopy(first)
                holder = changed
                for name in place[:-1]:
                    holder = holder[name]
                holder[place[-1]] = value
                answers[path] = answers[path] | {"values": [changed]}
                page = await shop.source.fetch(kind, None)
                made = [each for each in page.records if each.kind is kind]
                assert len(made) + len(page.rejects) == 1, (place, value)
                assert all(loads(kind, dumps(record)) == record for record in made)


@pytest.mark.parametrize("path", [path for path in PAYLOADS if path.endswith("nextgen")])
def test_a_key_that_no_address_can_hold_is_a_record_or_a_reject(
    answers: Any, opened: Any, path: str
) -> None:
    body = copy.deepcopy(answers[path])
    body["values"][0]["key"] = "\ud800"
    kind, _ = PAYLOADS[path]

    async def read() -> None:
        async with opened() as shop:
            shop.tenant.answers = answers | {path: body}
            page = await shop.source.fetch(kind, None)
            for record in page.records:
                with suppress(RejectedError):
                    await shop.source.complete(record)

    run_in_virtual_time(read())
