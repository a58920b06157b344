"""Writes releases (or the test cycles that plans become), test suites and test runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ztoq_core.plugin import (
    FieldType,
    FieldValue,
    Kind,
    Level,
    Links,
    Note,
    TestCycle,
    TestPlan,
    TestRun,
    Written,
)
from ztoq_qtest.api.object_types import ROOT, ROOT_CYCLES, Place, number_of, place_of
from ztoq_qtest.fields.encoding import Field, readable_table
from ztoq_qtest.fields.settings import FieldSet, fallbacks
from ztoq_qtest.html import add_mark, with_suffix
from ztoq_qtest.objects.marks import PLAN
from ztoq_qtest.objects.stamps import without_logs, written
from ztoq_qtest.write.save import Desk, Job, linked, parent_place, save

__all__ = ["time_text", "write_cycle", "write_plan", "write_run"]

# The original names of fields that customers cannot change. Environment and PlannedStartTestRun
# are seen (facts, section 3); guess: suites have theirs in the same manner, or with the default
# label alone.
PLANNED = {
    "start": ("PlannedStartTestSuite", "PlannedStartDate", "Planned Start Date"),
    "end": ("PlannedEndTestSuite", "PlannedEndDate", "Planned End Date"),
}
ENVIRONMENT = "Environment"


def time_text(moment: datetime) -> str:
    """Return a time as qTest takes it: whole seconds and an offset (facts, section 7)."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()


async def write_plan(desk: Desk, plan: TestPlan, job: Job) -> Written:
    """Write a plan as a release, or as a test cycle where the config says so."""
    if desk.project.config.plans == "cycle":
        return await _plan_as_cycle(desk, plan, job)
    project, settings = desk.project, desk.settings
    filled = await settings.properties(
        Kind.TEST_PLAN, plan.fields, mark=plan.key, clear=job.target_id is not None
    )
    note = plan.note + readable_table(filled.rest)
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
            body[name] = time_text(moment)
    at = place_of(Kind.TEST_PLAN, job.target_id) if job.target_id else "releases"
    answer = await save(project, at, body, ROOT, plan.ref)
    place = Place("releases", int(answer["id"]))
    return written(place, place.path, answer, notes=filled.notes("note"))


async def _plan_as_cycle(desk: Desk, plan: TestPlan, job: Job) -> Written:
    config = desk.project.config
    dates = (("Planned start", plan.start), ("Planned end", plan.end))
    rest = [
        *(each for each in plan.fields if each.value not in (None, "", ()) and not each.optional),
        *(FieldValue(name=name, value=time_text(moment)) for name, moment in dates if moment),
    ]
    text = plan.description + plan.note + readable_table(rest)
    body = {"name": plan.name, "description": add_mark(text, config.key_field, plan.key + PLAN)}
    root = ROOT_CYCLES if config.root_cycle else None
    parent = parent_place(job.links, plan.folder, root, plan)
    at = place_of(Kind.TEST_PLAN, job.target_id) if job.target_id else "test-cycles"
    answer = await save(desk.project, at, body, parent, plan.ref)
    place = Place("test-cycles", int(answer["id"]))
    return written(place, place.path, answer, notes=fallbacks(rest, "description"))


# --------------------------------------------------------------------------------------- suites


async def write_cycle(desk: Desk, cycle: TestCycle, job: Job) -> Written:
    """Write a cycle as a test suite; it has no text, so what finds no field is lost."""
    project, settings = desk.project, desk.settings
    config = project.config
    fields = await settings.fields("test-suites")
    planned = [
        FieldValue(name=_planned(fields, which), value=time_text(moment), type=FieldType.DATETIME)
        for which, moment in (("start", cycle.planned_start), ("end", cycle.planned_end))
        if moment
    ]
    dates = {PLANNED["start"][-1]: cycle.planned_start, PLANNED["end"][-1]: cycle.planned_end}
    # under whatever label the project has for them, they are among the planned ones already
    others = [each for each in cycle.fields if not dates.get(each.name)]
    filled = await settings.properties(
        Kind.TEST_CYCLE, (*planned, *others), mark=cycle.key, clear=job.target_id is not None
    )
    marked = await settings.has_key_field(Kind.TEST_CYCLE)
    body: dict[str, Any] = {
        "name": cycle.name if marked else with_suffix(cycle.name, cycle.key),
        "properties": filled.properties,
    }
    release, notes = await _release(desk, cycle, job.links)
    if release:
        body["target_release_id"] = release
    root = ROOT_CYCLES if config.root_cycle else None
    parent = parent_place(job.links, cycle.folder, root, cycle)
    at = place_of(Kind.TEST_CYCLE, job.target_id) if job.target_id else "test-suites"
    answer = await save(project, at, body, parent, cycle.ref)
    place = Place("test-suites", int(answer["id"]))
    return written(place, str(place.id), answer, notes=(*notes, *filled.notes("")))


