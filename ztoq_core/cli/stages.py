"""The verbs that move records."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it runs: --help answers at once

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import rich_click as click

from ztoq_core.cli.options import Options, as_json

__all__ = ["extract", "load", "migrate", "transform", "validate"]

F = TypeVar("F", bound=Callable[..., Any])

SELECTING = (
    ("folder", "PATH", "Only cases in this folder and below: the names joined by /."),
    ("label", "LABEL", "Only cases with this label."),
    ("status", "STATUS", "Only cases with this status."),
    ("cycle", "CYCLE", "Only runs of this test cycle (key or name), and their cases."),
    ("case", "KEY", "Only this test case."),
)


def selecting(command: F) -> F:
    """Add the options that choose a part of the project."""
    options = [
        click.option(f"--{name}", multiple=True, metavar=metavar, help=f"{text} May be repeated.")
        for name, metavar, text in SELECTING
    ]
    options += [
        click.option(
            "--executed-since", metavar="DATE", help="Only executions that ended from then on."
        ),
        click.option(
            "--executions", metavar="all|latest|N", help="How many executions of each run, newest."
        ),
        click.option(
            "--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N test cases."
        ),
        click.option(
            "--everything", is_flag=True, help="Select everything, whatever was selected before."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def since(command: F) -> F:
    """Add the option for a quick pass."""
    return click.option(
        "--since",
        metavar="DATE",
        help="Read only what changed since then, where the source can tell; sees no deletions.",
    )(command)


def limited(command: F) -> F:
    """Add the options that end a run early."""
    for option in (
        click.option(
            "--until",
            metavar="TIME",
            help="Make no call from this time on: 06:00 (its next occurrence, local time) or a "
            "date and time. What is under way ends; exit 3.",
        ),
        click.option(
            "--max-calls",
            type=click.IntRange(min=1),
            metavar="N",
            help="Make at most N calls, to both services together and attempts that failed "
            "included; then stop, exit 3.",
        ),
    ):
        command = option(command)
    return command


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
        click.option(
            "--on-conflict",
            type=click.Choice(("keep-target", "overwrite", "fail")),
            default="keep-target",
            show_default=True,
            help="What becomes of objects that somebody edited in the target, and of executions "
            "older than the newest there.",
        ),
        click.option(
            "--prune",
            is_flag=True,
            help="Remove from the target what is gone from the source and nobody changed.",
        ),
    ):
        command = option(command)
    return command


def _carry_out(options: Options, verb: str, stages: Sequence[str], **given: Any) -> int:
    from ztoq_core.cli.work import Choices, carry_out, configured
    from ztoq_core.hours import until
    from ztoq_core.selection import moment

    options.verb = verb
    everything = given.pop("everything", False)
    names = (*(name for name, _, _ in SELECTING), "executed_since", "executions", "limit")
    table = {name: value for name in names if (value := given.pop(name, None))}
    day = given.pop("since", None)
    end = given.pop("until", None)
    most = given.pop("max_calls", None)
    with configured(options, {"select": table}) as read:
        config = read.with_everything(**table) if everything else read
        # a migration ends with a report; a dry run has nothing to report
        report = verb == "migrate" and not given["dry_run"]
        choices = Choices(
            reports=config.folder if report else None,
            since=moment(day) if day else None,
            selecting=everything or bool(table),
            most=most,
            until=until(end, datetime.now(UTC)) if end else None,
            **given,
        )
        return carry_out(options, config, stages, choices)


@click.command()
@selecting
@since
@limited
@as_json
@click.pass_obj
def extract(options: Options, /, **given: Any) -> int:
    """Read everything from the source into the store; the source is only read.

    Goes on where an earlier extraction stopped; after a complete one, reads everything again. A
    selection does not shorten the reading: it is remembered for the stages after it, so that it can
    be widened later without the source.

    \b
    Example:  ztoq --config acme.toml extract
    """  # noqa: D301 - \b is click's mark for a block that stays as it is
    return _carry_out(options, "extract", ("extract",), **given)


@click.command()
@selecting
@as_json
@click.pass_obj
def transform(options: Options, /, **given: Any) -> int:
    """Map what was extracted, from the store alone; neither side is called.

    Maps what [select] or the options choose, else what was selected last by options, else all.

    \b
    Example:  ztoq transform --folder Shop/Basket --executions latest
    """  # noqa: D301
    return _carry_out(options, "transform", ("transform",), **given)


@click.command()
@loading
@selecting
@limited
@as_json
@click.pass_obj
def load(options: Options, /, **given: Any) -> int:
    """Write what was mapped into the target, each record at most once.

    Stops before the first write where the target lacks fields, with a list for its administrator.
    Where another part of the project is selected than was mapped, maps again first.

    \b
    Example:  ztoq load --dry-run
    """  # noqa: D301
    return _carry_out(options, "load", ("load",), **given)


@click.command()
@loading
@click.option(
    "--final",
    is_flag=True,
    help="Read everything again at the end, and say whether the source stood still.",
)
@selecting
@since
@limited
@as_json
@click.pass_obj
def migrate(options: Options, /, *, final: bool, **given: Any) -> int:
    """Extract, transform, load, validate and report in one go; may be repeated.

    Both sides are tried before the first record is read. Stop it at any time with Ctrl-C and run
    it again to go on. A pilot first: choose some cases, look at them in the target, then run it
    without a selection; only the rest is written.

    \b
    Example:  ztoq --config acme.toml --log-file acme.log migrate
    Pilot:    ztoq migrate --limit 20 --executions latest
    """  # noqa: D301
    from ztoq_core.cli.work import ALL

    stages = (*ALL, "final") if final else ALL
    return _carry_out(options, "migrate", stages, **given)


@click.command()
@limited
@as_json
@click.pass_obj
def validate(options: Options, /, **given: Any) -> int:
    """Compare the target with the store: what is missing, doubled, or somebody else's.

    \b
    Example:  ztoq validate
    """  # noqa: D301
    return _carry_out(options, "validate", ("validate",), **given)
