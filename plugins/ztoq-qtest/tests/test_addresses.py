"""``finish`` puts qTest's own addresses into texts, and moves nothing else."""

from __future__ import annotations

from collections import deque
from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options
from ztoq_testkit.simulate import Faults, Reply, Request

from ztoq_core.plugin import (
    Attachment,
    FieldType,
    FieldValue,
    Level,
    Record,
    Ref,
)

PNG = b"\x89PNG\r\n\x1a\n"


def picture(owner: Ref) -> Attachment:
    return Attachment(key=f"{owner.key}#img-1", name="shot.png", owner=owner, inline=True)


def shown(file: Attachment) -> str:
    return f'<p>See <img src="{file.ref.address}" width="9"></p>'


async def settled(world: Any, project: Any, record: Record, file: Attachment) -> str:
    """Write a record anew, then its picture, then finish it; return the picture's address."""
    before = world.written[record.ref]
    number = before.target_id if before else None
    held = {**world.written, record.ref: before}
    made = await world.sink.write(record, number, held, None)
    world.written[record.ref] = made
    await world.write(file, project.bodies()[project.case_file])
    after = await world.finish(record)
    assert after.target_id == made.target_id
    assert after.notes == made.notes
    present = await world.sink.current(record.kind, after.target_id)
    assert present.stamp == after.stamp
    address: str = world.written[file.ref].url
    assert address.startswith(world.base_url)
    return address


@pytest.mark.parametrize("called_steps", ["nested", "flat"])
async def test_a_case_shows_its_pictures_and_keeps_the_files_of_its_steps(
    opened: Any, project: Any, called_steps: str
) -> None:
    world = await opened(Options(called_steps=called_steps))
    file = picture(project.case.ref)
    first, calling, last = project.case.steps
    case = attrs.evolve(
        project.case,
        description=shown(file),
        precondition=shown(file),
        steps=(first, calling, attrs.evolve(last, expected=shown(file))),
        text_refs=(file.ref,),
    )
    await attrs.evolve(project, case=case).write_all(world)
    written = await world.write(file, project.bodies()[project.case_file])
    after = await world.finish(case)
    assert (await world.sink.current(case.kind, after.target_id)).stamp == after.stamp
    address = written.url
    held = world.dump()["test_cases"][1]
    version = held["versions"][-1]
    html = f'<p>See <img src="{address}" width="9"></p>'
    assert held["description"].startswith(html)
    assert held["precondition"] == html
    assert version["steps"][2]["expected"] == html
    assert version["steps"][1]["called"] == world.dump()["test_cases"][0]["id"]
    assert [each["name"] for each in version["steps"][2]["attachments"]] == [
        "na%C3%AFve %E2%9C%93.png"
    ]
    assert held["version"].endswith(".0")
    assert world.written[case.ref].version == str(version["id"])


async def test_only_the_steps_that_changed_are_sent_and_lost_answers_change_nothing(
    opened: Any, project: Any
) -> None:
    faults = Faults(
        plan=deque(["lost", None, "error_after"]),
        only=lambda request: request.method == "PUT" and "/test-steps/" in request.path,
    )
    sent: list[Any] = []
    world = await opened(
        faults=faults,
        recorder=lambda request, _: sent.append(request) if request.method == "PUT" else None,
    )
    file = picture(project.case.ref)
    first, calling, last = project.case.steps
    first = attrs.evolve(first, description=shown(file))
    last = attrs.evolve(last, expected=shown(file))
    case = attrs.evolve(project.case, steps=(first, calling, last), text_refs=(file.ref,))
    for record in (project.module, project.inner, project.requirement):
        await world.write(record)
    await world.whole(project.called)
    await world.write(case)
    await world.write(project.step_file, project.bodies()[project.step_file])
    await world.write(file, project.bodies()[project.case_file])
    sent.clear()
    await world.finish(case)
    assert not [each for each in sent if b"test_steps" in each.body]
    assert {each.json()["order"] for each in sent if "/test-steps/" in each.path} == {1, 3}
    steps = world.dump()["test_cases"][1]["versions"][-1]["steps"]
    assert [("ztoq:" in str(each)) for each in steps] == [False, False, False]
    assert steps[1]["called"] == world.dump()["test_cases"][0]["id"]
    assert len(steps[2]["attachments"]) == 1


async def test_a_picture_of_a_step_that_somebody_removed_is_a_loss_and_blocks_nothing(
    opened: Any, project: Any
) -> None:
    world = await opened()
    await project.write_all(world)
    file = picture(project.case.ref)
    first, *others = project.case.steps
    steps = (attrs.evolve(first, description=shown(file)), *others)
    case = attrs.evolve(project.case, steps=steps, text_refs=(file.ref,))
    await world.write(case)
    await world.write(file, project.bodies()[project.case_file])
    number = world.written[case.ref].target_id
    step = world.dump()["test_cases"][1]["versions"][-1]["steps"][1]["id"]
    world.simulator.by_hand("DELETE", f"test-cases/{number}/test-steps/{step}", None)
    notes = {each.code: each for each in (await world.finish(case)).notes}
    note = notes["address-refused"]
    assert note.level is Level.LOSS
    assert "2 steps in qTest where ztoq sent 3" in note.text


