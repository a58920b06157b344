"""SSRF protection: decides which addresses of texts and redirects may be asked.

Only http and https, and only the open internet unless the configuration allows more. Names are
checked when they are looked up for the connection, so a name cannot show one address to the check
and another to the connection.

A proxy looks up names itself. Then only addresses that are part of a URL are checked here, and the
proxy has to refuse the rest.
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

MOVED = frozenset({301, 302, 303, 307, 308})
REDIRECTS = 5
"""Redirects of one answer that are followed."""

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

NAT64 = ipaddress.ip_network("64:ff9b::/96")

SPECIAL = tuple(
    ipaddress.ip_network(each)
    for each in ("192.0.0.0/24", "168.63.129.16/32", "64:ff9b:1::/48", "fec0::/10")
)
"""Not on the open internet, though Python may say so (its tables differ by version).

Clouds serve their own machines at 192.0.0.192 (Oracle) and 168.63.129.16 (Azure); 64:ff9b:1:: is
local NAT64 (RFC 8215), fec0:: is site-local (RFC 3879).
"""

INSIDE = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
)
"""Networks of organisations (RFC 1918, RFC 4193)."""

METADATA = ipaddress.ip_network("fd00:ec2::/32")
"""Where AWS gives its machines their secrets; 169.254.169.254 is in none of these networks."""

NAME = re.compile(r"[\w.-]+")
NUMBERS = re.compile(r"[0-9a-fA-F:.]+(?:%[\w.-]+)?")


def literal(host: str) -> Ip | None:
    """Return the IP address that a host is written as, in any form that resolvers accept.

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
    """Return the IPv4 address that an IPv6 address contains, else the address."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def is_public(ip: Ip) -> bool:
    """Whether an address is on the open internet, also if IPv6 wraps it."""
    ip = unwrapped(ip)
    if any(ip in network for network in SPECIAL):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def is_inside(ip: Ip) -> bool:
    """Whether an address is in an organisation's own network."""
    ip = unwrapped(ip)
    return any(ip in network for network in INSIDE) and ip not in METADATA


@attrs.define(eq=False)
class AddressGuard(AbstractResolver):
    """Decides which addresses may be asked; looks up only names whose addresses all may.

    ``allows`` decides whether a host (first) may be asked at an address (second) that is not
    public. ``home`` is the host of the service whose redirects are followed. From an organisation's
    own network it may lead to other hosts there, and from this machine to this machine as well.
    """

    allows: Callable[[str, str], bool]
    inner: AbstractResolver = attrs.field(factory=aiohttp.ThreadedResolver)
    home: str = ""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look up a name.

        Raises:
            OSError: The name does not exist.
            RejectedError: One of its addresses may not be asked.
        """
        found = await self.inner.resolve(host, port, family)
        for each in found:
            await self.check(host, each["host"])
        return found

    async def close(self) -> None:
        """Close the inner resolver."""
        await self.inner.close()

    async def check(self, host: str, address: str) -> None:
        """Check the address of a host.

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
        """Check a URL before a request; a name is checked when it is looked up.

        Raises:
            RejectedError: The URL may not be asked.
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
            except OSError:  # a proxy reaches it, so its network is unknown
                return False
            homes = [literal(each["host"]) for each in found]
        else:
            homes = [at]
        return all(
            each is not None and (unwrapped(each).is_loopback or (not here and is_inside(each)))
            for each in homes
        )


def no_private_address(*_: str) -> bool:
    """Return False: no host is allowed at an address that is not public."""
    return False


def url_of(text: str) -> URL:
    """Parse a URL; user and fragment are removed, and the host is normalised.

    Raises:
        ValueError: The text is not a URL, or its host is not one.
    """
    return _parse(text)


def redirected(response: aiohttp.ClientResponse) -> URL:
    """Return where a redirect leads.

    Raises:
        RejectedError: Its target is not a URL.
    """
    try:
        return _parse(response.headers.get("Location", ""), response.url)
    except ValueError as error:
        raise RejectedError("it redirects to something that is not a URL") from error


def _parse(text: str, base: URL | None = None) -> URL:
    # what is encoded stays as it is: a signature may cover it
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
