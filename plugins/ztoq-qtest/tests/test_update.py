"""Objects that stand are changed in place, and moved by calls of their own."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options
from ztoq_demo.qtest.objects import Case

from ztoq_core.plugin import FieldType, FieldValue, Folder, Kind, Ref, TestStep, Tree


async def test_every_kind_is_changed_and_none_doubled(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    before = {k: len(v) for k, v in world.dump().items() if isinstance(v, list)}
    changed = (
        project.module,
        project.cycles,
        project.requirement,
        project.case,
        project.plan,
        project.cycle,
        project.run,
    )
    for record in changed:
        renamed = attrs.evolve(record, name="New name")
        await world.write(renamed)
        if record.kind is Kind.TEST_CASE:
            await world.finish(renamed)
    await world.write(attrs.evolve(project.log, note="<p>Other</p>", statuses=("Passed",)))
    dump = world.dump()
    assert {k: len(v) for k, v in dump.items() if isinstance(v, list)} == before
    names = ("modules", "test_cycles", "requirements", "releases", "test_suites", "test_runs")
    for kind in names:
        assert dump[kind][0]["name"] == "New name"
    assert dump["test_cases"][1]["name"] == "New name"
    assert dump["test_cases"][1]["version"] == "2.0"
    log = dump["test_logs"][0]
    assert (log["status"], log["note"]) == (
        "Passed",
        "<p>Other</p><p>Zephyr key: SHOP-E1</p>",
    )
    assert [step["status"] for step in log["steps"]][-1] == "Failed"


async def test_objects_move_with_their_parents(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    modules = Folder(key="SHOP-F8", name="Elsewhere", tree=Tree.CASES)
    cycles = Folder(key="SHOP-F9", name="Archive", tree=Tree.CYCLES)
    await world.write(modules)
    await world.write(cycles)
    for record, parent in (
        (project.inner, "parent"),
        (project.requirement, "folder"),
        (project.case, "folder"),
    ):
        await world.write(attrs.evolve(record, **{parent: modules.ref}))
    await world.write(attrs.evolve(project.cycle, folder=cycles.ref))
    await world.write(attrs.evolve(project.cycles, parent=cycles.ref))
    await world.write(attrs.evolve(project.cycle, folder=project.cycles.ref))
    dump = world.dump()
    assert dump["modules"][1]["path"] == ["Elsewhere"]
    assert dump["requirements"][0]["path"] == ["Elsewhere"]
    assert dump["test_cases"][1]["path"] == ["Elsewhere"]
    assert dump["test_suites"][0]["path"] == ["Archive", "2024"]


async def test_steps_are_replaced(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    steps = (TestStep(key="1", description="<p>Only</p>", expected=""),)
    await world.whole(attrs.evolve(project.called, steps=steps))
    case = world.dump()["test_cases"][0]
    assert [step["description"] for step in case["versions"][-1]["steps"]] == ["<p>Only</p>"]
    assert list(world.written[project.called.ref].parts) == ["1"]


def edited(steps: tuple[Any, ...]) -> tuple[Any, ...]:
    first, *others = steps
    return (attrs.evolve(first, description="Other"), *others)


def moved(steps: tuple[Any, ...]) -> tuple[Any, ...]:
    first, *others, last = steps
    texts = {"description": last.description, "expected": last.expected}
    back = {"description": first.description, "expected": first.expected}
    return (attrs.evolve(first, **texts), *others, attrs.evolve(last, **back))


@pytest.mark.parametrize(("change", "status"), [(edited, "Failed"), (moved, "Passed")])
async def test_step_results_are_changed_in_the_version_of_their_log_unless_steps_moved_in_it(
    opened: Any, project: Any, change: Any, status: str
) -> None:
    world = await opened()
    await project.write_all(world)
    of_project = world.simulator.state.of_project(world.simulator.options.project, Case.type)
    (case,) = (each for each in of_project if each.name == project.case.name)
    now = case.latest
    case.versions = [*case.versions[:-1], attrs.evolve(now, steps=change(now.steps))]
    await world.whole(attrs.evolve(project.case, name="Brought back"))  # with steps of new ids
    assert len(case.versions) > 1

    first_result, *more = project.log.results
    failed = attrs.evolve(first_result, statuses=("Failed",))
    await world.write(attrs.evolve(project.log, results=(failed, *more)))

    (log,) = world.dump()["test_logs"]
    assert log["steps"][0]["status"] == status
    assert (status == "Passed") is ("step-results-stay" in world.notes.codes())


async def test_what_cannot_be_emptied_is_a_loss(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    fields = (
        FieldValue(name="Browser", value=(), type=FieldType.MULTI_CHOICE),
        FieldValue(name="Priority", value=None, type=FieldType.CHOICE),
        FieldValue(name="Legacy id", value=None, type=FieldType.TEXT),
    )
    written = await world.write(attrs.evolve(project.case, fields=fields))
    assert [note.code for note in written.notes] == ["cannot-clear"]
    assert world.dump()["test_cases"][1]["properties"]["Browser"] == []


async def test_a_case_in_a_flat_site_keeps_its_stamp(opened: Any, project: Any) -> None:
    world = await opened(Options(called_steps="flat"))
    await project.write_all(world)
    (found,) = await world.sink.find(project.case, world.written)
    assert found.written.stamp == world.written[Ref(Kind.TEST_CASE, "SHOP-T2")].stamp
