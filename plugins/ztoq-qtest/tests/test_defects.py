"""Defects stand at the log or the result of the step they were found in, each linked once."""

from __future__ import annotations

from collections import deque
from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options
from ztoq_testkit.simulate import Faults, Request

from ztoq_core.plugin import DoubtError, Link, LinkType


def codes(world: Any, project: Any) -> list[str]:
    return [note.code for note in world.written[project.log.ref].notes]


def with_defect(log: Any, place: int, key: str) -> Any:
    link = Link(type=LinkType.RELATED, issue_key=key)
    results = list(log.results)
    results[place] = attrs.evolve(results[place], links=(*results[place].links, link))
    return attrs.evolve(log, results=tuple(results))


def held(world: Any) -> list[list[str]]:
    return [step["defects"] for step in world.dump()["test_logs"][0]["steps"]]


async def test_defects_of_steps_travel_with_the_log_and_by_no_other_way(
    opened: Any, project: Any
) -> None:
    sent: list[str] = []
    world = await opened(recorder=lambda request, _: sent.append(request.path))
    await project.write_all(world)
    assert held(world) == [[], [], [], ["SHOP-78"]]
    assert not [path for path in sent if "/test-steps/" in path and "defects" in path]
    assert codes(world, project) == []


@pytest.mark.parametrize("answer", ["400", "500", "ignored"])
async def test_a_log_arrives_whatever_becomes_of_a_defect_that_qtest_does_not_know(
    opened: Any, project: Any, answer: str
) -> None:
    known = frozenset({"SHOP-77"})
    world = await opened(Options(jira_keys=known, unknown_defects=answer))
    for record in (*project.fields, project.module, project.inner, project.cycles):
        await world.write(record)
    for case in (project.called, attrs.evolve(project.case, requirements=())):
        await world.whole(case)
    for record in (project.plan, project.cycle, project.run):
        await world.write(record)
    for _ in range(2 if answer == "500" else 0):
        with pytest.raises(DoubtError):
            await world.write(project.log)
        assert await world.sink.find(project.log, world.written) == ()
    await world.whole(project.log)
    (log,) = world.dump()["test_logs"]
    assert log["defects"] == ["SHOP-77"]
    assert "<p>Defects: SHOP-78</p>" in log["note"]
    assert codes(world, project) == ["step-defect-on-log", "defect-as-text"]


async def test_a_later_defect_joins_those_that_the_step_has(opened: Any, project: Any) -> None:
    world = await opened(Options(linked_once=True))
    await project.write_all(world)
    (log,) = world.simulator.site.state.objects["test-logs"].values()
    log.steps[3].defects.append("SHOP-99")  # by hand
    later = with_defect(with_defect(project.log, 3, "SHOP-79"), 0, "SHOP-80")
    await world.whole(later)
    assert held(world) == [["SHOP-80"], [], [], ["SHOP-78", "SHOP-99", "SHOP-79"]]
    assert codes(world, project) == []
    assert world.dump()["test_logs"][0]["defects"] == ["SHOP-77"]


async def test_a_step_that_does_not_show_its_defect_leaves_it_to_the_log(
    opened: Any, project: Any
) -> None:
    world = await opened()
    await project.write_all(world)
    (log,) = world.simulator.site.state.objects["test-logs"].values()
    log.steps[3].defects.clear()
    await world.finish(project.log)
    assert world.dump()["test_logs"][0]["defects"] == ["SHOP-77", "SHOP-78"]
    assert codes(world, project) == ["step-defect-on-log"]


@pytest.mark.parametrize("fault", ["lost", "error_after", "error_5xx"])
async def test_a_link_whose_answer_is_lost_is_looked_for_and_made_once(
    opened: Any, project: Any, fault: str
) -> None:
    def links(request: Request) -> bool:
        return request.method == "POST" and request.path.endswith(("/defects", "/link"))

    faults = Faults(plan=deque([fault, fault]), only=links)
    world = await opened(Options(linked_once=True), faults=faults)
    await project.write_all(world)
    log = world.dump()["test_logs"][0]
    assert log["defects"] == ["SHOP-77"]
    assert "Defects" not in log["note"]
    assert len(world.dump()["links"]) == 1
    notes = [note.code for note in world.written[project.case.ref].notes]
    assert notes == ["field-as-text"]


async def test_finishing_again_links_nothing_twice(opened: Any, project: Any) -> None:
    world = await opened(Options(linked_once=True))
    await project.write_all(world)
    before = world.dump()
    for record in (project.case, project.log):
        notes = world.written[record.ref].notes
        assert (await world.finish(record)).notes == notes
    after = world.dump()
    for kind in ("test_cases", "test_logs", "links"):
        assert after[kind] == before[kind]
