"""What the contract suite writes into a sink: one of everything, as it is after the mapping."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from types import MappingProxyType

from ztoq_core.contracts import Content, Schema
from ztoq_core.records import (
    Attachment,
    Call,
    FieldDefinition,
    FieldType,
    Folder,
    Kind,
    Record,
    Ref,
    Requirement,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    Tree,
)

__all__ = ["BYTES", "COLOUR", "content_of", "samples"]

SHOP = Ref(Kind.FOLDER, "ACME-F1")
BASKET = Ref(Kind.FOLDER, "ACME-F2")
NIGHTLY = Ref(Kind.FOLDER, "ACME-F3")
ISSUE = Ref(Kind.REQUIREMENT, "ACME-9")
CASE = Ref(Kind.TEST_CASE, "ACME-T1")
CALLED = Ref(Kind.TEST_CASE, "ACME-T2")
PLAN = Ref(Kind.TEST_PLAN, "ACME-P1")
CYCLE = Ref(Kind.TEST_CYCLE, "ACME-R1")
RUN = Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/")
LOG = Ref(Kind.TEST_LOG, "ACME-E1")
MORNING = datetime(2025, 3, 1, 8, tzinfo=UTC)

BYTES: Mapping[str, bytes] = MappingProxyType(
    {
        "ACME-T1#1": b"\x89PNG\r\n\x1a\n and more",
        "ACME-T1#2": b"another picture",
        "ACME-P1#3": b"the plan\n",
        "ACME-E1#4": b"all fine\n",
    }
)
"""The contents of the files, by key."""

COLOUR = FieldDefinition(
    key="test_case/Colour of the sky",
    of=Kind.TEST_CASE,
    name="Colour of the sky",
    type=FieldType.CHOICE,
    values=("Blue", "Grey"),
)
"""A field that no project has yet."""


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
    return Content(
        name=file.name,
        size=file.size,
        sha256=file.sha256,
        media_type=file.media_type,
        open=partial(_chunks, BYTES[file.key]),
    )


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content[:3]
    yield content[3:]


def _design() -> tuple[Record, ...]:
    login = TestStep(key="1", description="<p>Type the password</p>", expected="<p>Welcome</p>")
    return (
        Folder(key=SHOP.key, name="Shop", tree=Tree.CASES, description="<p>All of it</p>"),
        Folder(key=BASKET.key, name="Basket", tree=Tree.CASES, parent=SHOP),
        Folder(key=NIGHTLY.key, name="Nightly", tree=Tree.CYCLES),
        Requirement(key=ISSUE.key, name="ACME-9", issue_key="ACME-9", folder=SHOP),
        TestCase(key=CALLED.key, name="Log in", folder=SHOP, steps=(login,)),
        TestCase(
            key=CASE.key,
            name="Add to the basket größer",
            folder=BASKET,
            description="<p>One &amp; all</p>",
            precondition="<p>A shop</p>",
            steps=(
                TestStep(key="1", description="<p>Open the shop</p>", expected="<p>It opens</p>"),
                TestStep(key="2", description="Call ACME-T2", call=Call(case=CALLED)),
            ),
            requirements=(ISSUE,),
            executed=True,
            approve=True,
        ),
        TestCase(key="ACME-T3", name="Add to the basket größer", folder=BASKET, steps=(login,)),
        TestPlan(
            key=PLAN.key,
            name="Release 1",
            description="<p>Spring</p>",
            start=MORNING,
            end=MORNING + timedelta(days=7),
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
            start=MORNING + timedelta(days=number, minutes=-5),
            end=MORNING + timedelta(days=number),
            note=f"<p>Executed by Ann, ACME-E{number}</p>",
            statuses=statuses,
            results=(
                StepResult(
                    key="1",
                    status=statuses[0],
                    actual="<p>It opened</p>",
                    step="1",
                    statuses=statuses,
                ),
            ),
        )
        for number in (1, 2)
    )
    return (
        TestCycle(key=CYCLE.key, name="Night", folder=NIGHTLY, plans=(PLAN,)),
        TestCycle(key="ACME-R2", name="Night", folder=NIGHTLY),
        TestRun(key=RUN.key, name="Add to the basket größer", case=CASE, cycle=CYCLE),
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
