"""Sends single requests: session, TLS, proxy and time-outs for an address; redirects of files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver
from yarl import URL

from ztoq_core.contracts import Connection
from ztoq_core.errors import RejectedError
from ztoq_core.http.address_guard import MOVED, REDIRECTS, AddressGuard, redirected
from ztoq_core.http.request import Request
from ztoq_core.http.transport import Transport

KEEP_ALIVE = 1.0
"""Seconds that an idle connection is used again. Servers close theirs after 2 s or more (gunicorn
2, node 5, nginx 75), and a POST that meets the closing is in doubt, though nothing was done."""

UPLOAD_SPEED = 100_000
"""Bytes a second that an upload may fall to before it times out (guess: slower is not usable)."""

LONGEST_ANSWER = 300.0
"""Seconds for an answer that is not a file, even where ``timeout`` allows more."""

Credentials = Mapping[str, str]


@attrs.define(eq=False)
class Sender:
    """Sends the requests of one client; attempts, permits and meanings are the client's."""

    transport: Transport
    _session: aiohttp.ClientSession
    _external_session: aiohttp.ClientSession
    _guard: AddressGuard
    _routes: dict[URL, dict[str, Any]] = attrs.field(factory=dict, init=False)

    def send(
        self, request: Request, url: URL, credentials: Credentials, patience: float = 0.0
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Return the context of the answer; ``patience`` in seconds, 0: the connection's."""
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
            trace_request_ctx=request,
            **route,
            **_timeouts(self.transport.connection, request, patience),
        )

    async def follow(
        self, request: Request, credentials: Credentials, opened: AsyncExitStack
    ) -> aiohttp.ClientResponse:
        """Return the first answer that is not a redirect; ``opened`` closes it.

        Raises:
            RejectedError: A redirect may not be followed, or there are too many.
        """
        url, status = request.url, 0
        try:
            for _ in range(REDIRECTS + 1):
                response = await opened.enter_async_context(self.send(request, url, credentials))
                if response.status not in MOVED:
                    return response
                status = response.status
                url = await self._redirect_target(url, response)
                if not self.transport.is_home(url):
                    # nor later: it is then another host that chooses what is asked for
                    credentials = {}
        except RejectedError as error:  # also from the guard, when it looks up the name
            raise RejectedError(f"answered {status}: {error}", status=status) from error
        raise RejectedError(f"answered {status}: more than {REDIRECTS} redirects", status=status)

    async def _redirect_target(self, url: URL, response: aiohttp.ClientResponse) -> URL:
        target = redirected(response)
        safe = {"http", "https"} if url.scheme == "http" else {"https"}
        if target.scheme not in safe:
            where = f"{target.scheme}://{target.host}"
            raise RejectedError(f"it redirects to {where}, which is not safe to follow")
        if self._is_external(target):
            await self._guard.check_url(target)
        return target

    def _is_external(self, url: URL) -> bool:
        """Whether a redirect leads to another host than the service's own, on any port."""
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


@asynccontextmanager
async def open_sender(
    transport: Transport,
    allows: Callable[[str, str], bool],
    resolver: AbstractResolver | None,
    before_write: Callable[[], Awaitable[None]] | None,
) -> AsyncIterator[Sender]:
    """Open the sessions; the rest as in ``client.open_client``."""
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
            trace_configs=[] if before_write is None else [_before_sending(before_write)],
            **_timeouts(transport.connection),
        )

    async with session(resolver) as own, session(guard) as external:
        yield Sender(transport, own, external, guard)


def _before_sending(before_write: Callable[[], Awaitable[None]]) -> aiohttp.TraceConfig:
    """Await ``before_write`` once the connection stands: the process may sleep until it does."""

    async def check(_: aiohttp.ClientSession, context: Any, __: object) -> None:
        request: Request = context.trace_request_ctx
        if request.method != "GET" and not request.closing:
            await before_write()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(check)
    trace.on_connection_reuseconn.append(check)
    return trace


def _timeouts(
    connection: Connection, request: Request | None = None, patience: float = 0.0
) -> dict[str, Any]:
    """Return the option for time-outs if the usual one does not fit.

    Connecting ends before the whole does, so a time-out of the whole means that the request left.
    ``Download`` limits the whole time of a file by its speed.
    """
    limit = connection.timeout
    total: float | None = limit
    if request is None:
        total = min(limit, LONGEST_ANSWER)
    elif request.stream:
        timeout = aiohttp.ClientTimeout(total=None, connect=limit / 2, sock_read=limit)
        return {"timeout": timeout}
    elif request.payload.content is not None:
        total = limit + request.payload.content.size / UPLOAD_SPEED
    elif patience and patience < limit:
        total = limit = patience
    else:
        return {}
    return {"timeout": aiohttp.ClientTimeout(total=total, connect=limit / 2)}
