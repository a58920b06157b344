"""``ztoq config``: a file for each verb, imported when the verb is called."""

from __future__ import annotations

import rich_click as click

from ztoq_core.cli.lazy_group import LazyGroup
from ztoq_core.cli.options import global_options

__all__ = ["config"]

_HERE = "ztoq_core.cli.commands.config"
VERBS = {
    "init": (
        f"{_HERE}.init:init",
        "Write ztoq.toml; on a terminal, ask for what no option says.",
    ),
    "show": (
        f"{_HERE}.show:show",
        "Show the effective settings, defaults and environment included.",
    ),
    "check": (
        f"{_HERE}.check:check",
        "Check both services and list problems that a migration would hit.",
    ),
    "fields": (
        f"{_HERE}.fields:fields",
        "Show the target's fields, and the fields that mapped records lack there.",
    ),
}


@click.group(cls=LazyGroup, lazy=VERBS)
@global_options
def config() -> None:
    """Write, show and try the configuration of a migration.

    \b
    Example:  ztoq config check
    """
