"""Builds the step logs of a log, and matches those in an answer with its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from ztoq_core.plugin import MappingError, Record, StepResult, TestLog, folded
from ztoq_qtest.api.project import ExecutableStep
from ztoq_qtest.fields.settings import Status
from ztoq_qtest.html import as_html, table
from ztoq_qtest.write.links import issue_keys

# From worst to best, by qTest's own names (facts, section 4). A custom status, which is not listed
# here, ranks between incomplete and unexecuted. A step with a row that was not run did not pass.
RANKS = {"failed": 0, "blocked": 1, "incomplete": 2, "unexecuted": 4, "passed": 5}
CUSTOM = 3


def find_status(statuses: Sequence[Status], wanted: Sequence[str], by: Record) -> Status:
    named = {folded(each.name): each for each in reversed(statuses)}
    for name in wanted:
        if found := named.get(folded(name)):
            return found
    have = ", ".join(each.name for each in statuses)
    raise MappingError(
        f"{by.ref}: qTest has none of the execution statuses {list(wanted)!r} (it has: {have})"
    )


def _unexecuted(statuses: Sequence[Status], by: Record) -> Status:
    named = next((each for each in statuses if folded(each.name) == "unexecuted"), None)
    found = named or next((each for each in statuses if each.default), None)
    return found or find_status(statuses, ["Unexecuted"], by)


def build_step_logs(
    lines: Sequence[ExecutableStep], log: TestLog, statuses: Sequence[Status]
) -> list[dict[str, Any]]:
    """Return one step log per step of the version, since their number must match (facts, 7)."""
    ordered = sorted(log.results, key=lambda each: each.step)
    results = {step: list(rows) for step, rows in groupby(ordered, key=lambda each: each.step)}
    unexecuted = _unexecuted(statuses, log)
    found = []
    for order, line in enumerate(lines, 1):
        rows = results.get(line.key, [])
        known = [find_status(statuses, row.statuses, log) for row in rows]
        worst = min(known, key=_rank, default=unexecuted)
        entry: dict[str, Any] = {
            "test_step_id": line.id,
            "status": {"id": worst.id},
            "actual_result": _actual(rows, known),
            "order": order,
        }
        if keys := dict.fromkeys(key for row in rows for key in issue_keys(row.links)):
            entry["defects"] = [{"pid": key} for key in keys]
        if line.called is not None:
            entry["called_test_case_id"] = line.called
        if line.parent is not None:
            entry["parent_test_step_id"] = line.parent
        found.append(entry)
    return found


def _rank(status: Status) -> int:
    return RANKS.get(folded(status.name), CUSTOM)


def _actual(rows: Sequence[StepResult], statuses: Sequence[Status]) -> str:
    if len(rows) == 1 and rows[0].row is None:
        return rows[0].actual
    texts = []
    for position, (row, status) in enumerate(zip(rows, statuses, strict=True), 1):
        number = position if row.row is None else row.row
        data = f"<br>{row.data}" if row.data else ""
        texts.append(f"<p>Row {number}: {as_html(status.name)}{data}</p>{row.actual}")
    return "".join(texts)


def _defects(result: StepResult) -> str:
    keys = ", ".join(issue_keys(result.links))
    return f"<p>Defects: {as_html(keys)}</p>" if keys else ""


def results_table(results: Sequence[StepResult]) -> str:
    rows = (
        (
            f"Step {each.key}: {(each.statuses or (each.status,))[0]}",
            "<br>".join(
                part for part in (each.description, each.data, each.expected, each.actual) if part
            )
            + _defects(each),
        )
        for each in results
    )
    return table(rows, "Executed steps")


def match_parts(
    results: Sequence[StepResult],
    lines: Sequence[ExecutableStep],
    answered: Sequence[Mapping[str, Any]],
) -> dict[str, str]:
    """Return the id of each result's step log, matched by position, else by step and calling step.

    A case may be called twice through different cases, so step and caller need not be unique.
    """
    ids = [each.get("test_step_log_id") for each in answered]
    by_step = {
        (each.get("test_step_id"), each.get("parent_test_step_id") or None): number
        for each, number in zip(answered, ids, strict=True)
    }
    found: dict[str, str] = {}
    for position, line in enumerate(lines):
        number = by_step.get((line.id, line.parent))
        same_position = len(ids) == len(lines) and answered[position].get("test_step_id") == line.id
        if same_position or (number is None and len(ids) == len(lines)):
            number = ids[position]
        if number is not None:
            found |= {each.key: str(number) for each in results if each.step == line.key}
    return found
