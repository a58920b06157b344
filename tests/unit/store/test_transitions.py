"""States: which may follow which, and that nothing writes one that may not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ztoq_core.errors import StoreError
from ztoq_core.records import Kind
from ztoq_core.store import State, Store
from ztoq_core.store.states import Cause, allowed_before
from ztoq_core.store.tables import Item, bound
from ztoq_core.store.transitions import Transitions


def written(store: Store, *states: State) -> list[int]:
    """Put a record in each of the states into the store; return their row ids."""
    item = bound(Item, store.database.connection)
    with store.database.connection.atomic():
        return [
            item.insert(kind=Kind.TEST_CASE, key=f"T{number}", rank=1, state=state).execute()
            for number, state in enumerate(states)
        ]


def by_id(store: Store, numbers: list[int], after: State) -> None:
    Transitions(store.database).move_rows(numbers, after)


def by_condition(store: Store, numbers: list[int], after: State) -> None:
    item = bound(Item, store.database.connection)
    before = {State(row.state) for row in item.select().where(item.id << numbers)}
    Transitions(store.database).move(before, after, "id IN ??", many=numbers)


def by_upsert(store: Store, numbers: list[int], after: State) -> None:
    rows = [{"id": each, "kind": "test_case", "key": str(each), "rank": 1} for each in numbers]
    Transitions(store.database).save_rows(after, rows, keep=("kind", "key", "rank"))


@pytest.mark.parametrize("write", [by_id, by_condition, by_upsert])
def test_only_what_the_table_allows_is_written(
    store: Store, write: Callable[[Store, list[int], State], None]
) -> None:
    item = bound(Item, store.database.connection)
    for after in State:
        item.delete().execute()
        numbers = dict(zip(State, written(store, *State), strict=True))
        allowed = set(allowed_before(after))
        for before in set(State) - allowed:
            with pytest.raises(StoreError, match=f"that is {before} cannot become {after}"):
                store.database.write_now(write, store, [numbers[before]], after)
        assert {State(row.state): row.id for row in item.select()} == numbers
        if allowed:
            store.database.write_now(write, store, [numbers[each] for each in allowed], after)
        states = {row.id: State(row.state) for row in item.select()}
        assert states == {
            number: after if before in allowed else before for before, number in numbers.items()
        }


def test_one_forbidden_record_keeps_all_of_them_as_they_are(store: Store) -> None:
    numbers = written(store, State.READY, State.FINISHED, State.READY)

    with pytest.raises(StoreError, match="finished cannot become sending"):
        store.database.write_now(by_id, store, numbers, State.SENDING)

    assert store.reporting.counts() == {
        Kind.TEST_CASE: {State.READY: 2, State.FINISHED: 1},
    }


def test_a_record_that_is_not_there_cannot_be_changed(store: Store) -> None:
    with pytest.raises(StoreError, match="not in the store"):
        store.database.write_now(by_id, store, [4711], State.SENDING)


@pytest.mark.parametrize(
    ("after", "before"),
    [
        (State.SENDING, {State.READY}),
        (State.BLOCKED, {State.READY, State.UNKNOWN}),
        (
            State.CONFLICT,
            {State.READY, State.SENDING, State.WRITTEN, State.BLOCKED, State.UNKNOWN},
        ),
        (State.LISTED, {State.REJECTED, State.GONE, State.DELETED, State.UNKNOWN}),
    ],
)
def test_nothing_is_sent_blocked_or_read_again_out_of_turn(
    after: State, before: set[State]
) -> None:
    assert set(allowed_before(after)) - {after} == before


def test_what_is_no_longer_ready_is_not_sent(store: Store) -> None:
    """A parent that fails late blocks a record that a worker has in its hands already."""
    ready, blocked, skipped = written(store, State.READY, State.BLOCKED, State.SKIPPED)

    may_be_sent = store.database.write_now(
        Transitions(store.database).start_sending, [ready, blocked, skipped]
    )

    assert may_be_sent == {ready}
    assert store.reporting.counts() == {
        Kind.TEST_CASE: {State.SENDING: 1, State.BLOCKED: 1, State.SKIPPED: 1},
    }


def test_a_deletion_that_did_not_happen_gives_back_the_state(store: Store) -> None:
    (number,) = written(store, State.CONFLICT)
    item = bound(Item, store.database.connection)

    def begin() -> None:
        Transitions(store.database).move(
            (State.CONFLICT,), State.UNKNOWN, "id = ?", (number,), also="before_delete = state"
        )
        Transitions(store.database).undo_deletion([number])

    store.database.write_now(begin)

    assert (item.get().state, item.get().before_delete) == (State.CONFLICT, "")


def test_what_was_pruned_is_a_new_record_once_the_source_has_it_again(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path}/m.db") as store:
        (number,) = written(store, State.GONE)

        def prune() -> None:
            Transitions(store.database).forget_object(
                number, State.DELETED, reason="whatever it says", cause=Cause.PRUNED
            )

        store.database.write_now(prune)

        assert store.reporting.removed() == 0
        assert store.decisions.retry.now(1, None, ()) == {}
