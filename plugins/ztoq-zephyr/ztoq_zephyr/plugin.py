"""What this plugin declares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from ztoq_core.plugin import Right, Services, Source, SourcePlugin, hookimpl
from ztoq_zephyr.api import path_of
from ztoq_zephyr.config import ZephyrConfig, check_config
from ztoq_zephyr.credentials import BearerAuth
from ztoq_zephyr.csv_names import read_csv_names
from ztoq_zephyr.directory import IdDirectory
from ztoq_zephyr.jira import open_jira
from ztoq_zephyr.note_codes import NOTE_CODES
from ztoq_zephyr.rules import RULES
from ztoq_zephyr.source import ZephyrSource

READS = ("extract", "validate --source")

RIGHTS = (
    Right(READS, "see the Jira project (Browse projects)", "nothing can be read"),
    Right(
        READS,
        "view test cases, cycles, plans and executions in Zephyr; a read-only token is enough",
        "the run stops, or names the lists that it could not read",
    ),
    Right(
        ("extract",),
        "with [source.jira]: browse each project that issues come from, and users and groups",
        "ids that Jira does not show stay ids",
    ),
)


@asynccontextmanager
async def open_zephyr(config: ZephyrConfig, services: Services) -> AsyncIterator[Source]:
    """Yield the project that ``config`` names; nothing is sent yet.

    Raises:
        ConfigError: A setting cannot be used.
    """
    check_config(config)
    auth = BearerAuth(config.token)
    csv_names = await asyncio.to_thread(read_csv_names, config.jira) if config.jira else {}
    async with (
        services.client(config, auth, probe=path_of("projects", config.project)) as client,
        open_jira(config.jira, services, config.project) as jira,
    ):
        yield ZephyrSource(
            config, services, client, auth, IdDirectory(config.jira, csv_names, jira)
        )


@hookimpl
def ztoq_sources() -> Iterable[SourcePlugin[ZephyrConfig]]:
    """Declare Zephyr."""
    yield SourcePlugin(
        name="zephyr",
        summary="A project of Zephyr Scale Cloud or Zephyr Essential",
        config=ZephyrConfig,
        open=open_zephyr,
        product="Zephyr",
        rules=RULES,
        rights=RIGHTS,
        note_codes=NOTE_CODES,
    )
