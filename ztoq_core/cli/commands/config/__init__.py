"""``ztoq config``: a file for each verb, imported when the verb is called."""

from __future__ import annotations

import rich_click as click

from ztoq_core.cli.lazy_group import LazyGroup

__all__ = ["config"]

_HERE = "ztoq_core.cli.commands.config"
VERBS = {
    "init": (
        f"{_HERE}.init:init",
        "Write ztoq.toml, asking on a terminal for what no option says.",
    ),
    "show": (
        f"{_HERE}.show:show",
        "Show the settings as they count, defaults and environment included; secrets as ***.",
    ),
    "check": (
        f"{_HERE}.check:check",
        "Try both sides and say what a run would meet; nothing is written without --probe.",
    ),
    "fields": (
        f"{_HERE}.fields:fields",
        "Show which fields the target has, and which the mapped records lack there.",
    ),
}


@click.group(cls=LazyGroup, lazy=VERBS)
def config() -> None:
    """Write, show and try the configuration of a migration.

    \b
    Example:  ztoq config check
    """
