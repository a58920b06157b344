"""Addresses out of texts: what is never asked, what is never sent, and where reading ends.

Against real servers on loopback, which is private: only what the configuration names is reached.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.http.sites import Handler, Names, Site, serving
from ztoq_core.contracts import Secret
from ztoq_core.errors import RejectedError, RetryableError
from ztoq_core.http.address_guard import is_public, literal
from ztoq_core.http.budget import CallMeter
from ztoq_core.http.limits import Limits
from ztoq_core.pictures.settings import CutShortError, HostCredential, Images
from ztoq_core.pictures.untrusted_fetcher import open_fetcher

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 100


async def picture(_: web.Request) -> web.StreamResponse:
    return web.Response(body=PNG, content_type="image/png")


async def fetched(
    address: str, *, names: Mapping[str, list[str]] | None = None, **table: Any
) -> bytes:
    table.setdefault("allow_private", ("127.0.0.1",))
    resolver = Names(names or {})
    async with open_fetcher(Images(**table), print, resolver=resolver, pause=0) as fetcher:
        return b"".join([chunk async for chunk in fetcher.fetch(address)])


# ------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "address",
    [
        *("http://127.0.0.1:{}/", "http://localhost:{}/", "http://LocalHost.:{}/"),
        *("http://a.localhost:{}/", "http://127.1:{}/", "http://2130706433:{}/"),
        *("http://0x7f000001:{}/", "http://017700000001:{}/", "http://0x7f.0.0.1:{}/"),
        *("http://[::1]:{}/", "http://[::ffff:127.0.0.1]:{}/", "http://[::ffff:7f00:1]:{}/"),
        *("http://[::]:{}/", "http://0.0.0.0:{}/", "http://0:{}/", "http://[::7f00:1]:{}/"),
        *("http://[64:ff9b::7f00:1]:{}/", "http://[2002:7f00:1::]:{}/"),
        *("http://169.254.169.254/latest", "http://10.0.0.1/", "http://192.168.1.1/"),
        *(
            "http://100.64.0.1/",
            "http://224.0.0.1/",
            "http://[fe80::1%25eth0]/",
            "http://[fd00::1]/",
        ),
        *(
            "//127.0.0.1:{}/a.png",
            "http://user:pw@127.0.0.1:{}/a.png",
            "http://\uff11\uff12\uff17.0.0.1:{}/",
        ),
        *("http://127.0.0.1.:{}/", "http://127.0.0.1..:{}/", "http://LOCALHOST:{}/"),
        *("http://127\u30020\u30020\u30021:{}/", "http://\uff4cocalhost:{}/"),
        *("http://[::ffff:0:7f00:1]:{}/", "http://[64:ff9b:1::7f00:1]/", "http://[fec0::1]/"),
        *("http://[::1%25lo]:{}/", "http://192.0.0.192/", "http://168.63.129.16/"),
        *("http://inside.example:{}/", "http://mixed.example:{}/", "http://six.example:{}/"),
    ],
)
async def test_a_private_address_is_refused_before_anything_is_sent(address: str) -> None:
    names = {
        "inside.example": ["127.0.0.1"],
        "mixed.example": ["93.184.216.34", "127.0.0.1"],
        "six.example": ["::ffff:127.0.0.1"],
    }
    async with serving(picture) as site:
        with pytest.raises(RejectedError, match="is not on the open internet"):
            await fetched(address.format(site.port), names=names, allow_private=())
        assert site.seen == []


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://a.example/x.png",
        "gopher://x",
        "javascript:x",
        "a.png",
        "http:///x",
    ],
)
async def test_only_http_and_https_are_fetched(address: str) -> None:
    with pytest.raises(RejectedError, match="only http and https"):
        await fetched(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://%31%32%37.0.0.1/",
        "http://8.8.8.8%2f.x.example/",
        "http://a:b:c/",
        "http://[1/x",
        "http://a.example:99999/",
        "http:// /",
        "http://a b/",
        "http://[]@",
    ],
)
async def test_what_is_no_url_is_refused(address: str) -> None:
    with pytest.raises(RejectedError, match="not a URL"):
        await fetched(address)


PIECES = st.sampled_from(
    [
        *("http", "https", "//", ":", "@", "[", "]", "%", "%2", "?", "#", "/", "..", "\\", " "),
        *("\n", "\0", "ä", "\ud800", "xn--", "a" * 70, "1", "0x", "x.example", "-", "_", "127.1"),
    ]
)


@given(st.lists(PIECES, max_size=8).map("".join))
def test_whatever_stands_in_a_text_ends_in_a_reason(address: str) -> None:
    for prefix in ("", "http://", "//"):
        with pytest.raises(RejectedError):
            asyncio.run(fetched(prefix + address, allow_private=(), timeout=1))


class Strict(Names):
    """Refuses labels that are too long, as the system's resolver does."""

    async def resolve(self, host: str, *_: Any) -> list[ResolveResult]:
        host.encode("idna")
        raise OSError(host)


