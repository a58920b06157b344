"""Owners, cycles, plans, executions and files around the real cases, the same for the same seed.

All names, ids and texts here are invented; the account ids are pseudonyms. What each object must
become in the target is stated in ``expect``.
"""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.corpus.real import Json, Real

PROJECT = "MM"
FOREIGN = "OTH"
DEFAULT_STATUS = "Not Executed"

EXECUTION_STATUSES = (
    DEFAULT_STATUS,
    "In Progress",
    "Pass",
    "Fail",
    "Blocked",
    "Pass with remarks",
    "Retest",
    "Skipped",
)
CYCLE_STATUSES = (DEFAULT_STATUS, "In Progress", "Done", "On hold")
PLAN_STATUSES = ("Draft", "Approved", "Deprecated")
VERSIONS = (10101, 10102, 10103)
REVERSED = frozenset({4, 11, 17})
"""The numbers of the cycles whose planned start is after their planned end."""


@dataclass(kw_only=True)
class History:
    """What the team left around its cases; plain dicts near the source's JSON.

    References are keys (cases, cycles, plans), names (statuses, environments) and ids (folders).
    An execution's ``results`` are its step results; ``traits`` say what was planted. A file has
    ``owner_kind`` (case, step, execution, result, cycle, plan), ``owner``, ``part`` (the index of
    the step or result from 0) and ``content``. ``issue_keys`` are the issues whose keys somebody
    could look up.
    """

    accounts: list[str]
    folders: list[Json] = field(default_factory=list)
    cycles: list[Json] = field(default_factory=list)
    plans: list[Json] = field(default_factory=list)
    executions: list[Json] = field(default_factory=list)
    files: list[Json] = field(default_factory=list)
    foreign_cases: list[Json] = field(default_factory=list)
    issue_keys: dict[str, str] = field(default_factory=dict)


def stamp(moment: datetime) -> str:
    """Return the form that the source serves: UTC, whole seconds, ``Z``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def account(rng: random.Random) -> str:
    """Return a pseudonymous account id of the service's form."""
    return f"557058:{uuid.UUID(int=rng.getrandbits(128), version=4)}"


def surroundings(real: Real, seed: int) -> History:
    """Return owners, folders, cycles and plans; executions and files are added by others.

    The cases of ``real`` get owners, and some of them links and no folder.
    """
    rng = random.Random(f"{seed}/surroundings")
    history = History(accounts=[account(rng) for _ in range(12)])
    history.issue_keys = {str(500_000 + number): f"JIRA-{number}" for number in range(1, 41)}
    _own(real, history, rng)
    history.folders = _folders()
    history.cycles = [_cycle(number, history, rng) for number in range(1, 21)]
    history.plans = _plans(history, rng)
    history.foreign_cases = [_foreign(number) for number in range(1, 13)]
    return history


def _own(real: Real, history: History, rng: random.Random) -> None:
    for case in real.cases:
        case["owner"] = rng.choice(history.accounts) if rng.random() < 0.9 else None
        if rng.random() < 0.04:
            case["issues"] = [_issue(rng, "COVERAGE", known=rng.random() < 0.5)]
        if rng.random() < 0.02:
            case["issues"] = [*case["issues"], _issue(rng, "RELATED", known=False)]
        if rng.random() < 0.03:
            case["webLinks"] = [
                {
                    "id": rng.randrange(10**8),
                    "url": rng.choice(["https://docs.example.com/a?b=1&c=2", "docs/example page"]),
                    "description": rng.choice(["Concept", "Änderungen & Fragen"]),
                }
            ]
    for case in rng.sample(real.cases, min(5, len(real.cases))):
        case["folder"] = None


def _issue(rng: random.Random, kind: str, *, known: bool) -> Json:
    number = rng.randrange(1, 41) + (500_000 if known else 900_000)
    return {"id": rng.randrange(10**8), "issueId": number, "type": kind}


def _folders() -> list[Json]:
    rows: list[tuple[int, int | None, str, str]] = [
        (7001, None, "Releases", "TEST_CYCLE"),
        (7002, 7001, "2021", "TEST_CYCLE"),
        (7003, 7002, "Spring — ⚙ regression", "TEST_CYCLE"),
        (7004, 7001, "2022", "TEST_CYCLE"),
        (7005, None, "Smoke", "TEST_CYCLE"),
        (6999, 7005, "2021", "TEST_CYCLE"),
        (7006, None, "Never used", "TEST_CYCLE"),
        (7101, None, "Plans", "TEST_PLAN"),
        (7102, 7101, "Mobile", "TEST_PLAN"),
    ]
    return [
        {"id": id_, "parentId": parent, "name": name, "index": index, "folderType": kind}
        for index, (id_, parent, name, kind) in enumerate(rows)
    ]


