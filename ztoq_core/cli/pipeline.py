"""Runs the stages of a migration in order, and prints what came of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from loguru import logger

from ztoq_core import engine
from ztoq_core.cli.estimate import Month, RemainingWork, StageStats, as_facts, calls_of_run
from ztoq_core.cli.exit_codes import AGAIN
from ztoq_core.cli.options import SELECTING, Options
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import (
    configured,
    handle_signals,
    needs_source,
    new_run,
    open_sides,
    open_store,
)
from ztoq_core.contracts import Connection, Sink, Source
from ztoq_core.errors import AccessError, ConfigError, Exit, RetryableError, StoppedError, ZtoqError
from ztoq_core.http import LimitReached, Limits
from ztoq_core.report import Report, write_html, write_json
from ztoq_core.report.files import require_place
from ztoq_core.selection import Selection, moment
from ztoq_core.services import Services
from ztoq_core.settings import config as configuration
from ztoq_core.store import Facts, Phase, Store
from ztoq_core.time_window import until
from ztoq_core.vocabulary import counted

__all__ = ["ALL", "RunOptions", "run_pipeline", "run_verb"]

ALL = ("extract", "transform", "load", "validate")
PAGES = ("report.html", "report.json")
"""The store's fact that says whether a migration was begun and not ended."""


@attrs.frozen(kw_only=True)
class RunOptions:
    """How to read and to load, and whether to write reports at the end (into ``reports``).

    ``partial``: load though the extraction or the mapping is incomplete. ``selecting``: the
    config's selection comes from options. ``most`` calls are made to all services together, none
    after ``until``.
    """

    accept_missing_fields: bool = False
    dry_run: bool = False
    on_conflict: str = "keep-target"
    partial: bool = False
    prune: bool = False
    selecting: bool = False
    since: datetime | None = None
    reports: Path | None = None
    most: int | None = None
    until: datetime | None = None


def run_verb(options: Options, verb: str, stages: Sequence[str], **given: Any) -> int:
    """Run the stages as the options of a verb say; return the exit code."""
    options.verb = verb
    everything = given.pop("everything", False)
    names = (*SELECTING, "executed_since", "executions", "limit")
    table = {name: value for name in names if (value := given.pop(name, None))}
    day = given.pop("since", None)
    end = given.pop("until", None)
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
            **given,
        )
        return asyncio.run(run_pipeline(options, config, stages, choices))


async def run_pipeline(
    options: Options, config: configuration.Config, stages: Sequence[str], choices: RunOptions
) -> int:
    output = Output(options)
    _require(config, stages)
    if choices.reports:
        for name in PAGES:  # found out before the work, not after it
            require_place(choices.reports / name)
    with (
        open_store(config, create="extract" in stages) as store,
        store.run(options.verb) as run,
        logger.contextualize(run=run.id),
    ):
        limits = Limits(most=choices.most, until=choices.until)
        services = Services(
            sink=store.note,
            limits=limits,
            ledger=store.call_counts,
            images=config.images,
            before_write=store.before_write,
        )
        stage = StageStats(limits)
        work = _Work(options, config, output, store, run.id, choices, services, stage)
        try:
            stopped = await work.stages(stages)
        except StoppedError:
            stopped = True
        except ZtoqError as error:
            run.outcome = f"stopped: {str(error).splitlines()[0]}"
            if isinstance(error, RetryableError) and limits.reached is not None:
                months = calls_of_run(services.quotas, limits)
                why = limits.reached
                run.outcome = f"stopped: {why.text}"
                ended = RemainingWork(stopped=why, limits=limits, stage=stage, months=months)
                said = ended.sentences(store)
                return _tell_stopped(output, store, options, why, said, months)
            raise
        except BaseException:  # whatever ends the run, status is to say that it was no end
            run.outcome = "stopped by a crash"
            raise
        last = "transform" if choices.dry_run else stages[-1]
        judged = engine.outcome(store, GOALS[last])
        if work.left:
            judged = attrs.evolve(judged, exit=Exit.LEFT, sentences=(*judged.sentences, *work.left))
        run.outcome = "interrupted" if stopped else _WORDS[judged.exit]
    with open_store(config) as store:
        exit_ = Exit.INTERRUPTED if stopped else judged.exit
        months = calls_of_run(services.quotas, limits)
        _tell(output, store, exit_, choices, judged, months, work.warned)
    return exit_


