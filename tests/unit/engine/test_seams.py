"""The seams between stages: what waits is counted once, doubt is kept, what somebody edited stays.

Here what arrives late: requirements, cycles and cases, and what waits for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import attrs
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS

from tests.unit.engine.test_left_out import Choosy
from tests.unit.engine.test_stages import quiet, same
from ztoq_core import engine
from ztoq_core.contracts import Content, Links, Skip, Transform, Written
from ztoq_core.engine import Event, PictureSources, Progress
from ztoq_core.errors import RejectedError
from ztoq_core.records import (
    Call,
    Folder,
    Kind,
    Record,
    Ref,
    Requirement,
    TestCase,
    TestCycle,
    TestRun,
    TestStep,
    Tree,
)
from ztoq_core.store import State, Store

SHOP = Folder(key="F1", name="Shop", tree=Tree.CASES)
NIGHTS = Folder(key="F2", name="Night", tree=Tree.CYCLES)
PAY = Requirement(key="ACME-7", name="Pay", issue_key="ACME-7")
CASE = TestCase(key="T1", name="Case", folder=SHOP.ref, requirements=(PAY.ref,))
EARLY = TestCycle(key="R0", name="Night 0", folder=NIGHTS.ref)
EARLY_RUN = TestRun(key="R0/T1/", case=CASE.ref, cycle=EARLY.ref)
LATE = TestCycle(key="R1", name="Night 1", folder=NIGHTS.ref)
LATE_RUN = TestRun(key="R1/T1/", case=CASE.ref, cycle=LATE.ref)


class Slow(Choosy):
    """Takes its time to write one record."""

    slow: Ref | None = None

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        if record.ref == self.slow:
            await asyncio.sleep(0.3)
        return await super().write(record, target_id, links, content)


async def bring(  # noqa: PLR0913 - each is something that a test varies
    store: Store,
    sink: MemorySink,
    records: Iterable[Record],
    *,
    change: Transform = same,
    pictures: PictureSources | None = None,
    progress: Progress = quiet,
) -> int:
    """Migrate the records; return the run's id."""
    with store.run("migrate") as run:
        source = MemorySource(records, CONTENTS)
        await engine.extract(engine.Run(store, run.id), source, pictures=pictures)
        await engine.transform(engine.Run(store), lambda _: [change])
        await engine.load(engine.Run(store, run.id, progress, request_timeout=0.01), sink)
        return run.id


async def test_a_run_waits_for_its_cycle_though_its_case_is_finished_again(store: Store) -> None:
    sink = Slow()
    sink.not_yet = PAY.ref
    early = [SHOP, NIGHTS, PAY, CASE, EARLY, EARLY_RUN]
    await bring(store, sink, early)
    assert store.reporting.counts()[Kind.TEST_CASE] == {State.FINISHED: 1}

    sink.not_yet, sink.slow = None, LATE.ref
    await bring(store, sink, [*early, LATE, LATE_RUN])

    assert store.reporting.counts()[Kind.TEST_RUN] == {State.FINISHED: 2}


async def test_two_records_of_one_object_are_both_there(store: Store) -> None:
    twin = Requirement(key="ACME-8", name="Pay", issue_key="ACME-8")

    class Borrowing(MemorySink):
        async def write(
            self, record: Record, target_id: str | None, links: Links, content: Content | None
        ) -> Written:
            if record.key == twin.key:
                held = next(e for e in self.objects.values() if e.record.key == PAY.key)
                return attrs.evolve(held.written, borrowed=True, stamp="")
            return await super().write(record, target_id, links, content)

    sink = Borrowing()
    await bring(store, sink, [PAY])
    await bring(store, sink, [PAY, twin])

    result = await engine.validate(engine.Run(store), sink)

    row = next(row for row in result.rows if row.kind is Kind.REQUIREMENT)
    assert row.missing == ()


