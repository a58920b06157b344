"""What may be written next, what was sent, and what the target answered."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import attrs

from ztoq_core.contracts import Content, Skip, Written
from ztoq_core.convert import dumps, loads
from ztoq_core.records import ADDRESS, Attachment, Kind, Record, Ref, TestCase
from ztoq_core.store.attachments import save_files, with_content
from ztoq_core.store.database import Database, batched, reads, writes
from ztoq_core.store.dependencies import Dependencies
from ztoq_core.store.file_store import FileStore, StoredFile
from ztoq_core.store.journal import Event
from ztoq_core.store.load_jobs import (
    Answered,
    Intent,
    LoadJob,
    answer_row,
    written_or_none,
)
from ztoq_core.store.records import references, save_notes
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import clean, placeholders
from ztoq_core.store.states import Cause, JournalEvent, Origin, Role, Side, State
from ztoq_core.store.tables import MAPPED, WITH_TARGET
from ztoq_core.store.target_index import TargetIndex

_JOB = f"""SELECT id, kind, target, target_digest, attempts, target_id, pid, url, version, parts,
    stamp, cause FROM {WITH_TARGET}"""
# asked like this, SQLite looks among the siblings and not among all logs in the target
_LATE = """SELECT DISTINCT item.id FROM item JOIN item later
    ON later.kind = item.kind AND later.sibling_group = item.sibling_group
    AND later.turn > item.turn
    WHERE COALESCE(later.target_id, '') <> '' AND item.id IN ??"""
LINKS = """SELECT child, edge.kind, edge.key, target_id, pid, url, version, parts, stamp
    FROM edge LEFT JOIN item ON item.kind = edge.kind AND item.key = edge.key
    WHERE side = ? AND role <> 'after' AND child IN ??"""


class LoadStore(Repository):
    """The records to write, the intents and the answers."""

    def __init__(
        self,
        database: Database,
        files: FileStore,
        dependencies: Dependencies,
        index: TargetIndex,
    ) -> None:
        """Read contents from ``files``; keep ``dependencies`` up to date with each answer."""
        super().__init__(database)
        self._files = files
        self._dependencies = dependencies
        self._index = index

    # ------------------------------------------------------------------------- what is to do

    @reads
    def next_jobs(
        self, kinds: Collection[Kind], keys: Collection[str], busy: Collection[int], limit: int
    ) -> list[LoadJob]:
        """Return the records that may be written now, parents' kinds first.

        ``keys`` narrows them to some records, ``busy`` are row ids that are being worked on.
        """
        where = f"state = ? AND waiting = 0 AND {MAPPED}"
        values: list[Any] = [State.READY.value]
        where += f" AND kind IN {placeholders(kinds)}"
        values += [kind.value for kind in kinds]
        if keys:
            where += f" AND key IN {placeholders(keys)}"
            values += keys
        if busy:
            where += f" AND id NOT IN {placeholders(busy)}"
            values += busy
        return self._jobs(where, values, limit)

    @reads
    def jobs_to_finish(self, busy: Collection[int], limit: int) -> list[LoadJob]:
        """Return written records all of whose files and references are settled."""
        where, values = f"state = '{State.WRITTEN}' AND open_files = 0", [*busy]
        if busy:
            where += f" AND id NOT IN {placeholders(busy)}"
        return [attrs.evolve(job, to_finish=True) for job in self._jobs(where, values, limit)]

    @reads
    def in_doubt(self) -> list[tuple[int, Ref, str]]:
        """Return what is in doubt: rows, names and reasons; parents first."""
        text = """SELECT id, kind, key, reason FROM item WHERE state = ? AND before_delete = ''
            ORDER BY rank, id"""
        found = self.database.select(text, (State.UNKNOWN,))
        return [(number, Ref(Kind(kind), key), reason) for number, kind, key, reason in found]

    @reads
    def job(self, number: int) -> LoadJob:
        """Return one record with what it refers to, as it is now."""
        return self._jobs("id = ?", [number], limit=1)[0]

    def _jobs(self, where: str, values: Sequence[Any], limit: int) -> list[LoadJob]:
        text = f"{_JOB} WHERE {where} ORDER BY rank, id LIMIT {limit}"
        rows = list(self.database.select(text, values))
        links = self._links([row[0] for row in rows])
        late = self._late([row[0] for row in rows if row[1] == Kind.TEST_LOG and not row[5]])
        return [
            LoadJob(
                item=number,
                record=(record := loads(Kind(kind), bytes(body))),
                digest=digest,
                attempts=attempts,
                written=written_or_none(*rest),
                links=links.get(number, {}),
                content=self._content(record) if isinstance(record, Attachment) else None,
                late=number in late,
                again=cause == Cause.REFINISH,
            )
            for number, kind, body, digest, attempts, *rest, cause in rows
        ]

    def _late(self, numbers: Sequence[int]) -> set[int]:
        """Return which of these new records have a later sibling in the target."""
        return {number for (number,) in self.database.select(_LATE, (), numbers)}

    def _links(self, children: Sequence[int]) -> dict[int, dict[Ref, Written | None]]:
        links: dict[int, dict[Ref, Written | None]] = {}
        for child, kind, key, *rest in self.database.select(LINKS, (Side.TARGET.value,), children):
            links.setdefault(child, {})[Ref(Kind(kind), key)] = written_or_none(*rest)
        return links

    @reads
    def links_of(self, record: Record) -> dict[Ref, Written | None]:
        """Return what a record refers to, which need not be the one that is mapped now."""
        keys: dict[Kind, list[str]] = {}
        for _, ref in references(record):
            keys.setdefault(ref.kind, []).append(ref.key)
        text = """SELECT key, target_id, pid, url, version, parts, stamp FROM item
            WHERE kind = ? AND key IN ??"""
        return {
            Ref(kind, key): written_or_none(*rest)
            for kind, these in keys.items()
            for key, *rest in self.database.select(text, (kind.value,), these)
        }

    def _content(self, record: Attachment) -> Content | None:
        text = "SELECT size, media_type, path FROM file WHERE sha256 = ?"
        for size, media_type, path in self.database.select(text, (record.sha256,)):
            kept = StoredFile(sha256=record.sha256, size=size, media_type=media_type, path=path)
            return self._files.content(record.name, kept)
        return None

    @reads
    def remaining(self) -> int:
        """Return how many records are still to be written or finished."""
        text = "SELECT COUNT(*) FROM item WHERE state IN (?, ?)"
        ((number,),) = self.database.select(text, (State.READY, State.WRITTEN))
        return int(number)

    # -------------------------------------------------------------------- intents and answers

    @batched
    def record_intents(self, batch: Sequence[Intent]) -> list[bool]:
        """Journal that records are about to be sent, before they are; return which may be sent.

        A parent that fails late blocks what was handed out already.
        """
        sent = self._transitions.start_sending([each.job.item for each in batch])
        self._journal.add(
            [
                Event(each.run, each.job.item, JournalEvent.INTENT, each.job.digest)
                for each in batch
                if each.job.item in sent
            ]
        )
        return [each.job.item in sent for each in batch]

    @batched
    def record_answers(self, batch: Sequence[Answered]) -> list[None]:
        """Store the target's answers, and release what waited for them."""
        alike: dict[tuple[State, tuple[str, ...]], list[dict[str, Any]]] = {}
        for each in batch:
            row = answer_row(each)
            state = State.FINISHED if each.finished else State.WRITTEN
            alike.setdefault((state, tuple(row)), []).append(row)
        for (state, _), rows in alike.items():
            self._transitions.save_rows(state, rows, keep=("kind", "key", "rank"))
        self._journal.add(
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
        for origin, finishing in ((Origin.LOAD, False), (Origin.FINISH, True)):
            noted = [
                (each.job.record.ref, each.written.notes)
                for each in batch
                if each.job.to_finish is finishing
                # an earlier attempt may have left notes
                and (each.written.notes or each.job.written is not None or each.job.attempts)
            ]
            save_notes(self.database, origin, noted)
        first = [each.job.record for each in batch if not each.job.to_finish]
        self._dependencies.finish_again(
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
        self._dependencies.release_dependents(first, (Role.OWNER, Role.MENTION))
        self._dependencies.files_settled(first)
        finished = [each for each in batch if each.finished]
        outdated = self._outdated(finished)
        self._dependencies.release_dependents(
            [each.job.record for each in finished if each.job.item not in outdated],
            (Role.PARENT, Role.AFTER),
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
            if (
                each.job.to_finish
                and lacked
                and self._index.keys_in_target.body(Kind.REQUIREMENT, lacked)
            ):
                outdated.add(each.job.item)
        self._transitions.move_rows(list(outdated), State.WRITTEN, finished_digest="")
        return outdated

    def _look_for_parts_files(self, record: Record) -> None:
        """Put the files of an updated record's parts in doubt: its steps may be new objects now.

        They are looked for by content and only sent if they are not found.
        """
        if not isinstance(record, TestCase):
            return
        files = [file.key for file in self._files_of(record) if file.part]
        doubted = self._transitions.move(
            (State.FINISHED,),
            State.UNKNOWN,
            "kind = ? AND key IN ??",
            (Kind.ATTACHMENT,),
            files,
            reason="the steps of its case were written again",
            target_id=None,
            written_digest="",
            finished_digest="",
        )
        if doubted:
            self._dependencies.count_files(record, files)

    def _files_of(self, record: Record) -> list[Attachment]:
        rows = self._dependencies.children(record.kind, [record.key], (Role.OWNER,))
        text = f"SELECT target FROM {WITH_TARGET} WHERE kind = ? AND {MAPPED} AND id IN ??"
        found = self.database.select(text, (Kind.ATTACHMENT,), rows)
        loaded = (loads(Kind.ATTACHMENT, bytes(body)) for (body,) in found)
        return [file for file in loaded if isinstance(file, Attachment)]

    @writes
    def record_refusal(self, run: int, job: LoadJob, reason: str) -> None:
        """Store that the target refuses a record; its children are blocked."""
        self._change(
            run, job, State.FAILED, JournalEvent.REFUSED, reason, refused_digest=job.digest
        )
        self._dependencies.block_dependents(job.record, written=job.to_finish)

    @writes
    def record_skip(self, run: int, job: LoadJob, skip: Skip) -> None:
        """Store that the target is not to get a record for now; what mentions it does without.

        What belongs to it is left out as well.
        """
        self._change(run, job, State.SKIPPED, JournalEvent.LEFT_OUT, skip.why, loss=skip.loss)
        noted = [skip.code.note(skip.why)] if skip.code else []
        save_notes(self.database, Origin.LOAD, [(job.record.ref, noted)])
        self._dependencies.skip_dependents(job.record)

    @writes
    def record_conflict(self, run: int, job: LoadJob, reason: str) -> None:
        """Store that an object was changed by others and is left as it is.

        If there is none, the record is left out for now: what belongs to it is blocked.
        """
        self._change(run, job, State.CONFLICT, JournalEvent.CONFLICT, reason)
        if job.written is None:
            self._dependencies.block_dependents(job.record)
            return
        self._dependencies.release_dependents([job.record], (Role.PARENT, Role.AFTER))
        if not job.to_finish:  # else these were released when it was written
            self._dependencies.release_dependents([job.record], (Role.OWNER, Role.MENTION))
            self._dependencies.files_settled([job.record])

    @writes
    def record_not_sent(self, run: int, job: LoadJob, reason: str) -> None:
        """Store that a record was certainly not stored by the target and stays ready."""
        self._change(run, job, State.READY, JournalEvent.NOT_SENT, reason)

    @writes
    def record_doubt(self, run: int, job: LoadJob, reason: str) -> None:
        """Store that a record is in doubt: the target may or may not have it."""
        self._change(run, job, State.UNKNOWN, JournalEvent.DOUBT, reason)

    @writes
    def save_content(self, job: LoadJob, kept: StoredFile) -> LoadJob:
        """Store what a file is that was not read before; return the job as it is then."""
        if not isinstance(job.record, Attachment):
            return job
        if kept.path:
            save_files(self.database, [kept])
        target = with_content(job.record, kept)
        body = dumps(target)
        digest = hashlib.sha256(body).hexdigest()
        execute = self.database.execute
        execute("UPDATE item SET target_digest = ? WHERE id = ?", (digest, job.item))
        execute("UPDATE target_body SET target = ? WHERE item = ?", (body, job.item))
        text = "SELECT record FROM source_body WHERE item = ?"
        for (held,) in self.database.select(text, (job.item,)):
            source = loads(Kind.ATTACHMENT, bytes(held))
            if isinstance(source, Attachment):
                own = dumps(with_content(source, kept))
                values = (hashlib.sha256(own).hexdigest(), job.item)
                execute("UPDATE item SET digest = ? WHERE id = ?", values)
                execute("UPDATE source_body SET record = ? WHERE item = ?", (own, job.item))
        return attrs.evolve(job, record=target, digest=digest)

    # ------------------------------------------------------------------------------ inner part

    def _change(
        self,
        run: int,
        job: LoadJob,
        state: State,
        event: JournalEvent,
        reason: str,
        **columns: Any,
    ) -> None:
        """Change a record's state, and journal why."""
        self._transitions.move_rows([job.item], state, reason=clean(reason), **columns)
        self._journal.add([Event(run, job.item, event, job.digest, reason)])


def _steps_changed(record: Record) -> bool:
    """Whether finishing a record wrote its steps again, with the addresses in their texts."""
    return (
        bool(record.text_refs)
        and isinstance(record, TestCase)
        and any(
            ADDRESS in text
            for step in record.steps
            for text in (step.description, step.data, step.expected)
        )
    )
