"""The root command with its global options, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from io import TextIOWrapper

import rich_click as click

from ztoq_core.cli.exit_codes import ErrorHandler
from ztoq_core.cli.lazy_group import LazyGroup
from ztoq_core.cli.options import Options, global_options

COMMANDS_GROUP = "ztoq.commands"

__all__ = ["COMMANDS", "main", "run"]

_HERE = "ztoq_core.cli.commands"

COMMANDS = {
    "config": (f"{_HERE}.config:config", "Write, show and try the configuration of a migration."),
    "extract": (
        f"{_HERE}.extract:extract",
        "Read everything from the source into the store; the source is only read.",
    ),
    "transform": (
        f"{_HERE}.transform:transform",
        "Map what was extracted, from the store alone; neither service is called.",
    ),
    "load": (
        f"{_HERE}.load:load",
        "Write what was mapped to the target, each record at most once.",
    ),
    "migrate": (
        f"{_HERE}.migrate:migrate",
        "Extract, transform, load, validate and report in one go; may be repeated.",
    ),
    "validate": (
        f"{_HERE}.validate:validate",
        "Compare the target with the store: missing, duplicate and foreign objects.",
    ),
    "report": (
        f"{_HERE}.report:report",
        "Write a report of every record, from the store alone; neither service is called.",
    ),
    "status": (
        f"{_HERE}.status:status",
        "Show how many records are in which state, and how the last run ended.",
    ),
    "retry": (
        f"{_HERE}.retry:retry",
        "Mark failed and missing records for retry; the next load sends them.",
    ),
    "resolve": (
        f"{_HERE}.resolve:resolve",
        "List records in doubt or in conflict, and decide about them; asks on a terminal.",
    ),
    "rollback": (
        f"{_HERE}.rollback:rollback",
        "Delete from the target what ztoq created there, and nothing else.",
    ),
    "explain": (
        f"{_HERE}.explain:explain",
        "Show the history of one record, by its key or target id.",
    ),
    "plugins": (
        f"{_HERE}.plugins:plugins",
        "List the installed plugins, and why some cannot be loaded.",
    ),
}
"""Where each verb is and what it does, in the order in which one needs them."""


class _Root(LazyGroup):
    """The core's verbs, then those of plugins: listed by metadata, imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the core's names and those of the plugins, each in its order."""
        return [*super().list_commands(ctx), *(name for name in _plugins() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command as the list shows it."""
        if cmd_name in COMMANDS or cmd_name not in (known := _plugins()):
            return super().get_command(ctx, cmd_name)
        return click.RichCommand(name=cmd_name, help=known[cmd_name])

    def load(self, name: str) -> click.Command:
        """Import a command; one of a plugin by its hook."""
        if name in COMMANDS:
            return super().load(name)
        from ztoq_core.plugins import Plugins  # noqa: PLC0415 - --help imports no plugin

        return Plugins.installed().command(name)


def _plugins() -> dict[str, str]:
    """Return the commands of plugins with the summary of the package that each comes from."""
    return {
        each.name: each.dist.metadata["Summary"] or each.dist.name if each.dist else each.value
        for each in sorted(entry_points(group=COMMANDS_GROUP), key=lambda each: each.name)
    }


@click.group(cls=_Root, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@global_options
@click.version_option(package_name="ztoq-core", prog_name="ztoq")
def ztoq() -> None:
    """Move a test team's history into another test management product, and prove it arrived.

    \b
    First time:  ztoq demo                 try it on invented data
    Your own:    ztoq config init          write ztoq.toml
                 ztoq config check         try both sides; writes nothing
                 ztoq migrate              may be stopped and repeated at any time
    """


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
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # `ztoq --help | head -1`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
