"""Bringing a part of a project, and the rest later."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from ztoq_core import engine
from ztoq_core.contracts import Skip
from ztoq_core.engine import Event
from ztoq_core.errors import ConfigError, Exit
from ztoq_core.records import (
    Folder,
    Kind,
    Level,
    Note,
    Record,
    Ref,
    TestCase,
    TestCycle,
    TestLog,
    TestRun,
    Tree,
)
from ztoq_core.selection import Selection
from ztoq_core.store import State, Store

CASE_3 = Ref(Kind.TEST_CASE, "ACME-T3")
CASE_10 = Ref(Kind.TEST_CASE, "ACME-T10")
RUN_3 = Ref(Kind.TEST_RUN, "ACME-R2/ACME-T3/")
SHOP = {"ACME-F1", "ACME-F2", "ACME-T1", "ACME-T1#1", "ACME-T2"}
NIGHT = {"ACME-F3", "ACME-P1", "ACME-R1", "ACME-R1/ACME-T1/", "ACME-E1", "ACME-E2", "ACME-E2#2"}
MORE: tuple[Record, ...] = (
    *PROJECT,
    Folder(key="ACME-F4", name="Office", tree=Tree.CASES),
    TestCase(
        key="ACME-T3",
        name="Print",
        folder=Ref(Kind.FOLDER, "ACME-F4"),
        labels=("smoke", "paper"),
        status="Approved",
    ),
    TestCase(key="ACME-T10", name="Copy", labels=("smoke",), status="Draft"),
    TestCycle(key="ACME-R2", name="Night 2"),
    TestRun(key=RUN_3.key, case=CASE_3, cycle=Ref(Kind.TEST_CYCLE, "ACME-R2")),
    TestLog(
        key="ACME-E3",
        run=RUN_3,
        case=CASE_3,
        status="Pass",
        number=3,
        ended=datetime(2024, 5, 1, tzinfo=UTC),
    ),
)
ALL = {record.key for record in MORE}


def quiet(_: Event) -> None:
    """Tell nobody."""


def same(record: Record) -> Record:
    return record


async def extract(store: Store, records: tuple[Record, ...] = MORE) -> None:
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(records, CONTENTS))


async def bring(store: Store, sink: MemorySink, **wish: Any) -> set[str]:
    """Map and load what is selected; return the keys in the target."""
    await engine.transform(engine.Run(store), lambda _: [same], selection=Selection(**wish))
    with store.run("load") as run:
        await engine.load(engine.Run(store, run.id, request_timeout=0.01), sink)
    assert len(sink.keys()) == len(set(sink.keys()))
    return set(sink.keys())


@pytest.mark.parametrize(
    ("wish", "keys"),
    [
        ({}, ALL),
        ({"folder": ("Shop/Basket",)}, SHOP | NIGHT),
        ({"folder": ("Shop",), "cycle": ("Night 2",)}, SHOP | {"ACME-R2"}),
        ({"label": ("smoke",), "status": ("Draft",)}, {"ACME-T10"}),
        (
            {"label": ("paper", "other")},
            {"ACME-T3", "ACME-F4", "ACME-R2", RUN_3.key, "ACME-E3"},
        ),
        ({"case": ("ACME-T2", "ACME-T10")}, {"ACME-T2", "ACME-F1", "ACME-T10"}),
        ({"limit": 2}, SHOP | NIGHT),
        ({"limit": 2, "label": ("smoke",)}, ALL - SHOP - NIGHT),
        ({"cycle": ("ACME-R1",)}, SHOP | NIGHT),
        ({"cycle": ("Night 1", "Night 2"), "limit": 1}, SHOP | NIGHT | {"ACME-R2"}),
        ({"executions": "latest"}, ALL - {"ACME-E1"}),
        ({"executions": "2"}, ALL),
        ({"executed_since": "2025-03-02"}, ALL - {"ACME-E1", "ACME-E3", RUN_3.key}),
        (
            {"executed_since": "2025-03-01T09:00:00+01:00", "executions": "1"},
            ALL - {"ACME-E1", "ACME-E3", RUN_3.key},
        ),
    ],
)
async def test_a_selection_takes_what_it_needs_along(
    store: Store, wish: dict[str, Any], keys: set[str]
) -> None:
    await extract(store)

    assert await bring(store, MemorySink(), **wish) == keys

    assert engine.outcome(store).exit is Exit.OK
    skipped = {p.key for p in store.reporting.problems() if p.reason == "not selected"}
    assert skipped == ALL - keys


async def test_the_latest_may_be_one_not_done_yet(store: Store) -> None:
    planned = TestLog(
        key="ACME-E4",
        run=Ref(Kind.TEST_RUN, "ACME-R1/ACME-T1/"),
        case=Ref(Kind.TEST_CASE, "ACME-T1"),
        status="Not Executed",
        executed=False,
        number=4,
    )
    await extract(store, (*MORE, planned))

    keys = await bring(store, MemorySink(), case=("ACME-T1",), executions="latest")

    assert {key for key in keys if key.startswith("ACME-E")} == {"ACME-E4"}


async def test_widening_writes_only_the_rest(store: Store) -> None:
    sink = MemorySink()
    await extract(store)
    await bring(store, sink, label=("paper",))
    before = len(sink.calls)

    assert await bring(store, sink) == ALL

    written = {call.split()[-1] for call in sink.calls[before:] if call.startswith("write")}
    assert written == SHOP | NIGHT | {"ACME-T10"}
    assert engine.outcome(store).exit is Exit.OK
    assert store.facts.selection == Selection()


async def test_what_is_written_stays_when_the_selection_is_narrowed(store: Store) -> None:
    sink = MemorySink()
    await extract(store)
    await bring(store, sink)
    renamed = tuple(
        attrs.evolve(record, name="Copy twice") if isinstance(record, TestCase) else record
        for record in MORE
    )
    await extract(store, renamed)
    await engine.transform(engine.Run(store), lambda _: [same])
    before = len(sink.calls)

    assert await bring(store, sink, case=("ACME-T2",)) == ALL

    assert sink.calls[before:] == ["write test_case ACME-T2"]
    assert store.reporting.counts()[Kind.TEST_CASE] == {State.FINISHED: 4}
    assert engine.outcome(store).exit is Exit.OK


async def test_what_stays_out_is_never_gone(store: Store) -> None:
    await extract(store)
    await bring(store, MemorySink(), label=("paper",))

    await extract(store)

    assert not [p for p in store.reporting.problems() if p.state is State.GONE]


async def test_what_comes_along_is_listed(store: Store) -> None:
    said: list[str] = []
    await extract(store)

    await engine.transform(
        engine.Run(store, progress=lambda event: said.append(event.text)),
        lambda _: [same],
        selection=Selection(cycle=("ACME-R1",)),
    )

    noted = {note.key for note in store.reporting.notes() if note.code == "came-along"}
    assert noted == {"ACME-T1", "ACME-T2", "ACME-P1"}
    assert "Selection: cycle ACME-R1" in said
    assert any(text.startswith("Not selected: 1 folder, 2 test cases") for text in said)


async def test_what_the_mapping_adds_for_others_stays_out(store: Store) -> None:
    def lie_somewhere(record: Record) -> Record:
        if isinstance(record, TestCase) and record.folder is None:
            home = Folder(key="No folder", name="No folder", tree=Tree.CASES)
            note = Note(level=Level.LOSS, code="homeless", text="had no folder")
            return attrs.evolve(record, folder=home.ref, companions=(home,), notes=(note,))
        return record

    sink = MemorySink()
    await extract(store)
    await engine.transform(engine.Run(store), lambda _: [lie_somewhere])
    await engine.transform(
        engine.Run(store), lambda _: [lie_somewhere], selection=Selection(label=("paper",))
    )
    with store.run("load") as run:
        await engine.load(engine.Run(store, run.id), sink)

    assert "No folder" not in list(sink.keys())
    assert engine.outcome(store).exit is Exit.OK

    await engine.transform(engine.Run(store), lambda _: [lie_somewhere])
    with store.run("load") as run:
        await engine.load(engine.Run(store, run.id), sink)
    assert "No folder" in list(sink.keys())


async def test_a_failed_record_outside_the_selection_is_no_failure(store: Store) -> None:
    sink = MemorySink(refuses={"ACME-T10"})
    await extract(store)
    await bring(store, sink)
    assert engine.outcome(store).exit is Exit.LEFT

    await bring(store, sink, label=("paper",))
    assert engine.outcome(store).exit is Exit.OK

    sink.refuses.clear()
    assert await bring(store, sink) == ALL


async def test_logs_know_of_siblings_that_stay_out(store: Store) -> None:
    seen: dict[str, tuple[bool, bool]] = {}

    def look(record: Record) -> Record:
        if isinstance(record, TestLog):
            seen[record.key] = record.last, record.siblings_executed
            if not record.last:
                raise Skip("not the last")
        return record

    await extract(store)
    selection = Selection(executions="latest", case=("ACME-T1",))
    await engine.transform(engine.Run(store), lambda _: [look], selection=selection)

    assert seen == {"ACME-E2": (True, True)}


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"folder": ("Shop/Baskets",)}, "the folder 'Shop/Baskets', .* 'Shop/Basket'"),
        ({"cycle": ("Night 7",)}, "the test cycle 'Night 7'"),
        ({"case": ("ACME-T99",)}, "the case 'ACME-T99'"),
        ({"label": ("nothing",)}, "takes no test case; no case has the label 'nothing'"),
        ({"status": ("approvedd",)}, r"no case has the status 'approvedd' \((did you mean|known)"),
    ],
)
async def test_a_selection_that_names_nothing_changes_nothing(
    store: Store, wish: dict[str, Any], message: str
) -> None:
    await extract(store)
    await bring(store, MemorySink(), case=("ACME-T2",))
    before = store.reporting.counts()

    with pytest.raises(ConfigError, match=message):
        await engine.transform(engine.Run(store), lambda _: [same], selection=Selection(**wish))

    assert store.reporting.counts() == before
    assert store.facts.selection == Selection(case=("ACME-T2",))


async def test_an_unfinished_transformation_is_known(store: Store) -> None:
    waits = engine.Waits()
    waits.stop()
    await extract(store)

    selection = Selection(limit=1)
    await engine.transform(engine.Run(store, waits=waits), lambda _: [same], selection=selection)

    assert store.facts.selection is None


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"executions": "newest"}, "executions takes all, latest or a number, not 'newest'"),
        ({"limit": 0}, "limit must be more than 0"),
        ({"executed_since": "May"}, "executed_since: 'May' is not a date"),
    ],
)
def test_values_that_cannot_be_used_are_named(values: dict[str, Any], problem: str) -> None:
    assert next(Selection(**values).problems()).startswith(problem)


async def test_many_executions_are_chosen_piece_by_piece(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("ztoq_core.engine.transform.selection"), "_BATCH", 1)
    await extract(store)

    keys = await bring(store, MemorySink(), executed_since="2025-01-01", executions="latest")

    assert keys == ALL - {"ACME-E1", "ACME-E3", RUN_3.key}


async def test_a_stub_is_none_of_the_first_cases(store: Store) -> None:
    await extract(store, tuple(each for each in MORE if each.key not in {"ACME-T1", "ACME-T1#1"}))

    assert await bring(store, MemorySink(), limit=1) == {"ACME-F1", "ACME-T2"}
