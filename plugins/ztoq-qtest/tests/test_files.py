"""Files are uploaded raw, found again by content, and hang where they belong."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options
from ztoq_qtest.write.attachments import header_name

from ztoq_core.plugin import Attachment, Content, Kind, RejectedError


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("plain name (1).txt", "plain name (1).txt"),
        ("100%.txt", "100%.txt"),
        ("\u00fcber.png", "%C3%BCber.png"),
        ("a\r\nX-Evil: 1", "a%0D%0AX-Evil%3A 1"),
        ("", "file"),
    ],
)
def test_names_travel_in_headers(name: str, sent: str) -> None:
    assert header_name(name) == sent


async def test_a_file_is_found_by_name_and_content(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    for file, body in project.bodies().items():
        held = attrs.evolve(file, sha256=body.sha256, size=body.size)
        (found,) = await world.sink.find(held, world.written)
        assert found.written.target_id == world.written[file.ref].target_id
        assert await world.sink.find(attrs.evolve(held, sha256="0" * 64), world.written) == ()
        assert await world.sink.find(attrs.evolve(held, name="other"), world.written) == ()


async def test_files_hang_on_cases_steps_results_releases_and_requirements(
    opened: Any, project: Any
) -> None:
    world = await opened()
    await project.write_all(world)
    for owner in (project.plan, project.requirement, project.log):
        file = Attachment(key=f"{owner.key}#9", name="a.txt", owner=owner.ref)
        await world.write(file, project.bodies()[project.case_file])
    dump = world.dump()
    for kind in ("releases", "requirements", "test_logs"):
        assert [file["name"] for file in dump[kind][0]["attachments"]] == ["a.txt"]


async def test_a_file_of_a_step_that_is_not_there_hangs_on_the_whole(
    opened: Any, project: Any
) -> None:
    world = await opened()
    await project.write_all(world)
    file = attrs.evolve(project.step_file, key="SHOP-T2/9#9", part="9", name="z.txt")
    as_written = await world.write(file, project.bodies()[project.step_file])
    assert [note.code for note in as_written.notes] == ["file-on-whole"]
    assert as_written.target_id.startswith("test-cases/")


async def test_a_file_over_the_limit_is_refused(opened: Any, project: Any) -> None:
    world = await opened(Options(file_limit=4))
    await world.write(project.module)
    await world.write(project.called)
    file = attrs.evolve(project.case_file, owner=project.called.ref)
    body: Content = project.bodies()[project.case_file]
    with pytest.raises(RejectedError) as caught:
        await world.write(file, body)
    assert caught.value.status == 413


async def test_a_removed_file_is_gone(opened: Any, project: Any) -> None:
    world = await opened()
    await project.write_all(world)
    target_id = world.written[project.case_file.ref].target_id
    await world.sink.delete(Kind.ATTACHMENT, target_id)
    with pytest.raises(RejectedError) as caught:
        await world.sink.read(Kind.ATTACHMENT, target_id)
    assert caught.value.status == 404
