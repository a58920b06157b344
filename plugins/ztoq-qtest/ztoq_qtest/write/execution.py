"""Writes releases (or the test cycles that plans become), test suites and test runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ztoq_core.plugin import (
    FieldType,
    FieldValue,
    Kind,
    Links,
    Note,
    TestCycle,
    TestPlan,
    TestRun,
    Written,
    folded,
)
from ztoq_qtest.api.object_types import ROOT, ROOT_CYCLES, number_of, object_ref
from ztoq_qtest.fields.encoding import values_table
from ztoq_qtest.fields.field import Field
from ztoq_qtest.fields.settings import FieldSet, fallback_notes
from ztoq_qtest.html import add_mark
from ztoq_qtest.note_codes import VERSION_LOST
from ztoq_qtest.objects.marks import PLAN
from ztoq_qtest.objects.stamps import as_written, drop_log_properties
from ztoq_qtest.write.save import (
    Draft,
    Session,
    WriteRequest,
    find_parent,
    required_link,
    save_draft,
    suffixed,
)

# Original names of fields, which customers cannot change. Environment and PlannedStartTestRun were
# seen (facts, section 3). Guess: suites follow the same pattern, or have the default label.
PLANNED = {
    "start": ("PlannedStartTestSuite", "PlannedStartDate", "Planned Start Date"),
    "end": ("PlannedEndTestSuite", "PlannedEndDate", "Planned End Date"),
}
ENVIRONMENT = "Environment"


def format_time(moment: datetime) -> str:
    """Return a time in qTest's format: whole seconds and an offset (facts, section 7)."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()


async def write_plan(session: Session, plan: TestPlan, request: WriteRequest) -> Written:
    """Write a plan as a release, or as a test cycle if the config says so."""
    draft = await draft_plan(session, plan, request)
    target, answer = await save_draft(session.project, draft, plan, request)
    return as_written(target, target.path, answer, notes=draft.notes)


async def draft_plan(session: Session, plan: TestPlan, request: WriteRequest) -> Draft:
    """Return what is sent for a plan."""
    if session.project.config.plans == "cycle":
        return _plan_as_cycle(session, plan, request)
    project, settings = session.project, session.settings
    filled = await settings.encode_properties(
        Kind.TEST_PLAN, plan.fields, mark=plan.key, clear=request.target_id is not None
    )
    note = plan.note + values_table(filled.rest)
    if not await settings.has_key_field(Kind.TEST_PLAN):
        note = add_mark(note, project.config.key_field, plan.key)
    body: dict[str, Any] = {
        "name": plan.name,
        "description": plan.description,
        "note": note,
        "properties": filled.properties,
    }
    for name, moment in (("start_date", plan.start), ("end_date", plan.end)):
        if moment:
            body[name] = format_time(moment)
    return Draft(type="releases", parent=ROOT, body=body, notes=filled.notes("note"))


def _plan_as_cycle(session: Session, plan: TestPlan, request: WriteRequest) -> Draft:
    config = session.project.config
    dates = (("Planned start", plan.start), ("Planned end", plan.end))
    rest = [
        *(each for each in plan.fields if each.value not in (None, "", ()) and not each.optional),
        *(FieldValue(name=name, value=format_time(moment)) for name, moment in dates if moment),
    ]
    text = plan.description + plan.note + values_table(rest)
    body = {"name": plan.name, "description": add_mark(text, config.key_field, plan.key + PLAN)}
    root = ROOT_CYCLES if config.root_cycle else None
    parent = find_parent(request.links, plan.folder, root, plan)
    notes = fallback_notes(rest, "description")
    return Draft(type="test-cycles", parent=parent, body=body, notes=notes)


# --------------------------------------------------------------------------------------- suites


async def write_cycle(session: Session, cycle: TestCycle, request: WriteRequest) -> Written:
    """Write a cycle as a test suite."""
    draft = await draft_cycle(session, cycle, request)
    target, answer = await save_draft(session.project, draft, cycle, request)
    return as_written(target, str(target.id), answer, notes=draft.notes)


