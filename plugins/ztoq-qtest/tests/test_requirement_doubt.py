from __future__ import annotations

from typing import Any

import pytest
from ztoq_testkit.simulate import Reply, Request

from ztoq_core.plugin import DoubtError


async def test_what_fails_after_a_requirement_was_made_leaves_it_in_doubt(
    opened: Any, project: Any
) -> None:
    made: list[int] = []

    def meddle(request: Request, reply: Reply) -> None:
        if request.method == "POST" and request.path.endswith("/requirements"):
            made.append(1)
        elif made and request.method == "GET" and request.path.endswith("/requirements"):
            reply.status, reply.body = 403, {"message": "the window is shut"}

    world = await opened(recorder=meddle)
    await world.write(project.module)
    with pytest.raises(DoubtError):
        await world.write(project.requirement)
