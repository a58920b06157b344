"""The lease that lets only one command write to a store at a time."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from ztoq_core.errors import StoreError
from ztoq_core.store.models import now

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["RunInfo", "lease"]

_BEAT_S = 5.0
_STALE = timedelta(seconds=30)


@attrs.define
class RunInfo:
    """A run of a command on the store; ``outcome`` may be set while it lasts."""

    id: int
    verb: str
    outcome: str = ""


def _alive(host: str, pid: int) -> bool:
    """Whether the process may still run; on another host only its heartbeat can tell."""
    if host != socket.gethostname():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _take(store: Store, verb: str) -> int:
    run = store.run_table
    for other in run.select().where(run.ended.is_null()):
        fresh = now() - other.heartbeat < _STALE
        mine = other.host == socket.gethostname() and other.pid == os.getpid()
        if fresh and (mine or _alive(other.host, other.pid)):
            raise StoreError(
                f"Another run uses this store: ztoq {other.verb} on {other.host}, process "
                f"{other.pid}, since {other.started:%Y-%m-%d %H:%M:%S} UTC; wait for it or end it",
                at_start=True,
            )
        run.update(ended=other.heartbeat, outcome="ended without a word").where(
            run.id == other.id
        ).execute()
    made = run.create(
        verb=verb, host=socket.gethostname(), pid=os.getpid(), started=now(), heartbeat=now()
    )
    return int(made.id)


@contextmanager
def lease(store: Store, verb: str) -> Iterator[RunInfo]:
    """Hold the store for one command.

    Raises:
        StoreError: Another live run holds it; the message names host, process and time.
    """
    with store.exclusively():
        info = RunInfo(_take(store, verb), verb)
    run = store.run_table
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT_S):
            store.submit(lambda: run.update(heartbeat=now()).where(run.id == info.id).execute())

    heart = threading.Thread(target=beat, name="ztoq-heartbeat", daemon=True)
    heart.start()
    try:
        yield info
    finally:
        ended.set()
        heart.join()
        store.write_now(
            lambda: (
                run.update(ended=now(), heartbeat=now(), outcome=info.outcome)
                .where(run.id == info.id)
                .execute()
            )
        )
