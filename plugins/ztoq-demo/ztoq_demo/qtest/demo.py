"""The site that ``ztoq demo`` fills: an empty project and an administrator's token."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ztoq_core.plugin import Secret
from ztoq_demo.qtest.options import Options
from ztoq_demo.qtest.server import Simulator


@asynccontextmanager
async def demo() -> AsyncIterator[Mapping[str, Any]]:
    """Serve an empty project, and yield the config table that points at it."""
    simulator = Simulator(Options(token=str(uuid.uuid4())))
    async with simulator.serving() as base_url:
        yield {
            "use": "qtest",
            "base_url": base_url,
            "project": simulator.options.project,
            "token": Secret(simulator.options.token),
            "create_fields": True,
        }
