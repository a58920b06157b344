"""The kinds of records, each a class."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

import attrs

from ztoq_core.records.vocabulary import (
    FieldType,
    FieldValue,
    Image,
    Kind,
    Link,
    Note,
    Ref,
    Script,
    Sequence,
    StepResult,
    TestStep,
    Tree,
)

__all__ = [
    "RECORD_TYPES",
    "Attachment",
    "FieldDefinition",
    "Folder",
    "Record",
    "Requirement",
    "TestCase",
    "TestCycle",
    "TestLog",
    "TestPlan",
    "TestRun",
]


class _Json:
    """Holds the JSON that ``convert.dumps`` has written of a record; a changed copy has none."""

    __slots__ = ("as_json",)

    as_json: bytes


@attrs.frozen(kw_only=True)
class Record(_Json):
    """What all records share.

    ``raw`` is the source's own payload; the store keeps it beside the record. ``companions`` are
    records that the target needs for this one but the source does not have (a module "No folder"):
    a transformer adds them, and the engine stores them as records of their own. Neither is part of
    the stored record. ``path`` holds the names of the record's folders, outermost first; the engine
    fills it from the folders' records before the transformers run.

    ``images`` are the pictures in the texts. ``text_refs`` are the records that mapped texts link
    to with ``Ref.address``. ``finish`` resolves these addresses; the record is written without
    waiting for them.
    """

    kind: ClassVar[Kind]

    key: str
    path: tuple[str, ...] = ()
    fields: tuple[FieldValue, ...] = ()
    links: tuple[Link, ...] = ()
    notes: tuple[Note, ...] = ()
    images: tuple[Image, ...] = ()
    text_refs: tuple[Ref, ...] = ()
    raw: Mapping[str, Any] | None = attrs.field(default=None, eq=False, repr=False)
    companions: tuple[Record, ...] = attrs.field(default=(), eq=False, repr=False)

    @property
    def ref(self) -> Ref:
        """The reference to this record."""
        return Ref(self.kind, self.key)

    def parents(self) -> tuple[Ref, ...]:
        """Return the records that must be written before this one.

        If a parent is skipped, so is this record; if one fails, this record is blocked.
        """
        return ()

    def soft_dependencies(self) -> tuple[Ref, ...]:
        """Return the records that this one waits for but does not require.

        If one fails, this record is written without it and a loss is noted.
        """
        return ()

    def sequence(self) -> Sequence | None:
        """Return the position among siblings that must be written in order, or None."""
        return None


@attrs.frozen(kw_only=True)
class FieldDefinition(Record):
    """A field, or allowed values of a field, that the target lacks and ztoq creates there.

    Keys are ``of/name`` (``test_case/Browser``). ``of`` is the kind whose records carry the field.
    ``values`` are all the labels that a choice needs, in order of first use.
    """

    kind: ClassVar[Kind] = Kind.FIELD

    of: Kind
    name: str
    type: FieldType
    values: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Folder(Record):
    """A folder of one of the trees. ``description`` is HTML."""

    kind: ClassVar[Kind] = Kind.FOLDER

    name: str
    tree: Tree
    parent: Ref | None = None
    description: str = ""
    order: int = 0

    def parents(self) -> tuple[Ref, ...]:
        """Return the parent folder."""
        return (self.parent,) if self.parent else ()


@attrs.frozen(kw_only=True)
class FiledRecord(Record):
    """A record that may be in a folder."""

    folder: Ref | None = None

    def parents(self) -> tuple[Ref, ...]:
        """Return the folder."""
        return (self.folder,) if self.folder else ()


@attrs.frozen(kw_only=True)
class Requirement(FiledRecord):
    """What a case covers, identified by the key of its issue. ``description`` is HTML."""

    kind: ClassVar[Kind] = Kind.REQUIREMENT

    name: str
    issue_key: str
    description: str = ""


@attrs.frozen(kw_only=True)
class TestCase(FiledRecord):
    """A test case. ``description`` and ``precondition`` are HTML; ``estimated`` is in seconds.

    ``project`` is set for a case of another project, ``gone`` for a stub of one that the source no
    longer has. The engine sets ``executed`` (a run refers to the case); the mapping sets
    ``approve`` (the target should approve it).
    """

    __test__ = False
    kind: ClassVar[Kind] = Kind.TEST_CASE

    name: str
    description: str = ""
    precondition: str = ""
    steps: tuple[TestStep, ...] = ()
    script: Script | None = None
    status: str = ""
    priority: str = ""
    component: str = ""
    labels: tuple[str, ...] = ()
    owner: str = ""
    created: datetime | None = None
    estimated: float | None = None
    project: str = ""
    gone: bool = False
    requirements: tuple[Ref, ...] = ()
    executed: bool = False
    approve: bool = False

    def soft_dependencies(self) -> tuple[Ref, ...]:
        """Return the called cases, then the requirements."""
        called = dict.fromkeys(step.call.case for step in self.steps if step.call)
        return (*called, *self.requirements)


@attrs.frozen(kw_only=True)
class TestPlan(FiledRecord):
    """A test plan.

    ``description`` is HTML; ``start`` and ``end`` span its cycles' planned dates.
    """

    __test__ = False
    kind: ClassVar[Kind] = Kind.TEST_PLAN

    name: str
    description: str = ""
    status: str = ""
    labels: tuple[str, ...] = ()
    owner: str = ""
    start: datetime | None = None
    end: datetime | None = None
    note: str = ""


@attrs.frozen(kw_only=True)
class TestCycle(FiledRecord):
    """A set of runs executed together. ``description`` is HTML.

    ``version`` is the name of the tested release, or its id if the name is unknown;
    ``version_start`` and ``version_end`` are its dates, set by the engine if a directory knows
    them. ``plans`` are the plans that the cycle belongs to, in the source's order.
    """

    __test__ = False
    kind: ClassVar[Kind] = Kind.TEST_CYCLE

    name: str
    description: str = ""
    status: str = ""
    owner: str = ""
    version: str = ""
    version_start: datetime | None = None
    version_end: datetime | None = None
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    plans: tuple[Ref, ...] = ()

    def soft_dependencies(self) -> tuple[Ref, ...]:
        """Return the plans."""
        return self.plans


@attrs.frozen(kw_only=True)
class TestRun(Record):
    """One case in one cycle and environment. Its key is ``CYCLE/CASE/ENVIRONMENT``.

    ``cycle`` is None for a run outside any cycle. The engine sets ``name`` to the name of the case.
    ``assigned_to`` is the source's id of a person.
    """

    __test__ = False
    kind: ClassVar[Kind] = Kind.TEST_RUN

    case: Ref
    cycle: Ref | None = None
    name: str = ""
    environment: str = ""
    assigned_to: str = ""

    def parents(self) -> tuple[Ref, ...]:
        """Return the cycle and the case."""
        return (self.cycle, self.case) if self.cycle else (self.case,)


@attrs.frozen(kw_only=True)
class TestLog(Record):
    """One execution of a run. ``comment`` is HTML, ``duration`` and ``estimated`` are in seconds.

    The source sets ``executed`` to False if nothing shows that it took place: no status, comment,
    file or result. ``number`` orders executions that ended at the same instant. ``planned_start``
    and ``planned_end`` are the cycle's.

    The engine sets ``last`` (the newest of its run), ``siblings_executed`` (another log of the run
    is executed) and ``drift`` (it has results that do not match today's steps). The mapping sets
    ``start``, ``end``, ``note`` (HTML) and ``statuses`` (the target's candidates, best first).
    """

    __test__ = False
    kind: ClassVar[Kind] = Kind.TEST_LOG

    run: Ref
    case: Ref
    status: str
    executed: bool = True
    number: int = 0
    ended: datetime | None = None
    duration: float | None = None
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    executed_by: str = ""
    assigned_to: str = ""
    environment: str = ""
    version: str = ""
    estimated: float | None = None
    comment: str = ""
    automated: bool = False
    files: int = 0
    results: tuple[StepResult, ...] = ()
    last: bool = False
    siblings_executed: bool = False
    drift: bool = False
    start: datetime | None = None
    end: datetime | None = None
    note: str = ""
    statuses: tuple[str, ...] = ()

    def parents(self) -> tuple[Ref, ...]:
        """Return the run and the case."""
        return (self.run, self.case)

    def sequence(self) -> Sequence:
        """Return the position among the logs of the run: by end, then by number."""
        ended = self.ended or self.planned_end or self.planned_start
        instant = f"{ended:%Y-%m-%dT%H:%M:%S}" if ended else "0"
        return Sequence(self.run.key, f"{instant}#{self.number:020d}")


@attrs.frozen(kw_only=True)
class Attachment(Record):
    """A file. Its key is ``OWNER#ATTACHMENT``.

    ``part`` names the step or step result of the owner that the file belongs to, or is ``""``.
    ``plan`` is the first plan of the cycle that owns the file, for targets whose cycles take no
    files. ``locator`` is what the source needs to download it; for an ``inline`` one, a picture in
    the owner's texts, it is the address in the text, as in ``Image.src``. The engine sets ``size``
    (bytes), ``media_type`` and ``sha256`` from the content itself.
    """

    kind: ClassVar[Kind] = Kind.ATTACHMENT

    name: str
    owner: Ref
    part: str = ""
    plan: Ref | None = None
    locator: str = ""
    inline: bool = False
    size: int = 0
    media_type: str = ""
    sha256: str = ""

    def parents(self) -> tuple[Ref, ...]:
        """Return the owner."""
        return (self.owner,)


RECORD_TYPES: Mapping[Kind, type[Record]] = {
    each.kind: each
    for each in (
        FieldDefinition,
        Folder,
        Requirement,
        TestCase,
        TestPlan,
        TestCycle,
        TestRun,
        TestLog,
        Attachment,
    )
}
"""The class of the records of each kind."""
