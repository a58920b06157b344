"""A requirement is never doubled, whatever others do to the list meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from ztoq_qtest.note_codes import REQUIREMENT_NOT_RETRIEVED
from ztoq_testkit.simulate import Reply, Request

from ztoq_core.plugin import Kind, Skip


class Meddler:
    """Somebody else who does something once, right after a request of a kind was answered."""

    def __init__(self, method: str, end: str, page: str = "") -> None:
        self.wanted = (method, end, page)
        self.world: Any = None
        self.act: Any = None

    def __call__(self, request: Request, reply: Reply) -> None:
        method, end, page = self.wanted
        hit = request.method == method and request.path.endswith(end)
        if self.act and hit and (not page or request.query.get("page") == page):
            act, self.act = self.act, None
            act(reply)


def add(world: Any, name: str) -> int:
    body = {"name": name, "properties": []}
    return int(world.simulator.by_hand("POST", "requirements", body)["id"])


def names(world: Any) -> list[str]:
    return [each["name"] for each in world.dump()["requirements"]]


@pytest.mark.parametrize("others", [0, 250])
async def test_of_two_made_at_the_same_time_the_older_one_stays(
    opened: Any, project: Any, others: int
) -> None:
    meddler = Meddler("GET", "/requirements", "1")
    world = await opened(recorder=meddler)
    for number in range(others):
        add(world, f"other {number}")
    await world.write(project.module)
    meddler.act = lambda _: add(world, "SHOP-9 by another migration")

    # the first pass sees the list before, the second one would see the newcomer
    written = await world.write(project.requirement)

    assert written.borrowed
    assert [name for name in names(world) if "SHOP-9" in name] == ["SHOP-9 by another migration"]


@pytest.mark.parametrize("others", [0, 250])
async def test_one_that_came_in_before_the_own_was_made_is_taken(
    opened: Any, project: Any, others: int
) -> None:
    meddler = Meddler("GET", "settings/integration/connections")
    world = await opened(recorder=meddler)
    for number in range(others):
        add(world, f"other {number}")
    await world.write(project.module)
    # the list has been read; the own one is about to be made
    meddler.act = lambda _: add(world, "SHOP-9 by another migration")

    written = await world.write(project.requirement)

    assert written.borrowed
    assert world.simulator.calls["POST", "/api/v3/projects/{projectId}/requirements"] == 1
    assert [name for name in names(world) if "SHOP-9" in name] == ["SHOP-9 by another migration"]


async def test_a_double_that_cannot_be_removed_is_told(opened: Any, project: Any) -> None:
    meddler = Meddler("GET", "settings/integration/connections")
    world = await opened(recorder=meddler)
    await world.write(project.module)

    def refuse(reply: Reply) -> None:
        reply.status, reply.body = 403, {"message": "no"}

    def come(_: Reply) -> None:
        add(world, "SHOP-9 by another migration")
        meddler.wanted, meddler.act = ("DELETE", "", ""), refuse

    meddler.act = come
    written = await world.write(project.requirement)

    assert not written.borrowed
    assert [note.code for note in written.notes] == ["requirement-doubled"]


async def test_a_list_that_shifts_as_it_is_read_hides_none(opened: Any, project: Any) -> None:
    meddler = Meddler("GET", "/requirements", "1")
    world = await opened(recorder=meddler)
    first = add(world, "to be deleted")
    for number in range(99):
        add(world, f"other {number}")
    add(world, "SHOP-9")  # the first of the second page, until one of the first page goes
    await world.write(project.module)
    meddler.act = lambda _: world.simulator.by_hand("DELETE", f"requirements/{first}")

    assert (await world.write(project.requirement)).borrowed
    assert names(world).count("SHOP-9") == 1


async def test_link_only_makes_none(opened: Any, project: Any) -> None:
    world = await opened(requirements="link-only")
    await world.write(project.module)
    with pytest.raises(Skip) as skipped:
        await world.write(project.requirement)
    assert skipped.value.code is REQUIREMENT_NOT_RETRIEVED
    assert "SHOP-9" in skipped.value.why
    assert world.simulator.state.objects.get("requirements", {}) == {}


async def test_one_of_ones_own_is_changed_and_removed(opened: Any, project: Any) -> None:
    world = await opened()
    await world.write(project.module)
    written = await world.write(project.requirement)
    again = await world.write(project.requirement)
    assert (written.target_id, written.borrowed) == (again.target_id, again.borrowed)
    await world.sink.delete(Kind.REQUIREMENT, written.target_id)
    assert names(world) == []
