"""What extraction writes: pages, completed records, files, rejects and how far it came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import attrs
import peewee as pw

from ztoq_core.contracts import Reject
from ztoq_core.convert import loads, read_json, write_json
from ztoq_core.records import Attachment, Kind, Record, Ref
from ztoq_core.store.attachments import AttachmentStore
from ztoq_core.store.database import Database, batched, reads, writes
from ztoq_core.store.facts import Extracted, Facts
from ztoq_core.store.journal import Event
from ztoq_core.store.records import Listed, SourceRecords
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import clean
from ztoq_core.store.states import ANY, JournalEvent, Side, State, check_transition
from ztoq_core.store.tables import tuples

__all__ = ["Checkpoint", "Completed"]


_NOT_THERE = "no longer in the source"


@attrs.frozen
class Completed:
    """A completed record, first, with what it revealed."""

    run: int
    records: tuple[Record, ...]


@attrs.frozen
class Checkpoint:
    """How far a kind has been listed; ``pass_new`` counts new keys of the present pass."""

    cursor: str | None
    done: bool
    passes: int
    pass_new: int


class ExtractionStore(Repository):
    """How far an extraction came, and the records that it read."""

    def __init__(
        self, database: Database, attachments: AttachmentStore, records: SourceRecords
    ) -> None:
        """Save files through ``attachments`` and all else through ``records``."""
        super().__init__(database)
        self._attachments = attachments
        self._records = records

    # -------------------------------------------------------------------------- checkpoints

    @writes
    def begin(self, run: int, *, stream: bool = False) -> None:
        """Start a new extraction where the last one was complete, else go on with it.

        ``stream``: this run leaves files at the source.
        """
        table = self._tables.checkpoint
        self._outdate(run)
        unfinished = table.select().where(~table.done).exists()
        pending = self._item.select().where(self._item.pending).exists()
        ended = self._facts.extracted is not Extracted.NOT_YET
        # what a quick pass that was stopped did not see, only a whole extraction is sure to see
        stopped = self._facts.quick_pass
        if ended and not unfinished and (stopped or not pending):
            self._facts.drop(Facts.quick_pass, Facts.looked_up, Facts.extracted, Facts.files_left)
            table.delete().execute()
            self._tables.reject.delete().execute()
            self._facts.put(Facts.extraction, run)
        elif not self._facts.extraction:
            self._facts.put(Facts.extraction, run)
        if stream:
            self._facts.put(Facts.files_left, value=True)

    @writes
    def begin_quick(self, run: int, *, stream: bool) -> None:
        """Start a pass over what changed, on top of a complete extraction."""
        self._outdate(run)
        self._facts.put(Facts.quick_pass, value=True)
        if stream:
            self._facts.put(Facts.extracted, Extracted.STREAMED)

    @writes
    def end_quick(self) -> None:
        """Mark a quick pass as ended."""
        self._facts.drop(Facts.quick_pass)

    def _outdate(self, run: int) -> None:
        """Forget the last look and the mapping; the event outdates the validation."""
        self._facts.drop(Facts.final, Facts.mapped, Facts.unread)
        self._journal.add([Event(run, 0, JournalEvent.EXTRACTION)])

    @reads
    def checkpoint(self, kind: Kind) -> Checkpoint:
        """Return how far ``kind`` has been listed."""
        row = self._tables.checkpoint.get_or_none(self._tables.checkpoint.kind == kind)
        if row is None:
            return Checkpoint(None, done=False, passes=0, pass_new=0)
        return Checkpoint(row.cursor, done=row.done, passes=row.passes, pass_new=row.pass_new)

    def _set_checkpoint(self, run: int, kind: Kind, point: Checkpoint) -> None:
        table = self._tables.checkpoint
        table.insert(
            kind=kind,
            run=run,
            cursor=point.cursor,
            done=point.done,
            passes=point.passes,
            pass_new=point.pass_new,
        ).on_conflict(
            conflict_target=[table.kind],
            preserve=[table.run, table.cursor, table.done, table.passes, table.pass_new],
        ).execute()

    @writes
    def note_unread(self, reasons: Mapping[Kind, str]) -> None:
        """Keep why lists could not be read to their ends."""
        self._facts.put(Facts.unread, dict(reasons))

    # -------------------------------------------------------------------------------- pages

    @writes
    def save_page(  # noqa: PLR0913, PLR0917 - one page is one transaction
        self,
        run: int,
        kind: Kind,
        records: Sequence[Record],
        rejects: Sequence[Reject],
        completes: frozenset[Kind],
        point: Checkpoint,
    ) -> list[Listed]:
        """Store a page and how far it brought the list; return what must still be completed."""
        to_do, new = self._save_changed(run, records, rejects, completes)
        self._set_checkpoint(run, kind, attrs.evolve(point, pass_new=point.pass_new + new))
        return to_do

    @writes
    def save_changed(
        self,
        run: int,
        records: Sequence[Record],
        rejects: Sequence[Reject],
        completes: frozenset[Kind],
    ) -> tuple[list[Listed], int]:
        """Store a page; return what must still be completed, and how many keys are new to the run.

        How far any list has come is not touched.
        """
        return self._save_changed(run, records, rejects, completes)

    def _save_changed(
        self,
        run: int,
        records: Sequence[Record],
        rejects: Sequence[Reject],
        completes: frozenset[Kind],
    ) -> tuple[list[Listed], int]:
        last = {record.ref: record for record in records}
        to_do: list[Listed] = []
        new = 0
        for each in Kind:
            these = [record for ref, record in last.items() if ref.kind is each]
            if pictures := [r for r in these if isinstance(r, Attachment) and r.inline]:
                to_do += self._attachments.reveal(run, pictures)
                these = [r for r in these if not (isinstance(r, Attachment) and r.inline)]
            seen = self._seen(each, [record.key for record in these], run)
            new += len(these) - len(seen)
            if each in completes:
                # what was listed in this run as it is now is complete, or about to be
                these = [one for one in these if not _as_seen(one, seen.get(one.key, b""))]
                to_do += self._records.save_listed(these, run)
            else:
                self._records.save_complete(these, run)
        for reject in rejects:
            self._reject(run, reject)
        return to_do, new

    def _seen(self, kind: Kind, keys: Sequence[str], run: int) -> dict[str, bytes]:
        """Return those of the keys that have been seen in this run, with their payloads."""
        text = "SELECT key, payload FROM item WHERE kind = ? AND seen_run = ? AND key IN ??"
        found = self.database.select(text, (kind.value, run), keys)
        return {key: bytes(payload or b"") for key, payload in found}

    # --------------------------------------------------------------------------- completion

    @reads
    def incomplete(self, after: int, limit: int) -> list[Listed]:
        """Return listed records that a stopped extraction left uncompleted, by row id."""
        item = self._item
        query = (
            item.select(item.id, item.kind, item.record, item.payload)
            .where(item.pending & (item.id > after))
            .order_by(item.id)
            .limit(limit)
        )
        return [
            Listed(
                number,
                loads(Kind(kind), bytes(body), read_json(bytes(raw)) if raw else None),
            )
            for number, kind, body, raw in tuples(query)
        ]

    @batched
    def save_completed(self, batch: Sequence[Completed]) -> list[list[Listed]]:
        """Store completed records and what they reveal; return each one's files to be fetched."""
        run = batch[0].run
        whole: list[Record] = []
        files: list[list[Attachment]] = []
        for each in batch:
            whole += [record for record in each.records if not isinstance(record, Attachment)]
            files.append([record for record in each.records if isinstance(record, Attachment)])
        self._records.save_complete(whole, run)
        return [self._attachments.reveal(run, these) for these in files]

    # ------------------------------------------------------------------------------ rejects

    @writes
    def reject(self, run: int, reject: Reject) -> None:
        """Store an object that could not become a record, with its reason and its payload."""
        self._reject(run, reject)

    def _reject(self, run: int, reject: Reject) -> None:
        table = self._tables.reject
        payload = write_json(reject.raw)
        key = clean(reject.key) or f"unnamed-{hashlib.sha256(payload).hexdigest()[:12]}"
        table.insert(
            kind=reject.kind,
            key=key,
            reason=clean(reject.reason),
            payload=clean(payload.decode("utf-8", "replace")),
        ).on_conflict_ignore().execute()
        item = self._item
        check_transition(ANY, State.REJECTED)  # whatever it is, the source has no usable record
        item.insert(
            kind=reject.kind,
            key=key,
            rank=reject.kind.rank,
            state=State.REJECTED,
            reason=clean(reject.reason),
            seen_run=run,
        ).on_conflict(
            conflict_target=[item.kind, item.key],
            preserve=[item.state, item.reason, item.cause, item.seen_run],
            update={item.pending: False},
        ).execute()

    # ------------------------------------------------------- references that were not listed

    @reads
    def unlisted(self, kinds: Iterable[Kind], limit: int) -> list[Ref]:
        """Return names that records of this extraction refer to and that no list of it held."""
        edge, item, child = self._edge, self._item, self._item.alias()
        begun = self._facts.extraction
        query = (
            edge.select(edge.kind, edge.key)
            .join(child, on=child.id == edge.child)
            .switch(edge)
            .join(item, pw.JOIN.LEFT_OUTER, on=(item.kind == edge.kind) & (item.key == edge.key))
            .where(
                (edge.side == Side.SOURCE)
                & (edge.kind << list(kinds))
                & (child.seen_run >= begun)
                & (item.id.is_null() | (item.seen_run < begun))
            )
            .distinct()
            .limit(limit)
        )
        return [Ref(Kind(kind), key) for kind, key in tuples(query)]

    @writes
    def save_resolved(
        self, run: int, records: Sequence[Record], *, derived: bool = False
    ) -> list[Listed]:
        """Store records that were looked up by name; return the files still to be fetched."""
        if derived:
            pictures = [record for record in records if isinstance(record, Attachment)]
            whole = [record for record in records if not isinstance(record, Attachment)]
            self._records.save_complete(whole, run, derived=True)
            return self._attachments.reveal(run, pictures)
        kind = records[0].kind
        if not self._seen(kind, [records[0].key], run):  # else a run that stopped had found it
            looked_up = self._facts.looked_up
            looked_up[kind] = looked_up.get(kind, 0) + 1
            self._facts.put(Facts.looked_up, looked_up)
        return self.save_completed.body([Completed(run, tuple(records))])[0]

    @writes
    def mark_gone(self, run: int, ref: Ref) -> bool:
        """Mark a record as gone that the source gave earlier; return False where it never did.

        Its object in the target stays as it is.
        """
        item = self._item
        known = (
            (item.kind == ref.kind) & (item.key == ref.key) & ~item.record.is_null() & ~item.derived
        )
        return bool(self._transitions.move(ANY, State.GONE, known, reason=_NOT_THERE, seen_run=run))

    @reads
    def latest_log_of(self, case: Ref) -> Record | None:
        """Return the newest log of a case that has step results, for the steps of its stub."""
        edge, item = self._edge, self._item
        query = (
            item.select(item.kind, item.record)
            .join(edge, on=edge.child == item.id)
            .where(
                (edge.side == Side.SOURCE)
                & (edge.kind == case.kind)
                & (edge.key == case.key)
                & (item.kind == Kind.TEST_LOG)
            )
            .order_by(item.sibling_order.desc())
        )
        for kind, body in tuples(query):
            log = loads(Kind(kind), bytes(body))
            if getattr(log, "results", ()):
                return log
        return None

    @writes
    def finish(self, *, streamed: bool = False) -> int:
        """Mark the extraction as ended and what it no longer saw as gone; return how many.

        ``streamed``: files were left at the source, so what is here is not complete. Where a list
        was not read to its end the extraction has not ended, and nobody knows what is gone.
        """
        if self._tables.checkpoint.select().where(~self._tables.checkpoint.done).exists():
            return 0
        item = self._item
        begun = self._facts.extraction
        unseen = (
            (item.seen_run < begun)
            & ~item.derived
            & (~item.record.is_null() | (item.state == State.REJECTED))
        )
        present = [state for state in State if state not in {State.GONE, State.DELETED}]
        lost = self._transitions.move(present, State.GONE, unseen, reason=_NOT_THERE)
        streamed = streamed or self._facts.files_left
        ended = Extracted.STREAMED if streamed else Extracted.COMPLETE
        self._facts.put(Facts.extracted, ended)
        return lost


def _as_seen(record: Record, payload: bytes) -> bool:
    """Whether a listed record is as it was listed before; completing it added to the payload."""
    if not payload or record.raw is None:
        return False
    before = read_json(payload)
    return all(before.get(name) == value for name, value in record.raw.items())
