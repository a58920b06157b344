"""The lease that lets only one command write to a store at a time.

The row of ``run`` whose ``ended`` is empty holds the lease; its id, which only grows, is the number
of the lease. Three rules make sure that two commands never write at once:

1. Every transaction of the holder begins by incrementing its ``beat``, which fails once another run
   has ended the row. In PostgreSQL the row stays locked until the commit, and the server ends a
   transaction that is idle for ``Database.lease_s``.
2. Another run takes the lease only if the holder cannot be running: its process is dead, or its
   beat did not change for ``Database.lease_s``. It ends the row only if the beat is still the one
   that it saw.
3. Before a request that changes something is sent, and again once its connection stands, the
   holder checks that its last beat was committed less than half a lease ago; else it commits one
   first. So a process that was suspended finds out that it lost the lease before it sends anything.

No rule compares two readings of a wall clock, which may be set in between.
"""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import attrs
from loguru import logger

from ztoq_core.errors import StoreError
from ztoq_core.installed import core_version
from ztoq_core.store.database import Database
from ztoq_core.store.process import Process
from ztoq_core.store.tables import Run, now

UNEXPECTED = "ended unexpectedly"


@attrs.define
class RunInfo:
    """A run of a command on the store; ``outcome`` may be set while it lasts."""

    id: int
    verb: str
    outcome: str = ""


@attrs.define(eq=False)
class Lease:
    """The lease of a run. ``renewed_at`` (on the store's clock) is set at each commit."""

    database: Database
    run: int
    renewed_at: float

    def renew(self) -> float:
        """Increment the beat, as the first statement of a transaction.

        Returns:
            The time before the statement, for ``renewed_at`` after the commit: so the holder never
            assumes a later beat than the one that others see.

        Raises:
            StoreError: Another run has taken the lease.
        """
        at = self.database.clock()
        text = f"""UPDATE run SET beat = beat + 1, heartbeat = {_present(self.database)}
            WHERE id = ? AND ended IS NULL"""
        if not self.database.execute(text, (self.run,)):
            raise StoreError(self._lost())
        return at

    async def make_sure(self) -> None:
        """Renew the lease, unless it was renewed recently.

        Raises:
            StoreError: Another run has taken the lease.
        """
        if self.database.clock() - self.renewed_at > self.database.lease_s / 2:
            await self.database.write(lambda: None)  # any transaction renews it

    async def beat(self) -> None:
        """Renew the lease until cancelled; an error ends the run at its next write."""
        while True:
            await asyncio.sleep(self.database.beat_s)
            try:
                await self.database.write(lambda: None)
            except StoreError as error:
                self.database.fail(error)
                return

    def _lost(self) -> str:
        run = self.database.runs
        taker = run.select().where(run.id > self.run).order_by(run.id).first()
        took = "Another run took over this store while this one was suspended or cut off"
        if taker is not None:
            took += f": {_named(taker)}"
        return f"{took}. Nothing was sent since. Run again when that one has ended"


def is_running(database: Database, run: Run) -> bool | None:
    """Return whether the run holds the lease, None if only waiting could show it."""
    if run.ended is not None:
        return False
    runs = Process(host=run.host, pid=run.pid, boot=run.boot, born=run.born).runs()
    if runs is False or database.is_sqlite:
        return runs
    # the database has one clock for all hosts; a process that sleeps loses its lease
    text = f"""SELECT heartbeat > {_present(database)} - INTERVAL '{database.lease_s} seconds'
        FROM run WHERE id = ?"""
    return bool(next(database.select(text, (run.id,)))[0])


def _named(run: Run) -> str:
    started = f"{run.started:%Y-%m-%d %H:%M:%S}"
    return f"ztoq {run.verb} on {run.host}, process {run.pid}, since {started} UTC"


def _present(database: Database) -> str:
    """Return the present time as SQL; only the clock of a PostgreSQL server is ever compared."""
    if database.is_sqlite:
        return "strftime('%Y-%m-%d %H:%M:%f', 'now')"
    return "(clock_timestamp() AT TIME ZONE 'utc')"


def _take(database: Database, verb: str) -> int:
    """Wait until no other run can be running, and begin a new one.

    Raises:
        StoreError: Another one is.
    """
    seen: dict[int, tuple[Any, float]] = {}
    while True:
        with database.exclusively():
            table = database.runs
            others = list(table.select().where(table.ended.is_null()))
            if not [other for other in others if _holds(database, other, seen)]:
                return _begin(database, verb)
        time.sleep(database.lease_s / 30)


def _holds(database: Database, other: Run, seen: dict[int, tuple[Any, float]]) -> bool:
    """Return whether another run must be watched further; end it if it cannot be running."""
    runs = is_running(database, other)
    beat = (other.beat, other.heartbeat)  # ztoq 0.1 only set the latter
    if runs is None and other.id not in seen:
        logger.warning(
            "This store was used by {} and not closed; waiting {:.0f} s to see whether that "
            "is still running",
            _named(other),
            database.lease_s,
        )
    first, since = seen.setdefault(other.id, (beat, time.monotonic()))
    if runs is None and beat == first and time.monotonic() - since < database.lease_s:
        return True
    table = database.runs
    ended = table.update(ended=other.heartbeat, outcome=UNEXPECTED).where(
        (table.id == other.id) & (table.beat == other.beat) & table.ended.is_null()
    )
    if runs or beat != first or not ended.execute():
        raise StoreError(
            f"Another run uses this store: {_named(other)}; wait for it or end it", at_start=True
        )
    return False


def _begin(database: Database, verb: str) -> int:
    me, present = Process.this(), now()
    made = database.runs.create(
        verb=verb,
        **attrs.asdict(me),
        started=present,
        heartbeat=present,
        username=_username(),
        version=core_version(),
    )
    text = f"UPDATE run SET heartbeat = {_present(database)} WHERE id = ?"
    database.execute(text, (made.id,))
    return int(made.id)


def _username() -> str:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container's user may have no name
        return ""


@contextmanager
def lease(database: Database, verb: str) -> Iterator[RunInfo]:
    """Hold the store for one command; in an event loop a task renews the lease.

    Raises:
        StoreError: Another run holds it; the message names host, process and time.
    """
    at = database.clock()
    info = RunInfo(_take(database, verb), verb)
    held = Lease(database, info.id, at)
    database.hold(held)
    beating: asyncio.Task[None] | None = None
    with suppress(RuntimeError):  # a verb without a loop ends soon
        # in the loop that does the work: a thread would go on after the work has stopped
        beating = asyncio.get_running_loop().create_task(held.beat())
    try:
        yield info
    except (
        BaseException
    ):  # a kill by signal ends the run, too: the next one need not wait for the lease
        with suppress(StoreError):  # the error that ended the run matters more
            _end(database, info)
        raise
    else:
        _end(database, info)
    finally:
        if beating is not None:
            beating.cancel()
        database.hold(None)


def _end(database: Database, info: RunInfo) -> None:
    run = database.runs
    present = now()
    database.write_now(
        lambda: run.update(ended=present, outcome=info.outcome).where(run.id == info.id).execute()
    )
