"""Turns Zephyr's JSON objects into records: pure, lenient, without calls.

Shapes: Zephyr Cloud schemas 2026-08. ``Lookups`` finds what an object refers to by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from ztoq_core.plugin import (
    Call,
    Folder,
    Kind,
    Link,
    LinkType,
    Note,
    Parameter,
    Ref,
    StepResult,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
    Tree,
)
from ztoq_zephyr.properties import CASE, CYCLE, EXECUTION, FOLDER, PLAN, odd_values
from ztoq_zephyr.rich_text import rich
from ztoq_zephyr.values import (
    account_of,
    fields_of,
    id_of,
    instant,
    listed,
    mapped,
    number_in,
    part_after,
    project_of,
    seconds,
    text,
    texts,
    whole,
    word,
)

NO_CYCLE = "-"
"""The first part of the key of a run outside any cycle."""


@attrs.frozen(kw_only=True)
class Context:
    """What an object refers to, already looked up.

    ``folder`` is None if the object is not in a folder, or in one that Zephyr no longer shows.
    """

    project: str
    status: str = ""
    priority: str = ""
    environment: str = ""
    folder: Ref | None = None
    notes: tuple[Note, ...] = ()


def folder_key(project: str, number: int) -> str:
    """Return the key of a folder, which has only a number in Zephyr."""
    return f"{project}-F{number}"


def case_key(reference: Any, project: str) -> str:
    """Return the key of the executed case, ``""`` if it is unknown.

    It is part of ``testCase.self`` (``…/testcases/ACME-T1/versions/2``). ``testCase.id`` is the id
    of that version, not of the case (seen in a real project); if there is only that, the key is
    one that no case has, so that the engine makes a stub and the execution is not lost.
    """
    found = part_after(mapped(reference).get("self"), "testcases")
    if found:
        return found
    version = whole(mapped(reference).get("id"))
    return "" if version is None else f"{project}-TV{version}"


def case_version(reference: Any) -> int | None:
    """Return the number of the executed version."""
    return whole(part_after(mapped(reference).get("self"), "versions"))


def to_folder(
    value: Mapping[str, Any], number: int, tree: Tree, parent: int | None, context: Context
) -> Folder:
    """Return the folder with this number; ``parent`` is the number of a known folder."""
    return Folder(
        key=folder_key(context.project, number),
        name=text(value.get("name")) or f"Folder {number}",
        tree=tree,
        parent=None if parent is None else Ref(Kind.FOLDER, folder_key(context.project, parent)),
        order=whole(value.get("index")) or 0,
        notes=(*context.notes, *odd_values(value, FOLDER)),
        raw=value,
    )


def to_case(value: Mapping[str, Any], context: Context) -> TestCase:
    """Return the case as it is in lists: without steps or script."""
    key = word(value.get("key"))
    project = project_of(key)
    component = id_of(value.get("component"))
    return TestCase(
        key=key,
        name=text(value.get("name")) or key,
        folder=context.folder,
        description=rich(value.get("objective")),
        precondition=rich(value.get("precondition")),
        status=context.status,
        priority=context.priority,
        component="" if component is None else str(component),
        labels=texts(value.get("labels")),
        owner=account_of(value.get("owner")),
        created=instant(value.get("createdOn")),
        estimated=seconds(value.get("estimatedTime")),
        project="" if project in ("", context.project) else project,
        fields=fields_of(value.get("customFields")),
        links=links_of(value.get("links"), LinkType.COVERAGE),
        notes=(*context.notes, *odd_values(value, CASE)),
        raw=value,
    )


def to_plan(
    value: Mapping[str, Any], context: Context, dates: Iterable[datetime | None]
) -> TestPlan:
    """Return the plan; ``dates`` are those of its cycles, as Zephyr does not show its own."""
    key = word(value.get("key"))
    known = [date for date in dates if date is not None]
    return TestPlan(
        key=key,
        name=text(value.get("name")) or key,
        folder=context.folder,
        description=rich(value.get("objective")),
        status=context.status,
        labels=texts(value.get("labels")),
        owner=account_of(value.get("owner")),
        start=min(known, default=None),
        end=max(known, default=None),
        fields=fields_of(value.get("customFields")),
        links=links_of(value.get("links"), LinkType.RELATED),
        notes=(*context.notes, *odd_values(value, PLAN)),
        raw=value,
    )


def to_cycle(value: Mapping[str, Any], context: Context, plans: Iterable[str]) -> TestCycle:
    """Return the cycle; ``plans`` are the keys of its plans, its own order first."""
    key = word(value.get("key"))
    version = id_of(value.get("jiraProjectVersion"))
    return TestCycle(
        key=key,
        name=text(value.get("name")) or key,
        folder=context.folder,
        description=rich(value.get("description")),
        status=context.status,
        owner=account_of(value.get("owner")),
        version="" if version is None else str(version),
        planned_start=instant(value.get("plannedStartDate")),
        planned_end=instant(value.get("plannedEndDate")),
        plans=tuple(Ref(Kind.TEST_PLAN, plan) for plan in plans),
        fields=fields_of(value.get("customFields")),
        links=links_of(value.get("links"), LinkType.RELATED),
        notes=(*context.notes, *odd_values(value, CYCLE)),
        raw=value,
    )


def to_run(value: Mapping[str, Any], context: Context, case: str, cycle: str) -> TestRun:
    """Return the run that an execution belongs to; ``cycle`` ``""`` means outside any."""
    return TestRun(
        key=f"{cycle or NO_CYCLE}/{case}/{context.environment}",
        case=Ref(Kind.TEST_CASE, case),
        cycle=Ref(Kind.TEST_CYCLE, cycle) if cycle else None,
        environment=context.environment,
        assigned_to=word(value.get("assignedToId")),
    )


def to_log(
    value: Mapping[str, Any],
    context: Context,
    run: TestRun,
    *,
    planned: tuple[datetime | None, datetime | None],
) -> TestLog:
    """Return the execution without its step results; ``planned`` are its cycle's dates.

    Whether it took place is decided when it is complete.
    """
    number = whole(value.get("id"))
    key = word(value.get("key"))
    version = id_of(value.get("jiraProjectVersion"))
    return TestLog(
        # a key is optional in the schema
        key=key or f"{context.project}-EID{number}",
        run=run.ref,
        case=run.case,
        status=context.status,
        number=(whole(key.rpartition("-E")[2]) or 0) if number is None else number,
        ended=instant(value.get("actualEndDate")),
        duration=seconds(value.get("executionTime")),
        planned_start=planned[0],
        planned_end=planned[1],
        executed_by=word(value.get("executedById")),
        assigned_to=run.assigned_to,
        environment=run.environment,
        version="" if version is None else str(version),
        estimated=seconds(value.get("estimatedTime")),
        comment=rich(value.get("comment")),
        automated=value.get("automated") is True,
        fields=fields_of(value.get("customFields")),
        links=links_of(value.get("links"), LinkType.BLOCKS),
        notes=(*context.notes, *odd_values(value, EXECUTION)),
        raw=value,
    )


def to_step(value: Any, position: int) -> TestStep:
    """Return the step at ``position`` (from 1). Either ``inline`` or ``testCase`` is null."""
    inline = mapped(mapped(value).get("inline"))
    return TestStep(
        key=str(position),
        description=rich(inline.get("description")),
        data=rich(inline.get("testData")),
        expected=rich(inline.get("expectedResult")),
        call=_call(mapped(mapped(value).get("testCase"))),
        fields=fields_of(inline.get("customFields")),
        source_id=word(mapped(value).get("id")),
    )


def to_result(value: Any, position: int, status: str) -> StepResult:
    """Return the result of the executed step at ``position`` (from 1)."""
    inline = mapped(mapped(value).get("inline"))
    # guess: links of steps that are not among the execution's are with their step
    links = mapped(value).get("links") or inline.get("links")
    return StepResult(
        key=str(position),
        status=status,
        description=rich(inline.get("description")),
        data=rich(inline.get("testData")),
        expected=rich(inline.get("expectedResult")),
        actual=rich(inline.get("actualResult")),
        row=whole(inline.get("testDataRowNumber")),
        source_id=word(mapped(value).get("id")),
        links=links_of(links, LinkType.BLOCKS),
    )


def links_of(links: Any, default: LinkType) -> tuple[Link, ...]:
    """Return the issues and web pages that an object is linked to, each once.

    ``default`` is the type of an issue link without one (``type`` is optional in the schema; guess:
    a case covers, an execution is blocked by, all others relate to the issue).
    """
    found = dict.fromkeys(
        _issue_link(mapped(each), default) for each in listed(mapped(links).get("issues"))
    )
    found |= dict.fromkeys(
        Link(
            type=LinkType.WEB,
            url=text(mapped(each).get("url")),
            text=text(mapped(each).get("description")),
        )
        for each in listed(mapped(links).get("webLinks"))
    )
    return tuple(link for link in found if link.issue_id or link.url or link.text)


def _issue_link(value: Mapping[str, Any], default: LinkType) -> Link:
    issue = whole(value.get("issueId"))
    target = text(value.get("target"))
    if issue is None:
        issue = number_in(target)
    name = text(value.get("type")).casefold()
    known = {each.value: each for each in LinkType if each is not LinkType.WEB}
    return Link(
        type=known.get(name, default),
        issue_id=None if issue is None else str(issue),
        url=target,
    )


def _call(called: Mapping[str, Any]) -> Call | None:
    key = word(called.get("testCaseKey")) or part_after(called.get("self"), "testcases")
    if not key:
        return None
    parameters = (
        Parameter(name=text(each.get("name")), value=text(each.get("value")))
        for each in map(mapped, listed(called.get("parameters")))
    )
    return Call(case=Ref(Kind.TEST_CASE, key), parameters=tuple(parameters))
