"""How fast one connection may go: found out from what the service grants, refuses and announces.

``Pacer`` gives turns to requests; ``ztoq_core.http`` asks it before each one and tells it how each
ended. All times are those of the running event loop, in seconds.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import attrs

from ztoq_core.errors import StoreError
from ztoq_core.http.budget import Budget

__all__ = ["Door", "Pacer", "Rate", "Turn"]

FIRST = 200.0
"""Requests a second to begin with. Slower would be felt on short runs without a limit, faster
refuses more on those with one."""

CUT = 0.97
"""What is left of the rate after few refusals; the limit is then close below the old rate."""

FAR_ABOVE = 0.25
"""Where more than this share is refused, the rate falls by that share instead, at most by half."""

AGAIN = 3.0
"""Seconds after such a cut in which there is no other: refusals come in blocks for a while."""

HEARING = 0.15
"""Seconds between a refusal and the cut, in which that share is found out (longer at low rates)."""

CURVE = 0.002
"""Growth after a cut, per second cubed: back at the refused rate in 2.5 s, 5 % over it in 5.4 s."""

GUESSED = 0.016
"""The same while the rate is the guess that a search ended with: twice as quick."""

UNHURRIED = 40.0
"""Below this rate the way back takes longer in proportion, so that each refusal that it ends in
is one in more than a hundred requests there too."""

DOUBTED = 0.4
"""The part of a deep cut that is soon given back; what was refused may have been a short block."""

DOUBLING = 0.25
"""Seconds in which the rate doubles while nothing about the limit is known."""

AFTER_FIRST = 0.75
"""The same after the first refusal, which may be close to the limit; a busy machine learns late of
those that follow."""

ANSWERS = 8
"""Answers that make a share worth looking at."""

SAMPLE = 20
"""Grants that make a fair guess of a rate."""

SAVED = 0.85
"""What of these is the rate; the rest may be turns that the service had saved."""

CATCH_UP = 0.03
"""Seconds of turns that are made up after a late timer; without it each late timer loses some."""

LATE = 0.1
"""The same where somebody waited for the turn: the loop came late, as it does on a busy machine."""

FEW = 4
"""Refusals that end the doubling; fewer may be what was under way."""

CLOSED_AFTER = 3
"""So many requests in a row that failed or were refused show that pacing does not help now."""

OPENING = 10
"""Requests at once to begin with; each answer allows one more (as TCP does, RFC 6928)."""

SLOW_SHARE = 0.25
"""An answer that takes more than this share of the time-out asks for fewer requests at once."""


@attrs.define
class Rate:
    """Requests a second: doubled until the first refusal, then kept close to what is granted.

    The shape is that of TCP CUBIC (RFC 9438): after a cut fast back towards the rate that was
    refused, slow around it, then faster, so that a raised limit is found too. ``ceiling`` is never
    passed. The rate grows only while it is what holds requests back.
    """

    ceiling: float = math.inf
    value: float = attrs.field(init=False)
    cut_at: float = attrs.field(default=-math.inf, init=False)
    _start: float = attrs.field(init=False)
    _refused_rate: float = attrs.field(default=math.inf, init=False)
    _refused_at: float = attrs.field(default=-math.inf, init=False)
    _back: float = attrs.field(default=0.0, init=False)
    _curve: float = attrs.field(default=CURVE, init=False)
    _stretch: float = attrs.field(default=1.0, init=False)
    _age: float = attrs.field(default=0.0, init=False)
    _searching: bool = attrs.field(default=True, init=False)
    _found: deque[float] = attrs.field(factory=deque, init=False)
    _row: int = attrs.field(default=0, init=False)
    _block: bool = attrs.field(default=False, init=False)
    _deep_at: float = attrs.field(default=-math.inf, init=False)
    _hearing: float = attrs.field(default=math.inf, init=False)
    _grants: int = attrs.field(default=0, init=False)
    _refusals: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin fast."""
        self.value = self._start = min(FIRST, self.ceiling)

    def granted(self, now: float, sent: float) -> None:
        """Note a request that the service took."""
        self._found.append(now)
        while self._found[0] < now - 1.0:
            self._found.popleft()
        self._row = 0
        if not self._searching and sent >= self.cut_at:
            self._grants += 1
            if now >= self._hearing:
                self._judge(now)

    def refused(self, now: float, unanswered: int) -> None:
        """Note a request that was refused and sent after the last cut.

        The first refusal comes early where the service saves unused turns, and tells little: the
        rate then falls to what was granted in all (of the ``unanswered`` perhaps half, as a refusal
        is quicker than an answer) and doubles again, until it is refused again.
        """
        self._refused_at = now
        self._refusals += 1
        self._row += 1
        self._block = self._block or self._row >= CLOSED_AFTER
        if self._searching:
            if math.isinf(self.cut_at):
                self._cut(now, max(5.0, len(self._found) + unanswered / 2))
            elif self._refusals >= FEW:
                self._cut(now, self._measured(now))
                self._searching = False
        elif math.isinf(self._hearing):
            if now - self.cut_at >= 1.0:
                self._grants, self._refusals = 0, 1
                self._row, self._block = 1, False
                self._hearing = now + max(HEARING, ANSWERS / self.value)
        elif now >= self._hearing:
            self._judge(now)

    def grow(self, now: float, seconds: float) -> None:
        """Grow by ``seconds`` in which the rate was what held requests back."""
        if not self._searching and now - self._refused_at < 1.0:
            return
        self._age += seconds
        if self._searching:
            doubling = DOUBLING if math.isinf(self.cut_at) else AFTER_FIRST
            grown = self._start * 2 ** (self._age / doubling)
        else:
            beyond = self._age - self._back
            if beyond < 0:
                beyond /= self._stretch
            grown = self._refused_rate * (1 + self._curve * beyond**3)
        self.value = min(self.ceiling, max(self.value, grown))

    def _measured(self, now: float) -> float:
        """Return the rate that was granted of late, since the cut."""
        count, since = 0, now
        for moment in reversed(self._found):
            if moment < self.cut_at or (count > SAMPLE and now - moment > DOUBLING):
                break
            count, since = count + 1, moment
        # too few to tell: what the doubling began with is the better guess
        if count <= ANSWERS or since == now:
            return self._start
        return SAVED * count / (now - since)

    def _judge(self, now: float) -> None:
        """Cut by the share that was refused; a service that counts by seconds refuses in blocks."""
        granted = sum(moment > now - 1.0 for moment in self._found)
        if self._block:
            share = 1 - granted / self.value
        else:
            # without the refusal that began it, which would count for too much
            share = (self._refusals - 1) / max(1, self._grants + self._refusals - 1)
        if share > FAR_ABOVE and now - self._deep_at > AGAIN:
            self._deep_at = now
            kept = min(self.value * (1 - share), granted)
            self._cut(now, max(0.5 * self.value, kept), given_back=DOUBTED)
        elif self._block:
            # that many were granted in a second that ended in refusals: the limit itself
            self._cut(now, min(CUT * self.value, max(0.8 * self.value, granted)))
        else:
            self._cut(now, self.value * max(0.8, min(CUT, 1 - 0.6 * share)), given_back=DOUBTED)

    def _cut(self, now: float, value: float, given_back: float = 0.0) -> None:
        old, self.value = self.value, min(self.value, value)
        self._start = self.value
        self._refused_rate = max(self.value / CUT, self.value + given_back * (old - self.value))
        self._curve = GUESSED if self._searching else CURVE
        self._stretch = 1.0 if self._searching else max(1.0, UNHURRIED / self.value)
        missing = 1 - self._start / self._refused_rate
        self._back = self._stretch * (missing / self._curve) ** (1 / 3)
        self.cut_at = now
        self._age = 0.0
        self._hearing = math.inf
        self._grants = self._refusals = 0


