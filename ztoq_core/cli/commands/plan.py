"""``ztoq plan``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import attrs
import rich_click as click

from ztoq_core import engine
from ztoq_core.cli.options import Options, accept_missing_fields_option, conflict_option, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.plan_text import show_plan
from ztoq_core.cli.result import print_verdict
from ztoq_core.cli.session import configured
from ztoq_core.contracts import Connection
from ztoq_core.errors import ConfigError, Exit, StoreError
from ztoq_core.http.limits import Limits
from ztoq_core.migration.opening import new_run, open_store
from ztoq_core.migration.planning import Forecast, make_plan
from ztoq_core.services import Services
from ztoq_core.settings.config import Config
from ztoq_core.store import Store


@click.command()
@accept_missing_fields_option
@conflict_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write the plan as JSON to this file too, for `ztoq load --plan FILE`; - for stdout.",
)
@verb
def plan(options: Options, /, *, output: Path | None, **given: Any) -> int:
    """Show what a load would do, lose and take; writes nothing, not even to the store.

    After extract and transform. The target is only read. Exit code 0: everything would arrive;
    1: something would be left out; 2: the load would stop before its first write.

    \b
    Example:  ztoq plan --output plan.json
    """
    printer = Output(options)
    with configured(options) as config, open_store(config) as store:
        config.sink.require()
        _require_rest(config, store)
        verdict = engine.outcome(store, policy=config.losses)
        if verdict.status in engine.BEFORE_LOAD:
            facts = {"exit": int(Exit.LEFT), "error": verdict.headline, "next": verdict.next}
            printer.result(facts, lambda: print_verdict(printer, verdict, ()))
            return Exit.LEFT
        forecast = asyncio.run(_forecast(config, store, printer, given))
    show_plan(printer, forecast, output)
    return forecast.exit


async def _forecast(
    config: Config, store: Store, printer: Output, given: dict[str, Any]
) -> Forecast:
    part, limits = config.sink, Limits()
    settings = part.settings
    if isinstance(settings, Connection):  # as a check, a plan may be made at any hour
        settings = attrs.evolve(settings, window=None)
    # the calls are counted: a budget holds for plans too
    services = Services(
        sink=lambda _note, _ref: None, limits=limits, ledger=store.call_counts, images=config.images
    )
    with printer.progress(services.waits) as progress:
        async with engine.open_side(part.plugin, settings, services) as sink:
            # as each verb does first: what a load begins with is measured
            await engine.checked(sink)
            run = new_run(config, store, asks=part, progress=progress, dry_run=True)
            return await make_plan(config, run, sink, limits, **given)


def _require_rest(config: Config, store: Store) -> None:
    """Make sure that no run is changing the store, and that what is selected is mapped.

    Raises:
        StoreError: A run is at work.
        ConfigError: Another part of the project is selected.
    """
    last = store.reporting.runs()[-1:]
    if last and last[0].running:
        raise StoreError(
            f"ztoq {last[0].verb} (process {last[0].pid} on {last[0].host}) is at work on this "
            "store; plan when it has ended",
            at_start=True,
        )
    if store.facts.mapping not in (None, config.mapping()):
        raise ConfigError("The mapping changed since it was applied; run `ztoq transform` first")
    wished = store.facts.selection_given
    selected = config.select if wished is None else wished
    if store.facts.mapped and store.facts.selection != selected:
        raise ConfigError(
            f"The selection is now {selected or 'the whole project'}, and another part is mapped; "
            "run `ztoq transform` first"
        )
