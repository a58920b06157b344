"""A store in which every kind of good and bad end occurs, for looking at reports."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from ztoq_core.records import Kind, Level
from ztoq_core.store import Compared, Extracted, Facts, State, Store, Validation
from ztoq_core.store.tables import File, Item, NoteRow, Proof, RejectRow, SourceBody, bound

ODD = "<script>alert('x')</script> & \"quotes\" \N{PARTY POPPER}"


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
        at=datetime(2026, 8, 6, 10, 30, tzinfo=UTC).replace(tzinfo=None),
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
    for row in table:
        number = 0
        for state, count in row.states.items():
            for _ in range(count):
                number += 1
                key = f"{row.prefix}{number}"
                there = state in {State.FINISHED, State.WRITTEN, State.CONFLICT}
                item = (
                    bound(Item, store.database.connection)
                    .insert(
                        kind=row.kind,
                        key=key,
                        rank=row.kind.rank,
                        state=state,
                        reason=reasons.get(state, ""),
                        derived=row.kind is Kind.FIELD,
                        target_id=str(10_000 + number) if there else None,
                        pid=f"TC-{number}" if there else "",
                        url=f"https://acme.qtestnet.com/p/4242/{number}" if there else "",
                    )
                    .execute()
                )
                if record := RECORDS.get(row.kind):
                    body = bound(SourceBody, store.database.connection)
                    body.insert(item=item, record=record).execute()
    _notes(store)
    _proofs(store)
    bound(RejectRow, store.database.connection).insert(
        kind=Kind.TEST_CASE, key="ACME-T416", reason="no name", payload="{}"
    ).execute()
    bound(File, store.database.connection).insert(
        sha256="0" * 64, size=12_345_678, media_type="image/png", path="00/0"
    ).execute()


def _notes(store: Store) -> None:
    drift = "Executed steps differ from today's; they stand as a table in the note"
    for number in range(1, 231):
        _note(store, Kind.TEST_LOG, f"ACME-E{number}", Level.FALLBACK, "step-drift", drift)
    odd = f"The name {ODD} had a line break"
    _note(store, Kind.TEST_CASE, "ACME-T1", Level.CHANGE, "name-folded", odd)
    lost = "The file 'shot.png' is not there any more"
    _note(store, Kind.TEST_CASE, "ACME-T2", Level.LOSS, "file-gone", lost)
    archived = "Zephyr's API does not show archived test cases; 3 executions hint at some"
    _note(store, None, "", Level.CHANGE, "not-shown", archived)


def _proofs(store: Store) -> None:
    """Say that all logs were read back: three with another status and an instant by rule."""
    connection = store.database.connection
    item, proof = bound(Item, connection), bound(Proof, connection)
    logs = (item.kind == Kind.TEST_LOG) & (item.state == State.FINISHED)
    for number, row in enumerate(item.select(item.id).where(logs)):
        odd = number < 3
        proof.insert(
            item=row.id,
            at=datetime(2026, 8, 6, 10, 30, tzinfo=UTC).replace(tzinfo=None),
            equal=3,
            by_rule=odd,
            wrong=0,
            unchecked=0,
            details='[["end","equal by rule","same-instant","",false]]' if odd else "[]",
            status="Failed" if odd else "Passed",
        ).execute()


def _note(  # noqa: PLR0913, PLR0917 - the columns of a note
    store: Store, kind: Kind | None, key: str, level: Level, code: str, text: str
) -> None:
    bound(NoteRow, store.database.connection).insert(
        kind=kind or "", key=key, origin="test", level=level, code=code, text=text
    ).execute()
