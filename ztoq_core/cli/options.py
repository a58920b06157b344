"""What every verb knows: the global options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

__all__ = ["Options", "Verbs", "as_json"]

F = TypeVar("F", bound=Callable[..., Any])


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

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the verbs as they were added."""
        return list(self.commands)


def as_json(command: F) -> F:
    """Let ``--json`` stand behind the verb too."""

    def taken(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
        context.find_object(Options).as_json |= value  # type: ignore[union-attr]  # always there

    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=taken,
        help="Print one event per line, as JSON.",
    )(command)
