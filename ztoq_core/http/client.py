"""The HTTP client that the engine lends to connectors: credentials, pacing, retries, downloads.

``open_client`` opens one for one base URL; ``ResponsePolicy`` says what each answer means.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar, overload

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver
from loguru import logger
from yarl import URL

from ztoq_core.contracts import Answer, Auth, Connection, Content
from ztoq_core.errors import (
    AccessError,
    AnswerError,
    DoubtError,
    RejectedError,
    StoppedError,
)
from ztoq_core.http.address_guard import (
    MOVED,
    REDIRECTS,
    AddressGuard,
    no_private_address,
    redirected,
)
from ztoq_core.http.bodies import read_body
from ztoq_core.http.budget import Budget
from ztoq_core.http.downloads import Download, why_not_a_file
from ztoq_core.http.limits import Limits
from ztoq_core.http.pacer import STOPPED, Pacer
from ztoq_core.http.quota import CallQuota, quota_of
from ztoq_core.http.rate import Rate
from ztoq_core.http.request import MOST_FAILURES, Attempts, Params, Payload, Request, Retry, pairs
from ztoq_core.http.response_policy import OK, REFUSED, Attempt, ResponsePolicy
from ztoq_core.http.transport import Transport
from ztoq_core.waits import Waits

__all__ = ["Client", "open_client"]

RENEWALS = 3
"""Times that one request has its credentials renewed."""

KEEP_ALIVE = 1.0
"""Seconds that an idle connection is used retry. Servers close theirs after 2 s or more (gunicorn
2, node 5, nginx 75), and a POST that meets the closing is in doubt, though nothing was done."""

UPLOAD_SPEED = 100_000
"""Bytes a second that an upload may fall to before it times out (guess: slower is not usable)."""

CLOSING = 5.0
"""Seconds for a request that ends a session."""

PROBES = 3
"""Attempts to get a definite answer to the probe."""

LONG = 10.0
"""Seconds of a pause from which on people are told about it."""

LONGEST_ANSWER = 300.0
"""Seconds for an answer that is not a file, even where ``timeout`` allows more."""

T = TypeVar("T")


@attrs.define(eq=False)
class Client:
    """A paced JSON client for one base URL (see ``contracts.Client``)."""

    transport: Transport
    policy: ResponsePolicy
    pacer: Pacer
    waits: Waits
    _session: aiohttp.ClientSession
    _external_session: aiohttp.ClientSession
    _guard: AddressGuard
    _auth: Auth | None
    _probe: str = ""
    _before_write: Callable[[], Awaitable[None]] | None = None
    _probing: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)
    _probed_at: float = attrs.field(default=-math.inf, init=False)
    _verdict: bool | None = attrs.field(default=None, init=False)
    _routes: dict[URL, dict[str, Any]] = attrs.field(factory=dict, init=False)
    _known: Mapping[str, str] = attrs.field(factory=dict, init=False)

    async def request(  # noqa: PLR0913 - the contract's one door for every request
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

        A path segment that is data comes percent-encoded. A 5xx in ``accept`` is returned where
        trying again did not help; 429 is always waited for. Errors as in the contract, and

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
        )
        self.policy.secrets.learn(request.secrets)
        if closing:
            return await self._once(request)
        history = Attempts(most=attempts)
        while True:
            try:
                return await self._attempt(request, history)
            except Retry as retry:
                answer = await self._before_retry(request, history, retry)
            if answer is not None:
                return answer

    @overload
    async def get(self, path: str, *, params: Params = None) -> Any: ...

    @overload
    async def get(self, path: str, *, params: Params = None, read: Callable[[Any], T]) -> T: ...

    async def get(
        self, path: str, *, params: Params = None, read: Callable[[Any], Any] | None = None
    ) -> Any:
        """Return what ``read`` makes of the body of a GET; without it the decoded JSON."""
        return (await self.request("GET", path, params=params, read=read or _something)).body

    @asynccontextmanager
    async def download(
        self, path: str, *, params: Mapping[str, str | int] | None = None
    ) -> AsyncIterator[Download]:
        """Open the body of a file for reading in chunks.

        Credentials are dropped on the first redirect to another host and never restored;
        ``AddressGuard`` says which hosts may be asked. A download keeps its slot until it is
        closed. A connection that is lost later ends the reading with RejectedError; the caller
        opens it again, as it may have used what came.
        """
        url = self.transport.url(path, pairs(params))
        request = Request(method="GET", path=path, url=url, stream=True)
        history = Attempts()
        async with AsyncExitStack() as stack:
            response = None
            while response is None:
                try:
                    response = await self._open(request, history, stack)
                except Retry as retry:
                    await self._before_retry(request, history, retry)
            title = self.policy.title(request)
            yield Download.of(response, title, self.transport.connection)

    async def _once(self, request: Request) -> Answer:
        """Send a request that ends a session; its one attempt waits for nobody."""
        try:
            async with asyncio.timeout(CLOSING):
                return await self._attempt(request, Attempts())
        except TimeoutError:
            reason = f"no answer within {CLOSING:.0f} s"
        except Retry as retry:
            if isinstance(retry.otherwise, Answer):
                return retry.otherwise
            if retry.otherwise is not None:
                raise retry.otherwise from retry
            reason = retry.reason
        raise DoubtError(f"{self.policy.title(request)} {reason}")

    async def _attempt(self, request: Request, history: Attempts) -> Answer:
        credentials = await self._credentials()
        permit = self.pacer.acquire_at_once() if request.closing else await self.pacer.acquire()
        attempt = Attempt(request, history, permit, credentials)
        status = 0
        try:
            if self._before_write and request.method != "GET" and not request.closing:
                await self._before_write()
            patience = self.pacer.patience(history.failures)
            async with self._send(request, request.url, credentials, patience) as response:
                status = response.status
                body = await self._body(response)
            return self.policy.answer(attempt, response, body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self.policy.broken(attempt, error) from error
        finally:
            self._log(attempt, status)
            self.pacer.release(attempt.permit)

    async def _open(
        self, request: Request, history: Attempts, stack: AsyncExitStack
    ) -> aiohttp.ClientResponse:
        """Return an answer 2xx whose body is still to be read; ``stack`` keeps it and its slot."""
        credentials = await self._credentials()
        attempt = Attempt(request, history, await self.pacer.acquire(), credentials)
        status = 0
        try:
            async with AsyncExitStack() as opened:
                opened.callback(self.pacer.release, attempt.permit)
                response = await self._follow(request, credentials, opened)
                status = response.status
                body = b"" if status in OK else await self._body(response)
                if status not in OK and not self.transport.is_home(response.url):
                    raise self.policy.elsewhere(attempt, response, body)
                if status not in OK:
                    self.policy.answer(attempt, response, body)
                if reason := why_not_a_file(response):
                    raise self.policy.no_file(attempt, reason, status)
                self.policy.good(attempt.permit, response.headers)
                stack.push_async_exit(opened.pop_all())
                return response
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self.policy.broken(attempt, error) from error
        finally:
            self._log(attempt, status)

    async def _follow(
        self, request: Request, credentials: Mapping[str, str], opened: AsyncExitStack
    ) -> aiohttp.ClientResponse:
        """Return the first answer that is no redirect; ``opened`` closes it."""
        url, status = request.url, 0
        try:
            for _ in range(REDIRECTS + 1):
                response = await opened.enter_async_context(self._send(request, url, credentials))
                if response.status not in MOVED:
                    return response
                status = response.status
                url = await self._redirect_target(url, response)
                if not self.transport.is_home(url):
                    # nor later: it is then another host that chooses what is asked for
                    credentials = {}
        except RejectedError as error:
            said = f"{self.policy.title(request)} answered {status}: {error}"
            raise RejectedError(said, status=status) from error
        raise RejectedError(f"{self.policy.title(request)}: more than {REDIRECTS} redirects")

    async def _redirect_target(self, url: URL, response: aiohttp.ClientResponse) -> URL:
        """Return where a redirect leads, if it may be followed.

        Raises:
            RejectedError: It may not.
        """
        target = redirected(response)
        safe = {"http", "https"} if url.scheme == "http" else {"https"}
        if target.scheme not in safe:
            where = f"{target.scheme}://{target.host}"
            raise RejectedError(f"it redirects to {where}, which is not safe to follow")
        if self._is_external(target):
            await self._guard.check_url(target)
        return target

    async def _credentials(self) -> Mapping[str, str]:
        if self._auth is None:
            return {}
        headers = await self._auth.headers()
        if headers != self._known:
            self.policy.secrets.learn_headers(headers)
            self._known = dict(headers)
        return headers

    def _send(
        self, request: Request, url: URL, credentials: Mapping[str, str], patience: float = 0.0
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        # a request's own URL was made from the base, and cannot leave the host
        home = url is request.url
        route = self._route(self.transport.origin if home else url.origin())
        guarded = not home and "proxy" not in route and self._is_external(url)
        session = self._external_session if guarded else self._session
        return session.request(
            request.method,
            url,
            headers={**request.headers, **credentials},
            data=request.data(),
            allow_redirects=False,
            **route,
            **_timeouts(self.transport.connection, request, patience),
        )

    def _is_external(self, url: URL) -> bool:
        """Whether a redirect leads to another host than the service's own, whatever the port."""
        return url.host != self._guard.home

    def _route(self, origin: URL) -> dict[str, Any]:
        """Return the options for TLS and proxy, found out once for each host."""
        if origin not in self._routes:
            route: dict[str, Any] = {}
            if origin.scheme == "https":
                route["ssl"] = self.transport.tls(origin)
            if proxy := self.transport.proxy(origin):
                route["proxy"], route["proxy_headers"] = proxy
            self._routes[origin] = route
        return self._routes[origin]

    async def _before_retry(
        self, request: Request, history: Attempts, retry: Retry
    ) -> Answer | None:
        """Do what the next attempt needs: renew the credentials, or wait.

        Returns the answer that the caller accepts, where no attempt is left.

        Raises:
            AccessError: The credentials are at fault.
            RejectedError: The request itself is.
            RetryableError: The host is out.
        """
        if retry.refused_with is not None:
            history.renewals += 1
            auth = self._auth if history.renewals <= RENEWALS else None
            if auth is not None and await auth.renew(retry.refused_with):
                return None
        if isinstance(retry.otherwise, Answer):
            return retry.otherwise
        if isinstance(retry.otherwise, AccessError):
            await self._raise_fault(retry.otherwise)
            history.failed(asyncio.get_running_loop().time())
        at_fault = False
        if self._probe and self.policy.suspects_the_request(history, retry):
            at_fault = await self._probe_answered() is True
        if history.used_up and retry.answer is not None and retry.answer.status in request.accept:
            return retry.answer
        seconds = self.policy.wait(request, history, retry, at_fault=at_fault)
        if not await self.waits.sleep(seconds, self.policy.waited_for(retry), usual=seconds < LONG):
            raise StoppedError(f"{self.policy.title(request)} {retry.reason}; {STOPPED}")
        return None

    async def _raise_fault(self, error: AccessError) -> None:
        """Say whose fault a 401 or 403 is; return where the probe gets no answer either.

        Raises:
            AccessError: The credentials are at fault.
            RejectedError: The request is: the same credentials open something else.
        """
        answered = await self._probe_answered() if self._probe else False
        if answered:
            raise RejectedError(f"{error}", status=error.status) from error
        if answered is False:
            raise error

    async def _probe_answered(self) -> bool | None:
        """Return whether the probe is answered well; None where it gets no definite answer.

        One probe serves all who ask while it waits for its turn. An older one is not believed: the
        credentials may have been revoked since.
        """
        if not self._probe:
            return None
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
        history = Attempts()
        for _ in range(PROBES):
            try:
                await self._attempt(request, history)
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
            if response.status in REFUSED:  # the status says it all
                return b""
            raise

    def _log(self, attempt: Attempt, status: int) -> None:
        """Note the request: no query, no header, no body; status 0 where there was no answer."""
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