def _tell_stopped(  # noqa: PLR0913, PLR0917 - all that there is to tell
    output: Output,
    store: Store,
    options: Options,
    why: LimitReached,
    said: Sequence[str],
    months: Sequence[Month],
) -> Exit:
    """Tell why a limit ended the run, what is left and when it fits."""
    again = AGAIN if options.begun else "It is safe to run this again."
    facts = {
        "exit": int(Exit.STOPPED),
        "stopped": why.limit.value,
        "error": f"Stopped: {why.text}",
        "opens": why.opens and why.opens.isoformat(),
        "sentences": list(said),
        "calls": as_facts(months),
        "counts": {kind.value: states for kind, states in store.reporting.counts().items()},
    }
    for line in (f"Stopped: {why.text}.", *said, again):
        output.warning(line)
    output.result(facts)
    return Exit.STOPPED


GOALS = {
    "extract": engine.Goal.EXTRACT,
    "transform": engine.Goal.TRANSFORM,
    "load": engine.Goal.LOAD,
    "validate": engine.Goal.VALIDATE,
    "final": engine.Goal.VALIDATE,
}
"""How far the last stage of a verb is to bring the migration."""

_WORDS = {Exit.OK: "finished", Exit.LEFT: "finished with things left"}


def _require(config: configuration.Config, stages: Sequence[str]) -> None:
    """Look at all that the stages will need before the first of them begins."""
    if needs_source(config, stages):
        config.source.require()
        config.require_images()
    if {"load", "validate"} & set(stages):
        config.sink.require()
    if "transform" in stages:
        config.chain()


def _tell(  # noqa: PLR0913, PLR0917 - all that there is to tell
    output: Output,
    store: Store,
    exit_: Exit,
    choices: RunOptions,
    judged: engine.Verdict,
    months: Sequence[Month],
    warned: Collection[str],
) -> None:
    report = Report.from_store(store)
    facts: dict[str, Any] = {
        "exit": int(exit_),
        "verdict": judged.headline,
        "verdict_status": judged.status,
        "next": judged.next,
        "sentences": judged.sentences,
        "warnings": judged.warnings,
        "numbers": judged.numbers,
        "counts": {row.kind.value: row.states for row in report.kinds},
        "selection": report.selection,
        "final": report.final and not report.final.reasons,
        "nameless": report.nameless,
        "calls": as_facts(months),
    }
    if choices.reports and exit_ is not Exit.INTERRUPTED:
        page, data = (choices.reports / name for name in PAGES)
        write_html(report, page)
        write_json(report, store, data)
        facts |= {"html": str(page), "json": str(data)}

    def print_() -> None:
        if exit_ is Exit.INTERRUPTED:
            output.warning(
                "Interrupted. Everything up to here is saved: run the same command again to go on."
            )
            return
        output.out.print(judged.headline if not choices.dry_run else "Nothing was written.")
        told = {*warned, report.nameless} if engine.UNRESOLVED_IDS in warned else warned
        remarks = [each for each in report.remarks if each not in told]
        for sentence in (*judged.lines, *remarks):
            output.out.print(f"  {sentence}")
        if judged.next:
            output.out.print(f"Next: {judged.next}")
        if "html" in facts:
            output.out.print(f"Report: {_near(facts['html'])} (and {Path(facts['json']).name})")
        elif judged.exit is not Exit.OK:
            output.info("`ztoq report` writes each with its reason.")

    output.result(facts, print_)


def _near(path: str) -> str:
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


