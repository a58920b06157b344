"""``ztoq plan``: what it prints, the file that it writes, and the load that follows it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ztoq_testkit.memory import MemorySink

from tests.unit.cli.conftest import Program
from tests.unit.cli.memory_shop import SINKS
from ztoq_core.plugin import FieldSpec, FieldType, Kind, Schema

MAPPED = '[[transform]]\nuse = "suffix"'
EDIT = f'{MAPPED}\nsuffix = "!"\n'


@pytest.fixture
def mapped(ztoq: Program) -> Program:
    """The program, with the project extracted and mapped."""
    ztoq.config(more=MAPPED)
    assert ztoq("extract").code == 0
    assert ztoq("transform").code == 0
    return ztoq


def test_a_plan_ends_with_a_table_and_a_sentence(mapped: Program) -> None:
    said = mapped("plan")
    assert said.code == 0
    assert said.out.startswith("Plan for memory sink. Nothing was written.\n")
    assert "\nCreates in the target\n         test cases: Browser\n" in said.out
    *_, total, _, sentence, more, following = said.out.splitlines()
    assert total.split()[:6] == ["all", "13", "0", "0", "0", "0"]
    assert sentence.startswith("A load would create 13 objects and update 0, in about ")
    assert f"{sentence} {more}".endswith(" calls; nothing stands in the way.")
    assert following == "Next: ztoq load"
    assert max(map(len, said.out.splitlines())) <= 80
    assert not mapped.keys


def test_the_dry_runs_print_the_plan(mapped: Program) -> None:
    def shown(*arguments: str) -> list[str]:
        # the free space of the disk may change meanwhile
        return [line for line in mapped(*arguments).out.splitlines() if " are free" not in line]

    plan = shown("plan")
    assert shown("load", "--dry-run") == plan
    assert shown("migrate", "--dry-run") == plan
    assert not mapped.keys


def test_a_plan_is_no_run_of_the_store(mapped: Program) -> None:
    def held() -> list[str]:
        with closing(sqlite3.connect(mapped.folder / "ztoq.db")) as store:
            return list(store.iterdump())

    before = held()
    mapped("plan")
    assert held() == before


def test_before_the_mapping_there_is_nothing_to_plan(ztoq: Program) -> None:
    assert ztoq("plan").code == 2  # no store
    ztoq("extract")
    said = ztoq("plan")
    assert said.code == 1
    assert said.out.endswith("Next: ztoq transform\n")
    assert ztoq("--json", "plan").result["next"] == "ztoq transform"


def test_another_selection_has_to_be_mapped_first(mapped: Program) -> None:
    mapped.config(more=f'{MAPPED}\n[select]\ncase = ["ACME-T1"]')
    said = mapped("plan")
    assert said.code == 2
    assert "run `ztoq transform` first" in said.err


def test_the_plan_as_json_and_in_a_file(mapped: Program) -> None:
    told = mapped("--json", "plan", "--output", "plan.json").result
    kept = json.loads((mapped.folder / "plan.json").read_text())
    assert {**told, **kept} == told
    assert kept["key"]["target"] == "memory sink"
    assert sum(each["create"] for each in kept["kinds"]) == 13
    assert json.loads(mapped("plan", "--output", "-").out)["clean"] is True
    assert mapped("plan", "--output", "plan.json").out.endswith(
        "Next: ztoq load --plan plan.json\n"
    )


def test_a_load_by_a_plan_does_it_with_its_choices(mapped: Program) -> None:
    mapped.config(sink="create_fields = false", more=MAPPED)
    assert mapped("plan").code == 2
    said = mapped("plan", "--accept-missing-fields", "--output", "plan.json")
    assert said.code == 0
    assert mapped("load", "--plan", "plan.json").code == 0
    assert len(mapped.keys) == 12
    again = mapped("plan", "--accept-missing-fields")
    assert "There is nothing to write; nothing stands in the way.\nNext: ztoq validate" in again.out


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"more": EDIT}, "the mapping in the configuration changed since"),
        ({"source": 'without = ["ACME-E2"]', "more": MAPPED}, "the records to write changed since"),
    ],
)
def test_a_plan_for_another_project_or_mapping_is_refused(
    mapped: Program, change: dict[str, str], why: str
) -> None:
    mapped("plan", "--output", "plan.json")
    mapped.config(**change)
    mapped("extract")
    mapped("transform")
    said = mapped("load", "--plan", "plan.json")
    assert said.code == 2
    assert why in said.err
    assert not mapped.keys


def test_a_file_that_is_no_plan_is_refused(mapped: Program) -> None:
    for text in ("{}", "[]", "no JSON", '{"format": 9}'):
        Path("plan.json").write_text(text)
        said = mapped("load", "--plan", "plan.json")
        assert said.code == 2
        assert "plan" in said.err
    assert "make one with `ztoq plan" in mapped("load", "--plan", "none.json").err


def test_what_stops_a_load_stops_the_plan_with_2(ztoq: Program) -> None:
    spec = FieldSpec(kind=Kind.TEST_CASE, name="Risk", type=FieldType.NUMBER, required=True)
    SINKS[str(ztoq.folder)] = MemorySink(schema=Schema(fields=(spec,)))
    ztoq("extract")
    ztoq("transform")
    said = ztoq("plan")
    assert said.code == 2
    assert "Stops the load before its first write\n      2  test case: the required" in said.out
    assert said.out.endswith("see above what it needs.\n")
    assert ztoq("config", "check").code == 2


def test_conflicts_are_counted_and_end_with_1(mapped: Program) -> None:
    mapped("load")
    case = next(each for each in mapped.sink.objects.values() if each.record.key == "ACME-T2")
    case.record = mapped.edited(case.record)
    mapped.config(more=EDIT)
    mapped("transform")
    said = mapped("plan")
    assert said.code == 1
    assert "1 in conflict would stay out." in " ".join(said.out.split())
    assert mapped("plan", "--on-conflict", "overwrite").code == 0
