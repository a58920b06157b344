"""Invents a project of any size for the Zephyr simulator, with texts about as long as real ones.

Every case has two steps and 1.6 KB of text; every run of a cycle has one execution with results.
Numbers depend on the place alone, so two calls make the same project.

``python -m tests.performance.invented FILE CASES EXECUTIONS FILES FILE_SIZE`` writes one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ztoq_demo.zephyr import corpus
from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.model import (
    Case,
    Cycle,
    Execution,
    Folder,
    FolderType,
    Priority,
    Project,
    Result,
    Status,
    StatusType,
    Step,
)

ROOT = Path(__file__).resolve().parents[2]

KEY = "PERF"
PER_FOLDER = 100
PER_CYCLE = 200
STATUS, PRIORITY = 100, 200
"""First ids of the lists; those of records begin far above."""
WORDS = (
    "Open the settings page, choose another language and save. The page is shown again in that "
    "language, menus and messages too; dates have its order of day and month. "
)
"""Some 160 characters, as a real step has."""


def _statuses() -> list[Status]:
    names = {
        StatusType.TEST_CASE: ("Draft", "Approved"),
        StatusType.TEST_CYCLE: ("Not Executed", "Done"),
        StatusType.TEST_PLAN: ("Draft", "Approved"),
        StatusType.TEST_EXECUTION: ("Not Executed", "Pass", "Fail"),
    }
    made: list[Status] = []
    for type_, each in names.items():
        made += [
            Status(id=STATUS + len(made) + place, name=name, type=type_, default=place == 0)
            for place, name in enumerate(each)
        ]
    return made


def _case(place: int) -> Case:
    browsers = ("Chrome", "Firefox", "Safari")
    return Case(
        id=1_000_000 + place,
        key=f"{KEY}-T{place}",
        name=f"Language {place} can be chosen",
        priority_id=PRIORITY + place % 2,
        status_id=STATUS + place % 2,
        objective=f"<p>{WORDS}</p><ul><li>{place}</li></ul>",
        precondition=f"<p>{WORDS}</p>",
        labels=["settings", f"group-{place % 7}"],
        folder_id=500_000 + place // PER_FOLDER,
        custom_fields={"Browser": browsers[place % 3], "Points": place % 13},
        steps=[
            Step(
                id=2_000_000 + 2 * place + number,
                description=f"<p>{WORDS * 2}</p>",
                test_data=f"language {place}",
                expected_result=f"<p>{WORDS}</p>",
            )
            for number in range(2)
        ],
    )


def _execution(place: int, case: Case, cycle: int) -> Execution:
    status = STATUS + 7 + place % 2  # passed and failed ones in turn
    return Execution(
        id=4_000_000 + place,
        key=f"{KEY}-E{place}",
        case_key=case.key,
        case_version_id=case.id,
        status_id=status,
        cycle_id=3_000_000 + cycle,
        actual_end=f"2024-03-{1 + place % 28:02}T10:{place % 60:02}:00Z",
        execution_time=60_000,
        comment=f"<p>{WORDS}</p>",
        results=[
            Result(
                id=5_000_000 + 2 * place + number,
                status_id=status,
                description=step.description,
                test_data=step.test_data,
                expected_result=step.expected_result,
                actual_result="as expected",
            )
            for number, step in enumerate(case.steps)
        ],
    )


def project(cases: int, executions: int = 0, files: int = 0, file_size: int = 1_000) -> Project:
    """Return a project of so many cases, executions, and files of ``file_size`` bytes at cases."""
    made = [_case(place) for place in range(cases)]
    for place in range(files):
        made[place % cases].files.append(
            File(id=6_000_000 + place, name=f"evidence-{place}.bin", size=file_size, seed=place)
        )
    cycles = -(-executions // PER_CYCLE)
    return Project(
        id=1,
        key=KEY,
        jira_id=10_000,
        name="Performance",
        folders=list(_folders(cases)),
        statuses=_statuses(),
        priorities=[
            Priority(id=PRIORITY + place, name=name)
            for place, name in enumerate(("Normal", "High"))
        ],
        cases=made,
        cycles=[
            Cycle(
                id=3_000_000 + place,
                key=f"{KEY}-R{place}",
                name=f"Cycle {place}",
                status_id=STATUS + 3,
            )
            for place in range(cycles)
        ],
        executions=[
            _execution(place, made[place % cases], place // PER_CYCLE)
            for place in range(executions)
        ],
    )


def _folders(cases: int) -> Iterator[Folder]:
    for place in range(-(-cases // PER_FOLDER)):
        yield Folder(id=500_000 + place, name=f"Group {place}", type=FolderType.TEST_CASE)


def write(path: Path, cases: int, executions: int = 0, files: int = 0, size: int = 1_000) -> None:
    """Write the corpus file of such a project, in a process of its own.

    A process is born with the peak memory of its parent, which would be measured with it.
    """
    numbers = map(str, (cases, executions, files, size))
    subprocess.run(
        [sys.executable, "-m", "tests.performance.invented", str(path), *numbers],
        cwd=ROOT,
        check=True,
    )


if __name__ == "__main__":
    target, *counts = sys.argv[1:]
    corpus.write(Path(target), [project(*map(int, counts))])
