"""Ids get names: asked for once, kept, put into records, counted where nobody knows them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_testkit import CONTENTS, PROJECT, MemoryDirectory, MemorySink, MemorySource, PowerCut

from tests.unit.engine.rules import RULES
from tests.unit.store.older import make_older
from ztoq_core import engine
from ztoq_core.contracts import Page, Schema, User
from ztoq_core.engine import Event
from ztoq_core.engine.history import explain
from ztoq_core.records import (
    FieldType,
    FieldValue,
    IdKind,
    Kind,
    Link,
    LinkType,
    Record,
    Ref,
    ResolvedName,
    TestCase,
    TestCycle,
    TestLog,
    TestPlan,
    TestRun,
    TestStep,
)
from ztoq_core.report.data import Report
from ztoq_core.report.write import ReportWriter
from ztoq_core.store import Extracted, State, Store
from ztoq_core.store.migrations import SCHEMA_VERSION

ANNA, BEN = "person-2", "person-1"
SITE = "https://acme.example.com"
API = f"{SITE}/api"
NAMES = (
    ResolvedName(
        topic=IdKind.ISSUE, id="10010", key="ACME-1", name="Baskets", url=f"{SITE}/browse/ACME-1"
    ),
    ResolvedName(topic=IdKind.ISSUE, id="10011", key="ACME-2", name="It crashes"),
    ResolvedName(topic=IdKind.ISSUE, id="10012", key="ACME-3", name="It blinks"),
    ResolvedName(topic=IdKind.PERSON, id=ANNA, name="Anna", email="anna@example.com"),
    ResolvedName(topic=IdKind.PERSON, id=BEN, name="Ben", active=False),
    ResolvedName(topic=IdKind.COMPONENT, id="77", name="Shop"),
    ResolvedName(topic=IdKind.VERSION, id="88", name="1.4", end=datetime(2025, 3, 1, tzinfo=UTC)),
    ResolvedName(topic=IdKind.VERSION, id="89", name="1.5"),
)


def issue(id_: str, url: str = "", text: str = "") -> Link:
    return Link(type=LinkType.COVERAGE, issue_id=id_, url=url, text=text)


def with_ids(record: Record) -> Record:
    """Return a record of the project with ids of all topics."""
    if isinstance(record, TestCase) and record.key == "ACME-T1":
        links = (issue("10010", f"{API}/10010"), issue("10011", f"{API}/10011", "Crash"))
        reviewer = FieldValue(name="Reviewer", value=BEN)
        return attrs.evolve(
            record, links=links, component="77", owner=ANNA, fields=(*record.fields, reviewer)
        )
    if isinstance(record, TestCycle):
        return attrs.evolve(record, version="88", owner=ANNA)
    if isinstance(record, TestRun):
        return attrs.evolve(record, assigned_to=BEN)
    if isinstance(record, TestLog) and record.key == "ACME-E1":
        first, second = record.results
        results = (first, attrs.evolve(second, links=(issue("10012"), issue("10011"))))
        return attrs.evolve(
            record, version="89", executed_by=ANNA, results=results, links=(issue("10010"),)
        )
    return record


WITH_IDS = tuple(map(with_ids, PROJECT))
ASKED = sorted((each.topic, each.id) for each in NAMES)


def quiet(_: Event) -> None:
    """Tell nobody."""


def without(*ids: str) -> tuple[ResolvedName, ...]:
    return tuple(each for each in NAMES if each.id not in ids)


def knowing(*names: ResolvedName, records: Sequence[Record] = WITH_IDS) -> MemoryDirectory:
    return MemoryDirectory(records, CONTENTS, names=names)


async def extract(
    store: Store, source: MemorySource, tell: Any = quiet, since: datetime | None = None
) -> None:
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id, tell, rules=RULES), source, since=since)


async def transformed(store: Store) -> dict[Ref, Record]:
    """Return the records as the transformers see them, after a transform stage."""
    seen: dict[Ref, Record] = {}

    def see(record: Record) -> Record:
        seen[record.ref] = record
        return record

    await engine.transform(engine.Run(store, rules=RULES), lambda _: [see])
    return seen


async def load(store: Store, sink: MemorySink, tell: Any = quiet) -> None:
    with store.run("load") as run:
        await engine.load(
            engine.Run(store, run.id, tell, request_timeout=0.01), sink, accept_missing_fields=True
        )


def one(records: dict[Ref, Record], kind: type[Record], key: str) -> Any:
    return records[Ref(kind.kind, key)]


# ------------------------------------------------------------------------------- what is told


async def test_records_reach_the_mapping_with_names(store: Store) -> None:
    await extract(store, knowing(*NAMES))

    records = await transformed(store)

    case = one(records, TestCase, "ACME-T1")
    assert case.component == "Shop"
    assert case.links == (
        attrs.evolve(
            issue("10010", f"{SITE}/browse/ACME-1", "Baskets"),
            issue_key="ACME-1",
        ),
        # a title of the link's own stays; the address is made of the link's own site
        attrs.evolve(issue("10011", f"{SITE}/browse/ACME-2", "Crash"), issue_key="ACME-2"),
    )
    assert one(records, TestCycle, "ACME-R1").version == "1.4"
    log = one(records, TestLog, "ACME-E1")
    assert log.version == "1.5"
    assert [link.issue_key for link in log.links] == ["ACME-1"]
    assert [link.issue_key for link in log.results[1].links] == ["ACME-3", "ACME-2"]
    # people stay the ids that they are
    assert (case.owner, log.executed_by) == (ANNA, ANNA)


async def test_people_are_in_the_schema_of_the_source(store: Store) -> None:
    await extract(store, knowing(*NAMES))
    schemas: list[Schema] = []

    def build(schema: Schema) -> list[Any]:
        schemas.append(schema)
        return []

    await engine.transform(engine.Run(store), build)

    assert schemas[0].users == (
        User(id=BEN, name="Ben", active=False),
        User(id=ANNA, name="Anna", email="anna@example.com"),
    )


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        ("", ""),
        (f"{API}/10011", f"{SITE}/browse/ACME-2"),
        (f"{SITE}/projects/ACME", f"{SITE}/projects/ACME"),
        ("not an address", "not an address"),
    ],
)
async def test_only_an_address_for_programs_is_replaced(
    store: Store, url: str, becomes: str
) -> None:
    case = TestCase(key="ACME-T1", name="Log in", links=(issue("10011", url),))
    await extract(store, knowing(*NAMES, records=[case]))

    records = await transformed(store)

    assert [each.url for each in one(records, TestCase, "ACME-T1").links] == [becomes]


async def test_what_a_link_says_itself_holds(store: Store) -> None:
    link = attrs.evolve(issue("10010", "https://elsewhere.example.com/x", "Mine"), issue_key="X-1")
    source = knowing(*NAMES, records=[TestCase(key="ACME-T1", name="Log in", links=(link,))])
    await extract(store, source)

    records = await transformed(store)

    assert one(records, TestCase, "ACME-T1").links == (link,)
    assert source.asked == []


async def test_the_life_of_a_record_shows_who_gave_the_names(store: Store) -> None:
    await extract(store, knowing(*NAMES))
    await transformed(store)
    for kind, key, paths in (
        (Kind.TEST_CASE, "ACME-T1", {"component", "links[0].issue_key"}),
        (Kind.TEST_LOG, "ACME-E1", {"version", "results[1].links[0].issue_key"}),
    ):
        ((number, _),) = store.history.find.now(key, kind)
        told = (await explain(engine.Run(store, rules=RULES), number, lambda _: [], None)).enriched
        assert paths <= {each.path for each in told}


# -------------------------------------------------------------------------------- how it is asked


async def test_each_id_is_asked_for_once(store: Store) -> None:
    source = knowing(*NAMES)

    await extract(store, source)

    assert sorted(source.asked) == ASKED


async def test_a_new_extraction_asks_for_what_nobody_knew(store: Store) -> None:
    await extract(store, knowing(*without("10011", BEN)))
    source = knowing(*NAMES)

    await extract(store, source)

    assert sorted(source.asked) == sorted([(IdKind.ISSUE, "10011"), (IdKind.PERSON, BEN)])
    assert not engine.unresolved_ids(store)


async def test_what_is_at_hand_wins_and_is_looked_at_each_time(store: Store) -> None:
    await extract(store, knowing(*NAMES))
    said: list[Event] = []
    mine = ResolvedName(topic=IdKind.PERSON, id=BEN, name="Ben", email="ben@example.com")
    new = ResolvedName(topic=IdKind.PERSON, id="somebody", name="Some Body")
    plan = TestPlan(key="ACME-P2", name="Two", owner="somebody")
    source = MemoryDirectory((*WITH_IDS, plan), CONTENTS, lines=(mine, new))

    await extract(store, source, said.append)

    assert source.asked == []
    assert {each.email for each in store.id_names.people.now() if each.id == BEN} == {
        "ben@example.com"
    }
    assert "known by name now: 1 person" in [each.text for each in said]


async def test_many_ids_are_asked_for_in_batches(store: Store) -> None:
    class Counting(MemoryDirectory):
        batches: list[int] = []  # noqa: RUF012 - of one test

        async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
            self.batches.append(len(ids))
            return await super().look_up(topic, ids)

    links = tuple(issue(str(number)) for number in range(10_000, 10_250))
    cases = [TestCase(key=f"ACME-T{n}", name="Same", links=links) for n in range(3)]
    source = Counting(cases)

    await extract(store, source)

    assert source.batches == [100, 100, 50]
    assert len(set(source.asked)) == len(source.asked) == 250


async def test_a_directory_that_comes_later_changes_what_it_names_and_no_more(store: Store) -> None:
    before, sink = knowing(), MemorySink()
    await extract(store, before)
    await transformed(store)
    await load(store, sink)
    after = knowing(*NAMES)

    await extract(store, after)
    await transformed(store)

    # as every second extraction: files whose content is held are not read again
    assert sorted(after.calls) == sorted(set(before.calls) - downloads(before))
    ready = {kind: states.get(State.READY, 0) for kind, states in store.reporting.counts().items()}
    assert {kind: number for kind, number in ready.items() if number} == {
        Kind.TEST_CASE: 1,
        Kind.TEST_CYCLE: 1,
        Kind.TEST_LOG: 1,
    }
    await load(store, sink)
    held = {each.record.ref: each.record for each in sink.objects.values()}
    assert one(held, TestCase, "ACME-T1").component == "Shop"
    assert one(held, TestLog, "ACME-E1").links[0].issue_key == "ACME-1"


def downloads(source: MemorySource) -> set[str]:
    return {call for call in source.calls if call.startswith("download")}


async def test_a_name_that_changed_changes_the_mapped_record(store: Store) -> None:
    await extract(store, knowing(*NAMES))
    await transformed(store)
    sink = MemorySink()
    await load(store, sink)
    renamed = ResolvedName(topic=IdKind.COMPONENT, id="77", name="Store")
    store.id_names.save.now(9, IdKind.COMPONENT, ["77"], [renamed])

    await transformed(store)

    assert store.reporting.counts()[Kind.TEST_CASE] == {State.READY: 1, State.FINISHED: 1}


async def test_an_extraction_that_is_cut_asks_on_where_it_stopped(
    store_url: str, tmp_path: Path
) -> None:
    class Dying(MemoryDirectory):
        async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
            found = await super().look_up(topic, ids)
            if topic is IdKind.COMPONENT:
                raise PowerCut
            return found

    with Store(store_url, files=tmp_path / "files") as store:
        dying = Dying(WITH_IDS, CONTENTS, names=without("10011"))
        with pytest.raises(PowerCut):
            await extract(store, dying)
        assert store.facts.extracted is not Extracted.COMPLETE

    source = knowing(*NAMES)
    with Store(store_url, files=tmp_path / "files") as store:
        await extract(store, source)
        assert store.facts.extracted is Extracted.COMPLETE
        # neither what is known nor what nobody knew in this extraction
        assert sorted({topic for topic, _ in source.asked}) == [IdKind.COMPONENT, IdKind.VERSION]
        assert not [call for call in source.calls if call.startswith(("complete", "download"))]
        assert "1 of 3 issues" in engine.unresolved_ids(store)


async def test_a_wish_to_stop_leaves_the_extraction_open(store: Store) -> None:
    waits = engine.Waits()

    class Stopping(MemoryDirectory):
        async def look_up(self, topic: IdKind, ids: Sequence[str]) -> tuple[ResolvedName, ...]:
            waits.stop()
            return await super().look_up(topic, ids)

    with store.run("extract") as run:
        source = Stopping(WITH_IDS, CONTENTS, names=NAMES)
        await engine.extract(engine.Run(store, run.id, waits=waits), source)

    assert {topic for topic, _ in source.asked} == {IdKind.ISSUE}
    assert store.facts.extracted is not Extracted.COMPLETE


async def test_a_quick_pass_asks_for_what_is_new(store: Store) -> None:
    class Quick(MemoryDirectory):
        async def changed_since(self, kind: Kind, since: datetime, cursor: str | None) -> Page:
            del since
            return await self.fetch(kind, cursor)

    await extract(store, knowing(*NAMES))
    plan = TestPlan(key="ACME-P2", name="Two", owner="somebody", links=(issue("10099"),))
    source = Quick(
        [plan], names=[ResolvedName(topic=IdKind.PERSON, id="somebody", name="Some Body")]
    )
    said: list[Event] = []

    await extract(store, source, said.append, since=datetime(2026, 1, 1, tzinfo=UTC))

    assert sorted(source.asked) == [(IdKind.ISSUE, "10099"), (IdKind.PERSON, "somebody")]
    assert said[-1].text.startswith("1 of 4 issues could not be resolved to names")


# ---------------------------------------------------------------------------- what nobody knows


async def test_unknown_ids_are_counted_before_the_first_write(store: Store) -> None:
    said: list[Event] = []
    sink = MemorySink()
    await extract(store, knowing(*without("10011", ANNA)), said.append)
    await transformed(store)

    def tell(event: Event) -> None:
        if event.text.startswith("1 of"):
            assert not sink.objects
        said.append(event)

    await load(store, sink, tell)

    warnings = [(each.stage, each.text) for each in said if each.level == "warning"]
    sentence = (
        "1 of 3 issues, 1 of 2 people could not be resolved to names; ids are used instead. "
        "give MemoryDirectory more names"
    )
    assert warnings == [("extract", sentence), ("load", sentence)]
    report = Report.from_store(store)
    assert sentence in report.remarks
    written = io.StringIO()
    ReportWriter(store).write({"json": written})
    assert json.loads(written.getvalue())["names"][:2] == [
        {"topic": "issue", "total": 3, "unknown": 1},
        {"topic": "person", "total": 2, "unknown": 1},
    ]


async def test_nothing_is_said_where_all_are_known(store: Store) -> None:
    said: list[Event] = []

    await extract(store, knowing(*NAMES), said.append)

    assert [each.text for each in said if each.text] == [
        "known by name now: 3 issues, 2 people, 1 component, 2 versions"
    ]
    assert engine.unresolved_ids(store) == ""
    assert Report.from_store(store).remarks == ()


async def test_a_source_without_a_directory_has_no_ids(store: Store) -> None:
    await extract(store, MemorySource(WITH_IDS, CONTENTS))

    assert store.id_names.counts.now() == ()
    assert engine.unresolved_ids(store) == ""


async def test_what_is_gone_from_the_source_is_not_counted(store: Store) -> None:
    await extract(store, knowing())
    source = knowing(records=[each for each in WITH_IDS if each.kind is not Kind.TEST_LOG])

    await extract(store, source)

    assert {each.topic: each.total for each in store.id_names.counts.now()} == {
        IdKind.ISSUE: 2,
        IdKind.PERSON: 2,
        IdKind.COMPONENT: 1,
        IdKind.VERSION: 1,
    }
    assert (IdKind.ISSUE, "10012") not in source.asked


async def test_people_are_found_in_fields_that_the_source_declares(store: Store) -> None:
    field = FieldValue(name="Testers", value=("quinn", "robin"), type=FieldType.USER)
    source = knowing(records=[TestCase(key="ACME-T1", name="Log in", fields=(field,))])

    await extract(store, source)

    assert sorted(source.asked) == [(IdKind.PERSON, "quinn"), (IdKind.PERSON, "robin")]


async def test_people_are_found_in_fields_of_steps(store: Store) -> None:
    by = FieldValue(name="By", value=BEN)
    hint = FieldValue(name="Hint", value="x")
    steps = (TestStep(key="1", fields=(by, hint)), TestStep(key="2"))
    source = knowing(records=[TestCase(key="ACME-T1", name="Log in", steps=steps)])

    await extract(store, source)

    assert source.asked == [(IdKind.PERSON, BEN)]


async def test_texts_that_no_database_takes_do_no_harm(store: Store) -> None:
    case = TestCase(key="ACME-T1", name="Log in", component="7\x007", owner="a\ud800b")
    odd = ResolvedName(topic=IdKind.ISSUE, id="10010", key="ACME-1", name="A\x00\ud800")
    source = knowing(odd, records=[attrs.evolve(case, links=(issue("10010"),))])

    await extract(store, source)

    records = await transformed(store)
    assert one(records, TestCase, "ACME-T1").links[0].text == "A\ufffd\ufffd"
    assert one(records, TestCase, "ACME-T1").component == "7\x007"


# --------------------------------------------------------------------------------- older stores


async def test_a_store_of_schema_1_gets_the_table(store_url: str, tmp_path: Path) -> None:
    with Store(store_url, files=tmp_path / "files") as store:
        await extract(store, MemorySource(WITH_IDS, CONTENTS))
        make_older(store, 1)

    with Store(store_url, files=tmp_path / "files") as store:
        assert store.facts.schema == SCHEMA_VERSION
        await extract(store, knowing(*NAMES))
        assert one(await transformed(store), TestCase, "ACME-T1").component == "Shop"
    with Store(store_url, create=False, files=tmp_path / "files") as store:
        assert len(store.id_names.people.now()) == 2
