"""A plugin that brings a command."""

from __future__ import annotations

from collections.abc import Iterable

import click

from ztoq_core.cli.options import Options, global_options
from ztoq_core.cli.output import Output
from ztoq_core.plugin import hookimpl


@click.command()
@global_options
@click.pass_obj
def count(options: Options) -> int:
    """Count."""
    options.verb = "count"
    Output(options).result({"exit": 0})
    return 0


@hookimpl
def ztoq_commands() -> Iterable[click.Command]:
    return [count]
