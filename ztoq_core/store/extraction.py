"""What the extraction stores: pages, completed records, rejects, and how far it came."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import attrs

from ztoq_core.contracts import Page, Reject
from ztoq_core.convert import loads, read_json, write_json
from ztoq_core.records import Attachment, Kind, Record, Ref
from ztoq_core.store import tables
from ztoq_core.store.attachments import AttachmentStore
from ztoq_core.store.database import Database, batched, reads, writes
from ztoq_core.store.facts import Extracted, Facts
from ztoq_core.store.journal import Event
from ztoq_core.store.records import Listed, SourceRecords, as_listed
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import BulkInsert, clean, placeholders
from ztoq_core.store.states import ANY, JournalEvent, Origin, Side, State, check_transition
from ztoq_core.store.tables import READ, WITH_SOURCE, Item, RejectRow

_NOT_THERE = "no longer in the source"
_REJECTED = ("kind", "key", "rank", "state", "reason", "cause", "seen_run", "pending")
_POINT = ("kind", "run", "cursor", "done", "passes", "pass_new")
_POINTS = BulkInsert(tables.Checkpoint, _POINT, key=("kind",))
_REJECT = ("kind", "key", "reason")
_REJECTS = BulkInsert(RejectRow, (*_REJECT, "payload"), key=_REJECT, keep=("payload",))
_REJECTED_ITEMS = BulkInsert(Item, _REJECTED, key=("kind", "key"), keep=("rank",))


@attrs.frozen
class Completed:
    """A completed record, first, with what it revealed."""

    run: int
    records: tuple[Record, ...]


@attrs.frozen
class Checkpoint:
    """How far a kind has been listed; ``pass_new`` counts new keys of the present pass."""

    cursor: str | None = None
    done: bool = False
    passes: int = 0
    pass_new: int = 0


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

    @reads
    def last_note(self) -> int:
        """Return the row of the last note, for ``begin``."""
        ((row,),) = self.database.select("SELECT COALESCE(MAX(id), 0) FROM note")
        return int(row)

    @writes
    def begin(self, run: int, *, noted: int, stream: bool = False) -> None:
        """Start a new extraction if the last one was complete, else go on with it.

        A new one forgets what the source noted, up to the row ``noted``: it notes again what still
        is so. ``stream``: this run leaves files at the source.
        """
        self._outdate(run)
        unfinished = self.database.any("checkpoint WHERE NOT done")
        pending = self.database.any("item WHERE pending")
        ended = self._facts.extracted is not Extracted.NOT_YET
        # what a quick pass that was stopped did not see, only a whole extraction is sure to see
        stopped = self._facts.quick_pass
        if ended and not unfinished and (stopped or not pending):
            self._facts.drop(Facts.quick_pass, Facts.looked_up, Facts.extracted, Facts.files_left)
            self.database.execute("DELETE FROM checkpoint")
            self.database.execute("DELETE FROM reject")
            text = "DELETE FROM note WHERE origin = ? AND id <= ?"
            self.database.execute(text, (Origin.SOURCE, noted))
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

    def _outdate(self, run: int) -> None:
        """Forget the final check and the mapping; the event outdates the validation."""
        self._facts.drop(Facts.final, Facts.source_check, Facts.mapped, Facts.unread)
        self._journal.add([Event(run, 0, JournalEvent.EXTRACTION)])

    @reads
    def checkpoint(self, kind: Kind) -> Checkpoint:
        """Return how far ``kind`` has been listed."""
        text = "SELECT cursor, done, passes, pass_new FROM checkpoint WHERE kind = ?"
        return next((Checkpoint(*row) for row in self.database.select(text, (kind,))), Checkpoint())

    def _set_checkpoint(self, run: int, kind: Kind, point: Checkpoint) -> None:
        row = (kind.value, run, point.cursor, point.done, point.passes, point.pass_new)
        self.database.insert(_POINTS, [row])

    # -------------------------------------------------------------------------------- pages

    @writes
    def save_page(
        self, run: int, kind: Kind, page: Page, completes: Collection[Kind], point: Checkpoint
    ) -> list[Listed]:
        """Store a page and how far it brought the list; return what must still be completed."""
        to_do, new = self.save_changed.body(run, page, completes)
        self._set_checkpoint(run, kind, attrs.evolve(point, pass_new=point.pass_new + new))
        return to_do

    @writes
    def save_changed(
        self, run: int, page: Page, completes: Collection[Kind]
    ) -> tuple[list[Listed], int]:
        """Store a page; return what must still be completed, and how many keys are new to the run.

        How far any list has come is not touched.
        """
        last = {record.ref: record for record in page.records}
        to_do: list[Listed] = []
        new = 0
        for each in Kind:
            these = [record for ref, record in last.items() if ref.kind is each]
            seen = self._seen(each, [record.key for record in these], run)
            new += len(these) - len(seen)
            if each not in completes and each is not Kind.ATTACHMENT:
                self._records.save_complete(these, run)
                continue
            # what was listed in this run as it is now is complete, or about to be
            these = [one for one in these if not as_listed(one, seen.get(one.key, b""))]
            if each is Kind.ATTACHMENT:  # as if revealed: what is known of its content stays
                files = [record for record in these if isinstance(record, Attachment)]
                to_do += self._attachments.reveal(run, files)
            else:
                to_do += self._records.save_listed(these, run)
        for reject in page.rejects:
            self.reject.body(run, reject)
        return to_do, new

    def _seen(self, kind: Kind, keys: Sequence[str], run: int) -> dict[str, bytes]:
        """Return those of the keys that have been seen in this run, with their payloads."""
        text = """SELECT key, payload FROM item LEFT JOIN source_body ON source_body.item = item.id
            WHERE kind = ? AND seen_run = ? AND key IN ??"""
        found = self.database.select(text, (kind.value, run), keys)
        return {key: bytes(payload or b"") for key, payload in found}

    @reads
    def rows(self, records: Sequence[Record]) -> list[int]:
        """Return the rows of records; what is not stored has none."""
        text = "SELECT id FROM item WHERE kind = ? AND key IN ??"
        return [
            row
            for kind in dict.fromkeys(record.kind for record in records)
            for (row,) in self.database.select(
                text, (kind,), [record.key for record in records if record.kind is kind]
            )
        ]

    # --------------------------------------------------------------------------- completion

    @reads
    def incomplete(self, after: int, limit: int) -> list[Listed]:
        """Return listed records that a stopped extraction left uncompleted, by row id."""
        text = f"""SELECT id, kind, record, payload FROM {WITH_SOURCE} WHERE pending AND id > ?
            ORDER BY id LIMIT ?"""
        return [
            Listed(number, loads(Kind(kind), bytes(body), read_json(bytes(raw)) if raw else None))
            for number, kind, body, raw in self.database.select(text, (after, limit))
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
        payload = write_json(reject.raw)
        key = clean(reject.key) or f"unnamed-{hashlib.sha256(payload).hexdigest()[:12]}"
        kind, reason = reject.kind.value, clean(reject.reason)
        shown = clean(payload.decode("utf-8", "replace"))
        self.database.insert(_REJECTS, [(kind, key, reason, shown)])
        check_transition(ANY, State.REJECTED)  # in any state: the source has no usable record
        rank, state = reject.kind.rank, State.REJECTED.value
        self.database.insert(_REJECTED_ITEMS, [(kind, key, rank, state, reason, "", run, False)])

    # ------------------------------------------------------- references that were not listed

    @reads
    def unlisted(self, kinds: Collection[Kind], limit: int) -> list[Ref]:
        """Return names that records of this extraction refer to and that no list of it held."""
        begun = self._facts.extraction
        text = f"""SELECT DISTINCT edge.kind, edge.key FROM edge JOIN item child ON child.id = child
            LEFT JOIN item ON item.kind = edge.kind AND item.key = edge.key
            WHERE side = ? AND edge.kind IN {placeholders(kinds)} AND child.seen_run >= ?
            AND (item.id IS NULL OR item.seen_run < ?) LIMIT ?"""
        values = (Side.SOURCE, *kinds, begun, begun, limit)
        return [Ref(Kind(kind), key) for kind, key in self.database.select(text, values)]

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
            known = self._facts.looked_up
            self._facts.put(Facts.looked_up, {**known, kind: known.get(kind, 0) + 1})
        return self.save_completed.body([Completed(run, tuple(records))])[0]

    @writes
    def mark_gone(self, run: int, ref: Ref) -> bool:
        """Mark a record as gone that the source gave earlier; return False if it never did.

        Its object in the target stays as it is.
        """
        known = f"kind = ? AND key = ? AND {READ} AND NOT derived"
        moved = self._transitions.move(
            ANY, State.GONE, known, (ref.kind, ref.key), reason=_NOT_THERE, seen_run=run
        )
        return bool(moved)

    @reads
    def latest_log_of(self, case: Ref) -> Record | None:
        """Return the newest log of a case that has step results, for the steps of its stub."""
        text = f"""SELECT record FROM {WITH_SOURCE} JOIN edge ON child = item.id
            WHERE side = ? AND edge.kind = ? AND edge.key = ? AND item.kind = ?
            ORDER BY sibling_order DESC"""
        values = (Side.SOURCE, case.kind, case.key, Kind.TEST_LOG)
        logs = (loads(Kind.TEST_LOG, bytes(row[0])) for row in self.database.select(text, values))
        return next((log for log in logs if getattr(log, "results", ())), None)

    @writes
    def finish(self, *, streamed: bool = False) -> int:
        """Mark the extraction as ended and what it no longer saw as gone; return how many.

        ``streamed``: files were left at the source. If a list was not read to its end, the
        extraction has not ended, and nothing is known to be gone.
        """
        if self.database.any("checkpoint WHERE NOT done"):
            return 0
        unseen = f"seen_run < ? AND NOT derived AND ({READ} OR state = ?)"
        values = (self._facts.extraction, State.REJECTED)
        present = [state for state in State if state not in {State.GONE, State.DELETED}]
        lost = self._transitions.move(present, State.GONE, unseen, values, reason=_NOT_THERE)
        streamed = streamed or self._facts.files_left
        ended = Extracted.STREAMED if streamed else Extracted.COMPLETE
        self._facts.put(Facts.extracted, ended)
        return lost
