"""A source and a sink in memory: real implementations, held to the same contract as the others.

``MemorySink`` can die after so many writes (``cut_after``), before its caller hears of the last
one: ``PowerCut`` derives from BaseException, so nothing can swallow it.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import attrs

from ztoq_core.contracts import (
    Content,
    FieldSpec,
    Finding,
    Found,
    Links,
    Mark,
    MarkPage,
    Owner,
    Page,
    Reject,
    Schema,
    Written,
)
from ztoq_core.convert import dumps
from ztoq_core.errors import DoubtError, RejectedError
from ztoq_core.pictures.addresses import resolved
from ztoq_core.records import (
    Attachment,
    FieldDefinition,
    IdKind,
    Kind,
    Record,
    Ref,
    ResolvedName,
    TestCase,
    TestLog,
    TestStep,
)


class PowerCut(BaseException):
    """The process dies here."""


class MemorySource:
    """Serves the records it is given, ``page_size`` at a time.

    Files from ``contents`` by locator.
    """

    identity = "memory source"
    completes = frozenset({Kind.TEST_CASE, Kind.TEST_LOG})

    def __init__(
        self,
        records: Iterable[Record],
        contents: Mapping[str, bytes] | None = None,
        *,
        page_size: int = 10,
    ) -> None:
        """Hold the records; attachments are revealed by their owners."""
        self.records = {record.ref: record for record in records}
        self.contents = dict(contents or {})
        self.page_size = page_size
        self.calls: list[str] = []
        self._places: dict[Ref, int] = {}

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """All kinds but attachments, which their owners reveal, and fields."""
        return tuple(k for k in Kind if k not in {Kind.ATTACHMENT, Kind.FIELD})

    async def check(self) -> tuple[Finding, ...]:
        """Find nothing wrong."""
        return ()

    async def describe(self) -> Schema:
        """Declare nothing."""
        return Schema()

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        """Return the next page of ``kind``; the cursor is the number of the last record before."""
        self.calls.append(f"fetch {kind} {cursor}")
        for ref in self.records:  # a number stays with its record when others are removed
            self._places.setdefault(ref, len(self._places) + 1)
        these = [
            each
            for each in self.records.values()
            if each.kind is kind
            and kind in self.kinds
            and self._places[each.ref] > int(cursor or 0)
        ]
        some = these[: self.page_size]
        following = str(self._places[some[-1].ref]) if len(these) > len(some) else None
        return Page(records=tuple(some), cursor=following)

    async def complete(self, record: Record) -> tuple[Record, ...]:
        """Return the record and its files."""
        self.calls.append(f"complete {record.ref}")
        files = [
            each
            for each in self.records.values()
            if isinstance(each, Attachment) and each.owner == record.ref
        ]
        return (self.records[record.ref], *files)

    async def resolve(self, ref: Ref) -> tuple[Record, ...] | Reject:
        """Return the record, if it is held after all."""
        if ref in self.records:
            return (self.records[ref],)
        return Reject(kind=ref.kind, key=ref.key, reason="not here")

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the content in two chunks."""
        self.calls.append(f"download {attachment.key}")
        if attachment.locator not in self.contents:
            raise RejectedError(f"no content for {attachment.key}", status=404)
        content = self.contents[attachment.locator]
        half = len(content) // 2
        for chunk in (content[:half], content[half:]):
            yield chunk


