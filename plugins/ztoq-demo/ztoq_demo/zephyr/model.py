"""What a simulated Zephyr tenant holds: plain objects with Zephyr's own ids, made by hand or read.

``demo``, ``corpus`` and the generators of the tests build them, ``routes`` serves them. Everything
hangs on ``Project``; objects name each other by id as the product does (an execution names its case
by key). Dates are texts as Zephyr serves them (``2024-03-01T09:00:00Z``), durations milliseconds,
rich texts HTML fragments; None is an explicit null in the answer. The attribute names are also the
keys of a corpus file (``corpus``).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

import attrs

from ztoq_demo.zephyr.files import File
from ztoq_demo.zephyr.jira import Component, Issue, Person, Version


class _Named(Protocol):
    name: str


N = TypeVar("N", bound=_Named)


class FolderType(StrEnum):
    """The three trees of a project."""

    TEST_CASE = "TEST_CASE"
    TEST_CYCLE = "TEST_CYCLE"
    TEST_PLAN = "TEST_PLAN"


class StatusType(StrEnum):
    """What a status is for; names repeat between types, ids do not."""

    TEST_CASE = "TEST_CASE"
    TEST_PLAN = "TEST_PLAN"
    TEST_CYCLE = "TEST_CYCLE"
    TEST_EXECUTION = "TEST_EXECUTION"


# ------------------------------------------------------------------------------- parts of objects


@attrs.define(kw_only=True)
class IssueLink:
    """A link to a Jira issue, by the issue's numeric id; ``type`` COVERAGE, BLOCKS or RELATED."""

    id: int
    issue_id: int
    type: str = "COVERAGE"


@attrs.define(kw_only=True)
class WebLink:
    """A link to a page; real ones are not always valid URLs."""

    id: int
    url: str
    description: str = ""
    type: str = "RELATED"


@attrs.define(kw_only=True)
class CycleLink:
    """A plan's link to a cycle; the cycle shows it too, with the same link id."""

    id: int
    cycle_id: int
    type: str = "RELATED"


@attrs.define(kw_only=True)
class Parameter:
    """A value that a call hands to the called case; ``type`` DEFAULT_VALUE or MANUAL_INPUT."""

    name: str
    value: str
    type: str = "MANUAL_INPUT"


@attrs.define(kw_only=True)
class Call:
    """What a step calls, by key; ``parameters`` None is served as null."""

    case_key: str
    parameters: list[Parameter] | None = attrs.field(factory=list)


@attrs.define(kw_only=True)
class Step:
    """A step of a case: a text, or a ``call`` (then the texts are not served)."""

    id: int
    description: str | None = None
    test_data: str | None = None
    expected_result: str | None = None
    custom_fields: dict[str, Any] = attrs.field(factory=dict)
    call: Call | None = None
    reflect_ref: str | None = None
    files: list[File] = attrs.field(factory=list)


@attrs.define(kw_only=True)
class Script:
    """A script in place of steps: ``plain`` (an HTML fragment) or ``bdd`` (the scenario's body)."""

    id: int
    type: str
    text: str


@attrs.define(kw_only=True)
class Result:
    """What an execution says of a step: the texts as executed, calls expanded.

    ``row`` numbers the row of test data in a data-driven case. ``issues`` show only in answers with
    ``includeStepLinks=true``, among the execution's own.
    """

    id: int
    status_id: int
    description: str | None = None
    test_data: str | None = None
    expected_result: str | None = None
    actual_result: str | None = None
    row: int | None = None
    reflect_ref: str | None = None
    issues: list[IssueLink] = attrs.field(factory=list)
    files: list[File] = attrs.field(factory=list)


# ------------------------------------------------------------------------------ lists of a project


@attrs.define(kw_only=True)
class Folder:
    """A folder of one of the trees; ``parent_id`` None: at the top."""

    id: int
    name: str
    type: FolderType = FolderType.TEST_CASE
    parent_id: int | None = None
    index: int = 0


@attrs.define(kw_only=True)
class Status:
    """A status of one type."""

    id: int
    name: str
    type: StatusType
    description: str | None = None
    index: int = 0
    color: str = "#808080"
    archived: bool = False
    default: bool = False


@attrs.define(kw_only=True)
class Priority:
    """A priority of cases."""

    id: int
    name: str
    description: str | None = None
    index: int = 0
    color: str = "#808080"
    default: bool = False


@attrs.define(kw_only=True)
class Environment:
    """Where a case was executed."""

    id: int
    name: str
    description: str | None = None
    index: int = 0
    archived: bool = False


# ------------------------------------------------------------------------------------ main objects


