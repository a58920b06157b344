"""Fetches from addresses that somebody wrote into a text, and that may point anywhere.

Only http and https, only public addresses unless the configuration names the host, looked at where
the connection is made: so a name cannot show one address to the check and another to the
connection. Each redirect is looked at anew, each credential goes to its own origin only.

Where a proxy is set, the proxy looks up names: then only addresses that stand in the URL itself
can be looked at here, and the proxy has to refuse the rest.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver, ResolveResult
from loguru import logger
from yarl import URL

from ztoq_core.contracts import Connection
from ztoq_core.errors import RejectedError, RetryableError
from ztoq_core.http.transport import Transport
from ztoq_core.images import Images

__all__ = ["Fetcher", "open_fetcher"]

REDIRECTS = 5
AT_ONCE = 4
"""Requests to one host at a time."""

ATTEMPTS = 3
PAUSE = 1.0
"""Seconds before the second attempt; before the third it is twice as long."""

IN_A_ROW = 5
"""Failures after which a host is left out for the rest of the run."""

CHUNK = 64 * 1024
MOVED = frozenset({301, 302, 303, 307, 308})
OK = 200
BUSY = 429
SITE_ERROR = 500
DENIED = frozenset({401, 403, 407})
NAT64 = ipaddress.ip_network("64:ff9b::/96")
HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity"}

HOST = re.compile(r"[\w.:%-]+")
Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


def literal(host: str) -> Ip | None:
    """Return the address that a host is written as, in any form that resolvers take.

    ``127.1``, ``0x7f000001``, ``2130706433`` and ``017700000001`` all mean 127.0.0.1.
    """
    bare = host.strip("[]").partition("%")[0]
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(bare))
    except (OSError, ValueError):
        return None


def is_public(ip: Ip) -> bool:
    """Whether an address is one of the open internet, also where IPv6 wraps an IPv4 one."""
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def shown(url: URL) -> str:
    """Return a URL for messages: without user, query and fragment, which may hold secrets."""
    return str(url.with_user(None).with_query(None).with_fragment(None))[:200]


@attrs.frozen
class _Guard:
    """Says which addresses may be asked."""

    images: Images

    def check(self, host: str, address: str) -> None:
        """Look at the address that a host has.

        Raises:
            RejectedError: It is not public, and the configuration does not allow it.
        """
        ip = literal(address)
        if ip is not None and (is_public(ip) or self.images.allows(host, str(ip))):
            return
        raise RejectedError(
            f"{host} is not on the open internet; to fetch from it, name it in images.allow_private"
        )

    def check_url(self, url: URL) -> None:
        """Look at a URL before anything is asked; names are looked at when they are looked up."""
        host = (url.host or "").rstrip(".")
        if url.scheme not in {"http", "https"} or not host:
            raise RejectedError(f"{url.scheme or 'no scheme'} is not fetched, only http and https")
        ip = literal(host)
        if ip is None and (host.lower() == "localhost" or host.lower().endswith(".localhost")):
            ip = ipaddress.IPv4Address("127.0.0.1")
        if ip is not None:
            self.check(host, str(ip))


class _Resolver(AbstractResolver):
    """Looks up names, and gives only those all of whose addresses may be asked."""

    def __init__(self, guard: _Guard, inner: AbstractResolver) -> None:
        self._guard = guard
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for each in found:
            self._guard.check(host, each["host"])
        return found

    async def close(self) -> None:
        await self._inner.close()


@attrs.define(eq=False)
class Fetcher:
    """Fetches what texts point at. ``tell`` is told in a sentence when a host is given up."""

    images: Images
    tell: Callable[[str], None]
    pause: float
    _direct: aiohttp.ClientSession
    _proxied: aiohttp.ClientSession
    _guard: _Guard = attrs.field(init=False)
    _credentials: dict[URL, Mapping[str, str]] = attrs.field(factory=dict, init=False)
    _ways: dict[URL, Transport] = attrs.field(factory=dict, init=False)
    _slots: dict[str, asyncio.Semaphore] = attrs.field(factory=dict, init=False)
    _failures: Counter[str] = attrs.field(factory=Counter, init=False)

    def __attrs_post_init__(self) -> None:
        """Look up the credentials, so that a missing one shows before the first picture."""
        self._guard = _Guard(self.images)
        for each in self.images.host:
            self._credentials[each.origin] = each.headers()

    async def fetch(self, address: str) -> AsyncIterator[bytes]:
        """Yield what stands at the address, as it comes.

        Raises:
            RejectedError: It is refused, here or there; trying again would not help.
            RetryableError: The connection broke while it was read.
        """
        url = _url(address)
        self._guard.check_url(url)
        host = url.host or ""
        async with self._slots.setdefault(host, asyncio.Semaphore(AT_ONCE)):
            if self._failures[host] >= IN_A_ROW:
                raise RejectedError(f"{host} failed {IN_A_ROW} times in a row and is left out")
            async with AsyncExitStack() as stack:
                response = await self._opened(url, stack)
                received = 0
                try:
                    async for chunk in response.content.iter_chunked(CHUNK):
                        received += len(chunk)
                        yield chunk
                except (aiohttp.ClientError, OSError) as error:
                    self._failed(host)
                    raise RetryableError(f"it was cut short ({type(error).__name__})") from error

    async def _opened(self, url: URL, stack: AsyncExitStack) -> aiohttp.ClientResponse:
        """Return an answer 200; tries again what may pass."""
        host = url.host or ""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                response = await self._follow(url, stack)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                reason = f"does not answer ({type(error).__name__})"
                # the time for it is used up; or it is no name that anybody could look up
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
                    # the host works, this picture is not there
                    raise RejectedError(f"its host {reason}", status=status)
            if not passes or attempt == ATTEMPTS:
                break
            await asyncio.sleep(self.pause * attempt)
        self._failed(host)
        raise RejectedError(f"its host {reason}")

    async def _follow(self, url: URL, stack: AsyncExitStack) -> aiohttp.ClientResponse:
        """Return the first answer that is no redirect."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.images.timeout
        for _ in range(REDIRECTS + 1):
            response = await stack.enter_async_context(self._request(url, end - loop.time()))
            if response.status not in MOVED:
                return response
            target = _target(response)
            if url.scheme == "https" and target.scheme != "https":
                raise RejectedError(f"it redirects to {target.scheme}, which is not safe")
            self._guard.check_url(target)
            url = target
        raise RejectedError(f"it is behind more than {REDIRECTS} redirects")

    @asynccontextmanager
    async def _request(self, url: URL, seconds: float) -> AsyncIterator[aiohttp.ClientResponse]:
        origin = url.origin()
        way = self._ways.get(origin)
        if way is None:
            way = self._ways[origin] = Transport(Connection(base_url=str(origin)))
        session, more = self._direct, dict[str, Any]()
        if proxy := way.proxy(url):
            session, more = self._proxied, {"proxy": proxy[0], "proxy_headers": proxy[1]}
        if url.scheme == "https":
            more["ssl"] = way.tls(url)
        seconds = max(seconds, 0.001)
        async with session.get(
            url,
            headers={**HEADERS, **self._credentials.get(origin, {})},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=seconds, connect=seconds),
            **more,
        ) as response:
            logger.debug("picture {} {}", shown(url), response.status)
            yield response

    def _promised(self, response: aiohttp.ClientResponse) -> None:
        """Look at what the headers say before the body is read."""
        packed = response.headers.get("Content-Encoding", "identity").strip().lower()
        if packed not in {"", "identity"}:
            raise RejectedError("it is sent compressed, though asked for as it is")
        size = response.content_length
        if size is not None and size > self.images.max_size:
            raise RejectedError(f"it has {size:,} bytes, more than images.max_size allows")

    def _failed(self, host: str) -> None:
        self._failures[host] += 1
        if self._failures[host] == IN_A_ROW:
            self.tell(
                f"{host} failed {IN_A_ROW} times in a row: no more pictures are fetched from it in "
                "this run"
            )


