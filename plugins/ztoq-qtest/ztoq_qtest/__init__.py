"""Writes Tricentis qTest projects: the sink ``qtest`` of ztoq."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ztoq_core.plugin import SinkPlugin, hookimpl
from ztoq_qtest.config import QtestConfig
from ztoq_qtest.sink import open_qtest

__all__ = ["QtestConfig", "open_qtest", "ztoq_sinks"]


@asynccontextmanager
async def _demo() -> AsyncIterator[Mapping[str, Any]]:
    from ztoq_demo.qtest.demo import demo  # noqa: PLC0415 - only the demo needs the simulator

    async with demo() as table:
        yield table


@hookimpl
def ztoq_sinks() -> Iterable[SinkPlugin[QtestConfig]]:
    """Declare the sink."""
    yield SinkPlugin(
        name="qtest",
        summary="Tricentis qTest Manager, API v3 (SaaS and on-premises)",
        config=QtestConfig,
        open=open_qtest,
        simulator=_demo,
    )
