"""``ztoq rollback``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import rich_click as click
from loguru import logger

from ztoq_core import engine
from ztoq_core.cli.exit_codes import AGAIN
from ztoq_core.cli.options import Options, count, verb
from ztoq_core.cli.output import Output, as_facts
from ztoq_core.cli.session import configured, handle_signals, open_sink
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.migration.opening import new_run, open_store
from ztoq_core.records import Kind, counted
from ztoq_core.settings.config import Config
from ztoq_core.store import Store
from ztoq_core.waits import Waits

MOST_LINES = 50
CANNOT = (
    "A rollback cannot undo: executions logged in runs that others made; approvals, and the "
    "versions made by them; what the target itself keeps of deleted objects, such as a recycle "
    "bin, a history and used numbers."
)
NOTHING = "Nothing to do: nothing that ztoq created is left in the target."


@click.command()
@click.option(
    "--run",
    "of_run",
    type=count,
    metavar="N",
    help="Undo only this run.  [default: all]",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--force", is_flag=True, help="Also delete objects that somebody changed since.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@verb
def rollback(options: Options, *, of_run: int | None, yes: bool, force: bool, dry_run: bool) -> int:
    """Delete from the target what ztoq created there, and nothing else.

    Objects that somebody changed since stay, as do containers with anything of somebody else in
    them. Objects that a run only changed are restored. May be stopped and run again. The exit code
    is 1 if anything stays.

    \b
    Example:  ztoq rollback --dry-run
    """
    output = Output(options)
    with configured(options) as config:
        config.sink.require()
        with open_store(config) as store:
            known = {run.id for run in store.reporting.runs()}
            if of_run is not None and of_run not in known:
                raise ConfigError(f"there is no run {of_run}; `ztoq report` lists the runs")
            counts = store.rollback.counted.now(of_run)
            if not counts and not store.rollback.unsettled.now():
                nothing = {"exit": 0, "deleted": {}, "kept": []}
                output.result(nothing, lambda: output.out.print(NOTHING))
                return Exit.OK
            if not dry_run:
                _announce(output, counts, of_run, force=force)
                if not yes and not _confirmed():
                    output.info("Nothing was deleted.")
                    output.result({"exit": int(Exit.LEFT), "deleted": {}, "kept": []})
                    return Exit.LEFT
            options.begun = not dry_run
            with store.run(options.verb) as run, logger.contextualize(run=run.id):
                part = {"of_run": of_run, "force": force}
                deleting = _delete(config, output, store, {"id": run.id, "dry_run": dry_run}, part)
                result, stopped = asyncio.run(deleting)
                number = sum(result.deleted.values())
                run.outcome = "interrupted" if stopped else f"{number} deleted"
    code = Exit.INTERRUPTED if stopped else Exit.LEFT if result.kept else Exit.OK
    _print(output, result, code, config.sink.plugin.name, dry_run=dry_run)
    return code


def _announce(
    output: Output, counts: Mapping[Kind, int], of_run: int | None, *, force: bool
) -> None:
    which = "what ztoq created" if of_run is None else f"what run {of_run} created"
    figures = ", ".join(counted(number, kind) for kind, number in counts.items()) or "nothing"
    output.info(f"This deletes {which} in the target, and nothing else: {figures}.")
    if of_run is not None:
        output.info("Objects that this run was the last to change are restored.")
    if force:
        output.warning("--force: objects that somebody changed since are deleted, too.")
    output.info(CANNOT)


def _confirmed() -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError("there is no terminal to ask for confirmation; add --yes to delete")
    return click.confirm("Delete them?", default=False, err=True)


async def _delete(
    config: Config, output: Output, store: Store, run: dict[str, Any], part: dict[str, Any]
) -> tuple[engine.RollbackResult, bool]:
    """Delete a part, and return the result and whether a stop was requested."""
    waits = Waits()
    with handle_signals(waits, output), output.progress(waits) as shown:
        async with (
            engine.watched(waits, shown) as progress,
            open_sink(config, store.note, store, waits) as sink,
        ):
            new = new_run(config, store, asks=config.sink, progress=progress, waits=waits, **run)
            result = await engine.rollback(new, sink, **part)
        if not new.dry_run:
            shown(engine.Event(stage="rollback", edge=engine.Edge.END))
    return result, waits.stopping


def _print(
    output: Output, result: engine.RollbackResult, code: Exit, sink: str, *, dry_run: bool
) -> None:
    facts = {
        "exit": int(code),
        "dry_run": dry_run,
        "deleted": {kind.value: number for kind, number in result.deleted.items()},
        "restored": result.restored,
        "order": [as_facts(each, "reason") for each in result.order],
        "kept": [as_facts(each) for each in result.kept],
    }

    def print_() -> None:
        out = output.out
        figures = ", ".join(
            counted(result.deleted[kind], kind) for kind in Kind if kind in result.deleted
        )
        out.print(f"{'Will delete' if dry_run else 'Deleted'} from {sink}: {figures or 'nothing'}")
        _print_first(output, [_named(each) for each in result.order])
        if result.restored:
            out.print(f"{'Would restore' if dry_run else 'Restored'}: {result.restored:,}")
        _print_first(output, [f"stays: {_named(kept)}: {kept.reason}" for kept in result.kept])
        if dry_run:
            out.print(CANNOT)
        if code is Exit.INTERRUPTED:
            output.warning(f"Interrupted. {AGAIN}")

    output.result(facts, print_)


def _named(each: Any) -> str:
    return f"{each.ref} ({each.pid})" if each.pid else str(each.ref)


def _print_first(output: Output, lines: list[str]) -> None:
    for line in lines[:MOST_LINES]:
        output.out.print(f"  {line}")
    if len(lines) > MOST_LINES:
        output.out.print(f"  … and {len(lines) - MOST_LINES:,} more; --json lists them all")
