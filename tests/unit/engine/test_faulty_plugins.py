"""Whatever a plugin's code does wrong with one record concerns that record alone."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS

from tests.tables import examples, sampled
from tests.unit.engine.crashing import PROJECT, load, typed
from ztoq_core import engine
from ztoq_core.contracts import Content, Found, Links, Page, Reject, Written
from ztoq_core.errors import AccessError, ConfigError, Exit, RejectedError, first_error
from ztoq_core.records import Attachment, Kind, Record, Ref, plain
from ztoq_core.store import State, Store
from ztoq_core.store.tables import Item, bound

ALL = sorted([*(record.key for record in PROJECT), "test_case/Browser"])
CASE = Ref(Kind.TEST_CASE, "ACME-T1")
KINDS = {record.kind for record in PROJECT} - {Kind.ATTACHMENT}
BAD = {State.FAILED, State.BLOCKED, State.REJECTED, State.UNKNOWN}
FAULTS: list[Callable[[], Exception]] = [
    lambda: KeyError("id"),
    lambda: RecursionError("maximum recursion depth exceeded"),
    lambda: OverflowError("date value out of range"),
    lambda: UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    lambda: ConfigError("not for one record to say"),
    lambda: ExceptionGroup("two", [ValueError("a"), TypeError("b")]),
]
WRONG: list[Any] = [None, "text", 5, (), [], object()]


class Source(MemorySource):
    """Fails in some calls about some records, or changes a property of a record that it gives."""

    def __init__(self) -> None:
        super().__init__(PROJECT, CONTENTS, page_size=3)
        self.faults: dict[tuple[str, str], Callable[[], Any]] = {}
        self.change: Callable[[Record], Record] = lambda record: record
        self.unlisted: set[str] = set()

    def _at(self, call: str, key: str) -> None:
        if fault := self.faults.get((call, key)):
            raise fault()

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        self._at("fetch", kind)
        page = await super().fetch(kind, cursor)
        listed = [each for each in page.records if each.key not in self.unlisted]
        return attrs.evolve(page, records=tuple(map(self.change, listed)))

    async def complete(self, record: Record) -> tuple[Record, ...]:
        self._at("complete", record.key)
        return tuple(map(self.change, await super().complete(record)))

    async def resolve(self, ref: Ref) -> tuple[Record, ...] | Reject:
        self._at("resolve", ref.key)
        found = await super().resolve(ref)
        return found if isinstance(found, Reject) else await self.complete(found[0])

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        self._at("download", attachment.key)
        async for chunk in super().download(attachment):
            yield chunk


class Sink(MemorySink):
    """Fails in some calls about some records, before or after what they are to do is done."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: dict[tuple[str, str], Callable[[], Any]] = {}

    def _at(self, call: str, record: Record) -> None:
        if fault := self.faults.get((call, record.key)):
            raise fault()

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        self._at("before write", record)
        written = await super().write(record, target_id, links, content)
        self._at("after write", record)
        return written

    async def finish(self, record: Record, written: Written, links: Links) -> Written:
        self._at("finish", record)
        return await super().finish(record, written, links)

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        self._at("find", record)
        return await super().find(record, links)


async def migrate(
    store: Store, source: MemorySource, sink: MemorySink, change: Any = typed
) -> None:
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), source)
    await engine.transform(engine.Run(store), lambda _: [typed, change])
    await load(store, sink)


def rows(store: Store) -> dict[str, tuple[State, str]]:
    item = bound(Item, store.database.connection)
    return {row.key: (State(row.state), row.reason) for row in item.select()}


def named(fault: Callable[[], BaseException]) -> str:
    """Return what a message calls a fault; of a group, the first, which tells more."""
    return type(first_error(fault())).__name__


def names_all(reason: str, *parts: str) -> bool:
    return all(part in reason for part in parts)


@pytest.mark.parametrize("fault", sampled(FAULTS, 3), ids=lambda fault: type(fault()).__name__)
@pytest.mark.parametrize(
    ("call", "key"),
    [("complete", "ACME-T1"), ("complete", "ACME-E2"), ("download", "ACME-T1#1")],
)
async def test_a_source_that_fails_with_a_record_rejects_it(
    store: Store, call: str, key: str, fault: Callable[[], Exception]
) -> None:
    source, sink = Source(), Sink()
    source.faults[call, key] = fault

    await migrate(store, source, sink)

    state, reason = rows(store)[key]
    assert state is State.REJECTED
    assert names_all(reason, "tests.unit.engine", call, key, named(fault))
    assert "ACME-T2" in set(sink.keys())
    assert engine.outcome(store).exit is Exit.LEFT
    source.faults.clear()
    await migrate(store, source, sink)
    assert sink.keys() == ALL
    assert engine.outcome(store).exit is Exit.OK


