"""Fetches from addresses in texts, which are not trusted and may point anywhere.

``AddressGuard`` decides which addresses may be contacted, also for each redirect. A credential is
sent to its own origin only, also after a redirect of another host: a text could name that one, too.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver
from loguru import logger
from yarl import URL

from ztoq_core.contracts import Connection
from ztoq_core.errors import RejectedError
from ztoq_core.http.address_guard import MOVED, REDIRECTS, AddressGuard, redirected, url_of
from ztoq_core.http.budget import CallMeter
from ztoq_core.http.transport import Transport
from ztoq_core.pictures.settings import CutShortError, Images
from ztoq_core.redaction import redacted

AT_ONCE = 4
"""Requests to one host at a time."""

ATTEMPTS = 3
PAUSE = 1.0
"""Seconds before the second attempt; before the third it is twice as long."""

IN_A_ROW = 5
"""Failures after which a host is left out for the rest of the run."""

CHUNK = 64 * 1024
OK = 200
BUSY = 429
SITE_ERROR = 500
DENIED = frozenset({401, 403, 407})
HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity"}


@attrs.define(eq=False)
class UntrustedFetcher:
    """Fetches what texts point at. ``warn`` gets a sentence when a host is given up."""

    images: Images
    warn: Callable[[str], None]
    meter: CallMeter
    pause: float
    _guard: AddressGuard
    _direct: aiohttp.ClientSession
    _proxied: aiohttp.ClientSession
    _credentials: dict[URL, Mapping[str, str]] = attrs.field(factory=dict, init=False)
    _transports: dict[URL, Transport] = attrs.field(factory=dict, init=False)
    _slots: dict[str, asyncio.Semaphore] = attrs.field(factory=dict, init=False)
    _failures: Counter[str] = attrs.field(factory=Counter, init=False)

    def __attrs_post_init__(self) -> None:
        """Look up the credentials, so that a missing one is noticed before the first picture."""
        for each in self.images.host:
            self._credentials[each.origin] = each.headers()

    async def fetch(self, address: str) -> AsyncIterator[bytes]:
        """Yield the content of the address, as it arrives.

        Raises:
            RejectedError: The address guard or the host refuses; trying again would not help.
            CutShortError: The connection broke, or the time was used up.
            RetryableError: A limit of the command is reached; the next run may go on.
            StoreError: The calls cannot be counted any more.
        """
        url = _url(address)
        await self._guard.check_url(url)
        host = url.host or ""
        async with self._slots.setdefault(host, asyncio.Semaphore(AT_ONCE)):
            # looked at only now: the host may have failed while this one waited for its slot
            if self._failures[host] >= IN_A_ROW:
                raise RejectedError(f"{host} failed {IN_A_ROW} times in a row and is left out")
            async with AsyncExitStack() as stack:
                response = await self._opened(url, stack)
                try:
                    async for chunk in response.content.iter_chunked(CHUNK):
                        yield chunk
                except (aiohttp.ClientError, OSError) as error:
                    self._failed(host)
                    raise CutShortError(f"it was cut short ({type(error).__name__})") from error

    async def _opened(self, url: URL, stack: AsyncExitStack) -> aiohttp.ClientResponse:
        """Return an answer 200; try again after failures that may pass."""
        host = url.host or ""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = await self._follow(url, stack)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                reason = f"does not answer ({type(error).__name__})"
                # after a time-out the time is used up, and an invalid name stays invalid
                passes = not isinstance(error, TimeoutError | ValueError)
            else:
                status = response.status
                if status == OK:
                    self._promised(response)
                    self._failures[host] = 0
                    return response
                await stack.aclose()
                reason = f"answered {status}"
                passes = status == BUSY or status >= SITE_ERROR
                if not passes and status not in DENIED:
                    # the host works; only this picture is missing
                    raise RejectedError(f"its host {reason}", status=status)
            if not passes or attempt == ATTEMPTS:
                break
            await asyncio.sleep(self.pause * attempt)
        self._failed(host)
        raise RejectedError(f"its host {reason}")

    async def _follow(self, url: URL, stack: AsyncExitStack) -> aiohttp.ClientResponse:
        """Return the first answer that is not a redirect."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.images.timeout
        self.meter.spend(self._transport(url).service)
        for _ in range(REDIRECTS + 1):
            response = await stack.enter_async_context(self._request(url, end - loop.time()))
            if response.status not in MOVED:
                return response
            target = redirected(response)
            if url.scheme == "https" and target.scheme != "https":
                raise RejectedError(f"it redirects to {target.scheme}, which is not safe")
            await self._guard.check_url(target)
            url = target
        raise RejectedError(f"it is behind more than {REDIRECTS} redirects")

    @asynccontextmanager
    async def _request(self, url: URL, seconds: float) -> AsyncIterator[aiohttp.ClientResponse]:
        transport = self._transport(url)
        session, more = self._direct, dict[str, Any]()
        if proxy := transport.proxy(url):
            session, more = self._proxied, {"proxy": proxy[0], "proxy_headers": proxy[1]}
        if url.scheme == "https":
            more["ssl"] = transport.tls(url)
        seconds = max(seconds, 0.001)
        async with session.get(
            url,
            headers={**HEADERS, **self._credentials.get(transport.origin, {})},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=seconds, connect=seconds),
            **more,
        ) as response:
            logger.debug("picture {} {}", redacted(str(url))[:200], response.status)
            yield response

    def _transport(self, url: URL) -> Transport:
        origin = url.origin()
        if origin not in self._transports:
            self._transports[origin] = Transport(Connection(base_url=str(origin)))
        return self._transports[origin]

    def _promised(self, response: aiohttp.ClientResponse) -> None:
        """Check the headers before the body is read."""
        packed = response.headers.get("Content-Encoding", "identity").strip().lower()
        if packed not in {"", "identity"}:
            raise RejectedError("it is compressed, although that was not accepted")
        size = response.content_length
        if size is not None and size > self.images.max_size:
            raise RejectedError(f"it has {size:,} bytes, more than images.max_size allows")

    def _failed(self, host: str) -> None:
        self._failures[host] += 1
        if self._failures[host] == IN_A_ROW:
            self.warn(
                f"{host} failed {IN_A_ROW} times in a row: no more pictures are fetched from it in "
                "this run"
            )


def _url(address: str) -> URL:
    try:
        return url_of(f"https:{address}" if address.startswith("//") else address)
    except ValueError as error:
        raise RejectedError("its address is not a URL") from error


@asynccontextmanager
async def open_fetcher(
    images: Images,
    warn: Callable[[str], None],
    *,
    meter: CallMeter | None = None,
    resolver: AbstractResolver | None = None,
    pause: float = PAUSE,
) -> AsyncIterator[UntrustedFetcher]:
    """Open a fetcher; ``resolver`` replaces the system's look-up of names.

    ``meter`` counts the calls and stops them at a limit; without it there is no limit.

    Raises:
        ConfigError: A credential of a host is not where the configuration says.
    """
    guard = AddressGuard(images.allows, resolver or aiohttp.ThreadedResolver())
    options: dict[str, Any] = {
        "cookie_jar": aiohttp.DummyCookieJar(),
        "trust_env": False,
        "auto_decompress": False,
        "headers": {"User-Agent": "ztoq"},
    }
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=guard), **options) as direct,
        # not guarded: a proxy may have a private address, and comes from the configuration
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(), **options) as proxied,
    ):
        yield UntrustedFetcher(images, warn, meter or CallMeter(), pause, guard, direct, proxied)
