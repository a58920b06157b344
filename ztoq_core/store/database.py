"""One database with its threads, and the decorators that hand repository methods to them.

A repository's method is a plain function decorated with ``@reads``, ``@writes`` or ``@batched``;
awaiting it returns its result once it is read or committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

import peewee as pw

from ztoq_core.store import sql
from ztoq_core.store.connection import close_if_lost, connect_database, name_of, store_error
from ztoq_core.store.process import since_boot
from ztoq_core.store.tables import Run, bound
from ztoq_core.store.writer import HeldLease, Writer, one_by_one

P = ParamSpec("P")
A = TypeVar("A")
T = TypeVar("T")


class Database:
    """A connection for each thread, one thread that reads and one that writes.

    Writes that have gathered while another one was committed share the next commit.
    """

    lease_s = 30.0
    """Seconds without a sign of life after which another host's run may be replaced."""
    beat_s = 5.0
    """Seconds between two signs of life of a run that writes nothing."""

    def __init__(self, connection: pw.Database) -> None:
        """Start the threads; each connects when it is first used."""
        self.connection = connection
        self.runs = bound(Run, connection)
        self.clock: Callable[[], float] = since_boot
        self._writer = Writer(connection, self.lease_s)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="ztoq-read")
        self._failure: BaseException | None = None

    @property
    def name(self) -> str:
        """What messages call the database."""
        return name_of(self.connection)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is SQLite, else PostgreSQL."""
        return isinstance(self.connection, pw.SqliteDatabase)

    @property
    def commits(self) -> int:
        """The number of transactions that the writer has committed."""
        return self._writer.commits

    @property
    def failure(self) -> BaseException | None:
        """The error of a write that no caller waited for."""
        return self._failure

    def connect(self) -> None:
        """Connect the calling thread."""
        connect_database(self.connection, self.lease_s)

    def close(self) -> None:
        """Commit what is queued and close the connections of all threads."""
        self._writer.close()
        self._reader.submit(self._disconnect).result()
        self._reader.shutdown()
        self._disconnect()

    def _disconnect(self) -> None:
        if not self.connection.is_closed():
            self.connection.close()

    # ------------------------------------------------------------------------- plain statements

    def select(
        self, text: str, values: sql.Values = (), many: sql.Values | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query, see ``sql.select``."""
        return sql.select(self.connection, text, values, many)

    def execute(self, text: str, values: sql.Values = (), many: sql.Values | None = None) -> int:
        """Carry out a statement, see ``sql.execute``."""
        return sql.execute(self.connection, text, values, many)

    def insert(self, into: sql.BulkInsert, rows: Sequence[sql.Values]) -> int:
        """Insert rows, see ``sql.BulkInsert``."""
        return into.save(self.connection, rows)

    def stream(self, text: str, values: sql.Values = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query one by one, however many there are."""
        return sql.stream(self.connection, text, values)

    def any(self, source: str, values: sql.Values = ()) -> bool:
        """Return whether there is a row; ``source`` is SQL, such as ``item WHERE pending``."""
        return bool(list(self.select(f"SELECT 1 FROM {source} LIMIT 1", values)))

    # --------------------------------------------------------------------------- in which thread

    async def read(self, query: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``query`` in the reader thread, on a connection of its own."""

        def ask() -> T:
            try:
                return query(*args, **kwargs)
            except pw.PeeweeException as error:
                close_if_lost(self.connection)
                raise store_error(error, self.name) from error

        return await asyncio.get_running_loop().run_in_executor(self._reader, ask)

    async def write(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``operation`` in the writer thread and wait for its commit."""
        if self._failure is not None:
            raise self._failure
        return await self._writer.gathered(one_by_one, partial(operation, *args, **kwargs))

    async def gather(self, batch: Callable[[Sequence[A]], Sequence[T]], item: A) -> T:
        """Have ``batch`` take ``item`` with others in the writer thread; wait for the commit."""
        if self._failure is not None:
            raise self._failure
        return await self._writer.gathered(batch, item)

    def write_now(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Write and wait for the commit; for callers without an event loop."""
        return self.submit(partial(operation, *args, **kwargs)).result()

    def submit(self, operation: Callable[[], T]) -> Future[T]:
        """Queue a write; the future is done when it is committed."""
        return self._writer.submit(operation)

    def post(self, batch: Callable[[Sequence[A]], Sequence[None]], item: A) -> None:
        """Queue as ``gather`` does, and do not wait; the next write raises what failed."""
        future = self._writer.gather(batch, item)
        future.add_done_callback(lambda done: self.fail(done.exception()))

    def fail(self, error: BaseException | None) -> None:
        """Have the next write raise the error."""
        self._failure = self._failure or error

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Hold a transaction of the calling thread that no other process can be in."""
        try:
            if isinstance(self.connection, pw.SqliteDatabase):
                with self.connection.atomic("IMMEDIATE"):
                    yield
            else:
                self.connect()
                with self.connection.atomic():
                    # of this schema; another schema is another store
                    self.execute("SELECT pg_advisory_xact_lock(20260, hashtext(current_schema()))")
                    yield
        except pw.PeeweeException as error:
            raise store_error(error, self.name) from error

    # ---------------------------------------------------------------------------------- the lease

    def hold(self, lease: HeldLease | None) -> None:
        """Have all transactions from now on renew the lease; None: do without one."""
        self._writer.lease = lease

    @property
    def run(self) -> int | None:
        """The run that holds the lease in this process."""
        return self._writer.lease.run if self._writer.lease else None

    async def before_write(self) -> None:
        """Make sure that the lease is still held; called before each request that changes a side.

        It costs nothing while the lease was renewed lately, and a commit after the process slept.

        Raises:
            StoreError: Another run has taken over.
        """
        if self._writer.lease is not None:
            await self._writer.lease.make_sure()


class _HasDatabase(Protocol):
    @property
    def database(self) -> Database: ...


class _Method(Generic[P, T]):
    """A decorated method of one repository; ``body`` is the plain one, for the right thread."""

    def __init__(self, database: Database, body: Callable[P, T], *, writes: bool) -> None:
        self._database = database
        self._writes = writes
        self.body = body

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
        """Return the result once it is read or committed."""
        run = self._database.write if self._writes else self._database.read
        return run(self.body, *args, **kwargs)

    def now(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Read in the caller's thread, or block it until the change is committed."""
        if self._writes:
            return self._database.write_now(self.body, *args, **kwargs)
        return self.body(*args, **kwargs)


class reads(Generic[P, T]):  # noqa: N801 - a decorator
    """Makes a method a question: await it, or call ``now`` without an event loop."""

    _writes = False

    def __init__(self, body: Callable[Concatenate[Any, P], T]) -> None:
        """Take the body, which may run in any thread."""
        self._body = body

    def __get__(self, repository: _HasDatabase, _: type) -> _Method[P, T]:
        """Return the method of a repository."""
        body = cast("Callable[P, T]", MethodType(self._body, repository))
        return _Method(repository.database, body, writes=self._writes)


class writes(reads[P, T]):  # noqa: N801 - a decorator
    """Makes a method a change: await its commit, or wait for it with ``now``.

    The body runs in the writer thread, within a transaction. It may run twice (alone, after one
    beside it failed), so it changes nothing but the database.
    """

    _writes = True


class _Batch(Generic[A, T]):
    """A method that takes all items that have gathered for it; its caller gives one."""

    def __init__(self, database: Database, body: Callable[[Sequence[A]], Sequence[T]]) -> None:
        self._database = database
        self.body = body

    def __call__(self, item: A) -> Coroutine[Any, Any, T]:
        """Do it in the writer thread, with other items; return once it is committed."""
        return self._database.gather(self.body, item)


class batched(Generic[A, T]):  # noqa: N801 - a decorator
    """Makes a method a change whose items share statements with others that came meanwhile."""

    def __init__(self, body: Callable[[Any, Sequence[A]], Sequence[T]]) -> None:
        """Take the body, which returns a result for each item; else as for ``writes``."""
        self._body = body

    def __get__(self, repository: _HasDatabase, _: type) -> _Batch[A, T]:
        """Return the method of a repository."""
        # bound methods of one object and function are equal, so that the writer joins their items
        body = cast("Callable[[Sequence[A]], Sequence[T]]", MethodType(self._body, repository))
        return _Batch(repository.database, body)
