"""Decides when each request of one connection may leave: rate, slots and limits.

The client acquires a ``Permit`` before each request, notes how it ended, and releases it. All times
are those of the running event loop, in seconds.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

import attrs

from ztoq_core.errors import RetryableError, StoppedError, StoreError
from ztoq_core.http.budget import Budget
from ztoq_core.http.circuit_breaker import CircuitBreaker
from ztoq_core.http.rate import Rate
from ztoq_core.waits import Wait, Waits

CATCH_UP = 0.03
"""Seconds of permits that are made up for after a late timer; else each late timer loses some."""

LATE = 0.1
"""The same if a request waited for the permit: the loop was late, as on a busy machine."""

OPENING = 10
"""Requests at once to begin with; each answer allows one more (as TCP does, RFC 6928)."""

LEAST_PATIENCE = 10.0
"""Seconds that every request is given (guess: far above what either service takes for an answer
that is not a file)."""

PATIENCE = 20
"""How many times longer than the slowest recent answer a request may take."""

PATIENCE_DECAY = 0.998
"""How the slowest answer is forgotten: by half after some 350 others."""

SLOW_SHARE = 0.25
"""An answer that takes more than this share of the time-out asks for fewer requests at once."""

STOPPED = "the run was asked to stop before this request left"


@attrs.define(eq=False)
class Permit:
    """The right to send one request; ends with exactly one call of ``Pacer.release``."""

    sent: float
    probe: bool
    answered: bool = False


@attrs.define(eq=False)
class Pacer:
    """Gives out the permits of one connection, in the order in which they were asked for.

    ``rate`` is a ceiling in requests a second, ``in_flight`` the most requests at once, ``timeout``
    that of a request in seconds. ``budget`` is what the service announces and the user allows.

    While a request waits, another is in flight or a timer is set: every change that may free a
    permit (a release, a timer, a stop, a reset of the circuit breaker) ends in ``_pump``, and
    nothing depends on what another task may do later. ``live`` is False if that is broken.
    """

    rate: Rate = attrs.field(factory=Rate)
    in_flight: int = 32
    timeout: float = 60.0
    budget: Budget = attrs.field(factory=Budget)
    waits: Waits = attrs.field(factory=Waits)
    breaker: CircuitBreaker = attrs.field(factory=CircuitBreaker, init=False)
    _active: dict[Permit, None] = attrs.field(factory=dict, init=False)
    _unanswered: int = attrs.field(default=0, init=False)
    _probing: bool = attrs.field(default=False, init=False)
    _window: float = attrs.field(init=False)
    _shrunk_at: float = attrs.field(default=-math.inf, init=False)
    _next_at: float = attrs.field(default=-math.inf, init=False)
    _last: float = attrs.field(default=0.0, init=False)
    _waiting: deque[tuple[asyncio.Future[Permit], float]] = attrs.field(factory=deque, init=False)
    _timer: asyncio.TimerHandle | None = attrs.field(default=None, init=False)
    _timer_at: float = attrs.field(default=math.inf, init=False)
    _held_back: bool = attrs.field(default=False, init=False)
    _slowest: float = attrs.field(default=math.inf, init=False)
    _late: int = attrs.field(default=0, init=False)
    _over_at: float = attrs.field(default=math.inf, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with few slots: at the first refusal all requests under way are refused too."""
        self._window = float(min(self.in_flight, OPENING))

    @property
    def active(self) -> int:
        """How many permits are out."""
        return len(self._active)

    @property
    def live(self) -> bool:
        """Whether no request waits, or an event will come that lets them go on."""
        waiting = any(not place.done() for place, _ in self._waiting)
        return not waiting or bool(self._active) or self._timer is not None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Count the calls and describe the waits while it is open.

        Raises:
            StoreError: The calls cannot be counted.
        """
        async with self.budget.quota.open():
            with self.waits.described_by(self.describe, self._pump):
                yield

    async def acquire(self) -> Permit:
        """Wait for the next permit.

        Raises:
            RetryableError: A limit of the user is reached, the budget of the month is used up, or
                the run is to stop (StoppedError). It is raised after the requests under way have
                ended, so that it does not cancel them.
            StoreError: The calls cannot be counted any more.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        # never past those who wait: a permit that is due right now belongs to the first of them
        if not self._waiting and self._over() is None and self._due(now) <= now:
            return self._grant(now)
        place: asyncio.Future[Permit] = loop.create_future()
        self._waiting.append((place, now))
        self._pump()
        try:
            return await place
        except asyncio.CancelledError:
            # the permit may have been granted in the same turn of the loop; nothing else would
            # release it, and its slot would be lost for good
            if place.done() and not place.cancelled() and place.exception() is None:
                self.release(place.result())
            raise

    def acquire_at_once(self) -> Permit:
        """Return a permit without waiting, for the request that ends a session.

        Raises:
            RetryableError: A limit of the user is reached, or the budget of the month used up.
            StoreError: The calls cannot be counted any more.
        """
        if (over := self.budget.over()) is not None:
            raise over
        self.budget.spent()
        return self._out(Permit(asyncio.get_running_loop().time(), probe=False))

    def patience(self, failures: int = 0) -> float:
        """Return how many seconds to wait for an answer, judged by recent answers.

        A request whose answer is lost would hold its slot for the whole time-out, and a service
        that loses one in 25 would leave most slots idle. So it is given up when it takes many times
        longer than any recent answer. An object in doubt is still looked for until the whole
        time-out is over. Each of its ``failures`` gives a request four times as long, and each
        late answer in a row twice as long, up to the time-out: a slow service is not cut off.
        """
        usual = max(LEAST_PATIENCE, PATIENCE * self._slowest)
        return min(self.timeout, usual * 4.0 ** min(failures, 8) * 2.0 ** min(self._late, 8))

    def granted(self, permit: Permit, headers: Mapping[str, str]) -> None:
        """Note an answer of any status that shows that the service works."""
        now = asyncio.get_running_loop().time()
        self._answered(permit)
        self.waits.progress_at = now
        self.breaker.succeeded(permit.sent)
        self.rate.granted(now, permit.sent)
        pace = self.budget.pace
        pace.answers += 1
        pace.seconds += now - permit.sent
        # decays by answers, not by time: in a quiet hour nothing is learned about the service
        before = 0.0 if math.isinf(self._slowest) else PATIENCE_DECAY * self._slowest
        self._slowest = max(now - permit.sent, before)
        self._late = 0
        self.budget.announced(now, headers, self._unanswered)
        if now - permit.sent > SLOW_SHARE * self.timeout:
            self._shrink(now, permit)
        elif self._window < self.in_flight:
            # as TCP does: by one for each answer until it first shrank, then by one per window
            step = 1.0 if math.isinf(self._shrunk_at) else 1 / self._window
            self._window = min(self.in_flight, self._window + step)

    def refused(self, permit: Permit, headers: Mapping[str, str], asked: float) -> None:
        """Note an answer 429; ``asked`` are the seconds that the service asks to wait, or 0."""
        now = asyncio.get_running_loop().time()
        self._answered(permit)
        # a request sent before the last cut says nothing about the rate since then; a cut for each
        # of them would bring the rate down to 1 a second
        if permit.sent >= self.rate.cut_at:
            self.rate.refused(now, self._unanswered)
            self.budget.pace.rate = self.rate.value
            self.breaker.failed(now, asked, probe=permit.probe, shortest=0.05)
        self.budget.announced(now, headers, self._unanswered)

    def failed(self, permit: Permit, asked: float = 0.0) -> None:
        """Note a 5xx, a time-out, a lost connection, or one that could not be made."""
        now = asyncio.get_running_loop().time()
        self._answered(permit)
        self.breaker.failed(now, asked, probe=permit.probe, shortest=0.5)
        if now - permit.sent >= LEAST_PATIENCE:
            self._late += 1
        if now - permit.sent > SLOW_SHARE * self.timeout:
            self._shrink(now, permit)

    def release(self, permit: Permit) -> None:
        """Give the slot back."""
        self._answered(permit)
        del self._active[permit]
        if permit.probe:
            self._probing = False
        if self._waiting:
            self._pump()

    def reset_breaker(self) -> None:
        """Let all requests be sent at once: the service is out, and each has to find out now."""
        self.breaker = CircuitBreaker()
        self._pump()

    def describe(self, now: float) -> Iterator[Wait]:
        """Yield the present waits: for answers, and for permits with the reason."""
        host = self.budget.quota.host
        waiting = sorted(since for place, since in self._waiting if not place.done())
        if self._active:
            oldest = min(permit.sent for permit in self._active)
            what = f"a request to {host} has been under way"
            yield Wait(what, oldest, oldest + self.timeout, usual=True)
        if not waiting:
            return
        if self.breaker.open:
            since = min(self.breaker.failing_since, now)
            yield Wait(
                f"{host} has not given a good answer", since, max(now, self.breaker.probe_at)
            )
            return
        minute = self.budget.due(now, unanswered=0)
        if minute > now:
            yield Wait(f"the calls that {host} grants per minute are used up", waiting[0], minute)
            return
        # without a timer and a request in flight it has no end, and the watchdog has to see that
        until = self._timer_at if self._timer is not None else waiting[0]
        if self._active:
            until = max(until, oldest + self.timeout)
        what = f"a request to {host} has waited for its turn"
        yield Wait(what, waiting[0], until, usual=self.live)

    def _over(self) -> RetryableError | None:
        return StoppedError(STOPPED) if self.waits.stopping else self.budget.over()

    def _answered(self, permit: Permit) -> None:
        # noted once by the answer and once more by the release, which may be all that comes
        if not permit.answered:
            permit.answered = True
            self._unanswered -= 1

    def _shrink(self, now: float, permit: Permit) -> None:
        # once for all that were under way together: they were slow for the same reason
        if permit.sent > self._shrunk_at:
            self._shrunk_at = now
            self._window = max(1.0, self._window * 0.7)

    def _due(self, now: float) -> float:
        """Return when the next request may be sent; infinite if an answer must come first."""
        if self.active >= int(self._window):
            return math.inf
        if self.breaker.open:
            # one probe at a time: more would only load a service that fails
            return math.inf if self._probing else max(now, self.breaker.probe_at)
        return max(self._next_at, self.budget.due(now, self._unanswered))

    def _grant(self, now: float) -> Permit:
        probe = self.breaker.open
        # it grows only while it is the bottleneck, that is: while no permit is left unused
        if self._next_at > now - CATCH_UP or self._held_back:
            self.rate.grow(now, now - self._last)
        slack = LATE if self._held_back else CATCH_UP
        self._next_at = max(self._next_at, now - slack) + 1 / self.rate.value
        self._last = now
        self._probing = self._probing or probe
        self.budget.spent()
        return self._out(Permit(now, probe))

    def _out(self, permit: Permit) -> Permit:
        self._active[permit] = None
        self._unanswered += 1
        return permit

    def _pump(self) -> None:
        """Grant the permits that are due, and set a timer for the next one.

        It never awaits, so that nothing changes between a decision and its grant.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting:
            if self._waiting[0][0].done():  # it was cancelled
                self._waiting.popleft()
                continue
            try:
                over = self._over()
            except StoreError as error:
                self._turn_away(error)
                return
            if over is not None:
                # the requests under way end first: an error would cancel them in their task group
                self._over_at = min(self._over_at, now)
                patience = self._over_at + self.timeout
                if self._active and now < patience:
                    self._come_back(loop, patience)
                    return
                self._turn_away(over)
                return
            due = self._due(now)
            if due > now:
                # if the timer then fires late, that was not for want of requests
                self._held_back = due == self._next_at
                self._come_back(loop, due)
                return
            self._waiting.popleft()[0].set_result(self._grant(now))
        self._held_back = False

    def _turn_away(self, error: Exception) -> None:
        while self._waiting:
            place, _ = self._waiting.popleft()
            if not place.done():
                place.set_exception(error)

    def _come_back(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        if self._timer is not None:
            # an earlier timer does no harm: it looks, and sets the next one
            if self._timer_at <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due < math.inf:
            self._timer, self._timer_at = loop.call_at(due, self._wake), due

    def _wake(self) -> None:
        self._timer = None
        self._pump()
