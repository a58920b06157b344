"""Says in advance how many calls a load makes, for ``ztoq plan``."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from ztoq_core.plugin import (
    ADDRESS,
    Attachment,
    FieldDefinition,
    Folder,
    Kind,
    Record,
    Requirement,
    TestCase,
    TestCycle,
    TestLog,
    Tree,
)
from ztoq_qtest.api.object_types import FIELD_OWNERS
from ztoq_qtest.api.project import PAGE_SIZE, REMEMBERED
from ztoq_qtest.fields.settings import FieldSet
from ztoq_qtest.write.field_definitions import CHOICES, VALUES_AT_ONCE
from ztoq_qtest.write.links import issue_keys
from ztoq_qtest.write.save import Session

VALIDATION = 25
"""Calls of a validation that do not depend on the number of objects: settings, first pages."""


async def forecast(session: Session) -> QtestCallTally:
    """Return a tally for the project as it is now."""
    types = dict.fromkeys(FIELD_OWNERS.values())
    fields = {type_: await session.settings.fields(type_) for type_ in types}
    return QtestCallTally(approve=session.project.config.approve, fields=fields)


@attrs.define(kw_only=True)
class QtestCallTally:
    """Counts the requests that the writers send for a record that qTest takes at the first try.

    ``fields`` are those that the project has, by object type.
    """

    approve: str
    fields: Mapping[str, FieldSet]
    _cases: int = 0
    _requirements: bool = False
    _versions: bool = False
    _new_fields: int = 0
    _changed: set[str] = attrs.field(factory=set)
    _listed: set[str] = attrs.field(factory=set)

    def add(self, record: Record, *, new: bool) -> int:
        """Return how many calls the record takes; an update is looked at before it is sent."""
        calls = 1 if new else 2
        match record:
            case FieldDefinition():
                return self._field(record)
            case Folder() if not new and record.tree is not Tree.CASES:
                calls += 2  # its parent is not shown, so the children of the parent are listed
            case Requirement():
                # qTest's requirements are listed again after each new one
                calls += 2 if new else 1
                self._requirements = True
            case TestCase():
                calls += self._case(record)
            case TestCycle():
                self._versions = self._versions or bool(record.version)
            case TestLog():
                calls += self._log(record, new=new)
            case Attachment() if record.inline:
                calls += 1  # for its address
        self._list(FIELD_OWNERS.get(record.kind, ""))
        if record.text_refs and not isinstance(record, TestCase | TestLog):
            calls += 1
        return calls

    def shared(self) -> int:
        """Return the calls for lists that many records need, and for fields that have changed.

        Fields that are made side by side share their lists: a list for 0.1 to 0.9 of them, the more
        the slower qTest answers.
        """
        lists = 2 * self._requirements + self._versions + len(self._listed & self._changed)
        return lists + (self._new_fields + 1) // 2

    def to_validate(self, counts: Mapping[Kind, int]) -> int:
        """Return about how many calls a validation makes.

        Cases are listed module by module, logs run by run; a file is listed and downloaded.
        """
        return (
            VALIDATION
            + 2 * counts.get(Kind.FOLDER, 0)
            + 2 * (counts.get(Kind.TEST_CASE, 0) // PAGE_SIZE)
            + counts.get(Kind.TEST_RUN, 0) // PAGE_SIZE
            + min(counts.get(Kind.TEST_RUN, 0), counts.get(Kind.TEST_LOG, 0))
            + 2 * counts.get(Kind.ATTACHMENT, 0)
        )

    def _list(self, type_: str) -> None:
        if type_:
            self._listed.add(type_)

    def _field(self, field: FieldDefinition) -> int:
        """Values are sent 100 at a time."""
        type_ = FIELD_OWNERS[field.of]
        known = self.fields[type_].named(field.name, inactive=True)
        values = len(field.values) if field.type in CHOICES else 0
        if known is not None or field.type in CHOICES:
            self._changed.add(type_)
        if known is not None:
            return 1 + _batches(values) + _listing(len(known.choices) + values)
        self._new_fields += 1
        if values <= VALUES_AT_ONCE:
            return 2 if field.type in CHOICES else 1
        return 1 + _batches(values - VALUES_AT_ONCE) + _listing(values)

    def _case(self, case: TestCase) -> int:
        self._cases += 1
        calls = len(case.requirements)
        if any(step.fields for step in case.steps):
            self._list("test-steps")
        if self.approve == "all" or (self.approve == "needed" and (case.approve or case.executed)):
            calls += 2 if case.steps else 1
        if case.text_refs:
            changed = sum(
                ADDRESS in f"{step.description}{step.data}{step.expected}" for step in case.steps
            )
            # each of these steps by itself, after a look at the ids; then the case is read
            calls += 1 + 2 * changed + bool(changed)
        return calls

    def _log(self, log: TestLog, *, new: bool) -> int:
        on_log = len(dict.fromkeys(issue_keys(log.links)))
        on_steps = any(issue_keys(each.links) for each in log.results)
        # the log is read first where it is changed, and to see which defects it shows already
        calls = (on_log if new else 1) + bool(on_log or on_steps)
        if log.text_refs:
            calls += 2
        joined = any(each.step for each in log.results)
        if joined and not log.drift and self._cases > REMEMBERED:
            calls += 1  # the steps of so many cases are not remembered
        return calls


def _batches(values: int) -> int:
    return -(-values // VALUES_AT_ONCE)


def _listing(values: int) -> int:
    """Return the calls that list values: a page more than there are, and all twice if several."""
    pages = 1 + _batches(values)
    return 2 * pages if values > PAGE_SIZE else pages
