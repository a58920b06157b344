"""The demo project's past: 120 executions and 15 attachments, made by rule, the same every time."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.model import (
    Case,
    Cycle,
    Execution,
    IssueLink,
    Project,
    Result,
    StatusType,
    Step,
)
from ztoq_demo.zephyr.shop import PEOPLE, Ids

START = datetime(2024, 3, 4, 8, 30, tzinfo=UTC)
ROWS = "Vouchers: data-driven limits"
# numbers of executions, in the order they are made
FAILED = range(4, 59, 9)
BLOCKED = range(7, 59, 13)
DRIFTED = (12, 22, 33, 44)
UNDATED = (5, 25, 47)
BUGS = (20_201, 20_202, 20_203, 20_204, 20_205, 20_206)
# what the product puts after a parameter's value in executed steps (seen in real answers)
WORD_JOINER = "\u2060"


class _History:
    def __init__(self, project: Project, ids: Ids) -> None:
        self.project = project
        self.ids = ids
        self.cases = {case.key: case for case in project.cases}

    def run(  # noqa: PLR0913 - what makes an execution
        self,
        case: Case,
        cycle: Cycle | None,
        environment: str = "",
        status: str = "Pass",
        *,
        comment: str | None = None,
        project_key: str = "",
    ) -> Execution:
        """Add an execution; its number decides on what is left to chance elsewhere."""
        number = len(self.project.executions) + 1
        executed = status != "Not Executed"
        moment = START + timedelta(minutes=37 * number)
        run = Execution(
            id=self.ids(),
            key=f"{self.project.key}-E{number}",
            case_key=case.key,
            case_version_id=case.version_ids[-1],
            status_id=self.status(status),
            environment_id=self.project.environment(environment).id if environment else None,
            version_id=cycle.version_id if cycle else None,
            actual_end=moment.strftime("%Y-%m-%dT%H:%M:%SZ")
            if executed and number not in UNDATED
            else None,
            estimated_time=case.estimated_time,
            execution_time=60_000 * (1 + number % 9) if executed and number % 5 else None,
            executed_by=PEOPLE[number % 3].account_id if executed else None,
            assigned_to=PEOPLE[number % 2].account_id if number % 3 else None,
            comment=comment,
            automated=number % 11 == 0,
            cycle_id=cycle.id if cycle else None,
            custom_fields={"Build number": 1400 + number if executed else None, "Flaky": False},
        )
        if executed and not case.script and not project_key:
            run.results = list(self.results(case, status, number))
        self.project.executions.append(run)
        return run

    def status(self, name: str) -> int:
        return self.project.status(StatusType.TEST_EXECUTION, name).id

    def results(self, case: Case, status: str, number: int) -> Iterator[Result]:
        rows: tuple[dict[str, str] | None, ...] = (None,)
        if case.name == ROWS:
            rows = (
                {"sum": "49.99 €", "outcome": "It is refused"},
                {"sum": "50.00 €", "outcome": "5 € are taken off"},
                {"sum": "80.00 €", "outcome": "5 € are taken off"},
            )
        for row, values in enumerate(rows):
            steps = list(self.expanded(case, values or {}))
            if number in DRIFTED:
                steps = [*steps[:-1], ("Look around (until 1.3)", None, "Nothing strikes you")]
            yield from self.judged(steps, status, row if values else None)

    def expanded(
        self, case: Case, values: dict[str, str]
    ) -> Iterator[tuple[str | None, str | None, str | None]]:
        """Yield the texts of a case's steps with those of the called cases in their places."""
        for step in case.steps:
            if step.call:
                given = {each.name: each.value for each in step.call.parameters or ()}
                yield from self.expanded(self.cases[step.call.case_key], given)
            else:
                yield _filled(step, values)

    def judged(
        self,
        steps: list[tuple[str | None, str | None, str | None]],
        status: str,
        row: int | None,
    ) -> Iterator[Result]:
        last = len(steps) - 1
        for index, (description, test_data, expected) in enumerate(steps):
            failed = index == last and status in ("Fail", "Blocked")
            yield Result(
                id=self.ids(),
                status_id=self.status(status if failed or status == "In Progress" else "Pass"),
                description=description,
                test_data=test_data,
                expected_result=expected,
                actual_result="The page stays <b>empty</b>" if failed else None,
                row=row,
            )


