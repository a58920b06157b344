"""The options that several verbs share; the global ones first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

__all__ = ["KIND", "SELECTING", "Options", "Verbs", "global_options"]
__all__ += ["limit_options", "load_options", "selection_options", "since_option"]

F = TypeVar("F", bound=Callable[..., Any])


MOST = 2**31 - 1
"""The largest number that an option takes: every database holds it."""

KIND = "Only records of this kind (test_case, attachment …)."


class Options:
    """The global options of one command, and whether it has begun to move records.

    No attrs class: importing attrs would be a tenth of what ``--help`` may take.
    """

    path: Path | None = None
    verbosity: int = 0
    quiet: bool = False
    debug: bool = False
    log_file: Path | None = None
    as_json: bool = False
    verb: str = ""
    begun: bool = False


class Verbs(click.RichGroup):
    """A group that lists its verbs in the order in which one needs them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help, and end with 0, where nothing is given."""
        return super().parse_args(ctx, args or ["--help"])

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the verbs as they were added."""
        return list(self.commands)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep a global option; what was given before the verb holds where none is given after it."""
    options = context.find_object(Options)
    if options is None or not value:
        return
    if parameter.name == "verbosity":
        options.verbosity += value
    else:
        setattr(options, str(parameter.name), value)


def global_options(command: F) -> F:
    """Add the options that every command takes, so that they work before and after the verb."""
    kept: dict[str, Any] = {"expose_value": False, "callback": _keep, "panel": "Global options"}
    for option in (
        click.option(
            "--json", "as_json", is_flag=True, help="Print JSON, one event a line.", **kept
        ),
        click.option(
            "--log-file",
            type=click.Path(path_type=Path, resolve_path=True),
            metavar="FILE",
            help="Write a rotating log to this file (10 MB, five kept).",
            **kept,
        ),
        click.option("--debug", is_flag=True, help="Show tracebacks and log each request.", **kept),
        click.option(
            "-q", "--quiet", is_flag=True, help="Print warnings and the result only.", **kept
        ),
        click.option(
            "-v",
            "--verbose",
            "verbosity",
            count=True,
            metavar="",
            help="More output; -vv logs each request.",
            **kept,
        ),
        click.option(
            "--config",
            "path",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Read this config file.  [default: ./ztoq.toml, or $ZTOQ_CONFIG]",
            **kept,
        ),
    ):
        command = option(command)
    return command


SELECTING = {
    "folder": ("PATH", "Only cases in this folder and below: the names joined by /."),
    "label": ("LABEL", "Only cases with this label."),
    "status": ("STATUS", "Only cases with this status."),
    "cycle": ("CYCLE", "Only runs of this test cycle (key or name), and their cases."),
    "case": ("KEY", "Only this test case."),
}


def selection_options(command: F) -> F:
    """Add the options that choose a part of the project."""
    options = [
        click.option(f"--{name}", multiple=True, metavar=metavar, help=f"{text} May be repeated.")
        for name, (metavar, text) in SELECTING.items()
    ]
    options += [
        click.option(
            "--executed-since", metavar="DATE", help="Only executions that ended from then on."
        ),
        click.option(
            "--executions", metavar="all|latest|N", help="How many executions of each run, newest."
        ),
        click.option(
            "--limit",
            type=click.IntRange(1, MOST),
            metavar="N",
            help="Only the first N test cases.",
        ),
        click.option(
            "--everything", is_flag=True, help="Select everything, whatever was selected before."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def since_option(command: F) -> F:
    """Add the option for a quick pass."""
    return click.option(
        "--since",
        metavar="DATE",
        help="Read only what changed since then, where the source can tell; sees no deletions.",
    )(command)


def limit_options(command: F) -> F:
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
            type=click.IntRange(1, MOST),
            metavar="N",
            help="Make at most N calls, to both services together and attempts that failed "
            "included; then stop, exit 3.",
        ),
    ):
        command = option(command)
    return command


def load_options(command: F) -> F:
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
