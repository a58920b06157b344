"""A group of commands whose modules are imported when they are called: ``--help`` is quick.

The recipe of click's documentation ("Lazily loading subcommands"), with the summaries in a table,
so that the list of commands needs no import either.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import rich_click as click

from ztoq_core.spelling import nearest


class LazyGroup(click.RichGroup):
    """Lists commands in their order, and imports the one that is called.

    ``lazy`` maps the names of commands to their summaries; each is in the module of ``package``
    that has its name. Commands may also be added as to any group.
    """

    def __init__(
        self, *args: Any, package: str = "", lazy: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        """Take ``package`` and ``lazy``, and otherwise what click takes."""
        super().__init__(*args, **more)
        self._package = package
        self._lazy = dict(lazy or {})

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help and end with 0 if no arguments are given."""
        return super().parse_args(ctx, args or ["--help"])

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names in the order of the table and of adding."""
        return [*self._lazy, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command with only its summary, for the list."""
        if cmd_name in self._lazy:
            return click.RichCommand(name=cmd_name, help=self._lazy[cmd_name])
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called, imported."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}{nearest(args[0], known)}.")
        name, command, rest = super().resolve_command(ctx, args)
        return name, self.load(name) if name and command else command, rest

    def load(self, name: str) -> click.Command:
        """Return a command, imported."""
        if name in self.commands:
            return self.commands[name]
        command: click.Command = getattr(import_module(f"{self._package}.{name}"), name)
        return command
