"""Downloads: complete, in time, within their size, and without credentials elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from ztoq_testkit.simulate import Reply

from tests.unit.http.desk import TOKEN, Desk
from ztoq_core.errors import (
    AccessError,
    RejectedError,
)
from ztoq_core.http.client import Client


async def _read(client: Client, path: str = "things/file") -> bytes:
    async with client.download(path) as download:
        return b"".join([chunk async for chunk in download.chunks()])


def test_a_file_comes_in_chunks_with_its_type_and_size(desk: Desk) -> None:
    data = bytes(range(256)) * 2000
    desk.reply = lambda _: Reply(content=data, content_type="image/png; charset=x")
    desk.faults.plan.extend(["reset_before", "error_5xx", "lost"])

    async def work(client: Client) -> bytes:
        async with client.download("things/1", params={"a": 1}) as download:
            assert (download.media_type, download.size) == ("image/png", len(data))
            assert client.pacer.active == 1
            content = b"".join([chunk async for chunk in download.chunks()])
        assert client.pacer.active == 0
        return content

    assert desk.run(work) == data
    assert desk.seen[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("length", ["", "400000"])
def test_a_file_that_is_cut_short_is_rejected(desk: Desk, length: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 200_000

    headers = {"Content-Length": length} if length else {}
    desk.reply = lambda _: Reply(content=chunks(), headers=headers)
    desk.faults.plan.append("cut_body")

    async def work(client: Client) -> None:
        with pytest.raises(RejectedError, match="cut short after"):
            await _read(client)
        assert client.pacer.active == 0

    desk.run(work)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(404, {"message": "gone"}), RejectedError),
        (Reply(403), AccessError),
        (Reply(302, headers={"Location": "ftp://example.com/x"}), RejectedError),
        (Reply(302, headers={"Location": "/api/things/loop"}), RejectedError),
    ],
)
def test_a_file_that_cannot_be_had_is_refused(
    desk: Desk, reply: Reply, kind: type[Exception]
) -> None:
    desk.reply = lambda _: reply

    async def work(client: Client) -> None:
        with pytest.raises(kind, match=r"GET things/file"):
            await _read(client)
        assert client.pacer.active == 0

    desk.run(work)


def test_a_redirect_of_a_download_to_another_host_gets_no_credentials(desk: Desk) -> None:
    other = Desk(reply=lambda _: Reply(content=b"bytes"))

    async def work(client: Client) -> bytes:
        async with other.server().serving() as base_url:
            target = f"{base_url}/api/other?signature=1"
            desk.reply = lambda request: Reply(
                302,
                headers={
                    "Location": target if request.path == "/api/other" else "/api/other",
                    "Set-Cookie": "session=1",
                },
            )
            return await _read(client)

    assert desk.run(work) == b"bytes"
    assert [request.headers.get("Authorization") for request in desk.seen] == [
        f"Bearer {TOKEN}"
    ] * 2
    (request,) = other.seen
    assert request.query["signature"] == "1"
    assert not {"Authorization", "Cookie", "Referer"} & set(request.headers)
