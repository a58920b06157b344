"""Maps executions."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import attrs

from ztoq_core.plugin import FieldType, FieldValue, Kind, Skip, StepResult, TestLog
from ztoq_mappings import markup
from ztoq_mappings.note_codes import DATE_UNKNOWN, DEFECT_KEY_UNKNOWN, STATUS_BY_RULE, STEP_DRIFT
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import plain, rich
from ztoq_mappings.to_qtest import fields, links
from ztoq_mappings.to_qtest.context import MappingContext


def mapped_log(log: TestLog, context: MappingContext) -> TestLog:
    """Return the execution as a manual log.

    Raises:
        Skip: It did not take place and has no data.
    """
    if not (log.executed or _carries(log) or (log.last and log.siblings_executed)):
        raise Skip("not executed, and it has no data: its run has no log")
    notes = NoteCollector(log.notes)
    end, guessed = _end(log, context.unknown_date)
    results = tuple(_result(result, log, context, notes) for result in log.results)
    keyed = [link for link in log.links if link.issue_key]
    if log.drift:
        # then there are no step logs, so the defects of the steps are the log's
        keyed += (link for result in results for link in result.links)
        results = tuple(attrs.evolve(result, links=()) for result in results)
    return attrs.evolve(
        log,
        start=_start(end, log.duration),
        end=end,
        statuses=_statuses(log.status, log, context, notes)[0],
        comment="",
        note=_note(log, guessed, context, notes),
        results=results,
        fields=_fields(log, context, notes),
        links=tuple(dict.fromkeys(links.checked(keyed, notes))),
        notes=notes.notes(),
    )


def _carries(log: TestLog) -> bool:
    """Return whether a log that did not take place has anything that has no other place."""
    return bool(
        log.comment.strip()
        or log.files
        or log.links
        # every execution has unticked check boxes
        or any(fields.has_value(f.value) and f.value is not False for f in log.fields)
        or any(result.actual.strip() or result.links for result in log.results)
    )


# ----------------------------------------------------------------------------------------- dates


def _end(log: TestLog, unknown: datetime) -> tuple[datetime, str]:
    """Return the end in whole seconds, and the name of what replaces an unknown one."""
    for date, stand_in in (
        (log.ended, ""),
        (log.planned_end, "the planned end of the cycle"),
        (log.planned_start, "the planned start of the cycle"),
    ):
        if date:
            return date.astimezone(UTC).replace(microsecond=0), stand_in
    return unknown, "a fixed date"


def _start(end: datetime, duration: float | None) -> datetime:
    if duration is None or not math.isfinite(duration) or duration <= 0:
        return end
    try:
        return (end - timedelta(seconds=duration)).replace(microsecond=0)
    except OverflowError:  # it would begin before the year 1
        return end


# -------------------------------------------------------------------------------------- statuses


def _statuses(
    name: str, log: TestLog, context: MappingContext, notes: NoteCollector
) -> tuple[tuple[str, ...], bool]:
    """Return the target's candidates, and whether the team made the status."""
    default = not log.executed and name == log.status
    name = plain(name, notes)
    if default:
        return context.tables.unexecuted(name), False
    found, by_rule = context.tables.execution_statuses(name)
    if by_rule:
        notes.add(
            STATUS_BY_RULE,
            f"the status {name!r} is a team's own: {found[-1]!r} where qTest has none of that name",
        )
    return found, by_rule


def _result(
    result: StepResult, log: TestLog, context: MappingContext, notes: NoteCollector
) -> StepResult:
    statuses, own = _statuses(result.status, log, context, notes)
    # qTest shows its own status; a step has no other place for the team's
    word = (
        markup.paragraph(f"Status in {context.source}: {result.status}")
        if own and not log.drift
        else ""
    )
    return attrs.evolve(
        result,
        description=rich(result.description, notes),
        data=rich(result.data, notes),
        expected=rich(result.expected, notes),
        actual=rich(word + result.actual, notes),
        statuses=statuses,
        links=links.checked((link for link in result.links if link.issue_key), notes),
    )