async def test_a_case_is_finished_with_all_requirements_that_came_meanwhile(store: Store) -> None:
    refund = Requirement(key="ACME-8", name="Refund", issue_key="ACME-8")
    case = attrs.evolve(CASE, requirements=(PAY.ref, refund.ref))

    class Later(MemorySink):
        yet = False

        async def write(
            self, record: Record, target_id: str | None, links: Links, content: Content | None
        ) -> Written:
            if isinstance(record, Requirement):
                if not self.yet:
                    raise Skip("not yet")
                if record.ref == refund.ref:
                    await asyncio.sleep(0.1)
            return await super().write(record, target_id, links, content)

        async def finish(self, record: Record, written: Written, links: Links) -> Written:
            if self.yet:
                await asyncio.sleep(0.2)
            made = await super().finish(record, written, links)
            self.objects[written.target_id].links = dict(links)
            return made

    sink = Later()
    await bring(store, sink, [SHOP, PAY, refund, case])
    sink.yet = True
    await bring(store, sink, [SHOP, PAY, refund, case])

    held = next(e for e in sink.objects.values() if e.record.ref == CASE.ref)
    assert held.links[PAY.ref]
    assert held.links[refund.ref]


async def test_finishing_again_keeps_what_somebody_edited(store: Store) -> None:
    def refer(record: Record) -> Record:
        if isinstance(record, TestCase):
            link = f'<a href="{SHOP.ref.address}">x</a>'
            return attrs.evolve(record, description=link, text_refs=(SHOP.ref,))
        return record

    sink = Choosy()
    sink.not_yet = PAY.ref
    await bring(store, sink, [SHOP, PAY, CASE], change=refer)
    held = next(e for e in sink.objects.values() if e.record.ref == CASE.ref)
    assert isinstance(held.record, TestCase)
    held.record = attrs.evolve(held.record, description="edited by a person")

    sink.not_yet = None
    await bring(store, sink, [SHOP, PAY, CASE], change=refer)

    assert held.record.description == "edited by a person"
    assert store.reporting.counts()[Kind.TEST_CASE] == {State.CONFLICT: 1}


async def test_a_refused_finish_releases_nothing_twice(store: Store) -> None:
    one = TestCase(key="T1", name="One", folder=SHOP.ref)
    two = TestCase(key="T2", name="Two", folder=SHOP.ref)
    steps = (
        TestStep(key="1", call=Call(case=one.ref)),
        TestStep(key="2", call=Call(case=two.ref)),
    )
    calls = TestCase(key="T3", name="Calls", folder=SHOP.ref, steps=steps)

    class Refusing(Slow):
        async def finish(self, record: Record, written: Written, links: Links) -> Written:
            if record.key == one.key:
                raise RejectedError("cannot be approved", status=400)
            return await super().finish(record, written, links)

    sink = Refusing()
    sink.slow = two.ref
    await bring(store, sink, [SHOP, one, two, calls])

    held = next(e for e in sink.objects.values() if e.record.ref == calls.ref)
    assert held.links[two.ref]


async def test_what_waits_for_belongings_of_what_is_left_out_goes_on(store: Store) -> None:
    later = Folder(key="F9", name="Later", tree=Tree.CASES)
    one = TestCase(key="T1", name="One", folder=later.ref)
    steps = (TestStep(key="1", call=Call(case=one.ref)),)
    calls = TestCase(key="T3", name="Calls", folder=SHOP.ref, steps=steps)
    said: list[str] = []

    def tell(event: Event) -> None:
        said.append(str(event))

    sink = Choosy()
    sink.not_yet = later.ref
    await bring(store, sink, [SHOP, later, one, calls], progress=tell)

    assert not [each for each in said if "dependency cycle" in each]


async def test_what_waits_for_something_behind_a_doubt_is_not_taken_for_a_circle(
    store: Store,
) -> None:
    first = Folder(key="F1", name="Shop", tree=Tree.CASES)
    second = Folder(key="F2", name="Pay", tree=Tree.CASES)
    called = TestCase(key="T2", name="Called", folder=first.ref)
    step = TestStep(key="1", call=Call(case=called.ref))
    calling = TestCase(key="T1", name="Calling", folder=second.ref, steps=(step,))
    sink = MemorySink(doubts={"F1"})

    await bring(store, sink, [first, second, calling, called])

    (written,) = [each for each in sink.objects.values() if each.record.key == "T1"]
    assert written.links[called.ref] is not None