def _planned(fields: FieldSet, which: str) -> str:
    """Return the label of the field of planned dates, the default one where there is none."""
    names = PLANNED[which]
    found = next((field for name in names if (field := _original(fields, name))), None)
    return (found or fields.named(names[-1]) or Field(id=0, label=names[-1])).label


def _original(fields: FieldSet, name: str) -> Field | None:
    return next((each for each in fields.fields if each.active and each.original == name), None)


async def _release(desk: Desk, cycle: TestCycle, links: Links) -> tuple[int | None, list[Note]]:
    """Return the release that the suite targets: its version's by name, else its first plan's."""
    notes: list[Note] = []
    if cycle.version:
        found = (await _releases(desk)).get(cycle.version.strip().casefold())
        if found:
            return found, notes
        if all(value.value != cycle.version for value in cycle.fields):
            text = f"qTest has no release called {cycle.version!r}, so nothing shows the version"
            notes.append(Note(level=Level.LOSS, code="version-lost", text=text))
    for ref in cycle.plans:
        plan = links.get(ref)
        if plan and (place := place_of(Kind.TEST_PLAN, plan.target_id)).type == "releases":
            return place.id, notes
    return None, notes


async def _releases(desk: Desk) -> Mapping[str, int]:
    """Return the project's releases by name, the first of a name."""

    async def ask() -> dict[str, int]:
        found: dict[str, int] = {}
        async for item in desk.project.children("releases", ROOT):
            found.setdefault(str(item.get("name") or "").strip().casefold(), int(item["id"]))
        return found

    name = f"qtest releases {desk.project.config.project}"
    return await desk.project.services.once(name, ask)


# ----------------------------------------------------------------------------------------- runs


async def write_run(desk: Desk, run: TestRun, job: Job) -> Written:
    """Write a run of the case's version as it stands; it binds that version."""
    project, settings = desk.project, desk.settings
    config = project.config
    case = linked(job.links, run.case, run)
    fields = await settings.fields("test-runs")
    values, words = list(run.fields), []
    if run.environment:
        field = _original(fields, ENVIRONMENT) or fields.named(ENVIRONMENT)
        value = FieldValue(
            name=field.label if field else "", value=run.environment, type=FieldType.CHOICE
        )
        tried = await settings.properties(Kind.TEST_RUN, [value])
        if field is None or tried.rest:
            words.append(run.environment)
        elif all(fields.named(each.name) is not field for each in values):
            values.append(value)
    if words:
        # the name says it: a value of the mapping for the same field needs no note
        values = [each for each in values if each.value != run.environment]
    filled = await settings.properties(
        Kind.TEST_RUN, values, mark=run.key, clear=job.target_id is not None
    )
    if not await settings.has_key_field(Kind.TEST_RUN):
        words.append(run.key)
    number = number_of(Kind.TEST_CASE, case.target_id)
    body: dict[str, Any] = {
        "name": with_suffix(run.name or run.case.key, *words),
        "properties": filled.properties,
        # the document demands properties of every case, of one that is only named too
        "test_case": {"id": number, "properties": []},
    }
    if case.version:
        body["test_case_version_id"] = int(case.version)
    root = ROOT_CYCLES if config.root_cycle else None
    parent = parent_place(job.links, run.cycle, root, run)
    at = place_of(Kind.TEST_RUN, job.target_id) if job.target_id else "test-runs"
    answer = await save(project, at, body, parent, run.ref)
    place = Place("test-runs", int(answer["id"]))
    answer = without_logs(answer, fields)
    return written(place, str(place.id), answer, notes=filled.notes(""))