# ------------------------------------------------------------------------------------------ note


def _note(log: TestLog, guessed: str, context: MappingContext, notes: NoteCollector) -> str:
    lines = [markup.paragraph(_first_line(log, context))]
    if guessed:
        lines.append(markup.paragraph(f"The date of this log is {guessed}."))
        notes.add(DATE_UNKNOWN, "the date of the execution is not known; see its note")
    if log.status:
        lines.append(markup.paragraph(f"Status in {context.source}: {log.status}"))
    if log.comment:
        lines.append(markup.heading("Comment") + log.comment)
    html = rich("".join(lines), notes) + _issues(log, notes)
    return html + (rich(_executed_steps(log.results), notes) if _drifted(log, notes) else "")


def _first_line(log: TestLog, context: MappingContext) -> str:
    """Return the line by which the log is found: who executed it, when, and its key."""
    *_, status = context.tables.execution_statuses(log.status)[0]
    # one with only a comment or a file is kept, but nothing shows that it was executed
    executed = log.executed and (log.ended is not None or status != context.tables.not_executed)
    who = context.people.text(log.executed_by) or ("an unknown person" if executed else "")
    done = "Executed" if executed else "Not executed"
    when = f" on {log.ended.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if log.ended else ", date unknown"
    by = f" by {who}" if who else ""
    return f"{done}{by}{when}; {context.source} execution {log.key}"


def _issues(log: TestLog, notes: NoteCollector) -> str:
    """List the issues that cannot be linked as defects, because their keys are unknown."""
    items = [markup.link(link) for link in log.links if not link.issue_key]
    items += (
        f"Step {result.key}: {markup.link(link)}"
        for result in log.results
        for link in result.links
        if not link.issue_key
    )
    if not items:
        return ""
    notes.add(
        DEFECT_KEY_UNKNOWN,
        "the keys of linked issues are not known; the links are listed in the note",
    )
    return markup.heading("Issues") + markup.bullets(rich(item, notes) for item in items)


def _drifted(log: TestLog, notes: NoteCollector) -> bool:
    if log.drift:
        notes.add(
            STEP_DRIFT,
            "other steps were executed than the case has today; they are a table in the note",
        )
    return log.drift


def _executed_steps(results: tuple[StepResult, ...]) -> str:
    rows = any(result.row is not None for result in results)
    titles = ["Step", "Row", "Description", "Test data", "Expected", "Actual", "Status"]
    cells = (
        [
            markup.value(result.key),
            markup.value(result.row),
            result.description,
            result.data,
            result.expected,
            result.actual,
            markup.value(result.status),
        ]
        for result in results
    )
    if not rows:
        titles.remove("Row")
        cells = (row[:1] + row[2:] for row in cells)
    return markup.heading("Executed steps") + markup.table(titles, cells)


# ---------------------------------------------------------------------------------------- fields


def _fields(log: TestLog, context: MappingContext, notes: NoteCollector) -> tuple[FieldValue, ...]:
    labels, people = context.tables.labels, context.people
    found: list[FieldValue] = []
    if log.status:  # also in the note, as is who executed it
        found.append(
            fields.choice(labels["status"], log.status, notes, origin="@status", optional=True)
        )
    if log.executed_by:
        who, origin = people.text(log.executed_by), "@executed_by"
        found.append(fields.text(labels["executed_by"], who, notes, origin=origin, optional=True))
    if log.assigned_to:
        who = people.text(log.assigned_to)
        found.append(fields.text(labels["assigned_to"], who, notes, origin="@assigned_to"))
    if log.version:
        found.append(fields.text(labels["version"], log.version, notes, origin="@version"))
    if log.automated:
        found.append(
            FieldValue(
                name=labels["automated"],
                value=True,
                type=FieldType.CHECKBOX,
                origin="@automated",
            )
        )
    found += fields.number(labels["estimated"], log.estimated, origin="@estimated")
    return context.field_labels.values(Kind.TEST_LOG, log.fields, notes, found)