async def test_a_name_that_cannot_be_looked_up_is_tried_once() -> None:
    images = Images()
    async with open_fetcher(images, print, resolver=Strict({}), pause=60) as fetcher:
        with pytest.raises(RejectedError, match="does not answer"):
            await anext(fetcher.fetch(f"http://{'a' * 70}.example/"))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", ("127.0.0.1",)),
        ("127.0.0.1", ("127.0.0.0/8",)),
        ("files.example", ("FILES.example",)),
        ("files.example", ("127.0.0.1/32",)),
        ("localhost", ("localhost",)),
    ],
)
async def test_what_the_configuration_names_is_fetched(host: str, allowed: tuple[str, ...]) -> None:
    names = {"files.example": ["127.0.0.1"], "localhost": ["127.0.0.1"]}
    async with serving(picture) as site:
        assert await fetched(site.at(host=host), names=names, allow_private=allowed) == PNG


async def test_another_host_at_an_allowed_ones_address_is_refused() -> None:
    """The name is allowed, not the address that it happens to have."""
    names = {"files.example": ["127.0.0.1"], "evil.example": ["127.0.0.1"]}
    async with serving(picture) as site:
        with pytest.raises(RejectedError, match=r"evil\.example is not on the open internet"):
            await fetched(
                site.at(host="evil.example"), names=names, allow_private=("files.example",)
            )


@pytest.mark.parametrize(
    ("text", "public"),
    [
        *(("93.184.216.34", True), ("2606:2800:220:1::1", True), ("8.8.8.8", True)),
        *(("::ffff:8.8.8.8", True), ("::ffff:10.0.0.1", False), ("64:ff9b::808:808", True)),
        *(("64:ff9b::a00:1", False), ("2002:a00:1::", False), ("fe80::1", False)),
        *(("240.0.0.1", False), ("255.255.255.255", False), ("ff02::1", False)),
        *(("198.18.0.1", False), ("::", False), ("2002:808:808::", True)),
        *(("64:ff9b:1::808:808", False), ("168.63.129.16", False), ("192.0.0.192", False)),
    ],
)
def test_addresses_of_the_open_internet_are_known(text: str, *, public: bool) -> None:
    ip = literal(text)
    assert ip is not None
    assert is_public(ip) is public


# ------------------------------------------------------------------------------------- redirects


def redirecting(to: str, status: int = 302) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/end.png":
            return await picture(request)
        return web.Response(status=status, headers={"Location": to})

    return handle


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(status: int) -> None:
    async with serving(redirecting("/end.png", status)) as site:
        assert await fetched(site.at()) == PNG
        assert [path for path, _ in site.seen] == ["/a.png", "/end.png"]


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data", "is not on the open internet"),
        ("http://[::1]/", "is not on the open internet"),
        ("http://0x7f.2/", "is not on the open internet"),
        ("http://inside.example/", "is not on the open internet"),
        ("file:///etc/passwd", "only http and https"),
        ("http://[1", "not a URL"),
        ("http://[]@", "not a URL"),
        ("/a.png", "more than 5 redirects"),
        ("", "more than 5 redirects"),
    ],
)
async def test_each_redirect_is_looked_at(to: str, reason: str) -> None:
    async with serving(redirecting(to)) as site:
        with pytest.raises(RejectedError, match=reason):
            await fetched(site.at(), names={"inside.example": ["10.0.0.1"]})


