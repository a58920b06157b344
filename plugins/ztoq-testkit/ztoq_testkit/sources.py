r"""What every source is held to.

A plugin's first tests are free::

    class TestCsv(SourceContract):
        @pytest.fixture
        async def source(self, tmp_path: Path) -> AsyncIterator[Source]:
            (tmp_path / "cases.csv").write_text("key,name\nACME-T1,Log in\n")
            async with open_csv(CsvConfig(path=str(tmp_path)), lent()) as source:
                yield source

The project behind it should have more records of a kind than fit on one page, texts with ``&``,
``<`` and several lines, and files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256

import attrs
import pytest

from ztoq_core.contracts import (
    ChangedSince,
    Directory,
    Page,
    Pictures,
    Reject,
    Schema,
    Source,
    Streams,
)
from ztoq_core.convert import dumps, loads, read_json, write_json
from ztoq_core.errors import RejectedError
from ztoq_core.records import Attachment, IdKind, Kind, Record, Ref, TestCase, TestLog, TestRun
from ztoq_testkit.reading import (
    can_be_resolved,
    content_of,
    everything,
    files_of,
    html_of,
    ids_of,
    listed,
    pages,
    path_by_folders,
    plain_text,
)

LEVELS = ("error", "warning", "info")
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
MOST_AT_ONCE = 32
ELSEWHERE = "https://pictures.elsewhere.example/a.png"

Remove = Callable[[Record], Awaitable[None]]


@pytest.mark.asyncio
class SourceContract:
    """Subclass it, name the subclass ``Test…``, and give it a fixture ``source``."""

    @pytest.fixture
    def contents(self) -> Mapping[str, bytes]:
        """The bytes of files by the attachment's key, where the test knows them."""
        return {}

    @pytest.fixture
    def remove(self) -> Remove | None:
        """Return what removes a record from the product, as somebody may while it is read."""
        return None

    # ------------------------------------------------------------------------------------ itself

    async def test_a_good_connection_passes_the_check(self, source: Source) -> None:
        found = await source.check()
        errors = [each.text for each in found if each.level == "error"]
        assert not errors, (
            f"check() of a source that should work finds {errors}: give the level 'error' only to "
            "what stops a migration"
        )
        levels = sorted({each.level for each in found} - set(LEVELS))
        assert not levels, f"check() gives findings of the levels {levels}: use {', '.join(LEVELS)}"

    async def test_the_identity_stays(self, source: Source) -> None:
        before = source.identity
        assert before.strip(), "identity is empty: name the source's host and project"
        await source.describe()
        assert source.identity == before, (
            f"identity was {before!r} and is {source.identity!r}: it must not change, since the "
            "store refuses another source"
        )

    async def test_the_schema_speaks_of_kinds_that_there_are(self, source: Source) -> None:
        schema = await source.describe()
        assert isinstance(schema, Schema), f"describe() gives {schema!r}: give a Schema"
        for name, fields in (("fields", schema.fields), ("step_fields", schema.step_fields)):
            names = [(each.kind.value, each.name) for each in fields]
            twice = sorted({each for each in names if names.count(each) > 1})
            assert not twice, f"describe() names {twice} twice in {name}: merge them"

    async def test_kinds_come_after_those_that_they_belong_to(self, source: Source) -> None:
        kinds = list(source.kinds)
        assert kinds, "kinds is empty, so nothing would be fetched: name what fetch() lists"
        assert len(kinds) == len(set(kinds)), f"kinds is {kinds}: name each kind once"
        unlisted = sorted(set(source.completes) - set(kinds))
        assert not unlisted, f"completes names {unlisted}, which are not in kinds: list them"
        for record in (await listed(source)).values():
            for parent in record.parents():
                late = {parent.kind, record.kind} <= set(kinds) and (
                    kinds.index(parent.kind) > kinds.index(record.kind)
                )
                assert not late, (
                    f"kinds has {record.kind} before {parent.kind}, to which it belongs: turn them "
                    "round"
                )

    # ------------------------------------------------------------------------------------- lists

    async def test_something_is_listed(self, source: Source) -> None:
        found = await listed(source)
        assert found, "no page carries a record: give the test's project some"

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
                assert (again.records, again.cursor) == (page.records, page.cursor), (
                    f"fetch({kind}, {cursor!r}) gives another page when it is asked again: all its "
                    "state must be the cursor, since another process may go on from there"
                )

    async def test_lists_reach_their_total(self, source: Source) -> None:
        for kind in source.kinds:
            seen = await pages(source, kind)
            keys = {each.key for page in seen for each in page.records if each.kind is kind}
            number = len(keys) + sum(len(page.rejects) for page in seen)
            total = max((page.total or 0 for page in seen), default=0)
            assert number >= total, (
                f"fetch({kind}) ends after {number} of {total} (Page.total): give a cursor until "
                "all "
                "have come, or leave total out if it counts something else"
            )

    async def test_what_is_called_stable_misses_nothing_when_it_shifts(
        self, source: Source, remove: Remove | None
    ) -> None:
        """An offset list shifts when a record before the offset is deleted; the next is missed."""
        if remove is None:
            pytest.skip("the fixture `remove` does not say how to remove a record from the product")
        for kind in source.kinds:
            whole = await pages(source, kind)
            if len(whole) == 1 or not all(page.stable for page in whole) or not whole[0].records:
                continue
            due = {each.ref for page in whole for each in page.records}
            first = await source.fetch(kind, None)
            await remove(first.records[0])
            rest = await pages(source, kind, first.cursor)
            missed = due - {each.ref for page in (first, *rest) for each in page.records}
            assert not missed, (
                f"fetch({kind}) missed {', '.join(map(str, missed))} when {first.records[0].ref} "
                "was "
                "removed meanwhile: say stable=False, so that ztoq lists again, or continue "
                "after a "
                "key instead of at an offset"
            )

    async def test_changes_since_long_ago_are_everything(self, source: Source) -> None:
        if not isinstance(source, ChangedSince):
            pytest.skip("this source cannot list what changed")
        for kind in source.kinds:
            due = {each.ref for page in await pages(source, kind) for each in page.records}
            found: set[Ref] = set()
            cursor: str | None = None
            for _ in range(len(due) + 2):
                page = await source.changed_since(kind, LONG_AGO, cursor)
                found |= {each.ref for each in page.records}
                cursor = page.cursor
                if cursor is None:
                    break
            missed = sorted(map(str, due - found))
            assert not missed, (
                f"changed_since({kind}) of all times misses {missed}: list what changed at or "
                "after "
                "the moment, and a kind whose changes cannot be listed in full"
            )

    async def test_keys_are_unique(self, source: Source) -> None:
        for kind in source.kinds:
            seen: dict[str, Record] = {}
            for page in await pages(source, kind):
                for record in (each for each in page.records if each.kind is kind):
                    assert record.key.strip(), (
                        f"a {kind} has no key ({record}): use the product's own, or make one that "
                        "stays the same"
                    )
                    other = seen.setdefault(record.key, record)
                    assert other == record, (
                        f"two objects share the key {record.ref}: the second would replace the "
                        "first; "
                        "add to the key what tells them apart"
                    )

    async def test_a_kind_that_the_source_lacks_is_an_empty_page(self, source: Source) -> None:
        for kind in set(Kind) - set(source.kinds):
            page = await source.fetch(kind, None)
            assert page == Page(records=(), cursor=None), (
                f"fetch({kind}) gives {page}, and {kind} is not in kinds: name it there, or give "
                "an "
                "empty page"
            )

    async def test_rejects_give_their_reason(self, source: Source) -> None:
        for kind in source.kinds:
            for page in await pages(source, kind):
                for reject in page.rejects:
                    assert reject.reason.strip(), (
                        f"{reject} has no reason: say for the report what was wrong with it"
                    )
                    assert read_json(write_json(reject.raw)) == reject.raw, (
                        f"the payload of {reject} is not plain JSON: give raw as it was received"
                    )

    # ----------------------------------------------------------------------------------- records

    async def test_records_can_be_stored(self, source: Source) -> None:
        for ref, record in (await everything(source)).items():
            again = loads(ref.kind, dumps(record))
            assert again == attrs.evolve(record, raw=None, companions=()), (
                f"{ref} comes back from the store as {again}: a property has another type than its "
                "attribute (lists are tuples)"
            )
            assert read_json(write_json(record.raw)) == record.raw, (
                f"raw of {ref} is not plain JSON: give the payload as it was received"
            )

    async def test_listed_records_keep_their_payload(self, source: Source) -> None:
        for ref, record in (await listed(source)).items():
            assert record.raw or isinstance(record, TestRun), (
                f"{ref} has no raw: keep the payload that it was made of, by which people see "
                "later "
                "what the product said"
            )

    async def test_names_are_not_blank(self, source: Source) -> None:
        for ref, record in (await everything(source)).items():
            name = getattr(record, "name", "-") if not isinstance(record, TestRun) else "-"
            assert name.strip(), f"{ref} has a blank name, which targets refuse: use its key"

    async def test_texts_are_html(self, source: Source) -> None:
        for ref, record in (await everything(source)).items():
            for name, text in html_of(record):
                wrong = plain_text(text)
                assert not wrong, (
                    f"{name} of {ref} is plain text where HTML is due, it {wrong}: make it HTML "
                    "with "
                    f"html.escape() and <br> for each line ({text[:80]!r})"
                )

    async def test_steps_have_keys_by_their_place(self, source: Source) -> None:
        for ref, record in (await everything(source)).items():
            if isinstance(record, TestCase | TestLog):
                parts = record.steps if isinstance(record, TestCase) else record.results
                keys = [each.key for each in parts]
                due = [str(number) for number, _ in enumerate(keys, 1)]
                assert keys == due, (
                    f"the steps of {ref} have the keys {keys}: use {due}, each once, since files "
                    "and "
                    "results find their step by its key"
                )

    async def test_keys_have_the_form_that_others_rely_on(self, source: Source) -> None:
        for ref, record in (await everything(source)).items():
            if isinstance(record, TestRun):
                # outside of any cycle, the product says what stands in its place
                cycle = record.cycle.key if record.cycle else ref.key.partition("/")[0]
                due = f"{cycle}/{record.case.key}/{record.environment}"
                assert ref.key == due, (
                    f"the key of {ref} is not CYCLE/CASE/ENVIRONMENT: use {due!r}, by which logs "
                    "find "
                    "their run"
                )
            if isinstance(record, Attachment):
                owner, mark, _ = ref.key.partition("#")
                assert (mark, owner[: len(record.owner.key)]) == ("#", record.owner.key), (
                    f"the key of {ref} is not OWNER#ATTACHMENT: begin it with '{record.owner.key}#'"
                )

    async def test_times_know_their_zone(self, source: Source) -> None:
        for ref, record in (await everything(source)).items():
            for name, value in attrs.asdict(record, recurse=False).items():
                assert not isinstance(value, datetime) or value.tzinfo is not None, (
                    f"{name} of {ref} has no time zone: give an aware datetime, best in UTC"
                )

    async def test_folders_are_named_by_reference(self, source: Source) -> None:
        """``path`` is the engine's, which fills it from the folders: another one would be lost."""
        found = await everything(source)
        for ref, record in found.items():
            way = path_by_folders(record, found)
            assert record.path in ((), way), (
                f"path of {ref} is {record.path}, and its folders are {way}: leave path out, set "
                "folder (of a folder: parent), and list the folders; ztoq fills path from them"
            )

    # -------------------------------------------------------------------------------- completing

    async def test_completing_keeps_kind_and_key(self, source: Source) -> None:
        for record in (await listed(source)).values():
            if record.kind in source.completes:
                completed, *revealed = await source.complete(record)
                assert completed.ref == record.ref, (
                    f"complete({record.ref}) gives {completed.ref} first: give the record itself, "
                    "then what it reveals"
                )
                refs = [each.ref for each in revealed]
                assert record.ref not in refs, (
                    f"complete({record.ref}) reveals it again: give it once, first"
                )
                twice = sorted({str(each) for each in refs if refs.count(each) > 1})
                assert not twice, f"complete({record.ref}) reveals {twice} twice: give each once"

    async def test_completing_may_be_repeated(self, source: Source) -> None:
        for record in (await listed(source)).values():
            if record.kind in source.completes:
                once, again = await source.complete(record), await source.complete(record)
                assert once == again, (
                    f"complete({record.ref}) gives something else the second time: keep nothing "
                    "between calls, or every run would take the record for changed"
                )

    async def test_completing_side_by_side_gives_the_same(self, source: Source) -> None:
        """The engine completes many records at once."""
        records = [r for r in (await listed(source)).values() if r.kind in source.completes]
        one_by_one = [await source.complete(each) for each in records]
        for start in range(0, len(records), MOST_AT_ONCE):
            some = records[start : start + MOST_AT_ONCE]
            found = await asyncio.gather(*map(source.complete, some))
            for record, once, at_once in zip(some, one_by_one[start:], found, strict=False):
                assert at_once == once, (
                    f"complete({record.ref}) gives something else while others are completed: keep "
                    "nothing on self between two awaits of a call"
                )

    async def test_parents_are_there(self, source: Source) -> None:
        """What a record belongs to is listed, revealed, or answered for by ``resolve``."""
        records = await everything(source)
        missing = {ref for each in records.values() for ref in each.parents()} - set(records)
        for ref in missing:
            await can_be_resolved(source, ref)

    async def test_what_never_was_is_a_reject(self, source: Source) -> None:
        ref = Ref(Kind.TEST_CASE, "NOSUCH-T999999999")
        found = await source.resolve(ref)
        assert isinstance(found, Reject), (
            f"resolve({ref}) gives {found} for what never was: give a Reject, so that a stub takes "
            "its place"
        )
        assert (found.kind, found.key) == (ref.kind, ref.key), (
            f"resolve({ref}) rejects {found.kind} {found.key}: name what was asked for"
        )
        assert found.reason.strip(), f"resolve({ref}) gives no reason: say one for the report"

    # ------------------------------------------------------------------------------------- files

    async def test_files_are_what_was_promised(
        self, source: Source, contents: Mapping[str, bytes]
    ) -> None:
        """A download may be repeated and gives the bytes that size, digest and test know."""
        files = await files_of(source)
        unknown = sorted(set(contents) - {file.key for file in files})
        assert not unknown, (
            f"the source does not reveal the files {unknown}: give them with their owner in "
            "complete(), and name its kind in completes"
        )
        for file in files:
            content = await content_of(source, file)
            assert content == await content_of(source, file), (
                f"{file.ref} changed between two downloads: give the same bytes each time"
            )
            assert content == contents.get(file.key, content), (
                f"{file.ref} has other bytes than it should: download the file that locator names"
            )
            assert file.size in (0, len(content)), (
                f"{file.ref} has {len(content)} bytes, and size says {file.size}: leave size at "
                "0 if "
                "the product does not give it in bytes"
            )
            digest = sha256(content).hexdigest()
            assert file.sha256 in ("", digest), (
                f"{file.ref} has the SHA-256 {digest}, and sha256 says {file.sha256}: leave it "
                "empty"
            )

    async def test_files_side_by_side_do_not_mix(self, source: Source) -> None:
        files = (await files_of(source))[:MOST_AT_ONCE]
        one_by_one = [await content_of(source, each) for each in files]
        at_once = await asyncio.gather(*(content_of(source, each) for each in files))
        mixed = [f.key for f, a, b in zip(files, one_by_one, at_once, strict=True) if a != b]
        assert not mixed, (
            f"the files {mixed} hold other bytes when several are downloaded at once: keep nothing "
            "on self between two awaits of a call"
        )

    async def test_an_opened_file_is_the_downloaded_one(self, source: Source) -> None:
        if not isinstance(source, Streams):
            pytest.skip("this source passes no files on")
        for file in await files_of(source):
            async with source.open_file(file) as opened:
                content = b"".join([chunk async for chunk in opened.chunks()])
                assert opened.size in (None, len(content)), (
                    f"{file.ref} has {len(content)} bytes, and its opened file promises "
                    f"{opened.size}: "
                    "give None if the header does not say"
                )
            assert content == await content_of(source, file), (
                f"{file.ref} has other bytes when opened than when downloaded: open the same file"
            )

    async def test_a_file_that_is_not_there_is_refused(self, source: Source) -> None:
        for file in (await files_of(source))[:1]:
            gone = attrs.evolve(file, locator=f"{file.locator}0000000")
            try:
                content = await content_of(source, gone)
            except RejectedError:
                continue
            pytest.fail(
                f"download() of a file that does not exist gives {content[:40]!r}: raise "
                "RejectedError, also for an HTML page in place of the file"
            )

    async def test_pictures_of_others_are_left_alone(self, source: Source) -> None:
        if not isinstance(source, Pictures):
            pytest.skip("this source opens no pictures")
        file = Attachment(
            key="ACME-T1#1", name="a.png", owner=Ref(Kind.TEST_CASE, "ACME-T1"), locator=ELSEWHERE
        )
        assert source.picture(file) is None, (
            f"picture() would open {ELSEWHERE}: give None for addresses of other hosts, so that no "
            "credential leaves its own"
        )

    async def test_a_directory_answers_what_it_was_asked(self, source: Source) -> None:
        """Of a source that knows names: each id at most once, no other, none where unknown."""
        if not isinstance(source, Directory):
            return
        assert source.advice.strip(), "advice is empty: say what to do about ids that stay unknown"
        ids = ids_of((await everything(source)).values())
        for topic in IdKind:
            nobody = "nobody knows this"
            for wanted in ([*ids[topic], nobody], [nobody], []):
                found = (*source.at_hand(topic, wanted), *await source.look_up(topic, wanted))
                names = [(each.topic, each.id) for each in found]
                others = sorted({each.id for each in found} - (set(wanted) - {nobody}))
                assert not others, (
                    f"{topic}: {others} is an answer that nobody asked for: answer for the ids "
                    "given, "
                    "and leave unknown ones out"
                )
                assert len(names) == len(set(names)), (
                    f"{topic}: two answers for one id in {names}: give each once"
                )
                assert all(each.name or each.key for each in found), (
                    f"{topic}: an answer without name and key in {found}: leave it out"
                )
