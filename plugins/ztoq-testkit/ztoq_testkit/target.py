"""What the suite of sinks works with: a target that is written to, and what it holds afterwards."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs
import pytest

from ztoq_core.contracts import ContentReading, Deletion, Found, Mark, Schema, Sink, Written
from ztoq_core.engine.comparison.compare import compare
from ztoq_core.engine.comparison.rules import Outcome
from ztoq_core.engine.comparison.single_values import Known
from ztoq_core.engine.sides import finish, owner_kinds
from ztoq_core.errors import RejectedError
from ztoq_core.records import Attachment, Kind, Note, Record, Ref
from ztoq_testkit.samples import content_of

NOT_THERE = 404
_COMPARED: Mapping[Kind, str] = {
    Kind.FIELD: "of name type values",
    Kind.FOLDER: "name parent description fields",
    Kind.REQUIREMENT: "name folder description fields",
    Kind.TEST_CASE: "name folder description precondition steps fields requirements",
    Kind.TEST_PLAN: "name folder description note start end fields",
    Kind.TEST_CYCLE: "name folder description planned_start planned_end plans fields",
    Kind.TEST_RUN: "name case cycle environment fields",
    Kind.TEST_LOG: "run case status start end note results fields links",
    Kind.ATTACHMENT: "name size sha256",
}
"""What the product's own comparison looks at (``case`` of a log is that of its run)."""
_NOT_A_SINKS = frozenset(
    {
        *("key", "path", "raw", "companions", "notes", "images", "text_refs", "executed"),
        *("approve", "gone", "project", "last", "siblings_executed", "drift", "files", "number"),
        *("statuses", "locator", "inline", "plan", "planned_start", "planned_end"),
        *("version_start", "version_end"),
    }
)
"""What the source and the engine need of a record, and a target does not."""


@attrs.frozen
class Property:
    """What a target holds of a property: ``problem`` is ``""`` if it is what was sent.

    ``sent``: the record has a value of it.
    """

    name: str
    problem: str
    sent: bool = attrs.field(kw_only=True)


@attrs.define
class Target:
    """Writes in the engine's order and keeps what was answered.

    ``lost`` are properties that the target has no place for, such as ``test_case.labels`` or
    ``test_case.step: test data``; numbers are left out. ``noted`` is what ``write`` noted last.
    """

    sink: Sink
    schema: Schema
    lost: Collection[str] = ()
    links: dict[Ref, Written | None] = attrs.field(factory=dict)
    noted: dict[Ref, frozenset[Note]] = attrs.field(factory=dict)

    async def write(self, record: Record, target_id: str | None = None) -> Written:
        """Write a record; a file with its content."""
        content = content_of(record) if isinstance(record, Attachment) else None
        written = await self.sink.write(record, target_id, self.links, content)
        self.links[record.ref] = written
        self.noted[record.ref] = frozenset(written.notes)
        return written

    async def finish(self, record: Record) -> Written:
        """Finish a record."""
        written = await finish(self.sink, record, self.at(record), self.links)
        self.links[record.ref] = written
        return written

    async def update(self, record: Record) -> Written:
        """Write a record again, and finish it as the engine would."""
        written = await self.write(record, self.at(record).target_id)
        return await self.finish(record) if self.schema.to_finish(record) else written

    async def take(self, records: Sequence[Record]) -> None:
        """Write kind by kind, after each kind its files, then finish it."""
        files = [each for each in records if isinstance(each, Attachment)]
        for kind in Kind:
            these = [each for each in records if each.kind is kind and each not in files]
            for each in these:
                await self.write(each)
            for file in files:
                if file.owner.kind is kind:
                    await self.write(file)
            if kind in self.schema.finish_kinds:
                for each in these:
                    await self.finish(each)

    def at(self, record: Record) -> Written:
        """Return what the target answered last about a record."""
        written = self.links[record.ref]
        if written is None:
            pytest.fail(f"{record.ref} was not written")
        return written

    async def find(self, record: Record) -> tuple[Found, ...]:
        """Look for a record by its mark."""
        return await self.sink.find(record, self.links)

    async def read(self, record: Record) -> Record:
        """Read a record back."""
        if not isinstance(self.sink, ContentReading):
            pytest.skip("this sink has no read, so nothing can be compared")
        return await self.sink.read(record.kind, self.at(record).target_id)

    async def delete(self, record: Record) -> None:
        """Delete a record."""
        await deleting(self.sink).delete(record.kind, self.at(record).target_id)

    async def is_there(self, record: Record) -> bool:
        """Whether the target holds a record."""
        if not isinstance(self.sink, ContentReading):
            return bool(await self.find(record))
        try:
            await self.read(record)
        except RejectedError as error:
            status = error.status
        else:
            return True
        if status != NOT_THERE:
            pytest.fail(
                f"read({record.ref}), which is gone, is rejected with {status}: give status 404, "
                "by "
                "which ztoq knows that nothing is there"
            )
        return False

    async def marks(self, kind: Kind, records: Sequence[Record]) -> list[Mark]:
        """Return all marks of a kind, under the owners where it is listed by owner."""
        kinds = owner_kinds(self.sink).get(kind)
        owners = [(each, self.at(each)) for each in records if kinds and each.kind in kinds]
        found: list[Mark] = []
        cursor: str | None = None
        seen: set[str] = set()
        while True:
            page = await self.sink.marks(kind, owners, cursor)
            found += page.marks
            if page.cursor is None:
                return found
            if page.cursor in seen:
                pytest.fail(
                    f"marks({kind}) gives the cursor {page.cursor!r} again: return None after the "
                    "last page, or the list never ends"
                )
            cursor = page.cursor
            seen.add(cursor)

    async def differences(self, record: Record) -> list[str]:
        """Return in what the target's object differs from a record, property by property."""
        return [
            f"{each.name}: {each.problem}"
            for each in await self.properties(record)
            if each.problem and not self.is_lost(record.kind, each.name)
        ]

    async def properties(self, record: Record) -> list[Property]:
        """Return what the target holds of each property of a record, the lost ones too."""
        held = await self.read(record)
        if held.kind is not record.kind:
            return [Property("kind", f"is {held.kind}", sent=True)]
        known = Known(
            schema=self.schema,
            links=self.links,
            losses=frozenset(note.code for note in self.at(record).notes),
            parts=self.at(record).parts,
        )
        empty = _empty(record)
        return [
            Property(
                each.field,
                each.detail or each.outcome.value
                if each.wrong or each.outcome is Outcome.UNCHECKED
                else "",
                sent=each.field.replace(" ", "_") not in empty,
            )
            for each in compare(record, held, known)
        ] + list(self._others(record, held))

    def is_lost(self, kind: Kind, name: str) -> bool:
        """Whether the target has no place for a property, by what the test's class says."""
        named = full_name(kind, name)
        return any(named.startswith(each) for each in self.lost)

    def _others(self, record: Record, held: Record) -> Iterator[Property]:
        empty = _empty(record)
        for field in attrs.fields(type(record)):
            if field.name in _NOT_A_SINKS or field.name in _COMPARED[record.kind].split():
                continue
            sent, there = self._theirs(getattr(record, field.name)), getattr(held, field.name)
            problem = f"is {there!r}, sent {sent!r}" if sent != there else ""
            yield Property(field.name, problem, sent=field.name not in empty)

    def _theirs(self, value: Any) -> Any:
        if isinstance(value, Ref):
            written = self.links.get(value)
            return Ref(value.kind, written.target_id) if written else None
        return value


