"""Issues and versions that are known by name: defects of executions, target releases of cycles."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options, Simulator

from tests.journeys.between import Between, between
from ztoq_core.errors import Exit
from ztoq_core.records import (
    Folder,
    Kind,
    Link,
    LinkType,
    Record,
    Ref,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    Tree,
)

FOLDER = Folder(key="ACME-F1", name="Shop", tree=Tree.CASES)
CASE = TestCase(
    key="ACME-T1", name="Pay", folder=FOLDER.ref, steps=(TestStep(key="1", description="Pay"),)
)
RUN = TestRun(key="-/ACME-T1/", case=CASE.ref, name="Pay")
PLAN = TestPlan(key="ACME-P1", name="Spring")
CYCLE = TestCycle(key="ACME-R1", name="Week 10", version="1.0", plans=(PLAN.ref,))


def defect(key: str) -> Link:
    url = f"https://jira.example.com/browse/{key}"
    return Link(type=LinkType.BLOCKS, issue_id="1", issue_key=key, url=url, text=f"Bug {key}")


def executed(
    links: tuple[Link, ...], of_step: tuple[Link, ...], step: str = "Pay", comment: str = ""
) -> list[Record]:
    result = StepResult(key="1", status="Fail", description=step, links=of_step)
    log = TestLog(
        key="ACME-E1",
        run=RUN.ref,
        case=CASE.ref,
        status="Fail",
        ended=datetime(2026, 3, 1, tzinfo=UTC),
        results=(result,),
        links=links,
        comment=comment,
    )
    return [FOLDER, CASE, RUN, log]


def log_of(sides: Between) -> dict[str, Any]:
    (found,) = sides.qtest.dump()["test_logs"]
    return dict(found)


async def test_defects_stand_at_the_log_and_at_its_step(tmp_path: Path) -> None:
    async with between(tmp_path) as sides:
        records = executed((defect("ACME-70"),), (defect("ACME-7"),))
        assert (await sides.migrate(records)).exit is Exit.OK
        log = log_of(sides)
        assert log["defects"] == ["ACME-70"]
        assert log["steps"][0]["defects"] == ["ACME-7"]
        assert sides.notes() == []


async def test_where_other_steps_were_executed_the_log_has_all(tmp_path: Path) -> None:
    async with between(tmp_path) as sides:
        records = executed((defect("ACME-70"),), (defect("ACME-7"),), step="Another")
        assert (await sides.migrate(records)).exit is Exit.OK
        assert sorted(log_of(sides)["defects"]) == ["ACME-7", "ACME-70"]


async def test_keys_that_jira_does_not_have_stand_in_the_note(tmp_path: Path) -> None:
    options = Options(jira_keys=frozenset({"ACME-70"}))
    async with between(tmp_path, options) as sides:
        links = (defect("ACME-70"), defect("ACME-71"))
        records = executed(links, (defect("ACME-7"),), comment="see ACME-70 and ACME-77")

        assert (await sides.migrate(records)).exit is Exit.OK
        await sides.migrate(records)

        log = log_of(sides)
        assert log["defects"] == ["ACME-70"]
        for key in ("ACME-7", "ACME-71"):
            shown = f'<a href="https://jira.example.com/browse/{key}">{key} Bug {key}</a>'
            assert log["note"].count(shown) == 1
        assert log["note"].count("ACME-70") == 1
        assert sides.notes(Ref(Kind.TEST_LOG, "ACME-E1")).count("defect-as-text") == 2


def release(qtest: Simulator, name: str) -> int:
    return int(qtest.by_hand("POST", "releases", {"name": name})["id"])


def targets(sides: Between) -> str:
    """Return the name of the release that the only suite targets."""
    objects = sides.qtest.state.objects
    (suite,) = objects["test-suites"].values()
    known: Any = suite
    found = objects["releases"].get(known.target_release)
    return found.name if found else ""


@pytest.mark.parametrize(
    ("releases", "version", "plans", "expected"),
    [
        (("1.0", "2.0"), "1.0", True, "1.0"),
        ((" V1 ",), "v1", True, " V1 "),
        (("10",), "1.0", True, "Spring"),
        ((), "1.0", False, ""),
        (("10001",), "", True, "Spring"),
    ],
)
async def test_a_cycle_targets_the_release_of_its_version_else_of_its_plan(
    tmp_path: Path, releases: tuple[str, ...], version: str, expected: str, *, plans: bool
) -> None:
    def prepare(qtest: Simulator) -> None:
        for name in releases:
            release(qtest, name)

    start = datetime(2024, 1, 1, tzinfo=UTC) if version else None
    cycle = attrs.evolve(
        CYCLE, version=version, version_start=start, plans=CYCLE.plans if plans else ()
    )
    async with between(tmp_path, prepare=prepare) as sides:
        assert (await sides.migrate([PLAN, cycle])).exit is Exit.OK
        assert targets(sides) == expected
        properties = sides.qtest.dump()["test_suites"][0]["properties"]
        assert properties.get("Jira version", "") == version
        assert properties.get("Jira version dates", "") == ("from 2024-01-01" if version else "")
        assert sides.notes() == []
