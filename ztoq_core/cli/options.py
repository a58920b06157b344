"""The options that several verbs share; first the global ones, which every verb takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

F = TypeVar("F", bound=Callable[..., Any])


KIND = "Only records of this kind (test_case, attachment …)."
_MOST = 2**31 - 1  # every database holds it


def count(text: str) -> int:
    """Return a whole number from 1; as a click.IntRange, every help would show the bounds."""
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise click.BadParameter(f"{text!r} is not a whole number from 1 to {_MOST:,}.")
    return int(text)


class Options:
    """The global options of one command, and whether it has begun to move records.

    Not an attrs class: importing attrs would take a tenth of the time of ``--help``.
    """

    path: Path | None = None
    verbosity: int = 0
    quiet: bool = False
    debug: bool = False
    log_file: Path | None = None
    as_json: bool = False
    verb: str = ""
    begun: bool = False


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Keep a global option; one after the verb takes precedence over one before it."""
    options = context.find_object(Options)
    if options is None or not value:
        return
    if parameter.name == "verbosity":
        options.verbosity += value
    else:
        setattr(options, str(parameter.name), value)


def _all(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Return a decorator that adds these options; help lists the last one first."""

    def add(command: F) -> F:
        for option in options:
            command = option(command)
        return command

    return add


_KEPT: dict[str, Any] = {"expose_value": False, "callback": _keep, "panel": "Global options"}

global_options = _all(
    click.option(
        "--json", "as_json", is_flag=True, help="Print JSON, one event per line.", **_KEPT
    ),
    click.option(
        "--log-file",
        type=click.Path(path_type=Path, resolve_path=True),
        metavar="FILE",
        help="Write a log to this file (rotated at 10 MB, five files are kept).",
        **_KEPT,
    ),
    click.option("--debug", is_flag=True, help="Show tracebacks and log each request.", **_KEPT),
    click.option(
        "-q", "--quiet", is_flag=True, help="Print only warnings and the result.", **_KEPT
    ),
    click.option(
        "-v",
        "--verbose",
        "verbosity",
        count=True,
        metavar="",
        help="More output; -vv logs each request.",
        **_KEPT,
    ),
    click.option(
        "--config",
        "path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read this config file.  [default: ./ztoq.toml, or $ZTOQ_CONFIG]",
        **_KEPT,
    ),
    # a verb's own options first
    click.option_panel("Global options"),
    click.option_panel("Options"),
)
"""The options that every command takes, before and after the verb."""


def verb(work: Callable[..., int]) -> Callable[..., int]:
    """Make a function what a verb does: it gets ``Options``, which name the verb.

    The verb takes the global options besides its own.
    """

    @global_options
    @click.pass_context
    @wraps(work)
    def called(context: click.Context, /, **given: Any) -> int:
        options = context.ensure_object(Options)
        options.verb = context.command_path.partition(" ")[2]
        return work(options, **given)

    return called


SELECTING = {
    "folder": ("PATH", "Only cases in this folder and below: the names joined by /."),
    "label": ("LABEL", "Only cases with this label."),
    "status": ("STATUS", "Only cases with this status."),
    "cycle": ("CYCLE", "Only runs of this test cycle (key or name), and their cases."),
    "case": ("KEY", "Only this test case."),
}


selection_options = _all(
    click.option(
        "--everything", is_flag=True, help="Select everything, and forget an earlier selection."
    ),
    click.option("--limit", type=count, metavar="N", help="Only the first N test cases."),
    click.option(
        "--executions",
        metavar="all|latest|N",
        help="How many of the newest executions of a run.",
    ),
    click.option(
        "--executed-since",
        metavar="DATE",
        help="Only executions that ended on this day or later.",
    ),
    *(
        click.option(f"--{name}", multiple=True, metavar=metavar, help=f"{text} May be repeated.")
        for name, (metavar, text) in reversed(SELECTING.items())
    ),
)
"""The options that choose a part of the project."""

since_option = click.option(
    "--since",
    metavar="DATE",
    help="Read only what changed since then, if the source can list that; misses deletions.",
)
"""The option for a quick pass."""


limit_options = _all(
    click.option(
        "--until",
        metavar="TIME",
        help="Make no calls from this time on: 06:00 (its next occurrence, local time) or a "
        "date and time. Requests under way are finished; exit code 3.",
    ),
    click.option(
        "--max-calls",
        type=count,
        metavar="N",
        help="Make at most N calls, to both services together and including failed attempts; "
        "then stop with exit code 3.",
    ),
)
"""The options that end a run early."""


conflict_option = click.option(
    "--on-conflict",
    type=click.Choice(("keep-target", "overwrite", "fail")),
    default="keep-target",
    show_default=True,
    help="What to do with objects that somebody edited in the target, and with executions "
    "older than the newest there.",
)
"""What to do with objects that somebody edited."""


accept_missing_fields_option = click.option(
    "--accept-missing-fields",
    is_flag=True,
    help="Load although fields are missing; their values become text in the description.",
)
"""Continue although the target lacks fields."""


load_options = _all(
    click.option(
        "--dry-run", is_flag=True, help="Stop before the first write, and print the plan."
    ),
    accept_missing_fields_option,
    conflict_option,
    click.option(
        "--prune",
        is_flag=True,
        help="Remove from the target what is gone from the source, unless somebody changed it.",
    ),
)
"""The options of verbs that write to the target."""
