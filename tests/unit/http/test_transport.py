"""Certificates and proxies: own authorities, client certificates, and who gets to see them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from yarl import URL
from ztoq_testkit.simulate import Reply, Request, Route, Server

from ztoq_core.contracts import Connection
from ztoq_core.errors import ConfigError, RetryableError
from ztoq_core.http.client import open_client
from ztoq_core.http.transport import Transport, is_loopback

x509 = pytest.importorskip("cryptography.x509", reason="makes the certificates of these tests")


@pytest.fixture(scope="session")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a PEM file with a key and a certificate for 127.0.0.1 that signs itself."""
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - optional
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - optional

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "desk")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("pem") / "desk.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def _tls(pem: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.fixture
async def secure(pem: Path) -> AsyncIterator[str]:
    server = Server([Route("GET", "/things", lambda _: Reply(200, "secure"))], name="desk")
    async with server.serving(tls=_tls(pem)) as base_url:
        yield base_url


async def test_an_own_authority_is_trusted_by_file_or_environment(
    secure: str, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_client(Connection(base_url=secure, ca_file=str(pem))) as client:
        assert await client.get("things") == "secure"
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    async with open_client(Connection(base_url=secure)) as client:
        assert await client.get("things") == "secure"


async def test_a_certificate_that_is_not_trusted_is_said_at_once(secure: str) -> None:
    async with open_client(Connection(base_url=secure)) as client:
        with pytest.raises(ConfigError, match=r"is not trusted .*; ca_file"):
            await client.get("things")


async def test_the_client_certificate_is_shown_at_home_and_nowhere_else(pem: Path) -> None:
    context = _tls(pem)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pem)
    server = Server([Route("GET", "/things", lambda _: Reply(200, "secure"))], name="desk")
    async with server.serving(tls=context) as base_url:
        connection = Connection(base_url=base_url, ca_file=str(pem), client_cert=str(pem))
        async with open_client(connection) as client:
            assert await client.get("things") == "secure"
        transport = Transport(connection)
        home, other = transport.url(""), transport.url("").with_port(1)
        assert transport.tls(home) is transport.tls(home / "x")
        assert transport.tls(home) is not transport.tls(other)


PROXIED: dict[str, Any] = {"base_url": "http://api.example.com/v2", "in_flight": 1}


@pytest.mark.parametrize("how", ["configured", "environment"])
async def test_a_proxy_gets_the_requests_and_its_own_credentials(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    seen: list[Request] = []

    def missing(request: Request) -> Reply:
        seen.append(request)
        return Reply(200, "proxied")

    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with Server([], name="proxy", on_missing=missing).serving() as base_url:
        proxy = base_url.replace("http://", "http://me:pass@")
        more: dict[str, Any] = {"proxy": proxy} if how == "configured" else {}
        monkeypatch.setenv("http_proxy", "" if more else proxy)
        async with open_client(Connection(**PROXIED, **more)) as client:
            assert await client.get("things") == "proxied"
    (request,) = seen
    assert request.origin == "http://api.example.com"
    assert request.headers["Proxy-Authorization"] == "Basic bWU6cGFzcw=="
    assert "Authorization" not in request.headers


async def test_loopback_goes_through_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with (
        Server([Route("GET", "/a", lambda _: Reply(200, 1))], name="desk").serving() as base_url,
        open_client(Connection(base_url=base_url, proxy="http://127.0.0.1:1")) as client,
    ):
        assert await client.get("a") == 1


async def test_a_proxy_that_is_not_there_is_an_outage_without_its_password() -> None:
    connection = Connection(**PROXIED, proxy="me:hidden@127.0.0.1:1")
    async with open_client(connection, unreached=0.0) as client:
        with pytest.raises(RetryableError, match="no connection") as caught:
            await client.get("things")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True), ("x.localhost", True), ("127.8.0.1", True), ("::1", True),
        ("example.com", False), ("10.0.0.1", False), (None, False),
    ],
)  # fmt: skip
def test_loopback_is_known(host: str | None, *, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    "base", ["http://desk.test/v2/", "https://Desk.test:8443", "http://[::1]:80/a"]
)
@pytest.mark.parametrize(
    "path",
    [
        "things",
        "/things/ACME-T1/steps",
        "a.b/c",
        "a/../b",
        "a//b",
        "with space",
        "50%25",
        "ü",
        "a:b/",
    ],
)
@pytest.mark.parametrize(
    "query", [(), (("maxResults", "100"), ("id", "1"), ("id", "2")), (("q", "a b&c=ü"),)], ids=str
)
def test_the_short_way_to_a_url_leads_to_the_same(
    base: str, path: str, query: tuple[tuple[str, str], ...]
) -> None:
    transport = Transport(Connection(base_url=base))
    found = transport.url(path, query)
    expected = URL(f"{transport.base}/{path.lstrip('/')}").update_query(list(query))
    assert str(found) == str(expected)
    assert transport.is_home(found)
    assert found.query == expected.query
