"""Limiters as services have them, for tests and benchmarks of pacing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import attrs


@attrs.define
class Bucket:
    """Grants ``limit`` a second and saves up to ``saves`` unused ones."""

    limit: float
    saves: float
    _saved: float = attrs.field(init=False)
    _at: float = 0.0

    def __attrs_post_init__(self) -> None:
        self._saved = self.saves

    def grants(self, now: float) -> bool:
        self._saved = min(self.saves, self._saved + (now - self._at) * self.limit)
        self._at = now
        granted = self._saved >= 1
        self._saved -= granted
        return granted


@attrs.define
class Window:
    """Grants ``limit`` in each second, a calendar one or the last one."""

    limit: float
    sliding: bool
    _moments: deque[float] = attrs.field(factory=deque)

    def grants(self, now: float) -> bool:
        while self._moments and self._is_over(self._moments[0], now):
            self._moments.popleft()
        if len(self._moments) >= self.limit:
            return False
        self._moments.append(now)
        return True

    def _is_over(self, moment: float, now: float) -> bool:
        return moment <= now - 1 if self.sliding else int(moment) < int(now)


Limiter = Bucket | Window
LIMITERS: dict[str, Callable[[float], Limiter]] = {
    "bucket that saves little": lambda limit: Bucket(limit, limit / 10),
    "bucket that saves a second": lambda limit: Bucket(limit, limit),
    "calendar second": lambda limit: Window(limit, sliding=False),
    "last second": lambda limit: Window(limit, sliding=True),
}