@attrs.define
class Door:
    """Closes where nothing is granted any more, and lets one request try after each pause.

    The pause doubles from ``shortest`` to ``longest`` seconds and is never under the floor that
    the service named.
    """

    closed: bool = False
    until: float = -math.inf
    _row: int = 0
    _pause: float = 0.0
    _floor_from: float = -math.inf
    _floor_until: float = -math.inf
    _floor_holds: bool = True

    def shut_out(
        self, now: float, floor: float, *, probe: bool, shortest: float, longest: float
    ) -> None:
        """Note a request that failed or was refused; ``probe``: the one that was to try."""
        self._row += 1
        if floor:
            self._floor_from, self._floor_until = now, max(self._floor_until, now + floor)
        if probe if self.closed else self._row >= CLOSED_AFTER:
            self.closed = True
            self._pause = min(longest, max(shortest, 2 * self._pause))
            self.until = now + self._pause
            if self._floor_holds:
                self.until = max(self.until, self._floor_until)

    def granted(self, sent: float) -> None:
        """Let everybody through.

        Where a request is granted that was sent while the service wanted others to wait, it means
        by Retry-After each request for itself, and the door need not stay shut so long for all.
        """
        self.closed = False
        self._row = 0
        self._pause = 0.0
        if self._floor_from < sent < self._floor_until:
            self._floor_holds = False


