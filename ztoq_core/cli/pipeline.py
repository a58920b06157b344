"""Runs the stages of a verb on the store of its config, and prints how that ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ztoq_core import engine
from ztoq_core.cli.estimate import RemainingWork, StageStats
from ztoq_core.cli.options import SELECTING, Options
from ztoq_core.cli.output import Output
from ztoq_core.cli.plan_text import show_plan
from ztoq_core.cli.result import PAGES, print_result, print_source_check, print_stopped
from ztoq_core.cli.session import configured, handle_signals
from ztoq_core.migration import SOURCE_AGAIN, Migration, RunOptions
from ztoq_core.migration.opening import open_store, source_page
from ztoq_core.migration.planning import read_plan
from ztoq_core.report.files import require_place
from ztoq_core.selection import moment
from ztoq_core.settings.config import Config
from ztoq_core.time_window import until


def run_verb(options: Options, stages: Sequence[str], **given: Any) -> int:
    """Run the stages with the options of a verb; return the exit code."""
    everything = given.pop("everything", False)
    names = (*SELECTING, "executed_since", "executions", "limit")
    table = {name: value for name in names if (value := given.pop(name, None))}
    day = given.pop("since", None)
    end = given.pop("until", None)
    plan = given.pop("plan", None)
    most = given.pop("max_calls", None)
    with configured(options, {"select": table}) as read:
        config = read.with_everything(**table) if everything else read
        # a migration ends with a report; a dry run has nothing to report
        report = options.verb == "migrate" and not given["dry_run"]
        choices = RunOptions(
            since=moment(day) if day else None,
            selecting=everything or bool(table),
            most=most,
            until=until(end, datetime.now(UTC)) if end else None,
            plan=read_plan(plan) if plan else None,
            **given,
        )
        folder = config.folder if report else None
        return asyncio.run(run_pipeline(options, config, stages, choices, folder))


async def run_pipeline(
    options: Options,
    config: Config,
    stages: Sequence[str],
    choices: RunOptions,
    reports: Path | None = None,
) -> int:
    """Run the stages and print the result; return the exit code.

    Reports are written into the folder ``reports``.
    """
    output = Output(options)
    if reports:
        for name in PAGES:
            require_place(reports / name)
    migration = Migration(config, choices)
    stage = StageStats(limits=migration.limits)
    with (
        handle_signals(migration.waits, output),
        output.progress(migration.waits, migration.limits) as show,
    ):

        def shown(event: engine.Event) -> None:
            stage.take(event)
            show(event)

        migration.progress = shown
        result = await migration.run(stages, verb=options.verb)
    if result.forecast:
        show_plan(output, result.forecast)
        return result.exit
    with open_store(config) as store:
        if result.limit:
            rest = RemainingWork(
                stopped=result.limit, limits=migration.limits, stage=stage, months=result.calls
            )
            print_stopped(output, store, result.limit, rest.sentences(store), result.calls)
        elif stages == SOURCE_AGAIN and not result.stopped:
            print_source_check(output, store, result, config.losses)
        else:
            print_result(
                output,
                store,
                result,
                seconds=stage.seconds,
                policy=config.losses,
                folder=reports,
                source_page=source_page(config, store),
                dry_run=choices.dry_run,
            )
    return result.exit
