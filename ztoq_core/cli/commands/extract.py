"""``ztoq extract``."""

from __future__ import annotations

from typing import Any

import rich_click as click

from ztoq_core.cli.options import Options, limit_options, selection_options, since_option, verb


@click.command()
@selection_options
@since_option
@limit_options
@verb
def extract(options: Options, /, **given: Any) -> int:
    """Read everything from the source into the store; the source is only read.

    Goes on where an earlier extraction stopped; after a complete one, reads everything again. A
    selection does not shorten the reading: it is remembered for the stages after it, so that it can
    be widened later without the source.

    \b
    Example:  ztoq --config acme.toml extract
    """
    from ztoq_core.cli.pipeline import run_verb

    return run_verb(options, ("extract",), **given)
