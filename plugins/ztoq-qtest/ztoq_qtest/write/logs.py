"""Writes manual test logs with the results and defects of their steps, and links defects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ztoq_core.plugin import (
    Answer,
    DoubtError,
    Kind,
    Link,
    Links,
    Note,
    RecordError,
    TestLog,
    Written,
    resolve_addresses,
)
from ztoq_qtest.api.object_types import ObjectRef, number_of, object_ref
from ztoq_qtest.api.project import REFUSED, SITE_ERROR, ExecutableStep, Project
from ztoq_qtest.fields.encoding import values_table
from ztoq_qtest.html import add_mark, anchor
from ztoq_qtest.note_codes import DEFECT_AS_TEXT, STEP_DEFECT_ON_LOG, STEP_DRIFT, STEP_RESULTS_STAY
from ztoq_qtest.objects.stamps import as_written
from ztoq_qtest.write.cases import have_same_steps, list_executable_steps
from ztoq_qtest.write.execution import format_time
from ztoq_qtest.write.links import defects_of, held_and_new, issue_keys, link_defect
from ztoq_qtest.write.save import Session, WriteRequest, doubt_if_created, required_link
from ztoq_qtest.write.step_logs import (
    build_step_logs,
    find_status,
    match_parts,
    results_table,
)

FAILURES = 2  # times the site failed at a log before it is sent without its steps' defects
OF_RUN = frozenset({"Name", "Status"})  # fields of a run that its logs do not have


@attrs.frozen(kw_only=True)
class _LogBody:
    """The request body of a log, the steps that its step logs belong to, and the notes."""

    json: dict[str, Any]
    lines: tuple[ExecutableStep, ...]
    notes: tuple[Note, ...]


async def write_log(session: Session, log: TestLog, request: WriteRequest) -> Written:
    """Submit a log, or change the one that ztoq submitted."""
    run = number_of(Kind.TEST_RUN, required_link(request.links, log.run, log).target_id)
    project = session.project
    body = await _body(session, log, request.links)
    if request.without_step_defects:
        body = _without_step_defects(body)
    body.json["properties"] += await _required(session, run, body.json["properties"])
    if request.target_id is None:
        body, answer = await _submit(
            session, log, request.links, body, f"test-runs/{run}/test-logs"
        )
    else:
        number = number_of(Kind.TEST_LOG, request.target_id)
        path = f"test-runs/{run}/test-logs/{number}"
        now = await project.get(path)
        body = await _in_its_version(session, log, request.links, body, now)
        json = _change(body, now, _known(log, body.lines, request.parts))
        if "test_step_logs" in body.json and "test_step_logs" not in json:
            text = (
                "the step results of this log stay as they are: qTest does not show them, or shows "
                "those of other steps"
            )
            project.services.note(STEP_RESULTS_STAY, text, log.ref)
        answer = {**await _changed(project, path, json, log), "id": number}
    place = ObjectRef("test-logs", int(answer["id"]))
    wanted = log.files or any(issue_keys(each.links) for each in log.results)
    if body.lines and wanted and not answer.get("test_step_logs"):
        with doubt_if_created(log.ref, new=request.target_id is None):
            answer = {**answer, **await project.get(f"test-runs/{run}/{place.path}")}
    parts = match_parts(log.results, body.lines, answer.get("test_step_logs") or ())
    return as_written(place, f"{run}/{place.id}", answer, parts=parts, notes=body.notes)


async def _submit(
    session: Session, log: TestLog, links: Links, body: _LogBody, path: str
) -> tuple[_LogBody, dict[str, Any]]:
    """Send a new log; return the body that qTest accepted, and the answer.

    A refused log (400) leaves nothing behind, so it may be sent again with another body. A called
    case that was approved in the meantime has steps with new ids (facts, section 7): the log is
    sent again with these. Nothing says what qTest does with a step whose defect it does not know:
    if it refuses the log, the log is sent without the defects of its steps. Nor does the document
    say which steps a log must name (all, or those of called cases too): if qTest still refuses,
    the log is sent without steps, and its note lists their results.

    Raises:
        DoubtError: The log may have arrived. The site may also answer bad input with 500 (facts,
            section 11), so after some of these the log is sent without the defects of its steps.
    """
    project = session.project
    properties = body.json["properties"]
    if project.failures[log.key] >= FAILURES:
        body = _without_step_defects(body)
    answer = await _sent(project, path, body, log)
    if answer.status == REFUSED and any(line.parent is not None for line in body.lines):
        case = required_link(links, log.case, log)
        project.executable_steps.pop((case.target_id, case.version), None)
        body = await _body(session, log, links)
        body.json["properties"] = properties
        answer = await _sent(project, path, body, log)
    if answer.status == REFUSED and _has_step_defects(body.json):
        body = _without_step_defects(body)
        answer = await _sent(project, path, body, log)
    if answer.status == REFUSED:
        body = await _body(session, log, links, joined=False)
        body.json["properties"] = properties
        answer = await _sent(project, path, body, log)
    return body, answer.body


async def _sent(project: Project, path: str, body: _LogBody, log: TestLog) -> Answer:
    """Send a new log; a refusal is an error only if no other body can be tried."""
    accept = {REFUSED} if "test_step_logs" in body.json else ()
    try:
        return await project.send("POST", path, body.json, accept=accept, ref=log.ref)
    except DoubtError as error:
        project.failures[log.key] += error.status == SITE_ERROR
        raise


def _has_step_defects(json: Mapping[str, Any]) -> bool:
    return any("defects" in each for each in json.get("test_step_logs") or ())


def _without_step_defects(body: _LogBody) -> _LogBody:
    return attrs.evolve(body, json=_drop_step_defects(body.json))


def _drop_step_defects(json: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a log without the defects of its steps."""
    if "test_step_logs" not in json:
        return dict(json)
    steps = [{k: v for k, v in each.items() if k != "defects"} for each in json["test_step_logs"]]
    return {**json, "test_step_logs": steps}