# ----------------------------------------------------------------------------------- credentials


def credential(site: Site, host: str = "127.0.0.1", **ways: Any) -> HostCredential:
    return HostCredential(host=f"http://{host}:{site.port}", **ways)


@pytest.mark.parametrize(
    ("ways", "header"),
    [
        ({"token": Secret("s3cr3t")}, ("Authorization", "Bearer s3cr3t")),
        ({"username": "ann", "password": Secret("pw")}, ("Authorization", "Basic YW5uOnB3")),
        ({"cookie": Secret("jwt=s3cr3t")}, ("Cookie", "jwt=s3cr3t")),
        ({"header": Secret("X-Key: s3cr3t")}, ("X-Key", "s3cr3t")),
    ],
)
async def test_a_host_gets_the_credential_that_is_bound_to_it(
    ways: dict[str, Any], header: tuple[str, str]
) -> None:
    async with serving(picture) as site:
        assert await fetched(site.at(), host=(credential(site, **ways),)) == PNG
        assert site.seen[0][1][header[0]] == header[1]


async def test_a_credential_stays_with_its_origin() -> None:
    """Not another port, not another name, not where a redirect leads."""
    names = {"one.example": ["127.0.0.1"], "two.example": ["127.0.0.1"]}
    allow = ("one.example", "two.example")
    async with (
        serving(picture) as other,
        serving(redirecting(other.at(host="two.example"))) as site,
    ):
        bound = (credential(site, "one.example", token=Secret("s3cr3t")),)
        more: dict[str, Any] = {"names": names, "host": bound, "allow_private": allow}
        assert await fetched(site.at(host="one.example"), **more) == PNG
        assert await fetched(other.at(host="one.example"), **more) == PNG
        assert await fetched(site.at(host="two.example"), **more) == PNG
    assert site.seen[0][1]["Authorization"] == "Bearer s3cr3t"
    assert all("Authorization" not in headers for _, headers in [*other.seen, *site.seen[1:]])


async def test_a_credential_is_bound_to_a_host_in_whatever_way_it_is_written() -> None:
    names = {"files.example": ["127.0.0.1"]}
    async with serving(picture) as site:
        bound = (credential(site, "Files.example", token=Secret("s3cr3t")),)
        for host in ("files.example", "FILES.Example", "files.example."):
            await fetched(
                site.at(host=host), names=names, host=bound, allow_private=("files.example",)
            )
    assert [headers.get("Authorization") for _, headers in site.seen] == ["Bearer s3cr3t"] * 3


async def test_a_redirect_away_and_back_shows_the_credential_at_home_only() -> None:
    names = {"one.example": ["127.0.0.1"], "two.example": ["127.0.0.1"]}
    async with serving(redirecting("")) as site:

        async def handle(request: web.Request) -> web.StreamResponse:
            return await redirecting(site.at("/end.png", "one.example"))(request)

        async with serving(handle) as other:

            async def home(request: web.Request) -> web.StreamResponse:
                return await redirecting(other.at("/", "two.example"))(request)

            async with serving(home) as first:
                bound = (
                    credential(first, "one.example", cookie=Secret("jwt=s3cr3t")),
                    credential(site, "one.example", cookie=Secret("jwt=2")),
                )
                allow = ("one.example", "two.example")
                address = first.at(host="one.example")
                assert await fetched(address, names=names, host=bound, allow_private=allow) == PNG
        assert first.seen[0][1]["Cookie"] == "jwt=s3cr3t"
        assert "Cookie" not in other.seen[0][1]
        assert site.seen[0][1]["Cookie"] == "jwt=2"