@pytest.mark.parametrize("fault", sampled(FAULTS, 3), ids=lambda fault: type(fault()).__name__)
async def test_a_transformer_that_raises_fails_the_record(
    store: Store, fault: Callable[[], Exception]
) -> None:
    def change(record: Record) -> Record:
        if record.ref == CASE:
            raise fault()
        return record

    sink = Sink()
    await migrate(store, Source(), sink, change)

    state, reason = rows(store)[CASE.key]
    assert state is State.FAILED
    assert names_all(reason, "tests.unit.engine", str(CASE), named(fault))
    assert "ACME-P1" in set(sink.keys())
    await migrate(store, Source(), sink)
    assert sink.keys() == ALL


async def coroutine() -> None:
    """Be what a transformer gives that was written as a coroutine."""


@pytest.mark.parametrize(
    "result",
    sampled(
        [
            *(lambda _, wrong=wrong: wrong for wrong in WRONG),
            lambda _: coroutine(),
            lambda record: attrs.evolve(record, key="ACME-T9"),
            lambda record: attrs.evolve(record, name=5),
            lambda record: attrs.evolve(record, name=None),
            lambda record: attrs.evolve(record, labels=5),
            lambda record: attrs.evolve(record, folder="ACME-F1"),
            lambda record: attrs.evolve(record, folder=Ref(Kind.FOLDER, "\ud800")),
            lambda _: next(each for each in PROJECT if each.kind is Kind.FOLDER),
        ],
        2,
    ),
)
async def test_a_transformer_that_gives_something_else_fails_the_record(
    store: Store, result: Callable[[Record], Any]
) -> None:
    sink = Sink()

    await migrate(
        store, Source(), sink, lambda record: result(record) if record.ref == CASE else record
    )

    state, reason = rows(store)[CASE.key]
    assert state is State.FAILED
    assert str(CASE) in reason
    assert "ACME-T2" in set(sink.keys())


@pytest.mark.parametrize("fault", sampled(FAULTS, 3), ids=lambda fault: type(fault()).__name__)
@pytest.mark.parametrize("call", ["before write", "after write", "finish"])
async def test_a_sink_that_fails_with_a_record_fails_it_and_makes_nothing_twice(
    store: Store, call: str, fault: Callable[[], Exception]
) -> None:
    sink = Sink()
    sink.faults[call, CASE.key] = fault

    await migrate(store, Source(), sink)

    state, reason = rows(store)[CASE.key]
    assert state is State.FAILED
    assert names_all(reason, "tests.unit.engine", str(CASE), named(fault))
    assert (CASE.key in set(sink.keys())) is (call != "before write")
    assert sink.calls.count(f"write {CASE}") == (call != "before write")
    sink.faults.clear()
    with store.run("retry") as run:
        await store.decisions.retry(run.id, None, ())
    await load(store, sink)
    assert sink.keys() == ALL
    assert engine.outcome(store).exit is Exit.OK


async def test_what_cannot_be_looked_for_stays_in_doubt_with_both_reasons(store: Store) -> None:
    sink = Sink()
    sink.doubts = {"ACME-P1"}
    sink.faults["find", "ACME-P1"] = FAULTS[0]

    await migrate(store, Source(), sink)

    state, reason = rows(store)["ACME-P1"]
    assert state is State.UNKNOWN
    assert names_all(reason, "was lost", "find", "KeyError")
    assert rows(store)["ACME-T1"][0] is State.FINISHED


@pytest.mark.parametrize("kind", sampled(sorted(KINDS), 2))
async def test_a_list_that_cannot_be_read_keeps_the_others_and_is_named(
    store: Store, kind: Kind
) -> None:
    source = Source()
    source.faults["fetch", kind] = lambda: RejectedError("the list was refused", status=404)

    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), source)

    judged = engine.outcome(store, engine.Goal.EXTRACT)
    assert (judged.exit, judged.status) == (Exit.LEFT, engine.Status.EXTRACTION_INCOMPLETE)
    named = f"The list of {plain(kind)}s: the list was refused"
    assert [each for each in judged.sentences if "refused" in each] == [named]
    assert set(store.reporting.listed()) == set(source.kinds) - {kind}
    source.faults.clear()
    sink = Sink()
    await migrate(store, source, sink)
    assert sink.keys() == ALL
    assert engine.outcome(store).exit is Exit.OK


