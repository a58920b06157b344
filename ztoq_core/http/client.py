"""The HTTP client that the engine lends to connectors: credentials, pacing, retries, downloads.

``open_client`` opens one for one base URL; ``ztoq_core.http.judging`` says what each answer means.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar, overload

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver
from loguru import logger
from yarl import URL

from ztoq_core.contracts import Answer, Auth, Connection, Content
from ztoq_core.errors import AccessError, AnswerError, DoubtError, RejectedError
from ztoq_core.http.budget import Budget
from ztoq_core.http.calls import Again, Call, Tries
from ztoq_core.http.guard import MOVED, REDIRECTS, Guard, redirected
from ztoq_core.http.judging import OK, REFUSED, Attempt, Judge
from ztoq_core.http.limits import Account, Limits, account_of
from ztoq_core.http.pacing import Pacer, Rate
from ztoq_core.http.transport import Transport
from ztoq_core.images import Images

__all__ = ["Client", "Download", "open_client"]

RENEWALS = 3
"""Times that one request has its credentials renewed."""

KEEP_ALIVE = 1.0
"""Seconds that an idle connection is used again. Servers close theirs after 2 s or more (gunicorn
2, node 5, nginx 75), and a POST that meets the closing is in doubt, though nothing was done."""

UPLOAD_SPEED = 100_000
"""Bytes a second that an upload may fall to before it times out (guess: slower is not usable)."""

CHUNK = 64 * 1024

CLOSING = 5.0
"""Seconds for a request that ends a session."""

PROBES = 3
"""Attempts to get a definite answer to the probe."""

T = TypeVar("T")

Params = Mapping[str, str | int | Sequence[str | int]] | None


@attrs.define(eq=False)
class Download:
    """A body that is read in chunks (see ``contracts.Download``)."""

    media_type: str
    size: int | None
    _response: aiohttp.ClientResponse
    _title: str

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes, once.

        Raises:
            RejectedError: Fewer came than were promised, or the connection was lost.
        """
        received = 0
        try:
            async for chunk in self._response.content.iter_chunked(CHUNK):
                received += len(chunk)
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            promised = "" if self.size is None else f" of {self.size}"
            raise RejectedError(
                f"{self._title}: the content was cut short after {received}{promised} bytes "
                f"({type(error).__name__})"
            ) from error