def _timeouts(
    connection: Connection, request: Request | None = None, patience: float = 0.0
) -> dict[str, Any]:
    """Return the option for time-outs where the usual one does not fit.

    Connecting ends before the whole does: so a time-out of the whole means that the request left.
    ``Download`` limits the whole time of a file by its speed.
    """
    limit = connection.timeout
    if request is None:
        total = min(limit, LONGEST_ANSWER)
        return {"timeout": aiohttp.ClientTimeout(total=total, connect=limit / 2)}
    if request.stream:
        return {"timeout": aiohttp.ClientTimeout(total=None, connect=limit / 2, sock_read=limit)}
    if request.payload.content is not None:
        total = limit + request.payload.content.size / UPLOAD_SPEED
        return {"timeout": aiohttp.ClientTimeout(total=total, connect=limit / 2)}
    if patience and patience < limit:
        return {"timeout": aiohttp.ClientTimeout(total=patience, connect=patience / 2)}
    return {}


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

    ``limits`` are those of the command, ``quota`` gives that of a host; without it there is one
    of this client, which knows nothing of other runs. ``allows`` says which hosts redirects may
    lead to though they are private; ``resolver`` looks up names instead of the system's. ``waits``
    are those of the run.

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
    home = (transport.origin.host or "").rstrip(".")
    guard = AddressGuard(allows, resolver or aiohttp.ThreadedResolver(), home)

    def session(resolver: AbstractResolver | None) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            # the pacer limits the connections; a second queue would hide its waits in time-outs
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=KEEP_ALIVE, resolver=resolver
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            # netrc and proxies of the environment would be looked up for each request, and netrc's
            # credentials sent; the transport looks for proxies once
            trust_env=False,
            headers={"User-Agent": "ztoq"},
            **_timeouts(connection),
        )

    async with session(resolver) as own, session(guard) as external:
        policy = ResponsePolicy(transport.service, pacer, outage, unreached)
        async with pacer.open():
            yield Client(
                transport, policy, pacer, waits, own, external, guard, auth, probe, before_write
            )
