r"""What every source is held to.

A plugin's first tests are free::

    class TestCsv(SourceContract):
        @pytest.fixture
        async def source(self, tmp_path: Path) -> AsyncIterator[Source]:
            (tmp_path / "cases.csv").write_text("key,name\nACME-T1,Log in\n")
            async with open_csv(CsvConfig(path=str(tmp_path)), lent()) as source:
                yield source

The project behind it should have more records of a kind than fit on one page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256

import attrs
import pytest

from ztoq_core.contracts import Directory, Page, Reject, Schema, Source, Streams
from ztoq_core.convert import dumps, loads, read_json, write_json
from ztoq_core.errors import RejectedError
from ztoq_core.records import Attachment, IdKind, Kind, Record, Ref

__all__ = ["SourceContract"]

MOST_PAGES = 10_000
IDS = {
    IdKind.PERSON: ("owner", "executed_by", "assigned_to"),
    IdKind.COMPONENT: ("component",),
    IdKind.VERSION: ("version",),
}


@pytest.mark.asyncio
class SourceContract:
    """Subclass it, name the subclass ``Test…``, and give it a fixture ``source``."""

    @pytest.fixture
    def contents(self) -> Mapping[str, bytes]:
        """The bytes of files by the attachment's key, where the test knows them."""
        return {}

    async def test_a_good_connection_passes_the_check(self, source: Source) -> None:
        errors = [each.text for each in await source.check() if each.level == "error"]
        assert not errors, f"check() of a source that should work finds: {errors}"

    async def test_the_identity_stays(self, source: Source) -> None:
        assert source.identity.strip(), "identity is what the store knows the source by"
        before = source.identity
        await source.describe()
        assert source.identity == before, "identity must not change"

    async def test_the_schema_speaks_of_kinds_that_there_are(self, source: Source) -> None:
        schema = await source.describe()
        assert isinstance(schema, Schema)
        names = [(each.kind, each.name) for each in schema.fields]
        assert len(names) == len(set(names)), f"describe() names a field twice: {sorted(names)}"

    async def test_something_is_listed(self, source: Source) -> None:
        assert source.kinds, "kinds is empty, so nothing would be fetched"
        listed = [page.records for kind in source.kinds for page in await pages(source, kind)]
        assert any(listed), "no page carries a record; give the test's project some"

    async def test_cursors_advance_to_an_end(self, source: Source) -> None:
        for kind in source.kinds:
            await pages(source, kind)

    async def test_pages_are_repeatable(self, source: Source) -> None:
        """A page that is asked for again is the same, in any order of asking."""
        for kind in source.kinds:
            seen = await pages(source, kind)
            cursors = [None, *(page.cursor for page in seen[:-1])]
            for cursor, page in reversed(list(zip(cursors, seen, strict=True))):
                again = await source.fetch(kind, cursor)
                assert again.records == page.records, f"fetch({kind}, {cursor!r}) changed its mind"
                assert again.cursor == page.cursor, f"fetch({kind}, {cursor!r}) goes on elsewhere"

    async def test_keys_are_unique(self, source: Source) -> None:
        for kind in source.kinds:
            seen: dict[str, Record] = {}
            for page in await pages(source, kind):
                for record in (each for each in page.records if each.kind is kind):
                    assert record.key.strip(), f"a {kind} has no key: {record}"
                    other = seen.setdefault(record.key, record)
                    assert other == record, f"two objects share the key {record.ref}"

    async def test_a_kind_that_the_source_lacks_is_an_empty_page(self, source: Source) -> None:
        for kind in set(Kind) - set(source.kinds):
            page = await source.fetch(kind, None)
            assert not page.records, f"{kind} is listed, but not among the kinds"
            assert page.cursor is None, f"{kind} has a cursor, but is not among the kinds"

    async def test_rejects_give_their_reason(self, source: Source) -> None:
        for kind in source.kinds:
            for page in await pages(source, kind):
                for reject in page.rejects:
                    assert reject.reason.strip(), f"{reject} has no reason for the report"
                    assert read_json(write_json(reject.raw)) == reject.raw, f"{reject}"

    async def test_completing_keeps_kind_and_key(self, source: Source) -> None:
        for record in (await listed(source)).values():
            if record.kind in source.completes:
                completed, *revealed = await source.complete(record)
                assert completed.ref == record.ref, f"complete({record.ref}) gave {completed.ref}"
                refs = [each.ref for each in revealed]
                assert record.ref not in refs, f"complete({record.ref}) reveals it again"
                assert len(refs) == len(set(refs)), f"complete({record.ref}) reveals twice: {refs}"

    async def test_completing_may_be_repeated(self, source: Source) -> None:
        for record in (await listed(source)).values():
            if record.kind in source.completes:
                once, again = await source.complete(record), await source.complete(record)
                assert once == again, f"complete({record.ref}) changed its mind"

    async def test_parents_are_there(self, source: Source) -> None:
        """What a record belongs to is listed, revealed, or answered for by ``resolve``."""
        records = await everything(source)
        missing = {ref for each in records.values() for ref in each.parents()} - set(records)
        for ref in missing:
            await _can_be_resolved(source, ref)

    async def test_what_never_was_is_a_reject(self, source: Source) -> None:
        ref = Ref(Kind.TEST_CASE, "NOSUCH-T999999999")
        found = await source.resolve(ref)
        assert isinstance(found, Reject), f"resolve({ref}) found {found}"
        assert (found.kind, found.key) == (ref.kind, ref.key)
        assert found.reason.strip(), f"resolve({ref}) gives no reason for the report"

    async def test_records_can_be_stored(self, source: Source) -> None:
        for ref, record in (await everything(source)).items():
            assert loads(ref.kind, dumps(record)) == attrs.evolve(record, raw=None, companions=())
            assert read_json(write_json(record.raw)) == record.raw, f"raw of {ref} is no JSON"

    async def test_times_know_their_zone(self, source: Source) -> None:
        for ref, record in (await everything(source)).items():
            for name, value in attrs.asdict(record, recurse=False).items():
                if isinstance(value, datetime):
                    assert value.tzinfo is not None, f"{name} of {ref} has no time zone"

    async def test_files_are_what_was_promised(
        self, source: Source, contents: Mapping[str, bytes]
    ) -> None:
        """A download may be repeated and gives the bytes that size, digest and test know."""
        files = await _files(source)
        unknown = set(contents) - {file.key for file in files}
        assert not unknown, f"the source does not reveal these files: {sorted(unknown)}"
        for file in files:
            content = await _bytes(source, file)
            assert content == await _bytes(source, file), f"{file.key} changed between downloads"
            assert content == contents.get(file.key, content), f"{file.key} has other bytes"
            assert file.size in (0, len(content)), f"{file.key} has {len(content)} bytes"
            digest = sha256(content).hexdigest()
            assert file.sha256 in ("", digest), f"{file.key} has the digest {digest}"

    async def test_an_opened_file_is_the_downloaded_one(self, source: Source) -> None:
        if not isinstance(source, Streams):
            pytest.skip("this source passes no files on")
        for file in await _files(source):
            async with source.open_file(file) as opened:
                content = b"".join([chunk async for chunk in opened.chunks()])
                assert opened.size in (None, len(content)), f"{file.key} promises another size"
            assert content == await _bytes(source, file), f"{file.key} is another file when opened"

    async def test_a_directory_answers_what_it_was_asked(self, source: Source) -> None:
        """Of a source that knows names: each id at most once, no other, none where unknown."""
        if not isinstance(source, Directory):
            return
        assert source.advice.strip(), "advice says nothing to do about unknown ids"
        ids = _ids((await everything(source)).values())
        for topic in IdKind:
            nobody = "nobody knows this"
            for wanted in ([*ids[topic], nobody], [nobody], []):
                found = (*source.at_hand(topic, wanted), *await source.look_up(topic, wanted))
                names = [(each.topic, each.id) for each in found]
                allowed = {(topic, id_) for id_ in wanted if id_ != nobody}
                assert set(names) <= allowed, f"{topic}: an answer that nobody asked for: {names}"
                assert len(names) == len(set(names)), f"{topic}: two answers for an id: {names}"
                assert all(each.name or each.key for each in found), f"a name is empty: {found}"

    async def test_a_file_that_is_not_there_is_refused(self, source: Source) -> None:
        for file in (await _files(source))[:1]:
            with pytest.raises(RejectedError):
                await _bytes(source, attrs.evolve(file, locator=f"{file.locator}0000000"))


