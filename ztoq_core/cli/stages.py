"""The verbs that move records."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it runs: --help answers at once

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import rich_click as click

from ztoq_core.cli.options import Options, as_json

__all__ = ["extract", "load", "migrate", "transform", "validate"]

F = TypeVar("F", bound=Callable[..., Any])


def loading(command: F) -> F:
    """Add the options of verbs that write to the target."""
    for option in (
        click.option(
            "--dry-run", is_flag=True, help="Stop before the first write, saying what is missing."
        ),
        click.option(
            "--accept-missing-fields",
            is_flag=True,
            help="Load although fields are missing: their values stand as text.",
        ),
    ):
        command = option(command)
    return command


def _carry_out(options: Options, verb: str, stages: Sequence[str], **choices: bool) -> int:
    from ztoq_core.cli.work import Choices, carry_out, configured

    options.verb = verb
    with configured(options) as config:
        # a migration ends with a report; a dry run has nothing to report
        report = verb == "migrate" and not choices["dry_run"]
        reports = config.folder if report else None
        return carry_out(options, config, stages, Choices(reports=reports, **choices))


@click.command()
@as_json
@click.pass_obj
def extract(options: Options) -> int:
    """Read everything from the source into the store; the source is only read.

    Goes on where an earlier extraction stopped; after a complete one, reads everything again.

    \b
    Example:  ztoq --config acme.toml extract
    """  # noqa: D301 - \b is click's mark for a block that stays as it is
    return _carry_out(options, "extract", ("extract",))


@click.command()
@as_json
@click.pass_obj
def transform(options: Options) -> int:
    """Map what was extracted, from the store alone; neither side is called.

    \b
    Example:  ztoq transform
    """  # noqa: D301
    return _carry_out(options, "transform", ("transform",))


@click.command()
@loading
@as_json
@click.pass_obj
def load(options: Options, *, dry_run: bool, accept_missing_fields: bool) -> int:
    """Write what was mapped into the target, each record at most once.

    Stops before the first write where the target lacks fields, with a list for its administrator.

    \b
    Example:  ztoq load --dry-run
    """  # noqa: D301
    return _carry_out(
        options,
        "load",
        ("load",),
        dry_run=dry_run,
        accept_missing_fields=accept_missing_fields,
    )


@click.command()
@loading
@as_json
@click.pass_obj
def migrate(options: Options, *, dry_run: bool, accept_missing_fields: bool) -> int:
    """Extract, transform, load, validate and report in one go; may be repeated.

    Both sides are tried before the first record is read. Stop it at any time with Ctrl-C and run
    it again to go on.

    \b
    Example:  ztoq --config acme.toml --log-file acme.log migrate
    """  # noqa: D301
    from ztoq_core.cli.work import ALL

    return _carry_out(
        options, "migrate", ALL, dry_run=dry_run, accept_missing_fields=accept_missing_fields
    )


@click.command()
@as_json
@click.pass_obj
def validate(options: Options) -> int:
    """Compare the target with the store: what is missing, doubled, or somebody else's.

    \b
    Example:  ztoq validate
    """  # noqa: D301
    return _carry_out(options, "validate", ("validate",))
