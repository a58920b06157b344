"""Load order: how many open dependencies each record has, and which ones an answer resolves.

A record waits (``item.waiting``) for its parents to be finished, for what it mentions to be
written, and for the sibling before it to be settled; a file waits for its owner to be written, and
the owner's finishing (``item.open_files``) for its files and for what its texts refer to. The
counts are made by ``prepare`` and kept up to date with each answer, so that the next records to
write are one indexed query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ztoq_core.convert import loads
from ztoq_core.note_codes import REFERENCE_MISSING
from ztoq_core.records import Attachment, Kind, Record, Ref
from ztoq_core.store.database import Database, writes
from ztoq_core.store.facts import Facts
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import literals, placeholders
from ztoq_core.store.states import (
    ANY,
    ARRIVED,
    BELONGS,
    COMING,
    FAULTY,
    FOLLOWABLE,
    PARENT_READY,
    SETTLED,
    WAITING,
    Cause,
    Origin,
    Role,
    Selected,
    Side,
    State,
)
from ztoq_core.store.tables import MAPPED, WITH_TARGET

UNANSWERED = "the run ended before the answer was stored"

# parts of statements about the record ``item``: ``other`` is what it refers to, or its file
_TO = "edge LEFT JOIN item other ON other.kind = edge.kind AND other.key = edge.key"
_REFERENCE = f"FROM {_TO} WHERE side = '{Side.TARGET}' AND child = item.id"
_REFERS = f"id IN (SELECT child FROM edge WHERE role = '{Role.REFER}' AND side = '{Side.TARGET}')"
_OPEN = f"""(SELECT COUNT(*) {_REFERENCE} AND (
    role = '{Role.PARENT}' AND other.state NOT IN {literals(PARENT_READY)}
    OR role = '{Role.OWNER}' AND other.state NOT IN {literals((*ARRIVED, State.GONE))}
    OR role = '{Role.MENTION}' AND other.state NOT IN {literals(SETTLED)}
    OR role = '{Role.AFTER}' AND other.state NOT IN {literals(FOLLOWABLE)}))"""
_OPEN_TEXTS = f"""(SELECT COUNT(*) {_REFERENCE}
    AND role = '{Role.REFER}' AND other.state IN {literals(COMING)})"""
_OPEN_FILES = f"""(SELECT COUNT(*) FROM edge JOIN item other ON other.id = child
    WHERE side = '{Side.TARGET}' AND edge.kind = item.kind AND edge.key = item.key
    AND role = '{Role.OWNER}' AND other.state NOT IN {literals(SETTLED)})"""


class Dependencies(Repository):
    """The order of writing. What is not decorated runs within a transaction of the writer."""

    def __init__(self, database: Database) -> None:
        """Work on ``database``."""
        super().__init__(database)
        self._any_refers = False
        self._behind: tuple[list[Any], set[int]] = ([], set())

    @writes
    def prepare(self, *, overwrite_conflicts: bool = False) -> None:
        """Bring states and counts in order, however the last run ended.

        ``overwrite_conflicts``: records in conflict are to be written after all.
        """
        self._facts.drop(Facts.final)  # the target is about to change
        self.settle_states(overwrite_conflicts=overwrite_conflicts)
        self._any_refers = self.database.any(f"item WHERE {_REFERS}")
        self._count()

    def settle_states(self, *, overwrite_conflicts: bool) -> None:
        """Bring the states in order, as ``prepare``: what is to be written is ready then."""
        self._requeue_referring()
        # what a rollback removed, or validation did not find any more, is written again
        wanted = f"cause <> ? AND chosen <> ? AND {MAPPED}"
        values = (Cause.PRUNED, Selected.NO)
        self._transitions.move((State.DELETED,), State.READY, wanted, values)
        if overwrite_conflicts:
            self._transitions.move((State.CONFLICT,), State.READY)
        self._transitions.move((State.SENDING,), State.UNKNOWN, reason=UNANSWERED)
        self._transitions.move((State.BLOCKED,), State.READY, MAPPED)
        self.pass_on()

    def pass_on(self) -> None:
        """Block and skip what belongs to records that are not going to be in the target."""
        # what is gone from the source, or in conflict, is still there if it ever was written
        faulty = literals(state for state in FAULTY if state is not State.GONE)
        absent = f"""(other.id IS NULL OR other.state IN {faulty} OR other.target_id IS NULL
            AND other.state IN {literals((State.CONFLICT, State.GONE))})"""
        self._pass_on(State.BLOCKED, absent)
        self._pass_on(State.SKIPPED, f"other.state = '{State.SKIPPED}'")

    def _pass_on(self, becomes: State, where: str) -> None:
        """Give ``becomes`` to what belongs to such records, generation by generation."""
        children = f"""id IN (SELECT child FROM {_TO} WHERE side = '{Side.TARGET}'
            AND role IN {literals(BELONGS)} AND {where})"""
        reason = f"what it belongs to is {becomes}"
        while self._transitions.move((State.READY,), becomes, children, reason=reason):
            pass

    def _requeue_referring(self) -> None:
        """Write again what refers to objects that will be made again: their ids will be new.

        A log stays with its run, and with the version of the case that it was submitted for; its
        texts get new addresses.
        """
        made_again = f"other.state = '{State.DELETED}' AND other.cause <> '{Cause.PRUNED}'"
        children = f"SELECT child FROM {_TO} WHERE side = '{Side.TARGET}' AND {made_again}"
        shows = literals((Role.REFER, Role.MENTION))
        self._transitions.move(
            (State.FINISHED,),
            State.READY,
            f"""(id IN ({children} AND role IN {shows})
                OR kind <> '{Kind.TEST_LOG}' AND id IN ({children} AND role = '{Role.PARENT}'))""",
        )

    def _count(self) -> None:
        """Count again what every record waits for."""
        self._behind = ([], set())
        waiting = f"WHERE state IN {literals(WAITING)}"
        text = f"UPDATE item SET waiting = {_OPEN}, open_files = {_OPEN_FILES} {waiting}"
        self.database.execute(text)
        if self._any_refers:
            text = (
                f"UPDATE item SET open_files = open_files + {_OPEN_TEXTS} {waiting} AND {_REFERS}"
            )
            self.database.execute(text)

    def count_files(self, owner: Record, files: Sequence[str]) -> None:
        """Count again which files their owner, and what shows them, must wait for."""
        text = "SELECT id FROM item WHERE kind = ? AND key = ?"
        rows = [number for (number,) in self.database.select(text, (owner.kind, owner.key))]
        more = ""
        if self._any_refers:
            more = f" + {_OPEN_TEXTS}"
            rows += self.children(Kind.ATTACHMENT, files, (Role.REFER,), WAITING)
        text = f"UPDATE item SET open_files = {_OPEN_FILES}{more} WHERE id IN ??"
        self.database.execute(text, (), rows)

    @writes
    def requeue_finish(self) -> int:
        """Make ready what was finished without something that exists by now; return how many."""
        if not self._any_refers:
            return 0
        # also without something that the store does not know
        lacking = f"{_REFERENCE} AND role = '{Role.REFER}' AND other.target_id IS NULL"
        where = f"""{_REFERS} AND NOT EXISTS (SELECT 1 {lacking})
            AND EXISTS (SELECT 1 FROM note WHERE note.kind = item.kind AND note.key = item.key
                AND origin = '{Origin.FINISH}' AND code = '{REFERENCE_MISSING.name}')"""
        found = self._transitions.move((State.FINISHED,), State.READY, where, finished_digest="")
        if found:
            self._count()
        return found

    @writes
    def release_finish(self, *, ignore_unknown: bool) -> int:
        """Let what is written be finished without what it refers to; return how many.

        Only when nothing can be written any more: what a case refers to may wait for that case.
        ``ignore_unknown`` as for ``release_cycle``.
        """
        if not self._any_refers:
            return 0
        where = f"state = '{State.WRITTEN}' AND open_files > 0 AND {_REFERS} AND {_OPEN_FILES} = 0"
        if not ignore_unknown:
            doubtful = f"{_REFERENCE} AND role = '{Role.REFER}' AND other.state = '{State.UNKNOWN}'"
            where += f" AND NOT EXISTS (SELECT 1 {doubtful})"
        # those of one kind at a time: the others may only wait for what waits for these
        ((first,),) = self.database.select(f"SELECT MIN(rank) FROM item WHERE {where}")
        text = f"UPDATE item SET open_files = 0 WHERE {where} AND rank = ?"
        return 0 if first is None else self.database.execute(text, (first,))

    @writes
    def release_cycle(
        self, kinds: Collection[Kind], keys: Collection[str], *, ignore_unknown: bool
    ) -> Ref | None:
        """Release one record that only waits for what it mentions; return it, or None.

        ``kinds`` and ``keys`` as for ``LoadStore.next_jobs``: what may not be written now has to
        wait. ``ignore_unknown``: nothing more becomes certain, so what is in doubt is not waited
        for.
        """
        held = f"""role = '{Role.PARENT}' AND other.state <> '{State.FINISHED}'
            OR role = '{Role.OWNER}' AND other.state NOT IN {literals(ARRIVED)}
            OR role = '{Role.AFTER}' AND other.state IN {literals((State.READY, State.UNKNOWN))}"""
        if not ignore_unknown:
            held += f" OR role = '{Role.MENTION}' AND other.state = '{State.UNKNOWN}'"
        behind = set() if ignore_unknown else self._behind_doubt()
        text = f"""SELECT id, kind, key FROM item WHERE state = '{State.READY}' AND waiting > 0
            AND NOT EXISTS (SELECT 1 {_REFERENCE} AND ({held}))
            AND kind IN {placeholders(kinds)} {f"AND key IN {placeholders(keys)}" if keys else ""}
            ORDER BY rank, id {"" if behind else "LIMIT 1"}"""
        candidates = self.database.select(text, (*kinds, *keys))
        row = next((each for each in candidates if each[0] not in behind), None)
        if row is None:
            return None
        self.database.execute("UPDATE item SET waiting = 0 WHERE id = ?", (row[0],))
        return Ref(Kind(row[1]), row[2])

    def _behind_doubt(self) -> set[int]:
        """Return the rows that wait, directly or not, for what is in doubt: it may yet arrive.

        Searched again only if something else is in doubt than before: many may be released one
        by one, and nothing comes to wait for a doubt while records are written.
        """
        text = "SELECT kind, key FROM item WHERE state = ? ORDER BY id"
        doubts = list(self.database.select(text, (State.UNKNOWN.value,)))
        if doubts != self._behind[0]:
            self._behind = (doubts, self._waiting_for(doubts))
        return self._behind[1]

    def _waiting_for(self, frontier: list[tuple[Any, ...]]) -> set[int]:
        found: set[int] = set()
        text = """SELECT DISTINCT item.id, item.kind, item.key FROM edge
            JOIN item ON item.id = edge.child
            WHERE item.state = ? AND edge.side = ? AND edge.role <> 'refer'
            AND edge.kind = ? AND edge.key IN ??"""
        while frontier:
            names, frontier = _by_kind(frontier), []
            for kind, these in names.items():
                values = (State.READY.value, Side.TARGET.value, kind)
                for number, child_kind, child in list(self.database.select(text, values, these)):
                    if number not in found:
                        found.add(number)
                        frontier.append((child_kind, child))
        return found

    def children(
        self,
        kind: Kind,
        keys: Sequence[str],
        roles: Collection[Role],
        states: Collection[State] = ANY,
    ) -> list[int]:
        """Return the rows that refer to one of the records in one of the roles, each once."""
        text = f"""SELECT id FROM item WHERE state IN {literals(states)} AND id IN (
            SELECT child FROM edge WHERE side = '{Side.TARGET}' AND role IN {literals(roles)}
            AND kind = ? AND key IN ??)"""
        return list(dict.fromkeys(row for (row,) in self.database.select(text, (kind,), keys)))

    def release_dependents(self, records: Sequence[Record], roles: Collection[Role]) -> None:
        """Let what refers to the records in one of the roles wait for so many less."""
        for kind, these in _by_kind((each.kind, each.key) for each in records).items():
            text = """SELECT child, role FROM edge WHERE side = ? AND kind = ? AND key IN ??"""
            found = self.database.select(text, (Side.TARGET.value, kind.value), these)
            counted = Counter(child for child, role in found if role in roles)
            for less in set(counted.values()):
                children = [child for child, number in counted.items() if number == less]
                text = """UPDATE item SET waiting = waiting - ?
                    WHERE waiting >= ? AND id IN ??"""
                self.database.execute(text, (less, less), children)

    def files_settled(self, records: Sequence[Record]) -> None:
        """Let the owners of files, and what refers to records, wait for so many less."""
        if self._any_refers:
            for kind, these in _by_kind((each.kind, each.key) for each in records).items():
                text = """SELECT child FROM edge
                    WHERE side = ? AND kind = ? AND role = 'refer' AND key IN ??"""
                found = self.database.select(text, (Side.TARGET.value, kind.value), these)
                for child, number in Counter(child for (child,) in found).items():
                    text = """UPDATE item SET open_files = open_files - ?
                        WHERE id = ? AND open_files >= ?"""
                    self.database.execute(text, (number, child, number))
        owners = Counter(each.owner for each in records if isinstance(each, Attachment))
        for owner, number in owners.items():
            text = """UPDATE item SET open_files = open_files - ?
                WHERE kind = ? AND key = ? AND open_files >= ?"""
            self.database.execute(text, (number, owner.kind.value, owner.key, number))

    def finish_again(self, records: Sequence[Record]) -> None:
        """Let what was finished without these records be finished again, now that they exist.

        For kinds that ``finish`` links; what else a record mentions is part of its writing.
        """
        if not records:
            return
        keys = [record.key for record in records]
        again = self.children(records[0].kind, keys, (Role.MENTION,), (State.FINISHED,))
        self._transitions.move_rows(
            again,
            State.WRITTEN,
            reason="finished once before, and to be finished again",
            cause=Cause.REFINISH,
            finished_digest="",
        )
        text = "SELECT kind, key FROM item WHERE id IN ??"
        for kind, these in _by_kind(self.database.select(text, (), again)).items():
            # what belongs to them did not wait for them, and is released when they are finished
            waits = self.children(kind, these, (Role.PARENT, Role.AFTER), WAITING)
            self.database.execute(f"UPDATE item SET waiting = {_OPEN} WHERE id IN ??", (), waits)

    def skip_dependents(self, record: Record) -> None:
        """Leave out what belongs to a record that was; release what only mentioned it."""
        self.release_dependents([record], (Role.MENTION, Role.AFTER))
        self.files_settled([record])
        why = f"what it belongs to is {State.SKIPPED}"
        for child in self._end_children(record, State.SKIPPED, why):
            self.skip_dependents(child)

    def block_dependents(self, record: Record, *, written: bool = False) -> None:
        """Block the children of a record that did not arrive; release what only mentioned it.

        ``written``: it was only to be finished, so that these were released before.
        """
        self.release_dependents([record], (Role.AFTER,) if written else (Role.MENTION, Role.AFTER))
        if not written:
            self.files_settled([record])
        for child in self._end_children(record, State.BLOCKED, f"{record.ref} did not arrive"):
            self.block_dependents(child)

    def _end_children(self, record: Record, becomes: State, why: str) -> list[Record]:
        """Give the children of a record that are ready their last state; return them."""
        rows = self.children(record.kind, [record.key], BELONGS, (State.READY,))
        self._transitions.move_rows(rows, becomes, reason=why)
        text = f"SELECT kind, target FROM {WITH_TARGET} WHERE id IN ??"
        found = self.database.select(text, (), rows)
        return [loads(Kind(kind), bytes(body)) for kind, body in found]


def _by_kind(names: Iterable[tuple[Any, ...]]) -> dict[Kind, list[str]]:
    """Return the keys of each kind."""
    keys: dict[Kind, list[str]] = {}
    for kind, key in names:
        keys.setdefault(Kind(kind), []).append(key)
    return keys