@attrs.define(eq=False)
class Client:
    """A paced JSON client for one base URL (see ``contracts.Client``)."""

    transport: Transport
    judge: Judge
    pacer: Pacer
    _session: aiohttp.ClientSession
    _abroad: aiohttp.ClientSession
    _guard: Guard
    _auth: Auth | None
    _probe: str = ""
    _before_write: Callable[[], Awaitable[None]] | None = None
    _probing: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)
    _probed_at: float = attrs.field(default=-math.inf, init=False)
    _verdict: bool | None = attrs.field(default=None, init=False)
    _ways: dict[URL, dict[str, Any]] = attrs.field(factory=dict, init=False)
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
    ) -> Answer:
        """Send a request and return its answer if it is 2xx or its status is in ``accept``.

        A path segment that is data comes percent-encoded. A 5xx in ``accept`` is returned where
        trying again did not help; 429 is always waited for. Errors as in the contract, and

        Raises:
            ConfigError: The certificate of the host is not trusted.
        """
        call = Call.make(
            self.transport,
            method,
            path,
            params=params,
            json=json,
            form=form,
            content=content,
            headers=headers,
            accept=accept,
            repeatable=repeatable,
            what=what,
            read=read,
            closing=closing,
        )
        self.judge.secrets.learn(call.secrets)
        if closing:
            return await self._once(call)
        tries = Tries()
        while True:
            try:
                return await self._attempt(call, tries)
            except Again as again:
                answer = await self._prepare(call, tries, again)
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
        """Open a body for reading in chunks; a redirect to another host gets no credentials.

        Nor does it get them where it leads back, and ``Guard`` says which hosts may be asked.
        It takes a slot until it is closed. A connection that is lost later ends the reading
        with RejectedError; the caller opens it again, as it may have used what came.
        """
        call = Call.make(self.transport, "GET", path, params=params, stream=True)
        tries = Tries()
        async with AsyncExitStack() as stack:
            response = None
            while response is None:
                try:
                    response = await self._open(call, tries, stack)
                except Again as again:
                    await self._prepare(call, tries, again)
            size = response.headers.get("Content-Length")
            packed = "Content-Encoding" in response.headers
            yield Download(
                response.content_type if "Content-Type" in response.headers else "",
                int(size) if size and not packed else None,
                response,
                self.judge.title(call),
            )

    async def _once(self, call: Call) -> Answer:
        """Send a request that ends a session; its one attempt waits for nobody."""
        try:
            async with asyncio.timeout(CLOSING):
                return await self._attempt(call, Tries())
        except TimeoutError:
            reason = f"no answer within {CLOSING:.0f} s"
        except Again as again:
            if isinstance(again.otherwise, Answer):
                return again.otherwise
            if again.otherwise is not None:
                raise again.otherwise from again
            reason = again.reason
        raise DoubtError(f"{self.judge.title(call)} {reason}")

    async def _attempt(self, call: Call, tries: Tries) -> Answer:
        credentials = await self._credentials()
        turn = self.pacer.take_at_once() if call.closing else await self.pacer.turn()
        attempt = Attempt(call, tries, turn, credentials)
        status = 0
        try:
            if self._before_write and call.method != "GET" and not call.closing:
                await self._before_write()
            async with self._send(call, call.url, credentials) as response:
                status = response.status
                body = await _body(response)
            return self.judge.answer(attempt, response, body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self.judge.broken(attempt, error) from error
        finally:
            self._log(attempt, status)
            self.pacer.end(attempt.turn)

    async def _open(
        self, call: Call, tries: Tries, stack: AsyncExitStack
    ) -> aiohttp.ClientResponse:
        """Return an answer 2xx whose body is still to be read; ``stack`` keeps it and its slot."""
        credentials = await self._credentials()
        attempt = Attempt(call, tries, await self.pacer.turn(), credentials)
        status = 0
        try:
            async with AsyncExitStack() as opened:
                opened.callback(self.pacer.end, attempt.turn)
                response = await self._follow(call, credentials, opened)
                status = response.status
                if status not in OK:
                    self.judge.answer(attempt, response, await _body(response))
                self.judge.good(attempt.turn, response.headers)
                stack.push_async_exit(opened.pop_all())
                return response
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self.judge.broken(attempt, error) from error
        finally:
            self._log(attempt, status)

    async def _follow(
        self, call: Call, credentials: Mapping[str, str], opened: AsyncExitStack
    ) -> aiohttp.ClientResponse:
        """Return the first answer that is no redirect; ``opened`` closes it."""
        url, status = call.url, 0
        try:
            for _ in range(REDIRECTS + 1):
                response = await opened.enter_async_context(self._send(call, url, credentials))
                if response.status not in MOVED:
                    return response
                status = response.status
                url = await self._led(url, response)
                if not self.transport.is_home(url):
                    # nor later: it is then another host that chooses what is asked for
                    credentials = {}
        except RejectedError as error:
            said = f"{self.judge.title(call)} answered {status}: {error}"
            raise RejectedError(said, status=status) from error
        raise RejectedError(f"{self.judge.title(call)}: more than {REDIRECTS} redirects")

    async def _led(self, url: URL, response: aiohttp.ClientResponse) -> URL:
        """Return where a redirect leads, if it may be followed.

        Raises:
            RejectedError: It may not.
        """
        target = redirected(response)
        safe = {"http", "https"} if url.scheme == "http" else {"https"}
        if target.scheme not in safe:
            where = f"{target.scheme}://{target.host}"
            raise RejectedError(f"it redirects to {where}, which is not safe to follow")
        if self._is_abroad(target):
            await self._guard.check_url(target)
        return target

    async def _credentials(self) -> Mapping[str, str]:
        if self._auth is None:
            return {}
        headers = await self._auth.headers()
        if headers != self._known:
            self.judge.secrets.learn_headers(headers)
            self._known = dict(headers)
        return headers

    def _send(
        self, call: Call, url: URL, credentials: Mapping[str, str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        # a call's own URL was made from the base, and cannot leave the host
        home = url is call.url
        way = self._way(self.transport.origin if home else url.origin())
        guarded = not home and "proxy" not in way and self._is_abroad(url)
        session = self._abroad if guarded else self._session
        return session.request(
            call.method,
            url,
            headers={**call.headers, **credentials},
            data=call.data(),
            allow_redirects=False,
            **way,
            **_patience(self.transport.connection, call),
        )

    def _is_abroad(self, url: URL) -> bool:
        """Whether a redirect leads to another host than the service's own, whatever the port."""
        return url.host != self._guard.home

    def _way(self, origin: URL) -> dict[str, Any]:
        """Return the options for TLS and proxy, found out once for each host."""
        if origin not in self._ways:
            way: dict[str, Any] = {}
            if origin.scheme == "https":
                way["ssl"] = self.transport.tls(origin)
            if proxy := self.transport.proxy(origin):
                way["proxy"], way["proxy_headers"] = proxy
            self._ways[origin] = way
        return self._ways[origin]

    async def _prepare(self, call: Call, tries: Tries, again: Again) -> Answer | None:
        """Do what the next attempt needs: renew the credentials, or wait.

        Returns the answer that the caller accepts, where no attempt is left.

        Raises:
            AccessError: The credentials are at fault.
            RejectedError: The request itself is.
            RetryableError: The host is out.
        """
        if again.refused_with is not None:
            tries.renewals += 1
            auth = self._auth if tries.renewals <= RENEWALS else None
            if auth is not None and await auth.renew(again.refused_with):
                return None
        if isinstance(again.otherwise, Answer):
            return again.otherwise
        if isinstance(again.otherwise, AccessError):
            await self._blame(again.otherwise)
            tries.failed(asyncio.get_running_loop().time())
        at_fault = False
        if self._probe and self.judge.suspects_the_request(tries, again):
            at_fault = await self._probe_answered() is True
        if tries.used_up and again.answer is not None and again.answer.status in call.accept:
            return again.answer
        await asyncio.sleep(self.judge.wait(call, tries, again, at_fault=at_fault))
        return None

    async def _blame(self, error: AccessError) -> None:
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
        call = Call.make(self.transport, "GET", self._probe)
        tries = Tries()
        for _ in range(PROBES):
            try:
                await self._attempt(call, tries)
            except Again as again:
                auth = self._auth
                if again.refused_with is not None and auth is not None:
                    tries.renewals += 1
                    if tries.renewals < PROBES and await auth.renew(again.refused_with):
                        continue
                if again.otherwise is not None:
                    return False
                await asyncio.sleep(tries.failed_wait())
            except RejectedError:
                return False
            else:
                return True
        return None

    def _log(self, attempt: Attempt, status: int) -> None:
        """Note the request: no query, no header, no body; status 0 where there was no answer."""
        call = attempt.call
        milliseconds = (asyncio.get_running_loop().time() - attempt.turn.sent) * 1000
        service = self.transport.service
        logger.debug("{} {} {} {} {:.0f} ms", service, call.method, call.path, status, milliseconds)


def _something(body: Any) -> Any:
    if body is None:
        raise AnswerError("an empty body where JSON was due")
    return body


async def _body(response: aiohttp.ClientResponse) -> bytes:
    try:
        return await response.read()
    except (aiohttp.ClientError, OSError):
        if response.status in REFUSED:  # the status says it all
            return b""
        raise


def _patience(connection: Connection, call: Call | None = None) -> dict[str, Any]:
    """Return the option for time-outs where the usual one does not fit.

    Connecting ends before the whole does: so a time-out of the whole means that the request left.
    """
    limit = connection.timeout
    if call is None:
        return {"timeout": aiohttp.ClientTimeout(total=limit, connect=limit / 2)}
    if call.stream:
        return {"timeout": aiohttp.ClientTimeout(total=None, connect=limit / 2, sock_read=limit)}
    if call.content is not None:
        total = limit + call.content.size / UPLOAD_SPEED
        return {"timeout": aiohttp.ClientTimeout(total=total, connect=limit / 2)}
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
    account: Callable[[str], Account] | None = None,
    images: Images | None = None,
    before_write: Callable[[], Awaitable[None]] | None = None,
    resolver: AbstractResolver | None = None,
) -> AsyncIterator[Client]:
    """Open a client for ``connection.base_url``; ``Judge`` explains ``outage`` and ``unreached``.

    ``limits`` are those of the command, ``account`` gives that of a host; without it there is one
    of this client, which knows nothing of other runs. ``images`` names hosts that redirects may
    lead to though they are private; ``resolver`` looks up names instead of the system's.

    Raises:
        ConfigError: The base URL, a proxy or a certificate file cannot be used.
        StoreError: The calls cannot be counted.
    """
    transport = Transport(connection)
    host = transport.service
    budget = Budget(account(host) if account else account_of(host, connection), limits or Limits())
    rate = Rate() if connection.rate is None else Rate(connection.rate)
    pacer = Pacer(rate, connection.in_flight, connection.timeout, budget)
    home = (transport.origin.host or "").rstrip(".")
    guard = Guard(images or Images(), resolver or aiohttp.ThreadedResolver(), home)

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
            **_patience(connection),
        )

    async with session(resolver) as own, session(guard) as abroad:
        judge = Judge(transport.service, pacer, outage, unreached)
        async with pacer.open():
            yield Client(transport, judge, pacer, own, abroad, guard, auth, probe, before_write)
