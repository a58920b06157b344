"""What the contract suite writes into a sink: one of everything, with all its properties."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256

from ztoq_core.contracts import Content, Schema
from ztoq_core.records import (
    Attachment,
    Call,
    FieldDefinition,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Link,
    LinkType,
    Parameter,
    Record,
    Ref,
    Requirement,
    Script,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    Tree,
)

SHOP = Ref(Kind.FOLDER, "ACME-F1")
BASKET = Ref(Kind.FOLDER, "ACME-F2")
NIGHTLY = Ref(Kind.FOLDER, "ACME-F3")
ISSUE = Ref(Kind.REQUIREMENT, "ACME-9")
CASE = Ref(Kind.TEST_CASE, "ACME-T1")
CALLED = Ref(Kind.TEST_CASE, "ACME-T2")
PLAN = Ref(Kind.TEST_PLAN, "ACME-P1")
CYCLE = Ref(Kind.TEST_CYCLE, "ACME-R1")
RUN = Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/Linux")
LOG = Ref(Kind.TEST_LOG, "ACME-E1")
MORNING = datetime(2025, 3, 1, 8, tzinfo=UTC)
ISSUES = (
    Link(type=LinkType.COVERAGE, issue_key="ACME-9", url="https://jira.example.com/browse/ACME-9"),
    Link(type=LinkType.WEB, url="https://wiki.example.com/shop", text="How the shop works"),
)

BYTES: Mapping[str, bytes] = {
    "ACME-T1#1": b"\x89PNG\r\n\x1a\n and more",
    "ACME-T1#2": b"another picture" + bytes(range(256)) * 400,
    "ACME-P1#3": b"the plan\n",
    "ACME-E1#4": b"all fine\n",
}
"""The contents of the files, by key."""

COLOUR = FieldDefinition(
    key="test_case/Colour of the sky",
    of=Kind.TEST_CASE,
    name="Colour of the sky",
    type=FieldType.CHOICE,
    values=("Blue", "Grey"),
)
"""A field that no project has yet."""

FIELDS = (
    FieldValue(name="Build of the shop", value="4711-b", type=FieldType.TEXT, placed=True),
    FieldValue(
        name="What the tester saw",
        value="<p>One <b>bold</b> line</p>",
        type=FieldType.RICH_TEXT,
        placed=True,
    ),
)
"""Values of fields that no project has: a target without such fields shows them as text."""


def samples(schema: Schema) -> tuple[Record, ...]:
    """Return the records, each after what it needs; only of kinds that the sink writes.

    ``ACME-T3`` and ``ACME-R2`` have the names of others and nothing that refers to them.
    """
    statuses = schema.statuses[:1] or ("Passed",)
    records: tuple[Record, ...] = (*_design(), *_execution(statuses), *_files())
    return tuple(
        each
        for each in records
        if each.kind in schema.kinds
        and not (isinstance(each, Attachment) and each.owner.kind not in schema.attachable)
    )


def content_of(file: Attachment) -> Content:
    """Return the content of one of the files."""
    return content_with(file, BYTES[file.key])


def content_with(file: Attachment, content: bytes) -> Content:
    """Return a content of these bytes, which come in pieces with other work between them."""
    return Content(
        name=file.name,
        size=len(content),
        sha256=sha256(content).hexdigest(),
        media_type=file.media_type,
        open=partial(_chunks, content),
    )


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    size = max(3, len(content) // 3)
    for start in range(0, len(content), size):
        await asyncio.sleep(0)
        yield content[start : start + size]


def _design() -> tuple[Record, ...]:
    login = TestStep(
        key="1", description="<p>Type the password</p>", data="<p>secret</p>", expected="<p>Hi</p>"
    )
    return (
        Folder(key=SHOP.key, name="Shop", tree=Tree.CASES, description="<p>All of it</p>", order=1),
        Folder(key=BASKET.key, name="Basket", tree=Tree.CASES, parent=SHOP, order=2),
        Folder(key=NIGHTLY.key, name="Nightly", tree=Tree.CYCLES),
        Requirement(
            key=ISSUE.key,
            name="ACME-9",
            issue_key="ACME-9",
            folder=SHOP,
            description="<p>It sells</p>",
        ),
        TestCase(key=CALLED.key, name="Log in", folder=SHOP, steps=(login,)),
        TestCase(
            key=CASE.key,
            name="Add to the basket größer",
            folder=BASKET,
            description="<p>One &amp; all</p>",
            precondition="<p>A shop</p>",
            steps=(
                TestStep(key="1", description="<p>Open the shop</p>", expected="<p>It opens</p>"),
                TestStep(
                    key="2",
                    description="Call ACME-T2",
                    call=Call(case=CALLED, parameters=(Parameter(name="user", value="ann"),)),
                ),
                TestStep(key="3", description="<p>Pay</p>", expected="<p>Paid</p>"),
            ),
            status="Approved",
            priority="High",
            component="Checkout",
            labels=("smoke", "web shop"),
            owner="ann",
            created=MORNING,
            estimated=90.0,
            requirements=(ISSUE,),
            fields=FIELDS,
            links=ISSUES,
            executed=True,
            approve=True,
        ),
        TestCase(
            key="ACME-T3",
            name="Add to the basket größer",
            folder=BASKET,
            script=Script(language="bdd", text="Given a shop\nWhen I buy\nThen it is mine"),
        ),
        TestPlan(
            key=PLAN.key,
            name="Release 1",
            description="<p>Spring</p>",
            note="<p>Ships in May</p>",
            status="Open",
            labels=("spring",),
            owner="ann",
            start=MORNING,
            end=MORNING + timedelta(days=7),
            fields=FIELDS,
            links=ISSUES,
        ),
    )


def _execution(statuses: tuple[str, ...]) -> tuple[Record, ...]:
    logs = tuple(
        TestLog(
            key=f"ACME-E{number}",
            run=RUN,
            case=CASE,
            status=statuses[0],
            number=number,
            ended=MORNING + timedelta(days=number),
            duration=300.0,
            executed_by="ann",
            assigned_to="bob",
            environment="Linux",
            version="1.4",
            comment="<p>Slow today</p>",
            automated=True,
            start=MORNING + timedelta(days=number, minutes=-5),
            end=MORNING + timedelta(days=number),
            note=f"<p>Executed by Ann, ACME-E{number}</p>",
            statuses=statuses,
            results=(
                StepResult(
                    key="1",
                    status=statuses[0],
                    description="<p>Open the shop</p>",
                    expected="<p>It opens</p>",
                    actual="<p>It opened</p>",
                    step="1",
                    statuses=statuses,
                ),
                StepResult(
                    key="2",
                    status=statuses[0],
                    description="<p>Pay</p>",
                    expected="<p>Paid</p>",
                    actual="<p>It paid</p>",
                    step="3",
                    statuses=statuses,
                ),
            ),
            links=(Link(type=LinkType.BLOCKS, issue_key="ACME-77"),),
        )
        for number in (1, 2)
    )
    return (
        TestCycle(
            key=CYCLE.key,
            name="Night",
            folder=NIGHTLY,
            description="<p>While we sleep</p>",
            status="Done",
            owner="ann",
            planned_start=MORNING,
            planned_end=MORNING + timedelta(days=2),
            plans=(PLAN,),
            fields=FIELDS,
            links=ISSUES[1:],
        ),
        TestCycle(key="ACME-R2", name="Night", folder=NIGHTLY, version="1.4"),
        TestRun(
            key=RUN.key,
            name="Add to the basket größer",
            case=CASE,
            cycle=CYCLE,
            environment="Linux",
            assigned_to="bob",
        ),
        *logs,
    )


def _files() -> tuple[Record, ...]:
    owners = {
        "ACME-T1#1": ("basket.png", "image/png", CASE),
        "ACME-T1#2": ("basket.png", "image/png", CASE),
        "ACME-P1#3": ("plan.txt", "text/plain", PLAN),
        "ACME-E1#4": ("log.txt", "text/plain", LOG),
    }
    return tuple(
        Attachment(
            key=key,
            name=name,
            owner=owner,
            size=len(BYTES[key]),
            media_type=media_type,
            sha256=sha256(BYTES[key]).hexdigest(),
        )
        for key, (name, media_type, owner) in owners.items()
    )
