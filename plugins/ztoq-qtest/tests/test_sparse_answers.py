"""Answers that leave out what the vendor's document does not require of them."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from ztoq_testkit.simulate import Reply, Request

from ztoq_core.plugin import Attachment, FieldType, FieldValue, Kind


def picture(project: Any) -> Attachment:
    owner = project.case.ref
    return Attachment(key=f"{owner.key}#img-1", name="shot.png", owner=owner, inline=True)


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_version_that_is_not_told_is_asked_for(
    opened: Any, project: Any, *, everywhere: bool
) -> None:
    def leave_out(request: Request, reply: Reply) -> None:
        made = request.path.endswith("/test-cases") and isinstance(reply.body, dict)
        if request.path.endswith("/approve") or (everywhere and made):
            reply.body.pop("test_case_version_id", None)

    world = await opened(recorder=leave_out)
    await project.write_all(world)
    assert len(world.dump()["test_logs"]) == 1


async def test_an_approval_without_a_body_is_believed(opened: Any, project: Any) -> None:
    def empty(request: Request, reply: Reply) -> None:
        if request.path.endswith("/approve"):
            reply.body = None

    world = await opened(recorder=empty)
    await project.write_all(world)
    assert world.dump()["test_cases"][0]["versions"][-1]["steps"]
    assert len(world.dump()["test_logs"]) == 1


async def test_empty_external_properties_mirror_nothing(opened: Any, project: Any) -> None:
    def empty(request: Request, reply: Reply) -> None:
        if request.method == "GET" and request.path.endswith("/requirements"):
            for each in reply.body or ():
                each["external_properties"] = {"id": None, "link": None, "unique_id": None}

    world = await opened(recorder=empty)
    world.simulator.by_hand("POST", "requirements", {"name": "Other", "properties": []})
    await world.write(project.module)
    assert (await world.write(project.requirement)).borrowed is False


@pytest.mark.parametrize("status", [400, 405])
async def test_a_site_without_the_integration_may_refuse_in_any_way(
    opened: Any, project: Any, status: int
) -> None:
    def refuse(request: Request, reply: Reply) -> None:
        if "settings/integration" in request.path:
            reply.status, reply.body = status, {"message": "no"}

    world = await opened(recorder=refuse)
    await world.write(project.module)
    assert (await world.write(project.requirement)).borrowed is False


@pytest.mark.parametrize("status", [400, 404])
async def test_a_site_that_lists_no_fields_of_steps_gets_their_values_as_text(
    opened: Any, project: Any, status: int
) -> None:
    def refuse(request: Request, reply: Reply) -> None:
        if "settings/test-steps/fields" in request.path:
            reply.status, reply.body = status, {"message": "no"}

    tool = FieldValue(name="Tool", value="hammer", type=FieldType.TEXT)
    steps = tuple(attrs.evolve(step, fields=(tool,)) for step in project.case.steps)
    world = await opened(recorder=refuse)
    await attrs.evolve(project, case=attrs.evolve(project.case, steps=steps)).write_all(world)
    shown = [
        step["description"]
        for case in world.dump()["test_cases"]
        for step in case["versions"][-1]["steps"]
    ]
    assert any("hammer" in text for text in shown)


async def test_statuses_that_are_told_by_their_ids_have_their_names(
    opened: Any, project: Any
) -> None:
    def leave_out(request: Request, reply: Reply) -> None:
        if request.method == "GET" and "/test-logs" in request.path:
            logs = reply.body.get("items", [reply.body])
            for each in (*logs, *(step for log in logs for step in log.get("test_step_logs", ()))):
                each["status"] = {"id": each["status"]["id"]}

    world = await opened(recorder=leave_out)
    await project.write_all(world)
    held = await world.sink.read(Kind.TEST_LOG, world.written[project.log.ref].target_id)
    assert held.status in project.log.statuses
    assert [each.status for each in held.results] == ["Passed", "Passed", "Unexecuted", "Failed"]


@pytest.mark.parametrize("everywhere", [False, True])
async def test_a_pictures_address_is_the_listed_one_else_that_of_the_portal(
    opened: Any, project: Any, *, everywhere: bool
) -> None:
    def leave_out(request: Request, reply: Reply) -> None:
        if request.method == "POST" and "blob-handles" in request.path:
            reply.body.pop("web_url", None)
        if everywhere and request.method == "GET" and request.path.endswith("/attachments"):
            for each in reply.body:
                each.pop("web_url", None)

    world = await opened(recorder=leave_out)
    await project.write_all(world)
    written = await world.write(picture(project), project.bodies()[project.case_file])
    assert ("/portal/attachment/testcase/attachmentId/" in written.url) is everywhere
    assert written.url.rpartition("/")[2] == written.target_id.rpartition("/")[2]


async def test_step_results_that_are_not_told_stay_and_that_is_said(
    opened: Any, project: Any
) -> None:
    def leave_out(request: Request, reply: Reply) -> None:
        shown = request.method == "GET" and "/test-logs/" in request.path
        if shown and isinstance(reply.body, dict):
            reply.body.pop("test_step_logs", None)

    world = await opened(recorder=leave_out)
    await project.write_all(world)
    first, *others = project.log.results
    changed = attrs.evolve(first, actual="<p>It took a while</p>")
    log = attrs.evolve(project.log, results=(changed, *others))
    await world.write(log)
    (told,) = world.dump()["test_logs"]
    arrived = "It took a while" in str(told["steps"])
    assert arrived is not ("step-results-stay" in world.notes.codes())