async def pages(source: Source, kind: Kind) -> list[Page]:
    """Return all pages of a kind, of which there must be an end."""
    found: list[Page] = []
    cursors: set[str] = set()
    cursor: str | None = None
    while True:
        page = await source.fetch(kind, cursor)
        found.append(page)
        if page.cursor is None:
            return found
        assert page.cursor not in cursors, f"fetch({kind}) returns to the cursor {page.cursor!r}"
        assert len(found) < MOST_PAGES, f"fetch({kind}) has not ended after {MOST_PAGES} pages"
        cursor = page.cursor
        cursors.add(cursor)


async def listed(source: Source) -> dict[Ref, Record]:
    """Return what the pages of all kinds carry; of equal keys the last."""
    return {
        record.ref: record
        for kind in source.kinds
        for page in await pages(source, kind)
        for record in page.records
    }


async def everything(source: Source) -> dict[Ref, Record]:
    """Return all records, completed, and what they reveal."""
    records = await listed(source)
    for record in list(records.values()):
        if record.kind in source.completes:
            records.update((each.ref, each) for each in await source.complete(record))
    return records


async def _can_be_resolved(source: Source, ref: Ref) -> None:
    found = await source.resolve(ref)
    if isinstance(found, Reject):
        # a case that is gone gets a stub; nothing stands in for anything else
        assert ref.kind is Kind.TEST_CASE, f"{ref} is a parent, but: {found.reason}"
        return
    assert found[0].ref == ref, f"resolve({ref}) gave {found[0].ref}"


def _ids(records: Iterable[Record]) -> Mapping[IdKind, list[str]]:
    """Return the ids that a directory may know, each once."""
    found: dict[IdKind, dict[str, None]] = {topic: {} for topic in IdKind}
    for record in records:
        for topic, names in IDS.items():
            values = (getattr(record, name, "") for name in names)
            found[topic].update(dict.fromkeys(v for v in values if v and isinstance(v, str)))
        issues = (link.issue_id for link in record.links if link.issue_id)
        found[IdKind.ISSUE].update(dict.fromkeys(issues))
    return {topic: list(ids) for topic, ids in found.items()}


async def _files(source: Source) -> list[Attachment]:
    records = (await everything(source)).values()
    return [each for each in records if isinstance(each, Attachment)]


async def _bytes(source: Source, file: Attachment) -> bytes:
    return b"".join([chunk async for chunk in source.download(file)])
