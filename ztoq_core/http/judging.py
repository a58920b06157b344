"""What became of a request, and what the caller may do next (design section 6).

Certainly not carried out: no connection, or 4xx. Carried out: 2xx. In doubt: all else, such as a
lost connection, a time-out or 5xx; what may be repeated is then sent again, a POST is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import attrs
from yarl import URL

from ztoq_core.contracts import Answer
from ztoq_core.errors import (
    AccessError,
    AnswerError,
    ConfigError,
    DoubtError,
    RejectedError,
    RetryableError,
)
from ztoq_core.http.answers import NOT_JSON, Secrets, excerpt, parsed, retry_after
from ztoq_core.http.calls import Again, Call, Tries
from ztoq_core.http.pacing import Pacer, Turn
from ztoq_core.http.transport import to_url

__all__ = ["Attempt", "Judge"]

OK = range(200, 300)
REDIRECT = range(300, 400)
REFUSED = range(400, 500)
UNAUTHORISED = 401
FORBIDDEN = 403
TIMED_OUT = 408
TOO_MANY = 429

AT_FIRST = 3
"""Pages instead of JSON that show a wrong base_url, where the host has never answered with JSON."""

NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)
"""No connection was made, so nothing was sent."""


@attrs.define(eq=False)
class Attempt:
    """One attempt of a call: the turn that it took and the credentials that it sent."""

    call: Call
    tries: Tries
    turn: Turn
    credentials: Mapping[str, str]


@attrs.define(eq=False)
class Judge:
    """Knows how one host fares, and decides what each answer or failure means.

    ``outage`` is how many seconds without a good answer from the host end the work; ``unreached``
    the same where it never gave one, which rather shows a wrong address.
    """

    service: str
    pacer: Pacer
    outage: float
    unreached: float
    secrets: Secrets = attrs.field(factory=Secrets)
    _reached: bool = attrs.field(default=False, init=False)
    _good_at: float = attrs.field(default=-1.0, init=False)
    _out_since: float | None = attrs.field(default=None, init=False)

    def answer(self, attempt: Attempt, response: aiohttp.ClientResponse, body: bytes) -> Answer:
        """Return the answer if it is one for the caller.

        Raises:
            Again: Another attempt may be made.
            ZtoqError: None may; see ``contracts.Client.request``.
        """
        call, status, headers = attempt.call, response.status, response.headers
        if status == TOO_MANY:
            raise self._refused(attempt, headers, body)
        value = parsed(body)
        answer = Answer(status=status, headers=headers, body=None if value is NOT_JSON else value)
        if status >= 500 or status == TIMED_OUT:  # noqa: PLR2004 - every status from 500 on
            floor = retry_after(headers)
            self.pacer.failed(attempt.turn, floor)
            reason = f"answered {status}{self._because(body)}"
            raise self._doubt(attempt, reason, floor=floor, status=status, answer=answer)
        if status in OK:
            try:
                read = _read(call, value, response.content_type)
            except AnswerError as error:
                self.pacer.failed(attempt.turn)
                attempt.tries.unreadable += 1
                reason = f"answered {status} with a body that cannot be read: {error}"
                raise self._doubt(attempt, self.secrets.hide(reason), status=status) from error
            self.good(attempt.turn, headers)
            return attrs.evolve(answer, body=read)
        self.good(attempt.turn, headers)
        accepted = status in call.accept
        otherwise = answer if accepted else self._refusal(call, response, body)
        if status == UNAUTHORISED and attempt.credentials:
            raise Again(f"answered {status}", refused_with=attempt.credentials, otherwise=otherwise)
        if isinstance(otherwise, Answer):
            return otherwise
        if isinstance(otherwise, AccessError):
            raise Again(f"answered {status}", otherwise=otherwise)
        raise otherwise

    def broken(self, attempt: Attempt, error: Exception) -> Exception:
        """Return what a failure without a whole answer means, ``Again`` where one more may help."""
        call = attempt.call
        if call.unreadable:
            return RejectedError(f"{self.title(call)}: {call.unreadable}")
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return ConfigError(
                f"{self.title(call)}: the certificate of {error.host} is not trusted "
                f"({error.certificate_error}); ca_file may name the authority that issued it"
            )
        if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError | OSError):
            reason = self.secrets.hide(str(error))
            return RejectedError(f"{self.title(call)}: it cannot be sent: {reason}")
        self.pacer.failed(attempt.turn)
        if isinstance(error, NOT_SENT):
            self._bad(attempt.turn)
            return Again(f"no connection: {_reason(error)}")
        return self._doubt(attempt, f"no answer: {_reason(error)}")

    def good(self, turn: Turn, headers: Mapping[str, str]) -> None:
        """Note an answer that shows the host at work."""
        self._reached = True
        self._good_at = asyncio.get_running_loop().time()
        self._out_since = None
        self.pacer.granted(turn, headers)

    def suspects_the_request(self, tries: Tries, again: Again) -> bool:
        """Whether it failed so long that it matters if the service answers anything else."""
        unsure = tries.failures > 0 and self._good_at <= tries.since
        return unsure and (tries.used_up or self._out() >= self._limit() > again.floor)

    def wait(self, call: Call, tries: Tries, again: Again, *, at_fault: bool = False) -> float:
        """Return the seconds to wait before the next attempt; ``at_fault``: the request is.

        Raises:
            RejectedError: It failed again and again, while the host answers others.
            RetryableError: The host is out.
        """
        wrong_address = tries.unreadable >= AT_FIRST and not self._reached
        others_fare_well = tries.used_up and (tries.unreadable or self._good_at > tries.since)
        if wrong_address or others_fare_well or at_fault:
            raise RejectedError(
                f"{self.title(call)} {again.reason} ({tries.failures} times)", status=again.status
            )
        limit, out = self._limit(), self._out()
        if out >= limit or again.floor > limit:
            self.pacer.give_up()
            asked = f" and asked to wait {again.floor:.0f} s" if again.floor > limit else ""
            raise RetryableError(
                f"{self.title(call)} {again.reason}{asked}; no good answer for {out:.0f} s: "
                "run again later, or check base_url if this never worked",
                status=again.status,
            )
        jittered = tries.refused_wait() if again.refused else tries.failed_wait()
        return max(again.floor, min(jittered, limit - out))

    def title(self, call: Call) -> str:
        """Return the beginning of a message about a call."""
        what = f"{call.what}: " if call.what else ""
        return self.secrets.hide(f"{self.service}: {what}{call.method} {call.path}")

    def _limit(self) -> float:
        return self.outage if self._reached else self.unreached

    def _out(self) -> float:
        """Return for how many seconds there has been no good answer from the host."""
        now = asyncio.get_running_loop().time()
        return 0.0 if self._out_since is None else now - self._out_since

    def _refused(self, attempt: Attempt, headers: Mapping[str, str], body: bytes) -> Again:
        floor = retry_after(headers)
        self.pacer.refused(attempt.turn, headers, floor)
        self._reached = True
        self._bad(attempt.turn)
        return Again(
            f"answered {TOO_MANY}{self._because(body)}", floor=floor, status=TOO_MANY, refused=True
        )

    def _refusal(self, call: Call, response: aiohttp.ClientResponse, body: bytes) -> Exception:
        status = response.status
        said = f"{self.title(call)} answered {status}"
        if status in REDIRECT:
            host = location(response).host
            return RejectedError(
                f"{said}, which points to the host {host!r}; check base_url", status=status
            )
        kind = AccessError if status in {UNAUTHORISED, FORBIDDEN} else RejectedError
        return kind(said + self._because(body), status=status)

    def _doubt(self, attempt: Attempt, reason: str, **more: Any) -> Exception:
        """Return what a request that left and failed means."""
        self._bad(attempt.turn)
        if not attempt.call.repeatable:
            return DoubtError(
                f"{self.title(attempt.call)} {reason}; it may or may not have been carried out",
                status=more.get("status"),
            )
        attempt.tries.failed(attempt.turn.sent)
        return Again(reason, **more)

    def _because(self, body: bytes) -> str:
        reason = excerpt(body, self.secrets)
        return f": {reason}" if reason else ""

    def _bad(self, turn: Turn) -> None:
        if self._out_since is None:
            self._out_since = turn.sent


def _read(call: Call, value: Any, media_type: str) -> Any:
    """Return the body of a 2xx answer as the caller wants it.

    Raises:
        AnswerError: It is no JSON, or has not the shape that the caller's ``read`` knows.
    """
    if value is NOT_JSON:
        raise AnswerError(f"{media_type} where JSON was due")
    if call.read is None:
        return value
    try:
        return call.read(value)
    except AnswerError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # a reader that looks into the body without asking first: the answer is as unreadable
        raise AnswerError(f"{type(error).__name__}: {error}") from error
    except RecursionError as error:
        raise AnswerError("it is nested too deeply") from error


def location(response: aiohttp.ClientResponse) -> URL:
    """Return where a redirect points."""
    try:
        return response.url.join(to_url(response.headers.get("Location", "")))
    except ValueError:
        return response.url


def _reason(error: Exception) -> str:
    """Return what happened, without URLs."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the body was cut short"
    return f"the connection was lost ({type(error).__name__})"
