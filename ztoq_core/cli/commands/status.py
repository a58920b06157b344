"""``ztoq status``."""

from __future__ import annotations

from typing import Any

import rich_click as click

from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.result import print_verdict, state_facts
from ztoq_core.cli.session import configured
from ztoq_core.migration.calls import calls_of_month
from ztoq_core.migration.opening import open_store, with_next_step
from ztoq_core.report.data import Report, words
from ztoq_core.settings.config import Part
from ztoq_core.store import PastRun


@click.command()
@verb
def status(options: Options) -> int:
    """Show how many records are in which state, and how the last run ended.

    The exit code says whether the store could be read, not whether the migration is in order.

    \b
    Example:  ztoq --json status
    """
    with (
        configured(options) as config,
        open_store(config, look_only=True) as store,
    ):
        made = Report.from_store(store, policy=config.losses, limit=0)
        verdict = with_next_step(config, made.verdict)
        output = Output(options)
        last = made.runs[-1] if made.runs else None
        months = calls_of_month(config, store)

        def print_() -> None:
            source = made.source or _named(config.source)
            output.out.print(f"{source} -> {made.target or _named(config.target)}")
            print_verdict(output, verdict, made.remarks)
            if made.kinds:
                rows = [
                    (
                        words(row.kind),
                        f"{row.total:,}",
                        *(f"{row.states.get(state, 0):,}" for state in made.states),
                    )
                    for row in made.kinds
                ]
                output.table(("kind", "all", *made.states), rows)
            for month in months:
                output.out.print(str(month))
            if last:
                output.out.print(
                    f"last run: {last.id}, ztoq {last.verb}, {last.started:%Y-%m-%d %H:%M} UTC, "
                    f"{_ended(last)}"
                )

        facts = {
            "exit": 0,
            "source": made.source,
            "target": made.target,
            **state_facts(made, verdict, months),
            "would_exit": int(verdict.exit),
            "unselected": made.unselected,
            "last_run": last
            and {
                "id": last.id,
                "verb": last.verb,
                "outcome": last.outcome,
                "running": last.running,
            },
        }
        output.result(facts, print_)
    return 0


def _ended(run: PastRun) -> str:
    if run.running:
        return "still running"
    if run.running is None:
        return f"not ended; look on {run.host} whether it is still running"
    if run.ended is None:
        return "ended unexpectedly; run the same command again to go on"
    return run.outcome or "stopped by an error"


def _named(part: Part[Any] | None) -> str:
    """Return the side that the config names, if the store does not know one yet."""
    if part is None:
        return "no target ([sink])"
    project = getattr(part.settings, "project", "")
    return f"{part.plugin.name} {project}".rstrip() + " (not used yet)"
