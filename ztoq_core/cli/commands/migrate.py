"""``ztoq migrate``."""

from __future__ import annotations

from typing import Any

import rich_click as click

from ztoq_core.cli.options import (
    Options,
    limit_options,
    load_options,
    selection_options,
    since_option,
    verb,
)


@click.command()
@load_options
@click.option(
    "--final",
    is_flag=True,
    help="Read everything again at the end, and say whether the source changed meanwhile.",
)
@selection_options
@since_option
@limit_options
@verb
def migrate(options: Options, /, *, final: bool, **given: Any) -> int:
    """Extract, transform, load, validate and report in one go; may be repeated.

    Both sides are tried before the first record is read. Stop it at any time with Ctrl-C and run
    it again to go on. A pilot first: choose some cases, look at them in the target, then run it
    without a selection; only the rest is written.

    \b
    Example:  ztoq --config acme.toml --log-file acme.log migrate
    Pilot:    ztoq migrate --limit 20 --executions latest
    """
    from ztoq_core.cli.pipeline import run_verb
    from ztoq_core.migration import ALL

    stages = (*ALL, "final") if final else ALL
    return run_verb(options, stages, **given)
