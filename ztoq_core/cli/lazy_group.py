"""A group of commands whose modules are imported when they are called: ``--help`` answers at once.

The recipe of click's documentation ("Lazily loading subcommands"), with the summaries in the table,
so that the list of commands needs no import either.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import rich_click as click

__all__ = ["LazyGroup"]


class LazyGroup(click.RichGroup):
    """Lists its commands in the order of a table, and imports the one that is called.

    ``lazy`` maps each name to ``module:attribute`` and the summary for the list.
    """

    def __init__(
        self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, **more: Any
    ) -> None:
        """Take the table ``lazy``, and otherwise what click takes."""
        super().__init__(*args, **more)
        self._lazy = dict(lazy or {})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help, and end with 0, where nothing is given."""
        return super().parse_args(ctx, args or ["--help"])

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command as the list shows it: a name with a summary."""
        if cmd_name in self._lazy:
            return click.RichCommand(name=cmd_name, help=self._lazy[cmd_name][1])
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called, imported."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is None or command is None or name in self.commands:
            return name, command, rest
        return name, self.load(name), rest

    def load(self, name: str) -> click.Command:
        """Import a command of the table."""
        module, _, attribute = self._lazy[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command
