"""Lists from which others delete while they are read: nothing in them is ever taken for absent."""

from __future__ import annotations

from typing import Any

import pytest
from ztoq_qtest.api.project import PASSES
from ztoq_testkit.simulate import Reply, Request

from ztoq_core.plugin import RecordError, TestCase, Written

SIZE = 2  # of a page, so that short lists have many


class Drift:
    """Shows a list in small pages, and hides one of its objects in the first ``passes`` over it.

    Just before its page is read, so many of those before it are deleted that it moves to the page
    that was read last. ``total``: the list says how many items it has.
    """

    def __init__(self, path: str, passes: int, *, total: bool = False) -> None:
        self.path = path
        self.passes = passes
        self.total = total
        self.hidden = 0
        self.whole: list[dict[str, Any]] = []

    def __call__(self, request: Request, reply: Reply) -> None:
        if not self.hidden or request.method != "GET" or not request.path.endswith(self.path):
            return
        page = int(request.query["page"])
        if not self.whole:
            self.whole = reply.body
        first = (page - 1) * SIZE
        reply.body = self.whole[first : first + SIZE]
        if self.total:
            reply.body = {"items": reply.body, "page_size": SIZE, "total": len(self.whole)}
        ids = [each["id"] for each in self.whole[first + SIZE : first + 2 * SIZE]]
        if self.passes and self.hidden in ids:
            self.passes -= 1
            del self.whole[: ids.index(self.hidden) + 1]


def number_of(written: Written) -> int:
    return int(written.target_id.rpartition("/")[2])


@pytest.mark.parametrize("total", [False, True])
@pytest.mark.parametrize("passes", range(PASSES + 2))
async def test_what_a_page_hides_is_found_or_the_list_is_refused(
    opened: Any, project: Any, passes: int, *, total: bool
) -> None:
    drift = Drift("/test-cases", passes, total=total)
    world = await opened(recorder=drift)
    module = number_of(await world.write(project.module))
    for number in range(30):
        body = {"name": f"other {number}", "parent_id": module}
        world.simulator.by_hand("POST", "test-cases", body)
    case = TestCase(key="SHOP-T9", name="Pay", folder=project.module.ref)
    written = await world.write(case)
    drift.hidden = number_of(written)
    # one pass shows it, and its total or one more pass that nothing is hidden any longer
    if passes + (1 if total else 2) <= PASSES:
        found = await world.sink.find(case, world.written)
        assert [each.written.target_id for each in found] == [written.target_id]
    else:
        with pytest.raises(RecordError, match="test-cases kept changing"):
            await world.sink.find(case, world.written)
    assert drift.passes == max(0, passes - PASSES)


@pytest.mark.parametrize("passes", range(PASSES + 1))
async def test_a_requirement_that_a_page_hides_is_not_made_twice(
    opened: Any, project: Any, passes: int
) -> None:
    drift = Drift("/requirements", passes)
    world = await opened(recorder=drift)
    for name in (*(f"other {number}" for number in range(30)), "SHOP-9"):
        made = world.simulator.by_hand("POST", "requirements", {"name": name, "properties": []})
    drift.hidden = int(made["id"])
    await world.write(project.module)
    if passes + 2 <= PASSES:
        assert (await world.write(project.requirement)).borrowed
    else:
        with pytest.raises(RecordError, match="requirements kept changing"):
            await world.write(project.requirement)
    assert len(world.dump()["requirements"]) == 31
