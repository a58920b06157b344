"""What ``ztoq demo`` migrates: a small project, served on loopback for as long as it is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ztoq_core.plugin import Secret
from ztoq_demo.zephyr.history import add_executions, add_files
from ztoq_demo.zephyr.model import Project
from ztoq_demo.zephyr.pictures import show_pictures
from ztoq_demo.zephyr.shop import KEY, Ids, base_project, disabled_project, foreign_project
from ztoq_demo.zephyr.simulator import Simulator


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
    projects = shop()
    simulator = Simulator(projects)
    async with simulator.serving() as base_url:
        jira = simulator.jira_table(base_url)
        simulator.jira.files = show_pictures(projects[0], base_url, jira["base_url"])
        yield {
            "use": "zephyr",
            "base_url": base_url,
            "project": KEY,
            "token": Secret(simulator.token()),
            "jira": jira,
        }
