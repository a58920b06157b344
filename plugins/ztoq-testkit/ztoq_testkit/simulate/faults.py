"""Faults that a simulator makes: seeded, so that a test can be repeated, changeable as it runs."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from enum import StrEnum

import attrs

from ztoq_testkit.simulate.messages import Request


class Fault(StrEnum):
    """What can happen to a request. The first two come before the handler, the others after it."""

    RESET_BEFORE = "reset_before"
    ERROR_5XX = "error_5xx"
    LOST = "lost"
    ERROR_AFTER = "error_after"
    HTML = "html"
    CUT_BODY = "cut_body"
    SLOW = "slow"


def _queue(faults: Iterable[Fault | str | None]) -> deque[Fault | str | None]:
    return deque(faults)


@attrs.define(kw_only=True)
class Faults:
    """How often which fault occurs: shares of the requests, at most one fault for each of them.

    ``reset_before``: the connection is cut and nothing done. ``error_5xx``: one of 500, 502, 503,
    504 and nothing done. ``lost``: carried out, then the connection is cut. ``error_after``:
    carried out, then a 500. ``html``: carried out, then an HTML page with the status that was due.
    ``cut_body``: carried out, then half of the promised body. ``slow``: carried out, then
    ``slow_seconds`` without an answer.

    ``limit_per_second``: more requests are refused with 429 and the header Retry-After:
    ``retry_after`` (None: no such header). Unused requests are saved up to ``burst`` (default: a
    tenth of a second's, at least one). Refused requests are not carried out.

    ``only`` limits the faults (not the limit) to some methods or to the requests it says True to.
    ``plan`` are faults for the next requests, one each and before all shares; None spares one.

    The n-th request of one method and path always meets the same fault for one ``seed``, in
    whatever order requests come. ``made`` counts.
    """

    reset_before: float = 0.0
    error_5xx: float = 0.0
    lost: float = 0.0
    error_after: float = 0.0
    html: float = 0.0
    cut_body: float = 0.0
    slow: float = 0.0
    slow_seconds: float = 3600.0
    limit_per_second: float | None = None
    burst: float | None = None
    retry_after: float | None = None
    only: Callable[[Request], bool] | Collection[str] | None = None
    plan: deque[Fault | str | None] = attrs.field(factory=deque, converter=_queue)
    seed: int = 0
    clock: Callable[[], float] = time.monotonic
    made: Counter[str] = attrs.field(factory=Counter, init=False)
    _seen: Counter[tuple[str, str]] = attrs.field(factory=Counter, init=False, repr=False)
    _saved: float | None = attrs.field(default=None, init=False, repr=False)
    _at: float = attrs.field(default=0.0, init=False, repr=False)

    def limited(self) -> bool:
        """Return whether this request is over the limit."""
        limit = self.limit_per_second
        if limit is None:
            return False
        burst = max(1.0, limit / 10 if self.burst is None else self.burst)
        now = self.clock()
        saved = burst if self._saved is None else self._saved + (now - self._at) * limit
        self._saved, self._at = min(burst, saved), now
        if self._saved < 1.0:
            self.made["limited"] += 1
            return True
        self._saved -= 1.0
        return False

    def draw(self, request: Request) -> Fault | None:
        """Return the fault that this request meets."""
        if not self._concerns(request):
            return None
        fault = self._planned() if self.plan else self._drawn(request)
        if fault is not None:
            self.made[fault.value] += 1
        return fault

    def status_5xx(self) -> int:
        """Return the status of the next ``error_5xx``: they take turns."""
        return (500, 502, 503, 504)[self.made[Fault.ERROR_5XX] % 4]

    def _concerns(self, request: Request) -> bool:
        if self.only is None:
            return True
        return self.only(request) if callable(self.only) else request.method in self.only

    def _planned(self) -> Fault | None:
        name = self.plan.popleft()
        return None if name is None else Fault(name)

    def _drawn(self, request: Request) -> Fault | None:
        shares = [(fault, getattr(self, fault.value)) for fault in Fault]
        if not any(share for _, share in shares):
            return None
        place = (request.method, request.path)
        self._seen[place] += 1
        # a text seeds reproducibly, a tuple's hash does not; nothing secret hangs on it
        draw = random.Random(f"{self.seed} {place} {self._seen[place]}").random()  # noqa: S311
        for fault, share in shares:
            if draw < share:
                return fault
            draw -= share
        return None
