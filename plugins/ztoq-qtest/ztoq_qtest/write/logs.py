"""Writes manual test logs with the results and defects of their steps, and links their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import attrs

from ztoq_core.plugin import (
    Answer,
    DoubtError,
    Kind,
    Level,
    Link,
    Links,
    MappingError,
    Note,
    Record,
    RecordError,
    StepResult,
    TestLog,
    Written,
    resolve_addresses,
)
from ztoq_qtest.api.object_types import Place, number_of, place_of
from ztoq_qtest.api.project import REFUSED, SITE_ERROR, Line, Project
from ztoq_qtest.fields.encoding import readable_table
from ztoq_qtest.fields.settings import Status
from ztoq_qtest.html import add_mark, anchor, as_html, table
from ztoq_qtest.objects.stamps import written
from ztoq_qtest.write.cases import case_lines
from ztoq_qtest.write.execution import time_text
from ztoq_qtest.write.links import defects_of, held_and_new, issue_keys, link_defect
from ztoq_qtest.write.save import Desk, Job, linked, looking_at_new

__all__ = ["finish_log", "log_parts", "write_log"]

FAILURES = 2  # of the site at a new log, before it is sent without the defects of its steps
# From worst to best, by qTest's own names (facts, section 4). A custom status (absent here) stands
# between an incomplete and an unexecuted one; a step with one row not run is not passed.
RANKS = {"failed": 0, "blocked": 1, "incomplete": 2, "unexecuted": 4, "passed": 5}
CUSTOM = 3
OF_RUN = frozenset({"Name", "Status"})  # of the run alone


@attrs.frozen(kw_only=True)
class _Body:
    """A log as it travels, the lines that its step logs answer for, and what is to be noted."""

    json: dict[str, Any]
    lines: tuple[Line, ...]
    notes: tuple[Note, ...]


async def write_log(desk: Desk, log: TestLog, job: Job) -> Written:
    """Submit a log, or change the one that ztoq submitted."""
    run = number_of(Kind.TEST_RUN, linked(job.links, log.run, log).target_id)
    project = desk.project
    body = await _body(desk, log, job.links)
    if job.bare:
        body = _without_step_defects(body)
    body.json["properties"] += await _required(desk, run, body.json["properties"])
    if job.target_id is None:
        body, answer = await _submit(desk, log, job.links, body, f"test-runs/{run}/test-logs")
    else:
        number = number_of(Kind.TEST_LOG, job.target_id)
        path = f"test-runs/{run}/test-logs/{number}"
        json = _change(body, await project.get(path), _known(log, body.lines, job.parts))
        if "test_step_logs" in body.json and "test_step_logs" not in json:
            text = (
                "qTest does not tell the step results of a log that stands; they stay as they are"
            )
            project.services.note(Level.LOSS, "step-results-stay", text, log.ref)
        answer = {**await _changed(project, path, json, log), "id": number}
    place = Place("test-logs", int(answer["id"]))
    wanted = log.files or any(issue_keys(each.links) for each in log.results)
    if body.lines and wanted and not answer.get("test_step_logs"):
        with looking_at_new(log.ref, new=job.target_id is None):
            answer = {**answer, **await project.get(f"test-runs/{run}/{place.path}")}
    parts = _parts(log.results, body.lines, answer.get("test_step_logs") or ())
    return written(place, f"{run}/{place.id}", answer, parts=parts, notes=body.notes)


async def _submit(
    desk: Desk, log: TestLog, links: Links, body: _Body, path: str
) -> tuple[_Body, dict[str, Any]]:
    """Send a new log; return what was accepted, and the answer.

    What is refused (400) leaves nothing behind. A called case that was approved meanwhile has steps
    with other ids (facts, section 7): the log is sent again with those of now. No fact says what
    becomes of a log whose step names a defect that qTest does not know: then it goes without.

    Raises:
        DoubtError: Nobody knows whether it arrived. The site may also answer bad input with 500
            (facts, section 11): after some of these it is sent without the defects of its steps.
    """
    project = desk.project
    if project.failures[log.key] >= FAILURES:
        body = _without_step_defects(body)
    answer = await _sent(project, path, body, log)
    if answer.status == REFUSED and any(line.parent is not None for line in body.lines):
        case = linked(links, log.case, log)
        project.lines.pop((case.target_id, case.version), None)
        properties = body.json["properties"]
        body = await _body(desk, log, links)
        body.json["properties"] = properties
        answer = await _sent(project, path, body, log)
    if answer.status == REFUSED:
        body = _without_step_defects(body)
        answer = await project.send("POST", path, body.json, ref=log.ref)
    return body, answer.body


async def _sent(project: Project, path: str, body: _Body, log: TestLog) -> Answer:
    """Send a new log; a refusal is raised where nothing but sending the same is left."""
    calls = any(line.parent is not None for line in body.lines)
    accept = {REFUSED} if calls or _has_step_defects(body.json) else ()
    try:
        return await project.send("POST", path, body.json, accept=accept, ref=log.ref)
    except DoubtError as error:
        project.failures[log.key] += error.status == SITE_ERROR
        raise


def _has_step_defects(json: Mapping[str, Any]) -> bool:
    return any("defects" in each for each in json.get("test_step_logs") or ())


def _without_step_defects(body: _Body) -> _Body:
    return attrs.evolve(body, json=_bare(body.json))


def _bare(json: Mapping[str, Any]) -> dict[str, Any]:
    """Return a log without the defects of its steps."""
    if "test_step_logs" not in json:
        return dict(json)
    steps = [{k: v for k, v in each.items() if k != "defects"} for each in json["test_step_logs"]]
    return {**json, "test_step_logs": steps}


async def _changed(project: Project, path: str, json: dict[str, Any], log: TestLog) -> Any:
    """Send the change of a log, without the defects of its steps where they are refused."""
    accept = {REFUSED, SITE_ERROR} if _has_step_defects(json) else ()
    answer = await project.send("PUT", path, json, accept=accept, ref=log.ref)
    if answer.status in accept:
        answer = await project.send("PUT", path, _bare(json), ref=log.ref)
    return answer.body


def _known(log: TestLog, lines: Sequence[Line], parts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the step logs as far as ztoq knows them, for answers that leave them out."""
    ids = {each.step: parts[each.key] for each in log.results if each.key in parts}
    return [
        {"test_step_id": line.id, "test_step_log_id": int(ids[line.key])}
        for line in lines
        if line.key in ids
    ]


