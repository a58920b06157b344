"""The load stage's side of a store: what may be written next, intents, answers, and their effects.

A record waits (``item.waiting``) for its parents to be finished, for what it mentions to be
written, and for the sibling before it to be settled; a file waits for its owner to be written, and
the owner's finishing (``item.open_files``) for its files. The counts are made by ``prepare`` and
kept up to date by each answer, so that the next records to write are one indexed query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
import peewee as pw

from ztoq_core.contracts import Content, Written
from ztoq_core.convert import loads
from ztoq_core.records import Attachment, Kind, Record, Ref, TestCase
from ztoq_core.store.files import Kept
from ztoq_core.store.intake import FINAL
from ztoq_core.store.jobs import (
    Answered,
    Doubt,
    Intent,
    Job,
    Stored,
    answer_row,
    written_of,
)
from ztoq_core.store.models import Side, State, now, tuples
from ztoq_core.store.notes import chunks, clean, save_notes

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["Outbox"]

BAD = (State.FAILED, State.BLOCKED, State.REJECTED, State.GONE, State.DELETED)
SETTLED = (*BAD, State.SKIPPED, State.FINISHED, State.WRITTEN, State.CONFLICT)
_SAME = ("id", "kind", "key", "rank")
ARRIVED = (State.WRITTEN, State.FINISHED, State.CONFLICT)


class Outbox:
    """Queries run in any thread; methods that change something are operations for the writer."""

    def __init__(self, store: Store) -> None:
        """Work on ``store``."""
        self._store = store
        self._item = store.item_table
        self._edge = store.edge_table

    # ---------------------------------------------------------------------------- preparation

    def prepare(self, take_conflicts: bool = False) -> None:  # noqa: FBT001, FBT002 - one caller
        """Bring states and counts in order after whatever happened before.

        ``take_conflicts``: records in conflict are to be written after all.
        """
        item = self._item
        self._store.drop_meta(FINAL)
        if take_conflicts:
            item.update(state=State.READY, reason="").where(item.state == State.CONFLICT).execute()
        item.update(state=State.UNKNOWN, reason="the run ended before the answer was stored").where(
            item.state == State.SENDING
        ).execute()
        item.update(state=State.READY, reason="").where(
            (item.state == State.BLOCKED) & ~item.target.is_null()
        ).execute()
        self._pass_on(BAD, State.BLOCKED)
        self._pass_on((State.SKIPPED,), State.SKIPPED)
        item.update(waiting=self._unsettled(), open_files=self._unsettled_files()).where(
            item.state << (State.READY, State.WRITTEN, State.UNKNOWN)
        ).execute()

    def _pass_on(self, states: Collection[State], becomes: State) -> None:
        """Give the children of records in ``states`` their state, generation by generation."""
        item, edge, parent = self._item, self._edge, self._item.alias()
        absent: Any = False
        if becomes is State.BLOCKED:
            absent = parent.id.is_null() | (
                (parent.state == State.CONFLICT) & parent.target_id.is_null()
            )
        while True:
            children = (
                edge.select(edge.child)
                .join(
                    parent,
                    pw.JOIN.LEFT_OUTER,
                    on=(parent.kind == edge.kind) & (parent.key == edge.key),
                )
                .where(
                    (edge.side == Side.TARGET)
                    & (edge.role << ("parent", "owner"))
                    & ((parent.state << list(states)) | absent)
                )
            )
            changed = (
                item.update(state=becomes, reason=f"what it belongs to is {becomes}")
                .where((item.state == State.READY) & (item.id << children))
                .execute()
            )
            if not changed:
                return

    def _unsettled(self) -> pw.ModelSelect[Any]:
        """Count, as a subquery, what the outer record waits for."""
        edge, parent = self._edge, self._item.alias()
        waits = (
            ((edge.role == "parent") & parent.state.not_in((State.FINISHED, State.CONFLICT)))
            | ((edge.role == "owner") & parent.state.not_in(ARRIVED))
            | ((edge.role == "mention") & parent.state.not_in(SETTLED))
            | (
                (edge.role == "after")
                & parent.state.not_in((*BAD, State.SKIPPED, State.FINISHED, State.CONFLICT))
            )
        )
        return (
            edge.select(pw.fn.COUNT(pw.SQL("*")))
            .join(parent, on=(parent.kind == edge.kind) & (parent.key == edge.key))
            .where((edge.child == self._item.id) & (edge.side == Side.TARGET) & waits)
        )

    def _unsettled_files(self) -> pw.ModelSelect[Any]:
        edge, child = self._edge, self._item.alias()
        return (
            edge.select(pw.fn.COUNT(pw.SQL("*")))
            .join(child, on=child.id == edge.child)
            .where(
                (edge.kind == self._item.kind)
                & (edge.key == self._item.key)
                & (edge.side == Side.TARGET)
                & (edge.role == "owner")
                & child.state.not_in(SETTLED)
            )
        )

    # ------------------------------------------------------------------------- what is to do

    def to_write(
        self, kinds: Collection[Kind], keys: Collection[str], busy: Collection[int], limit: int
    ) -> list[Job]:
        """Return records whose turn it is, parents' kinds first.

        ``keys`` narrows them to some records, ``busy`` are row ids that are being worked on.
        """
        item = self._item
        where = (
            (item.state == State.READY)
            & (item.waiting <= 0)
            & (item.kind << list(kinds))
            & ~item.target.is_null()
        )
        if keys:
            where &= item.key << list(keys)
        if busy:
            where &= item.id.not_in(list(busy))
        return self._jobs(where, limit)

    def to_finish(self, busy: Collection[int], limit: int) -> list[Job]:
        """Return written records all of whose files and references are settled."""
        item = self._item
        where = (item.state == State.WRITTEN) & (item.open_files <= 0)
        if busy:
            where &= item.id.not_in(list(busy))
        return [attrs.evolve(job, to_finish=True) for job in self._jobs(where, limit)]

    def in_doubt(self) -> list[Doubt]:
        """Return records of which nobody knows whether they were written, parents first."""
        item = self._item
        query = (
            item.select(item.id, item.kind, item.deadline)
            .where(item.state == State.UNKNOWN)
            .order_by(item.rank, item.id)
        )
        present = now()
        return [
            Doubt(
                number,
                Kind(kind),
                (deadline - present).total_seconds() if deadline else 0.0,
            )
            for number, kind, deadline in tuples(query)
        ]

    def job(self, number: int) -> Job:
        """Return one record with what it refers to, as things stand now."""
        return self._jobs(self._item.id == number, limit=1)[0]

    def taken(self, ref: Ref, target_ids: Sequence[str]) -> set[str]:
        """Return those of the target ids that belong to other records of the same kind."""
        item = self._item
        query = item.select(item.target_id).where(
            (item.kind == ref.kind) & (item.key != ref.key) & (item.target_id << list(target_ids))
        )
        return {number for (number,) in tuples(query)}

    def _jobs(self, where: pw.Expression, limit: int | None) -> list[Job]:
        item = self._item
        query = item.select(
            item.id,
            item.kind,
            item.target,
            item.target_digest,
            item.attempts,
            item.target_id,
            item.pid,
            item.url,
            item.version,
            item.parts,
            item.stamp,
        ).where(where)
        rows = list(tuples(query.order_by(item.rank, item.id).limit(limit)))
        links = self._links([row[0] for row in rows])
        late = self._late([row[0] for row in rows if row[1] == Kind.TEST_LOG and not row[5]])
        return [
            Job(
                item=number,
                record=(record := loads(Kind(kind), bytes(body))),
                digest=digest,
                attempts=attempts,
                written=written_of(*rest),
                links=links.get(number, {}),
                content=self._content(record) if isinstance(record, Attachment) else None,
                late=number in late,
            )
            for number, kind, body, digest, attempts, *rest in rows
        ]

    def _late(self, numbers: Sequence[int]) -> set[int]:
        """Return which of these new records have a later sibling in the target."""
        if not numbers:
            return set()
        item, later = self._item, self._item.alias()
        query = (
            item.select(item.id)
            .join(
                later,
                on=(later.sibling_group == item.sibling_group)
                & (later.sibling_order > item.sibling_order),
            )
            .where((item.id << list(numbers)) & ~later.target_id.is_null())
            .distinct()
        )
        return {number for (number,) in tuples(query)}

    def _links(self, children: Sequence[int]) -> dict[int, dict[Ref, Written | None]]:
        edge, item = self._edge, self._item
        query = (
            edge.select(
                edge.child,
                edge.kind,
                edge.key,
                item.target_id,
                item.pid,
                item.url,
                item.version,
                item.parts,
                item.stamp,
            )
            .join(item, pw.JOIN.LEFT_OUTER, on=(item.kind == edge.kind) & (item.key == edge.key))
            .where(
                (edge.child << list(children)) & (edge.side == Side.TARGET) & (edge.role != "after")
            )
        )
        links: dict[int, dict[Ref, Written | None]] = {}
        for child, kind, key, *rest in tuples(query):
            links.setdefault(child, {})[Ref(Kind(kind), key)] = written_of(*rest)
        return links

    def _content(self, record: Attachment) -> Content | None:
        row = self._store.file_table.get_or_none(self._store.file_table.sha256 == record.sha256)
        if row is None:
            return None
        kept = Kept(sha256=row.sha256, size=row.size, media_type=row.media_type, path=row.path)
        return self._store.contents.content(record.name, kept)

    def stored(self, kind: Kind, after: int, limit: int) -> list[tuple[int, Stored]]:
        """Return what stands in the target by kind, by row id."""
        item = self._item
        query = (
            item.select(
                item.id,
                item.key,
                item.target,
                item.target_id,
                item.pid,
                item.url,
                item.version,
                item.parts,
                item.stamp,
            )
            .where(
                (item.kind == kind)
                & ~item.target_id.is_null()
                & ~item.target.is_null()
                & (item.id > after)
            )
            .order_by(item.id)
            .limit(limit)
        )
        found = []
        for number, key, body, *rest in tuples(query):
            written = written_of(*rest)
            if written:
                found.append((number, Stored(Ref(kind, key), written, loads(kind, bytes(body)))))
        return found

    def stored_under(self, kind: Kind, owner: Kind, keys: Sequence[str]) -> list[Stored]:
        """Return the records of ``kind`` in the target that belong to these owners."""
        item, edge = self._item, self._edge
        query = (
            item.select(item.key, item.target, item.target_id)
            .join(edge, on=edge.child == item.id)
            .where(
                (item.kind == kind)
                & ~item.target_id.is_null()
                & (edge.side == Side.TARGET)
                & (edge.kind == owner)
                & (edge.key << list(keys))
                & (edge.role << ("parent", "owner"))
            )
        )
        return [
            Stored(Ref(kind, key), Written(target_id=target_id), loads(kind, bytes(body)))
            for key, body, target_id in tuples(query)
            if body
        ]

    def left(self) -> int:
        """Return how many records are still to be written or finished."""
        item = self._item
        return int(item.select().where(item.state << (State.READY, State.WRITTEN)).count())

    def break_circle(self, kinds: Collection[Kind], keys: Collection[str]) -> Ref | None:
        """Release one record that only waits for what it mentions; return it, or None.

        ``kinds`` and ``keys`` as for ``to_write``: what may not be written now waits rightly.
        """
        item, edge, parent = self._item, self._edge, self._item.alias()
        held = (
            edge.select(edge.child)
            .join(parent, on=(parent.kind == edge.kind) & (parent.key == edge.key))
            .where(
                (edge.side == Side.TARGET)
                & (
                    ((edge.role == "parent") & (parent.state != State.FINISHED))
                    | ((edge.role == "owner") & parent.state.not_in(ARRIVED))
                    | ((edge.role == "after") & (parent.state << (State.READY, State.UNKNOWN)))
                    | ((edge.role == "mention") & (parent.state == State.UNKNOWN))
                )
            )
        )
        where = (
            (item.state == State.READY)
            & (item.waiting > 0)
            & item.id.not_in(held)
            & (item.kind << list(kinds))
        )
        if keys:
            where &= item.key << list(keys)
        row = next(
            tuples(
                item.select(item.id, item.kind, item.key)
                .where(where)
                .order_by(item.rank, item.id)
                .limit(1)
            ),
            None,
        )
        if row is None:
            return None
        item.update(waiting=0).where(item.id == row[0]).execute()
        return Ref(Kind(row[1]), row[2])

    # -------------------------------------------------------------------- intents and answers

    def intend(self, batch: Sequence[Intent]) -> list[None]:
        """Journal that records are about to be sent, before they are."""
        item = self._item
        deadline = now() + timedelta(seconds=max(each.deadline_s for each in batch))
        item.update(state=State.SENDING, attempts=item.attempts + 1, deadline=deadline).where(
            item.id << [each.job.item for each in batch]
        ).execute()
        self._journal_all(
            [(each.run, each.job.item, "intent", each.job.digest, "") for each in batch]
        )
        return [None] * len(batch)

    def answered(self, batch: Sequence[Answered]) -> list[None]:
        """Store the target's answers, and let go what waited for them."""
        item = self._item
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for each in batch:
            row = answer_row(each)
            alike.setdefault(tuple(row), []).append(row)
        for names, rows in alike.items():
            changed = [getattr(item, name) for name in names if name not in _SAME]
            item.insert_many(rows).on_conflict(
                conflict_target=[item.id], preserve=changed
            ).execute()
        self._journal_all(
            [
                (
                    each.run,
                    each.job.item,
                    each.event,
                    each.job.digest,
                    f"{each.written.target_id} {each.written.pid}",
                )
                for each in batch
            ]
        )
        for stage, finishing in (("load", False), ("finish", True)):
            noted = [
                (each.job.record.ref, each.written.notes)
                for each in batch
                if each.job.to_finish is finishing
                and (each.written.notes or each.job.written is not None)
            ]
            save_notes(self._store, stage, noted)
        first = [each.job.record for each in batch if not each.job.to_finish]
        for each in batch:
            if each.job.written is not None and not each.job.to_finish:
                self._look_for_parts_files(each.job.record)
        self._let_go(first, ("owner", "mention"))
        self._files_settled(first)
        self._let_go([each.job.record for each in batch if each.finished], ("parent", "after"))
        return [None] * len(batch)

    def _look_for_parts_files(self, record: Record) -> None:
        """Put the files of an updated record's parts in doubt: its steps may be new objects now.

        They are looked for by content and only sent where they are not found.
        """
        if not isinstance(record, TestCase):
            return
        item = self._item
        files = [file.key for file in self._files_of(record) if file.part]
        doubted = sum(
            item.update(
                state=State.UNKNOWN,
                reason="the steps of its case were written anew",
                target_id=None,
                written_digest="",
                finished_digest="",
                deadline=None,
            )
            .where(
                (item.kind == Kind.ATTACHMENT)
                & (item.key << list(some))
                & (item.state == State.FINISHED)
            )
            .execute()
            for some in chunks(files)
        )
        if doubted:
            item.update(open_files=item.open_files + doubted).where(
                (item.kind == record.kind) & (item.key == record.key)
            ).execute()

    def _files_of(self, record: Record) -> list[Attachment]:
        item = self._item
        query = item.select(item.target).where(
            (item.kind == Kind.ATTACHMENT)
            & ~item.target.is_null()
            & (item.id << self._children([record], ("owner",)))
        )
        loaded = (loads(Kind.ATTACHMENT, bytes(body)) for (body,) in tuples(query))
        return [file for file in loaded if isinstance(file, Attachment)]

    def refused(self, run: int, job: Job, reason: str) -> None:
        """Store that the target refuses a record; its children are blocked."""
        item = self._item
        item.update(
            state=State.FAILED, reason=clean(reason), refused_digest=job.digest, deadline=None
        ).where(item.id == job.item).execute()
        self._journal(run, job.item, "refused", job.digest, clean(reason))
        self._lost(job.record)

    def conflicts(self, run: int, job: Job, reason: str) -> None:
        """Store that an object was changed by somebody else and is left as it is.

        Where there is none, the record is left out for now: what belongs to it is blocked.
        """
        item = self._item
        item.update(state=State.CONFLICT, reason=clean(reason), deadline=None).where(
            item.id == job.item
        ).execute()
        self._journal(run, job.item, "conflict", job.digest, clean(reason))
        if job.written is None:
            self._lost(job.record)
            return
        self._let_go([job.record], ("owner", "mention", "parent", "after"))
        self._files_settled([job.record])

    def untouched(self) -> bool:
        """Whether nothing was ever written from this store."""
        item = self._item
        return not item.select().where(item.created_run > 0).exists()

    def doubt_marked(self, kind: Kind, keys: Sequence[str]) -> int:
        """Put in doubt what is ready and whose key was seen in the target; return how many."""
        item = self._item
        return sum(
            item.update(state=State.UNKNOWN, deadline=None, reason="its mark is in the target")
            .where(
                (item.kind == kind)
                & (item.state << (State.READY, State.BLOCKED))
                & item.target_id.is_null()
                & (item.key << list(some))
            )
            .execute()
            for some in chunks(keys)
        )

    def ready_under(self, kind: Kind, owner: Kind, keys: Sequence[str]) -> list[Record]:
        """Return the records of ``kind`` that belong to these owners, still to be written."""
        item, edge = self._item, self._edge
        query = (
            item.select(item.target)
            .join(edge, on=edge.child == item.id)
            .where(
                (item.kind == kind)
                & (item.state == State.READY)
                & (edge.side == Side.TARGET)
                & (edge.role << ("parent", "owner"))
                & (edge.kind == owner)
                & (edge.key << list(keys))
            )
        )
        return [loads(kind, bytes(body)) for (body,) in tuples(query)]

    def not_sent(self, run: int, job: Job, reason: str) -> None:
        """Store that a record was certainly not stored by the target and stays ready."""
        item = self._item
        item.update(state=State.READY, reason=clean(reason), deadline=None).where(
            item.id == job.item
        ).execute()
        self._journal(run, job.item, "not sent", job.digest, clean(reason))

    def doubted(self, run: int, job: Job, reason: str, settle_s: float) -> None:
        """Store that nobody knows whether the target has a record."""
        item = self._item
        item.update(
            state=State.UNKNOWN,
            reason=clean(reason),
            deadline=now() + timedelta(seconds=settle_s),
        ).where(item.id == job.item).execute()
        self._journal(run, job.item, "doubt", job.digest, clean(reason))

    # ------------------------------------------------------------------------------ inner part

    def _journal(self, run: int, number: int, event: str, digest: str, detail: str = "") -> None:
        self._journal_all([(run, number, event, digest, detail)])

    def _journal_all(self, rows: Sequence[tuple[int, int, str, str, str]]) -> None:
        present = now()
        self._store.journal_table.insert_many(
            [
                {
                    "run": run,
                    "item": number,
                    "at": present,
                    "event": event,
                    "digest": digest,
                    "detail": clean(detail),
                }
                for run, number, event, digest, detail in rows
            ]
        ).execute()

    def _children(self, records: Sequence[Record], roles: Sequence[str]) -> pw.ModelSelect[Any]:
        """Return, as a query of ids, what refers to records of one kind in one of the roles."""
        edge = self._edge
        return edge.select(edge.child).where(
            (edge.kind == records[0].kind)
            & (edge.key << [record.key for record in records])
            & (edge.side == Side.TARGET)
            & (edge.role << list(roles))
        )

    def _let_go(self, records: Sequence[Record], roles: Sequence[str]) -> None:
        """Tell what refers to the records in one of the roles to wait for so many less."""
        item = self._item
        for kind in Kind:
            these = [record for record in records if record.kind is kind]
            counted = Counter(
                child for (child,) in (tuples(self._children(these, roles)) if these else ())
            )
            for less in set(counted.values()):
                children = [child for child, number in counted.items() if number == less]
                for some in chunks(children):
                    item.update(waiting=item.waiting - less).where(
                        (item.waiting >= less) & (item.id << list(some))
                    ).execute()

    def _files_settled(self, records: Sequence[Record]) -> None:
        item = self._item
        owners = Counter(each.owner for each in records if isinstance(each, Attachment))
        for owner, number in owners.items():
            item.update(open_files=item.open_files - number).where(
                (item.kind == owner.kind) & (item.key == owner.key) & (item.open_files >= number)
            ).execute()

    def _lost(self, record: Record) -> None:
        """Block the children of a record that did not arrive; release what only mentioned it."""
        item = self._item
        self._let_go([record], ("mention", "after"))
        self._files_settled([record])
        children = list(
            tuples(
                item.select(item.id, item.kind, item.target).where(
                    (item.state == State.READY)
                    & (item.id << self._children([record], ("parent", "owner")))
                )
            )
        )
        for number, kind, body in children:
            item.update(state=State.BLOCKED, reason=f"{record.ref} did not arrive").where(
                item.id == number
            ).execute()
            self._lost(loads(Kind(kind), bytes(body)))
