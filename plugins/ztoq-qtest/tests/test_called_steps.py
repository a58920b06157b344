"""Logs of cases that call others, which other workers approve meanwhile."""

from __future__ import annotations

from typing import Any


async def ready(world: Any, project: Any) -> None:
    """Write all but the log; the called case is not approved yet."""
    for record in (*project.fields, project.module, project.inner, project.cycles):
        await world.write(record)
    await world.write(project.requirement)
    await world.write(project.called)
    await world.whole(project.case)
    for record in (project.plan, project.cycle, project.run):
        await world.write(record)


async def test_a_called_case_that_is_approved_later_has_steps_of_other_ids(
    opened: Any, project: Any
) -> None:
    world = await opened()
    await ready(world, project)
    await world.finish(project.called)

    await world.write(project.log)

    assert len(world.dump()["test_logs"]) == 1


async def test_a_log_is_sent_again_where_a_person_approved_the_called_case(
    opened: Any, project: Any
) -> None:
    world = await opened()
    await ready(world, project)
    number = world.written[project.called.ref].target_id
    world.simulator.by_hand("PUT", f"test-cases/{number}/approve")

    await world.write(project.log)

    assert len(world.dump()["test_logs"]) == 1
