"""``ztoq config``: write, show and try a configuration."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it runs: --help answers at once

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from ztoq_core.cli.options import Options, Verbs, as_json

__all__ = ["config"]


@click.group(cls=Verbs)
def config() -> None:
    """Write, show and try the configuration of a migration.

    \b
    Example:  ztoq config check
    """  # noqa: D301 - \b is click's mark for a block that stays as it is


@config.command()
@click.option("--source", metavar="NAME", help="Read from this plugin.")
@click.option("--source-url", metavar="URL", help="The base URL of the source's API.")
@click.option("--source-project", metavar="KEY", help="The project to read.")
@click.option("--source-token-env", metavar="VAR", help="The variable with the source's token.")
@click.option("--sink", metavar="NAME", help="Write to this plugin.")
@click.option("--sink-url", metavar="URL", help="The base URL of the target's site.")
@click.option("--sink-project", metavar="ID", help="The project to write.")
@click.option("--sink-token-env", metavar="VAR", help="The variable with the target's token.")
@click.option(
    "--sink-username",
    metavar="USER",
    help="Log in by name and password instead; does not serve single-sign-on users.",
)
@click.option("--sink-password-env", metavar="VAR", help="The variable with the password.")
@click.option("--create-fields/--no-create-fields", default=None, help="Make missing fields.")
@click.option(
    "--set",
    "others",
    multiple=True,
    metavar="TABLE.KEY=VALUE",
    help="Set any other key of source or sink; may be repeated.",
)
@click.option("--store", metavar="URL", help="The store.  [default: sqlite:///ztoq.db]")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@as_json
@click.pass_obj
def init(options: Options, /, **given: Any) -> int:
    """Write ztoq.toml, asking on a terminal for what no option says.

    A token comes first: it works for everybody, while user name and password do not serve people
    who sign in through single sign-on. No secret is written: the file names the environment
    variables that hold them.

    \b
    Example:  ztoq config init --source zephyr --source-project ACME \\
                --sink qtest --sink-url https://acme.qtestnet.com --sink-project 4242
    """  # noqa: D301
    from ztoq_core.cli.writing import write

    options.verb = "config init"
    return write(options, given)


@config.command()
@as_json
@click.pass_obj
def show(options: Options) -> int:
    """Show the settings as they count, defaults and environment included; secrets as ***.

    \b
    Example:  ztoq --config acme.toml config show
    """  # noqa: D301
    import tomlkit

    from ztoq_core.cli.talk import Talk
    from ztoq_core.cli.work import configured

    options.verb = "config show"
    with configured(options) as settings:
        talk = Talk(options)
        tables = settings.shown()
        talk.result(
            {"exit": 0, "file": str(settings.path), "config": tables},
            lambda: talk.out.print(tomlkit.dumps(tables).rstrip()),
        )
    return 0


@config.command()
@click.option(
    "--probe",
    is_flag=True,
    help="Make, find and delete one object in the target, to measure how far its search lags.",
)
@as_json
@click.pass_obj
def check(options: Options, *, probe: bool) -> int:
    """Try both sides and say what a run would meet; nothing is written without --probe.

    \b
    Example:  ztoq config check
    """  # noqa: D301
    from ztoq_core.cli.checking import check as tried
    from ztoq_core.cli.work import configured

    options.verb = "config check"
    with configured(options) as settings:
        return tried(options, settings, probe=probe)


@config.command()
@click.option(
    "--write",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the target's field definitions to this file, with an administrator's token.",
)
@as_json
@click.pass_obj
def fields(options: Options, *, file: Path | None) -> int:
    """Show which fields the target has, and which the mapped records lack there.

    The list of what is lacking is for the administrator of the target; it needs a store that
    `ztoq transform` has filled. What --write exports serves tokens that may not list fields: name
    the file as fields_file in [sink]. Nothing is written to the target.

    \b
    Example:  ztoq config fields --write fields.json
    """  # noqa: D301
    from ztoq_core.cli.wanting import export, show_fields
    from ztoq_core.cli.work import configured

    options.verb = "config fields"
    with configured(options) as settings:
        return export(options, settings, file) if file else show_fields(options, settings)