def _url(address: str) -> URL:
    text = f"https:{address}" if address.startswith("//") else address
    try:
        # what is encoded already stays so: a signature may be over it
        url = URL(text, encoded=text.isascii() and text.isprintable() and " " not in text)
        return _bare(url)
    except (ValueError, IndexError) as error:  # yarl 1.25: IndexError for http://[]@
        raise RejectedError("its address is no URL") from error


def _target(response: aiohttp.ClientResponse) -> URL:
    try:
        return _bare(response.url.join(URL(response.headers.get("Location", ""))))
    except (ValueError, IndexError) as error:
        raise RejectedError("it redirects to what is no URL") from error


def _bare(url: URL) -> URL:
    """Return a URL without user and fragment; raises ValueError where host or port are none."""
    if not url.host:
        return url
    bare = url.with_user(None).with_fragment(None)
    if not HOST.fullmatch(url.host) or URL(str(bare.origin())).port != bare.port:
        raise ValueError(url.host)
    return bare


@asynccontextmanager
async def open_fetcher(
    images: Images,
    tell: Callable[[str], None],
    *,
    resolver: AbstractResolver | None = None,
    pause: float = PAUSE,
) -> AsyncIterator[Fetcher]:
    """Open a fetcher; ``resolver`` looks up names instead of the system's.

    Raises:
        ConfigError: A credential of a host is not where the configuration says.
    """
    guarded = _Resolver(_Guard(images), resolver or aiohttp.ThreadedResolver())
    options: dict[str, Any] = {
        "cookie_jar": aiohttp.DummyCookieJar(),
        "trust_env": False,
        "auto_decompress": False,
        "headers": {"User-Agent": "ztoq"},
    }
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=guarded), **options
        ) as direct,
        # a proxy may well be private; it is the configuration's, not a text's
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(), **options) as proxied,
    ):
        yield Fetcher(images, tell, pause, direct, proxied)
