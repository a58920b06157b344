"""Pictures in texts are opened with the credential of the place where they lie, and no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
from ztoq_demo.zephyr.demo import shop
from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.pictures import show_pictures
from ztoq_demo.zephyr.simulator import Simulator
from ztoq_testkit import lent
from ztoq_testkit.simulate import Reply, Request
from ztoq_zephyr.config import JiraConfig, ZephyrConfig
from ztoq_zephyr.plugin import open_zephyr

from ztoq_core.plugin import Attachment, Kind, Pictures, Ref, RejectedError, Secret

CASE = Ref(Kind.TEST_CASE, "DEMO-T1")


@attrs.define
class World:
    """The demo's tenant with the source on it; ``asked`` are paths and credentials."""

    source: Any
    zephyr: str
    jira: str
    simulator: Simulator
    asked: list[tuple[str, str]]

    def own(self) -> tuple[str, bytes]:
        """Return the address of some attachment, and what it holds."""
        case = next(c for c in self.simulator.tenant.projects[0].cases if c.files)
        file = case.files[0]
        return f"{self.zephyr}/testcases/{case.key}/attachments/{file.id}", file.content()

    async def picture(self, src: str) -> bytes | None:
        file = Attachment(key="DEMO-T1#img-1", name="a.png", owner=CASE, locator=src, inline=True)
        assert isinstance(self.source, Pictures)
        chunks = self.source.picture(file)
        return None if chunks is None else b"".join([chunk async for chunk in chunks])


@pytest.fixture
async def world() -> AsyncIterator[World]:
    asked: list[tuple[str, str]] = []

    def record(request: Request, _: Reply) -> None:
        asked.append((request.path, request.headers.get("Authorization", "").partition(" ")[0]))

    simulator = Simulator(shop(), Options())
    simulator.server.recorder = record
    simulator.jira.files = {7: File.of(7, "seven.png", b"seven")}
    async with simulator.serving() as base_url:
        table = simulator.jira_table(base_url)
        config = ZephyrConfig(
            base_url=base_url,
            project="DEMO",
            token=Secret(simulator.token()),
            jira=JiraConfig(**table),
        )
        async with open_zephyr(config, lent()) as source:
            yield World(source, base_url, table["base_url"], simulator, asked)


async def test_zephyrs_own_files_are_opened_with_its_token(world: World) -> None:
    address, content = world.own()
    assert await world.picture(f"{address}?x=1#y") == content
    ((path, scheme),) = world.asked
    assert address.endswith(path)
    assert scheme == "Bearer"


@pytest.mark.parametrize(
    ("src", "asked"),
    [
        ("{}/secure/attachment/7/seven.png", "/jira/rest/api/3/attachment/content/7"),
        ("{}/secure/thumbnail/7/_thumb_7.png", "/jira/rest/api/3/attachment/content/7"),
        ("{}/secure/attachment/7", "/jira/rest/api/3/attachment/content/7"),
        ("{}/rest/api/3/attachment/content/7", "/jira/rest/api/3/attachment/content/7"),
        ("/jira/secure/attachment/7/seven.png", "/jira/rest/api/3/attachment/content/7"),
    ],
)
async def test_jiras_files_are_opened_with_its_credential(
    world: World, src: str, asked: str
) -> None:
    assert await world.picture(src.format(world.jira)) == b"seven"
    assert world.asked == [(asked, "Basic")]


async def test_a_file_is_asked_for_where_people_see_it_if_the_api_has_none(world: World) -> None:
    with pytest.raises(RejectedError, match=r"Jira: .*404") as raised:
        await world.picture(f"{world.jira}/secure/attachment/8/eight.png")
    assert raised.value.status == 404
    assert [path for path, _ in world.asked] == [
        "/jira/rest/api/3/attachment/content/8",
        "/jira/secure/attachment/8/eight.png",
    ]


@pytest.mark.parametrize(
    "src",
    [
        "https://other.example/v2/testcases/DEMO-T1/attachments/1",
        "{origin}:1/v2/testcases/DEMO-T1/attachments/1",
        "{zephyr}/testcases",
        "{zephyr}/testcases/DEMO-T1/attachments/../1",
        "{zephyr}x/testcases/DEMO-T1/attachments/1",
        "https://other.example/secure/attachment/7/seven.png",
        "{jira}/browse/DEMO-1",
        "{jira}/rest/api/3/issue/DEMO-1",
        "{jira}/secure/attachment/7x/a.png",
        "/secure/attachment/7/a.png",
        "a.png",
        "data:#0",
        "http://[1/a.png",
    ],
)
async def test_all_other_addresses_are_nobodys(world: World, src: str) -> None:
    origin = world.zephyr.rpartition(":")[0]
    assert (
        await world.picture(src.format(origin=origin, zephyr=world.zephyr, jira=world.jira)) is None
    )
    assert world.asked == []


async def test_without_a_jira_site_its_files_are_nobodys(world: World) -> None:
    config = ZephyrConfig(
        base_url=world.zephyr, project="DEMO", token=Secret(world.simulator.token())
    )
    async with open_zephyr(config, lent()) as source:
        world.source = source
        assert await world.picture(f"{world.jira}/secure/attachment/7/seven.png") is None


async def test_what_the_token_may_not_read_is_lost_alone(world: World) -> None:
    address, _ = world.own()
    world.simulator.options.downloads = False
    with pytest.raises(RejectedError, match="answered 401: Permission denied"):
        await world.picture(address)


def test_the_demo_shows_pictures_of_each_place() -> None:
    project = shop()[0]
    files = show_pictures(project, "http://zephyr", "http://jira")
    texts = [case.objective or "" for case in project.cases]
    texts += [step.expected_result or "" for case in project.cases for step in case.steps]
    texts += [execution.comment or "" for execution in project.executions]
    shown = "".join(texts)
    assert "http://zephyr/testcases/" in shown
    assert all(f"http://jira/secure/attachment/{number}/" in shown for number in files)
    assert 'src="data:image/png;base64,' in shown
