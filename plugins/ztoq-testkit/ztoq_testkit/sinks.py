"""What every sink is held to.

A plugin's first tests are free::

    class TestWiki(SinkContract):
        lost = {"test_case.priority"}  # what the target has no place for

        @pytest.fixture
        async def sink(self) -> AsyncIterator[Sink]:
            async with simulator() as table, open_wiki(config(table), lent()) as sink:
                yield sink

Each test begins with an empty project. ``sink_contents`` and ``sink_deletion`` are parts of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

import attrs
import pytest

from ztoq_core.contracts import ChangeDetection, Schema, Sink
from ztoq_core.engine.sides import owner_kinds
from ztoq_core.errors import RecordError, RejectedError
from ztoq_core.records import (
    ADDRESS,
    Attachment,
    FieldDefinition,
    Kind,
    Note,
    Record,
    Ref,
    TestCase,
)
from ztoq_testkit.samples import COLOUR, samples
from ztoq_testkit.sink_contents import ContentsContract
from ztoq_testkit.sink_deletion import DeletionContract
from ztoq_testkit.target import Target, free, name_of, refuses, renamed


def _codes(notes: Iterable[Note]) -> list[str]:
    return sorted(note.code for note in notes)


@pytest.mark.asyncio
class SinkContract(ContentsContract, DeletionContract):
    """Subclass it, name the subclass ``Test…``, and give it a fixture ``sink``."""

    @pytest.fixture
    def reopened(self) -> Callable[[Sink], Sink] | None:
        """Return a function that opens the target of a sink a second time, as after a restart."""
        return None

    def records(self, schema: Schema) -> tuple[Record, ...]:
        """Return what is written; override it where the sink takes something else."""
        return samples(schema)

    def refused(self, schema: Schema) -> Record:
        """Return a record that the target refuses: by default a case without a name."""
        cases = (each for each in self.records(schema) if isinstance(each, TestCase))
        return attrs.evolve(next(cases), key="ACME-T9", name="")

    async def _arrived(self, sink: Sink) -> tuple[Target, tuple[Record, ...]]:
        target = Target(sink, await sink.describe(), self.lost)
        records = (*target.schema.roots, *self.records(target.schema))
        await target.take(records)
        return target, records

    async def test_a_good_connection_passes_the_check(self, sink: Sink) -> None:
        errors = [each.text for each in await sink.check() if each.level == "error"]
        assert not errors, (
            f"check() of a sink that should work finds {errors}: give the level 'error' only to "
            "what "
            "stops a migration"
        )

    async def test_the_identity_stays(self, sink: Sink) -> None:
        before = sink.identity
        assert before.strip(), "identity is empty: name the target's host and project"
        await sink.describe()
        assert sink.identity == before, (
            f"identity was {before!r} and is {sink.identity!r}: it must not change, since the "
            "store "
            "refuses another target"
        )

    async def test_the_schema_names_each_field_once(self, sink: Sink) -> None:
        schema = await sink.describe()
        names = [(each.kind.value, each.name) for each in schema.fields]
        twice = sorted({each for each in names if names.count(each) > 1})
        assert not twice, f"describe() names {twice} twice: merge fields of one kind and name"
        assert schema.kinds, "Schema.kinds is empty, so nothing would be written: name the kinds"

    async def test_checking_and_looking_write_nothing(self, sink: Sink) -> None:
        target = Target(sink, await sink.describe())
        await sink.check()
        for record in self.records(target.schema):
            if not (target.schema.roots or record.parents()):
                await target.find(record)
        for kind in target.schema.kinds - set(owner_kinds(sink)) - {Kind.FIELD}:
            keys = [each.key for each in await target.marks(kind, ()) if each.key]
            assert not keys, (
                f"the project holds {kind} {keys} before anything was written: check(), describe() "
                "and find() only read"
            )

    async def test_each_object_has_an_id_of_its_own(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        ids = [(each.kind.value, target.at(each).target_id) for each in records]
        assert all(number for _, number in ids), "write() gives no target_id: give the target's own"
        twice = sorted({each for each in ids if ids.count(each) > 1})
        assert not twice, f"write() gives {twice} to two records: target_id names one object"

    async def test_each_step_has_an_id_of_its_own(self, sink: Sink) -> None:
        """By which the files of a step, and the results of a log, find it."""
        target, records = await self._arrived(sink)
        for record in records:
            if isinstance(record, TestCase):
                parts = target.at(record).parts
                lacking = sorted({each.key for each in record.steps} - set(parts))
                assert not lacking, (
                    f"Written.parts of {record.ref} lacks the steps {lacking}: map the key of each "
                    "step to its id in the target"
                )
                ids = [parts[each.key] for each in record.steps]
                assert len(ids) == len(set(ids)), (
                    f"Written.parts of {record.ref} gives one id to two steps ({ids}): a file "
                    "would "
                    "be attached to the wrong one"
                )

    async def test_nothing_is_found_before_it_is_written(self, sink: Sink) -> None:
        target = Target(sink, await sink.describe())
        for record in (*target.schema.roots, *self.records(target.schema)):
            if record.kind is not Kind.REQUIREMENT:  # one that was there before is used
                found = [each.written.target_id for each in await target.find(record)]
                assert not found, (
                    f"find({record.ref}) gives {found} before it is written: find by the key that "
                    "write() left on the object, not by name or kind"
                )
            await target.write(record)
            if record.kind in target.schema.finish_kinds and isinstance(record, TestCase):
                await target.finish(record)

    async def test_find_finds_what_was_written_and_nothing_else(self, sink: Sink) -> None:
        """Objects of equal names are told apart, and the answer is that of the writing."""
        target, records = await self._arrived(sink)
        for record in records:
            found = await target.find(record)
            ids = [each.written.target_id for each in found]
            written = target.at(record)
            assert ids == [written.target_id], (
                f"find({record.ref}) gives {ids}, written was {written.target_id}: after a lost "
                "answer it would be written a second time, or another record's object be taken"
            )
            steps = {each.key for each in record.steps} if isinstance(record, TestCase) else set()
            there, due = (
                (each.stamp, {key: each.parts.get(key) for key in steps})
                for each in (found[0].written, written)
            )
            assert there == due, (
                f"find({record.ref}) gives stamp and parts {there!r}, write() gave {due!r}: an "
                "object that is adopted must look as if ztoq had just written it"
            )

    async def test_find_notes_what_the_writing_noted(self, sink: Sink) -> None:
        """Else a loss that was reported is a difference after an object was adopted."""
        target, records = await self._arrived(sink)
        for record in records:
            noted = target.noted[record.ref]
            there = {note for each in await target.find(record) for note in each.written.notes}
            assert there == noted, (
                f"find({record.ref}) notes {_codes(there)}, write() noted {_codes(noted)}: an "
                "adopted object has lost the same, so Found.written has the same notes"
            )

    async def test_find_gives_the_oldest_first(self, sink: Sink) -> None:
        """Of an object that a lost answer made twice; the oldest is adopted."""
        target, records = await self._arrived(sink)
        for record in free(records):
            first = target.at(record).target_id
            second = (await target.write(record)).target_id
            ids = [each.written.target_id for each in await target.find(record)]
            assert ids in ([first, second], [second] if first == second else []), (
                f"find({record.ref}) gives {ids}; written were {first}, then {second}: give all, "
                "the "
                "oldest first"
            )

    async def test_writing_twice_by_way_of_find_makes_one_object(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in records:
            found = await target.find(record)
            assert found, f"find({record.ref}) does not find what was written: look for its mark"
            again = await target.write(record, found[0].written.target_id)
            number = len(await target.find(record))
            assert (again.target_id, number) == (found[0].written.target_id, 1), (
                f"write({record.ref}) with a target_id made another object ({again.target_id}, "
                f"{number} in all): with a target_id it updates that one"
            )

    async def test_an_update_keeps_the_id(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in records:
            if name_of(record) and record.kind not in {Kind.ATTACHMENT, Kind.REQUIREMENT}:
                new = renamed(record)
                before = target.at(record).target_id
                after = await target.write(new, before)
                assert after.target_id == before, (
                    f"updating {record.ref} gives the id {after.target_id}, it was {before}: "
                    "update "
                    "the object that target_id names"
                )
                name = name_of(await target.read(new))
                assert name == name_of(new), (
                    f"{record.ref} is called {name!r} after an update to {name_of(new)!r}: send "
                    "the "
                    "update, and read what the target holds then"
                )

    async def test_marks_list_what_was_written(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for kind in {each.kind for each in records}:
            these = [each for each in records if each.kind is kind]
            marks = await target.marks(kind, records)
            listed = [each.target_id for each in marks]
            twice = sorted({each for each in listed if listed.count(each) > 1})
            assert not twice, f"marks({kind}) lists {twice} twice: name each object once"
            by_id = {each.target_id: each for each in marks}
            for record in these:
                mark = by_id.get(target.at(record).target_id)
                assert mark is not None, (
                    f"marks({kind}) does not list {record.ref}: a new store would write it again"
                )
                told = mark.name if kind is Kind.ATTACHMENT else mark.key
                due = name_of(record) if kind is Kind.ATTACHMENT else record.key
                assert told == due, (
                    f"the mark of {record.ref} reads {told!r}, not {due!r}: read back the key "
                    "(of a "
                    "file the name) that write() left"
                )

    async def test_files_are_listed_under_their_owners_alone(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        files = [each for each in records if isinstance(each, Attachment)]
        for owner in {file.owner for file in files}:
            record = next(each for each in records if each.ref == owner)
            page = await sink.marks(Kind.ATTACHMENT, [(record, target.at(record))], None)
            due = {target.at(each).target_id for each in files if each.owner == owner}
            others = sorted({each.target_id for each in page.marks} - due)
            assert not others, (
                f"marks() of the files of {owner} names {others}, which belong to others: files "
                "bear "
                "no mark, so list only those of the owners that are asked about"
            )

    async def test_finishing_may_be_repeated(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in records:
            if record.kind in target.schema.finish_kinds:
                before = target.at(record)
                again = await target.finish(record)
                assert (again.target_id, again.stamp) == (before.target_id, before.stamp), (
                    f"finishing {record.ref} again changed it: finish() sends only calls that "
                    "may be "
                    "repeated, and returns the stamp that the object has after them"
                )

    async def test_finishing_resolves_what_texts_refer_to(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        cases = [each for each in records if isinstance(each, TestCase)]
        case, another = cases[0], cases[-1]
        gone = Ref(Kind.TEST_CASE, "ACME-T404")
        target.links[gone] = None
        html = f'<p><a href="{another.ref.address}">there</a> <a href="{gone.address}">gone</a></p>'
        case = attrs.evolve(case, description=html, text_refs=(another.ref, gone))
        await target.write(case, target.at(case).target_id)
        await target.finish(case)
        held = await target.read(case)
        text = held.description if isinstance(held, TestCase) else ""
        assert ADDRESS not in text, (
            f"finish({case.ref}) leaves an address of ztoq ({text!r}): send resolved(record, links)"
        )
        assert "gone" in text, f"finish({case.ref}) loses the words of a link: {text!r}; keep them"
        if url := target.at(another).url:
            assert f'"{escape(url)}"' in text, (
                f"the link does not lead to {url!r}: {text!r}; use Written.url of what links has"
            )

    async def test_what_is_refused_is_rejected_and_leaves_nothing(self, sink: Sink) -> None:
        target, _ = await self._arrived(sink)
        record = self.refused(target.schema)
        assert await refuses(target, record, RejectedError), (
            f"write({record.ref}) takes a record that the target should refuse: raise "
            "RejectedError, "
            "or override refused() with one that it refuses"
        )
        found = await target.find(record)
        assert not found, (
            f"{record.ref} was refused and is there all the same: raise RejectedError only if "
            "nothing "
            "was made, else DoubtError"
        )

    async def test_nothing_is_written_without_its_parents(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in records:
            if record.kind in {Kind.TEST_RUN, Kind.TEST_LOG, Kind.ATTACHMENT}:
                target.links.update(dict.fromkeys(record.parents()))
                assert await refuses(target, record, RecordError, RejectedError), (
                    f"write({record.ref}) goes on though its parents are not in the target (links "
                    "has None for them): raise RejectedError"
                )

    async def test_current_gives_the_stamp_of_the_last_writing(self, sink: Sink) -> None:
        if not isinstance(sink, ChangeDetection):
            pytest.skip("this sink has no current, so what others edit is overwritten")
        target, records = await self._arrived(sink)
        for record in (*records, *map(renamed, free(records))):
            if record not in records:
                await target.update(record)
            found = await sink.current(record.kind, target.at(record).target_id)
            assert found is not None, (
                f"current({record.ref}) gives None for what exists: look by id"
            )
            assert found.stamp == target.at(record).stamp, (
                f"current({record.ref}) gives another stamp than the last write() or finish(), and "
                "nobody changed it: every update would be taken for a conflict"
            )
        assert await sink.current(Kind.TEST_CASE, "999999999") is None, (
            "current() of what does not exist gives an object: give None"
        )

    async def test_what_was_written_outlives_the_sink(
        self, sink: Sink, reopened: Callable[[Sink], Sink] | None
    ) -> None:
        if reopened is None:
            pytest.skip("the fixture `reopened` does not say how to open the target again")
        target, records = await self._arrived(sink)
        target.sink = reopened(sink)
        for record in records:
            found = [each.written.target_id for each in await target.find(record)]
            assert found == [target.at(record).target_id], (
                f"find({record.ref}) gives {found} after the target is opened again: what write() "
                "returned must be in the target by then, not only in memory"
            )

    async def test_a_field_can_be_made(self, sink: Sink) -> None:
        target = Target(sink, await sink.describe())
        if not target.schema.can_create_fields:
            pytest.skip("this sink makes no fields")
        await target.take([COLOUR])
        made = (await sink.describe()).field(COLOUR.of, COLOUR.name)
        assert made is not None, (
            "describe() does not show the field that was made: read the fields again after one is "
            "written, or set can_create_fields to False"
        )
        assert (made.type, set(made.values)) == (COLOUR.type, set(COLOUR.values)), (
            f"the field that was made is a {made.type} with {made.values}: make the type and all "
            "values that the definition has"
        )
        assert isinstance(await target.read(COLOUR), FieldDefinition)
        more = attrs.evolve(COLOUR, values=(*COLOUR.values, "Red"))
        await target.update(more)
        named = [f for f in (await sink.describe()).fields if f.name == COLOUR.name]
        assert [set(each.values) for each in named] == [set(more.values)], (
            f"after a second write() of the field with one more value there are {named}: an update "
            "adds what the field lacks"
        )
        await target.delete(COLOUR)
        assert (await sink.describe()).field(COLOUR.of, COLOUR.name) is None, (
            "describe() shows a field that was deleted: read the fields again after a deletion"
        )
