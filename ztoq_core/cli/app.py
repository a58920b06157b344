"""The root command with its global options, and the one place where errors become exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

import rich_click as click

from ztoq_core.cli.configure import config
from ztoq_core.cli.decide import explain, resolve, retry, rollback
from ztoq_core.cli.demo import demo
from ztoq_core.cli.ending import Ending
from ztoq_core.cli.look import plugins, report, status
from ztoq_core.cli.mapping import mapping
from ztoq_core.cli.options import Options, Verbs
from ztoq_core.cli.stages import extract, load, migrate, transform, validate

__all__ = ["main", "run"]


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
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
    """  # noqa: D301 - \b is click's mark for a block that stays as it is
    options = context.obj
    options.path = path
    options.verbosity = verbose
    options.quiet = quiet
    options.debug = debug
    options.log_file = log_file and log_file.absolute()
    options.as_json = as_json


for _verb in (
    config,
    mapping,
    extract,
    transform,
    load,
    migrate,
    validate,
    report,
    status,
    retry,
    resolve,
    rollback,
    explain,
    plugins,
    demo,
):
    ztoq.add_command(_verb)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    options = Options()
    with Ending(options) as ending:
        ending.code = ztoq.main(list(arguments), "ztoq", standalone_mode=False, obj=options) or 0
    return int(ending.code)


def main() -> None:
    """Run the command of this process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # a name that the terminal's encoding lacks must not end a run
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
