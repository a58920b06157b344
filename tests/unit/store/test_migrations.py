"""Stores of earlier versions are brought up to date, and go on."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import attrs
import pytest
from ztoq_testkit.memory import MemorySink, MemorySource
from ztoq_testkit.project import CONTENTS, PROJECT

from tests.unit.store.older import make_older
from ztoq_core import engine
from ztoq_core.errors import Exit, StoreError
from ztoq_core.records import Kind, Record, TestPlan
from ztoq_core.store import Cause, RecordSnapshot, State, Store
from ztoq_core.store.migrations import SCHEMA_VERSION
from ztoq_core.store.tables import Item, bound

SCHEMA = Path(__file__).with_name("schema_0_1.sql")
PRUNED = "no longer in the source, and removed from the target"
LEFT_OUT = "left out by decision (ztoq resolve)"
AGAIN = "finished once before, and to be finished again"
EXTRA = TestPlan(key="ACME-P9", name="pruned later")
LEFT = TestPlan(key="ACME-P8", name="left out")


async def migrate(store: Store, sink: MemorySink, *records: Record) -> None:
    with store.run("migrate") as run:
        here = engine.Run(store, run.id, request_timeout=0.01)
        await engine.extract(here, MemorySource((*PROJECT, *records), CONTENTS))
        await engine.transform(here, lambda _: [])
        await engine.load(here, sink)


def copied(new: Path, old: Path) -> None:
    """Copy a store into tables as 0.1 made them; what these lack is left behind."""
    with closing(sqlite3.connect(old)) as database, database:
        database.executescript(SCHEMA.read_text("utf-8"))
        database.execute("ATTACH ? AS new", (str(new),))
        tables = [
            name
            for (name,) in database.execute(
                "SELECT name FROM new.sqlite_master "
                "WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
        ]
        for table in tables:
            known = {row[1] for row in database.execute(f"PRAGMA main.table_info({table})")}
            if not known:
                continue
            names = ", ".join(
                f'"{row[1]}"'
                for row in database.execute(f"PRAGMA new.table_info({table})")
                if row[1] in known
            )
            text = f"INSERT INTO main.{table} ({names}) SELECT {names} FROM new.{table}"  # noqa: S608 - our names
            database.execute(text)
        database.execute("UPDATE main.meta SET value = '3' WHERE name = 'schema'")


@pytest.fixture
async def old(tmp_path: Path) -> tuple[str, MemorySink]:
    """The URL of a store of 0.1 in which everything was loaded, and what was decided since."""
    sink = MemorySink()
    with Store(f"sqlite:///{tmp_path}/new.db", files=tmp_path / "files") as store:
        await migrate(store, sink, EXTRA, LEFT)
        make_older(store, 8)  # with the bodies of records in their rows
    copied(tmp_path / "new.db", tmp_path / "old.db")
    (extra,) = [key for key, each in sink.objects.items() if each.record.key == EXTRA.key]
    (left,) = [key for key, each in sink.objects.items() if each.record.key == LEFT.key]
    del sink.objects[extra], sink.objects[left]
    with closing(sqlite3.connect(tmp_path / "old.db")) as database, database:
        away = "target_id = NULL, written_digest = '', finished_digest = ''"
        for key, changed in (
            (EXTRA.key, f"state = 'deleted', reason = '{PRUNED}', {away}"),
            (
                LEFT.key,
                f"state = 'skipped', reason = '{LEFT_OUT}', refused_digest = target_digest, {away}",
            ),
            ("ACME-T1", f"state = 'written', reason = '{AGAIN}', finished_digest = ''"),
            ("ACME-T2", "state = 'deleted', reason = 'removed by ztoq rollback', target_id = NULL"),
        ):
            text = f"UPDATE item SET {changed} WHERE key = ?"  # noqa: S608 - our values
            database.execute(text, (key,))
    return f"sqlite:///{tmp_path}/old.db", sink


def causes(store: Store) -> dict[str, str]:
    item = bound(Item, store.database.connection)
    return {row.key: row.cause for row in item.select() if row.cause}


async def test_a_store_of_0_1_is_brought_up_to_date(old: tuple[str, MemorySink]) -> None:
    with Store(old[0]) as store:
        assert store.facts.schema == SCHEMA_VERSION
        assert causes(store) == {
            EXTRA.key: Cause.PRUNED,
            LEFT.key: Cause.LEFT_OUT,
            "ACME-T1": Cause.REFINISH,
        }
        assert store.reporting.removed() == 1  # ACME-T2 alone: the pruned one stays away
        left = store.database.select("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        assert list(left) == []
        rows = store.database.select("SELECT kind, state, COUNT(*) FROM item GROUP BY kind, state")
        counted = {(Kind(kind), State(state)): number for kind, state, number in rows}
        assert counted == {
            (kind, state): number
            for kind, states in store.reporting.counts().items()
            for state, number in states.items()
        }
    with Store(old[0]) as store:  # once only
        assert len(causes(store)) == 3


@pytest.mark.parametrize("version", range(4, SCHEMA_VERSION))
async def test_a_store_of_each_schema_since_0_1_goes_on(
    store_url: str, tmp_path: Path, version: int
) -> None:
    sink = MemorySink()
    with Store(store_url, files=tmp_path / "files") as store:
        await migrate(store, sink, EXTRA)
        await migrate(store, sink, attrs.evolve(EXTRA, name="changed"))
        known, updated = snapshots(store), store.rollback.updated.now(2)
        assert [each.before for each in updated] == [EXTRA]
        make_older(store, version)

    with Store(store_url, files=tmp_path / "files") as store:
        assert store.facts.schema == SCHEMA_VERSION
        assert snapshots(store) == known
        assert store.rollback.updated.now(2) == updated
        assert columns_of(store, "item").isdisjoint({"payload", "record", "target", "before"})
        runs = store.reporting.runs()
        assert [(run.verb, run.calls) for run in runs] == [("migrate", 0)] * 2
        kept = dict(sink.objects)
        await migrate(store, sink, attrs.evolve(EXTRA, name="changed"))
        assert sink.objects == kept
        assert engine.outcome(store).exit is Exit.OK


async def test_what_had_lost_its_mapped_form_is_not_written_after_an_update(
    store_url: str, tmp_path: Path
) -> None:
    sink = MemorySink()
    with Store(store_url, files=tmp_path / "files") as store:
        await migrate(store, sink, EXTRA)
        make_older(store, 8)
        text = """UPDATE item SET target = NULL, state = 'deleted', target_id = NULL,
            target_digest = 'of what was' WHERE key = ?"""
        store.database.write_now(store.database.execute, text, (EXTRA.key,))

    with Store(store_url, files=tmp_path / "files") as store:
        with store.run("load"):
            await store.dependencies.prepare()
        assert await store.loading.remaining() == 0


async def test_where_sqlite_cannot_drop_columns_they_stay_and_are_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, sink = f"sqlite:///{tmp_path}/s.db", MemorySink()
    with Store(url, files=tmp_path / "files") as store:
        await migrate(store, sink, EXTRA)
        make_older(store, 8)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))

    with Store(url, files=tmp_path / "files") as store:
        columns = columns_of(store, "item")
        assert columns >= {"unused_payload", "unused_record", "unused_target", "unused_before"}
        kept = dict(sink.objects)
        await migrate(store, sink, attrs.evolve(EXTRA, name="changed"), LEFT)
        assert len(sink.objects) == len(kept) + 1
        assert engine.outcome(store).exit is Exit.OK


def snapshots(store: Store) -> list[RecordSnapshot]:
    rows = store.database.select("SELECT id FROM item ORDER BY id")
    return [store.history.snapshot.now(number) for (number,) in rows]


def columns_of(store: Store, table: str) -> set[str]:
    return {column.name for column in store.database.connection.get_columns(table)}


async def test_a_store_of_0_1_goes_on(old: tuple[str, MemorySink], tmp_path: Path) -> None:
    url, sink = old
    with Store(url, files=tmp_path / "files") as store:
        (again,) = [job for job in store.loading.jobs_to_finish.now((), 9) if job.again]
        assert again.record.key == "ACME-T1"

        await migrate(store, sink, LEFT)

        item = bound(Item, store.database.connection)
        states = {row.key: row.state for row in item.select().where(item.kind == Kind.TEST_PLAN)}
        assert states[EXTRA.key] == State.DELETED
        assert states[LEFT.key] == State.SKIPPED
        written = {each.record.key for each in sink.objects.values()}
        assert written == {record.key for record in PROJECT}
        assert engine.outcome(store).exit is Exit.OK


async def test_what_0_1_left_out_is_written_once_it_changes(
    old: tuple[str, MemorySink], tmp_path: Path
) -> None:
    url, sink = old
    with Store(url, files=tmp_path / "files") as store:
        await migrate(store, sink, attrs.evolve(LEFT, name="changed"), EXTRA)

        written = {each.record.key for each in sink.objects.values()}
        assert {LEFT.key, EXTRA.key} <= written  # the source has the pruned one again: it is new
        assert causes(store) == {}


async def test_a_read_only_store_of_0_1_says_what_to_do(
    old: tuple[str, MemorySink], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)

    with pytest.raises(StoreError, match="older ztoq; copy it"):
        Store(old[0], look_only=True)
