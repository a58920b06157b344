"""What ``ztoq demo`` migrates: a small project, served on loopback for as long as it is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ztoq_core.plugin import Secret
from ztoq_zephyr.simulator.history import add_executions, add_files
from ztoq_zephyr.simulator.model import Project
from ztoq_zephyr.simulator.shop import KEY, Ids, base_project, disabled_project, foreign_project
from ztoq_zephyr.simulator.simulator import Simulator

__all__ = ["demo", "shop"]


def shop() -> list[Project]:
    """Return the demo's tenant: the web shop's project, and the two that stand beside it."""
    ids = Ids()
    project, foreign = base_project(ids), foreign_project(ids)
    add_executions(project, foreign, ids)
    add_files(project, ids)
    return [project, foreign, disabled_project()]


@asynccontextmanager
async def demo() -> AsyncIterator[Mapping[str, Any]]:
    """Serve the demo project; yields the table ``[source]`` that points at it."""
    simulator = Simulator(shop())
    async with simulator.serving() as base_url:
        yield {
            "use": "zephyr",
            "base_url": base_url,
            "project": KEY,
            "token": Secret(simulator.token()),
            "jira": simulator.jira_table(base_url),
        }
