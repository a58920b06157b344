"""A migration as one object: its settings, its events, its stop, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from loguru import logger

from ztoq_core import engine
from ztoq_core.errors import Exit, RetryableError, StoppedError, ZtoqError
from ztoq_core.http.limits import LimitReached, Limits
from ztoq_core.migration.calls import Month, calls_of_run
from ztoq_core.migration.opening import needs_source, open_store, source_page, with_next_step
from ztoq_core.migration.planning import ENOUGH, Forecast
from ztoq_core.migration.stages import ALL, RunOptions, StageRunner
from ztoq_core.records import Note, Ref
from ztoq_core.report.write import ReportWriter
from ztoq_core.services import Services
from ztoq_core.settings.config import Config
from ztoq_core.store import Facts, KindTotals, Store, ValidationLevel
from ztoq_core.waits import Waits

_GOALS = {
    "extract": engine.Goal.EXTRACT,
    "transform": engine.Goal.TRANSFORM,
    "load": engine.Goal.LOAD,
    "validate": engine.Goal.VALIDATE,
    "final": engine.Goal.VALIDATE,
    "source": engine.Goal.EXTRACT,
}
"""How far the last stage of a run should bring the migration."""

SOURCE_AGAIN = ("source",)
"""The stage that lists the source once more."""

_OUTCOMES = {Exit.OK: "finished", Exit.LEFT: "finished with things left"}


@attrs.frozen(kw_only=True)
class Result:
    """How a run ended.

    ``exit`` is the code that the command line exits with. ``verdict`` judges the migration as it
    is now, all runs together. ``limit`` ended the run, or ``stopped`` says that ``Migration.stop``
    did. ``totals`` are what this run did, ``calls`` those of the month and of this run by host.
    ``warned`` are the warnings that were reported. A dry run has a ``forecast``.
    """

    run: int
    exit: Exit
    verdict: engine.Verdict
    totals: Sequence[KindTotals]
    calls: Sequence[Month]
    stopped: bool = False
    limit: LimitReached | None = None
    warned: frozenset[str] = frozenset()
    forecast: Forecast | None = None


@attrs.define(eq=False)
class Migration:
    """A migration between the two sides of a config, with default mapping, pictures and limits.

    ``progress`` takes events of ``engine.Event``, in the thread of the event loop; it must return
    at once. Several migrations may run at once in one program, each with its own store.
    """

    config: Config
    options: RunOptions = attrs.field(factory=RunOptions)
    progress: engine.Progress = attrs.field(default=lambda _: None)
    waits: Waits = attrs.field(factory=Waits, init=False)
    limits: Limits = attrs.field(init=False)
    _loop: asyncio.AbstractEventLoop | None = attrs.field(default=None, init=False)

    @limits.default
    def _limits(self) -> Limits:
        return Limits(most=self.options.most, until=self.options.until)

    def stop(self) -> None:
        """Stop: take no new record, save what is under way, end; from any thread."""
        if self._loop is None:
            self.waits.stop()
        else:
            self._loop.call_soon_threadsafe(self.waits.stop)

    async def run(self, stages: Sequence[str] = ALL, *, verb: str = "migrate") -> Result:
        """Run the stages, by default all: extract, transform, load, validate.

        ``verb`` is what the store's history calls the run.

        Raises:
            ConfigError: The settings cannot be used; nothing was done.
            AccessError: A side refuses the credentials.
            ServiceError: A side does not answer, or answers what cannot be used.
            StoreError: The store cannot be used, or another run uses it.
        """
        stages = tuple(stages)
        self._loop = asyncio.get_running_loop()
        config, options = self.config, self.options
        _require(config, stages)
        limit: LimitReached | None = None
        with (
            open_store(config, create="extract" in stages) as store,
            store.run(verb) as run,
            logger.contextualize(run=run.id),
        ):
            services = Services(
                sink=_forget if stages == SOURCE_AGAIN else store.note,
                source_sink=_forget if stages == SOURCE_AGAIN else store.note_of_source,
                limits=self.limits,
                ledger=store.call_counts,
                images=config.images,
                waits=self.waits,
                before_write=store.before_write,
            )
            runner = StageRunner(config, self.progress, store, run.id, options, services)
            try:
                stopped = await runner.run(stages)
            except StoppedError:
                stopped = True
            except ZtoqError as error:
                run.outcome = f"stopped: {str(error).splitlines()[0]}"
                limit = self.limits.reached
                if not isinstance(error, RetryableError) or limit is None:
                    raise
                run.outcome = f"stopped: {limit.text}"
                stopped = True
            except BaseException:  # so that status does not show a normal end
                run.outcome = "stopped by a crash"
                raise
            verdict = self._verdict(store, stages, runner.left)
            exit_ = verdict.exit
            if stages == SOURCE_AGAIN:
                check = store.facts.source_check
                exit_ = Exit.OK if check and not check.reasons else Exit.LEFT
            forecast = None
            if limit is None:
                run.outcome = "interrupted" if stopped else _OUTCOMES[exit_]
                if not options.dry_run:
                    _remember_paces(store, self.limits)
            if stopped:
                exit_ = Exit.STOPPED if limit else Exit.INTERRUPTED
            elif runner.planned:
                forecast = runner.planned[-1]
                exit_ = forecast.exit
            return Result(
                run=run.id,
                exit=exit_,
                verdict=verdict,
                totals=() if options.dry_run else store.reporting.totals(run.id),
                calls=calls_of_run(services.quotas, self.limits),
                stopped=stopped,
                limit=limit,
                warned=frozenset(runner.warned),
                forecast=forecast,
            )

    def report(self, files: Mapping[str, Path]) -> None:
        """Write reports, by format (``html``, ``json``, ``csv``, ``xlsx``, ``junit``).

        Raises:
            ConfigError: A file cannot be written.
            StoreError: There is no store yet.
        """
        with open_store(self.config, look_only=True) as store:
            page = source_page(self.config, store)
            ReportWriter(store, page, self.config.losses).write(dict(files))

    def _verdict(self, store: Store, stages: Sequence[str], left: Sequence[str]) -> engine.Verdict:
        options = self.options
        last = "transform" if options.dry_run else stages[-1]
        in_part = {ValidationLevel.COUNTS, ValidationLevel.SAMPLE}
        not_to_prove = last == "validate" and options.level in in_part
        goal = engine.Goal.LOAD if not_to_prove else _GOALS[last]
        verdict = with_next_step(self.config, engine.outcome(store, goal, self.config.losses))
        if left:
            sentences = (*verdict.sentences, *left)
            verdict = attrs.evolve(verdict, exit=Exit.LEFT, sentences=sentences)
        return verdict


def _forget(_note: Note, _ref: Ref | None) -> None:
    """Take a note that the extraction has made already."""


def _remember_paces(store: Store, limits: Limits) -> None:
    """Remember how the services answered, for the next plan."""
    now = {
        host: attrs.asdict(pace) for host, pace in limits.paces.items() if pace.answers >= ENOUGH
    }
    if now:
        store.facts.save_now(Facts.paces, {**store.facts.paces, **now})


def _require(config: Config, stages: Sequence[str]) -> None:
    """Check everything that the stages will need before the first of them begins."""
    if needs_source(config, stages):
        config.source.require()
        config.require_images()
    if {"load", "validate"} & set(stages):
        config.sink.require()
    if "transform" in stages:
        config.chain()
