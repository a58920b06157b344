"""The sink keeps the contract of all sinks, over HTTP, on the simulated site."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from ztoq_demo.qtest.options import Options
from ztoq_demo.qtest.server import Simulator
from ztoq_qtest.config import QtestConfig
from ztoq_qtest.sink import open_qtest
from ztoq_testkit import SinkContract, lent

from tests.tables import sampled
from ztoq_core.plugin import Secret, Sink

BY_THE_MAPPING = frozenset(
    {
        "folder.order",
        *(f"test_case.{name}" for name in ("status", "priority", "component", "labels", "owner")),
        *(f"test_case.{name}" for name in ("created", "estimated", "links", "script")),
        *(f"test_plan.{name}" for name in ("status", "labels", "owner", "links")),
        *(f"test_cycle.{name}" for name in ("status", "owner", "version", "links")),
        *(f"test_log.{name}" for name in ("ended", "duration", "executed_by", "assigned_to")),
        *(f"test_log.{name}" for name in ("environment", "version", "comment", "automated")),
        *("test_run.assigned_to", "test_case.step: test data", "test_cycle.description"),
        "attachment.owner",  # a file is read by its path alone
    }
)
"""What the default mapping makes fields or words of: the sink looks at none of these."""
WITHOUT_FIELDS = BY_THE_MAPPING | {"requirement.description"}
ROOTS = {"root_module": "From Zephyr", "root_cycle": "From Zephyr"}


@asynccontextmanager
async def opened(options: Options, settings: Mapping[str, Any]) -> AsyncIterator[Sink]:
    simulator = Simulator(options)
    async with simulator.serving() as base_url:
        config = QtestConfig(
            base_url=base_url,
            project=options.project,
            token=Secret(options.token),
            **settings,
        )
        async with open_qtest(config, lent()) as sink:
            yield sink
    assert not simulator.server.errors


class TestQtest(SinkContract):
    """On a site whose fields can be made, with each way to place and to answer."""

    lost = BY_THE_MAPPING

    @pytest.fixture(
        params=sampled(
            [
                pytest.param(({}, {}), id="default"),
                pytest.param(({}, ROOTS), id="under roots"),
                pytest.param(({}, {"plans": "cycle"}), id="plans as cycles"),
                pytest.param(({"normalise_html": True}, {}), id="texts rewritten"),
                pytest.param(({"called_steps": "flat"}, {}), id="called steps flat"),
            ],
            3,
        )
    )
    async def sink(self, request: pytest.FixtureRequest) -> AsyncIterator[Sink]:
        options, settings = request.param
        if settings.get("plans") == "cycle":  # the plan is a cycle itself
            self.lost = BY_THE_MAPPING | {"test_cycle.test plan"}
        async with opened(Options(**options), {"create_fields": True, **settings}) as sink:
            yield sink


class TestQtestWithoutFields(SinkContract):
    """Where fields are hidden, the key stands in descriptions, notes and names."""

    lost = WITHOUT_FIELDS

    @pytest.fixture
    async def sink(self) -> AsyncIterator[Sink]:
        async with opened(Options(fields_forbidden=True), {}) as sink:
            yield sink

    async def test_a_good_connection_passes_the_check(self, sink: Sink) -> None:
        errors = [each.text for each in await sink.check() if each.level == "error"]
        assert len(errors) == 1
        assert "--accept-missing-fields" in errors[0]
