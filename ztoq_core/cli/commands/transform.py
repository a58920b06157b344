"""``ztoq transform``."""

from __future__ import annotations

from typing import Any

import rich_click as click

from ztoq_core.cli.options import Options, selection_options, verb


@click.command()
@selection_options
@verb
def transform(options: Options, /, **given: Any) -> int:
    """Map what was extracted, from the store alone; neither service is called.

    Maps what [select] or the options choose, else what was selected last by options, else all.

    \b
    Example:  ztoq transform --folder Shop/Basket --executions latest
    """
    from ztoq_core.cli.pipeline import run_verb

    return run_verb(options, ("transform",), **given)
