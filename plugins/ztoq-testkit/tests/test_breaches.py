"""Who breaks a contract is told so: each suite fails for a source or sink that does it wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

import attrs
import pytest
from ztoq_testkit import (
    CONTENTS,
    PROJECT,
    MemoryDirectory,
    MemorySink,
    MemorySource,
    SinkContract,
    SourceContract,
)

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
from ztoq_core.errors import RejectedError
from ztoq_core.records import (
    Attachment,
    FieldType,
    Folder,
    IdKind,
    Kind,
    Record,
    Ref,
    ResolvedName,
    TestCase,
    TestLog,
    Tree,
)

FAULT = Finding(level="error", text="no")
FIELD = FieldSpec(kind=Kind.TEST_CASE, name="Twice", type=FieldType.TEXT)


class Unwell(MemorySource):
    async def check(self) -> tuple[Finding, ...]:
        return (FAULT,)

    async def describe(self) -> Schema:
        self.identity = "somebody else"
        return Schema(fields=(FIELD, FIELD))


class Circling(MemorySource):
    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        return attrs.evolve(await super().fetch(kind, cursor), cursor="1")


class Forgetful(MemorySource):
    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        page = await super().fetch(kind, cursor)
        return attrs.evolve(page, records=page.records[: len(self.calls) % 2])


class Doubling(MemorySource):
    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        page = await super().fetch(kind, cursor)
        others = [attrs.evolve(each, notes=(), path=("other",)) for each in page.records]
        reject = Reject(kind=kind, key="", reason=" ")
        return attrs.evolve(page, records=(*page.records, *others), rejects=(reject,))


class Unasked(MemorySource):
    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        own = kind if kind in self.kinds else Kind.FOLDER
        return await super().fetch(own, cursor)


class Renaming(MemorySource):
    async def complete(self, record: Record) -> tuple[Record, ...]:
        return (attrs.evolve(record, key=f"{record.key}{len(self.calls)}"),)

    async def resolve(self, ref: Ref) -> tuple[Record, ...]:
        return (TestCase(key=ref.key, name="made up"),)


class Growing(MemorySource):
    async def complete(self, record: Record) -> tuple[Record, ...]:
        self.calls.append("")
        return (attrs.evolve(record, path=("",) * len(self.calls)),)


class Empty(MemorySource):
    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        self.calls.append(attachment.key)
        yield b"." * len(self.calls)


class Chatty(MemoryDirectory):
    async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        return (*await super().look_up(topic, ids), ResolvedName(topic=topic, id="7", name="Seven"))


class Stuttering(MemoryDirectory):
    async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
        return (await super().look_up(topic, ids)) * 2


NO_FOLDERS = [each for each in PROJECT if not isinstance(each, Folder)]
NAIVE = [
    attrs.evolve(each, ended=datetime(2025, 3, 1))  # noqa: DTZ001 - that is the breach
    for each in PROJECT
    if isinstance(each, TestLog)
]
QUINN = ResolvedName(topic=IdKind.PERSON, id="quinn", name="Quinn")
OWNED = [TestCase(key="ACME-T1", name="Log in", owner="quinn")]
STRANGE = [attrs.evolve(each, raw={"a": {1, 2}}) for each in PROJECT]


@pytest.mark.parametrize(
    ("test", "source"),
    [
        ("a_good_connection_passes_the_check", Unwell(PROJECT)),
        ("the_identity_stays", Unwell(PROJECT)),
        ("the_schema_speaks_of_kinds_that_there_are", Unwell(PROJECT)),
        ("something_is_listed", MemorySource([])),
        ("cursors_advance_to_an_end", Circling(PROJECT)),
        ("pages_are_repeatable", Forgetful(PROJECT)),
        ("keys_are_unique", Doubling(PROJECT)),
        ("rejects_give_their_reason", Doubling(PROJECT)),
        ("a_kind_that_the_source_lacks_is_an_empty_page", Unasked(PROJECT)),
        ("completing_keeps_kind_and_key", Renaming(PROJECT)),
        ("completing_may_be_repeated", Growing(PROJECT)),
        ("parents_are_there", MemorySource(NO_FOLDERS)),
        ("parents_are_there", Renaming(NO_FOLDERS)),
        ("what_never_was_is_a_reject", Renaming(PROJECT)),
        ("records_can_be_stored", MemorySource(STRANGE)),
        ("times_know_their_zone", MemorySource(NAIVE)),
        ("a_directory_answers_what_it_was_asked", Chatty(PROJECT)),
        ("a_directory_answers_what_it_was_asked", Stuttering(OWNED, names=[QUINN])),
    ],
)
async def test_a_source_that_breaks_the_contract_is_found_out(
    test: str, source: MemorySource
) -> None:
    with pytest.raises((AssertionError, TypeError)):
        await getattr(SourceContract(), f"test_{test}")(source)


@pytest.mark.parametrize(
    ("source", "contents"),
    [
        (Empty(PROJECT), {}),
        (MemorySource(PROJECT, CONTENTS), {"ACME-T1#1": b"other bytes"}),
        (MemorySource(PROJECT, CONTENTS), {"ACME-T1#9": b"never revealed"}),
    ],
)
async def test_a_source_with_other_files_is_found_out(
    source: MemorySource, contents: Mapping[str, bytes]
) -> None:
    with pytest.raises(AssertionError):
        await SourceContract().test_files_are_what_was_promised(source, contents)


async def test_a_source_that_makes_files_up_is_found_out() -> None:
    with pytest.raises(pytest.fail.Exception):
        await SourceContract().test_a_file_that_is_not_there_is_refused(Empty(PROJECT))


async def test_a_case_that_is_gone_may_be_missing() -> None:
    called = [each for each in PROJECT if each.kind is not Kind.TEST_CASE]
    await SourceContract().test_parents_are_there(MemorySource(called))


# ----------------------------------------------------------------------------------------- sinks


class Ill(MemorySink):
    async def check(self) -> tuple[Finding, ...]:
        return (FAULT,)

    async def describe(self) -> Schema:
        self.identity = "somebody else"
        return Schema(fields=(FIELD, FIELD))


class Shouting(MemorySink):
    async def read(self, kind: Kind, target_id: str) -> Record:
        record = await super().read(kind, target_id)
        return attrs.evolve(record, name="LOUD") if isinstance(record, Folder) else record


class Same(MemorySink):
    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        await super().write(record, target_id, links, content)
        return Written(target_id="1", stamp="same")


class Duplicating(MemorySink):
    async def write(
        self,
        record: Record,
        target_id: str | None,  # noqa: ARG002 - that is the breach
        links: Links,
        content: Content | None,
    ) -> Written:
        return await super().write(record, None, links, content)


class Loose(MemorySink):
    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        self.calls.append(f"{record.ref} {len(links)}")
        return tuple(
            Found(written=each.written)
            for each in self.objects.values()
            if each.record.kind is record.kind
        )


class Blind(MemorySink):
    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        await super().find(record, links)
        return ()

    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        await super().marks(kind, owners, cursor)
        return MarkPage(marks=())

    async def children(
        self, kind: Kind, target_ids: Sequence[str]
    ) -> Mapping[str, tuple[Mark, ...]]:
        await super().children(kind, target_ids)
        return dict.fromkeys(target_ids, ())


class Endless(MemorySink):
    async def marks(self, kind: Kind, owners: Sequence[Owner], cursor: str | None) -> MarkPage:
        return attrs.evolve(await super().marks(kind, owners, cursor), cursor="1")


class Restamping(MemorySink):
    async def finish(self, record: Record, written: Written, links: Links) -> Written:
        await super().finish(record, written, links)
        return attrs.evolve(written, stamp=f"{written.stamp}.")


class Unresolving(MemorySink):
    async def finish(self, record: Record, written: Written, links: Links) -> Written:  # noqa: ARG002
        return written


class Careless(MemorySink):
    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        present = {**links, **dict.fromkeys(record.parents(), Written(target_id="0"))}
        return await super().write(record, target_id, present, content)


class Cascading(MemorySink):
    async def delete(self, kind: Kind, target_id: str) -> None:
        self.calls.append(f"delete {kind} {target_id}")
        self.objects.clear()


class Keeping(MemorySink):
    async def delete(self, kind: Kind, target_id: str) -> None:
        raise RejectedError(f"{kind} {target_id} stays", status=400)


@pytest.mark.parametrize(
    ("test", "sink"),
    [
        ("a_good_connection_passes_the_check", Ill()),
        ("the_identity_stays", Ill()),
        ("the_schema_names_each_field_once", Ill()),
        ("what_is_written_can_be_read", Shouting()),
        ("each_object_has_an_id_of_its_own", Same()),
        ("steps_get_ids_for_their_files", Same()),
        ("an_update_changes_the_stamp", Same()),
        ("nothing_is_found_before_it_is_written", Loose()),
        ("find_finds_what_was_written_and_nothing_else", Loose()),
        ("find_finds_what_was_written_and_nothing_else", Blind()),
        ("writing_twice_by_way_of_find_makes_one_object", Duplicating()),
        ("an_update_keeps_the_id", Duplicating()),
        ("a_field_can_be_made", Duplicating()),
        ("marks_list_what_was_written", Blind()),
        ("marks_list_what_was_written", Endless()),
        ("finishing_may_be_repeated", Restamping()),
        ("finishing_resolves_what_texts_refer_to", Unresolving()),
        ("what_is_refused_is_rejected_and_leaves_nothing", MemorySink()),
        ("nothing_is_written_without_its_parents", Careless()),
        ("looking_gives_the_stamp_of_the_last_writing", Same()),
        ("looking_gives_the_stamp_of_the_last_writing", Keeping()),
        ("contents_tell_what_would_go_along", Blind()),
        ("deleting_removes_that_object_alone", Cascading()),
        ("deleting_does_not_cascade", Cascading()),
        ("all_that_was_written_can_be_removed", Keeping()),
    ],
)
async def test_a_sink_that_breaks_the_contract_is_found_out(test: str, sink: MemorySink) -> None:
    with pytest.raises((AssertionError, RejectedError, pytest.fail.Exception)):
        await getattr(SinkContract(), f"test_{test}")(sink)


async def test_a_project_that_is_not_empty_is_found_out() -> None:
    sink = MemorySink()
    await sink.write(Folder(key="ACME-F1", name="Shop", tree=Tree.CASES), None, {}, None)

    with pytest.raises(AssertionError, match="before anything was written"):
        await SinkContract().test_checking_and_describing_write_nothing(sink)


async def test_a_sink_without_fields_of_its_own_skips_making_them() -> None:
    with pytest.raises(pytest.skip.Exception):
        await SinkContract().test_a_field_can_be_made(MemorySink(can_create_fields=False))
