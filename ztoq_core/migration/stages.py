"""Runs the stages of a migration in order: which of them, with which sides and options."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

import attrs
from loguru import logger

from ztoq_core import engine
from ztoq_core.contracts import Connection, Sink, Source
from ztoq_core.errors import AccessError, ConfigError
from ztoq_core.http.limits import Limits
from ztoq_core.migration.opening import new_run, open_sides
from ztoq_core.migration.planning import Forecast, make_plan, mapping_digest
from ztoq_core.records import counted
from ztoq_core.selection import Selection
from ztoq_core.services import Services
from ztoq_core.settings.config import Config
from ztoq_core.store import Facts, Phase, Sample, Store, ValidationLevel

ALL = ("extract", "transform", "load", "validate")


@attrs.frozen(kw_only=True)
class RunOptions:
    """How to read and to load.

    ``level``: how closely to validate, and with what ``sample``; ``repair``: write again what is
    missing or different. ``partial``: load although the extraction or the mapping is incomplete.
    ``selecting``: the config's selection replaces the one that the store remembers. At most
    ``most`` calls are made, to all services together, and none after ``until``. ``plan`` is the
    plan that a load carries out.
    """

    accept_missing_fields: bool = False
    dry_run: bool = False
    on_conflict: str = "keep-target"
    partial: bool = False
    prune: bool = False
    selecting: bool = False
    since: datetime | None = None
    level: ValidationLevel = ValidationLevel.CONTENTS
    sample: Sample | None = None
    repair: bool = False
    most: int | None = None
    until: datetime | None = None
    plan: engine.PlanKey | None = None


@attrs.frozen
class StageRunner:
    """Runs stages.

    ``left`` are sentences about what they had to leave. ``warned`` are the warnings that were
    reported: each is reported once, though several stages may repeat it. ``planned`` gets the plan
    of a dry run.
    """

    config: Config
    progress: engine.Progress
    store: Store
    run_id: int
    choices: RunOptions
    services: Services
    left: list[str] = attrs.field(factory=list)
    warned: set[str] = attrs.field(factory=set)
    planned: list[Forecast] = attrs.field(factory=list)

    async def run(self, stages: Sequence[str]) -> bool:
        """Run the stages; return whether a stop was requested."""
        selection = self._selection(stages)
        _refuse(selection, self.choices, stages)
        loads_only = "load" in stages and "transform" not in stages
        if loads_only and self.store.facts.selection != selection:
            self._say(f"The selection is now: {selection}. Mapping again first.")
            self.config.chain()
            stages = ("transform", *stages)
        waits = self.services.waits

        def once(event: engine.Event) -> None:
            if event.text and event.level == "warning":
                if (event.topic or event.text) in self.warned:
                    return
                self.warned.update((event.topic or event.text, event.text))
            self.progress(event)

        async with (
            engine.watched(waits, once) as progress,
            open_sides(self.config, stages, self.services) as (source, sink),
        ):
            await self._check(source=source, sink=sink)
            new = partial(
                new_run,
                self.config,
                self.store,
                id=self.run_id,
                progress=progress,
                waits=waits,
                dry_run=self.choices.dry_run,
            )
            one = partial(self._stage, source, sink, selection, new)
            if await self._in_turn(await self._to_run(stages), one):
                return True
            if stages[: len(ALL)] == ALL:
                await self.store.facts.save(Facts.migration, Phase.ENDED)
        return False

    def _say(self, text: str) -> None:
        self.progress(engine.Event(text=text))

    def _warn(self, text: str) -> None:
        self.progress(engine.Event(text=text, level="warning"))

    async def _in_turn(self, stages: Sequence[str], one: Callable[[str], Awaitable[None]]) -> bool:
        """Run stages one after the other; return whether a stop was requested."""
        todo = [*stages]
        again = "load" in stages or self.choices.repair
        while todo:
            stage = todo.pop(0)
            if stage == "load" and not await self._may_load():
                break
            self.progress(engine.Event(stage=stage, edge=engine.Edge.BEGIN))
            with logger.contextualize(stage=stage):
                await one(stage)
            if self.services.waits.stopping:
                return True
            if stage == "load" and self.choices.dry_run:
                break
            self.progress(engine.Event(stage=stage, edge=engine.Edge.END))
            if stage == "validate" and again:
                again = False  # once: what disappears a second time is removed by somebody else
                if left := await self._to_repair():
                    some = counted(left, "record is", "records are")
                    what = "missing or different" if self.choices.repair else "missing"
                    them = "it" if left == 1 else "them"
                    self._say(f"{some} {what} in the target: writing {them} again")
                    todo = ["load", "validate", *todo]
        return False

    async def _to_repair(self) -> int:
        """Return how many records must be written again after a validation."""
        # the load looks at each object before it changes it: what somebody edited is a conflict
        differ = await self.store.validation.rewrite(self.run_id) if self.choices.repair else 0
        return differ + await self.store.database.read(self.store.reporting.removed)

    async def _may_load(self) -> bool:
        """Whether everything that a load needs is there, or ``--partial`` makes it unnecessary.

        Raises:
            ConfigError: ``--prune`` needs more than there is.
        """
        if self.choices.prune:
            engine.may_prune(self.store)
        if self.choices.partial:
            return True
        verdict = await self.store.database.read(engine.outcome, self.store)
        if verdict.status not in engine.BEFORE_LOAD:
            return True
        if verdict.status is not engine.Status.EMPTY:
            self.left.append(
                "Nothing was written; `ztoq load --partial` writes what has been mapped so far"
            )
        return False

    async def _to_run(self, stages: Sequence[str]) -> Sequence[str]:
        """Return the stages to run: a migration that was stopped does not read everything again."""
        if stages[: len(ALL)] != ALL:
            return stages
        begun = self.store.reporting.extraction_ended and self.store.facts.migration is Phase.BEGUN
        if begun and not self.choices.since:
            self._say(
                "Continuing after the extraction, which is complete; "
                "to read the source again, run `ztoq extract` first."
            )
            return stages[1:]
        await self.store.facts.save(Facts.migration, Phase.BEGUN)
        return stages

    def _selection(self, stages: Sequence[str]) -> Selection:
        """Return the selection: from options, remembered from earlier ones, or from the config."""
        if self.choices.selecting:
            self.store.facts.save_now(Facts.selection_given, self.config.select)
        elif "extract" in stages:
            self.store.facts.save_now(Facts.selection_given, None)
        known = self.store.facts.selection_given
        return self.config.select if known is None else known

    async def _stage(
        self,
        source: Source | None,
        sink: Sink | None,
        selection: Selection,
        new: Callable[..., engine.Run],
        stage: str,
    ) -> None:
        reads = stage in {"extract", "final", "source"}
        run = new(asks=self.config.source if reads else self.config.sink)
        if reads and source and stage != "source":
            async with self._picture_sources() as pictures:
                read = (
                    partial(engine.extract, since=self.choices.since)
                    if stage == "extract"
                    else partial(engine.verify_source_unchanged, policy=self.config.losses)
                )
                await read(run, source, pictures=pictures, stream=self.config.streams)
        elif stage == "source" and source:
            await engine.check_source(run, source)
        elif stage == "transform":
            if said := self.config.unmapped():
                self._warn(said)
            await engine.transform(run, self.config.build, selection=selection)
            await self.store.facts.save(Facts.mapping, self.config.mapping())
        elif stage == "load" and sink:
            await self._load(run, sink, source)
            if self.choices.prune and not run.waits.stopping:
                await self._prune(run, sink)
        elif stage == "validate" and sink:
            await engine.validate(run, sink, level=self.choices.level, sample=self.choices.sample)

    async def _load(self, run: engine.Run, sink: Sink, source: Source | None) -> None:
        """Load, or in a dry run plan it; a load by a plan takes its choices from there."""
        accepts, on_conflict = self.choices.accept_missing_fields, self.choices.on_conflict
        if plan := self.choices.plan:
            accepts, on_conflict = plan.accepts, plan.on_conflict
            mapping = mapping_digest(self.config)
            await engine.require_same(run, plan, target=sink.identity, mapping=mapping)
        if run.dry_run:
            limits = self.services.limits or Limits()
            self.planned.append(
                await make_plan(
                    self.config,
                    run,
                    sink,
                    limits,
                    accept_missing_fields=accepts,
                    on_conflict=on_conflict,
                )
            )
            return
        await engine.load(
            run, sink, accept_missing_fields=accepts, on_conflict=on_conflict, source=source
        )

    @asynccontextmanager
    async def _picture_sources(self) -> AsyncIterator[engine.PictureSources]:
        settings = self.config.source.settings
        connection = settings if isinstance(settings, Connection) else None
        async with self.services.fetcher(self._warn, connection) as fetcher:
            yield engine.PictureSources(self.config.images, fetcher.fetch)

    async def _prune(self, run: engine.Run, sink: Sink) -> None:
        pruned = await engine.prune(run, sink)
        done = "Would remove" if run.dry_run else "Removed"
        some = counted(sum(pruned.deleted.values()), "record")
        self._say(f"{done} from the target what is gone from the source: {some}")
        for kept in pruned.kept:
            self._warn(f"stays in the target: {kept.ref}: {kept.reason}")
        if pruned.kept:
            some = counted(len(pruned.kept), "record")
            self.left.append(f"{some} gone from the source stay in the target")

    async def _check(self, **sides: Source | Sink | None) -> None:
        """Check the open sides before the first stage begins; the report shows what they find.

        Raises:
            AccessError, ConfigError: A side cannot be used.
        """
        errors: list[str] = []
        for name, side in sides.items():
            if side is None:
                continue
            try:
                found = await engine.checked(side)
            except AccessError as error:
                used = (self.config.source if name == "source" else self.config.sink).plugin.name
                advice = f"Check the credentials in [{name}] and their permissions."
                message = f"{used}: {error}\n{advice}"
                raise AccessError(message, status=error.status) from error
            errors += (each.text for each in found if each.level == "error" and not each.later)
            fact = Facts.source_findings if name == "source" else Facts.sink_findings
            await self.store.facts.save(fact, tuple(found))
        if errors:
            raise ConfigError("\n".join(errors))


def _refuse(selection: Selection, choices: RunOptions, stages: Sequence[str]) -> None:
    """Refuse options that do not go together, before anything is done.

    Raises:
        ConfigError: Pruning or a final check of only a part of the source.
    """
    word = "--prune" if choices.prune else "--final" if "final" in stages else ""
    if word and choices.since:
        raise ConfigError(f"{word} needs the whole source to be read: leave out --since")
    if word and selection:
        raise ConfigError(
            f"{word} needs the whole project, but a part of it is selected ({selection}); "
            "leave out the selection, or add --everything"
        )
    if "final" in stages and choices.dry_run:
        raise ConfigError("--final comes after a load, but --dry-run stops before it")
