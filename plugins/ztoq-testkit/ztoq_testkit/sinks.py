"""What every sink is held to.

A plugin's first tests are free::

    class TestWiki(SinkContract):
        @pytest.fixture
        async def sink(self) -> AsyncIterator[Sink]:
            async with simulator() as table, open_wiki(config(table), lent()) as sink:
                yield sink

Each test begins with an empty project.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from html import escape
from typing import Any

import attrs
import pytest

from ztoq_core.contracts import (
    ChangeDetection,
    ContentReading,
    Deletion,
    Found,
    Mark,
    Schema,
    Sink,
    Written,
)
from ztoq_core.engine.sides import finish, owner_kinds
from ztoq_core.errors import RecordError, RejectedError
from ztoq_core.records import (
    ADDRESS,
    Attachment,
    FieldDefinition,
    Kind,
    Record,
    Ref,
    TestCase,
    TestLog,
)
from ztoq_testkit.samples import COLOUR, content_of, samples

__all__ = ["SinkContract"]

NOT_THERE = 404


@attrs.define
class _Target:
    """Writes in the engine's order and keeps what was answered."""

    sink: Sink
    schema: Schema
    links: dict[Ref, Written | None] = attrs.field(factory=dict)

    async def write(self, record: Record, target_id: str | None = None) -> Written:
        content = content_of(record) if isinstance(record, Attachment) else None
        written = await self.sink.write(record, target_id, self.links, content)
        self.links[record.ref] = written
        return written

    async def finish(self, record: Record) -> Written:
        written = await finish(self.sink, record, self.at(record), self.links)
        self.links[record.ref] = written
        return written

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
        written = self.links[record.ref]
        assert written is not None
        return written

    async def find(self, record: Record) -> tuple[Found, ...]:
        return await self.sink.find(record, self.links)

    async def read(self, record: Record) -> Record:
        if not isinstance(self.sink, ContentReading):
            pytest.skip("this sink has no read, so nothing can be compared")
        return await self.sink.read(record.kind, self.at(record).target_id)

    async def delete(self, record: Record) -> None:
        await _deleting(self.sink).delete(record.kind, self.at(record).target_id)

    async def is_there(self, record: Record) -> bool:
        if not isinstance(self.sink, ContentReading):
            return bool(await self.find(record))
        try:
            await self.read(record)
        except RejectedError as error:
            status = error.status
        else:
            return True
        assert status == NOT_THERE, f"reading {record.ref}, which is gone, says {status}, not 404"
        return False

    async def marks(self, kind: Kind, records: Sequence[Record]) -> list[Mark]:
        """Return all marks of a kind, under all owners where the sink lists by owner."""
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
            assert page.cursor not in seen, f"marks({kind}) returns to {page.cursor!r}"
            cursor = page.cursor
            seen.add(cursor)


