"""Where a service's redirects may lead, and what they carry there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from aiohttp import web

from tests.unit.http.sites import Handler, Names, Site, serving
from ztoq_core.contracts import Connection
from ztoq_core.errors import RejectedError
from ztoq_core.http.address_guard import AddressGuard, no_private_address
from ztoq_core.http.client import open_client
from ztoq_core.pictures.settings import Images

NAMES = {
    "api.example": ["93.184.216.34"],
    "jira.intra": ["10.1.2.3"],
    "both.example": ["93.184.216.34", "10.1.2.3"],
    "tunnel.example": ["127.0.0.1"],
    "files.example": ["127.0.0.1"],
    "meta.example": ["169.254.169.254"],
    "mixed.example": ["93.184.216.34", "169.254.169.254"],
}
NEVER = [
    "169.254.169.254",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "100.100.100.200",
]
NEVER += ["::ffff:169.254.169.254", "224.0.0.1", "168.63.129.16", "::"]


@pytest.mark.parametrize(
    ("home", "allowed", "refused"),
    [
        ("api.example", ["8.8.8.8"], ["10.0.0.1", "192.168.1.1", "127.0.0.1", "fd12::1"]),
        ("jira.intra", ["10.9.9.9", "192.168.1.1", "fd12::1", "::ffff:10.0.0.1"], ["127.0.0.1"]),
        ("10.1.2.3", ["172.16.0.1", "8.8.8.8"], ["127.0.0.1", "::1"]),
        ("both.example", ["8.8.8.8"], ["10.0.0.1"]),
        ("nowhere.example", ["8.8.8.8"], ["10.0.0.1", "127.0.0.1"]),
        ("tunnel.example", ["127.0.0.1", "::1", "10.0.0.1"], []),
        ("", ["8.8.8.8"], ["10.0.0.1", "127.0.0.1"]),
    ],
)
async def test_a_service_may_lead_to_networks_like_its_own(
    home: str, allowed: list[str], refused: list[str]
) -> None:
    guard = AddressGuard(no_private_address, Names(NAMES), home)
    for address in allowed:
        await guard.check("files.example", address)
    for address in [*refused, *NEVER]:
        with pytest.raises(RejectedError, match=r"files\.example is not on the open internet"):
            await guard.check("files.example", address)


async def test_the_configuration_may_allow_more() -> None:
    guard = AddressGuard(
        Images(allow_private=("files.example",)).allows, Names(NAMES), "api.example"
    )
    await guard.check("files.example", "10.0.0.1")


# ----------------------------------------------------------------------------------- downloads


class Token:
    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": "Bearer s3cr3t"}

    async def renew(self, refused: Mapping[str, str]) -> bool:
        raise NotImplementedError(refused)


def leading(targets: Sequence[str] = ()) -> Handler:
    """Answer ``/0`` with a redirect to the first target, ``/1`` to the second, all else whole."""

    async def handle(request: web.Request) -> web.StreamResponse:
        number = request.path.rpartition("/")[2]
        if number.isdigit() and int(number) < len(targets):
            return web.Response(status=302, headers={"Location": targets[int(number)]})
        return web.Response(body=b"content")

    return handle


async def downloaded(site: Site, host: str = "127.0.0.1") -> bytes:
    connection = Connection(base_url=site.at("", host))
    async with (
        open_client(connection, Token(), resolver=Names(NAMES)) as client,
        client.download("0") as body,
    ):
        return b"".join([chunk async for chunk in body.chunks()])


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fe80::1%25eth0]/",
        "http://0xa9fea9fe/",
        "http://meta.example/",
        "http://META.example./",
        "http://mixed.example/",
        "//meta.example/",
    ],
)
async def test_a_file_is_not_fetched_from_where_a_service_may_not_lead(target: str) -> None:
    async with serving(leading([target])) as site:
        with pytest.raises(RejectedError, match=r"GET 0 .*is not on the open internet") as raised:
            await downloaded(site)
    assert raised.value.status == 302
    assert len(site.seen) == 1


@pytest.mark.parametrize("target", ["http://[1", "http://a:b:c/", "http://%31.example/"])
async def test_a_redirect_to_no_url_is_refused(target: str) -> None:
    async with serving(leading([target])) as site:
        with pytest.raises(RejectedError, match="not a URL"):
            await downloaded(site)


async def test_a_service_leads_to_its_own_host_on_any_port() -> None:
    async with (
        serving(leading()) as other,
        serving(leading([other.at(host="tunnel.example")])) as site,
    ):
        assert await downloaded(site, "tunnel.example") == b"content"
    assert "Authorization" not in other.seen[0][1]


async def test_credentials_do_not_come_back_from_another_host() -> None:
    """It would be another host that chooses what is asked for with them."""
    targets: list[str] = []
    async with serving(leading(targets)) as site:
        targets += ["/1", site.at("/2", "files.example"), site.at("/end")]
        assert await downloaded(site) == b"content"
    assert [path for path, _ in site.seen] == ["/0", "/1", "/2", "/end"]
    sent = [headers.get("Authorization") for _, headers in site.seen]
    assert sent == ["Bearer s3cr3t", "Bearer s3cr3t", None, None]


async def test_a_user_in_a_redirect_is_not_sent() -> None:
    targets: list[str] = []
    async with serving(leading(targets)) as site:
        targets += [
            site.at("/1").replace("//", "//ann:pw@"),
            site.at("/end", "files.example").replace("//", "//ann:pw@"),
        ]
        assert await downloaded(site) == b"content"
    sent = [headers.get("Authorization") for _, headers in site.seen]
    assert sent == ["Bearer s3cr3t", "Bearer s3cr3t", None]
