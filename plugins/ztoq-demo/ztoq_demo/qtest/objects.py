"""What stands in the simulated site: plain objects, which tests may read and change by hand."""

from __future__ import annotations

import time
from typing import ClassVar

import attrs

Place = tuple[str, int]
"""An object's type and id; ``("root", project id)`` is the root of a project's trees."""


@attrs.define(kw_only=True, eq=False)
class User:
    """A user of the site."""

    id: int
    email: str
    first_name: str
    last_name: str
    active: bool = True

    @property
    def full_name(self) -> str:
        """The name that user fields show."""
        return f"{self.first_name} {self.last_name}"


@attrs.define(kw_only=True, eq=False)
class Project:
    """A project. ``parameters`` maps the names that step texts made to their ids."""

    id: int
    name: str
    automation: bool = False
    parameters: dict[str, int] = attrs.field(factory=dict)


@attrs.define(kw_only=True, eq=False)
class Status:
    """An execution status."""

    id: int
    name: str
    color: str = "#777777"
    is_default: bool = False
    active: bool = True


@attrs.define(kw_only=True, eq=False)
class Thing:
    """What all objects have. ``created`` and ``modified`` are seconds since 1970.

    ``born`` is on the monotonic clock, for the lag of the search. ``properties`` maps field ids to
    the values as they travel. ``stranger``: made by a hand that is not the tool's.
    """

    type: ClassVar[str]
    prefix: ClassVar[str] = ""

    id: int
    project: int
    parent: Place
    name: str = ""
    number: int = 0
    order: int = 0
    creator: int = 0
    created: int = attrs.field(factory=lambda: int(time.time()))
    modified: int = attrs.field(factory=lambda: int(time.time()))
    born: float = attrs.field(factory=time.monotonic)
    properties: dict[int, str] = attrs.field(factory=dict)
    stranger: bool = False

    @property
    def pid(self) -> str:
        """The id that people see, such as ``TC-7``; ``""`` for logs."""
        return f"{self.prefix}-{self.number}" if self.prefix else ""

    @property
    def place(self) -> Place:
        """The type and id."""
        return self.type, self.id


@attrs.define(kw_only=True, eq=False)
class Module(Thing):
    """A folder of cases and requirements."""

    type = "modules"
    prefix = "MD"
    description: str = ""


@attrs.define(kw_only=True, eq=False)
class Requirement(Thing):
    """A requirement; ``external_key`` is set where it mirrors a Jira issue."""

    type = "requirements"
    prefix = "RQ"
    external_key: str = ""


@attrs.frozen(kw_only=True, eq=False)
class Step:
    """A step of one version. ``line`` stays the same from version to version, the id does not."""

    id: int
    line: int
    order: int
    description: str
    expected: str
    called: int | None = None
    fields: dict[int, str] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True, eq=False)
class Version:
    """A version of a case: approved ones are N.0."""

    id: int
    major: int
    minor: int
    name: str
    description: str
    precondition: str
    steps: tuple[Step, ...]

    @property
    def approved(self) -> bool:
        """Whether runs and logs may bind to it."""
        return self.minor == 0 and self.major > 0

    @property
    def label(self) -> str:
        """The number, such as ``0.1``."""
        return f"{self.major}.{self.minor}"


@attrs.define(kw_only=True, eq=False)
class Case(Thing):
    """A test case; ``versions`` are in order, the last one is today's."""

    type = "test-cases"
    prefix = "TC"
    versions: list[Version] = attrs.field(factory=list)

    @property
    def latest(self) -> Version:
        """Today's version."""
        return self.versions[-1]

    @property
    def approved(self) -> Version | None:
        """The newest approved version."""
        return next((v for v in reversed(self.versions) if v.approved), None)


@attrs.define(kw_only=True, eq=False)
class Release(Thing):
    """A release; its dates are seconds since 1970."""

    type = "releases"
    prefix = "RL"
    description: str = ""
    note: str = ""
    start: int | None = None
    end: int | None = None


@attrs.define(kw_only=True, eq=False)
class Build(Thing):
    """A build of a release."""

    type = "builds"
    prefix = "BL"


@attrs.define(kw_only=True, eq=False)
class Cycle(Thing):
    """A test cycle: a folder of the execution tree."""

    type = "test-cycles"
    prefix = "CL"
    description: str = ""
    target_release: int | None = None
    target_build: int | None = None


@attrs.define(kw_only=True, eq=False)
class Suite(Thing):
    """A test suite."""

    type = "test-suites"
    prefix = "TS"
    target_release: int | None = None
    target_build: int | None = None


@attrs.define(kw_only=True, eq=False)
class Run(Thing):
    """A test run: binds a version of a case; its logs are its children."""

    type = "test-runs"
    prefix = "TR"
    case: Case
    version: Version
    configuration: str = ""
    last_log: Log | None = None


@attrs.define(kw_only=True, eq=False)
class StepLog:
    """The result of one step. ``parent`` is the calling step, ``called`` the case that it calls."""

    id: int
    step: Step
    order: int
    status: Status
    actual_result: str = ""
    exe_date: int | None = None
    called: int | None = None
    parent: int | None = None
    defects: list[str] = attrs.field(factory=list)


@attrs.define(kw_only=True, eq=False)
class Log(Thing):
    """A test log. ``start`` and ``end`` are seconds since 1970, ``actual_time`` milliseconds."""

    type = "test-logs"
    run: Run
    version: Version
    status: Status
    start: int
    end: int
    note: str = ""
    planned_time: int = 0
    actual_time: int | None = None
    build_number: str = ""
    build_url: str = ""
    result_number: int = 0
    automated: bool = False
    steps: list[StepLog] = attrs.field(factory=list)
    defects: list[str] = attrs.field(factory=list)


@attrs.define(kw_only=True, eq=False)
class Defect(Thing):
    """An internal defect."""

    type = "defects"
    prefix = "DF"


@attrs.define(kw_only=True, eq=False)
class Comment:
    """A comment on an object."""

    id: int
    owner: Place
    content: str
    author: int
    created: int
    updated: int


@attrs.define(kw_only=True, eq=False)
class Attachment:
    """A file. ``content`` is its bytes or its path; None: only digest and size were kept."""

    id: int
    project: int
    owner: Place
    name: str
    content_type: str
    size: int
    sha256: str
    head: bytes
    content: object
    author: int
    created: int


@attrs.define(kw_only=True, eq=False)
class Job:
    """A batch of automation logs: each look at it brings it one state further."""

    id: int
    states: list[str]
    content: str
