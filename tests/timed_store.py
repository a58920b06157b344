"""A store that a virtual clock waits for, so that no time passes while it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import ParamSpec, TypeVar

from ztoq_testkit.virtual_time import VirtualTimeLoop

from ztoq_core.store import Store
from ztoq_core.store.database import Database

P = ParamSpec("P")
A = TypeVar("A")
T = TypeVar("T")


class _TimedDatabase(Database):
    async def write(self, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with _standing_still():
            return await super().write(operation, *args, **kwargs)

    async def gather(self, batch: Callable[[Sequence[A]], Sequence[T]], item: A) -> T:
        with _standing_still():
            return await super().gather(batch, item)


class TimedStore(Store):
    """The store; it reads in an executor of the loop, which the clock waits for anyway."""

    database_type = _TimedDatabase


def _standing_still() -> AbstractContextManager[None]:
    loop = asyncio.get_running_loop()
    return loop.standing_still() if isinstance(loop, VirtualTimeLoop) else nullcontext()
