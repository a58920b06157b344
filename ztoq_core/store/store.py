"""A store: one database, its tables, a writer thread, a reader thread, the files beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import attrs
import orjson
import peewee as pw
from loguru import logger

from ztoq_core.convert import converter
from ztoq_core.errors import StoreError
from ztoq_core.records import Note, Ref
from ztoq_core.store import models
from ztoq_core.store.calls import Calls
from ztoq_core.store.choice import Choice
from ztoq_core.store.database import (
    close_if_lost,
    connect_database,
    may_write,
    name_of,
    open_database,
    store_error,
)
from ztoq_core.store.decisions import Decisions
from ztoq_core.store.files import Contents
from ztoq_core.store.intake import COMPLETE, MAPPED, QUICK, STREAMED, Intake
from ztoq_core.store.journal import Journal
from ztoq_core.store.lease import Lease, RunInfo, lease
from ztoq_core.store.life import Life
from ztoq_core.store.mapped import Mapped
from ztoq_core.store.migrations import SCHEMA_VERSION, migrate
from ztoq_core.store.models import FURTHER_INDEXES, bound
from ztoq_core.store.names import Names
from ztoq_core.store.notes import add_note
from ztoq_core.store.outbox import Outbox
from ztoq_core.store.process import since_boot
from ztoq_core.store.queries import VALIDATION, Queries, Validation
from ztoq_core.store.removal import Removal
from ztoq_core.store.tally import make_tallies
from ztoq_core.store.turns import Turns
from ztoq_core.store.views import create_views
from ztoq_core.store.writer import Writer, one_by_one

__all__ = ["Store"]

A = TypeVar("A")
T = TypeVar("T")


class Store(Queries):
    """Holds everything that a migration knows.

    ``url`` is ``sqlite:///PATH`` or ``postgresql://…``. Contents of files lie in ``files`` or,
    where that is None, beside a SQLite database in ``PATH.files``, for PostgreSQL in
    ``./DATABASE.files``. ``intake``, ``choice``, ``mapped``, ``names``, ``outbox`` and ``removal``
    are the stages' sides of it.

    Raises:
        ConfigError: The scheme is another one.
        StoreError: The store cannot be opened, is newer than this ztoq, or is missing while
            ``create`` is False.
    """

    lease_s = 30.0
    """Seconds without a sign of life after which another host's run may be replaced."""
    beat_s = 5.0
    """Seconds between two signs of life of a run that writes nothing."""

    def __init__(
        self, url: str, *, create: bool = True, files: Path | None = None, look_only: bool = False
    ) -> None:
        """Open the store, making its tables where they are missing.

        ``look_only``: nothing will be changed, so that a store that is read-only will do.
        """
        self.url = url
        write = not look_only or may_write(url)
        self.database, place = open_database(url, create=create, write=write)
        self.contents = Contents(files or place)
        self.meta_table = bound(models.Meta, self.database)
        self.run_table = bound(models.Run, self.database)
        self.checkpoint_table = bound(models.Checkpoint, self.database)
        self.item_table = bound(models.Item, self.database)
        self.edge_table = bound(models.Edge, self.database)
        self.journal_table = bound(models.Journal, self.database)
        self.file_table = bound(models.File, self.database)
        self.reject_table = bound(models.RejectRow, self.database)
        self.note_table = bound(models.NoteRow, self.database)
        self.need_table = bound(models.Need, self.database)
        self.name_table = bound(models.Name, self.database)
        self.tally, self.note_tally = make_tallies(self.database)
        try:
            self._prepare(write=write)
        except (pw.PeeweeException, OSError) as error:
            raise store_error(error, name_of(self.database), at_start=True) from error
        if not write:
            logger.warning(
                "The store {} is read-only: it is shown as it is; all other commands need to write",
                name_of(self.database),
            )
        self._writer = Writer(self.database, self.lease_s)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="ztoq-read")
        self._failure: BaseException | None = None
        self.clock: Callable[[], float] = since_boot
        self.journal = Journal(self)
        self.intake = Intake(self)
        self.choice = Choice(self)
        self.mapped = Mapped(self)
        self.names = Names(self)
        self.turns = Turns(self)
        self.outbox = Outbox(self)
        self.removal = Removal(self)
        self.decisions = Decisions(self)
        self.life = Life(self)
        self.calls = Calls(self)

    def __enter__(self) -> Self:
        """Return the open store."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the store.

        Raises:
            StoreError: The database failed and nobody was told yet.
        """
        self.close()
        if isinstance(error, pw.PeeweeException):
            raise store_error(error, name_of(self.database)) from error
        if error is None and self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Commit what is queued and close all connections."""
        self._writer.close()
        self._reader.submit(self._disconnect).result()
        self._reader.shutdown()
        self._disconnect()
        logger.info("{} commits to the store", self.commits)

    @property
    def read_whole(self) -> bool:
        """Whether an extraction has come to its end, with files or without."""
        return self.meta("extract") in {COMPLETE, STREAMED}

    @property
    def extraction_complete(self) -> bool:
        """Whether every list was read to its end, and every listed record completely."""
        open_ = self.meta(QUICK) or self.pending() or self.listed_partly()
        return self.read_whole and not open_

    @property
    def mapping_done(self) -> bool:
        """Whether the mapping came to its end after the last extraction."""
        return bool(self.meta(MAPPED))

    @property
    def streamed(self) -> bool:
        """Whether files were left at the source, to be passed on while loading."""
        return self.meta("extract") == STREAMED

    @property
    def commits(self) -> int:
        """The number of transactions that the writer has committed."""
        return self._writer.commits

    # ------------------------------------------------------------------ reading and writing

    def submit(self, operation: Callable[[], T]) -> Future[T]:
        """Queue a write; the future is done when it is committed."""
        return self._writer.submit(operation)

    def write_now(self, operation: Callable[[], T]) -> T:
        """Write and wait for the commit; for callers without an event loop."""
        return self.submit(operation).result()

    async def write(self, operation: Callable[..., T], *args: Any) -> T:
        """Run ``operation(*args)`` in the writer thread and wait for its commit."""
        if self._failure is not None:
            raise self._failure
        return await self._writer.gathered(one_by_one, lambda: operation(*args))

    def note(self, note: Note, ref: Ref | None = None) -> None:
        """Keep what a plugin notes while it works, once, without waiting for the commit.

        Should the commit fail, the next ``write`` or ``gather`` raises its error.
        """
        future = self._writer.gather(self._add_notes, (note, ref))
        future.add_done_callback(self._remember_failure)

    async def gather(self, batch: Callable[[Sequence[A]], Sequence[T]], item: A) -> T:
        """Have ``batch`` take ``item`` with others in the writer thread; wait for the commit."""
        if self._failure is not None:
            raise self._failure
        return await self._writer.gathered(batch, item)

    async def read(self, query: Callable[..., T], *args: Any) -> T:
        """Run ``query(*args)`` in the reader thread, on a connection of its own."""

        def asked() -> T:
            try:
                return query(*args)
            except pw.PeeweeException as error:
                close_if_lost(self.database)
                raise store_error(error, name_of(self.database)) from error

        return await asyncio.get_running_loop().run_in_executor(self._reader, asked)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Hold a transaction of the calling thread that no other process can be in."""
        try:
            if isinstance(self.database, pw.SqliteDatabase):
                with self.database.atomic("IMMEDIATE"):
                    yield
            else:
                connect_database(self.database, self.lease_s)
                with self.database.atomic():
                    # of this schema; what lies in others is another store
                    self._sql("SELECT pg_advisory_xact_lock(20260, hashtext(current_schema()))")
                    yield
        except pw.PeeweeException as error:
            raise store_error(error, name_of(self.database)) from error

    def run(self, verb: str) -> AbstractContextManager[RunInfo]:
        """Hold the store for one command; a second writer is refused."""
        return lease(self, verb)

    def hold(self, held: Lease) -> Lease:
        """Have all transactions from now on renew the lease, until ``release``."""
        self._writer.lease = held
        return held

    def release(self) -> None:
        """Let transactions do without a lease again."""
        self._writer.lease = None

    async def before_write(self) -> None:
        """Make sure that the lease is still held; called before each request that changes a side.

        It costs nothing while the lease was renewed lately, and a commit after the process slept.

        Raises:
            StoreError: Another run has taken over.
        """
        if self._writer.lease is not None:
            await self._writer.lease.make_sure()

    def fail(self, error: StoreError) -> None:
        """Have the next ``write`` or ``gather`` raise the error."""
        self._failure = self._failure or error

    # ---------------------------------------------------------------------- what it is about

    def bind(self, *, source: str | None = None, sink: str | None = None) -> None:
        """Remember source and target, or make sure that they are the ones remembered.

        Raises:
            StoreError: The store belongs to another project.
        """
        for name, identity in (("source", source), ("sink", sink)):
            known = self.meta(name)
            if identity is None or identity == known:
                continue
            if known:
                raise StoreError(
                    f"This store holds the migration of {name} {known!r}, the configuration names "
                    f"{identity!r}; use another store for it",
                    at_start=True,
                )
            self.set_meta(name, identity)

    def set_meta(self, name: str, value: str) -> None:
        """Remember a fact, and wait for the commit."""
        self.write_now(lambda: self.put_meta(name, value))

    def put_meta(self, name: str, value: str) -> None:
        """Remember a fact. An operation for the writer."""
        self.meta_table.insert(name=name, value=value).on_conflict(
            conflict_target=[self.meta_table.name], preserve=[self.meta_table.value]
        ).execute()

    def put_validation(self, validation: Validation) -> Validation:
        """Remember a validation as one of now, and return it so. An operation for the writer."""
        current = attrs.evolve(validation, journal=self.journal.last())
        body = orjson.dumps(converter.unstructure(current, Validation)).decode()
        self.put_meta(VALIDATION, body)
        return current

    def drop_meta(self, name: str) -> None:
        """Forget a fact. An operation for the writer."""
        self.meta_table.delete().where(self.meta_table.name == name).execute()

    # ------------------------------------------------------------------------------ inner part

    def _add_notes(self, noted: Sequence[tuple[Note, Ref | None]]) -> list[None]:
        for note, ref in dict.fromkeys(noted):
            add_note(self, "plugin", note, ref)
        return [None] * len(noted)

    def _remember_failure(self, future: Future[None]) -> None:
        self._failure = self._failure or future.exception()

    def _sql(self, statement: str) -> None:
        self.database.execute_sql(statement)  # type: ignore[no-untyped-call]  # peewee leaves it so

    def _disconnect(self) -> None:
        if not self.database.is_closed():
            self.database.close()

    def _prepare(self, *, write: bool) -> None:
        """Make or update the tables if they are not those of this version."""
        connect_database(self.database, self.lease_s)
        version = self._version()
        if version == SCHEMA_VERSION:
            return
        if not write:
            raise StoreError(
                f"The store {name_of(self.database)} is read-only and of an older ztoq; copy it to "
                "where it can be written, so that it can be brought up to date",
                at_start=True,
            )
        with self.exclusively():
            version = self._version()  # again: another process may have been faster
            if version is None:
                self._create()
            elif version < SCHEMA_VERSION:
                migrate(self, version)

    def _version(self) -> int | None:
        """Return the version of the tables, None where there are none."""
        if self.database.table_exists("meta"):
            version = int(self.meta("schema") or 1)
            if version > SCHEMA_VERSION:
                raise StoreError(
                    f"This store was made by a newer ztoq (schema {version}, this one knows "
                    f"{SCHEMA_VERSION}); upgrade ztoq",
                    at_start=True,
                )
            return version
        if isinstance(self.database, pw.SqliteDatabase) and self.database.get_tables():
            raise StoreError(
                f"{self.database.database} is a database of something else; name another file as "
                "the store",
                at_start=True,
            )
        return None

    def _create(self) -> None:
        self.database.create_tables(
            [
                self.meta_table,
                self.run_table,
                self.checkpoint_table,
                self.item_table,
                self.edge_table,
                self.journal_table,
                self.file_table,
                self.reject_table,
                self.note_table,
                self.need_table,
                self.name_table,
            ]
        )
        self.index()
        self.tally.prepare()
        self.note_tally.prepare()
        create_views(self._sql)
        self.meta_table.insert(name="schema", value=str(SCHEMA_VERSION)).execute()

    def index(self) -> None:
        """Make the indexes that are not there."""
        self.database.create_tables([self.item_table])
        for statement in FURTHER_INDEXES:
            self._sql(statement)
