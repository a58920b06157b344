"""A circuit breaker: stops requests to a service that fails, and probes when it works again."""

from __future__ import annotations

import math

import attrs

OPENS_AFTER = 3
"""Requests in a row that failed or were refused; then a slower pace does not help."""

LONGEST = 15.0
"""Seconds of the longest pause between two probes, unless the service asks for more."""


@attrs.define
class CircuitBreaker:
    """Opens after failures in a row; then one request at a time is sent as a probe.

    The pause before a probe doubles up to ``LONGEST`` seconds and is never shorter than the service
    asked for. All times are those of the event loop, in seconds.
    """

    open: bool = False
    probe_at: float = -math.inf
    failing_since: float = math.inf
    _in_a_row: int = 0
    _pause: float = 0.0
    _asked_at: float = -math.inf
    _asked_until: float = -math.inf
    _heeds_the_service: bool = True

    def failed(self, now: float, asked: float, *, probe: bool, shortest: float) -> None:
        """Note a request that failed or was refused; ``probe``: it was sent as one.

        ``asked`` are the seconds that the service asks to wait, ``shortest`` is the first pause.
        """
        self._in_a_row += 1
        self.failing_since = min(self.failing_since, now)
        if asked:
            self._asked_at, self._asked_until = now, max(self._asked_until, now + asked)
        # requests sent before it opened fail late and side by side: only the probe counts then, or
        # one outage would double the pause once for each of them
        if probe if self.open else self._in_a_row >= OPENS_AFTER:
            self.open = True
            self._pause = min(LONGEST, max(shortest, 2 * self._pause))
            self.probe_at = now + self._pause
            if self._heeds_the_service:
                self.probe_at = max(self.probe_at, self._asked_until)

    def succeeded(self, sent: float) -> None:
        """Close.

        If a request is answered well that was sent while the service asked others to wait, its
        Retry-After is meant for the single request, and the others need not wait as long.
        """
        # any good answer closes it, also one to a request from before: the service works
        self.open = False
        self.failing_since = math.inf
        self._in_a_row = 0
        self._pause = 0.0
        if self._asked_at < sent < self._asked_until:
            self._heeds_the_service = False
