"""Opens what a configuration names: the store, runs on it, and both sides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs

from ztoq_core import engine
from ztoq_core.contracts import Connection, Sink, Source
from ztoq_core.report.page import SourcePage
from ztoq_core.services import Services
from ztoq_core.settings.config import Config, Part
from ztoq_core.store import Store


def open_store(config: Config, *, create: bool = False, look_only: bool = False) -> Store:
    """Open the store that the config names; see ``Store`` for errors."""
    return Store(config.store_url, create=create, files=config.store_files, look_only=look_only)


def new_run(
    config: Config,
    store: Store,
    *,
    asks: Part[Any] | None = None,
    **given: Any,
) -> engine.Run:
    """Return a run on the store, with the declarations of both plugins.

    It keeps to the connection of the side that it ``asks``.
    """
    if asks and isinstance(settings := asks.settings, Connection):
        given |= {"slots": settings.in_flight, "request_timeout": settings.timeout}
    if config.target:
        given["limits"] = config.target.plugin.limits
    return engine.Run(store, rules=config.source.plugin.rules, **given)


def with_next_step(config: Config, verdict: engine.Verdict) -> engine.Verdict:
    """Return the verdict; without a target, it leads to one instead of to the next stage."""
    if config.target is not None or verdict.status is engine.Status.EMPTY:
        return verdict
    to_do = "To go on, add the target to the configuration, as the table [sink]"
    return attrs.evolve(verdict, sentences=(*verdict.sentences, to_do), next="ztoq explain KEY")


def needs_source(config: Config, stages: Sequence[str]) -> bool:
    """Whether the stages use the source: to read it, or to pass on its files."""
    return bool({"extract", "source"} & set(stages)) or (config.streams and "load" in stages)


def source_page(config: Config, store: Store) -> SourcePage:
    """Return what gives the address of a record in the source, for people."""
    source = config.source
    return source.plugin.rules.pages(source.settings, store.outcomes.payloads())


@asynccontextmanager
async def open_sides(
    config: Config,
    stages: Sequence[str],
    services: Services,
) -> AsyncIterator[tuple[Source | None, Sink | None]]:
    """Open the sides that the stages need."""
    source: Source | None = None
    sink: Sink | None = None
    async with AsyncExitStack() as stack:
        if needs_source(config, stages):
            part = config.source
            source = await stack.enter_async_context(
                engine.open_side(part.plugin, part.settings, services.of_source())
            )
        if {"load", "validate"} & set(stages):
            end = config.sink
            sink = await stack.enter_async_context(
                engine.open_side(end.plugin, end.settings, services)
            )
        yield source, sink