def full_name(kind: Kind, name: str) -> str:
    """Return a property's name as ``lost`` has it, without numbers: ``test_case.step: data``."""
    return f"{kind}.{re.sub(r' [0-9]+', '', name)}"


def attribute_names(record: Record) -> Iterator[str]:
    """Yield the names of those attributes of a record that targets are to hold."""
    yield from (each.name for each in attrs.fields(type(record)) if each.name not in _NOT_A_SINKS)


def _empty(record: Record) -> set[str]:
    return {
        each.name
        for each in attrs.fields(type(record))
        if getattr(record, each.name) in (None, "", (), False, each.default)
    }


def deleting(sink: Sink) -> Deletion:
    """Return the sink as one that deletes; skip the test if it is none."""
    if not isinstance(sink, Deletion):
        pytest.skip("this sink has no children and delete, so nothing can be rolled back")
    return sink


async def refuses(target: Target, record: Record, *errors: type[Exception]) -> bool:
    """Whether writing a record raises one of these errors."""
    try:
        await target.write(record)
    except errors:
        return True
    return False


def name_of(record: Record) -> str:
    """Return the name of a record whose kind has names, else ``""``."""
    return str(getattr(record, "name", ""))


def changed(record: Record, **values: Any) -> Record:
    """Return a record with other values; kinds with an attribute have no type in common."""
    named: Any = record
    made: Record = attrs.evolve(named, **values)
    return made


def renamed(record: Record) -> Record:
    """Return a record with another name."""
    return changed(record, name=f"{name_of(record)} again")


def of(ref: Ref, records: Sequence[Record]) -> Record:
    """Return the record of a reference."""
    return next(each for each in records if each.ref == ref)


def around(record: Record, records: Sequence[Record], along: Collection[Kind]) -> list[Record]:
    """Return what names a record as a parent, what calls it, and the files of what goes with it."""
    inside = [
        each
        for each in records
        if record.ref in each.parents()
        or (record.kind is Kind.TEST_CASE and record.ref in each.soft_dependencies())
    ]
    if record.kind is Kind.TEST_CASE:  # its logs belong to its runs
        inside = [each for each in inside if each.kind is not Kind.TEST_LOG]
    further = [around(each, records, along) for each in inside if each.kind in along]
    return [*inside, *(each for some in further for each in some)]


def free(records: Sequence[Record]) -> list[Record]:
    """Return cases and cycles that nothing else belongs to or mentions."""
    used = {ref for each in records for ref in (*each.parents(), *each.soft_dependencies())}
    kinds = {Kind.TEST_CASE, Kind.TEST_CYCLE}
    return [each for each in records if each.kind in kinds and each.ref not in used]
