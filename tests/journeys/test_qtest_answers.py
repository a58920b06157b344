"""Answers of qTest with another shape, through the whole engine: each endpoint, each wrong body.

A wrong answer is a failed request. Nothing is made twice, what arrived is right, and where
something is missing the outcome says so.

Endpoints, bodies, and once or always make 308 combinations. Acceptance takes a seeded sample,
which fits into a minute; ``ZTOQ_ALL_ANSWERS=1`` takes all.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_testkit.simulate import Reply, Request

from tests.journeys.journey import Journey, in_virtual_time, journey, project
from ztoq_core.errors import Exit, ZtoqError, one_error

OTHER = object()
"""The body as another container: a list for an object and the reverse."""
WRONG: dict[str, Any] = {
    "null": b"null",
    "empty": b"",
    "error body": {"error": {"code": 500, "message": "Something went wrong"}},
    "text": "OK",
    "other container": OTHER,
    "items that are none": {"items": None, "total": 3},
    "list of nulls": [None],
}
ENDPOINTS = (
    "GET settings/test-cases/fields",
    "POST settings/test-cases/fields",
    "GET test-runs/execution-statuses",
    "GET users",
    "GET modules",
    "POST modules",
    "GET test-cases",
    "POST test-cases",
    "PUT test-cases/N/approve",
    "GET test-cases/N/versions/N/test-steps",
    "POST test-cases/N/blob-handles",
    "GET test-cases/N/attachments",
    "GET test-cycles",
    "POST test-cycles",
    "GET test-suites",
    "POST test-suites",
    "GET test-runs",
    "POST test-runs",
    "GET test-runs/N/test-logs",
    "POST test-runs/N/test-logs",
    "POST test-logs/N/blob-handles",
    "GET test-logs/N/attachments",
)


def small() -> Any:
    """Return a project of two cases, each executed, with files."""
    whole = project()
    whole.cases = whole.cases[:2]
    whole.executions = whole.executions[:2]
    return whole


def endpoint(request: Request) -> str:
    """Return the method and the path below the project, with N for ids."""
    path = re.sub(r"^/api/v3/projects/\d+/?", "", request.path)
    return f"{request.method} {re.sub(r'[0-9]+', 'N', path)}"


@attrs.define
class Wrong:
    """Answers one endpoint wrongly after the site did its work, ``times`` times."""

    at: str
    body: Any
    times: int
    seen: Counter[str] = attrs.field(factory=Counter)

    def __call__(self, request: Request, reply: Reply) -> None:
        name = endpoint(request)
        self.seen[name] += 1
        if name != self.at or reply.status >= 300 or self.seen[name] > self.times:
            return
        body = self.body
        if body is OTHER:
            body = {} if isinstance(reply.body, list) else [reply.body]
        if isinstance(body, bytes):
            reply.content, reply.content_type = body, "application/json"
        else:
            reply.body = body


def made(world: Journey) -> Counter[str]:
    """Return how many objects of each kind and name the target holds."""
    found: Counter[str] = Counter()
    for kind, objects in world.qtest.dump().items():
        if isinstance(objects, list):
            found.update(f"{kind} {each.get('name') or each.get('label')}" for each in objects)
    return found


async def migrated(world: Journey) -> bool:
    """Migrate; return whether all is said to have arrived. A stop that says why is an answer."""
    try:
        with one_error():
            return (await world.run(outage=60.0)).exit is Exit.OK
    except ZtoqError:
        return False


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """What the project becomes where every answer is right."""
    found: list[Counter[str]] = []

    @in_virtual_time
    async def go() -> None:
        async with journey(tmp_path_factory.mktemp("true"), read=small()) as world:
            assert await migrated(world)
            found.append(made(world))

    go()
    return found[0]


@pytest.mark.parametrize("at", ["GET modules", "GET test-runs/N/test-logs", "POST test-cases"])
def test_an_answer_that_is_none_once_makes_nothing_twice(
    tmp_path: Path, true: Counter[str], at: str
) -> None:
    held(tmp_path, true, at, "other container", 1)


EVERY = [(at, name, times) for at in ENDPOINTS for name in WRONG for times in (1, 10**9)]
SOME = EVERY if os.environ.get("ZTOQ_ALL_ANSWERS") else random.Random(9).sample(EVERY, 24)


@pytest.mark.acceptance
@pytest.mark.parametrize(("at", "name", "times"), SOME)
def test_a_wrong_answer_is_never_taken_for_nothing(
    tmp_path: Path, true: Counter[str], at: str, name: str, times: int
) -> None:
    held(tmp_path, true, at, name, times)


def held(folder: Path, true: Counter[str], at: str, name: str, times: int) -> None:
    """Migrate twice, the second time with a new store, while one endpoint answers wrongly."""
    folder /= name
    folder.mkdir()

    @in_virtual_time
    async def go() -> None:
        async with journey(folder, read=small()) as world:
            wrong = Wrong(at, WRONG[name], times)
            world.qtest.server.recorder = wrong
            green = await migrated(world)
            found = made(world)
            assert found <= true, f"twice: {found - true}"
            assert not green or found == true, f"lost: {true - found}"
            # a lost store: what is there is adopted, by lists that may be wrong
            asked = wrong.seen.copy()
            wrong.seen.clear()
            world.store_url = f"sqlite:///{folder}/other.db"
            green = await migrated(world)
            assert asked[at] or wrong.seen[at], f"{at} is not asked for"
            found = made(world)
            assert found <= true, f"twice after the store was lost: {found - true}"
            assert not green or found == true, f"lost: {true - found}"

    go()
