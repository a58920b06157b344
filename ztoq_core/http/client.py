"""The HTTP client that the engine lends to connectors: credentials, pacing, retries, downloads.

``open_client`` opens one for one base URL; ``ResponsePolicy`` decides what each answer means.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar, overload

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver
from loguru import logger

from ztoq_core.contracts import Answer, Auth, Connection, Content
from ztoq_core.contracts.services import Params
from ztoq_core.errors import (
    AccessError,
    AnswerError,
    DoubtError,
    RejectedError,
    StoppedError,
)
from ztoq_core.http.address_guard import no_private_address
from ztoq_core.http.bodies import Download, read_body, why_not_a_file
from ztoq_core.http.budget import Budget
from ztoq_core.http.limits import CallQuota, Limits, quota_of
from ztoq_core.http.pacer import STOPPED, Pacer
from ztoq_core.http.rate import Rate
from ztoq_core.http.request import MOST_FAILURES, Attempts, Payload, Request, Retry, pairs
from ztoq_core.http.response_policy import OK, REFUSED, Attempt, ResponsePolicy
from ztoq_core.http.sender import Sender, open_sender
from ztoq_core.http.transport import Transport
from ztoq_core.waits import Waits

RENEWALS = 3
"""How often the credentials are renewed for one request."""

CLOSING = 5.0
"""Seconds for a request that ends a session."""

PROBES = 3
"""Attempts at a definite answer to the probe."""

LONG = 10.0
"""Seconds of a pause that is shown to people."""

T = TypeVar("T")


@attrs.define(eq=False)
class Client:
    """A paced JSON client for one base URL (see ``contracts.Client``)."""

    transport: Transport
    policy: ResponsePolicy
    pacer: Pacer
    waits: Waits
    _sender: Sender
    _auth: Auth | None
    _probe: str = ""
    _probing: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)
    _probed_at: float = attrs.field(default=-math.inf, init=False)
    _verdict: bool | None = attrs.field(default=None, init=False)
    _known: Mapping[str, str] = attrs.field(factory=dict, init=False)

    @property
    def _limits(self) -> Limits:
        return self.pacer.budget.limits

    async def request(  # noqa: PLR0913 - the contract's one method for every request
        self,
        method: str,
        path: str,
        *,
        params: Params = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: Content | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
        repeatable: bool = False,
        what: str = "",
        read: Callable[[Any], Any] | None = None,
        closing: bool = False,
        attempts: int = MOST_FAILURES,
    ) -> Answer:
        """Send a request and return its answer if it is 2xx or its status is in ``accept``.

        The caller percent-encodes path segments that are data. A 5xx in ``accept`` is returned if
        more attempts did not help; 429 is always waited for. Errors as in the contract, and

        Raises:
            ConfigError: The certificate of the host is not trusted.
        """
        request = Request(
            method=method,
            path=path,
            url=self.transport.url(path, pairs(params)),
            payload=Payload.of(json, form, content),
            given_headers=headers or {},
            accept=accept,
            marked_repeatable=repeatable,
            what=what,
            read=read,
            closing=closing,
            attempts=Attempts(most=attempts),
        )
        self.policy.secrets.learn(request.secrets)
        if closing:
            return await self._once(request)
        while True:
            try:
                return await self._attempt(request)
            except Retry as retry:
                answer = await self._before_retry(request, retry)
            if answer is not None:
                return answer
            self._limits.retries += 1

    @overload
    async def get(self, path: str, *, params: Params = None) -> Any: ...

    @overload
    async def get(self, path: str, *, params: Params = None, read: Callable[[Any], T]) -> T: ...

    async def get(
        self, path: str, *, params: Params = None, read: Callable[[Any], Any] | None = None
    ) -> Any:
        """Return what ``read`` makes of the body of a GET; by default the parsed JSON."""
        return (await self.request("GET", path, params=params, read=read or _something)).body

    @asynccontextmanager
    async def download(
        self, path: str, *, params: Mapping[str, str | int] | None = None
    ) -> AsyncIterator[Download]:
        """Open the body of a file for reading in chunks.

        Credentials are dropped on the first redirect to another host and never restored;
        ``AddressGuard`` decides which hosts may be asked. A download keeps its slot until it is
        closed. If the connection is lost while it is read, that is a RejectedError: the caller may
        have used the first chunks already, so only the caller can start again.
        """
        url = self.transport.url(path, pairs(params))
        request = Request(method="GET", path=path, url=url, stream=True)
        async with AsyncExitStack() as stack:
            response = None
            while response is None:
                try:
                    response = await self._open(request, stack)
                except Retry as retry:
                    await self._before_retry(request, retry)
                    self._limits.retries += 1
            title = self.policy.title(request)
            yield Download.of(response, title, self.transport.connection)

    async def _once(self, request: Request) -> Answer:
        """Send a request that ends a session: one attempt, which waits for nothing."""
        try:
            async with asyncio.timeout(CLOSING):
                return await self._attempt(request)
        except TimeoutError:
            reason = f"no answer within {CLOSING:.0f} s"
        except Retry as retry:
            if isinstance(retry.otherwise, Answer):
                return retry.otherwise
            if retry.otherwise is not None:
                raise retry.otherwise from retry
            reason = retry.reason
        raise DoubtError(f"{self.policy.title(request)} {reason}")

    async def _attempt(self, request: Request) -> Answer:
        # before the permit: a renewal that takes long must not hold a slot
        credentials = await self._credentials()
        permit = self.pacer.acquire_at_once() if request.closing else await self.pacer.acquire()
        attempt = Attempt(request, permit, credentials)
        status = 0
        try:
            patience = self.pacer.patience(request.attempts.failures)
            async with self._sender.send(request, request.url, credentials, patience) as response:
                status = response.status
                body = await self._body(response)
            return self.policy.answer(attempt, response, body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self.policy.broken(attempt, error) from error
        finally:
            self._log(attempt, status)
            self.pacer.release(attempt.permit)

    async def _open(self, request: Request, stack: AsyncExitStack) -> aiohttp.ClientResponse:
        """Return a 2xx answer with its body unread; ``stack`` closes it and releases the slot."""
        credentials = await self._credentials()
        attempt = Attempt(request, await self.pacer.acquire(), credentials)
        status = 0
        try:
            async with AsyncExitStack() as opened:
                opened.callback(self.pacer.release, attempt.permit)
                try:
                    response = await self._sender.follow(request, credentials, opened)
                except RejectedError as error:
                    said = f"{self.policy.title(request)} {error}"
                    raise RejectedError(said, status=error.status) from error
                status = response.status
                body = b"" if status in OK else await self._body(response)
                if status not in OK and not self.transport.is_home(response.url):
                    raise self.policy.elsewhere(attempt, response, body)
                if status not in OK:
                    self.policy.answer(attempt, response, body)
                if reason := why_not_a_file(response):
                    raise self.policy.no_file(attempt, reason, status)
                self.policy.good(attempt.permit, response.headers)
                # only now: after an error above, the slot is free before the next attempt waits
                stack.push_async_exit(opened.pop_all())
                return response
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self.policy.broken(attempt, error) from error
        finally:
            self._log(attempt, status)

    async def _credentials(self) -> Mapping[str, str]:
        if self._auth is None:
            return {}
        headers = await self._auth.headers()
        if headers != self._known:
            self.policy.secrets.learn_headers(headers)
            self._known = dict(headers)
        return headers

    async def _before_retry(self, request: Request, retry: Retry) -> Answer | None:
        """Prepare the next attempt: renew the credentials, or wait.

        Returns an answer that the caller accepts, if there is to be no other attempt.

        Raises:
            AccessError: The credentials are at fault.
            RejectedError: The request itself is at fault: others are answered well.
            RetryableError: The host is out.
        """
        history = request.attempts
        self._limits.refusals += retry.refused
        if retry.refused_with is not None:
            history.renewals += 1
            auth = self._auth if history.renewals <= RENEWALS else None
            if auth is not None and await auth.renew(retry.refused_with):
                return None
        if isinstance(retry.otherwise, Answer):
            return retry.otherwise
        if isinstance(retry.otherwise, AccessError):
            error = retry.otherwise
            answered = await self._probe_answered() if self._probe else False
            if answered:
                raise RejectedError(f"{error}", status=error.status) from error
            if answered is False:
                raise error
            history.failed(asyncio.get_running_loop().time())
        suspect = self._probe and self.policy.suspects(request, retry)
        at_fault = bool(suspect) and await self._probe_answered() is True
        if history.used_up and retry.answer is not None and retry.answer.status in request.accept:
            return retry.answer
        seconds = self.policy.wait(request, retry, at_fault=at_fault)
        if not await self.waits.sleep(seconds, self.policy.waited_for(retry), usual=seconds < LONG):
            raise StoppedError(f"{self.policy.title(request)} {retry.reason}; {STOPPED}")
        return None

    async def _probe_answered(self) -> bool | None:
        """Return whether the probe is answered well; None if it gets no definite answer.

        One probe serves all requests that ask before it is sent. An earlier one is not believed:
        the credentials may have been revoked since.
        """
        loop = asyncio.get_running_loop()
        asked = loop.time()
        async with self._probing:
            if self._probed_at < asked:
                self._probed_at, self._verdict = loop.time(), None
                self._verdict = await self._ask_probe()
            return self._verdict

    async def _ask_probe(self) -> bool | None:
        url = self.transport.url(self._probe)
        request = Request(method="GET", path=self._probe, url=url)
        history = request.attempts
        for _ in range(PROBES):
            try:
                await self._attempt(request)
            except Retry as retry:
                auth = self._auth
                if retry.refused_with is not None and auth is not None:
                    history.renewals += 1
                    if history.renewals < PROBES and await auth.renew(retry.refused_with):
                        continue
                if retry.otherwise is not None:
                    return False
                if not await self.waits.sleep(history.wait(refused=False), "", usual=True):
                    break
            except RejectedError:
                return False
            else:
                return True
        return None

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            return await read_body(response, self.transport.connection.max_answer_size)
        except (aiohttp.ClientError, OSError):
            if response.status in REFUSED:  # certain from the status alone
                return b""
            raise

    def _log(self, attempt: Attempt, status: int) -> None:
        """Log the request without query, headers and body; status 0 if there was no answer."""
        request = attempt.request
        milliseconds = (asyncio.get_running_loop().time() - attempt.permit.sent) * 1000
        service = self.transport.service
        logger.debug(
            "{} {} {} {} {:.0f} ms", service, request.method, request.path, status, milliseconds
        )


def _something(body: Any) -> Any:
    if body is None:
        raise AnswerError("an empty body where JSON was due")
    return body


@asynccontextmanager
async def open_client(  # noqa: PLR0913 - all that the engine decides about a client
    connection: Connection,
    auth: Auth | None = None,
    *,
    probe: str = "",
    outage: float = 300.0,
    unreached: float = 20.0,
    limits: Limits | None = None,
    quota: Callable[[str], CallQuota] | None = None,
    allows: Callable[[str, str], bool] = no_private_address,
    before_write: Callable[[], Awaitable[None]] | None = None,
    resolver: AbstractResolver | None = None,
    waits: Waits | None = None,
) -> AsyncIterator[Client]:
    """Open a client for ``connection.base_url``.

    ``outage`` and ``unreached`` as in ``ResponsePolicy``.

    ``limits`` are those of the command, ``quota`` returns the quota of a host; by default the
    client has one of its own, which does not know other runs. ``allows`` decides to which private
    addresses redirects may lead; ``resolver`` replaces the system's. ``waits`` are those of the
    run. ``before_write`` is awaited before each request that changes something, as the last thing
    before it leaves.

    Raises:
        ConfigError: The base URL, a proxy or a certificate file cannot be used.
        StoreError: The calls cannot be counted.
    """
    transport = Transport(connection)
    host = transport.service
    budget = Budget(quota(host) if quota else quota_of(host, connection), limits or Limits())
    rate = Rate() if connection.rate is None else Rate(connection.rate)
    waits = waits or Waits()
    pacer = Pacer(rate, connection.in_flight, connection.timeout, budget, waits)
    async with open_sender(transport, allows, resolver, before_write) as sender:
        policy = ResponsePolicy(transport.service, pacer, outage, unreached)
        async with pacer.open():
            yield Client(transport, policy, pacer, waits, sender, auth, probe)