async def test_a_credential_for_https_is_not_sent_in_the_clear() -> None:
    async with serving(picture) as site:
        bound = HostCredential(host=f"127.0.0.1:{site.port}", token=Secret("s3cr3t"))
        assert await fetched(site.at(), host=(bound,)) == PNG
    assert "Authorization" not in site.seen[0][1]


async def test_credentials_in_an_address_and_cookies_are_not_used() -> None:
    async def setting(_: web.Request) -> web.StreamResponse:
        return web.Response(body=PNG, headers={"Set-Cookie": "id=1"})

    async with (
        serving(setting) as site,
        open_fetcher(Images(allow_private=("127.0.0.1",)), print, resolver=Names({})) as fetcher,
    ):
        for _ in range(2):
            address = site.at().replace("//", "//ann:pw@")
            assert [chunk async for chunk in fetcher.fetch(address)] == [PNG]
    for _, headers in site.seen:
        assert not {"Authorization", "Cookie"} & set(headers)


async def test_messages_hold_neither_query_nor_user() -> None:
    async def missing(_: web.Request) -> web.StreamResponse:
        return web.Response(status=404)

    async with serving(missing) as site:
        with pytest.raises(RejectedError) as raised:
            await fetched(site.at("/a.png?sig=s3cr3t#frag").replace("//", "//ann:s3cr3t@"))
    assert str(raised.value) == "its host answered 404"
    assert site.seen[0][0] == "/a.png?sig=s3cr3t"


async def test_what_is_encoded_already_is_sent_as_it_stands() -> None:
    path = "/a%2Fb+c%20d.png?X-Amz-Credential=A%2FB%2F20&x=%7E"
    async with serving(picture) as site:
        await fetched(site.at(path))
        await fetched(site.at("/ä b.png"))
    assert [seen for seen, _ in site.seen] == [path, "/%C3%A4%20b.png"]


# ------------------------------------------------------------------------------------------ bodies


async def test_what_is_said_to_be_too_large_is_not_read() -> None:
    async with serving(picture) as site:
        with pytest.raises(RejectedError, match=r"more than images\.max_size"):
            await fetched(site.at(), max_size=100)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity"])
async def test_a_compressed_answer_is_refused_unread(coding: str) -> None:
    async def bomb(_: web.Request) -> web.StreamResponse:
        return web.Response(
            body=gzip.compress(bytes(5_000_000)), headers={"Content-Encoding": coding}
        )

    async with serving(bomb) as site:
        with pytest.raises(RejectedError, match="compressed"):
            await fetched(site.at())
        assert site.seen[0][1]["Accept-Encoding"] == "identity"


async def test_an_endless_body_ends_with_the_reader_or_the_time() -> None:
    gone = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(PNG)
                await asyncio.sleep(0.01 if "slow" in request.path else 0)
        finally:
            gone.set()

    async with serving(endless) as site:
        images = Images(allow_private=("127.0.0.1",), timeout=0.3)
        async with open_fetcher(images, print, resolver=Names({})) as fetcher:
            chunks = fetcher.fetch(site.at())
            assert await anext(chunks)
            await chunks.aclose()  # type: ignore[attr-defined]  # it is a generator
            await asyncio.wait_for(gone.wait(), 5)
            with pytest.raises(CutShortError, match="cut short"):
                async for _ in fetcher.fetch(site.at("/slow")):
                    pass


async def test_a_silent_host_is_given_up_in_time() -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    async with serving(silent) as site:
        with pytest.raises(RejectedError, match=r"does not answer \(TimeoutError\)|ServerTimeout"):
            await fetched(site.at(), timeout=0.05)


async def test_a_body_that_is_cut_short_may_be_tried_again() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(PNG[:100])
        assert request.transport is not None
        request.transport.close()
        return response

    async with serving(cut) as site:
        with pytest.raises(CutShortError, match=r"cut short \(ClientPayloadError\)"):
            await fetched(site.at())


# -------------------------------------------------------------------------------------- manners


def answering(*statuses: int) -> Handler:
    left = list(statuses)

    async def handle(request: web.Request) -> web.StreamResponse:
        status = left.pop(0) if len(left) > 1 else left[0]
        return await picture(request) if status == 200 else web.Response(status=status)

    return handle


