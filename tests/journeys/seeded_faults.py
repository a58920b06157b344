"""A migrated project whose target is then damaged by hand, one fault at a time or all together."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from ztoq_demo.qtest import Options, Simulator
from ztoq_demo.qtest.objects import Case, Log, Module, Release, Requirement, Run, Suite, Thing
from ztoq_demo.zephyr.demo import demo

from tests.timed_store import TimedStore
from ztoq_core import engine
from ztoq_core.contracts import Secret, Sink
from ztoq_core.pictures.untrusted_fetcher import open_fetcher
from ztoq_core.plugins import Plugins
from ztoq_core.services import Services
from ztoq_core.settings import config as configuration
from ztoq_core.store import Sample, Store, Validation, ValidationLevel

Undo = Callable[[], None]


@attrs.define(kw_only=True)
class Scene:
    """A project as it was migrated: the store, the sink, and the site behind it."""

    store: Store
    sink: Sink
    qtest: Simulator

    async def validate(
        self,
        level: ValidationLevel = ValidationLevel.CONTENTS,
        sample: Sample | None = None,
    ) -> Validation:
        run = engine.Run(self.store)
        return await engine.validate(run, self.sink, level=level, sample=sample)

    async def found(self) -> list[str]:
        """Validate; return what is missing, double or different."""
        result = await self.validate()
        missing = [f"{row.kind} {key}: missing" for row in result.rows for key in row.missing]
        return [*missing, *result.findings]

    def things(self, type_: type[Any]) -> list[Any]:
        return self.qtest.state.of_project(self.qtest.options.project, type_.type)

    def key(self, thing: Thing) -> str:
        """Return the mark in the field of that name."""
        fields = self.qtest.site.fields.of(thing.project, thing.type)
        (number,) = (each.id for each in fields if each.label == "Zephyr key")
        return thing.properties.get(number, "")

    def case(self, key: str) -> Case:
        cases: list[Case] = self.things(Case)
        return next(each for each in cases if self.key(each) == key)

    def field(self, type_: type[Any], label: str) -> Any:
        fields = self.qtest.site.fields.of(self.qtest.options.project, type_.type)
        return next(each for each in fields if each.label == label)


Site = Callable[[], AbstractAsyncContextManager[Mapping[str, Any]]]
"""Serves a source; yields the table ``[source]`` that points at it."""


@asynccontextmanager
async def migrated(folder: Path, site: Site = demo, **more: Any) -> AsyncIterator[Scene]:
    """Migrate the source into an empty project; ``more`` tables of the configuration."""
    qtest = Simulator(Options())
    async with site() as source, qtest.serving() as base_url:
        sink = {
            "use": "qtest",
            "base_url": base_url,
            "project": qtest.options.project,
            "token": Secret(qtest.options.token),
            "create_fields": True,
        }
        tables = {"store": {}, "source": source, "sink": sink, **more}
        read = configuration.from_tables(tables, Plugins.installed(), folder)
        services = Services(lambda _note, _ref: None)
        async with (
            read.source.plugin.open(read.source.settings, services) as zephyr,
            read.sink.plugin.open(read.sink.settings, services) as target,
        ):
            with (
                TimedStore(f"sqlite:///{folder}/m.db", files=folder / "files") as store,
                store.run("migrate") as run,
            ):
                async with open_fetcher(read.images, lambda _: None, pause=0) as fetcher:
                    pictures = engine.PictureSources(read.images, fetcher.fetch)
                    await engine.extract(engine.Run(store, run.id), zephyr, pictures=pictures)
                await engine.transform(engine.Run(store), read.build)
                await engine.load(engine.Run(store, run.id), target)
                yield Scene(store=store, sink=target, qtest=qtest)


# ------------------------------------------------------------------------------------- the faults


def changed(thing: Any, **values: Any) -> Undo:
    """Set attributes; return what sets them back."""
    before = {name: getattr(thing, name) for name in values}

    def undo() -> None:
        for name, value in before.items():
            setattr(thing, name, value)

    for name, value in values.items():
        setattr(thing, name, value)
    return undo


def version(case: Case, **values: Any) -> Undo:
    """Change today's version of a case."""
    return changed(case, versions=[*case.versions[:-1], attrs.evolve(case.latest, **values)])


