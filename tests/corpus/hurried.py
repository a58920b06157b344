"""``ztoq`` with a clock that runs ten times as fast: run this file to see how a long wait ends.

Unlike virtual time it lets other processes answer: what takes them a second takes ten here.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

from ztoq_core.cli import main

TIMES = 10


class _Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> Any:
        return super().select(timeout and timeout / TIMES)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        return super().time() * TIMES


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)


if __name__ == "__main__":
    asyncio.run = _run  # type: ignore[assignment]  # the command gives its work and nothing else
    main()