def _filled(step: Step, values: dict[str, str]) -> tuple[str | None, str | None, str | None]:
    def fill(text: str | None) -> str | None:
        for name, value in values.items():
            text = text and text.replace(f"{{{name}}}", f"<var>{value}</var>{WORD_JOINER}")
        return text

    return fill(step.description), fill(step.test_data), fill(step.expected_result)


def add_executions(project: Project, foreign: Project, ids: Ids) -> None:
    """Add 120 executions of every sort that a project collects in its years."""
    history = _History(project, ids)
    regression, smoke, hotfix = project.cycles
    for number, case in enumerate(project.cases[:58], 1):
        status = "Fail" if number in FAILED else "Blocked" if number in BLOCKED else "Pass"
        comment = "See the <em>defect</em>" if status == "Fail" else None
        history.run(case, regression, "Chrome", status, comment=comment)
    for case in (case for case in project.cases if "smoke" in case.labels):
        history.run(case, smoke, "Chrome")
        history.run(case, smoke, "Safari", "Passed with remarks", comment="Slower than Chrome 🐢")
    rows = next(case for case in project.cases if case.name == ROWS)
    history.run(rows, smoke, "Firefox")
    history.run(rows, smoke, "Pixel 8", "Fail")
    mended = project.cases[12:20]
    for case in project.cases[12:26]:
        history.run(case, hotfix, "", "Fail" if case in mended else "Pass")
    for case in mended:
        history.run(case, hotfix, "", "Pass", comment="Executed again after the fix")
    waiting = project.cases[30:32]
    for case in project.cases[30:40]:
        comment = "Wait for the test account" if case in waiting else None
        history.run(case, hotfix, "", "Not Executed", comment=comment)
    for case in project.cases[50:57]:
        history.run(case, None, "Firefox")
    history.run(foreign.cases[0], hotfix, project_key=foreign.key)
    failed = [run for run in project.executions if run.status_id == history.status("Fail")]
    for bug, run in zip(BUGS[:4], failed, strict=False):
        run.issues = [IssueLink(id=ids(), issue_id=bug, type="BLOCKS")]
    for bug, run in zip(BUGS[4:], (run for run in failed if run.results), strict=False):
        run.results[-1].issues = [IssueLink(id=ids(), issue_id=bug, type="BLOCKS")]


def add_files(project: Project, ids: Ids) -> None:
    """Add 15 small files to all kinds of objects that have files."""

    def text(name: str, content: str) -> File:
        return File.of(ids(), name, content.encode())

    def picture(name: str, red: int, green: int, blue: int) -> File:
        return File.of(ids(), name, png(32, 24, (red, green, blue)))

    guest = next(case for case in project.cases if case.name == "Check out as a guest")
    guest.files = [
        picture("cart.png", 200, 120, 40),
        # the same name twice is allowed
        text("Adressen für Gäste.txt", "Berta Brandt; Lindenweg 3; 10115 Berlin\n"),
        text("Adressen für Gäste.txt", "Carl Clausen; Am Hang 7; 20095 Hamburg\n"),
    ]
    guest.steps[8].files = [text("cards.csv", "number;cvc\n4111111111111111;123\n")]
    lamps = next(case for case in project.cases if case.name.startswith("Search finds"))
    lamps.files = [picture("lamp #1 100%.png", 240, 230, 90)]
    lamps.steps[0].files = [picture("suggestions.png", 90, 160, 220)]
    failed = [run for run in project.executions if run.issues]
    failed[0].files = [text("console.log", "TypeError: cart is undefined\n" * 20)]
    failed[1].files = [picture("screen.png", 220, 60, 60)]
    unexecuted = next(run for run in project.executions if run.comment and not run.executed_by)
    unexecuted.files = [text("mail.txt", "The test account comes on Monday.\n")]
    failed[0].results[-1].files = [picture("empty page.png", 255, 255, 255)]
    failed[1].results[-1].files = [text("network.har", '{"log": {"entries": []}}')]
    failed[2].results[0].files = [text("step.txt", "worked on the second try\n")]
    regression, smoke, _ = project.cycles
    regression.files = [text("release-notes.md", "# 1.4\n\n- vouchers\n- guests may order\n")]
    smoke.files = [picture("dashboard.png", 60, 180, 90)]
    project.plans[0].files = [text("plan.html", "<h1>Spring</h1><p>Two releases.</p>")]


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """Return a picture of one colour."""

    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    line = b"\0" + bytes(colour) * width
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(line * height)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
