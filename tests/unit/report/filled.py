"""A store in which every kind of good and bad end occurs, for looking at reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs

from ztoq_core.records import Kind, Level
from ztoq_core.store import Compared, Extracted, Facts, State, Store, Validation
from ztoq_core.store.sql import BulkInsert
from ztoq_core.store.tables import File, Item, NoteRow, Proof, RejectRow, SourceBody

ODD = "<script>alert('x')</script> & \"quotes\" \N{PARTY POPPER}"
CHECKED = datetime(2026, 8, 6, 10, 30, tzinfo=UTC).replace(tzinfo=None)


def fill(store: Store) -> None:
    """Put records, notes, rejects, files, runs and a validation into ``store``."""
    store.bind(
        source="zephyr api.zephyrscale.smartbear.com ACME", sink="qtest acme.qtestnet.com 4242"
    )
    with store.run("extract") as run:
        run.outcome = "finished"
    with store.run("migrate") as run:
        run.outcome = "items are left"
        store.database.write_now(lambda: _rows(store))
    rows = (
        Compared(kind=Kind.FOLDER, source=38, target=38, foreign=12),
        Compared(kind=Kind.TEST_CASE, source=4366, target=4362, missing=("ACME-T7", "ACME-T8")),
        Compared(kind=Kind.TEST_LOG, source=6000, target=5990, duplicate=("ACME-E4",)),
        Compared(kind=Kind.ATTACHMENT, source=300, target=299),
    )
    validation = Validation(
        at=CHECKED,
        rows=rows,
        findings=("test log ACME-E4 exists 2 times in the target",),
    )
    store.facts.save_now(Facts.extracted, Extracted.COMPLETE)
    store.facts.save_now(Facts.extraction, 1)
    store.facts.save_now(Facts.mapped, value=True)
    store.validation.save.now(1, validation, {})


RECORDS = {
    Kind.FIELD: b'{"name":"Zephyr status"}',
    Kind.TEST_CASE: b'{"name":"Log in"}',
    Kind.TEST_LOG: b'{"case":{"key":"ACME-T1"},"environment":"Chrome","status":"Pass"}',
}


@attrs.frozen
class _Rows:
    kind: Kind
    prefix: str
    states: dict[State, int]


def _rows(store: Store) -> None:
    done = State.FINISHED
    table = (
        _Rows(Kind.FIELD, "test_case/F", {done: 7}),
        _Rows(Kind.FOLDER, "ACME-F", {done: 38}),
        _Rows(Kind.TEST_CASE, "ACME-T", {done: 412, State.FAILED: 3, State.REJECTED: 1}),
        _Rows(Kind.TEST_PLAN, "ACME-P", {done: 3}),
        _Rows(Kind.TEST_CYCLE, "ACME-R", {done: 20}),
        _Rows(Kind.TEST_RUN, "ACME-R1/ACME-T", {done: 560, State.BLOCKED: 4}),
        _Rows(
            Kind.TEST_LOG,
            "ACME-E",
            {done: 600, State.BLOCKED: 6, State.UNKNOWN: 1, State.SKIPPED: 230},
        ),
        _Rows(Kind.ATTACHMENT, "ACME-T1#", {done: 290, State.WRITTEN: 2, State.CONFLICT: 1}),
    )
    reasons = {
        State.FAILED: f"qTest: POST test-cases answered 400: name {ODD} is refused",
        State.BLOCKED: "waits for test_case ACME-T413, which failed",
        State.UNKNOWN: "the answer was lost; ztoq resolve decides",
        State.SKIPPED: "was never executed",
        State.REJECTED: "no name",
        State.CONFLICT: "edited in qTest since",
    }
    items: list[tuple[Any, ...]] = []
    bodies = []
    for row in table:
        number = 0
        for state, count in row.states.items():
            there = state in {State.FINISHED, State.WRITTEN, State.CONFLICT}
            for _ in range(count):
                number += 1
                items.append(
                    (
                        row.kind,
                        f"{row.prefix}{number}",
                        row.kind.rank,
                        state,
                        reasons.get(state, ""),
                        row.kind is Kind.FIELD,
                        str(10_000 + number) if there else None,
                        f"TC-{number}" if there else "",
                        f"https://acme.qtestnet.com/p/4242/{number}" if there else "",
                    )
                )
                if record := RECORDS.get(row.kind):
                    bodies.append((len(items), record))
    columns = ("kind", "key", "rank", "state", "reason", "derived", "target_id", "pid", "url")
    insert = store.database.insert
    insert(BulkInsert(Item, columns), items)
    insert(BulkInsert(SourceBody, ("item", "record")), bodies)
    noted = BulkInsert(NoteRow, ("kind", "key", "origin", "level", "code", "text"))
    insert(noted, [*_notes()])
    _proofs(store)
    rejected = BulkInsert(RejectRow, ("kind", "key", "reason", "payload"))
    insert(rejected, [(Kind.TEST_CASE, "ACME-T416", "no name", "{}")])
    kept = BulkInsert(File, ("sha256", "size", "media_type", "path"))
    insert(kept, [("0" * 64, 12_345_678, "image/png", "00/0")])


def _notes() -> Iterator[tuple[str, ...]]:
    drift = "Executed steps differ from today's; they stand as a table in the note"
    for number in range(1, 231):
        yield Kind.TEST_LOG, f"ACME-E{number}", "test", Level.FALLBACK, "step-drift", drift
    odd = f"The name {ODD} had a line break"
    yield Kind.TEST_CASE, "ACME-T1", "test", Level.CHANGE, "name-folded", odd
    lost = "The file 'shot.png' is not there any more"
    yield Kind.TEST_CASE, "ACME-T2", "test", Level.LOSS, "file-gone", lost
    archived = "Zephyr's API does not show archived test cases; 3 executions hint at some"
    yield "", "", "test", Level.CHANGE, "not-shown", archived


def _proofs(store: Store) -> None:
    """Say that all logs were read back: three with another status and an instant by rule."""
    text = "SELECT id FROM item WHERE kind = ? AND state = ? ORDER BY id"
    rows = []
    for number, (item,) in enumerate(store.database.select(text, (Kind.TEST_LOG, State.FINISHED))):
        odd = number < 3
        details = '[["end","equal by rule","same-instant","",false]]' if odd else "[]"
        rows.append((item, CHECKED, 3, int(odd), 0, 0, details, "Failed" if odd else "Passed"))
    columns = ("item", "at", "equal", "by_rule", "wrong", "unchecked", "details", "status")
    store.database.insert(BulkInsert(Proof, columns), rows)
