"""A clock that runs a hundred times as fast, to see how a long wait ends.

Unlike virtual time it lets others answer: what takes them a second takes a hundred here.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

TIMES = 100


class _Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout and timeout / TIMES)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        return super().time() * TIMES


def _run(work: Any) -> Any:
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


@contextmanager
def hurried() -> Iterator[None]:
    """Let ``asyncio.run`` use that clock; a command gives it its work and nothing else."""
    with mock.patch.object(asyncio, "run", _run):
        yield
