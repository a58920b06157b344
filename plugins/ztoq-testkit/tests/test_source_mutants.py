"""Each way to write a source wrongly is caught by a test of the suite, with what to do about it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any

import attrs
import pytest
from ztoq_testkit import CONTENTS, PROJECT, MemoryDirectory, MemorySource, SourceContract

from ztoq_core.contracts import FieldSpec, Finding, Page, Reject, Schema
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
    TestRun,
)

Method = Callable[..., Any]
FIELD = FieldSpec(kind=Kind.TEST_CASE, name="Twice", type=FieldType.TEXT)
QUINN = ResolvedName(topic=IdKind.PERSON, id="quinn", name="Quinn")
WHOLE = [attrs.evolve(each, raw={"key": each.key}) for each in PROJECT]
FILES = {"ACME-T1#1": CONTENTS["basket"], "ACME-E2#2": CONTENTS["log"]}


class Able(MemoryDirectory):
    """A source with every capability."""

    def __init__(self, records: Iterable[Record] = WHOLE) -> None:
        """Serve the project, two records at a time."""
        owned = [
            attrs.evolve(each, owner="quinn") if isinstance(each, TestCase) else each
            for each in records
        ]
        super().__init__(owned, CONTENTS, names=[QUINN], page_size=2)

    async def changed_since(self, kind: Kind, _since: datetime, cursor: str | None) -> Page:
        """List all."""
        return await self.fetch(kind, cursor)

    @asynccontextmanager
    async def open_file(self, attachment: Attachment) -> AsyncIterator[Any]:
        """Open a file."""
        content = self.contents[attachment.locator]

        async def chunks() -> AsyncIterator[bytes]:
            yield content

        class Opened:
            size = len(content)
            media_type = ""

        opened: Any = Opened()
        opened.chunks = chunks
        yield opened

    def picture(self, file: Attachment) -> AsyncIterator[bytes] | None:
        """Open its own pictures."""
        return self.download(file) if file.locator in self.contents else None


def source(**methods: Method) -> Callable[[], MemorySource]:
    """Return what makes a source some of whose methods are replaced; they get it and theirs."""

    def make() -> MemorySource:
        made = Able()
        for name, method in methods.items():
            setattr(made, name, partial(method, made, getattr(made, name)))
        return made

    return make


def having(change: Callable[[Any], Record], *kinds: type[Record]) -> Callable[[], MemorySource]:
    """Return what makes a source with changed records of some kinds."""
    return lambda: Able([change(each) if isinstance(each, kinds) else each for each in WHOLE])


def with_(*kinds: type[Record], **values: Any) -> Callable[[], MemorySource]:
    """Return what makes a source whose records of some kinds have other values."""
    return having(lambda record: attrs.evolve(record, **values), *kinds)


def paging(change: Callable[[Able, Page], Page]) -> Callable[[], MemorySource]:
    """Return what makes a source whose pages are changed."""

    async def fetch(made: Able, own: Method, kind: Kind, cursor: str | None) -> Page:
        return change(made, await own(kind, cursor))

    return source(fetch=fetch)


def two_steps_with_one_key(case: TestCase) -> TestCase:
    return attrs.evolve(case, steps=tuple(attrs.evolve(each, key="1") for each in case.steps * 2))


def steps_with_other_keys(case: TestCase) -> TestCase:
    return attrs.evolve(case, steps=tuple(attrs.evolve(s, key=f"s{s.key}") for s in case.steps))


def lines_in_steps(case: TestCase) -> TestCase:
    return attrs.evolve(case, steps=tuple(attrs.evolve(s, expected="a\nb") for s in case.steps))


def naive(log: TestLog) -> TestLog:
    return attrs.evolve(log, ended=datetime.fromisoformat("2025-03-01"))


async def failing_check(*_: Any) -> tuple[Finding, ...]:
    return (Finding(level="error", text="no"),)


async def loud_check(*_: Any) -> tuple[Finding, ...]:
    return (Finding(level="fatal", text="no"),)


async def describe_twice(*_: Any) -> Schema:
    return Schema(fields=(FIELD, FIELD))


async def describe_nothing(*_: Any) -> None: ...


async def describe_as_another(made: Able, own: Method) -> Any:
    made.identity = "another project"
    return await own()


async def fetch_at_offset(made: Able, _: Method, kind: Kind, cursor: str | None) -> Page:
    these = [each for each in made.records.values() if each.kind is kind and kind in made.kinds]
    start = int(cursor or 0)
    end = start + made.page_size
    return Page(records=tuple(these[start:end]), cursor=str(end) if end < len(these) else None)


async def fetch_unasked(made: Able, own: Method, kind: Kind, cursor: str | None) -> Any:
    return await own(kind if kind in made.kinds else Kind.FOLDER, cursor)


async def fetch_first_page(_: Able, own: Method, kind: Kind, cursor: str | None) -> Page:
    page: Page = await own(kind, cursor)
    total = len(page.records) + (2 if page.cursor else 0)
    return attrs.evolve(page, cursor=None, total=total)


def twice(_: Able, page: Page) -> Page:
    others = (attrs.evolve(each, path=("other",)) for each in page.records)
    return attrs.evolve(page, records=(*page.records, *others))


def elsewhere(record: Record) -> Record:
    return attrs.evolve(record, path=("Web", "Shop"))


def half(made: Able, page: Page) -> Page:
    return attrs.evolve(page, records=page.records[: len(made.calls) % 2])


def rejecting(reason: str, raw: Any) -> Callable[[Able, Page], Page]:
    reject = Reject(kind=Kind.TEST_CASE, key="", reason=reason, raw=raw)
    return lambda _, page: attrs.evolve(page, rejects=(reject,))


async def changed_never(*_: Any) -> Page:
    return Page(records=(), cursor=None)


async def complete_another(_: Able, own: Method, record: Record) -> tuple[Record, ...]:
    _first, *others = await own(record)
    return (attrs.evolve(record, key=f"{record.key}0"), *others)


async def complete_twice(_: Able, own: Method, record: Record) -> tuple[Record, ...]:
    first, *others = await own(record)
    return (first, first, *others)


async def reveal_twice(_: Able, own: Method, record: Record) -> tuple[Record, ...]:
    first, *others = await own(record)
    return (first, *others, *others)


async def complete_differently(made: Able, own: Method, record: Record) -> tuple[Record, ...]:
    first, *others = await own(record)
    return (attrs.evolve(first, path=(str(len(made.calls)),)), *others)


async def complete_by_way_of_self(made: Any, own: Method, record: Record) -> Any:
    made.present = record
    await asyncio.sleep(0)
    return await own(made.present)


async def complete_without_files(_: Able, own: Method, record: Record) -> Any:
    return (await own(record))[:1]


async def resolve_anything(_: Able, _own: Method, ref: Ref) -> tuple[Record, ...]:
    return (TestCase(key=ref.key, name="made up"),)


async def resolve_another(_: Able, _own: Method, ref: Ref) -> Reject:
    return Reject(kind=ref.kind, key="", reason="not here")


async def resolve_silently(_: Able, _own: Method, ref: Ref) -> Reject:
    return Reject(kind=ref.kind, key=ref.key, reason="")


async def download_other_bytes(made: Able, _: Method, file: Attachment) -> AsyncIterator[bytes]:
    yield f"{file.key} {len(made.calls)}".encode()
    made.calls.append("")


async def download_another(made: Able, own: Method, _: Attachment) -> AsyncIterator[bytes]:
    file = next(each for each in made.records.values() if isinstance(each, Attachment))
    async for chunk in own(file):
        yield chunk


async def download_by_way_of_self(made: Any, own: Method, file: Attachment) -> AsyncIterator[bytes]:
    made.present = file
    await asyncio.sleep(0)
    async for chunk in own(made.present):
        yield chunk


async def download_a_page(made: Able, own: Method, file: Attachment) -> AsyncIterator[bytes]:
    if file.locator not in made.contents:
        yield b"<html>Not found</html>"
        return
    async for chunk in own(file):
        yield chunk


def open_another(made: Able, own: Method, _: Attachment) -> Any:
    file = next(each for each in made.records.values() if isinstance(each, Attachment))
    return own(file)


def open_any_picture(_: Able, own: Method, file: Attachment) -> Any:
    return own(file) or iter(())


async def look_up_more(_: Able, own: Method, topic: IdKind, ids: Sequence[str]) -> Any:
    return (*await own(topic, ids), ResolvedName(topic=topic, id="7", name="Seven"))


async def look_up_twice(_: Able, own: Method, topic: IdKind, ids: Sequence[str]) -> Any:
    return (await own(topic, ids)) * 2


async def look_up_nameless(_: Able, own: Method, topic: IdKind, ids: Sequence[str]) -> Any:
    return tuple(attrs.evolve(each, name="") for each in await own(topic, ids))


def completing_nothing() -> MemorySource:
    made = Able()
    made.completes = frozenset()
    return made


def completing_more() -> MemorySource:
    made = Able()
    made.completes = frozenset({Kind.ATTACHMENT})
    return made


class Backwards(Able):
    @property
    def kinds(self) -> tuple[Kind, ...]:
        return super().kinds[::-1]


class WithoutKinds(Able):
    @property
    def kinds(self) -> tuple[Kind, ...]:
        return ()


KINDS = "kinds_come_after_those_that_they_belong_to"
DIRECTORY = "a_directory_answers_what_it_was_asked"
FILES_TEST = "files_are_what_was_promised"

MUTANTS: Mapping[str, tuple[Callable[[], MemorySource], str, str]] = {
    "fails its check": (
        source(check=failing_check),
        "a_good_connection_passes_the_check",
        "only to what stops a migration",
    ),
    "finds something fatal": (
        source(check=loud_check),
        "a_good_connection_passes_the_check",
        "use error, warning, info",
    ),
    "changes its identity": (
        source(describe=describe_as_another),
        "the_identity_stays",
        "must not",
    ),
    "names a field twice": (
        source(describe=describe_twice),
        "the_schema_speaks_of_kinds_that_there_are",
        "twice in fields: merge them",
    ),
    "describes nothing": (
        source(describe=describe_nothing),
        "the_schema_speaks_of_kinds_that_there_are",
        "give a Schema",
    ),
    "fills in paths of its own": (
        paging(lambda _, page: attrs.evolve(page, records=tuple(map(elsewhere, page.records)))),
        "folders_are_named_by_reference",
        "leave path out, set folder",
    ),
    "lists logs before cases": (Backwards, KINDS, "to which it belongs: turn them round"),
    "lists no kinds": (WithoutKinds, KINDS, "kinds is empty"),
    "completes what it does not list": (completing_more, KINDS, "which are not in kinds"),
    "lists nothing": (lambda: Able([]), "something_is_listed", "give the test's project some"),
    "goes round in a circle": (
        paging(lambda _, page: attrs.evolve(page, cursor="1")),
        "cursors_advance_to_an_end",
        "None after the last one",
    ),
    "pages by chance": (paging(half), "pages_are_repeatable", "all its state must be the cursor"),
    "ends before its total": (
        source(fetch=fetch_first_page),
        "lists_reach_their_total",
        "give a cursor until all have come",
    ),
    "calls an offset list stable": (
        source(fetch=fetch_at_offset),
        "what_is_called_stable_misses_nothing_when_it_shifts",
        "say stable=False",
    ),
    "lists no changes": (
        source(changed_since=changed_never),
        "changes_since_long_ago_are_everything",
        "list what changed at or after the moment",
    ),
    "gives two objects one key": (paging(twice), "keys_are_unique", "add to the key"),
    "gives no key": (with_(TestCase, key=" "), "keys_are_unique", "use the product's own"),
    "lists what it does not have": (
        source(fetch=fetch_unasked),
        "a_kind_that_the_source_lacks_is_an_empty_page",
        "name it there, or give an empty page",
    ),
    "rejects without a reason": (
        paging(rejecting(" ", {})),
        "rejects_give_their_reason",
        "say for the report what was wrong",
    ),
    "rejects tuples": (
        paging(rejecting("odd", {"a": (1,)})),
        "rejects_give_their_reason",
        "give raw as it was received",
    ),
    "gives labels as a list": (
        with_(TestCase, labels=["smoke"]),
        "records_can_be_stored",
        "lists are tuples",
    ),
    "gives a number as a name": (with_(Folder, name=3), "records_can_be_stored", "another type"),
    "gives a payload with a tuple": (
        with_(TestCase, raw={"a": (1, 2)}),
        "records_can_be_stored",
        "is not plain JSON",
    ),
    "leaves raw out": (
        with_(TestCase, raw=None),
        "listed_records_keep_their_payload",
        "has no raw",
    ),
    "gives blank names": (with_(TestCase, name=" "), "names_are_not_blank", "use its key"),
    "gives lines without tags": (
        with_(TestCase, description="one\ntwo"),
        "texts_are_html",
        "description.*plain text where HTML is due",
    ),
    "gives a bare ampersand": (
        with_(TestCase, precondition="Fish & chips"),
        "texts_are_html",
        r"bare '&': make it HTML with html.escape\(\)",
    ),
    "gives a bare less-than": (with_(TestLog, comment="a < b"), "texts_are_html", "bare '<'"),
    "gives plain steps": (having(lines_in_steps, TestCase), "texts_are_html", "step 1: expected"),
    "gives two steps one key": (
        having(two_steps_with_one_key, TestCase),
        "steps_have_keys_by_their_place",
        "find their step by its key",
    ),
    "numbers steps with a letter": (
        having(steps_with_other_keys, TestCase),
        "steps_have_keys_by_their_place",
        r"\['s1', 's2'\]: use \['1', '2'\]",
    ),
    "gives runs another key": (
        with_(TestRun, key="RUN-1"),
        "keys_have_the_form_that_others_rely_on",
        "by which logs find their run",
    ),
    "gives files another key": (
        with_(Attachment, key="40777"),
        "keys_have_the_form_that_others_rely_on",
        "is not OWNER#ATTACHMENT",
    ),
    "gives naive times": (having(naive, TestLog), "times_know_their_zone", "aware datetime"),
    "completes another record": (
        source(complete=complete_another),
        "completing_keeps_kind_and_key",
        "give the record itself",
    ),
    "reveals the record": (
        source(complete=complete_twice),
        "completing_keeps_kind_and_key",
        "give it once, first",
    ),
    "reveals files twice": (
        source(complete=reveal_twice),
        "completing_keeps_kind_and_key",
        "twice: give each once",
    ),
    "completes differently each time": (
        source(complete=complete_differently),
        "completing_may_be_repeated",
        "keep nothing between calls",
    ),
    "keeps a record on self over an await": (
        source(complete=complete_by_way_of_self),
        "completing_side_by_side_gives_the_same",
        "keep nothing on self",
    ),
    "lists no folders": (
        lambda: Able([each for each in WHOLE if not isinstance(each, Folder)]),
        "parents_are_there",
        "List it, or leave the reference out",
    ),
    "makes up what never was": (
        source(resolve=resolve_anything),
        "what_never_was_is_a_reject",
        "so that a stub takes its place",
    ),
    "rejects another": (
        source(resolve=resolve_another),
        "what_never_was_is_a_reject",
        "name what was asked for",
    ),
    "rejects silently": (
        source(resolve=resolve_silently),
        "what_never_was_is_a_reject",
        "say one for the report",
    ),
    "reveals no files": (
        source(complete=complete_without_files),
        FILES_TEST,
        r"give them with their owner in complete\(\)",
    ),
    "forgets completes": (completing_nothing, FILES_TEST, "name its kind in completes"),
    "gives other bytes each time": (
        source(download=download_other_bytes),
        FILES_TEST,
        "give the same bytes each time",
    ),
    "gives another file": (
        source(download=download_another),
        FILES_TEST,
        "download the file that locator names",
    ),
    "promises a wrong size": (with_(Attachment, size=7), FILES_TEST, "leave size at 0"),
    "promises a wrong digest": (with_(Attachment, sha256="0" * 64), FILES_TEST, "leave it empty"),
    "mixes files": (
        source(download=download_by_way_of_self),
        "files_side_by_side_do_not_mix",
        "keep nothing on self",
    ),
    "gives an error page as a file": (
        source(download=download_a_page),
        "a_file_that_is_not_there_is_refused",
        "raise RejectedError, also for an HTML page",
    ),
    "opens another file": (
        source(open_file=open_another),
        "an_opened_file_is_the_downloaded_one",
        "open the same file",
    ),
    "opens pictures of others": (
        source(picture=open_any_picture),
        "pictures_of_others_are_left_alone",
        "no credential leaves its own",
    ),
    "answers more than was asked": (
        source(look_up=look_up_more),
        DIRECTORY,
        "leave unknown ones out",
    ),
    "answers twice": (source(look_up=look_up_twice), DIRECTORY, "give each once"),
    "answers without a name": (source(look_up=look_up_nameless), DIRECTORY, "leave it out"),
}


async def run(name: str, made: MemorySource) -> None:
    """Run a test of the suite on a source."""

    async def remove(record: Record) -> None:
        made.records.pop(record.ref)

    test: Callable[..., Awaitable[None]] = getattr(SourceContract(), f"test_{name}")
    given = {"source": made, "contents": FILES, "remove": remove}
    await test(**{each: given[each] for each in inspect.signature(test).parameters})


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_source_that_breaks_the_contract_is_told_what_to_do(mutant: str) -> None:
    make, test, message = MUTANTS[mutant]
    await run(test, Able())

    with pytest.raises((AssertionError, pytest.fail.Exception), match=f"(?s){message}"):
        await run(test, make())


async def test_a_case_that_is_gone_may_be_missing() -> None:
    called = [each for each in WHOLE if each.kind is not Kind.TEST_CASE]
    await run("parents_are_there", MemorySource(called))
