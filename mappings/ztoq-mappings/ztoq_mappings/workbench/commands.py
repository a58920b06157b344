"""``ztoq map``: a file for each verb, imported when the verb is called."""

from __future__ import annotations

from collections.abc import Iterable

import rich_click as click

from ztoq_core.cli.lazy_group import LazyGroup
from ztoq_core.cli.options import global_options
from ztoq_core.hookspecs import hookimpl

VERBS = {
    "suggest": "Write a mapping file from what was extracted and what the target offers.",
    "check": "Check the mapping against what was extracted and what the target offers.",
    "test": "Run golden cases through the mapping; neither side is called, no secret is needed.",
    "show": "Print one extracted record before and after each transformer, from the store alone.",
}


@click.group("map", cls=LazyGroup, package="ztoq_mappings.workbench", lazy=VERBS)
@global_options
def mapping() -> None:
    """Suggest, check, test and watch the mapping of fields and values.

    \b
    Example:  ztoq map check
    """


@hookimpl
def ztoq_commands() -> Iterable[click.Command]:
    """Declare ``ztoq map``."""
    return (mapping,)
