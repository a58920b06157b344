"""``ztoq validate``."""

from __future__ import annotations

from typing import Any

import rich_click as click

from ztoq_core.cli.options import Options, conflict_option, global_options, limit_options

__all__ = ["validate"]


@click.command()
@click.option("--counts", "level", flag_value="counts", help="Count objects; compare no contents.")
@click.option("--files", "level", flag_value="files", help="Download all files and compare bytes.")
@click.option(
    "--repair", is_flag=True, help="Write again what is missing or different, and validate again."
)
@conflict_option
@limit_options
@global_options
@click.pass_obj
def validate(options: Options, /, *, level: str | None, **given: Any) -> int:
    """Read the target back and compare it with what was sent, field by field.

    Names what is missing, different, double or somebody else's. A migration is proved only by a
    validation after its last write.

    \b
    Example:  ztoq validate
    Repair:   ztoq validate --repair
    """
    from ztoq_core.cli.pipeline import run_verb
    from ztoq_core.store import ValidationLevel

    found = ValidationLevel(level or "contents")
    return run_verb(options, "validate", ("validate",), level=found, **given)
