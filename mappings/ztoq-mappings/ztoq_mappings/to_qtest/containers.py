"""Maps folders, plans, cycles and runs."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

import attrs

from ztoq_core.plugin import (
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Skip,
    TestCycle,
    TestPlan,
    TestRun,
    Tree,
)
from ztoq_mappings import markup
from ztoq_mappings.note_codes import PLANNED_DATES_REVERSED
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import name, plain, rich
from ztoq_mappings.to_qtest import fields, links
from ztoq_mappings.to_qtest.context import MappingContext, brought


def mapped_folder(folder: Folder, context: MappingContext) -> Folder:
    """Return the folder.

    Raises:
        Skip: It is a folder of plans; releases are not in folders.
    """
    if folder.tree is Tree.PLANS:
        raise Skip("the folder path of a plan is the first line of its release's note")
    notes = NoteCollector(folder.notes)
    short, full = name(folder.name, notes, folder.key)
    return attrs.evolve(
        folder,
        name=short,
        description=rich((markup.paragraph(full) if full else "") + folder.description, notes)
        + links.listed("Links", folder.links, notes),
        fields=context.field_labels.values(Kind.FOLDER, folder.fields, notes),
        links=(),
        notes=notes.notes(),
    )


def mapped_plan(plan: TestPlan, context: MappingContext) -> TestPlan:
    """Return the plan as a release: the path begins its note, the links are in its description."""
    notes = NoteCollector(plan.notes)
    labels = context.tables.labels
    short, full = name(plan.name, notes, plan.key)
    start, end = plan.start, plan.end
    if start and end and start > end:
        # they are its cycles' dates, not its own: nothing is lost
        start, end = end, start
        notes.add(PLANNED_DATES_REVERSED, "the planned end is before the start; they are swapped")
    found: list[FieldValue] = []
    if plan.status:
        found.append(fields.choice(labels["status"], plan.status, notes, origin="@status"))
    if any(plan.labels):
        found.append(fields.choices(labels["labels"], plan.labels, notes, origin="@labels"))
    if plan.owner:
        owner = context.people.text(plan.owner)
        found.append(fields.text(labels["owner"], owner, notes, origin="@owner"))
    path = markup.paragraph(plain(" / ".join(plan.path), notes)) if plan.path else ""
    return attrs.evolve(
        plan,
        name=short,
        folder=None,
        description=rich((markup.paragraph(full) if full else "") + plan.description, notes)
        + links.listed("Links", plan.links, notes),
        note=path + rich(plan.note, notes),
        start=start,
        end=end,
        fields=context.field_labels.values(Kind.TEST_PLAN, plan.fields, notes, found),
        links=(),
        notes=notes.notes(),
    )


def mapped_cycle(cycle: TestCycle, context: MappingContext) -> TestCycle:
    """Return the cycle as a test suite, which has only fields: its texts become fields."""
    notes = NoteCollector(cycle.notes)
    labels, system = context.tables.labels, context.tables.system
    short, full = name(cycle.name, notes, cycle.key)
    reversed_dates = bool(
        cycle.planned_start and cycle.planned_end and cycle.planned_start > cycle.planned_end
    )
    description = (
        rich((markup.paragraph(full) if full else "") + cycle.description, notes)
        + links.listed("Links", cycle.links, notes)
        + _plans(cycle, context)
    )
    found: list[FieldValue] = []
    if description:
        found.append(
            FieldValue(
                name=system["description"],
                value=description,
                type=FieldType.RICH_TEXT,
                origin="@description",
            )
        )
    if cycle.status:
        found.append(fields.choice(labels["status"], cycle.status, notes, origin="@status"))
    if cycle.owner:
        owner = context.people.text(cycle.owner)
        found.append(fields.text(labels["owner"], owner, notes, origin="@owner"))
    if cycle.version:
        found.append(fields.text(labels["version"], cycle.version, notes, origin="@version"))
    if cycle.version_start or cycle.version_end:
        span = _span(cycle)
        found.append(fields.text(labels["version_dates"], span, notes, origin="@version"))
    if reversed_dates:
        dates = f"{_shown(cycle.planned_start)} to {_shown(cycle.planned_end)}"
        found.append(fields.text(labels["planned_dates"], dates, notes, origin="@planned"))
        notes.add(
            PLANNED_DATES_REVERSED,
            "the planned end is before the start, which qTest refuses; both are kept as text",
        )
    else:
        for label, date in (
            (system["planned_start"], cycle.planned_start),
            (system["planned_end"], cycle.planned_end),
        ):
            if date:
                found.append(fields.moment(label, date, origin="@planned"))
    given = fields.taken(cycle.fields)
    starts = not reversed_dates and system["planned_start"].casefold() not in given
    ends = not reversed_dates and system["planned_end"].casefold() not in given
    return attrs.evolve(
        cycle,
        name=short,
        description="",
        planned_start=cycle.planned_start if starts else None,
        planned_end=cycle.planned_end if ends else None,
        plans=cycle.plans if context.plans_are_releases else (),
        fields=context.field_labels.values(Kind.TEST_CYCLE, cycle.fields, notes, found),
        links=(),
        notes=notes.notes(),
    )


def _plans(cycle: TestCycle, context: MappingContext) -> str:
    """Return a list of the cycle's plans, unless its target release says all there is to say.

    A suite has one target release, and that of its version comes before that of its plan.
    """
    more = cycle.plans[1:] or cycle.version or not context.plans_are_releases
    if not cycle.plans or not more:
        return ""
    return markup.heading("Test plans") + markup.bullets(escape(ref.key) for ref in cycle.plans)


def mapped_run(run: TestRun, context: MappingContext) -> TestRun:
    """Return the run; one outside any cycle has the suite for those as a companion."""
    notes = NoteCollector(run.notes)
    # the case has the whole name
    short, _ = name(run.name, notes, run.case.key)
    own: list[FieldValue] = []
    if run.environment:  # if qTest has none of that name, it is part of the run's name
        system = context.tables.system
        own += fields.system_choice(
            system["environment"], run.environment, notes, origin="@environment"
        )
    if run.assigned_to:
        label, origin = context.tables.labels["assigned_to"], "@assigned_to"
        assigned = context.people.text(run.assigned_to)
        own += context.people.user(
            context.tables.system["assigned_to"], run.assigned_to, notes, origin
        )
        own.append(fields.text(label, assigned, notes, origin=origin))
    cycle, brings = run.cycle, run.companions
    if cycle is None:
        key = f"{context.home(run.case.key)}-R-adhoc"
        suite = TestCycle(key=key, name=context.options.ad_hoc)
        cycle, brings = suite.ref, brought(run, suite)
    return attrs.evolve(
        run,
        name=short,
        cycle=cycle,
        fields=context.field_labels.values(Kind.TEST_RUN, run.fields, notes, own),
        links=links.checked(run.links, notes),
        companions=brings,
        notes=notes.notes(),
    )


def _span(cycle: TestCycle) -> str:
    """Return the dates of the cycle's version; only days if they have no time."""
    start, end = (
        _shown(date).removesuffix("T00:00:00Z") for date in (cycle.version_start, cycle.version_end)
    )
    if start and end:
        return f"{start} to {end}"
    return f"from {start}" if start else f"until {end}"


def _shown(date: datetime | None) -> str:
    return f"{date.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if date else ""
