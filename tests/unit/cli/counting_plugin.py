"""A plugin that brings a command."""

from __future__ import annotations

from collections.abc import Iterable

import click

from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.plugin import hookimpl


@click.command()
@verb
def count(options: Options) -> int:
    """Count."""
    Output(options).result({"exit": 0})
    return 0


@hookimpl
def ztoq_commands() -> Iterable[click.Command]:
    return [count]
