"""``ztoq load``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from ztoq_core.cli.options import Options, limit_options, load_options, selection_options, verb


@click.command()
@load_options
@click.option(
    "--partial",
    is_flag=True,
    help="Load what has been mapped although the extraction is incomplete; ends with 1.",
)
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Do what this plan says, with its options; refuses where source or mapping changed since.",
)
@selection_options
@limit_options
@verb
def load(options: Options, /, **given: Any) -> int:
    """Write what was mapped to the target, each record at most once.

    Stops before the first write where the target lacks fields, with a list for its administrator.
    Where another part of the project is selected than was mapped, maps again first.

    \b
    Example:  ztoq load --dry-run
    """
    from ztoq_core.cli.pipeline import run_verb

    return run_verb(options, ("load",), **given)
