"""The lease that lets only one command write to a store at a time.

The row of ``run`` whose ``ended`` is empty holds the lease; its id, which only grows, is the number
of the lease. Three rules make sure that two commands never write at once:

1. Every transaction of the holder begins by counting its ``beat`` up, which fails once another run
   has ended the row. In PostgreSQL the row stays locked until the commit, and the
   server ends a transaction in which nothing happens for ``Store.lease_s``.
2. Another run takes the lease only when the holder cannot be at work: its process is dead, or its
   beat did not move for ``Store.lease_s``. It ends the row only if the beat is still
   the one it saw.
3. Before a request that changes something leaves, the holder makes sure that its last beat was
   committed less than half a lease ago, else it commits one first. So a process that slept finds
   out that it lost the lease before it sends anything.

No rule compares the wall clocks of two moments: those may be set in between.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import attrs
import peewee as pw
from loguru import logger

from ztoq_core.errors import StoreError
from ztoq_core.store.models import Run, now
from ztoq_core.store.process import Process
from ztoq_core.store.statements import ask, change

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["Lease", "RunInfo", "is_running", "lease"]

UNEXPECTED = "ended unexpectedly"


@attrs.define
class RunInfo:
    """A run of a command on the store; ``outcome`` may be set while it lasts."""

    id: int
    verb: str
    outcome: str = ""


@attrs.define(eq=False)
class Lease:
    """A run's hold on the store. ``renewed_at`` (on the store's clock) is set at each commit."""

    store: Store
    run: int
    renewed_at: float

    def renew(self) -> float:
        """Count the beat up within a transaction, which has to be its first statement.

        Returns:
            When it was renewed, for ``renewed_at`` after the commit: the time before the statement,
            so that the holder never believes in a later beat than the one that others see.

        Raises:
            StoreError: Another run has taken the lease.
        """
        at = self.store.clock()
        text = f"""UPDATE run SET beat = beat + 1, heartbeat = {_present(self.store.database)}
            WHERE id = ? AND ended IS NULL"""  # noqa: S608 - a constant
        if not change(self.store.database, text, (self.run,)):
            raise StoreError(self._lost())
        return at

    async def make_sure(self) -> None:
        """Return at once if the lease was renewed lately, else renew it first.

        Raises:
            StoreError: Another run has taken the lease.
        """
        if self.store.clock() - self.renewed_at > self.store.lease_s / 2:
            await self.store.write(lambda: None)  # any transaction renews it

    async def beat(self) -> None:
        """Renew the lease until cancelled; an error ends the run at its next write."""
        while True:
            await asyncio.sleep(self.store.beat_s)
            try:
                await self.store.write(lambda: None)
            except StoreError as error:
                self.store.fail(error)
                return

    def _lost(self) -> str:
        run = self.store.run_table
        taker = run.select().where(run.id > self.run).order_by(run.id).first()
        took = "Another run took over this store while this one was suspended or cut off"
        if taker is not None:
            took += f": {_named(taker)}"
        return f"{took}. Nothing was sent since. Run again when that one has ended"


def is_running(database: pw.Database, lease_s: float, run: Run) -> bool | None:
    """Return whether the run holds the lease, None where only waiting could show it."""
    if run.ended is not None:
        return False
    runs = _process(run).runs()
    if runs is False or isinstance(database, pw.SqliteDatabase):
        return runs
    # the database has one clock for all hosts; a process that sleeps loses its lease
    text = f"""SELECT heartbeat > {_present(database)} - INTERVAL '{lease_s} seconds'
        FROM run WHERE id = ?"""  # noqa: S608 - constants
    return bool(next(ask(database, text, (run.id,)))[0])


def _process(run: Run) -> Process:
    return Process(host=run.host, pid=run.pid, boot=run.boot, born=run.born)


def _named(run: Run) -> str:
    started = f"{run.started:%Y-%m-%d %H:%M:%S}"
    return f"ztoq {run.verb} on {run.host}, process {run.pid}, since {started} UTC"


def _present(database: pw.Database) -> str:
    """Return the present time as SQL; only the clock of a PostgreSQL server is ever compared."""
    if isinstance(database, pw.SqliteDatabase):
        return "strftime('%Y-%m-%d %H:%M:%f', 'now')"
    return "(clock_timestamp() AT TIME ZONE 'utc')"


def _take(store: Store, verb: str) -> int:
    """Wait until no other run can be at work, and begin a new one.

    Raises:
        StoreError: Another one is.
    """
    seen: dict[int, tuple[Any, float]] = {}
    while True:
        with store.exclusively():
            table = store.run_table
            others = list(table.select().where(table.ended.is_null()))
            if not [other for other in others if _holds(store, other, seen)]:
                return _begin(store, verb)
        time.sleep(store.lease_s / 30)


def _holds(store: Store, other: Run, seen: dict[int, tuple[Any, float]]) -> bool:
    """Return whether another run has to be watched further; end it if it cannot be at work."""
    runs = is_running(store.database, store.lease_s, other)
    beat = (other.beat, other.heartbeat)  # ztoq 0.1 only set the latter
    if runs is None and other.id not in seen:
        logger.warning(
            "This store was used by {} and not closed; watching for {:.0f} s whether that still "
            "works on it",
            _named(other),
            store.lease_s,
        )
    first, since = seen.setdefault(other.id, (beat, time.monotonic()))
    if runs is None and beat == first and time.monotonic() - since < store.lease_s:
        return True
    table = store.run_table
    ended = table.update(ended=other.heartbeat, outcome=UNEXPECTED).where(
        (table.id == other.id) & (table.beat == other.beat) & table.ended.is_null()
    )
    if runs or beat != first or not ended.execute():
        raise StoreError(
            f"Another run uses this store: {_named(other)}; wait for it or end it", at_start=True
        )
    return False


def _begin(store: Store, verb: str) -> int:
    me, present = Process.this(), now()
    made = store.run_table.create(verb=verb, **attrs.asdict(me), started=present, heartbeat=present)
    text = f"UPDATE run SET heartbeat = {_present(store.database)} WHERE id = ?"  # noqa: S608
    change(store.database, text, (made.id,))
    return int(made.id)


@contextmanager
def lease(store: Store, verb: str) -> Iterator[RunInfo]:
    """Hold the store for one command; within an event loop the lease is renewed there.

    Raises:
        StoreError: Another run holds it; the message names host, process and time.
    """
    at = store.clock()
    info = RunInfo(_take(store, verb), verb)
    held = store.hold(Lease(store, info.id, at))
    beating: asyncio.Task[None] | None = None
    with suppress(RuntimeError):  # a verb without a loop is over soon
        # in the loop that does the work: a thread would go on after the work stands still
        beating = asyncio.get_running_loop().create_task(held.beat())
    try:
        yield info
    except BaseException:
        with suppress(StoreError):  # what ended the run matters more
            _end(store, info)
        raise
    else:
        _end(store, info)
    finally:
        if beating is not None:
            beating.cancel()
        store.release()


def _end(store: Store, info: RunInfo) -> None:
    run = store.run_table
    present = now()
    store.write_now(
        lambda: run.update(ended=present, outcome=info.outcome).where(run.id == info.id).execute()
    )