async def test_a_list_of_changes_that_cannot_be_read_leaves_the_pass_open(store: Store) -> None:
    class Changing(Source):
        async def changed_since(self, kind: Kind, since: datetime, cursor: str | None) -> Page:
            assert since.year == 2026
            return await self.fetch(kind, cursor)

    source, sink = Changing(), Sink()
    await migrate(store, source, sink)
    source.faults["fetch", Kind.TEST_PLAN] = lambda: RejectedError("the list was refused")
    since = datetime(2026, 1, 1, tzinfo=UTC)

    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), source, since=since)

    assert not store.reporting.extraction_complete
    assert set(store.facts.unread) == {Kind.TEST_PLAN}
    assert engine.outcome(store).status is engine.Status.EXTRACTION_INCOMPLETE
    source.faults.clear()
    await migrate(store, source, sink)
    assert engine.outcome(store).exit is Exit.OK


REFUSALS: list[Callable[[], Exception]] = [
    lambda: RejectedError("refused", status=400),
    lambda: RejectedError("refused", status=403),
    lambda: RejectedError("refused", status=503),
    lambda: RejectedError("refused: the body has another shape"),
    FAULTS[0],
]


@pytest.mark.parametrize("fault", sampled(REFUSALS, 2))
@pytest.mark.parametrize("key", ["ACME-T1", "ACME-R1"])
async def test_what_cannot_be_looked_up_is_rejected_and_asked_for_again(
    store: Store, key: str, fault: Callable[[], Exception]
) -> None:
    source, sink = Source(), Sink()
    source.unlisted = {key}
    source.faults["resolve", key] = fault

    await migrate(store, source, sink)

    state, reason = rows(store)[key]
    assert state is State.REJECTED
    assert reason.startswith("It could not be looked up: ")
    assert key not in set(sink.keys())
    judged = engine.outcome(store)
    assert judged.exit is Exit.LEFT
    assert any("1 rejected" in line for line in (judged.headline, *judged.sentences))
    source.faults.clear()
    await migrate(store, source, sink)
    assert sink.keys() == ALL
    assert engine.outcome(store).exit is Exit.OK


async def test_refused_credentials_end_the_run(store: Store) -> None:
    sink = Sink()
    sink.faults["before write", CASE.key] = lambda: AccessError("HTTP 401", status=401)

    with pytest.raises(AccessError):
        await migrate(store, Source(), sink)

    assert rows(store)[CASE.key][0] is State.READY


async def test_lack_of_memory_is_no_fault_of_a_record(store: Store) -> None:
    source = Source()
    source.faults["complete", CASE.key] = MemoryError

    with pytest.raises(MemoryError):
        await migrate(store, source, Sink())


def deep() -> Any:
    value: Any = "x"
    for _ in range(100_000):
        value = [value]
    return value


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["\ud800", "a\x00b", 2**70, -(2**70), "9999-12-31T23:59:59-23:59"]),
        st.builds(deep),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(data=st.data())
@settings(
    max_examples=examples(0.25),
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # each example is two migrations: shrinking takes too long
)
def test_any_value_in_any_property_ends_in_a_state_with_a_reason(data: st.DataObject) -> None:
    victim = data.draw(st.sampled_from(PROJECT))
    names = [each.name for each in attrs.fields(type(victim)) if each.init]
    name = data.draw(st.sampled_from(names))
    value = data.draw(JSON)
    source, sink = Source(), Sink()

    def change(record: Record) -> Record:
        return attrs.evolve(record, **{name: value}) if record.ref == victim.ref else record

    source.change = change
    folder = Path(tempfile.mkdtemp(prefix="ztoq-values-"))
    try:
        with Store(f"sqlite:///{folder}/m.db") as store:
            asyncio.run(migrate(store, source, sink))
            keys = sink.keys()
            assert len(keys) == len(set(keys))
            for key, (state, reason) in rows(store).items():
                assert state not in {State.READY, State.SENDING, State.LISTED, State.EXTRACTED}
                assert reason or state not in BAD, key

            source.change = lambda record: record
            asyncio.run(migrate(store, source, sink))
            assert set(sink.keys()) >= set(ALL)
            assert len(sink.keys()) == len(set(sink.keys()))
    finally:
        shutil.rmtree(folder)
