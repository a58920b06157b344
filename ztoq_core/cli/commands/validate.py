"""``ztoq validate``."""

from __future__ import annotations

from typing import Any

import rich_click as click

from ztoq_core.cli.options import Options, global_options, limit_options

__all__ = ["validate"]


@click.command()
@limit_options
@global_options
@click.pass_obj
def validate(options: Options, /, **given: Any) -> int:
    """Compare the target with the store: missing, duplicate and foreign objects.

    \b
    Example:  ztoq validate
    """
    from ztoq_core.cli.pipeline import run_verb

    return run_verb(options, "validate", ("validate",), **given)
