"""The one thread that writes to the store.

Callers queue operations and wait for their commit. Operations that are queued during a commit share
the next one, so that many records take one write to the disk (group commit).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import attrs
import peewee as pw

from ztoq_core.errors import StoreError
from ztoq_core.store.connection import close_if_lost, connect_database, name_of, store_error

A = TypeVar("A")
T = TypeVar("T")
_Batch = Callable[[Sequence[Any]], Sequence[Any]]


class _Promise(Protocol):
    """Takes the result of an operation, in the writer's thread."""

    def set_result(self, result: Any, /) -> None: ...
    def set_exception(self, exception: BaseException, /) -> None: ...


class HeldLease(Protocol):
    """The lease that each transaction renews."""

    renewed_at: float
    run: int

    def renew(self) -> float: ...
    async def make_sure(self) -> None: ...


_Job = tuple[_Batch, Any, _Promise]

_MOST_IN_ONE_COMMIT = 512

_GATHERING_S = 0.01
"""How long to let operations gather where several callers are at work at once.

A third as many commits took a sixth off the CPU of an extraction. A caller that waits for each
commit in turn is alone in its transaction, and never waits for this.
"""


class Writer:
    """Runs operations in order, many to a transaction."""

    def __init__(self, database: pw.Database, idle_s: float) -> None:
        """Start the thread; ``database`` gets a connection of its own there.

        ``idle_s``: see ``connect_database``.
        """
        self._database = database
        self._idle_s = idle_s
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ztoq-store")
        self._waiting: deque[_Job] = deque()
        self._lock = threading.Lock()
        self._busy = False
        self._arrivals: _Arrivals | None = None
        self.lease: HeldLease | None = None
        self.commits = 0

    def submit(self, operation: Callable[[], T]) -> Future[T]:
        """Queue an operation; the future is done when its transaction is committed.

        An operation may run twice (alone, after one beside it failed), so it may change
        nothing but the database. It cannot be cancelled any more.
        """
        return self.gather(one_by_one, operation)

    def gather(self, batch: Callable[[Sequence[A]], Sequence[T]], item: A) -> Future[T]:
        """Queue ``item`` for ``batch``, which takes all items that have gathered for it at once.

        ``batch`` returns a result per item. Within a transaction batches run in the order of their
        first item; items that depend on each other must wait for each other's commit.
        """
        future: Future[T] = Future()
        # from now on it cannot be cancelled: it will be committed, whether the caller waits or not
        future.set_running_or_notify_cancel()
        self._queue((batch, item, future))
        return future

    async def gathered(self, batch: Callable[[Sequence[A]], Sequence[T]], item: A) -> T:
        """Queue as ``gather`` and wait in the event loop for the commit."""
        loop = asyncio.get_running_loop()
        if self._arrivals is None or self._arrivals.loop is not loop:
            self._arrivals = _Arrivals(loop)
        future: asyncio.Future[T] = loop.create_future()
        self._queue((batch, item, _Awaited(self._arrivals, future)))
        return await future

    def _queue(self, job: _Job) -> None:
        # the thread stays busy until ``_next`` finds nothing, so what comes meanwhile shares the
        # next commit; only the first job of an idle thread starts it
        with self._lock:
            self._waiting.append(job)
            start, self._busy = not self._busy, True
        if start:
            self._next()

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        with suppress(StoreError):  # the caller gets the error from the future
            self.submit(lambda: None).result()
        self._pool.submit(self._disconnect).result()
        self._pool.shutdown()

    def _disconnect(self) -> None:
        if not self._database.is_closed():
            self._database.close()

    def _next(self) -> None:
        jobs: list[_Job] = []
        with self._lock:
            self._take_more(jobs)
            self._busy = bool(jobs)
        if jobs:
            self._start([jobs])

    def _start(self, batches: list[list[_Job]]) -> None:
        """Run the batches one after the other, then what has gathered meanwhile."""
        jobs = batches[0]
        attempt = self._pool.submit(self._transaction, jobs)
        attempt.add_done_callback(lambda done: self._settle(batches, done))

    def _settle(self, batches: list[list[_Job]], done: Future[list[Any]]) -> None:
        jobs, *rest = batches
        error = done.exception()
        if error is None:
            for (_, _, future), result in zip(jobs, done.result(), strict=True):
                future.set_result(result)
        elif len(jobs) > 1 and not isinstance(error, StoreError):
            # rolled back for one of them: each runs alone now, so that only that one fails. A
            # StoreError is about the database itself, and would come again for each
            rest = [*([job] for job in jobs), *rest]
        else:
            if isinstance(error, pw.PeeweeException | OSError):
                error = store_error(error, name_of(self._database))
            for _, _, future in jobs:
                future.set_exception(error)
        if rest:
            self._start(rest)
        else:
            self._next()

    def _transaction(self, jobs: list[_Job]) -> list[Any]:
        if len(jobs) > 1:
            time.sleep(_GATHERING_S)
            with self._lock:
                self._take_more(jobs)
        places: dict[_Batch, list[int]] = {}
        for place, (batch, _, _) in enumerate(jobs):
            places.setdefault(batch, []).append(place)
        results: list[Any] = [None] * len(jobs)
        lease = self.lease
        try:
            connect_database(self._database, self._idle_s)
            with self._database.atomic():
                renewed_at = lease.renew() if lease else 0.0
                for batch, these in places.items():
                    found = batch([jobs[place][1] for place in these])
                    for place, result in zip(these, found, strict=True):
                        results[place] = result
        except pw.PeeweeException as error:
            if close_if_lost(self._database):
                # the server may have committed: doing it again might do it twice
                raise store_error(error, name_of(self._database)) from error
            raise
        if lease:
            lease.renewed_at = renewed_at
        self.commits += 1
        return results

    def _take_more(self, jobs: list[_Job]) -> None:
        while self._waiting and len(jobs) < _MOST_IN_ONE_COMMIT:
            jobs.append(self._waiting.popleft())


class _Arrivals:
    """Hands results to an event loop, several at once: waking the loop costs a system call."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._results: deque[tuple[asyncio.Future[Any], Any, BaseException | None]] = deque()
        self._called = False

    def add(self, future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
        """Take a result from the writer's thread."""
        self._results.append((future, result, error))
        if not self._called and not self.loop.is_closed():
            self._called = True
            self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._called = False  # before the loop: what is added from now on calls again
        while self._results:
            future, result, error = self._results.popleft()
            if future.done():  # its task was cancelled, but it is committed
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


@attrs.frozen
class _Awaited:
    """A result that a task awaits."""

    arrivals: _Arrivals
    future: asyncio.Future[Any]

    def set_result(self, result: Any) -> None:
        self.arrivals.add(self.future, result, None)

    def set_exception(self, exception: BaseException) -> None:
        self.arrivals.add(self.future, None, exception)


def one_by_one(operations: Sequence[Callable[[], Any]]) -> list[Any]:
    return [operation() for operation in operations]
