"""Whether an execution took place, over all combinations of what may say so."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from typing import Any

import attrs
import pytest
from ztoq_testkit.simulate import Reply
from ztoq_zephyr.execution import ExecutionPolicy

from ztoq_core.plugin import Kind, Link, LinkType, Ref, StepResult, TestLog

MOMENT = datetime(2026, 5, 6, tzinfo=UTC)
EMPTY: TestLog = TestLog(
    key="E", run=Ref(Kind.TEST_RUN, "R/T/"), case=Ref(Kind.TEST_CASE, "T"), status=""
)
DEFAULTS = frozenset({"Pass", "Not Executed", "Queued"})

# name: whether it alone says that something took place; "Queued" is a default, "Parked" is none
STATUSES = {
    "": False,
    "Not Executed": False,
    "UNEXECUTED": False,
    "  not   run ": False,
    "Queued": False,
    "Parked": True,
    "Pass": True,
    "WIP": True,
    "In Progress": True,
}


def result(**what: Any) -> tuple[StepResult, ...]:
    return (StepResult(**{"key": "1", "status": "Not Executed", **what}),)


# what else there is: whether it says so by itself
EVIDENCE: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing": ({}, False),
    "a person": ({"executed_by": "p"}, False),
    "a duration": ({"duration": 5.0}, False),
    "a date and a person": ({"ended": MOMENT, "executed_by": "p"}, True),
    "a date and a duration": ({"ended": MOMENT, "duration": 5.0}, True),
    "a date and no duration": ({"ended": MOMENT, "duration": 0.0}, False),
    "a person who is to do it": ({"ended": MOMENT, "assigned_to": "p"}, False),
    "planned dates": ({"planned_start": MOMENT, "planned_end": MOMENT}, False),
    "a comment": ({"comment": "x"}, True),
    "an empty comment": ({"comment": " \n"}, False),
    "a file": ({"files": 1}, True),
    "a result that says nothing": ({"results": result()}, False),
    "an unexecuted result of a tenant that was Squad": (
        {"results": result(status="UNEXECUTED")},
        False,
    ),
    "a result's status": ({"results": result(status="Fail")}, True),
    "a result's text": ({"results": result(actual="x")}, True),
    "a result's issue": (
        {"results": result(links=(Link(type=LinkType.BLOCKS, issue_id="1"),))},
        True,
    ),
}


def combinations() -> list[Any]:
    return [
        pytest.param(
            status,
            evidence,
            # where no status speaks, a date alone does
            says or proves or (not status and "ended" in evidence),
            id=f"{status.strip()!r} {what}",
        )
        for (status, says), (what, (evidence, proves)) in product(
            STATUSES.items(), EVIDENCE.items()
        )
    ]


@pytest.mark.parametrize(("status", "evidence", "expected"), combinations())
def test_it_took_place_if_anything_says_so(
    status: str, evidence: dict[str, Any], *, expected: bool
) -> None:
    log = attrs.evolve(EMPTY, status=status, **evidence)
    assert ExecutionPolicy().took_place(log, DEFAULTS) is expected


def test_both_lists_are_the_users() -> None:
    policy = ExecutionPolicy(executed=("Queued",), unexecuted=("Parked", "PASS"))
    told = {
        name: policy.took_place(attrs.evolve(EMPTY, status=name), DEFAULTS) for name in STATUSES
    }
    assert told["Queued"]
    assert not told["Parked"]
    assert not told["Pass"]
    assert told["WIP"]


async def test_a_default_that_is_called_pass_hides_no_execution(
    opened: Any, answers: dict[str, Any]
) -> None:
    for status in answers["statuses?statusType=TEST_EXECUTION"]["values"]:
        status["default"] = status["name"] == "Pass"
    answers["testexecutions/SHOP-E1/attachments"] = Reply(404, {"errorCode": 404, "message": ""})
    async with opened() as shop:
        passed, *_ = await shop.completed(Kind.TEST_LOG, "SHOP-E1")
        never, *_ = await shop.completed(Kind.TEST_LOG, "SHOP-E3")
    assert (passed.status, passed.executed) == ("Pass", True)
    assert (never.status, never.executed) == ("Not Executed", False)


async def test_the_lists_stand_in_the_configuration(opened: Any) -> None:
    async with opened(executed=("Not Executed",), unexecuted=("Fail",)) as shop:
        log, *_ = await shop.completed(Kind.TEST_LOG, "SHOP-E3")
    assert log.executed
