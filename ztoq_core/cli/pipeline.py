"""Runs the stages of a verb on the store of its config, and prints how that ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import attrs
from loguru import logger

from ztoq_core import engine
from ztoq_core.cli.estimate import RemainingWork, StageStats, calls_of_run
from ztoq_core.cli.options import SELECTING, Options
from ztoq_core.cli.output import Output
from ztoq_core.cli.plan_text import show_plan
from ztoq_core.cli.planning import ENOUGH, read_plan
from ztoq_core.cli.result import PAGES, print_result, print_source_check, print_stopped
from ztoq_core.cli.session import configured, needs_source, open_store, source_page
from ztoq_core.cli.stages import ALL, RunOptions, StageRunner
from ztoq_core.errors import Exit, RetryableError, StoppedError, ZtoqError
from ztoq_core.http import Limits
from ztoq_core.records import Note, Ref
from ztoq_core.report.files import require_place
from ztoq_core.selection import moment
from ztoq_core.services import Services
from ztoq_core.settings.config import Config
from ztoq_core.store import Facts, Store, ValidationLevel
from ztoq_core.time_window import until

__all__ = ["ALL", "RunOptions", "run_pipeline", "run_verb"]

GOALS = {
    "extract": engine.Goal.EXTRACT,
    "transform": engine.Goal.TRANSFORM,
    "load": engine.Goal.LOAD,
    "validate": engine.Goal.VALIDATE,
    "final": engine.Goal.VALIDATE,
    "source": engine.Goal.EXTRACT,
}
"""How far the last stage of a verb should bring the migration."""

SOURCE_AGAIN = ("source",)
"""The stage that lists the source once more."""

_OUTCOMES = {Exit.OK: "finished", Exit.LEFT: "finished with things left"}


def run_verb(options: Options, verb: str, stages: Sequence[str], **given: Any) -> int:
    """Run the stages with the options of a verb; return the exit code."""
    options.verb = verb
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
        report = verb == "migrate" and not given["dry_run"]
        choices = RunOptions(
            reports=config.folder if report else None,
            since=moment(day) if day else None,
            selecting=everything or bool(table),
            most=most,
            until=until(end, datetime.now(UTC)) if end else None,
            plan=read_plan(plan) if plan else None,
            **given,
        )
        return asyncio.run(run_pipeline(options, config, stages, choices))


async def run_pipeline(
    options: Options, config: Config, stages: Sequence[str], choices: RunOptions
) -> int:
    """Run the stages and print the result; return the exit code."""
    output = Output(options)
    _require(config, stages, choices)
    limits = Limits(most=choices.most, until=choices.until)
    with (
        open_store(config, create="extract" in stages) as store,
        store.run(options.verb) as run,
        logger.contextualize(run=run.id),
    ):
        services = Services(
            sink=_forget if stages == SOURCE_AGAIN else store.note,
            limits=limits,
            ledger=store.call_counts,
            images=config.images,
            before_write=store.before_write,
        )
        stage = StageStats(limits=limits)
        runner = StageRunner(config, output, store, run.id, choices, services, stage)
        try:
            stopped = await runner.run(stages)
        except StoppedError:
            stopped = True
        except ZtoqError as error:
            run.outcome = f"stopped: {str(error).splitlines()[0]}"
            if not isinstance(error, RetryableError) or limits.reached is None:
                raise
            run.outcome = f"stopped: {limits.reached.text}"
            months = calls_of_run(services.quotas, limits)
            rest = RemainingWork(
                stopped=limits.reached, limits=limits, stage=stage, months=months
            ).sentences(store)
            return print_stopped(output, store, limits.reached, rest, months)
        except BaseException:  # so that status does not show a normal end
            run.outcome = "stopped by a crash"
            raise
        policy = config.losses
        if stages == SOURCE_AGAIN and not stopped:
            months = calls_of_run(services.quotas, limits)
            exit_ = print_source_check(output, store, policy, months)
            run.outcome = _OUTCOMES[exit_]
            return exit_
        last = "transform" if choices.dry_run else stages[-1]
        in_part = {ValidationLevel.COUNTS, ValidationLevel.SAMPLE}
        not_to_prove = last == "validate" and choices.level in in_part
        goal = engine.Goal.LOAD if not_to_prove else GOALS[last]
        verdict = engine.outcome(store, goal, policy)
        if runner.left:
            sentences = (*verdict.sentences, *runner.left)
            verdict = attrs.evolve(verdict, exit=Exit.LEFT, sentences=sentences)
        run.outcome = "interrupted" if stopped else _OUTCOMES[verdict.exit]
        if not choices.dry_run:
            _remember_paces(store, limits)
    if runner.planned and not stopped:
        show_plan(output, runner.planned[-1])
        return runner.planned[-1].exit
    exit_ = Exit.INTERRUPTED if stopped else verdict.exit
    with open_store(config) as store:
        print_result(
            output,
            store,
            exit_,
            verdict,
            calls_of_run(services.quotas, limits),
            run=run.id,
            seconds=stage.seconds,
            policy=policy,
            folder=choices.reports,
            source_page=source_page(config, store),
            dry_run=choices.dry_run,
            warned=runner.warned,
        )
    return exit_


def _forget(_note: Note, _ref: Ref | None) -> None:
    """Take a note that the extraction has made already."""


def _remember_paces(store: Store, limits: Limits) -> None:
    """Remember how the services answered, for the next plan."""
    now = {
        host: attrs.asdict(pace) for host, pace in limits.paces.items() if pace.answers >= ENOUGH
    }
    if now:
        store.facts.save_now(Facts.paces, {**store.facts.paces, **now})


def _require(config: Config, stages: Sequence[str], choices: RunOptions) -> None:
    """Check everything that the stages will need before the first of them begins."""
    if needs_source(config, stages):
        config.source.require()
        config.require_images()
    if {"load", "validate"} & set(stages):
        config.sink.require()
    if "transform" in stages:
        config.chain()
    if choices.reports:
        for name in PAGES:
            require_place(choices.reports / name)
