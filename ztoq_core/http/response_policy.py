"""Classifies responses and failures: success, retry, rejected, in doubt (design section 6).

Certainly not carried out: no connection, or 4xx. Carried out: 2xx. In doubt: all else, such as a
lost connection, a time-out, 5xx, or 2xx with a body that cannot be read; what may be repeated is
then sent again, a POST is not.
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
from ztoq_core.http.bodies import NOT_JSON, BodyTooLargeError, excerpt, parsed, retry_after
from ztoq_core.http.pacer import Pacer, Permit
from ztoq_core.http.request import Request, Retry
from ztoq_core.http.transport import to_url
from ztoq_core.redaction import Secrets

OK = range(200, 300)
REDIRECT = range(300, 400)
REFUSED = range(400, 500)
UNAUTHORISED = 401
FORBIDDEN = 403
TIMED_OUT = 408
TOO_MANY = 429
FAULTY = 500
"""This and every higher status."""

AT_FIRST = 3
"""Unreadable answers after which base_url is wrong, if the host never gave a good one."""

NOT_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)
"""No connection was made, so nothing was sent."""


@attrs.define(eq=False)
class Attempt:
    """One attempt of a request: the permit that it uses and the credentials that it sends."""

    request: Request
    permit: Permit
    credentials: Mapping[str, str]


@attrs.define(eq=False)
class ResponsePolicy:
    """Decides what each answer or failure means, also by how the host answers other requests.

    After ``outage`` seconds without a good answer the host is out, and the work ends; after
    ``unreached`` seconds if it never gave one, since the address is then probably wrong.
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
        """Return the answer if the caller gets it.

        Raises:
            Retry: There may be another attempt.
            ZtoqError: There may not; see ``contracts.Client.request``.
        """
        request, status, headers = attempt.request, response.status, response.headers
        if status == TOO_MANY:
            raise self._refused(attempt, headers, body)
        value = parsed(body)
        if status in OK:
            try:
                read = _read(request, value, response.content_type)
            except AnswerError as error:
                self.pacer.failed(attempt.permit)
                attempt.request.attempts.unreadable += 1
                reason = f"answered {status} with a body that cannot be read: {error}"
                raise self._doubt(attempt, self.secrets.hide(reason), status=status) from error
            self.good(attempt.permit, headers)
            return Answer(status=status, headers=headers, body=read)
        answer = Answer(status=status, headers=headers, body=None if value is NOT_JSON else value)
        if status >= FAULTY or status == TIMED_OUT:
            asked = retry_after(headers)
            self.pacer.failed(attempt.permit, asked)
            reason = f"answered {status}{self._because(body)}"
            raise self._doubt(attempt, reason, asked=asked, status=status, answer=answer)
        self.good(attempt.permit, headers)
        accepted = status in request.accept
        otherwise = answer if accepted else self._rejection(request, response, body)
        if status == UNAUTHORISED and attempt.credentials:
            refused = attempt.credentials
            raise Retry(f"answered {status}", refused_with=refused, otherwise=otherwise)
        if isinstance(otherwise, Answer):
            return otherwise
        if isinstance(otherwise, AccessError):
            raise Retry(f"answered {status}", otherwise=otherwise)
        raise otherwise

    def broken(self, attempt: Attempt, error: Exception) -> Exception:
        """Return what a failure without a complete answer means; ``Retry`` if another may help."""
        request = attempt.request
        if request.unreadable:
            return RejectedError(f"{self.title(request)}: {request.unreadable}")
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return ConfigError(
                f"{self.title(request)}: the certificate of {error.host} is not trusted "
                f"({error.certificate_error}); ca_file may name the authority that issued it"
            )
        if isinstance(error, ValueError) and not isinstance(error, aiohttp.ClientError | OSError):
            reason = self.secrets.hide(str(error))
            return RejectedError(f"{self.title(request)}: it cannot be sent: {reason}")
        self.pacer.failed(attempt.permit)
        if isinstance(error, NOT_SENT):
            self._bad(attempt.permit)
            return Retry(f"no connection: {_reason(error)}")
        if isinstance(error, BodyTooLargeError | aiohttp.ClientResponseError):
            attempt.request.attempts.unreadable += 1
            why = error if isinstance(error, BodyTooLargeError) else "it is not valid HTTP"
            return self._doubt(attempt, f"gave an answer that cannot be read: {why}")
        return self._doubt(attempt, f"no answer: {_reason(error)}")

    def elsewhere(self, attempt: Attempt, response: aiohttp.ClientResponse, body: bytes) -> Retry:
        """Return what a refusal means that comes from the host of a redirect.

        That host never saw the credentials, so its 401 or 403 is not about them; more likely the
        address has expired.
        """
        self.good(attempt.permit, {})
        attempt.request.attempts.failed(attempt.permit.sent)
        reason = f"was led to {response.url.host}, which answered {response.status}"
        return Retry(reason + self._because(body), status=response.status)

    def no_file(self, attempt: Attempt, reason: str, status: int) -> Retry:
        """Return what a 2xx answer to a download means that has no complete file."""
        self.good(attempt.permit, {})
        attempt.request.attempts.failed(attempt.permit.sent)
        return Retry(reason, status=status)

    def waited_for(self, retry: Retry) -> str:
        """Return the reason of a pause before the next attempt (see ``waits.Wait``)."""
        if retry.asked:
            return f"{self.service} has asked to wait"
        return f"a request to {self.service} that failed has waited to be sent again"

    def good(self, permit: Permit, headers: Mapping[str, str]) -> None:
        """Note an answer that shows that the host works."""
        self._reached = True
        self._good_at = asyncio.get_running_loop().time()
        self._out_since = None
        self.pacer.granted(permit, headers)

    def suspects(self, request: Request, retry: Retry) -> bool:
        """Whether a probe should find out if the request or the service is at fault."""
        history = request.attempts
        # other requests that were answered well since have settled it already
        unsure = history.failures > 0 and self._good_at <= history.since
        return unsure and (history.used_up or max(self._out(), retry.asked) >= self._limit())

    def wait(self, request: Request, retry: Retry, *, at_fault: bool = False) -> float:
        """Return the seconds until the next attempt; ``at_fault``: a probe was answered well.

        Raises:
            RejectedError: It failed again and again, while others are answered well.
            RetryableError: The host is out.
        """
        history = request.attempts
        if retry.refused:
            history.refusals += 1
        wrong_address = history.unreadable >= AT_FIRST and not self._reached
        others_fare_well = history.used_up and (history.unreadable or self._good_at > history.since)
        if wrong_address or others_fare_well or at_fault:
            times = max(history.failures, history.refusals)
            raise RejectedError(
                f"{self.title(request)} {retry.reason} ({times} times)", status=retry.status
            )
        limit, out = self._limit(), self._out()
        if out >= limit or retry.asked > limit:
            # all others find out at once that the host is out, not one after each pause
            self.pacer.reset_breaker()
            asked = f" and asked to wait {retry.asked:.0f} s" if retry.asked > limit else ""
            advice = "run again later" if self._reached else "check base_url, network and proxy"
            raise RetryableError(
                f"{self.title(request)} {retry.reason}{asked}; no good answer for {out:.0f} s: "
                f"{advice}",
                status=retry.status,
            )
        return max(retry.asked, min(history.wait(refused=retry.refused), limit - out))

    def title(self, request: Request) -> str:
        """Return the beginning of a message about a request."""
        what = f"{request.what}: " if request.what else ""
        return self.secrets.hide(f"{self.service}: {what}{request.method} {request.path}")

    def _limit(self) -> float:
        return self.outage if self._reached else self.unreached

    def _out(self) -> float:
        """Return the seconds without a good answer from the host, 0 if the last one was good."""
        now = asyncio.get_running_loop().time()
        return 0.0 if self._out_since is None else now - self._out_since

    def _refused(self, attempt: Attempt, headers: Mapping[str, str], body: bytes) -> Retry:
        asked = retry_after(headers)
        self.pacer.refused(attempt.permit, headers, asked)
        self._reached = True
        self._bad(attempt.permit)
        if not attempt.request.attempts.refusals and not attempt.request.attempts.failures:
            attempt.request.attempts.since = attempt.permit.sent
        return Retry(
            f"answered {TOO_MANY}{self._because(body)}", asked=asked, status=TOO_MANY, refused=True
        )

    def _rejection(
        self, request: Request, response: aiohttp.ClientResponse, body: bytes
    ) -> Exception:
        status = response.status
        said = f"{self.title(request)} answered {status}"
        if status in REDIRECT:
            host = location(response).host
            return RejectedError(
                f"{said}, which points to the host {host!r}; check base_url", status=status
            )
        kind = AccessError if status in {UNAUTHORISED, FORBIDDEN} else RejectedError
        return kind(said + self._because(body), status=status)

    def _doubt(self, attempt: Attempt, reason: str, **more: Any) -> Exception:
        """Return what a failure means that leaves open what the host did."""
        self._bad(attempt.permit)
        if not attempt.request.repeatable:
            return DoubtError(
                f"{self.title(attempt.request)} {reason}; it may or may not have been carried out",
                status=more.get("status"),
            )
        attempt.request.attempts.failed(attempt.permit.sent)
        return Retry(reason, **more)

    def _because(self, body: bytes) -> str:
        reason = excerpt(body, self.secrets)
        return f": {reason}" if reason else ""

    def _bad(self, permit: Permit) -> None:
        # from when the request was sent: a host that hangs is out since then
        if self._out_since is None:
            self._out_since = permit.sent


def _read(request: Request, value: Any, media_type: str) -> Any:
    """Return what the caller's ``read`` makes of the body of a 2xx answer.

    Raises:
        AnswerError: It is not JSON, or does not have the shape that ``read`` expects.
    """
    if value is NOT_JSON:
        raise AnswerError(f"{media_type} where JSON was due")
    if request.read is None:
        return value
    try:
        return request.read(value)
    except AnswerError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # a reader that does not check what it reads: the answer is unreadable to it all the same
        raise AnswerError(f"{type(error).__name__}: {error}") from error
    except RecursionError as error:
        raise AnswerError("it is nested too deeply") from error


def location(response: aiohttp.ClientResponse) -> URL:
    """Return where a redirect leads."""
    try:
        return response.url.join(to_url(response.headers.get("Location", "")))
    except ValueError:
        return response.url


def _reason(error: Exception) -> str:
    """Describe what happened, without URLs."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the body was cut short"
    return f"the connection was lost ({type(error).__name__})"
