"""The load stage's side of a store: what may be written next, intents, answers, decisions."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from ztoq_core.contracts import Content, Skip, Written
from ztoq_core.convert import dumps, loads
from ztoq_core.records import ADDRESS, Attachment, Kind, Level, Note, Record, Ref, TestCase
from ztoq_core.store.files import Kept
from ztoq_core.store.intake import references, with_content
from ztoq_core.store.jobs import (
    Answered,
    Intent,
    Job,
    Stored,
    answer_row,
    written_of,
)
from ztoq_core.store.journal import Event
from ztoq_core.store.models import Side, State, tuples
from ztoq_core.store.notes import chunks, clean, save_notes
from ztoq_core.store.statements import Rows, ask, change, marks
from ztoq_core.store.turns import AGAIN

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["Outbox"]


_SAME = ("id", "kind", "key", "rank")


_JOB = """SELECT id, kind, target, target_digest, attempts, target_id, pid, url, version, parts,
    stamp, reason FROM item"""
# asked like this, SQLite looks among the siblings and not among all logs that stand in the target
_LATE = """SELECT DISTINCT item.id FROM item JOIN item later
    ON later.kind = item.kind AND later.sibling_group = item.sibling_group
    AND later.turn > item.turn
    WHERE COALESCE(later.target_id, '') <> '' AND item.id IN ??"""
_LINKS = """SELECT child, edge.kind, edge.key, target_id, pid, url, version, parts, stamp
    FROM edge LEFT JOIN item ON item.kind = edge.kind AND item.key = edge.key
    WHERE side = ? AND role <> 'after' AND child IN ??"""


class Outbox:
    """Queries run in any thread; methods that change something are operations for the writer."""

    def __init__(self, store: Store) -> None:
        """Work on ``store``."""
        self._store = store
        self._item = store.item_table
        self._edge = store.edge_table
        self._turns = store.turns
        self._answers: dict[tuple[str, ...], Rows] = {}

    # ------------------------------------------------------------------------- what is to do

    def to_write(
        self, kinds: Collection[Kind], keys: Collection[str], busy: Collection[int], limit: int
    ) -> list[Job]:
        """Return records whose turn it is, parents' kinds first.

        ``keys`` narrows them to some records, ``busy`` are row ids that are being worked on.
        """
        where = "state = ? AND waiting = 0 AND target IS NOT NULL"
        values: list[Any] = [State.READY.value]
        where += f" AND kind IN {marks(kinds)}"
        values += [kind.value for kind in kinds]
        if keys:
            where += f" AND key IN {marks(keys)}"
            values += keys
        if busy:
            where += f" AND id NOT IN {marks(busy)}"
            values += busy
        return self._jobs(where, values, limit)

    def to_finish(self, busy: Collection[int], limit: int) -> list[Job]:
        """Return written records all of whose files and references are settled."""
        where, values = f"state = '{State.WRITTEN}' AND open_files = 0", [*busy]
        if busy:
            where += f" AND id NOT IN {marks(busy)}"
        return [attrs.evolve(job, to_finish=True) for job in self._jobs(where, values, limit)]

    def in_doubt(self) -> list[tuple[int, Ref, str]]:
        """Return what nobody knows whether the target has: rows, names, why; parents first."""
        item = self._item
        query = (
            item.select(item.id, item.kind, item.key, item.reason)
            .where((item.state == State.UNKNOWN) & (item.before_delete == ""))
            .order_by(item.rank, item.id)
        )
        return [
            (number, Ref(Kind(kind), key), reason) for number, kind, key, reason in tuples(query)
        ]

    def job(self, number: int) -> Job:
        """Return one record with what it refers to, as things stand now."""
        return self._jobs("id = ?", [number], limit=1)[0]

    def taken(self, ref: Ref, target_ids: Sequence[str]) -> set[str]:
        """Return those of the target ids that belong to other records of the same kind."""
        item = self._item
        query = item.select(item.target_id).where(
            (item.kind == ref.kind) & (item.key != ref.key) & (item.target_id << list(target_ids))
        )
        return {number for (number,) in tuples(query)}

    def _jobs(self, where: str, values: Sequence[Any], limit: int) -> list[Job]:
        text = f"{_JOB} WHERE {where} ORDER BY rank, id LIMIT {limit}"
        rows = list(ask(self._store.database, text, values))
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
                again=reason == AGAIN,
            )
            for number, kind, body, digest, attempts, *rest, reason in rows
        ]

    def _late(self, numbers: Sequence[int]) -> set[int]:
        """Return which of these new records have a later sibling in the target."""
        return {number for (number,) in ask(self._store.database, _LATE, (), numbers)}

    def _links(self, children: Sequence[int]) -> dict[int, dict[Ref, Written | None]]:
        links: dict[int, dict[Ref, Written | None]] = {}
        for child, kind, key, *rest in ask(
            self._store.database, _LINKS, (Side.TARGET.value,), children
        ):
            links.setdefault(child, {})[Ref(Kind(kind), key)] = written_of(*rest)
        return links

    def links_of(self, record: Record) -> dict[Ref, Written | None]:
        """Return what a record refers to, which need not be the one that is mapped now."""
        keys: dict[Kind, list[str]] = {}
        for _, ref in references(record):
            keys.setdefault(ref.kind, []).append(ref.key)
        text = """SELECT key, target_id, pid, url, version, parts, stamp FROM item
            WHERE kind = ? AND key IN ??"""
        return {
            Ref(kind, key): written_of(*rest)
            for kind, these in keys.items()
            for key, *rest in ask(self._store.database, text, (kind.value,), these)
        }

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

    def standing(self, kind: Kind, target_ids: Sequence[str]) -> list[tuple[str, int]]:
        """Return those of the target ids that records of ``kind`` have, each with its row id."""
        text = """SELECT target_id, id FROM item
            WHERE kind = ? AND target IS NOT NULL AND target_id IN ??"""
        found = ask(self._store.database, text, (kind.value,), target_ids)
        return [(target_id, row) for target_id, row in found]

    def standing_keys(self, kind: Kind, keys: Sequence[str]) -> set[str]:
        """Return those of the keys whose records stand in the target."""
        text = """SELECT key FROM item
            WHERE kind = ? AND target IS NOT NULL AND target_id IS NOT NULL AND key IN ??"""
        return {key for (key,) in ask(self._store.database, text, (kind.value,), keys)}

    def standing_rows(self, kind: Kind, after: int, limit: int) -> list[tuple[int, str, str]]:
        """Return row ids, keys and target ids of what is in the target by kind, by row id."""
        text = """SELECT id, key, target_id FROM item WHERE kind = ? AND id > ?
            AND target IS NOT NULL AND target_id IS NOT NULL ORDER BY id LIMIT ?"""
        found = ask(self._store.database, text, (kind.value, after, limit))
        return [(number, key, target_id) for number, key, target_id in found]

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

    # -------------------------------------------------------------------- intents and answers

    def intend(self, batch: Sequence[Intent]) -> list[None]:
        """Journal that records are about to be sent, before they are."""
        text = "UPDATE item SET state = ?, attempts = attempts + 1 WHERE id IN ??"
        numbers = [each.job.item for each in batch]
        change(self._store.database, text, (State.SENDING.value,), numbers)
        self._store.journal.add(
            [Event(each.run, each.job.item, "intent", each.job.digest) for each in batch]
        )
        return [None] * len(batch)

    def answered(self, batch: Sequence[Answered]) -> list[None]:
        """Store the target's answers, and let go what waited for them."""
        alike: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
        for each in batch:
            row = answer_row(each)
            alike.setdefault(tuple(row), []).append(tuple(row.values()))
        for names, rows in alike.items():
            if names not in self._answers:
                self._answers[names] = Rows(self._item, names, key=("id",), keep=_SAME)
            self._answers[names].save(rows)
        self._store.journal.add(
            [
                Event(
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
                # an earlier attempt may have left notes
                and (each.written.notes or each.job.written is not None or each.job.attempts)
            ]
            save_notes(self._store, stage, noted)
        first = [each.job.record for each in batch if not each.job.to_finish]
        self._turns.finish_again(
            [
                each.job.record
                for each in batch
                if each.job.record.kind is Kind.REQUIREMENT and each.job.written is None
            ]
        )
        for each in batch:
            if each.job.written is not None and (
                not each.job.to_finish or _steps_changed(each.job.record)
            ):
                self._look_for_parts_files(each.job.record)
        self._turns.let_go(first, ("owner", "mention"))
        self._turns.files_settled(first)
        finished = [each for each in batch if each.finished]
        outdated = self._outdated(finished)
        self._turns.let_go(
            [each.job.record for each in finished if each.job.item not in outdated],
            ("parent", "after"),
        )
        return [None] * len(batch)

    def _outdated(self, finished: Sequence[Answered]) -> set[int]:
        """Let finish again what was finished while a requirement came in that it lacked."""
        outdated: set[int] = set()
        for each in finished:
            lacked = [
                ref.key
                for ref in each.job.record.soft_dependencies()
                if ref.kind is Kind.REQUIREMENT and each.job.links.get(ref) is None
            ]
            if each.job.to_finish and lacked and self.standing_keys(Kind.REQUIREMENT, lacked):
                outdated.add(each.job.item)
        text = "UPDATE item SET state = ?, finished_digest = '' WHERE id IN ??"
        change(self._store.database, text, (State.WRITTEN.value,), list(outdated))
        return outdated

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
            self._turns.count_files(record, files)

    def _files_of(self, record: Record) -> list[Attachment]:
        item = self._item
        query = item.select(item.target).where(
            (item.kind == Kind.ATTACHMENT)
            & ~item.target.is_null()
            & (item.id << self._turns.children([record], ("owner",)))
        )
        loaded = (loads(Kind.ATTACHMENT, bytes(body)) for (body,) in tuples(query))
        return [file for file in loaded if isinstance(file, Attachment)]

    def refused(self, run: int, job: Job, reason: str) -> None:
        """Store that the target refuses a record; its children are blocked."""
        item = self._item
        item.update(state=State.FAILED, reason=clean(reason), refused_digest=job.digest).where(
            item.id == job.item
        ).execute()
        self._journal(run, job, "refused", reason)
        self._turns.lost(job.record, written=job.to_finish)

    def left_out(self, run: int, job: Job, skip: Skip) -> None:
        """Store that the target is not to get a record for now; what mentions it does without.

        What belongs to it is left out as well.
        """
        item, reason = self._item, clean(skip.why)
        item.update(state=State.SKIPPED, reason=reason, loss=skip.loss).where(
            item.id == job.item
        ).execute()
        self._journal(run, job, "left out", reason)
        noted = [Note(level=Level.FALLBACK, code=skip.code, text=reason)] if skip.code else []
        save_notes(self._store, "load", [(job.record.ref, noted)])
        self._turns.left_out(job.record)

    def conflicts(self, run: int, job: Job, reason: str) -> None:
        """Store that an object was changed by somebody else and is left as it is.

        Where there is none, the record is left out for now: what belongs to it is blocked.
        """
        item = self._item
        item.update(state=State.CONFLICT, reason=clean(reason)).where(item.id == job.item).execute()
        self._journal(run, job, "conflict", reason)
        if job.written is None:
            self._turns.lost(job.record)
            return
        self._turns.let_go([job.record], ("parent", "after"))
        if not job.to_finish:  # else these were let go when it was written
            self._turns.let_go([job.record], ("owner", "mention"))
            self._turns.files_settled([job.record])

    def untouched(self) -> bool:
        """Whether nothing was ever written from this store."""
        item = self._item
        return not item.select().where(item.created_run > 0).exists()

    def doubt_marked(self, kind: Kind, keys: Sequence[str]) -> int:
        """Put in doubt what is ready and whose key was seen in the target; return how many."""
        item = self._item
        return sum(
            item.update(state=State.UNKNOWN, reason="its mark is in the target")
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
        item.update(state=State.READY, reason=clean(reason)).where(item.id == job.item).execute()
        self._journal(run, job, "not sent", reason)

    def doubted(self, run: int, job: Job, reason: str) -> None:
        """Store that nobody knows whether the target has a record."""
        item = self._item
        item.update(state=State.UNKNOWN, reason=clean(reason)).where(item.id == job.item).execute()
        self._journal(run, job, "doubt", reason)

    def learn(self, job: Job, kept: Kept) -> Job:
        """Store what a file is that was not read before; return the job as it is then."""
        if not isinstance(job.record, Attachment):
            return job
        item = self._item
        if kept.path:
            row = {"sha256": kept.sha256, "size": kept.size, "media_type": kept.media_type}
            self._store.file_table.insert(**row, path=kept.path).on_conflict_ignore().execute()
        target = with_content(job.record, kept)
        body = dumps(target)
        changed = {"target": body, "target_digest": hashlib.sha256(body).hexdigest()}
        (held,) = next(tuples(item.select(item.record).where(item.id == job.item)))
        source = loads(Kind.ATTACHMENT, bytes(held)) if held else None
        if isinstance(source, Attachment):
            own = dumps(with_content(source, kept))
            changed |= {"record": own, "digest": hashlib.sha256(own).hexdigest()}
        item.update(**changed).where(item.id == job.item).execute()
        return attrs.evolve(job, record=target, digest=str(changed["target_digest"]))

    # ------------------------------------------------------------------------------ inner part

    def _journal(self, run: int, job: Job, event: str, detail: str) -> None:
        self._store.journal.add([Event(run, job.item, event, job.digest, detail)])


def _steps_changed(record: Record) -> bool:
    """Whether finishing a record wrote its steps anew, with the addresses in their texts."""
    return (
        bool(record.text_refs)
        and isinstance(record, TestCase)
        and any(
            ADDRESS in text
            for step in record.steps
            for text in (step.description, step.data, step.expected)
        )
    )
