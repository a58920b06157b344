"""Files and pictures: which contents are kept, and which are still to be fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from ztoq_core.convert import loads
from ztoq_core.note_codes import PICTURES_LEFT
from ztoq_core.records import Attachment, Kind, Record
from ztoq_core.store.database import Database, batched, writes
from ztoq_core.store.file_store import FileStore, StoredFile
from ztoq_core.store.records import Listed, SourceRecords, add_note
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import BulkInsert
from ztoq_core.store.states import Origin, State
from ztoq_core.store.tables import READ, WITH_SOURCE, File


@attrs.frozen
class Fetched:
    """An attachment whose content is kept, or is only to be passed on (``kept`` None)."""

    run: int
    record: Attachment
    kept: StoredFile | None


class AttachmentStore(Repository):
    """The files of an extraction."""

    def __init__(self, database: Database, files: FileStore, records: SourceRecords) -> None:
        """Look into ``files`` for contents."""
        super().__init__(database)
        self._files = files
        self._records = records

    def reveal(self, run: int, files: Sequence[Attachment]) -> list[Listed]:
        """Store attachments and return those still to be fetched, in the writer's transaction.

        Those whose content is kept under the same name are complete already.
        """
        if not files:
            return []
        files = list({each.key: each for each in files}.values())
        held: dict[str, Attachment] = {}
        text = f"SELECT record FROM {WITH_SOURCE} WHERE kind = ? AND key IN ??"
        keys = [each.key for each in files]
        for (body,) in self.database.select(text, (Kind.ATTACHMENT,), keys):
            file = loads(Kind.ATTACHMENT, bytes(body))
            if isinstance(file, Attachment) and file.sha256:
                held[file.key] = file
        here = self._contents_here(each.sha256 for each in held.values())
        complete: list[Record] = []
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
            (complete if before.sha256 in here else to_fetch).append(known)
        self._records.save_complete(complete, run)
        return self._records.save_listed(to_fetch, run)

    def _contents_here(self, digests: Iterable[str]) -> set[str]:
        text = "SELECT sha256 FROM file WHERE sha256 IN ??"
        found = self.database.select(text, (), list(dict.fromkeys(digests)))
        return {sha256 for (sha256,) in found if self._files.has(sha256)}

    @batched
    def save(self, batch: Sequence[Fetched]) -> list[None]:
        """Store where files' contents are, and the attachments as extracted."""
        save_files(self.database, [each.kept for each in batch if each.kept])
        if pictures := [each.record.key for each in batch if each.record.inline]:
            text = "DELETE FROM reject WHERE kind = ? AND key IN ??"
            self.database.execute(text, (Kind.ATTACHMENT,), pictures)
        complete = [
            with_content(each.record, each.kept) if each.kept else each.record for each in batch
        ]
        self._records.save_complete(complete, batch[0].run)
        return [None] * len(batch)

    @writes
    def retry_pictures(self) -> None:
        """Let a quick pass fetch the pictures that could not be fetched before."""
        where = f"kind = ? AND {READ} AND key LIKE ?"
        values = (Kind.ATTACHMENT, "%#img-%")
        self._transitions.move((State.REJECTED,), State.LISTED, where, values, pending=True)

    @writes
    def note_pictures(self, *, left: bool) -> None:
        """Note once that pictures are left where they are, or forget that they were."""
        self.database.execute("DELETE FROM note WHERE origin = ?", (Origin.PICTURES,))
        if left:
            text = (
                "the pictures in texts are left where they are, at the source's hosts "
                "(images.fetch = false)"
            )
            note = PICTURES_LEFT.note(text)
            add_note(self.database, Origin.PICTURES, note, None)


_FILE = ("sha256", "size", "media_type", "path")
_FILES = BulkInsert(File, _FILE, key=_FILE[:1], keep=_FILE[1:])


def save_files(database: Database, files: Sequence[StoredFile]) -> None:
    """Store where contents are, each once, within a transaction of the writer."""
    database.insert(_FILES, [attrs.astuple(each) for each in dict.fromkeys(files)])


def with_content(record: Attachment, kept: StoredFile) -> Attachment:
    """Return the attachment with what its content is."""
    return attrs.evolve(record, sha256=kept.sha256, size=kept.size, media_type=kept.media_type)