@pytest.mark.parametrize(
    ("statuses", "asked"),
    [((503, 200), 2), ((429, 500, 200), 3), ((503,), 3), ((404,), 1), ((403,), 1)],
)
async def test_what_may_pass_is_tried_again_a_few_times(
    statuses: tuple[int, ...], asked: int
) -> None:
    async with serving(answering(*statuses)) as site:
        if 200 in statuses:
            assert await fetched(site.at()) == PNG
        else:
            with pytest.raises(RejectedError, match=f"answered {statuses[-1]}"):
                await fetched(site.at())
        assert len(site.seen) == asked


async def test_a_host_that_keeps_failing_is_left_out_and_said_so_once() -> None:
    said: list[str] = []
    async with serving(answering(403)) as site:
        images = Images(allow_private=("127.0.0.1",))
        async with open_fetcher(images, said.append, resolver=Names({}), pause=0) as fetcher:
            reasons = []
            for number in range(8):
                with pytest.raises(RejectedError) as raised:
                    await anext(fetcher.fetch(site.at(f"/{number}")))
                reasons.append(str(raised.value))
    assert len(site.seen) == 5
    assert reasons[5:] == ["127.0.0.1 failed 5 times in a row and is left out"] * 3
    assert len(said) == 1


async def test_a_picture_that_is_missing_says_nothing_about_its_host() -> None:
    async with serving(answering(404)) as site:
        images = Images(allow_private=("127.0.0.1",))
        async with open_fetcher(images, print, resolver=Names({}), pause=0) as fetcher:
            for _ in range(8):
                with pytest.raises(RejectedError):
                    await anext(fetcher.fetch(site.at()))
    assert len(site.seen) == 8


async def test_each_call_is_counted_and_none_made_beyond_a_limit() -> None:
    """Attempts that fail count, redirects count with the call that they answer."""
    limits = Limits(most=4)
    async with serving(answering(503, 200)) as site, serving(redirecting("/end.png")) as other:
        images = Images(allow_private=("127.0.0.1",))
        meter = CallMeter(limits)
        async with open_fetcher(images, print, meter=meter, resolver=Names({}), pause=0) as fetcher:

            async def fetch(address: str) -> None:
                async for _ in fetcher.fetch(address):
                    pass

            await fetch(site.at())
            await fetch(other.at())
            with pytest.raises(RejectedError):
                await fetch("http://10.0.0.1/")  # nothing is sent
            await fetch(site.at())
            for _ in range(8):
                with pytest.raises(RetryableError, match="the 4 calls of --max-calls"):
                    await fetch(site.at())
    assert limits.calls == {f"127.0.0.1:{site.port}": 3, f"127.0.0.1:{other.port}": 1}
    assert (len(site.seen), len(other.seen)) == (3, 2)
    assert limits.reached is not None


async def test_a_host_is_asked_by_a_few_at_a_time() -> None:
    busy, most = 0, 0

    async def counted(request: web.Request) -> web.StreamResponse:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.01)
        busy -= 1
        return await picture(request)

    async with serving(counted) as site:
        images = Images(allow_private=("127.0.0.1",))
        async with open_fetcher(images, print, resolver=Names({})) as fetcher:

            async def one() -> bytes:
                return b"".join([chunk async for chunk in fetcher.fetch(site.at())])

            assert set(await asyncio.gather(*(one() for _ in range(20)))) == {PNG}
    assert most == 4


async def test_a_proxy_is_used_and_looks_up_names_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then only what the address itself says can be refused here."""
    async with serving(picture) as proxy:
        monkeypatch.setenv("http_proxy", proxy.at("").replace("//", "//ann:pw@"))
        assert await fetched("http://files.example/a.png") == PNG
        with pytest.raises(RejectedError, match="is not on the open internet"):
            await fetched("http://10.1.2.3/a.png")
        assert [headers["Host"] for _, headers in proxy.seen] == ["files.example"]
        assert proxy.seen[0][1]["Proxy-Authorization"].startswith("Basic ")
