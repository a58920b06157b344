"""A simulated site, the sink opened on it, and an engine in miniature."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from ztoq_demo.qtest import Options, Simulator
from ztoq_qtest import QtestConfig, open_qtest
from ztoq_qtest.sink import QtestSink
from ztoq_testkit import Notes, lent
from ztoq_testkit.simulate import Faults, Reply, Request
from ztoq_testkit.virtual_time import VirtualTimeLoop

from ztoq_core.plugin import (
    Attachment,
    Call,
    Content,
    FieldDefinition,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Link,
    LinkType,
    Record,
    Ref,
    Requirement,
    Secret,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    Tree,
    Written,
)

TOKEN = "7f1d3c52-5a3b-4a52-9a55-2b6a4c1d9e10"


def content(name: str, body: bytes, media_type: str = "text/plain") -> Content:
    async def chunks() -> AsyncIterator[bytes]:
        yield body

    return Content(
        name=name,
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        media_type=media_type,
        open=chunks,
    )


@attrs.define
class World:
    """Does what the engine does with records: keeps what they became, and hands on the links."""

    simulator: Simulator
    sink: QtestSink
    base_url: str
    notes: Notes
    written: dict[Ref, Written | None] = attrs.field(factory=dict)

    async def write(self, record: Record, body: Content | None = None) -> Written:
        """Create the record, or change it where it was written before."""
        before = self.written.get(record.ref)
        number = before.target_id if before else None
        made = await self.sink.write(record, number, self.written, body)
        self.written[record.ref] = made
        return made

    async def finish(self, record: Record) -> Written:
        before = self.written[record.ref]
        assert before is not None
        made = await self.sink.finish(record, before, self.written)
        self.written[record.ref] = made
        return made

    async def whole(self, record: Record) -> Written:
        await self.write(record)
        return await self.finish(record)

    def dump(self) -> dict[str, Any]:
        return self.simulator.dump()

    def creating(self) -> int:
        return sum(n for (method, _), n in self.simulator.calls.items() if method == "POST")


Opener = Callable[..., Awaitable[World]]


@pytest.fixture
async def opened() -> AsyncIterator[Opener]:
    """Open the sink on a new site; ``options`` are the site's, other keywords the sink's."""
    async with AsyncExitStack() as stack:

        async def start(
            options: Options | None = None,
            *,
            faults: Faults | None = None,
            recorder: Callable[[Request, Reply], None] | None = None,
            **settings: Any,
        ) -> World:
            chosen = options or Options(token=TOKEN)
            simulator = Simulator(chosen, faults=faults, recorder=recorder)
            base_url = await stack.enter_async_context(simulator.serving())
            given = {"base_url": base_url, "project": chosen.project, "create_fields": True}
            if "username" not in settings:
                given["token"] = Secret(chosen.token)
            notes = Notes()
            config = QtestConfig(**{**given, **settings})
            sink = await stack.enter_async_context(open_qtest(config, lent(notes)))
            return World(simulator, sink, base_url, notes)

        yield start


def _defect(key: str) -> tuple[Link, ...]:
    return (Link(type=LinkType.RELATED, issue_key=key),)


FIELDS = (
    *(
        FieldDefinition(key=f"{kind}/Zephyr key", of=kind, name="Zephyr key", type=FieldType.TEXT)
        for kind in (
            Kind.REQUIREMENT,
            Kind.TEST_CASE,
            Kind.TEST_PLAN,
            Kind.TEST_CYCLE,
            Kind.TEST_RUN,
        )
    ),
    FieldDefinition(
        key="test_case/Browser",
        of=Kind.TEST_CASE,
        name="Browser",
        type=FieldType.MULTI_CHOICE,
        values=("Firefox", "Chrome"),
    ),
)
MODULE = Folder(key="SHOP-F1", name="Checkout", tree=Tree.CASES, description="<p>All of it</p>")
INNER = Folder(key="SHOP-F2", name="Cards", tree=Tree.CASES, parent=Ref(Kind.FOLDER, "SHOP-F1"))
CYCLES = Folder(key="SHOP-F3", name="2024", tree=Tree.CYCLES)
REQUIREMENT = Requirement(
    key="SHOP-9",
    name="SHOP-9 Pay by card",
    issue_key="SHOP-9",
    folder=Ref(Kind.FOLDER, "SHOP-F1"),
    description="<p>As a buyer</p>",
)
CALLED = TestCase(
    key="SHOP-T1",
    name="Log in",
    folder=Ref(Kind.FOLDER, "SHOP-F1"),
    steps=(
        TestStep(key="1", description="<p>Open</p>", expected="<p>Opened</p>"),
        TestStep(key="2", description="<p>Enter</p>", expected="<p>Entered</p>"),
    ),
    approve=True,
)
CASE = TestCase(
    key="SHOP-T2",
    name="Pay \N{PARTY POPPER}",
    folder=Ref(Kind.FOLDER, "SHOP-F2"),
    description="<p>Pay it's</p>",
    precondition="<p>A basket</p>",
    fields=(
        FieldValue(name="Browser", value=("Chrome", "Firefox"), type=FieldType.MULTI_CHOICE),
        FieldValue(name="Priority", value="high", type=FieldType.CHOICE),
        FieldValue(name="Assigned To", value="alice@example.com", type=FieldType.USER),
        FieldValue(name="Legacy id", value="A&B", type=FieldType.TEXT),
        FieldValue(name="Folder path", value="/x", optional=True),
    ),
    steps=(
        TestStep(key="1", description="<p>Choose</p>", expected="<p>Chosen</p>"),
        TestStep(
            key="2",
            description="<p>Log in</p>",
            call=Call(case=Ref(Kind.TEST_CASE, "SHOP-T1")),
        ),
        TestStep(key="3", description="<p>Pay</p>", expected="<p>Paid</p>"),
    ),
    requirements=(Ref(Kind.REQUIREMENT, "SHOP-9"),),
    executed=True,
)
PLAN = TestPlan(
    key="SHOP-P1",
    name="Spring",
    description="<p>Plan</p>",
    note="<p>/Plans</p>",
    start=datetime(2024, 3, 1, tzinfo=UTC),
    end=datetime(2024, 4, 1, tzinfo=UTC),
)
CYCLE = TestCycle(
    key="SHOP-R1",
    name="Week 10",
    folder=Ref(Kind.FOLDER, "SHOP-F3"),
    plans=(Ref(Kind.TEST_PLAN, "SHOP-P1"),),
    planned_start=datetime(2024, 3, 4, tzinfo=UTC),
    planned_end=datetime(2024, 3, 8, tzinfo=UTC),
)
RUN = TestRun(
    key="SHOP-R1/SHOP-T2/Staging",
    case=Ref(Kind.TEST_CASE, "SHOP-T2"),
    cycle=Ref(Kind.TEST_CYCLE, "SHOP-R1"),
    name="Pay",
    environment="Staging",
)
LOG = TestLog(
    key="SHOP-E1",
    run=Ref(Kind.TEST_RUN, "SHOP-R1/SHOP-T2/Staging"),
    case=Ref(Kind.TEST_CASE, "SHOP-T2"),
    status="Fail",
    statuses=("Failed",),
    start=datetime(2024, 3, 5, 10, 0, 0, 250_000, tzinfo=UTC),
    end=datetime(2024, 3, 5, 10, 5, tzinfo=UTC),
    note="<p>Executed by Alice</p>",
    links=_defect("SHOP-77"),
    files=1,
    results=(
        StepResult(key="1", status="Pass", statuses=("Passed",), step="1", actual="fine"),
        StepResult(key="2", status="Pass", statuses=("Passed",), step="2/1"),
        StepResult(
            key="3",
            status="Fail",
            statuses=("Failed",),
            step="3",
            row=1,
            actual="<p>refused</p>",
            links=_defect("SHOP-78"),
        ),
        StepResult(key="4", status="Pass", statuses=("Passed",), step="3", row=2),
    ),
)
CASE_FILE = Attachment(key="SHOP-T2#1", name="basket.txt", owner=Ref(Kind.TEST_CASE, "SHOP-T2"))
STEP_FILE = Attachment(
    key="SHOP-T2/7#2",
    name="na\u00efve \u2713.png",
    owner=Ref(Kind.TEST_CASE, "SHOP-T2"),
    part="3",
)
RESULT_FILE = Attachment(
    key="SHOP-E1/3#3", name="shot.png", owner=Ref(Kind.TEST_LOG, "SHOP-E1"), part="3"
)


@attrs.frozen
class Project:
    """A small project in target-shaped records, at least one of each kind."""

    fields: tuple[FieldDefinition, ...] = FIELDS
    module: Folder = MODULE
    inner: Folder = INNER
    cycles: Folder = CYCLES
    requirement: Requirement = REQUIREMENT
    called: TestCase = CALLED
    case: TestCase = CASE
    plan: TestPlan = PLAN
    cycle: TestCycle = CYCLE
    run: TestRun = RUN
    log: TestLog = LOG
    case_file: Attachment = CASE_FILE
    step_file: Attachment = STEP_FILE
    result_file: Attachment = RESULT_FILE

    def in_order(self) -> tuple[Record, ...]:
        """Return all records, parents first."""
        return (
            *self.fields,
            *(self.module, self.inner, self.cycles, self.requirement),
            *(self.called, self.case, self.case_file, self.step_file),
            *(self.plan, self.cycle, self.run, self.log, self.result_file),
        )

    def bodies(self) -> dict[Attachment, Content]:
        return {
            file: content(file.name, file.key.encode())
            for file in (self.case_file, self.step_file, self.result_file)
        }

    async def write_all(self, world: World) -> None:
        """Write everything in the order of the engine."""
        bodies = self.bodies()
        for field in self.fields:
            await world.whole(field)
        for first in (self.module, self.inner, self.cycles, self.requirement):
            await world.write(first)
        await world.whole(self.called)
        await world.write(self.case)
        for file in (self.case_file, self.step_file):
            await world.write(file, bodies[file])
        await world.finish(self.case)
        for record in (self.plan, self.cycle, self.run, self.log):
            await world.write(record)
        await world.write(self.result_file, bodies[self.result_file])
        await world.finish(self.log)


@pytest.fixture
def project() -> Project:
    return Project()


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let waits pass at once, those for the next try and for a turn within the rate."""
    return {"virtual": VirtualTimeLoop}
