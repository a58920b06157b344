"""The root command ``ztoq``: its verbs, and those of plugins."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import EntryPoint
from io import FileIO, TextIOWrapper
from operator import attrgetter

import rich_click as click

from ztoq_core.cli.exit_codes import ErrorHandler
from ztoq_core.cli.lazy_group import LazyGroup
from ztoq_core.cli.options import Options, global_options
from ztoq_core.installed import entry_points

COMMANDS_GROUP = "ztoq.commands"

COMMANDS = {
    "config": "Write, show and try the configuration of a migration.",
    "extract": "Read everything from the source into the store; the source is only read.",
    "transform": "Map what was extracted, from the store alone; neither service is called.",
    "plan": "Show what a load would do, lose and take; writes nothing, not even to the store.",
    "load": "Write what was mapped to the target, each record at most once.",
    "migrate": "Extract, transform, load, validate and report in one go; may be repeated.",
    "validate": "Read the target back and compare it with what was sent, field by field.",
    "report": "Write a report of every record, from the store alone; neither service is called.",
    "status": "Show how many records are in which state, and how the last run ended.",
    "retry": "Mark failed and missing records for retry; the next load sends them.",
    "resolve": "List records in doubt or in conflict, and decide about them; asks on a terminal.",
    "rollback": "Delete from the target what ztoq created there, and nothing else.",
    "explain": "Show the history of one record, by its key or target id.",
    "plugins": "List the installed plugins, and why some cannot be loaded.",
}
"""The verbs and what they do, in the order in which a user needs them."""


class _Root(LazyGroup):
    """The verbs of the core, then those of plugins: listed from metadata, imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the core's verbs, then those of plugins."""
        return [*super().list_commands(ctx), *(name for name in _plugins() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command with only its summary, for the list."""
        if cmd_name in COMMANDS or cmd_name not in (known := _plugins()):
            return super().get_command(ctx, cmd_name)
        return click.RichCommand(name=cmd_name, help=_summary(known[cmd_name]))

    def load(self, name: str) -> click.Command:
        """Import a command, if necessary through the hook of a plugin."""
        if name in COMMANDS:
            return super().load(name)
        from ztoq_core.plugins import Plugins  # noqa: PLC0415 - --help imports no plugin

        return Plugins.installed().command(name)


def _plugins() -> dict[str, EntryPoint]:
    """Return the entry points of plugins' commands by name."""
    entries = sorted(entry_points(COMMANDS_GROUP), key=attrgetter("name"))
    return {each.name: each for each in entries}


def _summary(entry: EntryPoint) -> str:
    """Return the summary of the package of a command."""
    dist = entry.dist
    return f"{dist.metadata['Summary'] or dist.name}." if dist else entry.value


@click.group(
    cls=_Root,
    package="ztoq_core.cli.commands",
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@global_options
@click.version_option(package_name="ztoq-core", prog_name="ztoq")
def ztoq() -> None:
    """Move a test team's history into another test management product, and prove it arrived.

    \b
    First time:  ztoq demo                 try it on invented data
    Your own:    ztoq config init          write ztoq.toml
                 ztoq config check         check both sides; writes nothing
                 ztoq migrate              may be stopped and repeated at any time
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    options = Options()
    with ErrorHandler(options) as ending:
        ending.code = ztoq.main(list(arguments), "ztoq", standalone_mode=False, obj=options) or 0
        with suppress(BrokenPipeError):  # `ztoq --help | head -1`: the reader is gone
            sys.stdout.flush()  # a full disk is told here, not swallowed when the process ends
    return int(ending.code)


def main() -> None:
    """Run the command of this process."""
    # records, answers and modules hold hardly any cycles: by default, looking for some after each
    # 700 new objects takes a twentieth of the CPU
    gc.set_threshold(20_000)
    # a stream that the caller closed is None, and its number would be given to the next file
    sys.stdout = sys.stdout or TextIOWrapper(FileIO(os.devnull, "w"))
    sys.stderr = sys.stderr or TextIOWrapper(FileIO(os.devnull, "w"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # a name that the terminal cannot encode must not end a run
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:  # what is left can go nowhere, and that was told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
