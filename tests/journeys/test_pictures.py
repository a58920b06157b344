"""Pictures in texts, from where they lie to where qTest shows them, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.history import png
from ztoq_testkit.simulate import Reply, Request, Route, Server

from tests.journeys.journey import Journey, journey, project
from ztoq_core.contracts import Secret
from ztoq_core.errors import Exit

SHOT = png(8, 8, (200, 0, 0))
RECEIPT = png(9, 9, (0, 200, 0))
COOKIE = "jwt=of-a-browser"


@attrs.define
class World:
    """Both services, and a host that gives a picture to a browser's session only."""

    journey: Journey
    base: str
    files: str
    seen: list[Request]

    def first(self) -> Any:
        return self.journey.zephyr.tenant.projects[0].cases[0]

    def case(self) -> dict[str, Any]:
        found: dict[str, Any] = next(
            each for each in self.journey.qtest.dump()["test_cases"] if each["name"] == "Case 1"
        )
        return found

    def pictures(self, html: str) -> list[str]:
        """Return the digests of the pictures that a text in qTest shows."""
        held = {
            (kind, thing["id"], file["id"]): file["sha256"]
            for kind in ("test_cases", "test_logs", "releases")
            for thing in self.journey.qtest.dump()[kind]
            for file in thing["attachments"]
        }
        found = []
        for src in re.findall(r'<img [^>]*src="([^"]*)"', html):
            *_, kind, number, _, file = unescape(src).split("/")
            found.append(held[kind.replace("-", "_"), int(number), int(file)])
        return found

    def losses(self) -> str:
        """Return why pictures are lost, as the report says it: the text names them only."""
        with self.journey.store() as store:
            return "; ".join(problem.reason for problem in store.reporting.problems())

    def writes(self) -> int:
        calls = self.journey.qtest.server.calls.items()
        return sum(n for (method, path), n in calls if method != "GET" and "oauth" not in path)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    seen: list[Request] = []

    def give(request: Request) -> Reply:
        seen.append(request)
        if request.headers.get("Cookie") != COOKIE:
            return Reply(200, content=b"<!doctype html>Log in", content_type="text/html")
        return Reply(content=SHOT, content_type="image/png")

    server = Server([Route("GET", "/tenant/{name}", give)], name="files")
    async with server.serving() as files, journey(tmp_path, read=project()) as made:
        base = made.tables["source"]["base_url"]
        made.zephyr.jira.files = {5: File.of(5, "receipt.png", RECEIPT)}
        made.tables["source"]["jira"] = made.zephyr.jira_table(base)
        made.tables["images"] = {"allow_private": ["127.0.0.1"]}
        yield World(made, base, files, seen)


def img(src: str) -> str:
    return f'<p>x<img src="{src}" class="fr-fic">y</p>'


async def test_pictures_of_all_hosts_stand_in_qtest_and_a_second_run_does_nothing(
    world: World,
) -> None:
    case = world.first()
    made, at = world.journey, f"{world.files}/tenant/embedded-0a-17-a%20shot.png?sig=1"
    made.tables["images"]["host"] = [{"host": world.files, "cookie": Secret(COOKIE)}]
    jira = made.tables["source"]["jira"]["base_url"]
    own = f"{world.base}/testcases/{case.key}/attachments/{case.files[0].id}"
    case.objective = img(own) + img(at)
    case.steps[0].description = img(f"{jira}/secure/attachment/5/receipt.png")
    case.steps[0].files = [File.of(900, "step.txt", b"stays with its step")]
    execution = made.zephyr.tenant.projects[0].executions[0]
    execution.comment = img("/jira/secure/thumbnail/5/_thumb_receipt.png")
    outcome = await made.run()
    assert outcome.exit is Exit.OK, outcome

    held = world.case()
    digests = {file["name"]: file["sha256"] for file in held["attachments"]}
    assert sorted(digests) == ["a shot.png", "receipt.png", "shot 1.png"]
    assert world.pictures(held["description"]) == [digests["shot 1.png"], digests["a shot.png"]]
    (step,) = held["versions"][-1]["steps"]
    assert world.pictures(step["description"]) == [digests["receipt.png"]]
    assert [file["name"] for file in step["attachments"]] == ["step.txt"]
    (log,) = (
        each for each in made.qtest.dump()["test_logs"] if "Zephyr key: ACME-E1<" in each["note"]
    )
    assert world.pictures(log["note"]) == [digests["receipt.png"]]
    assert [request.query for request in world.seen] == [{"sig": "1"}]
    assert "Authorization" not in world.seen[0].headers

    before = world.writes()
    outcome = await made.run()
    assert outcome.exit is Exit.OK, outcome
    assert world.writes() == before
    assert len(world.seen) == 1


async def test_a_run_with_a_credential_repairs_what_was_a_page_to_log_in(world: World) -> None:
    world.first().objective = img(f"{world.files}/tenant/a.png")
    outcome = await world.journey.run()
    assert outcome.exit is Exit.LEFT
    assert outcome.headline == "The migration is incomplete: 1 rejected"
    held = world.case()
    assert "[Picture not migrated: a.png" in held["description"]
    assert "a web page came instead of a picture" in world.losses()
    assert [file["name"] for file in held["attachments"]] == ["shot 1.png"]

    others = {each["name"]: each["versions"] for each in world.journey.qtest.dump()["test_cases"]}
    world.journey.tables["images"]["host"] = [{"host": world.files, "cookie": Secret(COOKIE)}]
    outcome = await world.journey.run()
    assert outcome.exit is Exit.OK, outcome
    held = world.case()
    digests = {file["name"]: file["sha256"] for file in held["attachments"]}
    assert world.pictures(held["description"]) == [digests["a.png"]]
    for each in world.journey.qtest.dump()["test_cases"]:
        assert (each["versions"] == others[each["name"]]) is (each["name"] != "Case 1")


async def test_a_private_host_is_not_asked_unless_it_is_named(world: World) -> None:
    world.first().objective = img(f"{world.files}/tenant/a.png")
    world.journey.tables["images"] = {}
    outcome = await world.journey.run()
    assert outcome.exit is Exit.LEFT
    assert world.seen == []
    assert "[Picture not migrated: a.png" in world.case()["description"]
    assert "is not on the open internet" in world.losses()
