"""Listing the source again: what is not in the store, and whether it is still needed."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from ztoq_testkit.memory import MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.errors import RejectedError
from ztoq_core.plugin import Page
from ztoq_core.records import Kind, Record, Ref, TestCase
from ztoq_core.store import SourceCheck, Store

RECORDS: tuple[Record, ...] = tuple(
    attrs.evolve(record, raw={"name": record.key, "order": 1}) for record in PROJECT
)


async def extracted(
    store: Store, records: Sequence[Record] = RECORDS, *, stream: bool = False
) -> None:
    with store.run("extract") as run:
        await engine.extract(
            engine.Run(store, run.id), MemorySource(records, CONTENTS), stream=stream
        )


async def checked(store: Store, source: MemorySource) -> SourceCheck:
    with store.run("validate") as run:
        found = await engine.check_source(engine.Run(store, run.id), source)
    assert found is not None
    assert store.facts.source_check == found
    return found


def keys(found: SourceCheck) -> dict[str, list[str]]:
    return {
        what: [key for row in found.rows for key in getattr(row, f"{what}_keys")]
        for what in ("missing", "changed", "gone")
    }


NOTHING: dict[str, list[str]] = {"missing": [], "changed": [], "gone": []}


async def test_a_source_that_stood_still_is_not_needed_any_more(store: Store) -> None:
    await extracted(store)
    before = store.reporting.counts(), store.journal.last()

    found = await checked(store, MemorySource(RECORDS, CONTENTS))

    assert (keys(found), found.reasons) == (NOTHING, ())
    listed = sum(each.kind is not Kind.ATTACHMENT for each in RECORDS)
    assert str(found) == (
        f"Safe to end the licence of the source: all {listed} listed records are in the store, "
        "unchanged"
    )
    assert (store.reporting.counts(), store.journal.last()) == before


async def test_what_is_new_changed_or_gone_is_named(store: Store) -> None:
    await extracted(store)
    now: list[Record] = [each for each in RECORDS if each.kind is not Kind.TEST_LOG]
    place = next(n for n, each in enumerate(now) if isinstance(each, TestCase))
    changed = now[place] = attrs.evolve(now[place], raw={"name": "another", "order": 1})
    now.append(TestCase(key="ACME-T99", name="New", raw={"name": "New"}))

    found = await checked(store, MemorySource(now, CONTENTS))

    logs = [each.key for each in RECORDS if each.kind is Kind.TEST_LOG]
    assert keys(found) == {"missing": ["ACME-T99"], "changed": [changed.key], "gone": logs}
    assert found.reasons == ("1 record is not in the store", "1 record has changed since")
    assert str(found).startswith("The source is still needed: 1 record is not in the store; ")


async def test_what_is_only_gone_does_not_need_the_source(store: Store) -> None:
    await extracted(store)
    left = [each for each in RECORDS if each.kind is not Kind.TEST_LOG]
    found = await checked(store, MemorySource(left, CONTENTS))
    assert (keys(found)["gone"], found.reasons) != ([], ())
    assert found.reasons == ()


async def test_files_that_are_not_in_the_store_need_the_source(store: Store) -> None:
    await extracted(store, stream=True)
    found = await checked(store, MemorySource(RECORDS, CONTENTS))
    assert found.reasons == ('files were left at the source (attachments_mode = "stream")',)


async def test_a_content_that_was_deleted_from_the_disk_is_noticed(store: Store) -> None:
    await extracted(store)
    for path in store.files.folder.rglob("*"):
        if path.is_file():
            path.unlink()
    (reason,) = (await checked(store, MemorySource(RECORDS, CONTENTS))).reasons
    assert "no longer on the disk" in reason


class Refusing(MemorySource):
    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        if kind is Kind.TEST_CYCLE:
            raise RejectedError("403: not today")
        return await super().fetch(kind, cursor)


async def test_a_list_that_cannot_be_read_proves_nothing(store: Store) -> None:
    await extracted(store)
    found = await checked(store, Refusing(RECORDS, CONTENTS))
    assert found.reasons == (
        "the list of test cycles could not be read to its end: 403: not today",
    )


class Drifting(MemorySource):
    """Shows one test case more in each pass over its list."""

    shown = 0

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        if kind is not Kind.TEST_CASE:
            return await super().fetch(kind, cursor)
        self.shown += 1
        cases = [each for each in self.records.values() if each.kind is kind]
        return Page(records=tuple(cases[: self.shown]), cursor=None, stable=False)


async def test_a_list_that_keeps_changing_proves_nothing(store: Store) -> None:
    more = tuple(TestCase(key=f"ACME-T{n}", name="Pay", raw={"name": "Pay"}) for n in range(50, 80))
    await extracted(store, (*RECORDS, *more))
    found = await checked(store, Drifting((*RECORDS, *more), CONTENTS))
    (reason,) = found.reasons
    assert reason.startswith(
        "the list of test cases could not be read to its end: it kept changing during 20 passes"
    )


async def test_without_a_complete_extraction_the_source_is_needed(store: Store) -> None:
    store.bind(source=MemorySource(RECORDS, CONTENTS).identity)
    found = await checked(store, MemorySource(RECORDS, CONTENTS))
    assert found.reasons[0] == "the extraction is incomplete"


async def test_another_extraction_outdates_the_check(store: Store) -> None:
    await extracted(store)
    await checked(store, MemorySource(RECORDS, CONTENTS))
    await extracted(store)
    assert store.facts.source_check is None


async def test_a_record_that_was_looked_up_by_name_is_not_gone(store: Store) -> None:
    hidden = Ref(Kind.TEST_CASE, "ACME-T1")

    class Archived(MemorySource):
        async def fetch(self, kind: Kind, cursor: str | None) -> Page:
            page = await super().fetch(kind, cursor)
            kept = tuple(each for each in page.records if each.ref != hidden)
            return attrs.evolve(page, records=kept)

    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), Archived(RECORDS, CONTENTS))
    found = await checked(store, Archived(RECORDS, CONTENTS))
    assert (keys(found), found.reasons) == (NOTHING, ())


async def test_a_stop_keeps_no_result(store: Store) -> None:
    await extracted(store)
    waits = engine.Waits()
    waits.stop()
    with store.run("validate") as run:
        source = MemorySource(RECORDS, CONTENTS)
        assert await engine.check_source(engine.Run(store, run.id, waits=waits), source) is None
    assert store.facts.source_check is None
