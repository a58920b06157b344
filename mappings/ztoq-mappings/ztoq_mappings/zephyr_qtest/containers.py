"""Maps folders, plans, cycles and runs."""

from __future__ import annotations

from datetime import UTC, datetime

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
from ztoq_mappings.notebook import Notebook
from ztoq_mappings.texts import name, plain, rich
from ztoq_mappings.zephyr_qtest import fields, links
from ztoq_mappings.zephyr_qtest.rules import Rules, brought

__all__ = ["mapped_cycle", "mapped_folder", "mapped_plan", "mapped_run"]


def mapped_folder(folder: Folder, rules: Rules) -> Folder:
    """Return the folder.

    Raises:
        Skip: It is a folder of plans: releases have none around them.
    """
    if folder.tree is Tree.PLANS:
        raise Skip("the folder path of a plan is the first line of its release's note")
    notes = Notebook(folder.notes)
    short, full = name(folder.name, notes, folder.key)
    return attrs.evolve(
        folder,
        name=short,
        description=rich((markup.paragraph(full) if full else "") + folder.description, notes)
        + links.listed("Links", folder.links, notes),
        fields=rules.places.values(Kind.FOLDER, folder.fields, notes),
        links=(),
        notes=notes.notes(),
    )


def mapped_plan(plan: TestPlan, rules: Rules) -> TestPlan:
    """Return the plan as a release: its folder path leads its note, its links the description."""
    notes = Notebook(plan.notes)
    labels = rules.tables.labels
    short, full = name(plan.name, notes, plan.key)
    start, end = plan.start, plan.end
    if start and end and start > end:
        # not its own dates but its cycles': nothing is lost
        start, end = end, start
        notes.change("planned-dates-reversed", "the planned end is before the start; turned round")
    found: list[FieldValue] = []
    if plan.status:
        found += fields.from_("@status", fields.choice(labels["status"], plan.status, notes))
    if any(plan.labels):
        found += fields.from_("@labels", fields.choices(labels["labels"], plan.labels, notes))
    if plan.owner:
        owner = fields.text(labels["owner"], rules.people.text(plan.owner), notes)
        found += fields.from_("@owner", owner)
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
        fields=rules.places.values(Kind.TEST_PLAN, plan.fields, notes, found),
        links=(),
        notes=notes.notes(),
    )


def mapped_cycle(cycle: TestCycle, rules: Rules) -> TestCycle:
    """Return the cycle as a test suite, which holds fields only: its texts become fields."""
    notes = Notebook(cycle.notes)
    labels, system = rules.tables.labels, rules.tables.system
    short, full = name(cycle.name, notes, cycle.key)
    reversed_dates = bool(
        cycle.planned_start and cycle.planned_end and cycle.planned_start > cycle.planned_end
    )
    description = rich(
        (markup.paragraph(full) if full else "") + cycle.description, notes
    ) + links.listed("Links", cycle.links, notes)
    found: list[FieldValue] = []
    if description:
        found += fields.from_(
            "@description",
            FieldValue(name=system["description"], value=description, type=FieldType.RICH_TEXT),
        )
    if cycle.status:
        found += fields.from_("@status", fields.choice(labels["status"], cycle.status, notes))
    if cycle.owner:
        owner = fields.text(labels["owner"], rules.people.text(cycle.owner), notes)
        found += fields.from_("@owner", owner)
    if cycle.version:
        found += fields.from_("@version", fields.text(labels["version"], cycle.version, notes))
    if reversed_dates:
        dates = f"{_shown(cycle.planned_start)} to {_shown(cycle.planned_end)}"
        found += fields.from_("@planned", fields.text(labels["planned_dates"], dates, notes))
        notes.change(
            "planned-dates-reversed",
            "the planned end is before the start, which qTest refuses; both are kept as text",
        )
    else:
        for label, date in (
            (system["planned_start"], cycle.planned_start),
            (system["planned_end"], cycle.planned_end),
        ):
            if date:
                found += fields.from_("@planned", fields.moment(label, date))
    given = fields.taken(cycle.fields)
    starts = not reversed_dates and system["planned_start"].casefold() not in given
    ends = not reversed_dates and system["planned_end"].casefold() not in given
    return attrs.evolve(
        cycle,
        name=short,
        description="",
        planned_start=cycle.planned_start if starts else None,
        planned_end=cycle.planned_end if ends else None,
        fields=rules.places.values(Kind.TEST_CYCLE, cycle.fields, notes, found),
        links=(),
        notes=notes.notes(),
    )


def mapped_run(run: TestRun, rules: Rules) -> TestRun:
    """Return the run; one outside any cycle brings the suite for those."""
    notes = Notebook(run.notes)
    # the whole name stands with the case
    short, _ = name(run.name, notes, run.case.key)
    own: tuple[FieldValue, ...] = ()
    if run.assigned_to:
        own = fields.from_(
            "@assigned_to",
            *rules.people.user(rules.tables.system["assigned_to"], run.assigned_to, notes),
            fields.text(
                rules.tables.labels["assigned_to"], rules.people.text(run.assigned_to), notes
            ),
        )
    cycle, brings = run.cycle, run.brings
    if cycle is None:
        key = f"{rules.home(run.case.key)}-R-adhoc"
        suite = TestCycle(key=key, name=rules.options.ad_hoc)
        cycle, brings = suite.ref, brought(run, suite)
    return attrs.evolve(
        run,
        name=short,
        cycle=cycle,
        fields=rules.places.values(Kind.TEST_RUN, run.fields, notes, own),
        links=links.checked(run.links, notes),
        brings=brings,
        notes=notes.notes(),
    )


def _shown(date: datetime | None) -> str:
    return f"{date.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if date else ""
