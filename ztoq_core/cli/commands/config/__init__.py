"""``ztoq config``: a file for each verb, imported when the verb is called."""

from __future__ import annotations

import rich_click as click

from ztoq_core.cli.lazy_group import LazyGroup
from ztoq_core.cli.options import global_options

VERBS = {
    "init": "Write ztoq.toml; on a terminal, ask for what no option says.",
    "show": "Show the effective settings, defaults and environment included.",
    "check": "Check both services and list problems that a migration would hit.",
    "fields": "Show the target's fields, and the fields that mapped records lack there.",
}


@click.group(cls=LazyGroup, package=__name__, lazy=VERBS)
@global_options
def config() -> None:
    """Write, show and try the configuration of a migration.

    \b
    Example:  ztoq config check
    """