class MemoryDirectory(MemorySource):
    """A memory source that knows names; ``asked`` are the questions, one for each id.

    ``lines`` are names that are at hand.
    """

    advice = "give MemoryDirectory more names"

    def __init__(
        self,
        records: Iterable[Record],
        contents: Mapping[str, bytes] | None = None,
        *,
        names: Iterable[ResolvedName] = (),
        lines: Iterable[ResolvedName] = (),
        page_size: int = 10,
    ) -> None:
        """Hold the records and the names."""
        super().__init__(records, contents, page_size=page_size)
        self.names = {(each.topic, each.id): each for each in names}
        self.lines = {(each.topic, each.id): each for each in lines}
        self.asked: list[tuple[IdKind, str]] = []

    def at_hand(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return the lines."""
        places = ((topic, id_) for id_ in ids)
        return tuple(self.lines[place] for place in places if place in self.lines)

    async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        """Return the names that are held."""
        places = [(topic, id_) for id_ in ids]
        self.asked += places
        return tuple(self.names[place] for place in places if place in self.names)


@attrs.define
class _Object:
    record: Record
    written: Written
    links: dict[Ref, Written | None]
    content: bytes = b""


class MemorySink:
    """Holds what is written to it in ``objects``, by target id, and refuses what it cannot hold.

    ``refuses`` are keys that are always refused. ``doubts`` are keys whose first answer is lost
    after the object was made. ``finishes`` are cases and logs, whose ``finish`` is counted.
    """

    identity = "memory sink"

    def __init__(  # noqa: PLR0913 - a double has many ways to misbehave
        self,
        *,
        cut_after: int | None = None,
        refuses: Iterable[str] = (),
        doubts: Iterable[str] = (),
        schema: Schema | None = None,
        can_create_fields: bool = True,
        fields: Sequence[FieldSpec] = (),
    ) -> None:
        """Start empty."""
        self.objects: dict[str, _Object] = {}
        self._numbers = count(1)
        self.finished: list[str] = []
        self.calls: list[str] = []
        self.cut_after = cut_after
        self.refuses = set(refuses)
        self.doubts = set(doubts)
        self.schema = schema or Schema(
            fields=tuple(fields),
            can_create_fields=can_create_fields,
            finish_kinds=frozenset({Kind.TEST_CASE, Kind.TEST_LOG}),
            search_lag=0,
        )

    def keys(self) -> list[str]:
        """Return the keys of all objects, sorted; one that stands twice appears twice."""
        return sorted(each.record.key for each in self.objects.values())

    @property
    def listed_by_owner(self) -> Mapping[Kind, frozenset[Kind]]:
        """Files are listed under their owners."""
        return {Kind.ATTACHMENT: frozenset({Kind.TEST_CASE, Kind.TEST_LOG, Kind.TEST_PLAN})}

    async def check(self) -> tuple[Finding, ...]:
        """Find nothing wrong."""
        return ()

    async def describe(self) -> Schema:
        """Return the schema with the fields that were written."""
        made = tuple(
            FieldSpec(
                kind=each.record.of,
                name=each.record.name,
                type=each.record.type,
                values=each.record.values,
            )
            for each in self.objects.values()
            if isinstance(each.record, FieldDefinition)
        )
        return attrs.evolve(self.schema, fields=(*self.schema.fields, *made))

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        """Return what bears the record's key."""
        del links
        self.calls.append(f"find {record.ref}")
        return tuple(
            Found(written=each.written)
            for each in self.objects.values()
            if each.record.ref == record.ref
        )

    async def marks(
        self,
        kind: Kind,
        owners: Sequence[Owner],
        cursor: str | None,
    ) -> MarkPage:
        """Return all objects of a kind, on one page."""
        del cursor
        under = {owner.ref for owner, _ in owners}
        return MarkPage(
            marks=tuple(
                Mark(
                    kind=kind,
                    key=each.record.key,
                    target_id=number,
                    name=getattr(each.record, "name", ""),
                )
                for number, each in self.objects.items()
                if each.record.kind is kind and (not under or under & set(each.record.parents()))
            )
        )

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        """Make or change an object."""
        self.calls.append(f"write {record.ref}")
        if record.key in self.refuses:
            raise RejectedError(f"{record.ref} is refused", status=400)
        missing = [str(ref) for ref in record.parents() if links.get(ref) is None]
        if missing:
            raise RejectedError(f"{record.ref} lacks {', '.join(missing)}", status=400)
        body = b""
        if content:
            body = b"".join([chunk async for chunk in content.open()])
        number = target_id or str(next(self._numbers))
        written = Written(
            target_id=number,
            pid=f"M-{number}",
            url=f"memory:{number}",
            parts=_parts(record, number),
            stamp=_stamp(record),
        )
        self.objects[number] = _Object(record, written, dict(links), body)
        if self.cut_after is not None and len(self.objects) >= self.cut_after:
            self.cut_after = None
            raise PowerCut
        if record.key in self.doubts:
            self.doubts.remove(record.key)
            raise DoubtError(f"the answer about {record.ref} was lost", status=500)
        return written

    async def finish(self, record: Record, written: Written, links: Links) -> Written:
        """Count that it was finished; resolve the addresses in its texts."""
        self.finished.append(record.key)
        if not record.text_refs:
            return written
        self.calls.append(f"finish {record.ref}")
        held = self.objects[written.target_id]
        held.record = resolved(record, links)
        held.links |= links
        return attrs.evolve(written, stamp=_stamp(held.record))

    async def read(self, kind: Kind, target_id: str) -> Record:
        """Return what was written."""
        return self._held(self._object(kind, target_id))

    async def read_list(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        """Return all objects of a kind with what was written."""
        page = await self.marks(kind, owners, cursor)
        marks = [
            attrs.evolve(mark, record=await self.read(kind, mark.target_id)) for mark in page.marks
        ]
        return MarkPage(marks=tuple(marks))

    def _object(self, kind: Kind, target_id: str) -> _Object:
        each = self.objects.get(target_id)
        if each is None or each.record.kind is not kind:
            raise RejectedError(f"there is no {kind} {target_id}", status=404)
        return each

    def _held(self, held: _Object) -> Record:
        """Return a record as a target shows it: its own ids in references, the chosen status."""
        made: Any = held.record  # the kinds have no attributes in common
        changes: dict[str, Any] = {
            name: self._theirs(value, held.links)
            for name in ("folder", "parent", "case", "cycle", "run", "requirements", "plans")
            if (value := getattr(made, name, None))
        }
        if isinstance(made, TestCase):
            changes["steps"] = tuple(
                attrs.evolve(step, call=attrs.evolve(step.call, case=called))
                if step.call and (called := self._theirs(step.call.case, held.links))
                else attrs.evolve(step, call=None, description=_words_for(step))
                for step in made.steps
            )
        elif isinstance(made, TestLog):
            there = [each for each in made.statuses if each in self.schema.statuses]
            changes["status"] = (*there, *made.statuses, made.status)[0]
            changes["results"] = tuple(
                attrs.evolve(
                    each,
                    source_id=held.written.parts.get(each.key, ""),
                    status=(*each.statuses, each.status)[0],
                )
                for each in made.results
            )
        elif isinstance(made, Attachment):
            changes["owner"] = self._theirs(made.owner, held.links)
            changes["size"] = len(held.content)
            changes["sha256"] = hashlib.sha256(held.content).hexdigest()
        record: Record = attrs.evolve(made, **changes)
        return record

    def _theirs(self, value: Any, links: Mapping[Ref, Written | None]) -> Any:
        if isinstance(value, tuple):
            return tuple(ref for each in value if (ref := self._theirs(each, links)))
        written = links.get(value)
        return Ref(value.kind, written.target_id) if written else None

    async def current(self, kind: Kind, target_id: str) -> Written | None:
        """Return the object as it stands, with the stamp of the record it holds now."""
        each = self.objects.get(target_id)
        if each is None or each.record.kind is not kind:
            return None
        return attrs.evolve(each.written, stamp=_stamp(each.record))

    async def is_searchable(self, kind: Kind, written: Written) -> bool:
        """Whether the object is held: this search does not lag."""
        del kind
        return written.target_id in self.objects

    async def children(
        self, kind: Kind, target_ids: Sequence[str]
    ) -> Mapping[str, tuple[Mark, ...]]:
        """Return what names the objects as parents, the files of that, and what mentions them."""
        self.calls.append(f"contents {kind}")
        held = ((number, self.objects.get(number)) for number in target_ids)
        return {
            number: tuple(self._inside(each.record.ref)) if each else () for number, each in held
        }

    def _inside(self, ref: Ref) -> Iterator[Mark]:
        for number, each in list(self.objects.items()):
            record = each.record
            inside = ref in record.parents()
            if inside or ref in record.soft_dependencies():
                linked = not inside and ref.kind is not Kind.TEST_CASE
                yield Mark(
                    kind=record.kind,
                    key=record.key,
                    target_id=number,
                    name=getattr(record, "name", ""),
                    linked=linked,
                )
            if inside and record.kind in self.schema.goes_with_owner:
                yield from self._inside(record.ref)

    async def delete(self, kind: Kind, target_id: str) -> None:
        """Forget an object, with what goes with it; one that holds anything else is refused."""
        self.calls.append(f"delete {kind} {target_id}")
        record = self._object(kind, target_id).record
        if held := [each for each in self._inside(record.ref) if not self._goes(each)]:
            raise RejectedError(
                f"{record.ref} still holds {held[0].kind} {held[0].key}", status=400
            )
        for each in self._inside(record.ref):
            if not each.linked:
                self.objects.pop(each.target_id, None)
        del self.objects[target_id]

    def _goes(self, mark: Mark) -> bool:
        return mark.linked or mark.kind in self.schema.goes_with_owner


def _words_for(step: TestStep) -> str:
    """Return the text of a step whose call leads nowhere: the key of the case, as every sink."""
    return step.description or (step.call.case.key if step.call else "")


def _stamp(record: Record) -> str:
    return hashlib.sha256(dumps(record)).hexdigest()


def _parts(record: Record, number: str) -> dict[str, str]:
    if isinstance(record, TestCase):
        return {step.key: f"{number}.{step.key}" for step in record.steps}
    if isinstance(record, TestLog):
        return {result.key: f"{number}.{result.key}" for result in record.results}
    return {}
