"""SSRF protection: which addresses of texts and redirects may be asked.

Only http and https, only the open internet unless the configuration says more. Names are looked at
where they are looked up for the connection: so a name cannot show one address to the check and
another to the connection.

Where a proxy is set, the proxy looks up names: then only addresses that stand in the URL itself
can be looked at here, and the proxy has to refuse the rest.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ztoq_core.errors import RejectedError
from ztoq_core.http.transport import is_loopback, to_url

__all__ = [
    "MOVED",
    "REDIRECTS",
    "AddressGuard",
    "is_public",
    "literal",
    "no_private_address",
    "redirected",
    "url_of",
]

MOVED = frozenset({301, 302, 303, 307, 308})
REDIRECTS = 5
"""Redirects of one answer that are followed."""

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.ip_network("64:ff9b::/96")

SPECIAL = tuple(
    ipaddress.ip_network(each)
    for each in ("192.0.0.0/24", "168.63.129.16/32", "64:ff9b:1::/48", "fec0::/10")
)
"""Not of the open internet, though Python may take them to be (its tables differ by version).

Services of clouds' own machines answer at 192.0.0.192 (Oracle) and 168.63.129.16 (Azure);
64:ff9b:1:: is NAT64 of a network's own (RFC 8215), fec0:: site-local (RFC 3879).
"""

INSIDE = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)
"""Networks of organisations (RFC 1918, RFC 4193)."""

METADATA = ipaddress.ip_network("fd00:ec2::/32")
"""Where AWS tells its machines their secrets; 169.254.169.254 is in none of these networks."""

NAME = re.compile(r"[\w.-]+")
NUMBERS = re.compile(r"[0-9a-fA-F:.]+(?:%[\w.-]+)?")


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


def unwrapped(ip: Ip) -> Ip:
    """Return the IPv4 address that an IPv6 one leads to, in whatever way it wraps it."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def is_public(ip: Ip) -> bool:
    """Whether an address is one of the open internet, also where IPv6 wraps an IPv4 one."""
    ip = unwrapped(ip)
    if any(ip in network for network in SPECIAL):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def is_inside(ip: Ip) -> bool:
    """Whether an address is one of an organisation's own network."""
    ip = unwrapped(ip)
    return any(ip in network for network in INSIDE) and ip not in METADATA


@attrs.define(eq=False)
class AddressGuard(AbstractResolver):
    """Says which addresses may be asked, and looks up only names all of whose addresses may.

    ``allows`` says whether a host (first) may be asked at an address (second) that is not public.
    ``home`` is the host of the service whose redirects are followed. If it stands in an
    organisation's own network, it may lead to others there, and if it is this machine, to this
    machine as well.
    """

    allows: Callable[[str, str], bool]
    inner: AbstractResolver = attrs.field(factory=aiohttp.ThreadedResolver)
    home: str = ""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up a name.

        Raises:
            OSError: There is no such name.
            RejectedError: One of its addresses may not be asked.
        """
        found = await self.inner.resolve(host, port, family)
        for each in found:
            await self.check(host, each["host"])
        return found

    async def close(self) -> None:
        """Let go of what looks up names."""
        await self.inner.close()

    async def check(self, host: str, address: str) -> None:
        """Look at the address that a host has.

        Raises:
            RejectedError: It is not public, and nothing else allows it.
        """
        ip = literal(address)
        if ip is not None:
            if is_public(ip) or self.allows(host, str(ip)):
                return
            if self.home and await self._is_near(ip):
                return
        raise RejectedError(
            f"{host} is not on the open internet; to fetch from it, name it in images.allow_private"
        )

    async def check_url(self, url: URL) -> None:
        """Look at a URL before anything is asked; names are looked at when they are looked up.

        Raises:
            RejectedError: It is none that may be asked.
        """
        host = url.host or ""
        if url.scheme not in {"http", "https"} or not host:
            raise RejectedError(f"{url.scheme or 'no scheme'} is not fetched, only http and https")
        ip = literal(host)
        if ip is None and is_loopback(host):
            ip = ipaddress.IPv4Address("127.0.0.1")
        if ip is not None:
            await self.check(host, str(ip))

    async def _is_near(self, ip: Ip) -> bool:
        """Whether ``home`` is in a network like that of an address."""
        here = unwrapped(ip).is_loopback
        if not here and not is_inside(ip):
            return False
        at = literal(self.home)
        if at is None:
            try:
                found = await self.inner.resolve(self.home, 0, socket.AF_UNSPEC)
            except OSError:  # it is reached by a proxy, which says nothing about its place
                return False
            homes = [literal(each["host"]) for each in found]
        else:
            homes = [at]
        return all(
            each is not None and (unwrapped(each).is_loopback or (not here and is_inside(each)))
            for each in homes
        )


def no_private_address(host: str, address: str) -> bool:  # noqa: ARG001 - as ``Images.allows``
    """Allow no host at an address that is not public."""
    return False


def url_of(text: str) -> URL:
    """Return the URL that a text is, without user and fragment, its host in one form of several.

    Raises:
        ValueError: It is no URL, or names no host that could be one.
    """
    return _parse(text)


def redirected(response: aiohttp.ClientResponse) -> URL:
    """Return where a redirect leads.

    Raises:
        RejectedError: To what is no URL.
    """
    try:
        return _parse(response.headers.get("Location", ""), response.url)
    except ValueError as error:
        raise RejectedError("it redirects to what is no URL") from error


def _parse(text: str, base: URL | None = None) -> URL:
    # what is encoded already stays so: a signature may be over it
    plain = text.isascii() and text.isprintable() and " " not in text
    url = to_url(text, encoded=plain)
    return _normalised(base.join(url) if base else url)


def _normalised(url: URL) -> URL:
    host = (url.host or "").rstrip(".").lower()
    if not host:
        return url
    if not (NAME.fullmatch(host) or (":" in host and NUMBERS.fullmatch(host))):
        raise ValueError(host)
    bare = url.with_user(None).with_fragment(None)
    if ":" not in host and host != bare.raw_host:
        bare = bare.with_host(host)
    if URL(str(bare.origin())).port != bare.port:
        raise ValueError(host)
    return bare
