"""A store: one database, the files beside it, and the repositories of all stages."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

import peewee as pw
from loguru import logger

from ztoq_core.errors import StoreError
from ztoq_core.records import Note, Ref
from ztoq_core.store.attachments import AttachmentStore
from ztoq_core.store.call_counts import CallCounts
from ztoq_core.store.connection import may_write, open_database, store_error
from ztoq_core.store.database import Database
from ztoq_core.store.decisions import Decisions
from ztoq_core.store.dependencies import Dependencies
from ztoq_core.store.extraction import ExtractionStore
from ztoq_core.store.facts import Facts
from ztoq_core.store.file_store import FileStore
from ztoq_core.store.final_check import FinalCheckStore
from ztoq_core.store.history import RecordHistory
from ztoq_core.store.id_names import IdNames
from ztoq_core.store.journal import Journal
from ztoq_core.store.lease import RunInfo, lease
from ztoq_core.store.loading import LoadStore
from ztoq_core.store.migrations import prepare_schema
from ztoq_core.store.outcomes import OutcomeStore
from ztoq_core.store.planning import PlanningStore
from ztoq_core.store.records import SourceRecords, add_note
from ztoq_core.store.reporting import Reporting
from ztoq_core.store.rollback import RollbackStore
from ztoq_core.store.selection import SelectionStore
from ztoq_core.store.states import Origin
from ztoq_core.store.target_index import TargetIndex
from ztoq_core.store.transformation import TransformationStore
from ztoq_core.store.validation import ValidationStore


class Store:
    """Holds everything that a migration knows.

    ``url`` is ``sqlite:///PATH`` or ``postgresql://…``. Contents of files are in ``files`` or,
    if that is None, beside a SQLite database in ``PATH.files``, for PostgreSQL in
    ``./DATABASE.files``.

    Raises:
        ConfigError: The scheme is another one.
        StoreError: The store cannot be opened, is newer than this ztoq, or is missing while
            ``create`` is False.
    """

    database_type = Database

    def __init__(
        self, url: str, *, create: bool = True, files: Path | None = None, look_only: bool = False
    ) -> None:
        """Open the store, making its tables if they are missing.

        ``look_only``: nothing will be changed, so that a store that is read-only will do.
        """
        self.url = url
        write = not look_only or may_write(url)
        connection, place = open_database(url, create=create, write=write)
        self.files = FileStore(files or place)
        self.database = database = self.database_type(connection)
        try:
            prepare_schema(database, write=write)
        except (pw.PeeweeException, OSError) as error:
            raise store_error(error, database.name, at_start=True) from error
        if not write:
            logger.warning(
                "The store {} is read-only: it is shown as it is; all other commands need to write",
                database.name,
            )
        records = SourceRecords(database)
        self.facts = Facts(database)
        self.journal = Journal(database)
        self.attachments = AttachmentStore(database, self.files, records)
        self.extraction = ExtractionStore(database, self.attachments, records)
        self.final_check = FinalCheckStore(database)
        self.id_names = IdNames(database)
        self.selection = SelectionStore(database)
        self.transformation = TransformationStore(database)
        self.dependencies = Dependencies(database)
        self.target_index = TargetIndex(database)
        self.loading = LoadStore(database, self.files, self.dependencies, self.target_index)
        self.validation = ValidationStore(database, self.target_index)
        self.rollback = RollbackStore(database)
        self.planning = PlanningStore(database, self.transformation, self.rollback)
        self.decisions = Decisions(database)
        self.history = RecordHistory(database)
        self.reporting = Reporting(database)
        self.outcomes = OutcomeStore(database)
        self.call_counts = CallCounts(database)

    def __enter__(self) -> Self:
        """Return the open store."""
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Close the store.

        Raises:
            StoreError: A write failed that no caller waited for.
        """
        self.close()
        if isinstance(error, pw.PeeweeException):
            raise store_error(error, self.database.name) from error
        if error is None and self.database.failure is not None:
            raise self.database.failure

    def close(self) -> None:
        """Commit what is queued and close all connections."""
        self.database.close()
        logger.info("{} commits to the store", self.database.commits)

    def run(self, verb: str) -> AbstractContextManager[RunInfo]:
        """Hold the store for one command; a second writer is refused."""
        return lease(self.database, verb)

    def note(self, note: Note, ref: Ref | None = None) -> None:
        """Keep what a plugin notes while it works, once, without waiting for the commit.

        Should the commit fail, the next write raises its error.
        """
        self.database.post(self._add_notes, (Origin.PLUGIN, note, ref))

    def note_of_source(self, note: Note, ref: Ref | None = None) -> None:
        """Keep what the source notes, as ``note``, until it is read anew from the beginning."""
        self.database.post(self._add_notes, (Origin.SOURCE, note, ref))

    def _add_notes(self, noted: Sequence[tuple[Origin, Note, Ref | None]]) -> list[None]:
        for origin, note, ref in dict.fromkeys(noted):
            add_note(self.database, origin, note, ref)
        return [None] * len(noted)

    async def before_write(self) -> None:
        """Make sure that the store is still held by this run, see ``Database.before_write``."""
        await self.database.before_write()

    def bind(
        self, *, source: str | None = None, sink: str | None = None, remember: bool = True
    ) -> None:
        """Remember source and target, or make sure that they are the ones remembered.

        Without ``remember`` only the latter.

        Raises:
            StoreError: The store belongs to another project.
        """
        for side, fact, identity in (("source", Facts.source, source), ("sink", Facts.sink, sink)):
            known = self.facts.text(fact.name)
            if identity is None or identity == known:
                continue
            if known:
                raise StoreError(
                    f"This store holds the migration of {side} {known!r}, the configuration names "
                    f"{identity!r}; use another store for it",
                    at_start=True,
                )
            if remember:
                self.facts.save_now(fact, identity)