def step(case: Case, at: int, **values: Any) -> Undo:
    steps = list(case.latest.steps)
    steps[at] = attrs.evolve(steps[at], **values)
    return version(case, steps=tuple(steps))


def swapped(case: Case) -> Undo:
    first, second, *rest = case.latest.steps
    steps = (attrs.evolve(second, order=1), attrs.evolve(first, order=2), *rest)
    return version(case, steps=steps)


def value(thing: Thing, field: Any, text: str) -> Undo:
    before = dict(thing.properties)

    def undo() -> None:
        thing.properties.clear()
        thing.properties.update(before)

    thing.properties[field.id] = text
    return undo


def moved(scene: Scene, thing: Thing, parent: tuple[str, int]) -> Undo:
    before = thing.parent
    scene.qtest.state.move(thing, parent)
    return lambda: scene.qtest.state.move(thing, before)


def unlinked(scene: Scene, requirement: Requirement, case: Case) -> Undo:
    links = scene.qtest.state.links
    before = dict(links[requirement.place]), dict(links[case.place])

    def undo() -> None:
        links[requirement.place], links[case.place] = before

    del links[requirement.place][case.place], links[case.place][requirement.place]
    return undo


def replaced(file: Any) -> Undo:
    content = bytes(file.size)
    return changed(file, content=content, sha256=hashlib.sha256(content).hexdigest())


def doubled(scene: Scene, thing: Thing) -> Undo:
    copy = attrs.evolve(thing, id=scene.qtest.state.new_id(), properties=dict(thing.properties))
    scene.qtest.state.add(copy)
    return lambda: scene.qtest.state.remove(copy)


Fault = tuple[str, Callable[[], Undo], str]
"""What it is called, what puts it in, and how the one finding begins."""


