"""A store: one database, its tables, a writer thread, a reader thread, the files beside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import SplitResult, urlsplit

import attrs
import orjson
import peewee as pw
from loguru import logger
from playhouse.db_url import connect

from ztoq_core.convert import converter
from ztoq_core.errors import ConfigError, StoreError
from ztoq_core.records import Note, Ref
from ztoq_core.redaction import redacted
from ztoq_core.store import models
from ztoq_core.store.calls import Calls
from ztoq_core.store.choice import Choice
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
from ztoq_core.store.queries import VALIDATION, Queries, Validation
from ztoq_core.store.removal import Removal
from ztoq_core.store.tally import make_tallies
from ztoq_core.store.turns import Turns
from ztoq_core.store.views import create_views
from ztoq_core.store.writer import Writer, as_store_error, one_by_one

__all__ = ["Store"]

A = TypeVar("A")
T = TypeVar("T")

_SQLITE = {
    "journal_mode": "wal",
    "synchronous": "full",
    "busy_timeout": 10_000,
}


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

    def __init__(self, url: str, *, create: bool = True, files: Path | None = None) -> None:
        """Open the store, making its tables where they are missing."""
        self.url = url
        self.database, place = _open(url, create=create)
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
            self._prepare()
            self.tally.prepare()
            self.note_tally.prepare()
        except (pw.PeeweeException, OSError) as error:
            raise _at_start(error, url) from error
        self._writer = Writer(self.database)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="ztoq-read")
        self._failure: BaseException | None = None
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
        """Close the store."""
        self.close()

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
                raise as_store_error(error) from error

        return await asyncio.get_running_loop().run_in_executor(self._reader, asked)

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Hold a transaction of the calling thread that no other process can be in."""
        try:
            if isinstance(self.database, pw.SqliteDatabase):
                with self.database.atomic("IMMEDIATE"):
                    yield
            else:
                with self.database.atomic():
                    self._sql("LOCK TABLE run IN EXCLUSIVE MODE")
                    yield
        except pw.PeeweeException as error:
            raise as_store_error(error) from error

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

    def _prepare(self) -> None:
        self.database.connect(reuse_if_open=True)
        if self.database.table_exists("meta"):
            version = int(self.meta("schema") or 0)
            if version > SCHEMA_VERSION:
                raise StoreError(
                    f"This store was made by a newer ztoq (schema {version}, this one knows "
                    f"{SCHEMA_VERSION}); upgrade ztoq",
                    at_start=True,
                )
            if version < SCHEMA_VERSION:
                migrate(self)
            return
        if isinstance(self.database, pw.SqliteDatabase) and self.database.get_tables():
            raise StoreError(
                f"{self.database.database} is a database of something else; name another file as "
                "the store",
                at_start=True,
            )
        with self.database.atomic():
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
            create_views(self._sql)
            self.meta_table.insert(name="schema", value=str(SCHEMA_VERSION)).execute()

    def index(self) -> None:
        """Make the indexes that are not there."""
        self.database.create_tables([self.item_table])
        for statement in FURTHER_INDEXES:
            self._sql(statement)


def _at_start(error: Exception, url: str) -> StoreError:
    first: BaseException = error
    while isinstance(first.__context__, pw.PeeweeException):
        first = first.__context__  # why the transaction could not even be rolled back
    said = str(first).split("\n")[0][:200]
    parts = _split(url)
    where = str(_place(parts.path)) if parts.scheme.startswith("sqlite") else redacted(url)
    return StoreError(f"The store {where} cannot be opened: {said}", at_start=True)


def _place(path: str) -> Path:
    """Return the file that the path of a URL names: relative, or absolute behind two slashes."""
    return Path(path[1:])


def _split(url: str) -> SplitResult:
    """Return the parts of the store's URL.

    Raises:
        ConfigError: It is no URL.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # it is looked at only when it is asked for
    except ValueError:
        raise ConfigError(
            f"The store's URL {redacted(url)} cannot be read. In user and password, write @ as "
            "%40, / as %2F, : as %3A, ? as %3F and # as %23."
        ) from None
    return parts


def _open(url: str, *, create: bool) -> tuple[pw.Database, Path]:
    parts = _split(url)
    if parts.scheme == "sqlite":
        path = _place(parts.path)
        if not path.exists():
            if not create:
                raise StoreError(f"There is no store {path}; run ztoq extract first", at_start=True)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            except OSError as error:
                raise _at_start(error, url) from error
        return pw.SqliteDatabase(str(path), pragmas=_SQLITE), Path(f"{path}.files")
    if parts.scheme in {"postgresql", "postgres"}:
        if find_spec("psycopg") is None:
            raise StoreError(
                "A store in PostgreSQL needs psycopg: pip install 'psycopg[binary]'", at_start=True
            )
        database = connect(url)  # type: ignore[no-untyped-call]  # the stubs leave it so
        return database, Path(f"{parts.path.strip('/') or 'ztoq'}.files")
    raise ConfigError(
        f"A store cannot lie in {parts.scheme or redacted(url)!r}: use sqlite:///FILE or postgresql://…"
    )
