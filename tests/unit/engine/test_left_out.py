"""A record that the sink leaves out for now, and what belongs to it and mentions it."""

from __future__ import annotations

from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.contracts import Content, Links, Skip, Written
from ztoq_core.engine import Event
from ztoq_core.errors import Exit
from ztoq_core.records import Kind, Level, LossGroup, NoteCode, Record, Ref
from ztoq_core.store import State, Store


class Choosy(MemorySink):
    """Leaves out what is not to come yet."""

    not_yet: Ref | None = None
    code: NoteCode | None = None

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        if record.ref == self.not_yet:
            raise Skip("not yet", code=self.code)
        return await super().write(record, target_id, links, content)


def quiet(_: Event) -> None:
    """Tell nobody."""


async def bring(store: Store, sink: MemorySink) -> engine.Verdict:
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(PROJECT, CONTENTS))
        await engine.transform(engine.Run(store), lambda _: [lambda record: record])
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)
    return engine.outcome(store)


async def test_what_is_left_out_takes_its_own_along_and_comes_later(store: Store) -> None:
    sink = Choosy()
    sink.not_yet = Ref(Kind.TEST_CASE, "ACME-T1")
    sink.code = NoteCode("later", Level.FALLBACK, LossGroup.MOVED, "what comes later")

    ended = await bring(store, sink)

    assert ended.exit is Exit.OK
    assert ended.warnings == ("1 moved: 1 later",)
    assert store.reporting.counts()[Kind.TEST_RUN] == {State.SKIPPED: 1}
    assert store.reporting.counts()[Kind.TEST_LOG] == {State.SKIPPED: 2}
    assert store.reporting.counts()[Kind.TEST_CASE] == {State.SKIPPED: 1, State.FINISHED: 1}

    sink.not_yet = None
    ended = await bring(store, sink)

    assert (ended.exit, ended.warnings) == (Exit.OK, ())
    assert sink.keys() == sorted(record.key for record in PROJECT)


async def test_what_mentions_it_is_written_without_it(store: Store) -> None:
    sink = Choosy()
    sink.not_yet = Ref(Kind.TEST_PLAN, "ACME-P1")

    ended = await bring(store, sink)

    assert (ended.exit, ended.warnings) == (Exit.OK, ())
    assert store.reporting.counts()[Kind.TEST_PLAN] == {State.SKIPPED: 1}
    assert store.reporting.counts()[Kind.TEST_CYCLE] == {State.FINISHED: 1}