@attrs.define(kw_only=True)
class Case:
    """A test case: ``script`` or else ``steps``.

    ``owner`` is an account id; None: no owner, ``""``: an owner object without account id.
    ``version_ids`` are the ids of the case's versions, the newest last; an execution carries one of
    them, never ``id``. ``archived`` cases answer 404 and stand in no list. ``updated_on`` counts
    only for the filter ``updatedAfter``; None, here and in other objects: ``created_on``, else
    ``actual_end``, else the object always passes.
    """

    id: int
    key: str
    name: str
    priority_id: int
    status_id: int
    created_on: str = "2024-01-08T09:00:00Z"
    objective: str | None = None
    precondition: str | None = None
    estimated_time: int | None = None
    labels: list[str] = attrs.field(factory=list)
    component_id: int | None = None
    folder_id: int | None = None
    owner: str | None = None
    custom_fields: dict[str, Any] = attrs.field(factory=dict)
    issues: list[IssueLink] = attrs.field(factory=list)
    web_links: list[WebLink] = attrs.field(factory=list)
    steps: list[Step] = attrs.field(factory=list)
    script: Script | None = None
    version_ids: list[int] = attrs.field(factory=list)
    files: list[File] = attrs.field(factory=list)
    archived: bool = False
    updated_on: str | None = None


@attrs.define(kw_only=True)
class Cycle:
    """A test cycle; ``version_id`` is a Jira version. Plans name their cycles, not the reverse."""

    id: int
    key: str
    name: str
    status_id: int
    description: str | None = None
    planned_start: str | None = None
    planned_end: str | None = None
    version_id: int | None = None
    folder_id: int | None = None
    owner: str | None = None
    custom_fields: dict[str, Any] = attrs.field(factory=dict)
    issues: list[IssueLink] = attrs.field(factory=list)
    web_links: list[WebLink] = attrs.field(factory=list)
    files: list[File] = attrs.field(factory=list)
    updated_on: str | None = None


@attrs.define(kw_only=True)
class Plan:
    """A test plan with its links to cycles."""

    id: int
    key: str
    name: str
    status_id: int
    objective: str | None = None
    folder_id: int | None = None
    owner: str | None = None
    labels: list[str] = attrs.field(factory=list)
    custom_fields: dict[str, Any] = attrs.field(factory=dict)
    issues: list[IssueLink] = attrs.field(factory=list)
    web_links: list[WebLink] = attrs.field(factory=list)
    cycles: list[CycleLink] = attrs.field(factory=list)
    files: list[File] = attrs.field(factory=list)
    updated_on: str | None = None


@attrs.define(kw_only=True)
class Execution:
    """A test execution.

    ``case_key`` may name a case of another project, an archived one or one that is gone.
    ``case_version_id`` is the id that ``testCase`` carries (that of the version, not of the case).
    ``cycle_id`` None: ad hoc.
    """

    id: int
    key: str
    case_key: str
    case_version_id: int
    status_id: int
    case_version: int = 1
    environment_id: int | None = None
    version_id: int | None = None
    actual_end: str | None = None
    estimated_time: int | None = None
    execution_time: int | None = None
    executed_by: str | None = None
    assigned_to: str | None = None
    comment: str | None = None
    automated: bool = False
    cycle_id: int | None = None
    custom_fields: dict[str, Any] = attrs.field(factory=dict)
    issues: list[IssueLink] = attrs.field(factory=list)
    results: list[Result] = attrs.field(factory=list)
    files: list[File] = attrs.field(factory=list)
    updated_on: str | None = None


@attrs.define(kw_only=True)
class Project:
    """One Jira project with everything that Zephyr and Jira hold for it.

    ``id`` is Zephyr's own, ``jira_id`` Jira's. ``enabled`` False: Zephyr is switched off for it,
    its contents answer 404. ``base`` is where relative file paths count from.
    """

    id: int
    key: str
    jira_id: int = 10_000
    name: str = ""
    enabled: bool = True
    folders: list[Folder] = attrs.field(factory=list)
    statuses: list[Status] = attrs.field(factory=list)
    priorities: list[Priority] = attrs.field(factory=list)
    environments: list[Environment] = attrs.field(factory=list)
    components: list[Component] = attrs.field(factory=list)
    versions: list[Version] = attrs.field(factory=list)
    issues: list[Issue] = attrs.field(factory=list)
    people: list[Person] = attrs.field(factory=list)
    cases: list[Case] = attrs.field(factory=list)
    cycles: list[Cycle] = attrs.field(factory=list)
    plans: list[Plan] = attrs.field(factory=list)
    executions: list[Execution] = attrs.field(factory=list)
    base: Path | None = None

    def status(self, type: StatusType, name: str) -> Status:  # noqa: A002 - Zephyr's word
        """Return the status of ``type`` called ``name``; KeyError if there is none."""
        return _named(name, (each for each in self.statuses if each.type is type))

    def priority(self, name: str) -> Priority:
        """Return the priority called ``name``; KeyError if there is none."""
        return _named(name, self.priorities)

    def environment(self, name: str) -> Environment:
        """Return the environment called ``name``; KeyError if there is none."""
        return _named(name, self.environments)


def _named(name: str, among: Iterable[N]) -> N:
    for each in among:
        if each.name == name:
            return each
    raise KeyError(name)
