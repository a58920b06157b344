"""The one thread that writes to the store.

Callers hand it operations and wait for their commit; what has gathered meanwhile shares a commit,
so the disk is asked once for many records (group commit).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import peewee as pw

from ztoq_core.errors import StoreError

__all__ = ["Writer", "as_store_error"]

T = TypeVar("T")
_Job = tuple[Callable[[], Any], "Future[Any]"]

_MOST_IN_ONE_COMMIT = 512


def as_store_error(error: BaseException) -> StoreError:
    """Say in ztoq's words what the database or the disk said."""
    said = str(error).split("\n")[0][:200]
    if "locked" in said:
        return StoreError(f"The store is locked by another program ({said}); end it and run again")
    return StoreError(f"The store could not be used: {said}; mend this and run again")


class Writer:
    """Runs operations in order, many to a transaction."""

    def __init__(self, database: pw.Database) -> None:
        """Start the thread; ``database`` gets a connection of its own there."""
        self._database = database
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ztoq-store")
        self._waiting: deque[_Job] = deque()
        self._lock = threading.Lock()
        self._busy = False
        self.commits = 0

    def submit(self, operation: Callable[[], T]) -> Future[T]:
        """Queue an operation; the future is done when its transaction is committed.

        An operation may run twice (alone, after one beside it failed), so it may have no effect but
        on the database. It cannot be cancelled any more.
        """
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            self._waiting.append((operation, future))
            start, self._busy = not self._busy, True
        if start:
            self._next()
        return future

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        self.submit(lambda: None).result()
        self._pool.submit(self._disconnect).result()
        self._pool.shutdown()

    def _disconnect(self) -> None:
        if not self._database.is_closed():
            self._database.close()

    def _next(self) -> None:
        with self._lock:
            count = min(len(self._waiting), _MOST_IN_ONE_COMMIT)
            jobs = [self._waiting.popleft() for _ in range(count)]
            self._busy = bool(jobs)
        if jobs:
            self._start([jobs])

    def _start(self, batches: list[list[_Job]]) -> None:
        """Run the batches one after the other, then whatever has gathered meanwhile."""
        jobs = batches[0]
        attempt = self._pool.submit(self._transaction, [operation for operation, _ in jobs])
        attempt.add_done_callback(lambda done: self._settle(batches, done))

    def _settle(self, batches: list[list[_Job]], done: Future[list[Any]]) -> None:
        jobs, *rest = batches
        error = done.exception()
        if error is None:
            for (_, future), result in zip(jobs, done.result(), strict=True):
                future.set_result(result)
        elif len(jobs) > 1:
            rest = [*([job] for job in jobs), *rest]
        else:
            known = isinstance(error, pw.PeeweeException | OSError)
            jobs[0][1].set_exception(as_store_error(error) if known else error)
        if rest:
            self._start(rest)
        else:
            self._next()

    def _transaction(self, operations: list[Callable[[], Any]]) -> list[Any]:
        self._database.connect(reuse_if_open=True)
        with self._database.atomic():
            results = [operation() for operation in operations]
        self.commits += 1
        return results
