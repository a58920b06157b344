"""``ztoq validate``."""

from __future__ import annotations

import secrets
from typing import Any

import rich_click as click

from ztoq_core.cli.options import (
    Options,
    accept_missing_fields_option,
    conflict_option,
    count,
    limit_options,
    verb,
)

_SEEDS = 1_000_000


@click.command()
@click.option("--counts", "level", flag_value="counts", help="Count objects; compare no contents.")
@click.option("--files", "level", flag_value="files", help="Download all files and compare bytes.")
@click.option(
    "--sample",
    metavar="N",
    type=count,
    help="Compare N objects chosen at random; proves nothing.",
)
@click.option("--seed", metavar="S", type=count, help="Choose the same sample again.")
@click.option(
    "--repair", is_flag=True, help="Write again what is missing or different, and validate again."
)
@click.option(
    "--source",
    is_flag=True,
    help="List the source again instead, and name what is not in the store.",
)
@accept_missing_fields_option
@conflict_option
@limit_options
@verb
def validate(
    options: Options,
    /,
    *,
    level: str | None,
    sample: int | None,
    seed: int | None,
    source: bool,
    **given: Any,
) -> int:
    """Read the target back and compare it with what was sent, field by field.

    Names what is missing, different, double or somebody else's. A migration is proved only by a
    validation after its last write. --source says whether the source is still needed, before its
    licence ends; it looks at neither the target nor the contents of files.

    \b
    Example:  ztoq validate
    Repair:   ztoq validate --repair
    """
    from ztoq_core.cli.pipeline import run_verb
    from ztoq_core.migration import SOURCE_AGAIN
    from ztoq_core.store import Sample, ValidationLevel

    if sample and level:
        raise click.UsageError(f"--sample and --{level} do not go together.")
    if seed and not sample:
        raise click.UsageError("--seed goes with --sample.")
    if source:
        if sample or level or given["repair"]:
            raise click.UsageError("--source looks at the source alone; leave out other options.")
        return run_verb(options, SOURCE_AGAIN, **given)
    drawn = Sample(size=sample, seed=seed or 1 + secrets.randbelow(_SEEDS)) if sample else None
    found = ValidationLevel("sample" if drawn else level or "contents")
    return run_verb(options, ("validate",), level=found, sample=drawn, **given)
