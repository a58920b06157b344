"""The source keeps the contract of all sources, over HTTP, on the simulated tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
from ztoq_demo.zephyr.demo import shop
from ztoq_demo.zephyr.shop import KEY
from ztoq_demo.zephyr.simulator import Simulator
from ztoq_testkit import SourceContract, lent
from ztoq_zephyr.config import JiraConfig, ZephyrConfig
from ztoq_zephyr.plugin import open_zephyr

from ztoq_core.plugin import Secret, Source

pytestmark = pytest.mark.no_cover  # a second time through what others cover


class TestZephyr(SourceContract):
    @pytest.fixture
    async def source(self) -> AsyncIterator[Source]:
        simulator = Simulator(shop())
        async with simulator.serving() as base_url:
            config = ZephyrConfig(
                base_url=base_url,
                project=KEY,
                token=Secret(simulator.token()),
                page_size=17,
                jira=JiraConfig(**simulator.jira_table(base_url)),
            )
            async with open_zephyr(config, lent()) as source:
                yield source

    @pytest.fixture
    def contents(self) -> Mapping[str, bytes]:
        project = next(each for each in shop() if each.key == KEY)
        case = next(case for case in project.cases if case.files)
        return {f"{case.key}#{file.id}": b"".join(file.chunks()) for file in case.files}