def faults(scene: Scene) -> Iterator[Fault]:
    """Yield each fault with the beginning of the finding that names it."""
    priority, created = (scene.field(Case, name) for name in ("Priority", "Zephyr created"))
    case = next(
        each
        for each in scene.things(Case)
        if {priority.id, created.id} <= each.properties.keys() and each.latest.description
    )
    long, longer = [each for each in scene.things(Case) if len(each.latest.steps) > 2][:2]
    long_key = scene.key(long)
    # without a table of values, each of which would be a finding of its own
    own = next(
        each
        for each in long.latest.steps
        if each.called is None and each.expected and "<table" not in each.description
    )
    at = long.latest.steps.index(own)
    of_case = f"test case {scene.key(case)}: "
    yield "name", lambda: changed(case, name="HACKED"), f"{of_case}name is 'HACKED'"
    yield "description", lambda: version(case, description="destroyed"), f"{of_case}description"
    yield (
        "text of a step",
        lambda: step(long, at, description="<p>Do nothing</p>"),
        f"test case {long_key}: step {own.order}: description",
    )
    yield (
        "expected result",
        lambda: step(long, at, expected=""),
        f"test case {long_key}: step {own.order}: expected result is empty",
    )
    yield "order", lambda: swapped(longer), f"test case {scene.key(longer)}: order of steps"
    labels = scene.field(Case, "Labels")
    labelled = next(each for each in scene.things(Case) if each.properties.get(labels.id))
    yield (
        "property emptied",
        lambda: value(labelled, labels, ""),
        f"test case {scene.key(labelled)}: field 'Labels' is empty",
    )
    now = case.properties[priority.id]
    other = next(str(number) for number in priority.values if str(number) != now)
    yield (
        "choice replaced",
        lambda: value(case, priority, other),
        f"{of_case}field 'Priority' is ",
    )
    day = case.properties[created.id]
    yield (
        "date moved by a day",
        lambda: value(case, created, day.replace(day[8:10], f"{int(day[8:10]) % 28 + 1:02}", 1)),
        f"{of_case}field 'Zephyr created' is ",
    )
    owner = scene.field(Case, "Zephyr owner")
    owned = next(each for each in scene.things(Case) if each.properties.get(owner.id))
    yield (
        "owner changed",
        lambda: value(owned, owner, "Sam Stranger"),
        f"test case {scene.key(owned)}: field 'Zephyr owner' is 'Sam Stranger'",
    )
    statuses = scene.qtest.state.statuses.values()
    # results of steps that somebody moved in their version stay as they are, even when repaired
    log: Log = next(
        each for each in scene.things(Log) if each.steps and each.run.case is not longer
    )
    other_status = next(each for each in statuses if each is not log.status)
    yield (
        "status of a log",
        lambda: changed(log, status=other_status),
        f"test log: status is {other_status.name!r}",
    )
    one = log.steps[0]
    of_step = next(each for each in statuses if each is not one.status)
    yield "status of a step", lambda: changed(one, status=of_step), "test log: result of step"
    yield "note cut", lambda: changed(log, note=log.note[20:]), "test log: note is"
    yield "start moved", lambda: changed(log, start=log.start - 86_400), "test log: start is"
    elsewhere = next(m for m in scene.things(Module) if m.place != case.parent)
    file = next(
        each for each in scene.qtest.state.attachments.values() if each.owner[0] == "test-logs"
    )
    yield "file replaced", lambda: replaced(file), "attachment: content is"
    yield "case moved", lambda: moved(scene, case, elsewhere.place), f"{of_case}folder is"
    run: Run = scene.things(Run)[0]
    suite = next(each for each in scene.things(Suite) if each.place != run.parent)
    yield (
        "run moved",
        lambda: moved(scene, run, suite.place),
        f"test run {scene.key(run)}: test cycle is",
    )
    plan: Release = scene.things(Release)[0]
    yield (
        "plan's date",
        lambda: changed(plan, start=(plan.start or 0) + 86_400),
        f"test plan {scene.key(plan)}: start is",
    )
    yield "made twice", lambda: doubled(scene, plan), f"test plan {scene.key(plan)} exists 2 times"


def requirement_faults(scene: Scene) -> Iterator[Fault]:
    """Yield faults of requirements, where a project has some."""
    requirement = next(
        each for each in scene.things(Requirement) if scene.qtest.state.links.get(each.place)
    )
    linked = scene.qtest.state.get(Case, next(iter(scene.qtest.state.links[requirement.place]))[1])
    assert linked is not None
    yield (
        "link removed",
        lambda: unlinked(scene, requirement, linked),
        f"test case {scene.key(linked)}: link to requirement {scene.key(requirement)}",
    )
    elsewhere = next(m for m in scene.things(Module) if m.place != requirement.parent)
    yield (
        "requirement moved",
        lambda: moved(scene, requirement, elsewhere.place),
        f"requirement {scene.key(requirement)}: folder is",
    )


def names(found: str, begins: str) -> bool:
    """Whether a finding begins so; the keys of logs and files are left out."""
    kind, colon, rest = begins.partition(": ")
    if kind in {"test log", "attachment"}:
        return found.startswith(f"{kind} ") and f": {rest}" in found
    return found.startswith(begins if colon else kind)


async def repaired(scene: Scene, policy: str) -> list[str]:
    """Repair what the last validation found; return what the next one finds."""
    run = engine.Run(scene.store)
    changed = await run.store.validation.rewrite(run.id)
    assert changed + run.store.reporting.removed()
    await engine.load(run, scene.sink, on_conflict=policy)
    return await scene.found()
