"""Logs of cases that call others, which other workers approve meanwhile."""

from __future__ import annotations

from typing import Any

from ztoq_testkit.simulate import Reply, Request

from ztoq_core.plugin import Kind


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


async def test_step_logs_of_a_called_case_may_be_inside_that_of_the_calling_step(
    opened: Any, project: Any
) -> None:
    def nest(request: Request, reply: Reply) -> None:
        if "/test-logs" not in request.path or not isinstance(reply.body, dict):
            return
        for log in reply.body.get("items", [reply.body]):
            logs = log.get("test_step_logs") or []
            called = [each for each in logs if each.get("parent_test_step_id")]
            if called:
                at = logs.index(called[0])
                inside = {"id": 1, "test_step_logs": called}
                calling = {"test_step_id": 1, "called_test_case_log": inside}
                rest = [each for each in logs if each not in called]
                log["test_step_logs"] = [*rest[:at], calling, *rest[at:]]

    usual = await opened()
    await project.write_all(usual)
    world = await opened(recorder=nest)
    await project.write_all(world)
    at, before = world.written[project.log.ref], usual.written[project.log.ref]
    assert at.parts == before.parts
    assert at.notes == before.notes
    children = await world.sink.children(Kind.TEST_RUN, [world.written[project.run.ref].target_id])
    files = [mark for marks in children.values() for mark in marks if mark.kind is Kind.ATTACHMENT]
    assert len(files) == 1
