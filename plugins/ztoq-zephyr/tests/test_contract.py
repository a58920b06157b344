"""The source keeps the contract of all sources, over HTTP, on the simulated tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import attrs
import pytest
from ztoq_demo.zephyr.demo import shop
from ztoq_demo.zephyr.model import Project
from ztoq_demo.zephyr.shop import KEY
from ztoq_demo.zephyr.simulator import Simulator
from ztoq_testkit import SourceContract, lent
from ztoq_zephyr.config import JiraConfig, ZephyrConfig
from ztoq_zephyr.plugin import open_zephyr

from ztoq_core.plugin import Secret, Source

pytestmark = pytest.mark.unmeasured  # a second time through what others cover


def fewer_executions() -> list[Project]:
    """Return the demo's tenant; whole, it is read in the acceptance run (test_simulated)."""
    project, *others = shop()
    return [attrs.evolve(project, executions=project.executions[::4]), *others]


class TestZephyr(SourceContract):
    @pytest.fixture
    async def source(self) -> AsyncIterator[Source]:
        simulator = Simulator(fewer_executions())
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
        project, *_ = shop()
        case = next(case for case in project.cases if case.files)
        return {f"{case.key}#{file.id}": b"".join(file.chunks()) for file in case.files}
