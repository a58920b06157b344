"""``ztoq config show``."""

from __future__ import annotations

from typing import Any

import rich_click as click
import tomlkit

from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured
from ztoq_core.settings.secrets import WORDS


@click.command()
@verb
def show(options: Options) -> int:
    """Show the effective settings, defaults and environment included.

    Of a secret the place is shown, such as its environment variable; never the secret itself.

    \b
    Example:  ztoq --config acme.toml config show
    """
    with configured(options) as settings:
        output = Output(options)
        tables = settings.shown()
        output.result(
            {"exit": 0, "file": str(settings.path), "config": tables},
            lambda: output.block(tomlkit.dumps(_inline(tables)).rstrip()),
        )
    return 0


def _inline(value: Any) -> Any:
    """Return tables with the place of each secret on the line of its key, as people write it."""
    if isinstance(value, list):
        return [_inline(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and WORDS.keys() & value.keys():
        place = tomlkit.inline_table()
        place.update(value)
        return place
    return {key: _inline(each) for key, each in value.items()}
