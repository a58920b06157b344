"""Credentials: sent to their host alone, renewed once for all, and never shown."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ztoq_testkit.simulate import Refusal, Reply, Request

from tests.unit.http.desk import TOKEN, Bearer, Desk
from ztoq_core.errors import (
    AccessError,
    RejectedError,
)
from ztoq_core.http.client import Client


def _only_token(request: Request) -> None:
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        raise Refusal(401, {"error": "expired: " + request.headers.get("Authorization", "")})


def test_one_renewal_serves_all_waiting_requests(desk: Desk) -> None:
    desk.authorise = _only_token
    desk.auth = Bearer("old-token", renewals=1)

    async def work(client: Client) -> list[Any]:
        return await asyncio.gather(*(client.request("POST", "things", json=n) for n in range(20)))

    assert len(desk.run(work)) == 20
    assert sorted(int(request.body) for request in desk.seen) == list(range(20))
    assert desk.auth.renewed == 1


def test_credentials_that_stay_refused_end_the_work_and_are_not_shown(
    desk: Desk, log: list[str]
) -> None:
    desk.authorise = _only_token
    desk.auth = Bearer("wrong-token")

    async def work(client: Client) -> None:
        with pytest.raises(AccessError, match=r"GET things answered 401: expired: \*\*\*$"):
            await client.get("things", params={"secret": "query"})
        assert (await client.request("GET", "things", accept=(401,))).status == 401

    desk.run(work)
    assert len(log) == 2
    assert "GET things 401" in log[0]
    assert not [line for line in log if "wrong-token" in line or "query" in line]


def test_a_renewal_that_does_not_help_ends(desk: Desk) -> None:
    desk.authorise = lambda _: (_ for _ in ()).throw(Refusal(401))
    desk.auth = Bearer(renewals=99)

    async def work(client: Client) -> None:
        with pytest.raises(AccessError):
            await client.get("things")

    desk.run(work)
    assert desk.auth.renewed == 3


def test_a_password_that_is_echoed_is_not_shown(desk: Desk) -> None:
    desk.reply = lambda request: Reply(400, content=b"bad form: " + request.body)

    async def work(client: Client) -> None:
        with pytest.raises(RejectedError) as caught:
            await client.request("POST", "things", form={"password": "p&ss wörd"})
        assert str(caught.value).endswith("bad form: password=***")

    desk.run(work)


def test_a_long_reason_is_cut_and_a_page_is_told_by_its_text(desk: Desk) -> None:
    page = b"<html><head><style>x{}</style></head><body><p>Not\x00 found</p></body></html>"
    desk.reply = lambda request: (
        Reply(404, content=page) if request.params else Reply(400, {"message": "x" * 999})
    )

    async def work(client: Client) -> None:
        with pytest.raises(RejectedError, match=r"answered 400: x{299}…$"):
            await client.get("things")
        with pytest.raises(RejectedError, match=r"answered 404: Not found$"):
            await client.get("things/1")

    desk.run(work)


def test_a_redirect_is_not_followed(desk: Desk) -> None:
    other = Desk()
    desk.reply = lambda _: Reply(302, headers={"Location": "http://evil.example.com/?q=1"})

    async def work(client: Client) -> None:
        for method in ("GET", "POST"):
            with pytest.raises(RejectedError, match=r"points to the host 'evil\.example\.com'"):
                await client.request(method, "things", json=1)

    desk.run(work)
    assert not other.seen
