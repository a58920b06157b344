"""``ztoq config show``."""

from __future__ import annotations

import rich_click as click
import tomlkit

from ztoq_core.cli.options import Options, global_options
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured

__all__ = ["show"]


@click.command()
@global_options
@click.pass_obj
def show(options: Options) -> int:
    """Show the effective settings, defaults and environment included; secrets as ***.

    \b
    Example:  ztoq --config acme.toml config show
    """
    options.verb = "config show"
    with configured(options) as settings:
        output = Output(options)
        tables = settings.shown()
        output.result(
            {"exit": 0, "file": str(settings.path), "config": tables},
            lambda: output.out.print(tomlkit.dumps(tables).rstrip()),
        )
    return 0