def _cycle(number: int, history: History, rng: random.Random) -> Json:
    start = datetime(2021, 1, 4, 8, tzinfo=UTC) + timedelta(days=30 * number)
    dates: tuple[datetime | None, datetime | None] = (start, start + timedelta(days=14, hours=9))
    if number in REVERSED:
        dates = (dates[1], dates[0])
    elif number in {6, 13}:
        dates = (None, None)
    elif number in {7, 19}:
        dates = (start, None)
    full = number % 5 != 0
    return {
        "id": 27_531_000 + number,
        "key": f"{PROJECT}-R{number}",
        # two cycles of one name in one folder are legal
        "name": "Nightly" if number in {2, 8} else f"Cycle {number}: “release” {number}/20",
        "status": CYCLE_STATUSES[number % len(CYCLE_STATUSES)],
        "folder": [None, 7002, 7003, 7004, 7005, 6999][number % 6],
        "version": VERSIONS[number % 3] if number % 4 else None,
        "description": f"<p>Everything for <b>build {number}</b></p>" if number % 3 else None,
        "plannedStartDate": stamp(dates[0]) if dates[0] else None,
        "plannedEndDate": stamp(dates[1]) if dates[1] else None,
        "owner": history.accounts[number % len(history.accounts)] if number % 7 else None,
        "customFields": {
            "Build": f"5.{number}.0" if full else "",
            "Sprint": ["Sprint Ä", "Sprint B", "Sprint C"][number % 3] if full else None,
            "Platforms": (["iOS", "Android"][: 1 + number % 2]) if full else [],
            "Regression": number % 2 == 0,
            "Coverage goal": 80 + number if full else None,
            "Ratio": number / 4 + 0.125 if full else None,
            "Freeze": f"2022-{1 + number % 12:02d}-15T00:00:00Z" if full else None,
            "Remarks": f"<ul><li>first {number}</li><li>second</li></ul>" if full else "",
            "Release manager": rng.choice(history.accounts) if full else None,
        },
        "webLinks": (
            [{"id": 3000 + number, "url": "https://ci.example.com/1", "description": "Pipeline"}]
            if number % 6 == 0
            else []
        ),
        "issues": [_issue(rng, "RELATED", known=False)] if number % 9 == 0 else [],
    }


def _plans(history: History, rng: random.Random) -> list[Json]:
    rows: list[tuple[str, int | None, range]] = [
        ("Mobile 2021", 7102, range(1, 9)),
        ("Web 2022", 7101, range(6, 15)),
        ("Idle plan", None, range(0)),
    ]
    return [
        {
            "id": 796_000 + number,
            "key": f"{PROJECT}-P{number}",
            "name": name,
            "objective": f"<p>Prove that <em>{name}</em> can ship</p>",
            "status": PLAN_STATUSES[number % 3],
            "folder": folder,
            "owner": history.accounts[number],
            "labels": ["mobile", "2021"] if number == 1 else [],
            "customFields": {
                "Budget": 1000.5 * number,
                "Approved by": rng.choice(history.accounts),
                "Audience": "Everybody" if number == 1 else None,
            },
            "cycles": [f"{PROJECT}-R{each}" for each in cycles],
            "webLinks": [],
            "issues": [],
        }
        for number, (name, folder, cycles) in enumerate(rows, start=1)
    ]


def _foreign(number: int) -> Json:
    step: dict[str, Any] = {"description": f"Open page {number}", "testData": None}
    return {
        "id": 5_000 + number,
        "key": f"{FOREIGN}-T{number}",
        "name": f"Shared check {number}",
        "createdOn": "2020-02-02T02:02:02Z",
        "objective": f"Objective of the shared check {number}",
        "precondition": None,
        "estimatedTime": None,
        "labels": [],
        "customFields": {},
        "folder": None,
        "status": None,
        "priority": None,
        "component": None,
        "owner": None,
        "steps": [
            {
                "id": 900_000 + number * 10 + index,
                "inline": {**step, "expectedResult": f"Seen {index}", "customFields": {}},
                "testCase": None,
            }
            for index in range(2)
        ],
        "issues": [],
        "webLinks": [],
    }
