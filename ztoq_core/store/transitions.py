"""The only writer of states: each change is checked against the table of transitions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ztoq_core.errors import StoreError
from ztoq_core.store.database import Database
from ztoq_core.store.sql import BulkInsert, Values, literals
from ztoq_core.store.states import Cause, State, allowed_before, check_transition
from ztoq_core.store.tables import Item

_WITHOUT_OBJECT: dict[str, Any] = {
    "target_id": None,
    "pid": "",
    "url": "",
    "version": "",
    "parts": "",
    "stamp": "",
    "written_digest": "",
    "finished_digest": "",
    # a refusal that outlived a rollback would fail the record again without asking the target
    "refused_digest": "",
    "created_run": 0,
    "updated_run": 0,
    "attempts": 0,
    "before_delete": "",
}
"""The columns of a record that is not in the target, and was not refused there."""


class Transitions:
    """Changes states, within a transaction of the writer."""

    def __init__(self, database: Database) -> None:
        """Write into ``database``."""
        self._database = database
        self._upserts: dict[tuple[State, tuple[str, ...]], BulkInsert] = {}

    def move(  # noqa: PLR0913 - which records, and what becomes of them
        self,
        before: Collection[State],
        after: State,
        /,
        where: str = "1 = 1",
        values: Values = (),
        many: Values | None = None,
        *,
        reason: str = "",
        cause: Cause = Cause.NONE,
        also: str = "",
        **columns: Any,
    ) -> int:
        """Change the records in the states ``before`` that fit ``where``; return how many.

        ``where``, ``values`` and ``many`` are as for ``sql.select``; ``also`` is SQL that sets a
        further column.
        """
        check_transition(before, after)
        sets = {"state": after.value, "reason": reason, "cause": cause.value, **columns}
        assigned = ", ".join([*(f'"{name}" = ?' for name in sets), *filter(None, [also])])
        # SQLite would look for ``many`` that are named among all in these states, by their index
        state = "state" if many is None else "state || ''"
        text = f"UPDATE item SET {assigned} WHERE {state} IN {literals(before)} AND ({where})"
        return self._database.execute(text, (*sets.values(), *values), many)

    def move_rows(self, numbers: Sequence[int], after: State, **more: Any) -> None:
        """Change the records with these row ids; ``more`` as for ``move``.

        Raises:
            StoreError: One of them is in a state that may not become ``after``.
        """
        numbers = list(dict.fromkeys(numbers))
        moved = self.move(allowed_before(after), after, "id IN ??", many=numbers, **more)
        if moved != len(numbers):
            self._refuse(numbers, after)

    def start_sending(self, numbers: Sequence[int]) -> set[int]:
        """Change the records that may be sent and count the attempt; return which these are.

        One that was handed out as ready may have been blocked or skipped with its parent since.
        """
        numbers = list(dict.fromkeys(numbers))
        before, more = allowed_before(State.SENDING), "attempts = attempts + 1"
        if self.move(before, State.SENDING, "id IN ??", many=numbers, also=more) == len(numbers):
            return set(numbers)
        rows = self._database.select("SELECT id, state FROM item WHERE id IN ??", (), numbers)
        return {number for number, state in rows if state == State.SENDING}

    def forget_object(
        self, number: int, after: State, *, reason: str = "", cause: Cause = Cause.NONE
    ) -> None:
        """Change a record, and forget that it is in the target or was refused there."""
        self.move_rows([number], after, reason=reason, cause=cause, **_WITHOUT_OBJECT)
        self._database.execute("UPDATE target_body SET before = NULL WHERE item = ?", (number,))

    def undo_deletion(self, numbers: Sequence[int]) -> None:
        """Give records whose deletion was intended the states that they had before."""
        text = """UPDATE item SET state = before_delete, before_delete = '', reason = '', cause = ''
            WHERE before_delete <> '' AND id IN ??"""
        self._database.execute(text, (), numbers)

    def save_rows(self, after: State, rows: Sequence[dict[str, Any]], keep: Sequence[str]) -> None:
        """Change records one by one, each with columns of its own (the same for all), by row id.

        ``keep`` are the columns that only a new row would need.

        Raises:
            StoreError: One of them is in a state that may not become ``after``.
        """
        if not rows:
            return
        names = ("state", "reason", "cause", *rows[0])
        key = (after, names)
        if key not in self._upserts:
            where = f" WHERE item.state IN {literals(allowed_before(after))}"
            self._upserts[key] = BulkInsert(Item, names, key=("id",), keep=keep, also=where)
        fixed = (after.value, "", Cause.NONE.value)
        given = [(*fixed, *row.values()) for row in rows]
        if self._database.insert(self._upserts[key], given) != len(rows):
            self._refuse([row["id"] for row in rows], after)

    def _refuse(self, numbers: Sequence[int], after: State) -> None:
        text = "SELECT state FROM item WHERE id IN ??"
        states = [State(state) for (state,) in self._database.select(text, (), numbers)]
        check_transition(states, after)
        raise StoreError(f"{len(numbers)} records cannot become {after}: some are not in the store")