async def _changed(project: Project, path: str, json: dict[str, Any], log: TestLog) -> Any:
    """Change a log; if qTest refuses the defects of its steps, change it without them."""
    accept = {REFUSED, SITE_ERROR} if _has_step_defects(json) else ()
    answer = await project.send("PUT", path, json, accept=accept, ref=log.ref)
    if answer.status in accept:
        answer = await project.send("PUT", path, _drop_step_defects(json), ref=log.ref)
    return answer.body


def _known(
    log: TestLog, lines: Sequence[ExecutableStep], parts: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the step logs that ztoq knows, for answers that leave them out."""
    ids = {each.step: parts[each.key] for each in log.results if each.key in parts}
    return [
        {"test_step_id": line.id, "test_step_log_id": int(ids[line.key])}
        for line in lines
        if line.key in ids
    ]


async def _in_its_version(
    session: Session, log: TestLog, links: Links, body: _LogBody, now: Mapping[str, Any]
) -> _LogBody:
    """Return the body with the ids that its steps have in the version that the log belongs to.

    A log stays with the version that it was submitted for, and each save of the case gives the
    steps new ids, also where they are the same as before.
    """
    steps, version = now.get("test_step_logs") or (), str(now.get("test_case_version_id") or "")
    case = required_link(links, log.case, log)
    if not body.lines or len(steps) != len(body.lines) or version in {"", case.version}:
        return body
    if not await have_same_steps(session.project, case, version):
        return body
    names = ("test_step_id", "parent_test_step_id")
    moved = [
        {**each, **{name: step[name] for name in names if name in step and name in each}}
        for each, step in zip(body.json["test_step_logs"], steps, strict=True)
    ]
    return attrs.evolve(body, json={**body.json, "test_step_logs": moved})


def _change(
    body: _LogBody, now: Mapping[str, Any], known: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the body that changes an existing log: without version and order of its steps."""
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


async def _required(session: Session, run: int, given: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the run's values of required fields that the log has no value for.

    Published code sends the required properties of the run with each log, since qTest answers 400
    otherwise (facts, section 3).
    """
    fields = (await session.settings.fields("test-runs")).fields
    have = {each["field_id"] for each in given}
    wanted = {
        each.id
        for each in fields
        if each.required and each.active and each.id not in have and each.original not in OF_RUN
    }
    if not wanted:
        return []
    held = (await session.project.get(f"test-runs/{run}")).get("properties") or ()
    return [
        {name: each[name] for name in ("field_id", "field_name", "field_value") if name in each}
        for each in held
        if each.get("field_id") in wanted and each.get("field_value")
    ]


async def _body(session: Session, log: TestLog, links: Links, *, joined: bool = True) -> _LogBody:
    """Return the body of a log; without ``joined`` its note lists the results of its steps."""
    case = required_link(links, log.case, log)
    if log.start is None or log.end is None:
        raise RecordError(f"{log.ref} has no start or end; the mapping has to set them")
    statuses = await session.settings.statuses()
    filled = await session.settings.encode_properties(Kind.TEST_LOG, log.fields)
    notes = [*filled.notes("note")]
    lines: tuple[ExecutableStep, ...] = ()
    note = log.note + values_table(filled.rest)
    if log.results and not log.drift and any(each.step for each in log.results):
        lines = await list_executable_steps(session.project, case) if joined else ()
        if not {each.step for each in log.results} <= {line.key for line in lines}:
            lines = ()
            table = results_table(log.results)
            # ``finish`` resolves addresses only if the record refers to something; else the
            # placeholders of the steps would stay in the note.
            note += table if log.text_refs else resolve_addresses(table, {})[0]
            text = (
                "the executed steps differ from those of the case in qTest; the note lists them"
                if joined
                else "qTest refused the results of the steps; the note lists them"
            )
            notes.append(STEP_DRIFT.note(text))
    json: dict[str, Any] = {
        "status": {"id": find_status(statuses, log.statuses, log).id},
        "exe_start_date": format_time(min(log.start, log.end)),
        "exe_end_date": format_time(log.end),
        "note": add_mark(note, session.project.config.key_field, log.key),
        "properties": filled.properties,
    }
    if case.version:
        json["test_case_version_id"] = int(case.version)
    if lines:
        json["test_step_logs"] = build_step_logs(lines, log, statuses)
    return _LogBody(json=json, lines=lines, notes=tuple(notes))


async def note_log_losses(
    session: Session, log: TestLog, links: Links, answer: Mapping[str, Any]
) -> tuple[Note, ...]:
    """Return what ``write_log`` notes about a new log, which qTest shows as ``answer``."""
    return (await _body(session, log, links, joined=bool(answer.get("test_step_logs")))).notes


async def log_parts(
    session: Session, log: TestLog, links: Links, answer: Mapping[str, Any]
) -> dict[str, str]:
    """Return the ids of the step logs of a log's results, taken from an answer."""
    answered = answer.get("test_step_logs") or ()
    if not answered or not any(each.step for each in log.results):
        return {}
    lines = await list_executable_steps(session.project, required_link(links, log.case, log))
    return match_parts(log.results, lines, answered)


# ------------------------------------------------------------------------------------ finishing


async def finish_log(session: Session, log: TestLog, before: Written, links: Links) -> Written:
    """Link the defects of the log; the note names those that qTest does not link.

    The defects of steps were sent with the log (``TestStepLogResource.defects``). The document has
    no endpoint that links a defect to a step log, so a defect that the step log does not show is
    linked to the log.
    """
    at = object_ref(Kind.TEST_LOG, before.target_id)
    on_log = dict.fromkeys(issue_keys(log.links))
    notes: list[Note] = []
    shown: Mapping[str, Any] = {}
    if issue_keys(_all_links(log)):
        run = before.target_id.partition("/")[0]
        shown = await session.project.get(f"test-runs/{run}/{at.path}")
    steps = shown.get("test_step_logs") or ()
    arrived = {str(each.get("test_step_log_id")): defects_of(each) for each in steps}
    for result in log.results:
        there = arrived.get(before.parts.get(result.key, ""), set())
        for key in issue_keys(result.links):
            if key not in there:
                on_log[key] = None
                text = f"the log is linked to {key} instead of its step {result.key}"
                notes.append(STEP_DEFECT_ON_LOG.note(text))
    there = defects_of(shown)
    refused = []
    for key in on_log:
        reason = "" if key in there else await link_defect(session.project, at, key, log.ref)
        if reason:
            refused.append(key)
            text = f"qTest did not link {key}: {reason}; the note names it"
            notes.append(DEFECT_AS_TEXT.note(text))
    known = {link.issue_key: link for link in _all_links(log)}
    missing = [known[key] for key in refused if not _mentions(log.note, key)]
    after = before
    if missing:
        listed = "<br>".join(
            anchor(link.url, f"{link.issue_key} {link.text}".strip()) for link in missing
        )
        named = attrs.evolve(log, note=f"{log.note}<p>Defects: {listed}</p>")
        # The step logs did not take these defects, so they are not sent with the steps again.
        request = WriteRequest(
            target_id=before.target_id, links=links, parts=before.parts, without_step_defects=True
        )
        after = await write_log(session, named, request)
    return attrs.evolve(after, parts=before.parts or after.parts, notes=(*before.notes, *notes))


def _all_links(log: TestLog) -> list[Link]:
    return [*log.links, *(link for each in log.results for link in each.links)]


def _mentions(note: str, key: str) -> bool:
    """Return whether a note names an issue; ACME-70 does not name ACME-7."""
    return re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", note) is not None
