"""``ztoq demo``: a whole migration between simulators, with nothing to set up."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import rich_click as click

from ztoq_core import config as configuration
from ztoq_core.cli.options import Options, global_options
from ztoq_core.cli.output import Output
from ztoq_core.cli.pipeline import ALL, RunOptions, run_pipeline
from ztoq_core.cli.session import logged
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.plugins import Plugins

__all__ = ["demo"]

MARKER = ".ztoq-demo"
OURS = (
    *(f"ztoq.db{ending}" for ending in ("", "-wal", "-shm", ".files")),
    "report.html",
    "report.json",
)


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("ztoq-demo"),
    show_default=True,
    help="Write store and report here; an earlier demo in it is replaced.",
)
@global_options
@click.pass_obj
def demo(options: Options, folder: Path) -> int:
    """Migrate an invented project between simulated services, and show the report.

    Needs no account and no network: the installed plugins bring simulators of their products.

    \b
    Example:  ztoq demo --folder /tmp/first-look
    """
    options.verb = "demo"
    plugins = Plugins.installed()
    source, sink = _pair(plugins)
    _make_room(folder)
    output = Output(options)
    code = _demonstrate(options, plugins, (source, sink), folder, RunOptions(reports=folder))
    if code == Exit.INTERRUPTED:
        return code
    output.info(
        f"\nLook at {folder / 'report.html'} in a browser, and at {folder / 'ztoq.db'} with "
        "`sqlite3` (views test_cases, test_executions, id_map, progress).\n"
        "Then your own project: `ztoq config init`."
    )
    return code


def _demonstrate(
    options: Options, plugins: Plugins, pair: tuple[str, str], folder: Path, choices: RunOptions
) -> int:
    """Run all stages between the simulators that a source and a sink declare."""
    source, sink = plugins.source(pair[0]), plugins.sink(pair[1])
    output = Output(options)
    folder = folder.absolute()

    async def served() -> int:
        async with AsyncExitStack() as stack:
            tables: dict[str, Any] = {"store": {"url": "sqlite:///ztoq.db"}}
            for name, plugin in (("source", source), ("sink", sink)):
                if plugin.simulator:
                    table = await stack.enter_async_context(plugin.simulator())
                    tables[name] = {**table, "use": plugin.name}
                    output.info(f"simulated {plugin.name} on {table.get('base_url', 'loopback')}")
            config = configuration.from_tables(tables, plugins, folder)
            with logged(options, config):
                return await run_pipeline(options, config, ALL, choices)

    return asyncio.run(served())


def _pair(plugins: Plugins) -> tuple[str, str]:
    """Return the source and the sink to show: those with simulators and a default mapping.

    Raises:
        ConfigError: No installed plugins have simulators.
    """
    declared = [each for each in plugins.declared() if getattr(each.plugin, "simulator", None)]
    sources = [each.plugin.name for each in declared if each.word == "source"]
    sinks = [each.plugin.name for each in declared if each.word == "sink"]
    if not sources or not sinks:
        broken = "".join(f"; {each.name}: {each.reason}" for each in plugins.broken())
        raise ConfigError(
            "the demo needs a source and a sink that bring simulators: "
            f"pip install ztoq-zephyr ztoq-qtest ztoq-mappings{broken}"
        )
    pairs = [(source, sink) for source in sources for sink in sinks]
    return next((pair for pair in pairs if plugins.defaults(*pair)), pairs[0])


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