async def draft_cycle(session: Session, cycle: TestCycle, request: WriteRequest) -> Draft:
    """Return what is sent for a cycle; a suite has no text, so a value without a field is lost."""
    settings, config = session.settings, session.project.config
    fields = await settings.fields("test-suites")
    planned = [
        FieldValue(name=_planned(fields, which), value=format_time(moment), type=FieldType.DATETIME)
        for which, moment in (("start", cycle.planned_start), ("end", cycle.planned_end))
        if moment
    ]
    dates = {PLANNED["start"][-1]: cycle.planned_start, PLANNED["end"][-1]: cycle.planned_end}
    # ``planned`` has these dates already, under the label that the project uses.
    others = [each for each in cycle.fields if not dates.get(each.name)]
    filled = await settings.encode_properties(
        Kind.TEST_CYCLE, (*planned, *others), mark=cycle.key, clear=request.target_id is not None
    )
    marked = await settings.has_key_field(Kind.TEST_CYCLE)
    name, cut = (cycle.name, ()) if marked else suffixed(cycle.name, cycle.key)
    body: dict[str, Any] = {
        "name": name,
        "properties": filled.properties,
    }
    release, notes = await _release(session, cycle, request.links)
    if release:
        body["target_release_id"] = release
    root = ROOT_CYCLES if config.root_cycle else None
    parent = find_parent(request.links, cycle.folder, root, cycle)
    lost = (*cut, *notes, *filled.notes(""))
    return Draft(type="test-suites", parent=parent, body=body, notes=lost)


def _planned(fields: FieldSet, which: str) -> str:
    """Return the label of a field of planned dates, or the default label if there is none."""
    names = PLANNED[which]
    found = next((field for name in names if (field := _original(fields, name))), None)
    return (found or fields.named(names[-1]) or Field(id=0, label=names[-1])).label


def _original(fields: FieldSet, name: str) -> Field | None:
    return next((each for each in fields.fields if each.active and each.original == name), None)


async def _release(
    session: Session, cycle: TestCycle, links: Links
) -> tuple[int | None, list[Note]]:
    """Return the suite's target release: the one named like its version, else its first plan's."""
    notes: list[Note] = []
    if cycle.version:
        found = (await _releases(session)).get(folded(cycle.version))
        if found:
            return found, notes
        if all(value.value != cycle.version for value in cycle.fields):
            text = f"qTest has no release called {cycle.version!r}, so the version is lost"
            notes.append(VERSION_LOST.note(text))
    for ref in cycle.plans:
        plan = links.get(ref)
        if plan and (target := object_ref(Kind.TEST_PLAN, plan.target_id)).type == "releases":
            return target.id, notes
    return None, notes


async def _releases(session: Session) -> Mapping[str, int]:
    """Return the ids of the project's releases by name; the first of a name wins."""

    async def ask() -> dict[str, int]:
        found: dict[str, int] = {}
        async for item in session.project.children("releases", ROOT):
            found.setdefault(folded(str(item.get("name") or "")), int(item["id"]))
        return found

    name = f"qtest releases {session.project.config.project}"
    return await session.project.services.once(name, ask)


# ----------------------------------------------------------------------------------------- runs


async def write_run(session: Session, run: TestRun, request: WriteRequest) -> Written:
    """Write a run."""
    draft = await draft_run(session, run, request)
    target, answer = await save_draft(session.project, draft, run, request)
    answer = drop_log_properties(answer, await session.settings.fields("test-runs"))
    return as_written(target, str(target.id), answer, notes=draft.notes)


async def draft_run(session: Session, run: TestRun, request: WriteRequest) -> Draft:
    """Return what is sent for a run. It binds the case version that was written."""
    settings, config = session.settings, session.project.config
    case = required_link(request.links, run.case, run)
    fields = await settings.fields("test-runs")
    values, words = list(run.fields), []
    if run.environment:
        field = _original(fields, ENVIRONMENT) or fields.named(ENVIRONMENT)
        value = FieldValue(
            name=field.label if field else "", value=run.environment, type=FieldType.CHOICE
        )
        tried = await settings.encode_properties(Kind.TEST_RUN, [value])
        if field is None or tried.rest:
            words.append(run.environment)
        elif all(fields.named(each.name) is not field for each in values):
            values.append(value)
    if words:
        # The name shows the environment, so a value for the same field needs no note.
        values = [each for each in values if each.value != run.environment]
    filled = await settings.encode_properties(
        Kind.TEST_RUN, values, mark=run.key, clear=request.target_id is not None
    )
    if not await settings.has_key_field(Kind.TEST_RUN):
        words.append(run.key)
    number = number_of(Kind.TEST_CASE, case.target_id)
    name, cut = suffixed(run.name or run.case.key, *words)
    body: dict[str, Any] = {
        "name": name,
        "properties": filled.properties,
        # the document requires properties of a case even where only its id is used
        "test_case": {"id": number, "properties": []},
    }
    if case.version:
        body["test_case_version_id"] = int(case.version)
    root = ROOT_CYCLES if config.root_cycle else None
    parent = find_parent(request.links, run.cycle, root, run)
    lost = (*cut, *filled.notes(""))
    return Draft(type="test-runs", parent=parent, body=body, notes=lost)
