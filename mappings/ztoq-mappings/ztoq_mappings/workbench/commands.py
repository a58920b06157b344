"""``ztoq map``: suggest, check, test and watch the mapping of a migration."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import rich_click as click

from ztoq_core.cli.lazy_group import LazyGroup
from ztoq_core.cli.options import Options, global_options, verb
from ztoq_core.hookspecs import hookimpl

KIND = "Only records of this kind, such as test_case."


@click.group("map", cls=LazyGroup)
@global_options
def mapping() -> None:
    """Suggest, check, test and watch the mapping of fields and values.

    \b
    Example:  ztoq map check
    """


@mapping.command()
@click.option(
    "--use",
    metavar="NAME",
    help="Let this transformer write it.  [default: the first one that can]",
)
@click.option(
    "--write", "file", type=click.Path(path_type=Path), metavar="FILE", help="Write it here."
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@verb
def suggest(options: Options, *, use: str | None, file: Path | None, force: bool) -> int:
    """Write a mapping file from what was extracted and what the target offers.

    Needs an extraction, and asks the target for its fields; the source is asked for what it
    declares, if it answers. Prints the file, or writes it where --write says.

    \b
    Example:  ztoq map suggest --write fields.toml
    """
    from ztoq_core.cli.session import configured
    from ztoq_mappings.workbench.suggest import suggest as suggested

    with configured(options) as config:
        return suggested(options, config, use=use, path=file, force=force)


@mapping.command()
@verb
def check(options: Options) -> int:
    """Check the mapping against what was extracted and what the target offers.

    Counts for each field of the source what becomes of its values. Maps every extracted record,
    selected or not; writes neither to the store nor to the target. The exit code is 1 where values
    are not mapped or records fail, 0 where every value arrives, even as text.

    \b
    Example:  ztoq map check
    """
    from ztoq_core.cli.session import configured
    from ztoq_mappings.workbench.check import check as checked

    with configured(options) as config:
        return checked(options, config)


@mapping.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--update", is_flag=True, help="Write the result as the expected one (out.json).")
@verb
def test(options: Options, *, folder: Path | None, update: bool) -> int:
    """Run golden cases through the mapping; neither side is called, no secret is needed.

    FOLDER holds a folder for each case, with in.json and out.json.  [default: the folder cases
    beside the config file] The exit code is 1 if a result differs from out.json.

    \b
    Example:  ztoq map test cases
    """
    from ztoq_core.cli.session import configured
    from ztoq_mappings.workbench.run_cases import try_cases

    with configured(options) as config:
        return try_cases(options, config, folder, update=update)


@mapping.command()
@click.argument("name", metavar="KEY")
@click.option("--kind", metavar="KIND", help=KIND)
@verb
def show(options: Options, *, name: str, kind: str | None) -> int:
    """Print one extracted record before and after each transformer, from the store alone.

    \b
    Example:  ztoq map show ACME-T1
    """
    from ztoq_core.cli.session import configured
    from ztoq_mappings.workbench.show import show as shown

    with configured(options) as config:
        return shown(options, config, name, kind)


@hookimpl
def ztoq_commands() -> Iterable[click.Command]:
    """Declare ``ztoq map``."""
    return (mapping,)