@attrs.define(eq=False)
class Turn:
    """The leave to send one request; it ends with exactly one call of ``Pacer.end``."""

    sent: float
    probe: bool
    answered: bool = False


@attrs.define(eq=False)
class Pacer:
    """Gives the turns of one connection, in the order in which they were asked for.

    ``rate`` is a ceiling in requests a second, ``in_flight`` the most requests at once, ``timeout``
    that of a request in seconds. ``budget`` is what the service announces.
    """

    rate: Rate = attrs.field(factory=Rate)
    in_flight: int = 32
    timeout: float = 60.0
    budget: Budget = attrs.field(factory=Budget)
    door: Door = attrs.field(factory=Door, init=False)
    active: int = attrs.field(default=0, init=False)
    _unanswered: int = attrs.field(default=0, init=False)
    _probing: bool = attrs.field(default=False, init=False)
    _window: float = attrs.field(init=False)
    _shrunk_at: float = attrs.field(default=-math.inf, init=False)
    _turn_at: float = attrs.field(default=-math.inf, init=False)
    _last: float = attrs.field(default=0.0, init=False)
    _waiting: deque[asyncio.Future[Turn]] = attrs.field(factory=deque, init=False)
    _timer: asyncio.TimerHandle | None = attrs.field(default=None, init=False)
    _timer_at: float = attrs.field(default=math.inf, init=False)
    _held_back: bool = attrs.field(default=False, init=False)
    _over_at: float = attrs.field(default=math.inf, init=False)

    def __attrs_post_init__(self) -> None:
        """Begin with a few slots: what is under way at the first refusal is refused too."""
        self._window = float(min(self.in_flight, OPENING))

    async def turn(self) -> Turn:
        """Wait for the next turn.

        Raises:
            RetryableError: A limit of the user is reached, or the budget of the month used up. It
                comes when what is under way has ended, so that this is not broken off.
            StoreError: The calls cannot be counted any more.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if not self._waiting and self.budget.over() is None and self._due(now) <= now:
            return self._take(now)
        place: asyncio.Future[Turn] = loop.create_future()
        self._waiting.append(place)
        self._pump()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.end(place.result())  # the turn came at the same moment
            raise

    def take_at_once(self) -> Turn:
        """Give a turn to the request that ends a session, past every limit and wait."""
        self.active += 1
        self._unanswered += 1
        self.budget.spent()
        return Turn(asyncio.get_running_loop().time(), probe=False)

    def granted(self, turn: Turn, headers: Mapping[str, str]) -> None:
        """Note an answer that shows the service at work, whatever its status."""
        now = asyncio.get_running_loop().time()
        self._answered(turn)
        self.door.granted(turn.sent)
        self.rate.granted(now, turn.sent)
        self.budget.announced(now, headers, self._unanswered)
        if now - turn.sent > SLOW_SHARE * self.timeout:
            self._shrink(now, turn)
        elif self._window < self.in_flight:
            step = 1.0 if math.isinf(self._shrunk_at) else 1 / self._window
            self._window = min(self.in_flight, self._window + step)

    def refused(self, turn: Turn, headers: Mapping[str, str], floor: float) -> None:
        """Note an answer 429; ``floor`` are the seconds that the service asks to wait (or 0)."""
        now = asyncio.get_running_loop().time()
        self._answered(turn)
        # what was under way at the cut says nothing about the rate since
        if turn.sent >= self.rate.cut_at:
            self.rate.refused(now, self._unanswered)
            self.door.shut_out(now, floor, probe=turn.probe, shortest=0.05, longest=15.0)
        self.budget.announced(now, headers, self._unanswered)

    def failed(self, turn: Turn, floor: float = 0.0) -> None:
        """Note a 5xx, a time-out, a lost connection, or one that could not be made."""
        now = asyncio.get_running_loop().time()
        self._answered(turn)
        self.door.shut_out(now, floor, probe=turn.probe, shortest=0.5, longest=15.0)
        if now - turn.sent > SLOW_SHARE * self.timeout:
            self._shrink(now, turn)

    def end(self, turn: Turn) -> None:
        """Give the slot back."""
        self._answered(turn)
        self.active -= 1
        if turn.probe:
            self._probing = False
        if self._waiting:
            self._pump()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep the account of the month open meanwhile.

        Raises:
            StoreError: The calls cannot be counted.
        """
        await self.budget.account.open(self._pump)
        try:
            yield
        finally:
            await self.budget.account.close(self._pump)

    def give_up(self) -> None:
        """Let everybody try at once: the service is out, and each should find out now."""
        self.door = Door()
        self._pump()

    def _answered(self, turn: Turn) -> None:
        if not turn.answered:
            turn.answered = True
            self._unanswered -= 1

    def _shrink(self, now: float, turn: Turn) -> None:
        if turn.sent > self._shrunk_at:
            self._shrunk_at = now
            self._window = max(1.0, self._window * 0.7)

    def _due(self, now: float) -> float:
        """Return when the next request may be sent; infinite where an answer must come first."""
        if self.active >= int(self._window) or not self.budget.account.ready:
            return math.inf  # an answer, or the account, comes back
        if self.door.closed:
            return math.inf if self._probing else max(now, self.door.until)
        return max(self._turn_at, self.budget.due(now, self._unanswered))

    def _take(self, now: float) -> Turn:
        probe = self.door.closed
        if self._turn_at > now - CATCH_UP or self._held_back:  # no turn was left unused
            self.rate.grow(now, now - self._last)
        slack = LATE if self._held_back else CATCH_UP
        self._turn_at = max(self._turn_at, now - slack) + 1 / self.rate.value
        self._last = now
        self.active += 1
        self._unanswered += 1
        self._probing = self._probing or probe
        self.budget.spent()
        return Turn(now, probe)

    def _pump(self) -> None:
        """Give turns to those who wait, as far as they are due; come back when the next one is."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting:
            if self._waiting[0].done():  # it was cancelled
                self._waiting.popleft()
                continue
            try:
                over = self.budget.over()
            except StoreError as error:
                self._turn_away(error)
                return
            if over is not None:
                self._over_at = min(self._over_at, now)
                patience = self._over_at + self.timeout
                if self.active and now < patience:
                    self._come_back(loop, patience)
                    return
                self._turn_away(over)
                return
            due = self._due(now)
            if due > now:
                # where the loop then comes late, it is not for want of requests
                self._held_back = due == self._turn_at
                self._come_back(loop, due)
                return
            self._waiting.popleft().set_result(self._take(now))
        self._held_back = False

    def _turn_away(self, error: Exception) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(error)

    def _come_back(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        if self._timer is not None:
            if self._timer_at <= due:
                return
            self._timer.cancel()
            self._timer = None
        if due < math.inf:
            self._timer, self._timer_at = loop.call_at(due, self._wake), due

    def _wake(self) -> None:
        self._timer = None
        self._pump()
