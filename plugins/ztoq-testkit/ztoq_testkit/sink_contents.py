"""The part of the suite of sinks that is about contents: all that is written is held."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

import attrs

from ztoq_core.contracts import ChangeDetection, Sink
from ztoq_core.records import (
    Attachment,
    FieldType,
    FieldValue,
    Folder,
    Kind,
    Record,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
)
from ztoq_core.spelling import nearest
from ztoq_testkit.samples import content_with
from ztoq_testkit.target import Target, attribute_names, changed, full_name

LATER = timedelta(days=30)
_HOW = "name it in `lost` of the test's class if the target has no place for it"
_BYTES = b"0123456789" * 20_000
_NEW = (
    FieldValue(name="Build of the shop", value="4712", type=FieldType.TEXT, placed=True),
    FieldValue(
        name="What the tester saw", value="<p>Nothing</p>", type=FieldType.RICH_TEXT, placed=True
    ),
)

CHANGES: Mapping[Kind, Mapping[str, Any]] = {
    Kind.FOLDER: {"name": "Another folder", "description": "<p>Other words</p>"},
    Kind.TEST_CASE: {
        "name": "Another case",
        "description": "<p>Other words</p>",
        "precondition": "<p>Another shop</p>",
        "fields": _NEW,
        "labels": ("slow",),
        "priority": "Low",
        "component": "Till",
        "status": "Draft",
        "owner": "bob",
        "estimated": 120.0,
    },
    Kind.TEST_PLAN: {
        "name": "Another plan",
        "description": "<p>Other words</p>",
        "note": "<p>Another note</p>",
        "fields": _NEW,
        "labels": ("autumn",),
    },
    Kind.TEST_CYCLE: {
        "name": "Another night",
        "description": "<p>Other words</p>",
        "fields": _NEW,
        "status": "Open",
    },
    Kind.TEST_LOG: {"note": "<p>Another note</p>", "executed_by": "bob"},
}
"""What updates change, property by property."""

_EMPTY: Mapping[str, Any] = {
    "description": "",
    "precondition": "",
    "fields": (),
    "labels": (),
    "links": (),
}


def changes(record: Record) -> Iterator[tuple[str, Record]]:
    """Yield the record with one property after the other changed, and which."""
    for name, value in CHANGES.get(record.kind, {}).items():
        record = changed(record, **{name: value})
        yield name, record
    if isinstance(record, TestCase) and record.steps:
        first, *others = record.steps
        first = attrs.evolve(first, expected="<p>It does not open</p>")
        record = attrs.evolve(record, steps=(first, *others))
        yield "steps", record
        record = attrs.evolve(record, steps=(first, *others[:-1]))
        yield "steps", record
    if isinstance(record, TestPlan) and record.start and record.end:
        yield "start", attrs.evolve(record, start=record.start + LATER, end=record.end + LATER)
    if isinstance(record, TestCycle) and record.planned_start and record.planned_end:
        start, end = record.planned_start + LATER, record.planned_end + LATER
        yield "planned start", attrs.evolve(record, planned_start=start, planned_end=end)
    if isinstance(record, TestLog):
        results = tuple(attrs.evolve(each, actual="<p>It hung</p>") for each in record.results)
        yield "results", attrs.evolve(record, results=results)


class ContentsContract:
    """Tests that what is written can be read back, property by property and byte by byte."""

    lost: Collection[str] = ()
    """Properties that the target has no place for: ``test_case.labels``, ``test_log.defect``."""

    async def _arrived(self, sink: Sink) -> tuple[Target, tuple[Record, ...]]:
        raise NotImplementedError

    async def test_every_property_that_is_written_can_be_read(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in records:
            found = await target.differences(record)
            assert not found, (
                f"read({record.ref}) gives back something else than was written: "
                f"{'; '.join(found)}. Write it and read it back; {_HOW}"
            )

    async def test_what_is_named_as_lost_is_a_property_and_is_lost(self, sink: Sink) -> None:
        """A misspelt name would cover nothing, and one too many would hide a later fault."""
        target, records = await self._arrived(sink)
        known: set[str] = set()
        held: set[str] = set()
        different: set[str] = set()
        for record in records:
            others = (*attribute_names(record), *CHANGES.get(record.kind, ()), "steps", "results")
            known |= {full_name(record.kind, each) for each in others}
            for each in await target.properties(record):
                name = full_name(record.kind, each.name)
                known.add(name)
                (different if each.problem else held if each.sent else set()).add(name)
        for lost in self.lost:
            assert any(each.startswith(lost) for each in known), (
                f"`lost` names {lost!r}, and no record that is written has such a property"
                f"{nearest(lost, known)}: use the names that the failures have, KIND.PROPERTY"
            )
            kept = [each for each in held if each.startswith(lost)]
            assert not kept or any(each.startswith(lost) for each in different), (
                f"`lost` names {lost!r}, but the target gives back {', '.join(sorted(kept))} as it "
                "was written: leave it out of `lost`, or a later fault would be hidden"
            )

    async def test_files_are_held_byte_by_byte(self, sink: Sink) -> None:
        """Whole, and their digest is one of the bytes that are held, not of what was promised."""
        target, records = await self._arrived(sink)
        files = [each for each in records if isinstance(each, Attachment)]
        for file in files[:1]:
            large = attrs.evolve(file, key=f"{file.key}0", name="large.bin", size=0, sha256="")
            written = await sink.write(large, None, target.links, content_with(large, _BYTES))
            target.links[large.ref] = written
            held = await target.read(large)
            digest = sha256(_BYTES).hexdigest()
            assert isinstance(held, Attachment)
            assert held.sha256 == digest, (
                f"read({large.ref}) gives the digest {held.sha256!r}, {digest!r} is that of the "
                "bytes which write() was given: send content.open() to its end, and let read() "
                "compute the digest from what the target holds"
            )

    async def test_an_update_changes_each_property(self, sink: Sink) -> None:
        """And the stamp with it, by which ztoq sees what others change."""
        target, records = await self._arrived(sink)
        for kind in (each for each in CHANGES if each in target.schema.kinds):
            record = next(each for each in records if each.kind is kind and _is_full(each))
            for name, new in changes(record):
                if target.is_lost(record.kind, name):
                    continue
                was, before = await target.read(record), target.at(record).stamp
                after = await target.update(new)
                found = await target.differences(new)
                assert not found, (
                    f"after an update of {name} of {record.ref}, read() gives: {'; '.join(found)}. "
                    f"An update replaces all of the object; {_HOW}"
                )
                if isinstance(sink, ChangeDetection) and was != await target.read(new):
                    assert after.stamp != before, (
                        f"the stamp of {record.ref} is the same after {name} changed, so what "
                        "others change there would be overwritten: compute it from all of the "
                        "target's answer"
                    )

    async def test_an_update_removes_what_the_record_lost(self, sink: Sink) -> None:
        target, records = await self._arrived(sink)
        for record in (each for each in records if isinstance(each, TestCase) and each.fields):
            bare = changed(record, **_EMPTY)
            await target.update(bare)
            held = await target.read(bare)
            names = {each.name for each in record.fields} & {
                each.name for each in held.fields if each.value not in (None, "", ())
            }
            left = [*(await target.differences(bare)), *sorted(names)]
            assert not left, (
                f"after an update without them, {record.ref} still has {left}: an update replaces "
                "all of the object, so send empty values too"
            )

    async def test_writes_side_by_side_do_not_mix(self, sink: Sink) -> None:
        """The engine writes many records at once, files while they are read."""
        target, records = await self._arrived(sink)
        model = next(each for each in records if isinstance(each, TestCase) and each.folder)
        cases = [
            attrs.evolve(model, key=f"ACME-T{n}", description=f"<p>{n}</p>", requirements=())
            for n in range(100, 120)
        ]
        files = [
            Attachment(key=f"{model.key}#{n}", name=f"{n}.txt", owner=model.ref)
            for n in range(200, 206)
            if model.kind in target.schema.attachable
        ]
        contents = {each.key: each.name.encode() * 5000 for each in files}
        links = dict(target.links)
        answers = await asyncio.gather(
            *(sink.write(each, None, links, None) for each in cases),
            *(sink.write(f, None, links, content_with(f, contents[f.key])) for f in files),
        )
        mixed = [*cases, *files]
        target.links.update(zip((each.ref for each in mixed), answers, strict=True))
        ids = [(each.kind, target.at(each).target_id) for each in mixed]
        twice = sorted({str(each) for each in ids if ids.count(each) > 1})
        assert not twice, (
            f"write() for several records at once gave one id to two of them: {twice}. Take the id "
            "and use it without an await between, or hold a lock"
        )
        for each in mixed:
            held = await target.read(each)
            if isinstance(held, Attachment):
                text = held.sha256
            else:
                text = str(getattr(held, "description", ""))
            due = sha256(contents[each.key]).hexdigest() if each in files else each.key[6:]
            assert due in text, (
                f"{each.ref} holds what belongs to another record, since they were written at "
                f"once: {text!r}. Keep nothing on self between two awaits of a call"
            )


def _is_full(record: Record) -> bool:
    """Whether a record has what others of its kind may lack."""
    return isinstance(record, Folder | TestLog) or bool(record.fields)