def _change(
    body: _Body, now: Mapping[str, Any], known: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return what changes a log that stands: not its version, and not the order of its steps."""
    json = {name: v for name, v in body.json.items() if name != "test_case_version_id"}
    there = now.get("test_step_logs") or known
    new = json.pop("test_step_logs", ())
    if [each.get("test_step_id") for each in there] == [each["test_step_id"] for each in new]:
        json["test_step_logs"] = []
        for each, old in zip(new, there, strict=True):
            step = {**each, "test_step_log_id": old.get("test_step_log_id")}
            if defects := held_and_new(old, each.get("defects") or ()):
                step["defects"] = defects
            json["test_step_logs"].append(step)
    return json


async def _required(desk: Desk, run: int, given: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the run's values of required fields that the log does not bring.

    Working code sends required properties of the run with each log, and says 400 otherwise (facts,
    section 3).
    """
    fields = (await desk.settings.fields("test-runs")).fields
    have = {each["field_id"] for each in given}
    wanted = {
        each.id
        for each in fields
        if each.required and each.active and each.id not in have and each.original not in OF_RUN
    }
    if not wanted:
        return []
    held = (await desk.project.get(f"test-runs/{run}")).get("properties") or ()
    return [
        {name: each[name] for name in ("field_id", "field_name", "field_value") if name in each}
        for each in held
        if each.get("field_id") in wanted and each.get("field_value")
    ]


async def _body(desk: Desk, log: TestLog, links: Links) -> _Body:
    case = linked(links, log.case, log)
    if log.start is None or log.end is None:
        raise RecordError(f"{log.ref} has no start or end; the mapping sets them")
    statuses = await desk.settings.statuses()
    filled = await desk.settings.properties(Kind.TEST_LOG, log.fields)
    notes = [*filled.notes("note")]
    lines: tuple[Line, ...] = ()
    note = log.note + readable_table(filled.rest)
    if log.results and not log.drift and any(each.step for each in log.results):
        lines = await case_lines(desk.project, case)
        if not {each.step for each in log.results} <= {line.key for line in lines}:
            lines = ()
            table = _results_table(log.results)
            # what it points at was to stand with the steps, and is not resolved by ``finish``
            note += table if log.refers else resolve_addresses(table, {})[0]
            text = "the executed steps are not those of the case in qTest; they stand in the note"
            notes.append(Note(level=Level.FALLBACK, code="step-drift", text=text))
    json: dict[str, Any] = {
        "status": {"id": _status(statuses, log.statuses, log).id},
        "exe_start_date": time_text(min(log.start, log.end)),
        "exe_end_date": time_text(log.end),
        "note": add_mark(note, desk.project.config.key_field, log.key),
        "properties": filled.properties,
    }
    if case.version:
        json["test_case_version_id"] = int(case.version)
    if lines:
        json["test_step_logs"] = _step_logs(lines, log, statuses)
    return _Body(json=json, lines=lines, notes=tuple(notes))


def _status(statuses: Sequence[Status], wanted: Sequence[str], by: Record) -> Status:
    named = {each.name.strip().casefold(): each for each in reversed(statuses)}
    for name in wanted:
        if found := named.get(name.strip().casefold()):
            return found
    have = ", ".join(each.name for each in statuses)
    raise MappingError(f"{by.ref}: no execution status of {list(wanted)!r} in qTest (has: {have})")


def _unexecuted(statuses: Sequence[Status], by: Record) -> Status:
    named = next((each for each in statuses if each.name.strip().casefold() == "unexecuted"), None)
    found = named or next((each for each in statuses if each.default), None)
    return found or _status(statuses, ["Unexecuted"], by)


# ------------------------------------------------------------------------------------ step logs


def _step_logs(
    lines: Sequence[Line], log: TestLog, statuses: Sequence[Status]
) -> list[dict[str, Any]]:
    """Return a step log for each step of the version, as their number must match (facts, 7)."""
    ordered = sorted(log.results, key=lambda each: each.step)
    results = {step: list(rows) for step, rows in groupby(ordered, key=lambda each: each.step)}
    unexecuted = _unexecuted(statuses, log)
    found = []
    for order, line in enumerate(lines, 1):
        rows = results.get(line.key, [])
        known = [_status(statuses, row.statuses, log) for row in rows]
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
    return RANKS.get(status.name.strip().casefold(), CUSTOM)


def _actual(rows: Sequence[StepResult], statuses: Sequence[Status]) -> str:
    if len(rows) == 1 and rows[0].row is None:
        return rows[0].actual
    texts = []
    for place, (row, status) in enumerate(zip(rows, statuses, strict=True), 1):
        number = place if row.row is None else row.row
        data = f"<br>{row.data}" if row.data else ""
        texts.append(f"<p>Row {number}: {as_html(status.name)}{data}</p>{row.actual}")
    return "".join(texts)


def _defects(result: StepResult) -> str:
    keys = ", ".join(issue_keys(result.links))
    return f"<p>Defects: {as_html(keys)}</p>" if keys else ""


def _results_table(results: Sequence[StepResult]) -> str:
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


def _parts(
    results: Sequence[StepResult], lines: Sequence[Line], answered: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Return the step log of each result: by place, else by step and calling step.

    One case may be called twice through different ones, so step and caller may stand there twice.
    """
    ids = [each.get("test_step_log_id") for each in answered]
    places = {
        (each.get("test_step_id"), each.get("parent_test_step_id") or None): number
        for each, number in zip(answered, ids, strict=True)
    }
    found: dict[str, str] = {}
    for place, line in enumerate(lines):
        number = places.get((line.id, line.parent))
        same_place = len(ids) == len(lines) and answered[place].get("test_step_id") == line.id
        if same_place or (number is None and len(ids) == len(lines)):
            number = ids[place]
        if number is not None:
            found |= {each.key: str(number) for each in results if each.step == line.key}
    return found


async def log_parts(
    desk: Desk, log: TestLog, links: Links, answer: Mapping[str, Any]
) -> dict[str, str]:
    """Return the step logs of a log's results as an answer tells them."""
    answered = answer.get("test_step_logs") or ()
    if not answered or not any(each.step for each in log.results):
        return {}
    lines = await case_lines(desk.project, linked(links, log.case, log))
    return _parts(log.results, lines, answered)


# ------------------------------------------------------------------------------------ finishing


async def finish_log(desk: Desk, log: TestLog, before: Written, links: Links) -> Written:
    """Link the defects of the log; those that qTest refuses go into the note.

    The defects of steps travelled with the log (``TestStepLogResource.defects``). The document has
    no route that links one to a step's log, so where that does not show it, the log takes it.
    """
    at = place_of(Kind.TEST_LOG, before.target_id)
    on_log = dict.fromkeys(issue_keys(log.links))
    notes: list[Note] = []
    shown: Mapping[str, Any] = {}
    if issue_keys(_links(log)):
        run = before.target_id.partition("/")[0]
        shown = await desk.project.get(f"test-runs/{run}/{at.path}")
    steps = shown.get("test_step_logs") or ()
    arrived = {str(each.get("test_step_log_id")): defects_of(each) for each in steps}
    for result in log.results:
        there = arrived.get(before.parts.get(result.key, ""), set())
        for key in issue_keys(result.links):
            if key not in there:
                on_log[key] = None
                text = f"the log is linked to {key} instead of its step {result.key}"
                notes.append(Note(level=Level.CHANGE, code="step-defect-on-log", text=text))
    there = defects_of(shown)
    refused = []
    for key in on_log:
        reason = "" if key in there else await link_defect(desk.project, at, key, log.ref)
        if reason:
            refused.append(key)
            text = f"qTest did not link {key}; the note names it: {reason}"
            notes.append(Note(level=Level.FALLBACK, code="defect-as-text", text=text))
    known = {link.issue_key: link for link in _links(log)}
    missing = [known[key] for key in refused if not _names(log.note, key)]
    after = before
    if missing:
        listed = "<br>".join(
            anchor(link.url, f"{link.issue_key} {link.text}".strip()) for link in missing
        )
        named = attrs.evolve(log, note=f"{log.note}<p>Defects: {listed}</p>")
        # what the steps did not take is not sent with them again
        job = Job(target_id=before.target_id, links=links, parts=before.parts, bare=True)
        after = await write_log(desk, named, job)
    return attrs.evolve(after, parts=before.parts or after.parts, notes=(*before.notes, *notes))


def _links(log: TestLog) -> list[Link]:
    return [*log.links, *(link for each in log.results for link in each.links)]


def _names(note: str, key: str) -> bool:
    """Whether a note names an issue: ACME-7 is not ACME-70."""
    return re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", note) is not None
