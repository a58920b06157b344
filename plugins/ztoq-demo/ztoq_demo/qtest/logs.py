"""Manual test logs (facts section 7): what makes the product answer 400."""

from __future__ import annotations

from typing import Any

import attrs
from ztoq_testkit.simulate import Refusal, Reply

from ztoq_demo.qtest.execution_views import log as view
from ztoq_demo.qtest.fields import bad
from ztoq_demo.qtest.files import Inline, attach_all, inline
from ztoq_demo.qtest.objects import Log, Run, Status, StepLog, Version
from ztoq_demo.qtest.placing import common
from ztoq_demo.qtest.site import API, Call, Line, missing
from ztoq_demo.qtest.texts import has_fraction, parse_time
from ztoq_demo.qtest.versions import Leaf, expanded

LONGEST_TIME = 9_999_999  # planned_exe_time (qTest v3 document)


def opaque() -> Refusal:
    """Return the generic refusal of this endpoint."""
    return bad("Unexpected error occurred")


def _instant(body: dict[str, Any], key: str) -> int:
    """Return a required time; fractional seconds are refused here (facts section 7)."""
    text = body.get(key)
    instant = parse_time(text)
    if instant is None:
        raise bad(f"{key} is required, with its offset")
    if has_fraction(text):
        raise opaque()
    return instant


def _status(call: Call, given: Any) -> Status:
    number = given.get("id") if isinstance(given, dict) else None
    found = call.state.statuses.get(number) if isinstance(number, int) else None
    if found is None or not found.active:
        raise opaque()
    return found


def _version(call: Call, run: Run, body: dict[str, Any]) -> Version:
    """Return the version that the log binds to."""
    number, strict = body.get("test_case_version_id"), call.site.options.strict
    if number is None:
        version = run.case.approved or (None if strict else run.version)
        if version is None:
            raise bad("The test case has no approved version.")
        return version
    found = next((v for v in run.case.versions if v.id == number), None)
    if found is None:
        raise opaque()
    if strict and not found.approved:
        raise bad("The version of the test case is not approved.")  # facts section 6: required
    return found


