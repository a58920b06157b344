"""What a side must have is checked when it is opened; what a sink may lack is made up for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_testkit.lending import lent
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.unit.environment import Environment
from ztoq_core import engine
from ztoq_core.contracts import (
    Content,
    Finding,
    Found,
    Links,
    MarkPage,
    Owner,
    Page,
    Schema,
    Services,
    Sink,
    SinkPlugin,
    Source,
    SourcePlugin,
    Written,
)
from ztoq_core.engine import sides
from ztoq_core.engine.load.marks import marks_of
from ztoq_core.errors import AccessError, ConfigError, Exit, RecordError, RejectedError
from ztoq_core.records import ADDRESS, Kind, Record, Ref, TestCase
from ztoq_core.store import State, Store

ALL = sorted(record.key for record in PROJECT)
SECOND = Ref(Kind.TEST_CASE, "ACME-T2")


class Six:
    """A sink with nothing but the six methods that every sink must have."""

    identity = "six"

    def __init__(self) -> None:
        self.held = MemorySink(
            schema=Schema(search_lag=0, remote=False, can_create_fields=True, fields_known=True)
        )

    async def check(self) -> tuple[Finding, ...]:
        return ()

    async def describe(self) -> Schema:
        return await self.held.describe()

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        return await self.held.find(record, links)

    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        return await self.held.marks(kind, owners, cursor)

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        return await self.held.write(record, target_id, links, content)


class Readable(Six):
    """Reads back as well."""

    async def read(self, kind: Kind, target_id: str) -> Record:
        return await self.held.read(kind, target_id)


def linked(record: Record) -> Record:
    """Let a case point at another one in its text."""
    if isinstance(record, TestCase) and record.key == "ACME-T1":
        text = f'<p><a href="{SECOND.address}">first this</a></p>'
        return attrs.evolve(record, description=text, text_refs=(SECOND,))
    return record


async def migrate(store: Store, sink: Sink) -> None:
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [linked])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)


@pytest.mark.parametrize("make", [Six, Readable])
async def test_six_methods_carry_a_migration(store: Store, make: Callable[[], Six]) -> None:
    sink = make()

    await migrate(store, sink)

    assert sink.held.keys() == ALL
    case = next(each.record for each in sink.held.objects.values() if each.record.key == "ACME-T1")
    assert isinstance(case, TestCase)
    assert ADDRESS not in case.description
    assert 'href="memory:' in case.description
    states = {state for each in store.reporting.counts().values() for state in each}
    assert states == {State.FINISHED}
    before = len(sink.held.calls)
    await migrate(store, sink)
    assert not [each for each in sink.held.calls[before:] if each.startswith("write")]


async def test_a_lost_store_doubles_nothing_in_a_sink_that_lists_by_no_owner(
    tmp_path: Path,
) -> None:
    sink = Six()
    for name in ("first", "second"):
        with Store(f"sqlite:///{tmp_path / name}.db", create=True) as store:
            await migrate(store, sink)

    assert sink.held.keys() == ALL


async def test_what_cannot_delete_is_not_rolled_back_and_says_so(store: Store) -> None:
    sink = Six()
    await migrate(store, sink)

    with store.run("rollback") as run, pytest.raises(ConfigError, match=r"cannot delete.*by hand"):
        await engine.rollback(engine.Run(store, run.id), sink)

    assert sink.held.keys() == ALL


async def test_what_a_sink_lacks_is_said(store: Store) -> None:
    del store
    needy = Schema(finish_kinds=frozenset({Kind.TEST_CASE}))
    said = "\n".join(engine.lacks(Six(), needy))

    for method in ("no read", "no children and delete", "no current", "no finish"):
        assert method in said
    assert not list(engine.lacks(MemorySink(), needy))


# --------------------------------------------------------------------------------------- opening


@attrs.frozen
class Settings:
    pass


def giving(side: object) -> Callable[..., Any]:
    @asynccontextmanager
    async def opens(_config: object, _services: Services) -> AsyncIterator[Any]:
        yield side

    return opens


def without(kind: type, *names: str, **others: Any) -> object:
    """Return an object with the members of a class but those named."""
    base = kind(PROJECT) if kind is MemorySource else kind()
    members = {name: getattr(base, name) for name in dir(base) if not name.startswith("_")}
    bare = {name: each for name, each in members.items() if name not in names}
    return type("Bare", (), {"__init__": lambda self: self.__dict__.update({**bare, **others})})()


async def coroutine(_config: object, _services: object) -> MemorySink:
    return MemorySink()


def failing(_config: object, _services: object) -> Any:
    raise KeyError("project")


async def without_yield(_attachment: object) -> bytes:
    return b""


def plain_write(_record: object, _target_id: object, _links: object, _content: object) -> Written:
    return Written(target_id="1")


async def narrow(_record: object) -> None: ...


SOURCES: Mapping[str, tuple[Callable[..., Any], str]] = {
    "nothing": (giving(None), "has no identity, kinds, completes, check"),
    "no fetch": (giving(without(MemorySource, "fetch")), "has no fetch"),
    "download without yield": (
        giving(without(MemorySource, "download", download=without_yield)),
        r"download\(\) that is declared with async def and does not yield",
    ),
    "identity of a number": (
        giving(without(MemorySource, "identity", identity=7)),
        "identity that is not a text",
    ),
    "an exception": (failing, "failed in open of the source 'acme': KeyError: 'project'"),
}
SINKS: Mapping[str, tuple[Callable[..., Any], str]] = {
    "nothing": (giving(None), "has no identity, check, describe, find, marks, write"),
    "a coroutine": (coroutine, "it gave coroutine, not an async context manager"),
    "no find": (giving(without(MemorySink, "find")), "has no find"),
    "sync write": (
        giving(without(MemorySink, "write", write=plain_write)),
        r"write\(\) that is not declared with async def",
    ),
    "too few arguments": (
        giving(without(MemorySink, "finish", finish=narrow)),
        r"finish\(\) that does not take \(record, written, links\)",
    ),
    "an exception": (failing, "failed in open of the sink 'acme': KeyError: 'project'"),
}


@pytest.mark.parametrize("fault", SOURCES)
async def test_a_faulty_source_is_refused_when_it_is_opened(fault: str) -> None:
    opens, said = SOURCES[fault]
    plugin = SourcePlugin(name="acme", summary="", config=Settings, open=opens)
    with pytest.raises(RecordError, match=said):
        async with engine.open_side(plugin, Settings(), lent()):
            pass


@pytest.mark.parametrize("fault", SINKS)
async def test_a_faulty_sink_is_refused_when_it_is_opened(fault: str) -> None:
    opens, said = SINKS[fault]
    plugin = SinkPlugin(name="acme", summary="", config=Settings, open=opens)
    with pytest.raises(RecordError, match=said):
        async with engine.open_side(plugin, Settings(), lent()):
            pass


@pytest.mark.parametrize("error", [ConfigError("no such folder"), AccessError("401")])
async def test_errors_that_open_may_raise_pass(error: Exception) -> None:
    def opens(_config: object, _services: object) -> Any:
        raise error

    plugin = SourcePlugin(name="acme", summary="", config=Settings, open=opens)
    with pytest.raises(type(error), match=str(error)):
        async with engine.open_side(plugin, Settings(), lent()):
            pass


async def test_a_method_that_cannot_show_its_arguments_is_taken_as_it_is() -> None:
    side = without(MemorySource, "download", download=max)
    plugin = SourcePlugin(name="acme", summary="", config=Settings, open=giving(side))
    async with engine.open_side(plugin, Settings(), lent()) as opened:
        assert opened is side


# ------------------------------------------------------------------------ instead of capabilities


async def test_without_current_an_object_counts_as_it_was_unless_it_cannot_be_read() -> None:
    six, readable = Six(), Readable()
    for sink in (six, readable):
        written = await sink.write(PROJECT[0], None, {}, None)
        assert await sides.current(sink, Kind.FOLDER, written.target_id, written) is written
        found = await sides.current(sink, Kind.FOLDER, written.target_id)
        assert found == Written(target_id=written.target_id)

    assert await sides.current(six, Kind.FOLDER, "404") is not None
    assert await sides.current(readable, Kind.FOLDER, "404") is None


async def test_without_current_an_object_that_cannot_be_read_for_now_is_not_called_gone() -> None:
    class Down(Readable):
        async def read(self, kind: Kind, target_id: str) -> Record:
            raise RejectedError(f"{kind} {target_id}", status=503)

    with pytest.raises(RejectedError):
        await sides.current(Down(), Kind.FOLDER, "1")


async def test_without_a_search_find_is_asked() -> None:
    for sink in (Six(), MemorySink()):
        written = Written(target_id="1")
        assert not await sides.is_searchable(sink, PROJECT[0], written)
        written = await sink.write(PROJECT[0], None, {}, None)
        assert await sides.is_searchable(sink, PROJECT[0], written)


async def test_a_fault_names_the_plugin_and_its_package(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(MemorySink):
        __module__ = "mod_failing.sink"

        async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
            raise KeyError(record.key, links)

    async def said() -> str:
        with pytest.raises(RecordError) as caught:
            await sides.find(Failing(), PROJECT[0], {})
        return str(caught.value)

    assert (await said()).startswith("mod_failing.sink failed in find of folder ACME-F1: KeyError:")
    environment.source("p-failing", "mod_failing", "fails")
    monkeypatch.setattr(
        "ztoq_core.plugin_calls._distributions", lambda: {"mod_failing": ["p-failing"]}
    )
    assert (await said()).startswith("p-failing 1.0 failed in find of")
    monkeypatch.setattr("ztoq_core.plugin_calls.entry_points", lambda _: environment.entries)
    assert (await said()).startswith("'fails' (p-failing 1.0) failed in find of")
    made_up = EntryPoint(name="fails", value="mod_failing", group="ztoq")
    monkeypatch.setattr("ztoq_core.plugin_calls.entry_points", lambda _: [made_up])
    assert (await said()).startswith("'fails' (mod_failing.sink) failed in find of")


# ---------------------------------------------------------------------------------- wrong answers


class Circling(MemorySink):
    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        page = await super().marks(kind, owners, cursor)
        return attrs.evolve(page, cursor="b" if cursor == "a" else "a")


class Wrong(MemorySink, MemorySource):
    """Gives something else than it should, or fails."""

    def __init__(self, given: object) -> None:
        MemorySource.__init__(self, PROJECT)
        MemorySink.__init__(self)
        self.given = given

    def __getattribute__(self, name: str) -> Any:
        async def answer(*_: object) -> object:
            if isinstance(self.given, Exception):
                raise self.given
            return self.given

        calls = {"check", "describe", "find", "marks", "write", "finish", "current", "children"}
        return answer if name in calls else super().__getattribute__(name)


CALLS: Mapping[str, Callable[[Any], Any]] = {
    "check": sides.checked,
    "describe": sides.described,
    "find": lambda sink: sides.find(sink, PROJECT[0], {}),
    "marks": lambda sink: marks_of(sink, Kind.FOLDER),
    "write": lambda sink: sides.write(sink, PROJECT[0], None, {}, None),
    "finish": lambda sink: sides.finish(sink, PROJECT[0], Written(target_id="1"), {}),
    "current": lambda sink: sides.current(sink, Kind.FOLDER, "1"),
    "children": lambda sink: sides.children(sink, Kind.FOLDER, ["1"]),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("given", [KeyError("id"), 5, "text", {"a": 1}], ids=repr)
async def test_what_a_side_gives_wrongly_is_named_with_plugin_and_call(
    call: str, given: object
) -> None:
    with pytest.raises(RecordError, match=f"failed in {call} of"):
        await CALLS[call](Wrong(given))


async def test_a_list_of_the_target_that_goes_round_in_a_circle_ends() -> None:
    with pytest.raises(RecordError, match="'a' comes again"):
        await marks_of(Circling(), Kind.FOLDER)


class GoingRound(MemorySource):
    """Gives two cursors in turn, for ever, or one."""

    turns: Sequence[str] = ("a", "b")

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        page = await super().fetch(kind, None)
        return attrs.evolve(page, cursor=self.turns[-1] if cursor == "a" else "a")

    async def changed_since(self, kind: Kind, _since: datetime, cursor: str | None) -> Page:
        return await self.fetch(kind, cursor)


@pytest.mark.parametrize("turns", ["ab", "a"])
async def test_a_list_of_the_source_that_goes_round_ends_and_is_not_complete(
    store: Store, turns: str
) -> None:
    source = GoingRound(PROJECT, CONTENTS)
    source.turns = turns
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), source)

    assert "comes again, so the list never ends" in store.facts.unread[Kind.TEST_CASE]
    assert engine.outcome(store, engine.Goal.EXTRACT).exit is Exit.LEFT
    found = await engine.check_source(engine.Run(store, run.id), source)
    assert found is not None
    assert [each for each in found.reasons if "could not be read to its end" in each]


async def test_a_list_of_changes_that_goes_round_ends(store: Store) -> None:
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
    with store.run("extract") as run:
        since = datetime(2025, 1, 1, tzinfo=UTC)
        await engine.extract(engine.Run(store, run.id), GoingRound(PROJECT), since=since)

    assert "comes again" in store.facts.unread[Kind.TEST_CASE]


async def test_doubles_are_accepted() -> None:
    source: Source = MemorySource(PROJECT)
    plugin = SourcePlugin(name="memory", summary="", config=Settings, open=giving(source))
    async with engine.open_side(plugin, Settings(), lent()) as opened:
        assert opened is source
