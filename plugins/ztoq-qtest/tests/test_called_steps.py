"""Logs of cases that call others, which other workers approve meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ztoq_core.simulate import Reply, Request


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


async def test_a_called_case_may_be_approved_just_before_the_log_is_sent(
    opened: Any, project: Any
) -> None:
    def approve_once(request: Request, _: Reply) -> None:
        if request.path.endswith("/test-steps") and approvals:
            approvals.pop()()

    approvals: list[Callable[[], Any]] = []
    world = await opened(recorder=approve_once)
    await ready(world, project)
    number = world.written[project.called.ref].target_id
    approvals.append(lambda: world.simulator.by_hand("PUT", f"test-cases/{number}/approve"))

    await world.write(project.log)

    assert not approvals
    assert len(world.dump()["test_logs"]) == 1
