"""The ``[images]`` table: whether and how pictures in texts are fetched, and which are accepted."""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
from yarl import URL

from ztoq_core.contracts import Secret
from ztoq_core.errors import ConfigError, RejectedError
from ztoq_core.media import SVG

TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp")
"""The types accepted by default. Not SVG, which can run scripts when it is opened by itself."""

WAYS = ("token", "password", "cookie", "header")


class CutShortError(RejectedError):
    """A picture arrived incomplete; trying again may help."""


@attrs.frozen(kw_only=True)
class HostCredential:
    """A credential that is sent to one host only.

    ``host`` is a name, with a port if that is not 443; a credential for plain HTTP needs the
    whole origin, such as ``http://10.1.2.3:8080``. One of ``token`` (sent as Bearer),
    ``username`` with ``password``, ``cookie`` (``NAME=VALUE``) and ``header`` (``NAME: VALUE``).
    """

    host: str
    token: Secret | None = None
    username: str = ""
    password: Secret | None = None
    cookie: Secret | None = None
    header: Secret | None = None

    @property
    def origin(self) -> URL:
        """Return scheme, host and port.

        Raises:
            ValueError: ``host`` is neither a host nor an origin.
        """
        url = URL(self.host if "://" in self.host else f"https://{self.host}")
        if url.scheme not in {"http", "https"} or not url.host or url.user or url.path != "/":
            raise ValueError
        return url.origin()

    def headers(self) -> Mapping[str, str]:
        """Return the headers that carry the credential.

        Raises:
            ConfigError: The secret is not where the configuration says, or is not a header.
        """
        if self.token:
            return {"Authorization": f"Bearer {self.token.reveal()}"}
        if self.password:
            pair = f"{self.username}:{self.password.reveal()}".encode()
            return {"Authorization": f"Basic {b64encode(pair).decode()}"}
        if self.cookie:
            return {"Cookie": self.cookie.reveal()}
        name, colon, value = (self.header or Secret("")).reveal().partition(":")
        if not colon or not name.strip():
            raise ConfigError(f"the header for {self.host!r} should be NAME: VALUE")
        return {name.strip(): value.strip()}

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the credential."""
        try:
            _ = self.origin
        except ValueError:
            yield f"{self.host!r} is not a host: expected a name such as files.example.com"
        ways = [name for name in WAYS if getattr(self, name) is not None]
        if len(ways) != 1:
            has = ", ".join(ways) or "none"
            yield f"{self.host!r} needs one of {', '.join(WAYS)} (has: {has})"
        elif bool(self.username) is not (ways == ["password"]):
            yield f"{self.host!r}: username and password go together"


@attrs.frozen(kw_only=True)
class Images:
    """Whether (``fetch``) and how pictures in texts are fetched, with a credential for a ``host``.

    ``folder`` holds pictures under the name by which they are stored, or had originally.
    ``max_size`` is in bytes, ``timeout`` in seconds for one picture. ``types`` are the accepted
    media types, recognised by the content. ``allow_private`` names hosts and networks
    (``10.1.0.0/16``) that may be contacted although their addresses are not public.
    """

    fetch: bool = True
    folder: Path | None = None
    max_size: int = 20_000_000
    types: tuple[str, ...] = TYPES
    allow_private: tuple[str, ...] = ()
    timeout: float = 30.0
    host: tuple[HostCredential, ...] = ()

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the table."""
        if self.max_size <= 0:
            yield "max_size must be more than 0"
        if self.timeout <= 0:
            yield "timeout must be more than 0"
        known = (*TYPES, SVG)
        for name in self.types:
            if name not in known:
                yield f"types: {name!r} cannot be recognised (known: {', '.join(known)})"
        for each in self.allow_private:
            if "/" in each and _network(each) is None:
                yield f"allow_private: {each!r} is neither a host nor a network"
        if self.folder is not None and not self.folder.is_dir():
            yield f"folder: {str(self.folder)!r} is not a folder"
        for credential in self.host:
            yield from credential.problems()

    def allows(self, host: str, address: str) -> bool:
        """Whether a host may be contacted at an address that is not public."""
        bare = host.rstrip(".").lower()
        ip = ipaddress.ip_address(address.partition("%")[0])
        for each in self.allow_private:
            network = _network(each)
            if bare == each.rstrip(".").lower() or (network is not None and ip in network):
                return True
        return False


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None