@attrs.frozen
class _Work:
    """Runs stages; ``left`` are sentences about what they had to leave.

    ``warned`` are the warnings that were shown: stages repeat what concerns them all.
    """

    options: Options
    config: configuration.Config
    output: Output
    store: Store
    run: int
    choices: RunOptions
    services: Services
    stage: StageStats
    left: list[str] = attrs.field(factory=list)
    warned: set[str] = attrs.field(factory=set)

    async def stages(self, stages: Sequence[str]) -> bool:
        """Run the stages; return whether somebody wished to stop."""
        selection = await asyncio.to_thread(self._selection, stages)
        _refuse(selection, self.choices, stages)
        loads_only = "load" in stages and "transform" not in stages
        if loads_only and engine.selected(self.store) != selection:
            self.output.info(f"Selected is now: {selection}. Mapping again first.")
            self.config.chain()
            stages = ("transform", *stages)
        stop = engine.StopRequest(self.services.waits)
        with handle_signals(stop, self.output), self.output.progress(self.services.waits) as show:

            def shown(event: engine.Event) -> None:
                self.stage.take(event)
                if event.text and event.level == "warning":
                    if (event.topic or event.text) in self.warned:
                        return
                    self.warned.update((event.topic or event.text, event.text))
                show(event)

            async with (
                engine.watched(self.services.waits, shown) as tell,
                open_sides(self.config, stages, self.services) as (source, sink),
            ):
                await self._check(source=source, sink=sink)
                run = new_run(
                    self.config,
                    self.store,
                    id=self.run,
                    progress=tell,
                    stop=stop,
                    dry_run=self.choices.dry_run,
                )
                one = partial(self._stage, source=source, sink=sink, selection=selection, run=run)
                if await self._in_turn(await self._left(stages), one, stop):
                    return True
                if stages[: len(ALL)] == ALL:
                    await self.store.facts.save(Facts.migration, Phase.ENDED)
        return False

    async def _in_turn(
        self, stages: Sequence[str], one: Callable[[str], Awaitable[None]], stop: engine.StopRequest
    ) -> bool:
        """Run stages one after the other; return whether somebody wished to stop."""
        todo = [*stages]
        again = "load" in stages
        while todo:
            stage = todo.pop(0)
            if stage == "load" and not await self._may_load():
                break
            self.stage.begin(stage)
            with logger.contextualize(stage=stage):
                await one(stage)
            if stop.requested:
                return True
            self.output.ended(stage)
            if stage == "load" and self.choices.dry_run:
                break
            if stage == "validate" and again:
                again = False  # once: what is missing again after that is not ztoq's to bring back
                if missing := await self.store.database.read(self.store.reporting.removed):
                    some = counted(missing, "record is", "records are")
                    self.output.info(f"{some} missing in the target: writing them again")
                    todo = ["load", "validate", *todo]
        return False

    async def _may_load(self) -> bool:
        """Whether everything that a load needs is there, or ``--partial`` does without.

        Raises:
            ConfigError: ``--prune`` needs more than there is.
        """
        if self.choices.prune:
            engine.may_prune(self.store)
        if self.choices.partial:
            return True
        judged = await self.store.database.read(engine.outcome, self.store)
        if judged.status not in engine.BEFORE_LOAD:
            return True
        if judged.status is not engine.Status.EMPTY:
            self.left.append(
                "Nothing was written; `ztoq load --partial` writes what has been mapped so far"
            )
        return False

    async def _left(self, stages: Sequence[str]) -> Sequence[str]:
        """Return the stages to run: a migration that was stopped does not read everything again."""
        if stages[: len(ALL)] != ALL:
            return stages
        begun = self.store.reporting.extraction_ended and self.store.facts.migration is Phase.BEGUN
        if begun and not self.choices.since:
            self.output.info(
                "Going on after the extraction, which came to its end; "
                "to read the source again, run `ztoq extract` first."
            )
            return stages[1:]
        await self.store.facts.save(Facts.migration, Phase.BEGUN)
        return stages

    def _selection(self, stages: Sequence[str]) -> Selection:
        """Return what is selected: by options, or remembered from them, or by the config."""
        if self.choices.selecting:
            engine.remember(self.store, self.config.select)
        elif "extract" in stages:
            engine.remember(self.store, None)
        known = engine.remembered(self.store)
        return self.config.select if known is None else known

    async def _stage(
        self,
        stage: str,
        *,
        source: Source | None,
        sink: Sink | None,
        selection: Selection,
        run: engine.Run,
    ) -> None:
        if stage == "extract" and source:
            run = attrs.evolve(run, **_run_options(self.config.source.settings))
            async with self._picture_sources() as pictures:
                await engine.extract(
                    run,
                    source,
                    since=self.choices.since,
                    pictures=pictures,
                    stream=self.config.streams,
                )
        elif stage == "transform":
            await engine.transform(run, self.config.build, selection=selection)
        elif stage == "final" and source:
            run = attrs.evolve(run, **_run_options(self.config.source.settings))
            async with self._picture_sources() as pictures:
                await engine.verify_source_unchanged(
                    run, source, pictures=pictures, stream=self.config.streams
                )
        elif stage == "load" and sink:
            run = attrs.evolve(run, **_run_options(self.config.sink.settings))
            await engine.load(
                run,
                sink,
                accept_missing_fields=self.choices.accept_missing_fields,
                on_conflict=self.choices.on_conflict,
                source=source,
            )
            if self.choices.prune and not run.stop.requested:
                await self._prune(run, sink)
        elif stage == "validate" and sink:
            run = attrs.evolve(run, **_run_options(self.config.sink.settings))
            await engine.validate(run, sink)

    @asynccontextmanager
    async def _picture_sources(self) -> AsyncIterator[engine.PictureSources]:
        settings = self.config.source.settings
        connection = settings if isinstance(settings, Connection) else None
        async with self.services.fetcher(self.output.warning, connection) as fetcher:
            yield engine.PictureSources(self.config.images, fetcher.fetch)

    async def _prune(self, run: engine.Run, sink: Sink) -> None:
        undone = await engine.prune(run, sink)
        done = "Would remove" if run.dry_run else "Removed"
        some = counted(sum(undone.deleted.values()), "record")
        self.output.info(f"{done} from the target what is gone from the source: {some}")
        for kept in undone.kept:
            self.output.warning(f"stays in the target: {kept.ref}: {kept.reason}")
        if undone.kept:
            some = counted(len(undone.kept), "record")
            self.left.append(f"{some} gone from the source stay in the target")

    async def _check(self, **sides: Source | Sink | None) -> None:
        """Try all sides before the first stage begins; what they find stands in the report.

        Raises:
            AccessError, ConfigError: A side cannot be used.
        """
        errors: list[str] = []
        for name, side in sides.items():
            if side is None:
                continue
            try:
                found = await side.check()
            except AccessError as error:
                used = (self.config.source if name == "source" else self.config.sink).plugin.name
                advice = f"Look at the credentials in [{name}] and their rights."
                message = f"{used}: {error}\n{advice}"
                raise AccessError(message, status=error.status) from error
            errors += (each.text for each in found if each.level == "error" and not each.later)
            fact = Facts.source_findings if name == "source" else Facts.sink_findings
            await self.store.facts.save(fact, tuple(found))
        if errors:
            raise ConfigError("\n".join(errors))


def _refuse(selection: Selection, choices: RunOptions, stages: Sequence[str]) -> None:
    """Refuse what does not go together, before anything is done.

    Raises:
        ConfigError: Pruning or a last look at a part of the source only.
    """
    word = "--prune" if choices.prune else "--final" if "final" in stages else ""
    if word and choices.since:
        raise ConfigError(f"{word} needs the whole source to be read: leave --since out")
    if word and selection:
        raise ConfigError(
            f"{word} needs the whole project, and a part of it is selected ({selection}); "
            "leave the selection out or say --everything"
        )
    if "final" in stages and choices.dry_run:
        raise ConfigError("--final comes after a load, and --dry-run stops before it")


def _run_options(settings: object) -> dict[str, Any]:
    """Return the options of ``engine.Run`` that the connection of a side gives."""
    if not isinstance(settings, Connection):
        return {}
    return {"slots": settings.in_flight, "request_timeout": settings.timeout}
