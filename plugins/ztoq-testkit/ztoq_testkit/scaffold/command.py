"""The commands ``ztoq plugin …``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import rich_click as click

from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.hookspecs import hookimpl
from ztoq_testkit.scaffold.package import KINDS, NewPlugin


@click.group()
def plugin() -> None:
    """Write the beginning of a plugin.

    \b
    Example:  ztoq plugin new source acme-wiki --http
    """


@plugin.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("name")
@click.option(
    "--http", is_flag=True, help="It speaks HTTP; a simulator of its service comes along."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the package there; by default into ./ztoq-NAME.",
)
@verb
def new(options: Options, kind: str, name: str, folder: Path | None, *, http: bool) -> int:
    """Write a package with a plugin that runs: code, tests, configuration, README.

    The plugin migrates ten records at once, and passes ztoq's contract; then put your product's
    own shapes into it.

    \b
    Example:  ztoq plugin new source acme-wiki --http
    """
    place = folder or Path(f"ztoq-{name}")
    written = NewPlugin(kind=kind, name=name, http=http).write(place)
    output = Output(options)

    def print_() -> None:
        for path in written:
            output.out.print(str(path))
        output.info(f"Next: cd {place} && pip install -e '.[test]' && pytest")

    output.result({"exit": 0, "files": [str(path) for path in written]}, print_)
    return 0


@hookimpl
def ztoq_commands() -> Iterable[click.Command]:
    """Declare ``ztoq plugin``."""
    return (plugin,)