async def test_steps_are_not_sent_again_where_they_show_nothing(opened: Any, project: Any) -> None:
    sent: list[Any] = []
    world = await opened(
        recorder=lambda request, _: sent.append(request) if request.method == "PUT" else None
    )
    await project.write_all(world)
    file = picture(project.case.ref)
    case = attrs.evolve(project.case, description=shown(file), text_refs=(file.ref,))
    await settled(world, project, case, file)
    bodies = [each.json() for each in sent if each.path.endswith(world.written[case.ref].target_id)]
    assert "test_steps" in bodies[-2]
    assert "test_steps" not in bodies[-1]
    assert len(world.dump()["test_cases"][1]["versions"][-1]["steps"]) == len(case.steps)


async def test_objects_of_all_kinds_show_what_they_refer_to(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    link = f'<a href="{project.case.ref.address}">SHOP-T2</a>'
    refers = (project.case.ref,)
    field = FieldValue(name="Description", value=link, type=FieldType.RICH_TEXT)
    for record in (project.module, project.cycles, project.requirement, project.plan):
        changed = attrs.evolve(record, description=link, text_refs=refers)
        await settled(world, project, changed, picture(project.case.ref))
    cycle = attrs.evolve(project.cycle, fields=(field,), text_refs=refers)
    await settled(world, project, cycle, picture(project.case.ref))
    dump = world.dump()
    url = world.written[project.case.ref].url.replace("&", "&amp;")
    made = f'<a href="{url}">SHOP-T2</a>'
    for kind in ("modules", "test_cycles", "releases"):
        assert dump[kind][0]["description"].startswith(made)
    for kind in ("requirements", "test_suites"):
        assert dump[kind][0]["properties"]["Description"].startswith(made)


async def test_a_log_shows_its_pictures_and_keeps_its_defects(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    file = picture(project.log.ref)
    first, *rest = project.log.results
    log = attrs.evolve(
        project.log,
        note=shown(file),
        results=(attrs.evolve(first, actual=shown(file)), *rest),
        text_refs=(file.ref,),
    )
    address = await settled(world, project, log, file)
    held = world.dump()["test_logs"][0]
    html = f'<p>See <img src="{address}" width="9"></p>'
    assert held["note"].startswith(html)
    assert held["steps"][0]["actual_result"] == html
    assert held["defects"] == ["SHOP-77"]


async def test_what_is_not_there_becomes_words(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    file = picture(project.case.ref)
    case = attrs.evolve(project.case, description=f"a{shown(file)}", text_refs=(file.ref,))
    await world.write(case)
    world.written[file.ref] = None
    await world.finish(case)
    held = world.dump()["test_cases"][1]
    assert held["description"].startswith("a<p>See <em>[Picture missing]</em></p>")


async def test_an_address_that_qtest_refuses_blocks_nothing(opened: Any, project: Any) -> None:
    refusing = [False]

    def refuse(request: Request, reply: Reply) -> None:
        if refusing[0] and request.method == "PUT" and not request.path.endswith("/approve"):
            reply.status, reply.body = 400, {"message": "The text holds a forbidden address"}

    world = await opened(recorder=refuse)
    await project.write_all(world)
    file = picture(project.case.ref)
    case = attrs.evolve(project.case, description=shown(file), text_refs=(file.ref,))
    await world.write(case)
    await world.write(file, project.bodies()[project.case_file])
    refusing[0] = True
    notes = {each.code: each for each in (await world.finish(case)).notes}
    assert "400: The text holds a forbidden address" in notes["address-refused"].text
    assert world.dump()["test_cases"][1]["versions"][-1]["version"].endswith(".0")  # approved


async def test_a_link_that_qtest_refuses_is_noted_with_its_words(opened: Any, project: Any) -> None:
    def refuse(request: Request, reply: Reply) -> None:
        if request.method == "POST" and request.path.endswith(("/link", "/defects")):
            reply.status, reply.body = 422, {"message": "This artifact is locked"}
        if request.path.endswith("/linked-artifacts"):
            reply.body = []

    world = await opened(recorder=refuse)
    for record in project.in_order():
        await world.write(record, project.bodies().get(record))
        if record in {project.case, project.log}:
            codes = {each.code: each.text for each in (await world.finish(record)).notes}
            assert any("422: This artifact is locked" in text for text in codes.values())
    assert len(world.dump()["test_logs"]) == 1