@pytest.mark.asyncio
class SinkContract:
    """Subclass it, name the subclass ``Test…``, and give it a fixture ``sink``."""

    def records(self, schema: Schema) -> tuple[Record, ...]:
        """Return what is written; override it where the sink takes something else."""
        return samples(schema)

    def refused(self, schema: Schema) -> Record:
        """Return a record that the target refuses: by default a case without a name."""
        cases = (each for each in self.records(schema) if isinstance(each, TestCase))
        return attrs.evolve(next(cases), key="ACME-T9", name="")

    async def _arrived(self, sink: Sink) -> tuple[_Target, tuple[Record, ...]]:
        target = _Target(sink, await sink.describe())
        records = (*target.schema.roots, *self.records(target.schema))
        await target.take(records)
        return target, records

    async def test_a_good_connection_passes_the_check(self, sink: Sink) -> None:
        errors = [each.text for each in await sink.check() if each.level == "error"]
        assert not errors, f"check() of a sink that should work finds: {errors}"

    async def test_the_identity_stays(self, sink: Sink) -> None:
        assert sink.identity.strip(), "identity is what the store knows the target by"
        before = sink.identity
        await sink.describe()
        assert sink.identity == before, "identity must not change"

    async def test_the_schema_names_each_field_once(self, sink: Sink) -> None:
        schema = await sink.describe()
        names = [(each.kind, each.name) for each in schema.fields]
        assert len(names) == len(set(names)), f"describe() names a field twice: {sorted(names)}"
        assert schema.kinds, "describe() names no kind that can be written"

    async def test_checking_and_describing_write_nothing(self, sink: Sink) -> None:
        target = _Target(sink, await sink.describe())
        await sink.check()
        for kind in target.schema.kinds - set(owner_kinds(sink)) - {Kind.FIELD}:
            keys = [each.key for each in await target.marks(kind, ()) if each.key]
            assert not keys, f"the project holds {kind} {keys} before anything was written"

    async def test_what_is_written_can_be_read(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in records:
            found = await target.read(record)
            assert found.kind is record.kind
            assert _name(found) == _name(record), f"read({record.ref}) gave another name"
            if isinstance(record, Attachment):
                assert isinstance(found, Attachment)
                assert (found.sha256, found.size) == (record.sha256, record.size), record.key
            if isinstance(record, TestCase):
                assert isinstance(found, TestCase)
                assert len(found.steps) == len(record.steps), f"{record.ref} has other steps"

    async def test_each_object_has_an_id_of_its_own(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        ids = [(each.kind, target.at(each).target_id) for each in records]
        assert all(number for _, number in ids), "write() gave no target_id"
        assert len(ids) == len(set(ids)), f"write() gave a target_id twice: {sorted(ids)}"

    async def test_steps_get_ids_for_their_files(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in records:
            if isinstance(record, TestCase):
                lacking = {each.key for each in record.steps} - set(target.at(record).parts)
                assert not lacking, f"Written.parts of {record.ref} lacks the steps {lacking}"

    async def test_nothing_is_found_before_it_is_written(self, sink: Sink) -> None:
        target = _Target(sink, await sink.describe())
        for record in (*target.schema.roots, *self.records(target.schema)):
            if record.kind is not Kind.REQUIREMENT:  # one that was there before is used
                assert await target.find(record) == (), f"find({record.ref}) before writing it"
            await target.write(record)
            if record.kind in target.schema.finish_kinds and isinstance(record, TestCase):
                await target.finish(record)

    async def test_find_finds_what_was_written_and_nothing_else(self, sink: Sink) -> None:
        """Objects of equal names are told apart, and the stamp is that of the writing."""
        target, records = await self._arrived(sink)
        for record in records:
            found = await target.find(record)
            ids = [each.written.target_id for each in found]
            assert ids == [target.at(record).target_id], f"find({record.ref}) gave {ids}"
            stamps = (found[0].written.stamp, target.at(record).stamp)
            assert stamps[0] == stamps[1], f"{record.ref} looks changed, and nobody changed it"

    async def test_writing_twice_by_way_of_find_makes_one_object(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in records:
            found = await target.find(record)
            again = await target.write(record, found[0].written.target_id)
            assert again.target_id == found[0].written.target_id, f"{record.ref} got another id"
            assert len(await target.find(record)) == 1, f"{record.ref} stands there twice"

    async def test_an_update_keeps_the_id(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in records:
            if _name(record) and record.kind not in {Kind.ATTACHMENT, Kind.REQUIREMENT}:
                changed = _renamed(record)
                before = target.at(record).target_id
                after = await target.write(changed, before)
                assert after.target_id == before, f"updating {record.ref} gave another id"
                assert _name(await target.read(changed)) == _name(changed), f"{record.ref} is old"

    async def test_an_update_changes_the_stamp(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        cases = (each for each in records if isinstance(each, TestCase))
        for record in cases:
            before = target.at(record)
            after = await target.write(_renamed(record), before.target_id)
            assert after.stamp != before.stamp, f"the stamp of {record.ref} does not see a new name"

    async def test_marks_list_what_was_written(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for kind in {each.kind for each in records}:
            these = [each for each in records if each.kind is kind]
            marks = await target.marks(kind, records)
            listed = [each.target_id for each in marks]
            assert len(listed) == len(set(listed)), f"marks({kind}) lists an object twice"
            by_id = {each.target_id: each for each in marks}
            for record in these:
                mark = by_id.get(target.at(record).target_id)
                assert mark is not None, f"marks({kind}) does not list {record.ref}"
                told = mark.name if kind is Kind.ATTACHMENT else mark.key
                expected = _name(record) if kind is Kind.ATTACHMENT else record.key
                assert told == expected, f"the mark of {record.ref} reads {told!r}"

    async def test_finishing_may_be_repeated(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in records:
            if record.kind in target.schema.finish_kinds:
                before = target.at(record)
                again = await target.finish(record)
                assert again.target_id == before.target_id
                assert again.stamp == before.stamp, f"finishing {record.ref} again changed it"

    async def test_finishing_resolves_what_texts_refer_to(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        cases = [each for each in records if isinstance(each, TestCase)]
        case, another = cases[0], cases[-1]
        other = another.ref
        gone = Ref(Kind.TEST_CASE, "ACME-T404")
        target.links[gone] = None
        html = f'<p><a href="{other.address}">there</a> <a href="{gone.address}">gone</a></p>'
        case = attrs.evolve(case, description=html, text_refs=(other, gone))
        await target.write(case, target.at(case).target_id)
        await target.finish(case)
        held = await target.read(case)
        text = held.description if isinstance(held, TestCase) else ""
        assert ADDRESS not in text, f"finish({case.ref}) leaves an address: {text!r}"
        assert "gone" in text, f"finish({case.ref}) loses the words of a link: {text!r}"
        if url := target.at(another).url:
            assert f'"{escape(url)}"' in text, f"the link does not lead to {url!r}: {text!r}"

    async def test_what_is_refused_is_rejected_and_leaves_nothing(self, sink: Sink) -> None:
        target, _ = await self._arrived(sink)
        record = self.refused(target.schema)
        with pytest.raises(RejectedError):
            await target.write(record)
        assert await target.find(record) == (), f"{record.ref} was refused and stands there"

    async def test_nothing_is_written_without_its_parents(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in records:
            if record.kind in {Kind.TEST_RUN, Kind.TEST_LOG, Kind.ATTACHMENT}:
                target.links.update(dict.fromkeys(record.parents()))
                with pytest.raises((RecordError, RejectedError)):
                    await target.write(record)

    async def test_looking_gives_the_stamp_of_the_last_writing(self, sink: Sink) -> None:
        if not isinstance(sink, ChangeDetection):
            pytest.skip("this sink has no current, so what others edit is overwritten")
        target, records = await self._arrived(sink)
        for record in records:
            found = await sink.current(record.kind, target.at(record).target_id)
            assert found is not None, f"look({record.ref}) does not see it"
            assert found.stamp == target.at(record).stamp, f"{record.ref} looks changed"
        for record in _free(records):
            await target.write(_renamed(record), target.at(record).target_id)
            found = await sink.current(record.kind, target.at(record).target_id)
            assert found is not None
            assert found.stamp == target.at(record).stamp, f"{record.ref} looks changed"
            await target.delete(record)
            gone = await sink.current(record.kind, target.at(record).target_id)
            assert gone is None, f"look({record.ref}) sees what is deleted"

    async def test_contents_tell_what_would_go_along(self, sink: Sink) -> None:
        """Children, runs of a case, logs of a run, callers of a case, files on all that goes."""
        target, records = await self._arrived(sink)
        asked = _deleting(sink)
        along = target.schema.goes_with_owner
        for kind in {each.kind for each in records} - {Kind.ATTACHMENT, Kind.FIELD}:
            these = [each for each in records if each.kind is kind]
            ids = [target.at(each).target_id for each in these]
            told = await asked.children(kind, ids)
            assert set(told) == set(ids), f"contents({kind}) must have an entry for each id"
            for record in these:
                inside = _around(record, records, along)
                found = {(each.kind, each.target_id) for each in told[target.at(record).target_id]}
                expected = {(each.kind, target.at(each).target_id) for each in inside}
                assert expected <= found, f"contents({record.ref}) lacks {expected - found}"
        for record in _free(records):
            number = target.at(record).target_id
            left = (await asked.children(record.kind, [number]))[number]
            files = {target.at(each).target_id for each in _around(record, records, along)}
            others = [each for each in left if not each.linked and each.target_id not in files]
            assert not others, f"contents({record.ref}) gave {others}"

    async def test_deleting_removes_that_object_alone(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        free = _free(records)
        for record in free:
            await target.delete(record)
        for record in records:
            expected = record not in free
            assert await target.is_there(record) is expected, f"{record.ref}: {expected=}"

    async def test_deleting_does_not_cascade(self, sink: Sink) -> None:
        """A container with something inside stays, or what is inside does."""
        target, records = await self._arrived(sink)
        for record in (each for each in records if each.kind is Kind.FOLDER):
            inside = [each for each in records if record.ref in each.parents()]
            with suppress(RejectedError):
                await target.delete(record)
            gone = [str(each.ref) for each in inside if not await target.is_there(each)]
            assert not gone, f"deleting {record.ref} took {gone} along"

    async def test_what_goes_with_its_owner_is_declared(self, sink: Sink) -> None:
        """A run takes its logs along if the schema says so; otherwise it stays, or they do."""
        target, records = await self._arrived(sink)
        along = Kind.TEST_LOG in target.schema.goes_with_owner
        logs = [each for each in records if isinstance(each, TestLog)]
        if not along:
            with suppress(RejectedError):
                await target.delete(_of(logs[0].run, records))
            for log in logs:
                assert await target.is_there(log), f"{log.ref} went with its run"
                await target.delete(log)
        for run in dict.fromkeys(log.run for log in logs):
            if await target.is_there(_of(run, records)):
                await target.delete(_of(run, records))
        left = [str(log.ref) for log in logs if await target.is_there(log)]
        assert not left, f"still there, though their runs are gone: {left}"

    async def test_all_that_was_written_can_be_removed(self, sink: Sink) -> None:
        """Children first; what goes only with its parent is refused and then gone with it."""
        target, records = await self._arrived(sink)
        for record in reversed(records):
            with suppress(RejectedError):
                await target.delete(record)
        left = [str(each.ref) for each in records if await target.is_there(each)]
        assert not left, f"still there: {left}"

    async def test_a_field_can_be_made(self, sink: Sink) -> None:
        target = _Target(sink, await sink.describe())
        if not target.schema.can_create_fields:
            pytest.skip("this sink makes no fields")
        await target.take([COLOUR])
        made = (await sink.describe()).field(COLOUR.of, COLOUR.name)
        assert made is not None, "describe() does not show the field that was made"
        assert made.type is COLOUR.type
        assert set(made.values) == set(COLOUR.values)
        assert isinstance(await target.read(COLOUR), FieldDefinition)
        await target.write(COLOUR, target.at(COLOUR).target_id)
        named = [f for f in (await sink.describe()).fields if f.name == COLOUR.name]
        assert len(named) == 1, "making a field twice makes two"
        await target.delete(COLOUR)
        assert (await sink.describe()).field(COLOUR.of, COLOUR.name) is None


def _deleting(sink: Sink) -> Deletion:
    if not isinstance(sink, Deletion):
        pytest.skip("this sink has no children and delete, so nothing can be rolled back")
    return sink


def _name(record: Record) -> str:
    """Return the name of a record whose kind has names, else ``""``."""
    return str(getattr(record, "name", ""))


def _renamed(record: Record) -> Record:
    named: Any = record  # the kinds with names have no type in common
    changed: Record = attrs.evolve(named, name=f"{named.name} again")
    return changed


def _of(ref: Ref, records: Sequence[Record]) -> Record:
    return next(each for each in records if each.ref == ref)


def _around(record: Record, records: Sequence[Record], along: Collection[Kind]) -> list[Record]:
    """Return what names a record as a parent, what calls it, and the files of what goes with it."""
    inside = [
        each
        for each in records
        if record.ref in each.parents()
        or (record.kind is Kind.TEST_CASE and record.ref in each.soft_dependencies())
    ]
    if record.kind is Kind.TEST_CASE:  # its logs belong to its runs
        inside = [each for each in inside if each.kind is not Kind.TEST_LOG]
    further = [_around(each, records, along) for each in inside if each.kind in along]
    return [*inside, *(each for some in further for each in some)]


def _free(records: Sequence[Record]) -> list[Record]:
    """Return cases and cycles that nothing else belongs to or mentions."""
    used = {ref for each in records for ref in (*each.parents(), *each.soft_dependencies())}
    kinds = {Kind.TEST_CASE, Kind.TEST_CYCLE}
    return [each for each in records if each.kind in kinds and each.ref not in used]
