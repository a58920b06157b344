"""``ztoq demo``: a whole migration between simulators, with nothing to set up."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path

import rich_click as click

from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.pipeline import run_pipeline
from ztoq_core.cli.session import logged
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.hookspecs import hookimpl
from ztoq_core.migration import ALL, RunOptions
from ztoq_core.plugins import Plugins
from ztoq_core.settings import config as configuration
from ztoq_demo.qtest.demo import demo as qtest_site
from ztoq_demo.zephyr.demo import demo as zephyr_site

MARKER = ".ztoq-demo"
OURS = (
    *(f"ztoq.db{ending}" for ending in ("", "-wal", "-shm", ".files")),
    "report.html",
    "report.json",
    "report.sha256",
)


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("ztoq-demo"),
    show_default=True,
    help="Write store and report here; an earlier demo in it is replaced.",
)
@verb
def demo(options: Options, folder: Path) -> int:
    """Migrate an invented project between simulated services, and show the report.

    Needs no account and no network: both services are simulated on this machine.

    \b
    Example:  ztoq demo --folder /tmp/first-look
    """
    _make_room(folder)
    output = Output(options)
    code = asyncio.run(_migrate(options, output, folder.absolute()))
    if code != Exit.INTERRUPTED:
        output.info("")
        output.info(
            f"Open {folder / 'report.html'} in a browser, and {folder / 'ztoq.db'} with sqlite3 "
            "(views test_cases, test_executions, id_map, progress)."
        )
        output.info("Then set up your own project: `ztoq config init`.")
    return code


async def _migrate(options: Options, output: Output, folder: Path) -> int:
    """Serve both simulators and run all stages between them."""
    async with zephyr_site() as source, qtest_site() as sink:
        for table in (source, sink):
            output.info(f"simulated {table['use']} on {table['base_url']}")
        tables = {"store": {"url": "sqlite:///ztoq.db"}, "source": source, "sink": sink}
        config = configuration.from_tables(tables, Plugins.installed(), folder)
        with logged(options, config):
            return await run_pipeline(options, config, ALL, RunOptions(), folder)


def _make_room(folder: Path) -> None:
    """Make the folder, emptied of an earlier demo.

    Raises:
        ConfigError: There is something else in it, or it cannot be written.
    """
    try:
        _empty(folder)
    except OSError as error:
        raise ConfigError(f"cannot write into {str(folder)!r}: {error.strerror}") from error


def _empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise ConfigError(f"{str(folder)!r} holds other things; choose another --folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name in OURS:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (folder / MARKER).write_text("made by ztoq demo, which may replace it\n", encoding="utf-8")


@hookimpl
def ztoq_commands() -> Iterable[click.Command]:
    """Declare ``ztoq demo``."""
    return (demo,)
