"""``ztoq rollback``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

import attrs
import rich_click as click
from loguru import logger

from ztoq_core import engine
from ztoq_core.cli.exit_codes import AGAIN
from ztoq_core.cli.options import MOST, Options, global_options
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured, handle_signals, open_sink, open_store
from ztoq_core.contracts import Connection
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.records import Kind
from ztoq_core.settings.config import Config
from ztoq_core.store import Store
from ztoq_core.vocabulary import counted
from ztoq_core.waits import Waits

__all__ = ["rollback"]

MOST_LINES = 50
CANNOT = (
    "What no rollback can undo: executions logged in runs that others made; approvals, and the "
    "versions made by them; what the target itself keeps of deleted objects, such as a recycle "
    "bin, a history and used numbers."
)
NOTHING = "Nothing to do: nothing that ztoq created is left in the target."


@attrs.frozen(kw_only=True)
class RollbackOptions:
    """What is to be undone, and how."""

    of_run: int | None
    yes: bool
    force: bool
    dry_run: bool


@click.command()
@click.option(
    "--run",
    "of_run",
    type=click.IntRange(1, MOST),
    metavar="N",
    help="Undo only this run.  [default: all]",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Remove objects too that somebody changed since.")
@click.option("--dry-run", is_flag=True, help="Look at all of it, say what would go, remove none.")
@global_options
@click.pass_obj
def rollback(
    options: Options,
    *,
    of_run: int | None,
    yes: bool,
    force: bool,
    dry_run: bool,
) -> int:
    """Delete from the target what ztoq created there, and nothing else.

    Objects that somebody changed since stay, and so do containers that hold anything of somebody
    else. What one run changed is put back. May be stopped and run again. The exit code is 1 where
    anything stays.

    \b
    Example:  ztoq rollback --dry-run
    """
    options.verb = "rollback"
    wish = RollbackOptions(of_run=of_run, yes=yes, force=force, dry_run=dry_run)
    with configured(options) as config:
        return _roll_back(options, config, wish)


def _roll_back(options: Options, config: Config, wish: RollbackOptions) -> int:
    """Say what goes, ask, remove it, say what went and what stays; return the exit code."""
    output = Output(options)
    config.sink.require()
    with open_store(config) as store:
        counts = _counted(store, wish)
        if not counts and not store.rollback.unsettled.now():
            output.result({"exit": 0, "deleted": {}, "kept": []}, lambda: output.out.print(NOTHING))
            return Exit.OK
        if not wish.dry_run:
            _announce(output, counts, wish)
            if not wish.yes and not _agreed():
                output.info("Nothing was removed.")
                output.result({"exit": int(Exit.LEFT), "deleted": {}, "kept": []})
                return Exit.LEFT
        with store.run(options.verb) as run, logger.contextualize(run=run.id):
            undone, stopped = asyncio.run(_undone(options, config, output, store, run.id, wish))
            run.outcome = "interrupted" if stopped else f"{sum(undone.deleted.values())} removed"
    code = Exit.INTERRUPTED if stopped else Exit.LEFT if undone.kept else Exit.OK
    _tell(output, undone, wish, code, config.sink.plugin.name)
    return code


def _counted(store: Store, wish: RollbackOptions) -> dict[Kind, int]:
    known = {run.id for run in store.reporting.runs()}
    if wish.of_run is not None and wish.of_run not in known:
        raise ConfigError(f"there is no run {wish.of_run}; ztoq report lists the runs")
    return store.rollback.counted.now(wish.of_run)


def _announce(output: Output, counts: Mapping[Kind, int], wish: RollbackOptions) -> None:
    which = "All runs" if wish.of_run is None else f"Run {wish.of_run}"
    figures = ", ".join(counted(number, kind) for kind, number in counts.items()) or "nothing"
    output.info(f"{which} created in the target: {figures}. This is removed, and nothing else.")
    if wish.of_run is not None:
        output.info("What this run was the last to change is put back as it was before.")
    if wish.force:
        output.warning("--force: objects that somebody changed since are removed too.")
    output.info(CANNOT)


def _agreed() -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError("a rollback asks on a terminal only; without one say --yes")
    return click.confirm("Remove it?", default=False, err=True)


async def _undone(  # noqa: PLR0913, PLR0917 - the command's whole scene
    options: Options, config: Config, output: Output, store: Store, run: int, wish: RollbackOptions
) -> tuple[engine.RollbackResult, bool]:
    waits = Waits()
    stop = engine.StopRequest(waits)
    settings = config.sink.settings
    timeout = settings.timeout if isinstance(settings, Connection) else 60.0
    options.begun = not wish.dry_run
    with handle_signals(stop, output), output.progress(waits) as shown:
        async with (
            engine.watched(waits, shown) as tell,
            open_sink(config, store.note, store, waits) as sink,
        ):
            undone = await engine.rollback(
                engine.Run(
                    store, run, tell, stop=stop, request_timeout=timeout, dry_run=wish.dry_run
                ),
                sink,
                of_run=wish.of_run,
                force=wish.force,
            )
        output.ended("rollback")
    return undone, stop.requested


def _tell(
    output: Output, undone: engine.RollbackResult, wish: RollbackOptions, code: Exit, sink: str
) -> None:
    facts = {
        "exit": int(code),
        "dry_run": wish.dry_run,
        "deleted": {kind.value: number for kind, number in undone.deleted.items()},
        "restored": undone.restored,
        "order": [
            {"kind": each.ref.kind.value, "key": each.ref.key, "pid": each.pid}
            for each in undone.order
        ],
        "kept": [
            {
                "kind": kept.ref.kind.value,
                "key": kept.ref.key,
                "pid": kept.pid,
                "reason": kept.reason,
            }
            for kept in undone.kept
        ],
    }

    def print_() -> None:
        out = output.out
        figures = ", ".join(
            counted(undone.deleted[kind], kind) for kind in Kind if kind in undone.deleted
        )
        does = "Will delete" if wish.dry_run else "Removed"
        out.print(f"{does} from {sink}: {figures or 'nothing'}")
        for each in undone.order[:MOST_LINES]:
            out.print(f"  {each.ref}{f' ({each.pid})' if each.pid else ''}")
        if len(undone.order) > MOST_LINES:
            out.print(f"  … and {len(undone.order) - MOST_LINES:,} more; --json lists them all")
        if undone.restored:
            did = "Would be put back" if wish.dry_run else "Put back"
            out.print(f"{did} as it was before: {undone.restored:,}")
        for kept in undone.kept[:MOST_LINES]:
            out.print(f"stays: {kept.ref}{f' ({kept.pid})' if kept.pid else ''}: {kept.reason}")
        if len(undone.kept) > MOST_LINES:
            out.print(f"… and {len(undone.kept) - MOST_LINES:,} more; --json lists them all")
        if wish.dry_run:
            out.print(CANNOT)
        if code is Exit.INTERRUPTED:
            output.warning(f"Interrupted. {AGAIN}")

    output.result(facts, print_)
