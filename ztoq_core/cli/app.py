"""The root command with its global options, and the one place where errors become exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

import rich_click as click

from ztoq_core.cli.exit_codes import ErrorHandler
from ztoq_core.cli.lazy_group import LazyGroup
from ztoq_core.cli.options import Options

__all__ = ["COMMANDS", "main", "run"]

_HERE = "ztoq_core.cli.commands"

COMMANDS = {
    "config": (f"{_HERE}.config:config", "Write, show and try the configuration of a migration."),
    "map": (
        "ztoq_core.cli.mapping:mapping",
        "Suggest, check, test and watch the mapping of fields and values.",
    ),
    "extract": (
        f"{_HERE}.extract:extract",
        "Read everything from the source into the store; the source is only read.",
    ),
    "transform": (
        f"{_HERE}.transform:transform",
        "Map what was extracted, from the store alone; neither side is called.",
    ),
    "load": (
        f"{_HERE}.load:load",
        "Write what was mapped into the target, each record at most once.",
    ),
    "migrate": (
        f"{_HERE}.migrate:migrate",
        "Extract, transform, load, validate and report in one go; may be repeated.",
    ),
    "validate": (
        f"{_HERE}.validate:validate",
        "Compare the target with the store: what is missing, doubled, or somebody else's.",
    ),
    "report": (
        f"{_HERE}.report:report",
        "Write what became of every record, from the store alone; neither side is called.",
    ),
    "status": (
        f"{_HERE}.status:status",
        "Show how many records are in which state, and what the last run came to.",
    ),
    "retry": (
        f"{_HERE}.retry:retry",
        "Let what the target refused be sent again by the next load; neither side is called.",
    ),
    "resolve": (
        f"{_HERE}.resolve:resolve",
        "List what is in doubt or in conflict, and decide about it; asks on a terminal.",
    ),
    "rollback": (
        f"{_HERE}.rollback:rollback",
        "Remove from the target what ztoq created there, and nothing else.",
    ),
    "explain": (
        f"{_HERE}.explain:explain",
        "Tell the life of one record, by its key or its id in the target.",
    ),
    "plugins": (
        f"{_HERE}.plugins:plugins",
        "List the installed plugins, and those that cannot be used with the reason.",
    ),
    "demo": (
        "ztoq_core.cli.demo:demo",
        "Migrate an invented project between simulated services, and show the report.",
    ),
}
"""Where each verb is and what it does, in the order in which one needs them."""


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read this config file.  [default: ./ztoq.toml, or $ZTOQ_CONFIG]",
)
@click.option("-v", "--verbose", count=True, help="Tell more; twice: every request.")
@click.option("-q", "--quiet", is_flag=True, help="Tell only what went wrong, and the result.")
@click.option("--debug", is_flag=True, help="Show tracebacks, and log every request.")
@click.option(
    "--log-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a rotating log here (10 MB, five kept).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one event per line, as JSON.")
@click.version_option(package_name="ztoq-core", prog_name="ztoq")
@click.pass_context
def ztoq(  # noqa: PLR0913, PLR0917 - the global options
    context: click.Context,
    path: Path | None,
    verbose: int,
    quiet: bool,  # noqa: FBT001 - click hands flags over so
    debug: bool,  # noqa: FBT001
    log_file: Path | None,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Move a test team's history into another test management product, and prove it arrived.

    \b
    First time:  ztoq demo                 try it on invented data
    Your own:    ztoq config init          write ztoq.toml
                 ztoq config check         try both sides; writes nothing
                 ztoq migrate              may be stopped and repeated at any time
    """
    options = context.obj
    options.path = path
    options.verbosity = verbose
    options.quiet = quiet
    options.debug = debug
    options.log_file = log_file and log_file.absolute()
    options.as_json = as_json


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    options = Options()
    with ErrorHandler(options) as ending:
        ending.code = ztoq.main(list(arguments), "ztoq", standalone_mode=False, obj=options) or 0
    return int(ending.code)


def main() -> None:
    """Run the command of this process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # a name that the terminal's encoding lacks must not end a run
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