def _times(body: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for key, highest in (("planned_exe_time", LONGEST_TIME), ("actual_exe_time", None)):
        value = body.get(key)
        if value is None:
            continue
        wrong = not isinstance(value, int) or isinstance(value, bool) or value < 0
        if wrong or (highest is not None and value > highest):
            raise bad(f"{key} is out of range")
        found[key.replace("_exe", "")] = value
    return found


def _defects(call: Call, given: Any) -> list[str]:
    """Return the pids of a body's ``defects`` (LinkedDefectResource).

    guess: what becomes of unknown ones, as the option ``unknown_defects`` says.
    """
    found: dict[str, None] = {}
    if given is not None and not isinstance(given, list):
        raise bad("defects must be an array")
    for item in given or ():
        names = ("pid", "external_defect_id")
        texts = [item.get(name) for name in names] if isinstance(item, dict) else []
        pid = next((text for text in texts if text is not None), None)
        if not isinstance(pid, str):
            raise bad("a defect needs its pid")
        if call.site.known_defect(call.project().id, pid):
            found[pid] = None
        elif call.site.options.unknown_defects != "ignored":
            raise Refusal(int(call.site.options.unknown_defects), opaque().body)
    return list(found)


@attrs.frozen
class _StepDraft:
    log: StepLog
    files: list[Inline]


def _steps(call: Call, version: Version, given: Any) -> list[_StepDraft]:
    """Return the step logs of a body: one for each step that is executed, called ones included."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise bad("test_step_logs must be an array")
    leaves = expanded(call, version)
    if call.site.options.logged_steps == "own":
        leaves = [Leaf(step=step, called=None, parents=()) for step in version.steps]
    if len(given) != len(leaves):
        raise bad(f"test_step_logs must have {len(leaves)} items, not {len(given)}")
    open_leaves: dict[int, list[tuple[int, Leaf]]] = {}
    for position, leaf in enumerate(leaves, 1):
        open_leaves.setdefault(leaf.step.id, []).append((position, leaf))
    made = []
    for item in given:
        if not isinstance(item, dict):
            raise bad("test_step_logs must be objects")
        position, leaf = _leaf(item, open_leaves)
        made.append(_step_draft(call, item, position, leaf))
    return sorted(made, key=lambda draft: draft.log.order)


def _leaf(item: dict[str, Any], leaves: dict[int, list[tuple[int, Leaf]]]) -> tuple[int, Leaf]:
    """Take the step that a step log means out of ``leaves``."""
    number = item.get("test_step_id")
    candidates = leaves.get(number, []) if isinstance(number, int) else []
    called, parent = item.get("called_test_case_id"), item.get("parent_test_step_id")
    for index, (_, leaf) in enumerate(candidates):
        own = leaf.called is None and not called and not parent
        if own or (leaf.called is not None and leaf.called == called and parent in leaf.parents):
            return candidates.pop(index)
    raise opaque()


def _step_draft(call: Call, item: dict[str, Any], position: int, leaf: Leaf) -> _StepDraft:
    exe_date = item.get("exe_date")
    log = StepLog(
        id=call.state.new_id(),
        step=leaf.step,
        order=position,
        status=_status(call, item.get("status")),
        actual_result=call.text(item, "actual_result"),
        exe_date=None if exe_date is None else _instant(item, "exe_date"),
        called=leaf.called,
        parent=leaf.parents[0] if leaf.parents else None,
        defects=_defects(call, item.get("defects")),
    )
    return _StepDraft(log, inline(call, item))


def _refuse_missing(call: Call, values: dict[int, str]) -> None:
    """Refuse a log without the required run fields of the project (facts section 3)."""
    project = call.project().id
    for field in call.site.fields.of(project, Run.type):
        wanted = call.site.fields.is_required(field) and field.is_active(project)
        if call.site.options.strict and wanted and not field.key and not values.get(field.id):
            raise bad(f"The field {field.label} is required.")


def add_log(call: Call, run: Run, log: Log) -> None:
    """Put a log in: the newest submitted gives the run's status, whatever its dates (guess)."""
    log.result_number = len(call.state.children.get((*run.place, Log.type), ())) + 1
    call.state.add(log)
    for step_log in log.steps:
        call.state.step_logs[step_log.id] = log, step_log
    run.last_log = log
    project = call.project().id
    status = call.site.fields.named(project, Run.type, "Status")
    if status is not None:
        run.properties[status.id] = str(log.status.id)
    run.properties |= log.properties
    call.site.changed(run)


def submit(call: Call) -> Reply:
    run, body = call.thing(Run, "testRunId"), call.body()
    status = _status(call, body.get("status"))
    start, end = _instant(body, "exe_start_date"), _instant(body, "exe_end_date")
    if call.site.options.strict and end < start:
        raise opaque()  # guess: as planned dates
    version = _version(call, run, body)
    values = call.site.fields.checked(run.project, Run.type, body.get("properties"))
    _refuse_missing(call, values)
    drafts, files = _steps(call, version, body.get("test_step_logs")), inline(call, body)
    log = Log(
        **common(call, run.place),
        **_times(body),
        run=run,
        version=version,
        status=status,
        start=start,
        end=end,
        name=call.text(body, "name", run.name),
        note=call.text(body, "note"),
        properties=values,
        build_number=call.text(body, "build_number"),
        build_url=call.text(body, "build_url"),
        steps=[draft.log for draft in drafts],
        defects=_defects(call, body.get("defects")),
    )
    add_log(call, run, log)
    attach_all(call, log.place, files)
    for draft in drafts:
        attach_all(call, ("test-step-logs", draft.log.id), draft.files)
    return Reply(201, view(call, log))


def _log(call: Call) -> Log:
    run, log = call.thing(Run, "testRunId"), call.thing(Log, "id")
    if log.run is not run:
        raise missing(f"test log {log.id}")
    return log


def listed(call: Call) -> Reply:
    run = call.thing(Run, "testRunId")
    found = [log for log in call.state.under(run.place, Log.type) if isinstance(log, Log)]
    return call.paged(found, lambda log: view(call, log))


def one(call: Call) -> Reply:
    return Reply(200, view(call, _log(call)))


def last_run(call: Call) -> Reply:
    """Return the newest log; 404 for a run that was never executed."""
    run = call.thing(Run, "testRunId")
    if run.last_log is None:
        raise missing("test log")
    steps, case = call.expands("teststeplog.teststep"), call.expands("testcase")
    return Reply(200, view(call, run.last_log, case_expanded=case, steps=steps))


def update(call: Call) -> Reply:
    """Modify a log: not its version, its build, the texts and order of its steps."""
    log, body = _log(call), call.body()
    if log.creator != call.user.id and not call.site.options.administrator:
        raise Refusal(403, {"message": "You do not have permission to perform this action"})
    status = _status(call, body.get("status"))
    start, end = _instant(body, "exe_start_date"), _instant(body, "exe_end_date")
    values = call.site.fields.checked(log.project, Run.type, body.get("properties"))
    changes = []
    for item in body.get("test_step_logs") or ():
        number = item.get("test_step_log_id") if isinstance(item, dict) else None
        owner, step_log = call.state.step_logs.get(number or 0, (None, None))
        if owner is not log or step_log is None:
            raise opaque()
        text = call.text(item, "actual_result", step_log.actual_result)
        defects = step_log.defects
        if item.get("defects") is not None:
            defects = _defects(call, item["defects"])  # guess: they replace what was there
        changes.append((step_log, _status(call, item.get("status")), text, defects))
    log.status, log.start, log.end = status, start, end
    log.note = call.text(body, "note", log.note)
    log.properties |= values
    for step_log, step_status, text, defects in changes:
        step_log.status, step_log.actual_result, step_log.defects = step_status, text, defects
    call.site.changed(log)
    return Reply(200, view(call, log))


_LOGS = API + "/test-runs/{testRunId}/test-logs"
LINES: tuple[Line, ...] = (
    ("GET", _LOGS, listed),
    ("POST", _LOGS, submit),
    ("GET", _LOGS + "/last-run", last_run),
    ("GET", _LOGS + "/{id}", one),
    ("PUT", _LOGS + "/{id}", update),
)
