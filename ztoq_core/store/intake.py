"""What extraction writes: pages, completed records, files, rejects and how far it came."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import peewee as pw

from ztoq_core.contracts import Reject
from ztoq_core.convert import dumps, loads, read_json, write_json
from ztoq_core.records import Attachment, Kind, Level, Note, Record, Ref
from ztoq_core.store.files import Kept
from ztoq_core.store.journal import Event
from ztoq_core.store.models import PRUNED, Side, State, tuples
from ztoq_core.store.notes import add_note, chunks, clean, save_notes
from ztoq_core.store.queries import LOOKED_UP, UNREAD
from ztoq_core.store.statements import Rows, ask, change

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = [
    "COMPLETE",
    "FINAL",
    "MAPPED",
    "QUICK",
    "STREAMED",
    "Checkpoint",
    "Completed",
    "Fetched",
    "Intake",
    "Listed",
    "references",
    "replace_edges",
    "with_content",
]

FINAL = "final"
"""The store's fact about the last look at the source."""

MAPPED = "mapped"
"""The store's fact that the mapping came to its end after the last extraction."""

QUICK = "quick pass"
"""The store's fact that a quick pass was begun and not ended."""

COMPLETE, STREAMED = "complete", "streamed"
"""How an extraction ended: with everything here, or with files left at the source."""

_LEFT = "files left"
"""The store's fact that says whether a run of the present extraction left files at the source."""

# what was pruned and is back in the source is a new record
_STATE = f"""state = CASE
    WHEN item.state IN ('{State.LISTED}', '{State.GONE}', '{State.REJECTED}')
    OR (item.state = '{State.DELETED}' AND item.reason = '{PRUNED}')
    THEN excluded.state ELSE item.state END"""


@attrs.frozen
class Listed:
    """A record that was listed and must still be completed."""

    item: int
    record: Record


@attrs.frozen
class Completed:
    """A completed record, first, with what it revealed."""

    run: int
    records: tuple[Record, ...]


@attrs.frozen
class Fetched:
    """An attachment whose content is kept, or is only to be passed on (``kept`` None)."""

    run: int
    record: Attachment
    kept: Kept | None


@attrs.frozen
class Checkpoint:
    """How far a kind has been listed; ``pass_new`` counts new keys of the present pass."""

    cursor: str | None
    done: bool
    passes: int
    pass_new: int


_COLUMNS = (
    "kind",
    "key",
    "rank",
    "state",
    "pending",
    "derived",
    "seen_run",
    "payload",
    "record",
    "digest",
    "sibling_group",
    "sibling_order",
)


def _row(record: Record, run: int, *, pending: bool, derived: bool = False) -> tuple[Any, ...]:
    """Return what ``_COLUMNS`` hold of a record."""
    body = dumps(record)
    place = record.sequence()
    return (
        record.kind.value,
        record.key,
        record.kind.rank,
        State.LISTED.value if pending else State.EXTRACTED.value,
        pending,
        derived,
        run,
        write_json(record.raw) if record.raw is not None else None,
        body,
        "" if pending else hashlib.sha256(body).hexdigest(),
        place.group if place else None,
        place.order if place else None,
    )


def references(record: Record) -> Iterable[tuple[str, Ref]]:
    """Yield the roles and names of what a record refers to, each name once in a role."""
    seen: set[Ref] = set()
    own = "owner" if isinstance(record, Attachment) else "parent"
    for role, refs in ((own, record.parents()), ("mention", record.soft_dependencies())):
        for ref in refs:
            if ref not in seen and ref != record.ref:
                seen.add(ref)
                yield role, ref
    # what is mentioned too may be written late, where a circle was broken
    for ref in dict.fromkeys(record.text_refs):
        if ref != record.ref and ref not in record.parents():
            yield "refer", ref


def replace_edges(
    store: Store, side: Side, children: Sequence[int], edges: Sequence[tuple[Any, ...]]
) -> None:
    """Store what records refer to instead of what stands there. For the writer thread."""
    text = "DELETE FROM edge WHERE side = ? AND child IN ??"
    change(store.database, text, (side.value,), children)
    Rows(store.edge_table, ("child", "side", "role", "kind", "key")).save(edges)


