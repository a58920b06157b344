"""Finds the number of requests a second that a service grants from those that it refuses."""

from __future__ import annotations

import math
from collections import deque

import attrs

FIRST = 200.0
"""Requests a second to begin with. Fewer would slow down short runs without a limit, more would
be refused more often if there is one."""

CUT = 0.97
"""The part of the rate that remains after few refusals; the limit is then just below the rate."""

FAR_ABOVE = 0.25
"""If more than this share is refused, the rate falls by that share instead, at most by half."""

AGAIN = 3.0
"""Seconds after such a cut in which there is no other: refusals come in blocks for a while."""

HEARING = 0.15
"""Seconds between a refusal and the cut, in which that share is measured (more at low rates)."""

CURVE = 0.002
"""Growth after a cut, per second cubed: back at the refused rate in 2.5 s, 5 % over it in 5.4 s."""

GUESSED = 0.016
"""The same while the rate is the guess that a search ended with: twice as quick."""

UNHURRIED = 40.0
"""Below this rate the growth is slower in proportion, so that there, too, at most one request in
a hundred is refused."""

DOUBTED = 0.4
"""The part of a deep cut that is soon given back: the refusals may have been a short block."""

DOUBLING = 0.25
"""Seconds in which the rate doubles while nothing about the limit is known."""

AFTER_FIRST = 0.75
"""The same after the first refusal, when the limit may be near; a busy machine notices further
refusals late."""

ANSWERS = 8
"""Answers after which a share means something."""

SAMPLE = 20
"""Grants after which a measured rate is a fair guess."""

SAVED = 0.85
"""The part of these that counts as the rate; the rest may be unused permits that it had saved."""

FEW = 4
"""Refusals that end the doubling; fewer may be requests that were under way."""

IN_A_ROW = 3
"""Refusals in a row that are a block: the service counts by seconds, and this one is used up."""


@attrs.define
class Rate:
    """Requests a second: doubled until the first refusal, then kept close to what is granted.

    It grows as in TCP CUBIC (RFC 9438): after a cut fast up to the rate that was refused, slowly
    around it, then faster, so that a raised limit is found too. ``ceiling`` is never passed. The
    rate grows only while it is the bottleneck.
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
        """Begin at the first rate."""
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

        If the service saves unused permits, the first refusal comes early and means little: the
        rate falls to the number that was granted (of the ``unanswered`` perhaps half, since a
        refusal is quicker than an answer) and doubles again until the next refusals.
        """
        self._refused_at = now
        self._refusals += 1
        self._row += 1
        self._block = self._block or self._row >= IN_A_ROW
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
        """Grow by ``seconds`` in which the rate was the bottleneck."""
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
        """Return the rate that was granted recently, since the cut."""
        count, since = 0, now
        for moment in reversed(self._found):
            if moment < self.cut_at or (count > SAMPLE and now - moment > DOUBLING):
                break
            count, since = count + 1, moment
        # too few to measure: the rate at which the doubling began is the better guess
        if count <= ANSWERS or since == now:
            return self._start
        return SAVED * count / (now - since)

    def _judge(self, now: float) -> None:
        """Cut by the refused share; a service that counts by seconds refuses in blocks."""
        granted = sum(moment > now - 1.0 for moment in self._found)
        if self._block:
            share = 1 - granted / self.value
        else:
            # without the refusal that started the measurement, which would weigh too much
            share = (self._refusals - 1) / max(1, self._grants + self._refusals - 1)
        if share > FAR_ABOVE and now - self._deep_at > AGAIN:
            self._deep_at = now
            kept = min(self.value * (1 - share), granted)
            self._cut(now, max(0.5 * self.value, kept), given_back=DOUBTED)
        elif self._block:
            # a second that ended in refusals: the number granted in it is the limit itself
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
