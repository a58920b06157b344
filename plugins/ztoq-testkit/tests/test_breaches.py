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
    MemorySource,
    SourceContract,
)

from ztoq_core.contracts import (
    FieldSpec,
    Finding,
    Page,
    Reject,
    Schema,
)
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
