"""How the database finds what the engine asks for: by an index, however large the store is."""

from __future__ import annotations

import logging
import re
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource

from ztoq_core import engine
from ztoq_core.engine import Event
from ztoq_core.records import Attachment, Folder, Kind, Record, TestCase, TestLog, TestRun, Tree
from ztoq_core.store import Store

CASES = 12
SEVERAL = 4
"""A statement that is made at most so often is made once for a stage, not with each record."""


def quiet(_: Event) -> None:
    """Tell nobody."""


def project() -> tuple[Record, ...]:
    folder = Folder(key="F", name="F", tree=Tree.CASES)
    records: list[Record] = [folder]
    for number in range(CASES):
        case = TestCase(key=f"T{number}", name="case", folder=folder.ref)
        run = TestRun(key=f"R/T{number}/", name="run", case=case.ref)
        file = Attachment(key=f"{case.key}#1", name="a.txt", owner=case.ref)
        records += [case, run, file]
        records += [
            TestLog(key=f"E{number}-{n}", run=run.ref, case=case.ref, status="Pass", number=n)
            for n in range(3)
        ]
    return tuple(records)


class Statements(logging.Handler):
    """Collects what peewee sends to the database."""

    def __init__(self) -> None:
        super().__init__()
        self.times: Counter[str] = Counter()
        self.values: dict[str, Any] = {}

    def emit(self, record: logging.LogRecord) -> None:
        said: Any = record.msg
        text, values = said
        self.times[text] += 1
        self.values[text] = values or ()


@pytest.fixture
def statements() -> Any:
    logger = logging.getLogger("peewee")
    before, handler = logger.level, Statements()
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


async def test_what_is_asked_with_each_record_is_found_by_an_index(
    tmp_path: Path, statements: Statements
) -> None:
    records = project()
    contents = {each.key: b"x" for each in records if isinstance(each, Attachment)}
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        sink = MemorySink()
        with store.run("migrate") as run:
            await engine.extract(engine.Run(store, run.id), MemorySource(records, contents))
            await engine.transform(engine.Run(store), lambda _: [lambda record: record])
            await engine.load(engine.Run(store, run.id, slots=2), sink)
            await engine.validate(engine.Run(store), sink)

        asked = [
            text
            for text, times in statements.times.items()
            if (times > SEVERAL or "later" in text)
            and text.split()[0] in {"SELECT", "UPDATE", "DELETE"}
        ]
        plans = {text: plan(store, text, statements.values[text]) for text in asked}
    assert len(plans) > 10
    slow = {text: steps for text, steps in plans.items() if any(is_slow(step) for step in steps)}
    # opening looks at the tables; records in doubt are sorted, and few
    few = ("sqlite_master", "SELECT id, kind, key, reason FROM item")
    assert [text for text in slow if not any(part in text for part in few)] == []


def plan(store: Store, text: str, values: Any) -> list[str]:
    return [str(row[-1]) for row in store.database.select(f"EXPLAIN QUERY PLAN {text}", values)]


def is_slow(step: str) -> bool:
    whole = step.startswith("SCAN")
    standing = "target_id>?" in step  # all of a kind that stands in the target
    return (whole and "CONSTANT" not in step) or "TEMP B-TREE FOR ORDER" in step or standing


NAMED = re.compile(r"\b(id|key|target_id) IN \(\?(, \?)*\)")
"""Records that a statement names. How many they are decides how SQLite looks for them."""
FOUND = ("PRIMARY KEY", "rowid=?", "child=?", "key=?", "target_id=?", "sibling_group=?")
"""What a step of a plan says of records that are looked for by their names."""


async def test_records_that_are_named_are_looked_for_by_their_names(
    tmp_path: Path, statements: Statements
) -> None:
    """Not among all that are in a state or of a kind, which takes longer with each record."""
    records = project()
    contents = {each.key: b"x" for each in records if isinstance(each, Attachment)}
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        sink = MemorySink()
        for name in ("one", "two"):
            changed = [
                attrs.evolve(each, name=name) if isinstance(each, TestCase) else each
                for each in records
            ]
            with store.run("migrate") as run:
                given = engine.Run(store, run.id)
                await engine.extract(given, MemorySource(changed, contents))
                await engine.transform(given, lambda _: [lambda record: record])
                await engine.plan(given, sink)
                await engine.load(given, sink)
                await engine.validate(given, sink)
        sink.objects.popitem()
        with store.run("rollback") as run:
            await engine.validate(engine.Run(store, run.id), sink)
            await store.decisions.retry(run.id, None, ())
            await store.target_index.doubt_marked(Kind.TEST_CASE, ["no such case"])
            await engine.rollback(engine.Run(store, run.id), sink)
        named = {
            NAMED.sub(lambda found: f"{found[1]} IN ({', '.join('?' * 100)})", text)
            for text in statements.times
            if "item" in text and NAMED.search(text)
        }
        plans = {text: plan(store, text, [None] * text.count("?")) for text in named}
    assert len(plans) > 6
    slow = [
        (text, step)
        for text, steps in plans.items()
        for step in steps
        if step.startswith(("SCAN", "SEARCH")) and not any(word in step for word in FOUND)
    ]
    assert slow == []


async def test_the_counts_are_those_of_the_rows(store: Store) -> None:
    records = project()
    contents = {each.key: b"x" for each in records if isinstance(each, Attachment)}
    with store.run("migrate") as run:
        await engine.extract(engine.Run(store, run.id), MemorySource(records, contents))
        await engine.transform(engine.Run(store), lambda _: [lambda record: record])
        await engine.load(engine.Run(store, run.id), MemorySink())
    delete = partial(store.database.execute, "DELETE FROM item WHERE key = ?", ("T1",))
    store.database.write_now(delete)

    rows = store.database.select("SELECT kind, state, COUNT(*) FROM item GROUP BY kind, state")
    found: dict[Kind, dict[str, int]] = {}
    for kind, state, number in rows:
        found.setdefault(Kind(kind), {})[state] = number
    assert store.reporting.counts() == found
    assert store.reporting.counts()[Kind.TEST_CASE] == {"finished": CASES - 1}
