"""Maps test cases."""

from __future__ import annotations

import attrs

from ztoq_core.plugin import (
    FieldValue,
    Folder,
    Kind,
    Link,
    LinkType,
    Requirement,
    TestCase,
    folded,
)
from ztoq_mappings import markup
from ztoq_mappings.note_codes import CASE_GONE, REQUIREMENT_KEY_UNKNOWN
from ztoq_mappings.note_collector import NoteCollector
from ztoq_mappings.texts import name, rich
from ztoq_mappings.to_qtest import fields, links
from ztoq_mappings.to_qtest.context import MappingContext, brought, module
from ztoq_mappings.to_qtest.steps import mapped_steps


def mapped_case(case: TestCase, context: MappingContext) -> TestCase:
    """Return the case for qTest, with the modules and requirements that it needs."""
    notes = NoteCollector(case.notes)
    short, full = name(case.name, notes, case.key)
    folders = _folders(case, context, notes)
    covered = [link for link in case.links if _is_requirement(link)]
    shown = [link for link in case.links if not _is_requirement(link)]
    if any(link.type is LinkType.COVERAGE for link in shown):
        notes.add(
            REQUIREMENT_KEY_UNKNOWN,
            "the keys of covered issues are not known; links are under the description",
        )
    issues = module(f"{context.home(case.key)}-F-requirements", context.options.requirements)
    requirements = tuple(_requirement(link, issues, notes) for link in covered)
    description = "".join(
        (
            markup.paragraph(full) if full else "",
            markup.paragraph(f"{context.source} no longer gives {case.key}.") if case.gone else "",
            case.description,
        )
    )
    return attrs.evolve(
        case,
        name=short,
        folder=folders[-1].ref if folders else case.folder,
        description=rich(description, notes) + links.listed("Links", shown, notes),
        precondition=rich(case.precondition, notes),
        steps=mapped_steps(case, context.field_labels, notes),
        script=None,
        requirements=tuple(
            dict.fromkeys((*case.requirements, *(each.ref for each in requirements)))
        ),
        approve=case.approve or folded(case.status) in context.approved,
        fields=_fields(case, context, notes),
        # for what the target cannot link yet
        links=links.checked(covered, notes),
        companions=brought(case, *folders, *((issues,) if requirements else ()), *requirements),
        notes=notes.notes(),
    )


def _folders(case: TestCase, context: MappingContext, notes: NoteCollector) -> tuple[Folder, ...]:
    """Return the modules around a case without a folder, outermost first."""
    options, home = context.options, context.home(case.key)
    if case.gone:
        notes.add(CASE_GONE, f"{context.source} no longer shows this case; a stub takes its place")
        return (module(f"{home}-F-gone", options.gone),)
    if case.project:
        outer = module(f"{home}-F-others", options.other_projects)
        return (outer, module(f"{outer.key}-{case.project}", case.project, outer))
    if case.folder is None:
        return (module(f"{home}-F-none", options.no_folder),)
    return ()


def _is_requirement(link: Link) -> bool:
    return link.type is LinkType.COVERAGE and bool(link.issue_key)


def _requirement(link: Link, folder: Folder, notes: NoteCollector) -> Requirement:
    key = link.issue_key or ""
    title, _ = name(f"{key} {link.text}".strip(), notes, key)
    return Requirement(
        key=key,
        name=title,
        issue_key=key,
        folder=folder.ref,
        description=rich(f"<p>{markup.anchor(link)}</p>", notes) if link.url else "",
    )


def _fields(
    case: TestCase, context: MappingContext, notes: NoteCollector
) -> tuple[FieldValue, ...]:
    labels, system, tables = context.tables.labels, context.tables.system, context.tables
    found: list[FieldValue] = []
    if case.status:
        others: tuple[str, ...] = (tables.case_status,)
        found += fields.system_choice(
            system["status"], case.status, notes, origin="@status", others=others
        )
        found.append(fields.choice(labels["status"], case.status, notes, origin="@status"))
    if case.priority:
        others = tables.priority(case.priority)
        found += fields.system_choice(
            system["priority"], case.priority, notes, origin="@priority", others=others
        )
        found.append(fields.choice(labels["priority"], case.priority, notes, origin="@priority"))
    if case.component:
        component = fields.choice(labels["component"], case.component, notes, origin="@component")
        found.append(component)
    if any(case.labels):
        found.append(fields.choices(labels["labels"], case.labels, notes, origin="@labels"))
    if case.owner:
        found += context.people.user(system["assigned_to"], case.owner, notes, "@owner")
        owner = context.people.text(case.owner)
        found.append(fields.text(labels["owner"], owner, notes, origin="@owner"))
    if case.created:
        found.append(fields.moment(labels["created"], case.created, origin="@created"))
    found += fields.number(labels["estimated"], case.estimated, origin="@estimated")
    return context.field_labels.values(Kind.TEST_CASE, case.fields, notes, found)
