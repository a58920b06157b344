"""Calls from case to case: parameters, rows of data, nested, circular, missing ones."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ztoq_demo.qtest import Simulator
from ztoq_demo.qtest.fields import Form

from tests.journeys.between import Between, between
from ztoq_core.engine.transform.enrichment import calls_closing_a_cycle
from ztoq_core.errors import Exit
from ztoq_core.records import (
    Call,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Parameter,
    Record,
    Ref,
    StepResult,
    TestCase,
    TestLog,
    TestRun,
    TestStep,
    Tree,
)
from ztoq_core.store import State

FOLDER = Folder(key="ACME-F1", name="Shop", tree=Tree.CASES)


def ref(key: str) -> Ref:
    return Ref(Kind.TEST_CASE, key)


def step(key: str, description: str = "", call: str = "", **parameters: str) -> TestStep:
    given_ = tuple(Parameter(name=name, value=value) for name, value in parameters.items())
    called = Call(case=ref(call), parameters=given_) if call else None
    return TestStep(key=key, description=description, call=called)


def case(key: str, *steps: TestStep, **more: Any) -> TestCase:
    return TestCase(key=key, name=key, folder=FOLDER.ref, steps=steps, **more)


def executed(of: str, *results: StepResult) -> list[Record]:
    run = TestRun(key=f"-/{of}/", case=ref(of), name=of)
    ended = datetime(2026, 3, 1, tzinfo=UTC)
    log = TestLog(
        key="ACME-E1", run=run.ref, case=ref(of), status="Pass", ended=ended, results=results
    )
    return [run, log]


def result(key: str, description: str, status: str = "Pass", row: int | None = None) -> StepResult:
    return StepResult(key=key, status=status, description=description, row=row)


def calls(sides: Between) -> dict[str, list[str]]:
    """Return which cases of the site call which, by name."""
    found: dict[str, list[str]] = {}
    cases = sides.qtest.state.objects["test-cases"]
    for each in cases.values():
        known: Any = each
        called = [cases[s.called].name for s in known.latest.steps if s.called is not None]
        if called:
            found[known.name] = called
    return found


async def test_a_called_step_names_its_parameters(tmp_path: Path) -> None:
    records = [
        FOLDER,
        case("ACME-T1", step("1", call="ACME-T2", user="[~bob]", empty="")),
        case("ACME-T2", step("1", "Log in as {user}")),
    ]
    async with between(tmp_path) as sides:
        assert (await sides.migrate(records)).exit is Exit.OK
        assert calls(sides) == {"ACME-T1": ["ACME-T2"]}
        (shown,) = sides.case("ACME-T1")["versions"][-1]["steps"]
        assert "<td>user</td><td>[<span>~</span>bob]</td>" in shown["description"]
        assert "<td>empty</td><td></td>" in shown["description"]


async def test_what_was_executed_with_values_joins_the_steps_with_parameters(
    tmp_path: Path,
) -> None:
    joiner = "\u2060"
    records = [
        FOLDER,
        case("ACME-T1", step("1", "Open {page}"), step("2", call="ACME-T2"), step("3", "End")),
        case("ACME-T2", step("1", "Log in as {user} ({role})")),
        *executed(
            "ACME-T1",
            result("1", f"Open <var>home</var>{joiner}"),
            result("2", f"Log in as <var>bob</var>{joiner} (<var>a {{b}}</var>{joiner})", "Fail"),
            result("3", "End"),
        ),
    ]
    async with between(tmp_path) as sides:
        assert (await sides.migrate(records)).exit is Exit.OK
        (log,) = sides.qtest.dump()["test_logs"]
        assert [each["status"] for each in log["steps"]] == ["Passed", "Failed", "Passed"]
        assert "step-drift" not in sides.notes()


async def test_rows_of_data_share_a_step_log_that_has_the_worst(tmp_path: Path) -> None:
    rows = [
        result("1", "Open <var>ann</var>\u2060", row=1),
        result("2", "Pay <var>ann</var>\u2060", row=1),
        result("3", "Open <var>bob</var>\u2060", row=2),
        result("4", "Pay <var>bob</var>\u2060", "Fail", row=2),
    ]
    records = [
        FOLDER,
        case("ACME-T1", step("1", "Open {who}"), step("2", "Pay {who}")),
        *executed("ACME-T1", *rows),
    ]
    async with between(tmp_path) as sides:
        assert (await sides.migrate(records)).exit is Exit.OK
        (log,) = sides.qtest.dump()["test_logs"]
        assert [each["status"] for each in log["steps"]] == ["Passed", "Failed"]
        assert all("Row 1" in each["actual_result"] for each in log["steps"])
        assert all("Row 2" in each["actual_result"] for each in log["steps"])


async def test_calls_two_deep_are_executed_in_place(tmp_path: Path) -> None:
    records = [
        FOLDER,
        case("ACME-T1", step("1", "First"), step("2", call="ACME-T2")),
        case("ACME-T2", step("1", call="ACME-T3"), step("2", "Second")),
        case("ACME-T3", step("1", "Deepest")),
        *executed(
            "ACME-T1", result("1", "First"), result("2", "Deepest", "Fail"), result("3", "Second")
        ),
    ]
    async with between(tmp_path) as sides:
        assert (await sides.migrate(records)).exit is Exit.OK
        assert calls(sides) == {"ACME-T1": ["ACME-T2"], "ACME-T2": ["ACME-T3"]}
        (log,) = sides.qtest.dump()["test_logs"]
        assert [each["status"] for each in log["steps"]] == ["Passed", "Failed", "Passed"]


@pytest.mark.parametrize("length", [1, 2, 3])
async def test_a_circle_is_cut_once_and_stays_cut(tmp_path: Path, length: int) -> None:
    keys = [f"ACME-T{n}" for n in range(1, length + 1)]
    circle = [
        case(key, step("1", "Own"), step("2", call=after))
        for key, after in zip(keys, [*keys[1:], keys[0]], strict=True)
    ]
    outside = case("ACME-T9", step("1", call=keys[0]))
    records = [FOLDER, *circle, outside, *executed(keys[0], result("1", "Own"))]
    async with between(tmp_path) as sides:
        assert (await sides.migrate(records)).exit is Exit.OK
        expected = {key: [after] for key, after in pairwise(keys)}
        assert calls(sides) == {**expected, "ACME-T9": [keys[0]]}
        assert sides.notes(ref(keys[-1])) == ["call-circular"]
        assert sides.notes().count("call-circular") == 1

        changed = [attrs.evolve(each, description="<p>changed</p>") for each in circle]
        ended = await sides.migrate([FOLDER, *changed, outside, *records[-2:]])

        assert ended.exit is Exit.OK
        assert calls(sides) == {**expected, "ACME-T9": [keys[0]]}
        assert sides.states(Kind.TEST_CASE) == {State.FINISHED: length + 1}


async def test_a_case_of_another_project_is_called_there(tmp_path: Path) -> None:
    records = [
        FOLDER,
        case("ACME-T1", step("1", call="OTHER-T5")),
        TestCase(key="OTHER-T5", name="OTHER-T5", project="OTHER", steps=(step("1", "Do"),)),
    ]
    async with between(tmp_path) as sides:
        assert (await sides.migrate(records)).exit is Exit.OK
        assert calls(sides) == {"ACME-T1": ["OTHER-T5"]}


async def test_of_a_case_that_is_gone_a_stub_is_called(tmp_path: Path) -> None:
    records = [FOLDER, case("ACME-T1", step("1", call="ACME-T404"))]
    async with between(tmp_path) as sides:
        await sides.migrate(records)
        assert calls(sides) == {"ACME-T1": ["ACME-T404"]}
        assert "case-gone" in sides.notes(ref("ACME-T404"))


async def test_a_case_that_is_refused_is_named_in_the_step(tmp_path: Path) -> None:
    def prepare(qtest: Simulator) -> None:
        body = {"label": "Team", "data_type": 7}
        number = qtest.by_hand("POST", "settings/test-cases/fields", body)["id"]
        qtest.site.fields.table[number].form = Form.CHOICE  # takes no figure, whatever it says

    figure = FieldValue(name="Team", value=7, type=FieldType.NUMBER)
    records = [
        FOLDER,
        case("ACME-T1", step("1", call="ACME-T2")),
        case("ACME-T2", step("1", "Do"), fields=(figure,)),
    ]
    async with between(tmp_path, prepare=prepare) as sides:
        ended = await sides.migrate(records)
        assert ended.exit is Exit.LEFT
        assert calls(sides) == {}
        (shown,) = sides.case("ACME-T1")["versions"][-1]["steps"]
        assert shown["description"] == "<p>Run ACME-T2</p>"
        assert sides.notes(ref("ACME-T1")) == ["call-as-text"]


GRAPHS = st.dictionaries(st.sampled_from("ABCDEF"), st.lists(st.sampled_from("ABCDEF"), max_size=4))


@given(GRAPHS)
def test_without_the_calls_that_close_circles_there_are_none(graph: dict[str, list[str]]) -> None:
    def called(of: Ref) -> list[Ref]:
        return [ref(key) for key in dict.fromkeys(graph.get(of.key, ()))]

    cut = {key: calls_closing_a_cycle(ref(key), called) for key in graph}
    left = {ref(k): [each for each in called(ref(k)) if each not in cut[k]] for k in graph}

    def ends(one: Ref, around: tuple[Ref, ...]) -> bool:
        return one not in around and all(ends(x, (*around, one)) for x in left.get(one, ()))

    assert all(ends(ref(key), ()) for key in graph)
    # and each of them closes one
    for key, callees in cut.items():
        for callee in callees:
            reached, waiting = set(), [callee]
            while waiting:
                one = waiting.pop()
                if one not in reached:
                    reached.add(one)
                    waiting += called(one)
            assert ref(key) in reached
