"""What the target has: the objects that the store knows, found by kind, key, id or owner."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from ztoq_core.contracts import Written
from ztoq_core.convert import loads
from ztoq_core.records import Kind, Record, Ref
from ztoq_core.store.database import reads, writes
from ztoq_core.store.journal import Event
from ztoq_core.store.load_jobs import written_of
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import literals, placeholders
from ztoq_core.store.states import BELONGS, IN_DOUBT, Cause, JournalEvent, Side, State
from ztoq_core.store.tables import MAPPED, WITH_TARGET

PRUNED = "no longer in the source, and removed from the target"
_DELETED = "it was deleted in the target, and not by ztoq"


@attrs.frozen
class TargetObject:
    """An object of the target that the store knows, with the record that was written."""

    ref: Ref
    written: Written
    record: Record


_THERE = f"{MAPPED} AND target_id IS NOT NULL"
_UNDER = f"""JOIN edge ON edge.child = item.id WHERE item.kind = ? AND side = ?
    AND role IN {placeholders(BELONGS)} AND edge.kind = ?"""


class TargetIndex(Repository):
    """The objects in the target, for loading, adoption and validation."""

    @reads
    def claimed_by_others(self, ref: Ref, target_ids: Sequence[str]) -> set[str]:
        """Return those of the target ids that belong to other records of the same kind."""
        text = "SELECT target_id FROM item WHERE kind = ? AND key <> ? AND target_id IN ??"
        found = self.database.select(text, (ref.kind.value, ref.key), target_ids)
        return {target_id for (target_id,) in found}

    @reads
    def objects(self, kind: Kind, after: int, limit: int) -> list[tuple[int, TargetObject]]:
        """Return what is in the target by kind, by row id."""
        text = f"""SELECT id, key, target, target_id, pid, url, version, parts, stamp
            FROM {WITH_TARGET} WHERE kind = ? AND target_id <> '' AND {_THERE} AND id > ?
            ORDER BY id LIMIT ?"""
        return [
            (number, TargetObject(Ref(kind, key), written_of(*rest), loads(kind, bytes(body))))
            for number, key, body, *rest in self.database.select(text, (kind.value, after, limit))
        ]

    @reads
    def rows_of(self, kind: Kind, target_ids: Sequence[str]) -> list[tuple[str, int]]:
        """Return those of the target ids that records of ``kind`` have, each with its row id."""
        text = f"SELECT target_id, id FROM item WHERE kind = ? AND {MAPPED} AND target_id IN ??"
        found = self.database.select(text, (kind.value,), target_ids)
        return [(target_id, row) for target_id, row in found]

    @reads
    def keys_in_target(self, kind: Kind, keys: Sequence[str]) -> set[str]:
        """Return those of the keys whose records are in the target."""
        text = f"SELECT key FROM item WHERE kind = ? AND {_THERE} AND key IN ??"
        return {key for (key,) in self.database.select(text, (kind.value,), keys)}

    @reads
    def in_target(self, kind: Kind, after: int, limit: int) -> list[tuple[int, str, str]]:
        """Return row ids, keys and target ids of what is in the target by kind, by row id."""
        text = f"""SELECT id, key, target_id FROM item
            WHERE kind = ? AND {_THERE} AND id > ? ORDER BY id LIMIT ?"""
        found = self.database.select(text, (kind.value, after, limit))
        return [(number, key, target_id) for number, key, target_id in found]

    @reads
    def objects_under(self, kind: Kind, owner: Kind, keys: Sequence[str]) -> list[TargetObject]:
        """Return the records of ``kind`` in the target that belong to these owners."""
        text = f"""SELECT item.key, target, target_id FROM {WITH_TARGET} {_UNDER}
            AND {_THERE} AND edge.key IN ??"""
        values = (kind.value, Side.TARGET.value, *BELONGS, owner.value)
        return [
            TargetObject(Ref(kind, key), Written(target_id=target_id), loads(kind, bytes(body)))
            for key, body, target_id in self.database.select(text, values, keys)
        ]

    @reads
    def ready_under(self, kind: Kind, owner: Kind, keys: Sequence[str]) -> list[Record]:
        """Return the records of ``kind`` that belong to these owners, still to be written."""
        text = f"SELECT target FROM {WITH_TARGET} {_UNDER} AND state = ? AND edge.key IN ??"
        values = (kind.value, Side.TARGET.value, *BELONGS, owner.value, State.READY.value)
        return [loads(kind, bytes(body)) for (body,) in self.database.select(text, values, keys)]

    @reads
    def unwritten(self, kind: Kind) -> bool:
        """Whether records of ``kind`` are still to be written."""
        text = "SELECT 1 FROM item WHERE kind = ? AND target_id IS NULL AND state IN ?? LIMIT 1"
        states = (State.READY.value, State.BLOCKED.value, State.UNKNOWN.value)
        return next(self.database.select(text, (kind.value,), states), None) is not None

    @reads
    def nothing_written(self) -> bool:
        """Whether nothing was ever written from this store."""
        return not self.database.any("item WHERE created_run > 0")

    @writes
    def missing(self, run: int, kind: Kind, keys: Collection[str]) -> None:
        """Store that objects are not in the target any more, though ztoq did not remove them.

        What is in doubt stays so: it is looked for before it is sent again.
        """
        text = f"""SELECT id, state FROM item WHERE kind = ? AND state NOT IN {literals(IN_DOUBT)}
            AND key IN ??"""
        rows = list(self.database.select(text, (kind,), list(keys)))
        for number, state in rows:
            reason, cause = _DELETED, Cause.NONE
            if state == State.GONE:
                reason, cause = PRUNED, Cause.PRUNED
            self._transitions.forget_object(number, State.DELETED, reason=reason, cause=cause)
        self._journal.add([Event(run, number, JournalEvent.MISSING) for number, _ in rows])

    @writes
    def doubt_marked(self, kind: Kind, keys: Sequence[str]) -> int:
        """Put in doubt what is ready and whose key was seen in the target; return how many."""
        return self._transitions.move(
            (State.READY, State.BLOCKED),
            State.UNKNOWN,
            "kind = ? AND target_id IS NULL AND key IN ??",
            (kind,),
            keys,
            reason="its mark is in the target",
        )