class Intake:
    """The extraction's side of a store. Its methods are operations for the writer thread."""

    def __init__(self, store: Store) -> None:
        """Work on ``store``."""
        self._store = store
        self._item = store.item_table
        self._rows = Rows(
            self._item,
            _COLUMNS,
            key=("kind", "key"),
            keep=("rank", "derived", "state"),
            also=_STATE,
        )

    # -------------------------------------------------------------------------- checkpoints

    def begin(self, run: int, *, stream: bool = False) -> None:
        """Start a new extraction where the last one was complete, else go on with it.

        ``stream``: this run leaves files at the source.
        """
        table = self._store.checkpoint_table
        self._outdate(run)
        unfinished = table.select().where(~table.done).exists()
        pending = self._item.select().where(self._item.pending).exists()
        marked = self._store.read_whole
        # what a quick pass that was stopped did not see, only a whole extraction is sure to see
        stopped = bool(self._store.meta(QUICK))
        if marked and not unfinished and (stopped or not pending):
            self._store.drop_meta(QUICK)
            self._store.drop_meta(LOOKED_UP)
            table.delete().execute()
            self._store.reject_table.delete().execute()
            self._store.drop_meta("extract")
            self._store.drop_meta(_LEFT)
            self._store.put_meta("extract_run", str(run))
        elif not self._store.meta("extract_run"):
            self._store.put_meta("extract_run", str(run))
        if stream:
            self._store.put_meta(_LEFT, "yes")

    def begin_quick(self, run: int, *, stream: bool) -> None:
        """Start a pass over what changed, on top of a complete extraction."""
        self._outdate(run)
        self._store.put_meta(QUICK, "begun")
        if stream:
            self._store.put_meta("extract", STREAMED)

    def end_quick(self) -> None:
        """Mark a quick pass as ended."""
        self._store.drop_meta(QUICK)

    def _outdate(self, run: int) -> None:
        """Forget the last look and the mapping; the event outdates the validation."""
        self._store.drop_meta(FINAL)
        self._store.drop_meta(MAPPED)
        self._store.drop_meta(UNREAD)
        self._store.journal.add([Event(run, 0, "extraction")])

    def checkpoint(self, kind: Kind) -> Checkpoint:
        """Return how far ``kind`` has been listed."""
        row = self._store.checkpoint_table.get_or_none(self._store.checkpoint_table.kind == kind)
        if row is None:
            return Checkpoint(None, done=False, passes=0, pass_new=0)
        return Checkpoint(row.cursor, done=row.done, passes=row.passes, pass_new=row.pass_new)

    def _set_checkpoint(self, run: int, kind: Kind, point: Checkpoint) -> None:
        table = self._store.checkpoint_table
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

    def note_unread(self, reasons: Mapping[Kind, str]) -> None:
        """Keep why lists could not be read to their ends."""
        self._store.put_meta(UNREAD, clean(write_json(reasons).decode()))

    # -------------------------------------------------------------------------------- pages

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
        to_do, new = self.save_changed(run, records, rejects, completes)
        self._set_checkpoint(run, kind, attrs.evolve(point, pass_new=point.pass_new + new))
        return to_do

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
        last = {record.ref: record for record in records}
        to_do: list[Listed] = []
        new = 0
        for each in Kind:
            these = [record for ref, record in last.items() if ref.kind is each]
            if pictures := [r for r in these if isinstance(r, Attachment) and r.inline]:
                to_do += self._reveal_files(run, pictures)
                these = [r for r in these if not (isinstance(r, Attachment) and r.inline)]
            seen = self._seen(each, [record.key for record in these], run)
            new += len(these) - len(seen)
            if each in completes:
                # what was listed in this run as it is now is complete, or about to be
                these = [one for one in these if not _as_seen(one, seen.get(one.key, b""))]
                ids = self._upsert(these, run, pending=True)
                to_do += [Listed(ids[record.key], record) for record in these]
            else:
                self._save_whole(these, run)
        for reject in rejects:
            self.reject(run, reject)
        return to_do, new

    def _seen(self, kind: Kind, keys: Sequence[str], run: int) -> dict[str, bytes]:
        """Return those of the keys that have been seen in this run, with their payloads."""
        text = "SELECT key, payload FROM item WHERE kind = ? AND seen_run = ? AND key IN ??"
        found = ask(self._store.database, text, (kind.value, run), keys)
        return {key: bytes(payload or b"") for key, payload in found}

    def _upsert(
        self, records: Sequence[Record], run: int, *, pending: bool, derived: bool = False
    ) -> dict[str, int]:
        """Store records of one kind; return their row ids by key."""
        self._rows.save([_row(each, run, pending=pending, derived=derived) for each in records])
        if not records:
            return {}
        text = "SELECT key, id FROM item WHERE kind = ? AND key IN ??"
        kind = records[0].kind.value
        return dict(ask(self._store.database, text, (kind,), [each.key for each in records]))

    def _save_whole(self, records: Sequence[Record], run: int, *, derived: bool = False) -> None:
        """Store records that nothing is to be added to, with what they refer to and their notes."""
        by_kind: dict[Kind, dict[str, Record]] = {}
        for record in records:
            by_kind.setdefault(record.kind, {})[record.key] = record
        for these in by_kind.values():
            ids = self._upsert(list(these.values()), run, pending=False, derived=derived)
            self._edges({ids[key]: record for key, record in these.items()})
            save_notes(
                self._store, "extract", [(record.ref, record.notes) for record in these.values()]
            )

    def _edges(self, records: Mapping[int, Record], side: Side = Side.SOURCE) -> None:
        replace_edges(
            self._store,
            side,
            list(records),
            [
                (number, side.value, role, ref.kind.value, ref.key)
                for number, record in records.items()
                for role, ref in references(record)
            ],
        )

    # --------------------------------------------------------------------------- completion

    def waiting(self, after: int, limit: int) -> list[Listed]:
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

    def save_completed(self, batch: Sequence[Completed]) -> list[list[Listed]]:
        """Store completed records and what they reveal; return each one's files to be fetched."""
        run = batch[0].run
        whole: list[Record] = []
        files: list[list[Attachment]] = []
        for each in batch:
            whole += [record for record in each.records if not isinstance(record, Attachment)]
            files.append([record for record in each.records if isinstance(record, Attachment)])
        self._save_whole(whole, run)
        return [self._reveal_files(run, these) for these in files]

    def _reveal_files(self, run: int, files: Sequence[Attachment]) -> list[Listed]:
        """Store attachments; those whose content is held under the same name are whole already."""
        if not files:
            return []
        item = self._item
        files = list({each.key: each for each in files}.values())
        held: dict[str, Attachment] = {}
        query = item.select(item.record).where(
            (item.kind == Kind.ATTACHMENT) & (item.key << [each.key for each in files])
        )
        for (body,) in tuples(query):
            file = loads(Kind.ATTACHMENT, bytes(body)) if body else None
            if isinstance(file, Attachment) and file.sha256:
                held[file.key] = file
        here = self._contents_here(each.sha256 for each in held.values())
        whole: list[Record] = []
        to_fetch: list[Attachment] = []
        for each in files:
            before = held.get(each.key)
            if before is None or before.name != each.name:
                to_fetch.append(each)
                continue
            known = attrs.evolve(
                each, sha256=before.sha256, size=before.size, media_type=before.media_type
            )
            # one that was passed on is known, but not here
            (whole if before.sha256 in here else to_fetch).append(known)
        self._save_whole(whole, run)
        ids = self._upsert(to_fetch, run, pending=True)
        return [Listed(ids[each.key], each) for each in to_fetch]

    def _contents_here(self, digests: Iterable[str]) -> set[str]:
        table = self._store.file_table
        wanted = list(dict.fromkeys(digests))
        return {
            sha256
            for some in chunks(wanted)
            for (sha256,) in tuples(table.select(table.sha256).where(table.sha256 << list(some)))
            if self._store.contents.has(sha256)
        }

    def save_file(self, batch: Sequence[Fetched]) -> list[None]:
        """Store where files' contents lie, and the attachments as extracted."""
        table = self._store.file_table
        rows = {
            each.kept.sha256: {
                "sha256": each.kept.sha256,
                "size": each.kept.size,
                "media_type": each.kept.media_type,
                "path": each.kept.path,
            }
            for each in batch
            if each.kept
        }
        if rows:
            table.insert_many(list(rows.values())).on_conflict_ignore().execute()
        if pictures := [each.record.key for each in batch if each.record.inline]:
            rejects = self._store.reject_table
            rejects.delete().where(
                (rejects.kind == Kind.ATTACHMENT) & (rejects.key << pictures)
            ).execute()
        whole = [
            with_content(each.record, each.kept) if each.kept else each.record for each in batch
        ]
        self._save_whole(whole, batch[0].run)
        return [None] * len(batch)

    # ----------------------------------------------------------------------------- pictures

    def try_pictures_again(self) -> None:
        """Let a quick pass fetch the pictures that were not to be had before."""
        item = self._item
        item.update(state=State.LISTED, pending=True, reason="").where(
            (item.kind == Kind.ATTACHMENT)
            & (item.state == State.REJECTED)
            & ~item.record.is_null()
            & item.key.contains("#img-")
        ).execute()

    def note_pictures(self, left: bool) -> None:  # noqa: FBT001 - one caller
        """Note once that pictures are left where they are, or forget that they were."""
        table = self._store.note_table
        table.delete().where(table.origin == "pictures").execute()
        if left:
            text = (
                "the pictures in texts are left where they are, at the source's hosts "
                "(images.fetch = false)"
            )
            note = Note(level=Level.FALLBACK, code="pictures-left", text=text)
            add_note(self._store, "pictures", note, None)

    # ------------------------------------------------------------------------------ rejects

    def reject(self, run: int, reject: Reject) -> None:
        """Store an object that could not become a record, with its reason and its payload."""
        table = self._store.reject_table
        payload = write_json(reject.raw)
        key = clean(reject.key) or f"unnamed-{hashlib.sha256(payload).hexdigest()[:12]}"
        table.insert(
            kind=reject.kind,
            key=key,
            reason=clean(reject.reason),
            payload=clean(payload.decode("utf-8", "replace")),
        ).on_conflict_ignore().execute()
        item = self._item
        item.insert(
            kind=reject.kind,
            key=key,
            rank=reject.kind.rank,
            state=State.REJECTED,
            reason=clean(reject.reason),
            seen_run=run,
        ).on_conflict(
            conflict_target=[item.kind, item.key],
            preserve=[item.state, item.reason, item.seen_run],
            update={item.pending: False},
        ).execute()

    # ------------------------------------------------------- references that were not listed

    def unlisted(self, kinds: Iterable[Kind], limit: int) -> list[Ref]:
        """Return names that records of this extraction refer to and that no list of it held."""
        edge, item, child = self._store.edge_table, self._item, self._item.alias()
        begun = self._begun()
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

    def _begun(self) -> int:
        """Return the run in which the present extraction began."""
        return int(self._store.meta("extract_run") or 0)

    def save_resolved(
        self, run: int, records: Sequence[Record], *, derived: bool = False
    ) -> list[Listed]:
        """Store records that were looked up by name; return the files still to be fetched."""
        if derived:
            pictures = [record for record in records if isinstance(record, Attachment)]
            whole = [record for record in records if not isinstance(record, Attachment)]
            self._save_whole(whole, run, derived=True)
            return self._reveal_files(run, pictures)
        if self._seen(records[0].kind, [records[0].key], run):  # a run that stopped had found it
            return self.save_completed([Completed(run, tuple(records))])[0]
        looked_up = self._store.looked_up()
        looked_up[records[0].kind] = looked_up.get(records[0].kind, 0) + 1
        self._store.put_meta(LOOKED_UP, write_json(looked_up).decode())
        return self.save_completed([Completed(run, tuple(records))])[0]

    def still_gone(self, run: int, ref: Ref) -> bool:
        """Mark a record as gone that the source gave earlier; return False where it never did.

        What stands in the target for it stays as it is.
        """
        item = self._item
        return bool(
            item.update(state=State.GONE, reason="no longer in the source", seen_run=run)
            .where(
                (item.kind == ref.kind)
                & (item.key == ref.key)
                & ~item.record.is_null()
                & ~item.derived
            )
            .execute()
        )

    def latest_log_of(self, case: Ref) -> Record | None:
        """Return the newest log of a case that has step results, for the steps of its stub."""
        edge, item = self._store.edge_table, self._item
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

    def finish(self, *, streamed: bool = False) -> int:
        """Mark the extraction as ended and what it no longer saw as gone; return how many.

        ``streamed``: files were left at the source, so what is here is not complete. Where a list
        was not read to its end the extraction has not ended, and nobody knows what is gone.
        """
        if self._store.listed_partly():
            return 0
        item = self._item
        begun = self._begun()
        lost = (
            item.update(state=State.GONE, reason="no longer in the source")
            .where(
                (item.seen_run < begun)
                & ~item.derived
                & (~item.record.is_null() | (item.state == State.REJECTED))
                & ~(item.state << (State.GONE, State.DELETED))
            )
            .execute()
        )
        streamed = streamed or bool(self._store.meta(_LEFT))
        self._store.put_meta("extract", STREAMED if streamed else COMPLETE)
        return int(lost)

    # ------------------------------------------------------------------------ the last look

    def mark(self) -> None:
        """Remember what every record of the source is now, for ``moved``."""
        item = self._item
        here = ~item.derived & ~item.record.is_null() & (item.state != State.GONE)
        item.update(proof=pw.Case(None, [(here, item.digest)], "")).execute()

    def moved(self, limit: int) -> tuple[int, list[tuple[Ref, str]]]:
        """Return how many records are not as they were marked; the first ones, each with how."""
        item = self._item
        gone, marked = item.state == State.GONE, item.proof != ""
        here = ~item.derived & ~item.record.is_null() & ~gone
        changed = marked & ~gone & (item.digest != item.proof)
        where = changed | (marked & gone) | (~marked & here)
        how = pw.Case(None, [(~marked, "new"), (gone, "gone")], "changed")
        rows = item.select(item.kind, item.key, how).where(where)
        named = [
            (Ref(Kind(kind), key), said)
            for kind, key, said in tuples(rows.order_by(item.rank, item.id).limit(limit))
        ]
        return int(item.select().where(where).count()), named

    def stood_still(self, *, mapped: bool, journal: int) -> None:
        """Keep the mapping and the validation: the source gave the same once more.

        ``mapped`` and ``journal`` say how things were before it was read.
        """
        if mapped:
            self._store.put_meta(MAPPED, "yes")
        validation = self._store.validation()
        if validation and validation.journal == journal:
            self._store.put_validation(validation)

    def proof(self) -> tuple[str, int]:
        """Return a digest over all records as marked, and how many they are."""
        item = self._item
        whole = hashlib.sha256()
        number = 0
        query = item.select(item.kind, item.key, item.proof).where(item.proof != "")
        for row in tuples(query.order_by(item.id)):
            whole.update(write_json(row))
            number += 1
        return whole.hexdigest(), number


def _as_seen(record: Record, payload: bytes) -> bool:
    """Whether a listed record is as it was listed before; completing it added to the payload."""
    if not payload or record.raw is None:
        return False
    before = read_json(payload)
    return all(before.get(name) == value for name, value in record.raw.items())


def with_content(record: Attachment, kept: Kept) -> Attachment:
    """Return the attachment with what its content is."""
    return attrs.evolve(record, sha256=kept.sha256, size=kept.size, media_type=kept.media_type)
