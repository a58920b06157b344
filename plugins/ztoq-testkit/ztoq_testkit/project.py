"""A small project to migrate in tests: one of everything, all of it connected."""

from __future__ import annotations

from datetime import UTC, datetime

from ztoq_core.records import (
    Attachment,
    Call,
    FieldValue,
    Folder,
    Kind,
    Record,
    Ref,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    Tree,
)

_CASE = Ref(Kind.TEST_CASE, "ACME-T1")
_RUN = Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/")
_LOG = Ref(Kind.TEST_LOG, "ACME-E2")

PROJECT: tuple[Record, ...] = (
    Folder(key="ACME-F1", name="Shop", tree=Tree.CASES),
    Folder(key="ACME-F2", name="Basket", tree=Tree.CASES, parent=Ref(Kind.FOLDER, "ACME-F1")),
    Folder(key="ACME-F3", name="Nightly", tree=Tree.CYCLES),
    TestCase(
        key="ACME-T1",
        name="Add to the basket",
        folder=Ref(Kind.FOLDER, "ACME-F2"),
        steps=(
            TestStep(key="1", description="Open the shop", expected="It opens"),
            TestStep(key="2", call=Call(case=Ref(Kind.TEST_CASE, "ACME-T2"))),
        ),
        fields=(FieldValue(name="Browser", value="Firefox"),),
    ),
    TestCase(
        key="ACME-T2",
        name="Log in",
        folder=Ref(Kind.FOLDER, "ACME-F1"),
        steps=(TestStep(key="1", description="Type the password"),),
    ),
    TestPlan(key="ACME-P1", name="Release 1"),
    TestCycle(
        key="ACME-R1",
        name="Night 1",
        folder=Ref(Kind.FOLDER, "ACME-F3"),
        plans=(Ref(Kind.TEST_PLAN, "ACME-P1"),),
    ),
    TestRun(key=_RUN.key, case=_CASE, cycle=Ref(Kind.TEST_CYCLE, "ACME-R1")),
    TestLog(
        key="ACME-E1",
        run=_RUN,
        case=_CASE,
        status="Fail",
        number=1,
        ended=datetime(2025, 3, 1, 8, tzinfo=UTC),
        results=(
            StepResult(key="1", status="Pass", description="Open the shop", expected="It opens"),
            StepResult(key="2", status="Fail", description="Type the password"),
        ),
    ),
    TestLog(
        key="ACME-E2",
        run=_RUN,
        case=_CASE,
        status="Pass",
        number=2,
        ended=datetime(2025, 3, 2, 8, tzinfo=UTC),
        results=(StepResult(key="1", status="Pass", description="Open another shop"),),
    ),
    Attachment(key="ACME-T1#1", name="basket.png", owner=_CASE, locator="basket"),
    Attachment(key="ACME-E2#2", name="log.txt", owner=_LOG, locator="log"),
)

CONTENTS = {"basket": b"\x89PNG\r\n\x1a\n and more", "log": b"all fine\n"}
