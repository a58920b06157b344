"""Where a client's requests go: its base URL, and for each URL the proxy and the TLS settings.

What is wrong with a connection is said here too; no message quotes a URL, which may hold a secret.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import attrs
from yarl import URL

from ztoq_core.contracts import Connection
from ztoq_core.errors import ConfigError
from ztoq_core.time_window import TimeWindow

PLAIN_PATH = re.compile(r"[A-Za-z0-9_~:-]+(?:[./][A-Za-z0-9_~:-]+)*")
PLAIN_QUERY = re.compile(r"[A-Za-z0-9_.~&=-]*")


def to_url(text: str, *, encoded: bool = False) -> URL:
    """Parse a URL; raises ValueError if the text is not one."""
    try:
        return URL(text, encoded=encoded)
    except IndexError as error:  # yarl 1.25: for http://[]@
        raise ValueError(str(error)) from error


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine itself."""
    if not host:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def unusable_url(text: str) -> str | None:
    """Return why this cannot be a ``base_url``, or None."""
    try:
        url, host = urlsplit(text), to_url(text).host
    except ValueError:
        return "is not a URL"
    if url.scheme not in {"http", "https"} or not host or any(c.isspace() for c in text):
        return "is not a URL that begins with https:// and names a host"
    if url.username is not None or url.password is not None:
        return "contains credentials; they have keys of their own"
    if url.query or url.fragment:
        return "must end with its path, without ? or #"
    return None


def unusable_connection(connection: Connection) -> Iterator[str]:
    """Yield the problems with the settings that all connections share."""
    if problem := unusable_url(connection.base_url):
        yield f"base_url {problem}"
    for key in ("rate", "timeout", "in_flight", "monthly_budget"):
        value = getattr(connection, key)
        if value is not None and value <= 0:
            yield f"{key} must be more than 0"
    if not 0 <= connection.reserve < 1:
        yield (
            "reserve, the share left to others, must be at least 0 and less than 1; got "
            f"{connection.reserve:g}"
        )
    if connection.window is not None:
        try:
            TimeWindow.parse(connection.window)
        except ConfigError as error:
            yield str(error)


@attrs.define
class Transport:
    """The way to one service, from its ``Connection``.

    Credentials (headers, client certificate) belong to ``origin`` alone: scheme, host and port.

    Raises:
        ConfigError: The base URL is not one, or a certificate file is missing or unusable.
    """

    connection: Connection
    base: str = attrs.field(init=False)
    origin: URL = attrs.field(init=False)
    service: str = attrs.field(init=False)
    _path: str = attrs.field(init=False)
    _tls: dict[bool, ssl.SSLContext] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        """Read the base URL and load its certificates: mistakes show before the first call."""
        given = self.connection.base_url.strip()
        if problem := unusable_url(given):
            raise ConfigError(f"base_url {problem}")
        url = to_url(given)
        self.base = str(url).rstrip("/")
        self._path = url.raw_path.rstrip("/")
        # from the text, which no longer shows a default port
        self.origin = URL(self.base).origin()
        default = url.port == url.with_port(None).port
        self.service = f"{url.host}" if default else f"{url.host}:{url.port}"
        if url.scheme == "https":
            self.tls(url)
        if self.connection.proxy is not None:
            self._proxy_url(self.connection.proxy)

    def url(self, path: str, query: Sequence[tuple[str, str]] = ()) -> URL:
        """Return the URL of a path relative to the base; it cannot leave the host."""
        path = path.lstrip("/")
        if PLAIN_PATH.fullmatch(path):
            text = "&".join([f"{name}={value}" for name, value in query])
            if PLAIN_QUERY.fullmatch(text):
                # nothing to quote or resolve; yarl would take five times as long to find that out
                return URL.build(
                    scheme=self.origin.scheme,
                    authority=self.origin.raw_authority,
                    path=f"{self._path}/{path}",
                    query_string=text,
                    encoded=True,
                )
        url = URL(f"{self.base}/{path}")
        return url.update_query(list(query)) if query else url

    def is_home(self, url: URL) -> bool:
        """Whether a URL is the service's own, so that it may get the credentials."""
        return url.origin() == self.origin

    def proxy(self, url: URL) -> tuple[URL, dict[str, str]] | None:
        """Return the proxy for a URL and the headers for it; loopback never goes through one."""
        if is_loopback(url.host):
            return None
        if self.connection.proxy is not None:
            return self._proxy_url(self.connection.proxy)
        if urllib.request.proxy_bypass(url.host or ""):
            return None
        found = urllib.request.getproxies().get(url.scheme)
        return self._proxy_url(found) if found else None

    def tls(self, url: URL) -> ssl.SSLContext:
        """Return the TLS settings for a URL; the client certificate is shown at home only."""
        home = self.is_home(url)
        if home not in self._tls:
            self._tls[home] = self._load_tls(with_client_cert=home)
        return self._tls[home]

    def _load_tls(self, *, with_client_cert: bool) -> ssl.SSLContext:
        context = ssl.create_default_context()  # OpenSSL ignores a bad SSL_CERT_FILE silently
        if self.connection.ca_file:
            _load_ca(context, self.connection.ca_file, "ca_file")
        elif named := os.environ.get("SSL_CERT_FILE"):
            _load_ca(context, named, "SSL_CERT_FILE")
        path = self.connection.client_cert
        if path and with_client_cert:
            try:
                # without a password OpenSSL would ask for one on the terminal
                context.load_cert_chain(path, password=lambda: "")
            except (OSError, ValueError) as error:
                raise ConfigError(
                    f"client_cert {path!r} is not a PEM file with a certificate and its key "
                    f"(without a password): {error}"
                ) from error
        return context

    @staticmethod
    def _proxy_url(text: str) -> tuple[URL, dict[str, str]]:
        # the text is not quoted: it may hold a password
        wrong = "the proxy should be a URL such as http://proxy.example.com:8080"
        try:
            url = to_url(text if "://" in text else f"http://{text}")
        except ValueError:
            raise ConfigError(wrong) from None
        if url.scheme not in {"http", "https"} or not url.host:
            raise ConfigError(wrong)
        if not url.user:
            return url, {}
        credentials = f"{url.user}:{url.password or ''}".encode()
        # aiohttp sends it as Proxy-Authorization, to the proxy alone
        return url.with_user(None), {"Authorization": f"Basic {b64encode(credentials).decode()}"}


def _load_ca(context: ssl.SSLContext, path: str, key: str) -> None:
    if not Path(path).is_file():
        raise ConfigError(f"{key}: there is no file {path!r}")
    try:
        context.load_verify_locations(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{key} {path!r} has no certificates in PEM form: {error}") from error
