"""The HTTP client against real loopback servers: what is sent, retried, and how it ends.

The loop's clock jumps, so no wait takes time.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import attrs
import pytest
from ztoq_testkit.simulate import Faults, Reply, Request, Route
from ztoq_testkit.virtual_time import run_in_virtual_time

from tests.unit.http.desk import TOKEN, Desk
from ztoq_core.contracts import Connection, Content
from ztoq_core.errors import (
    AccessError,
    ConfigError,
    DoubtError,
    RejectedError,
    RetryableError,
)
from ztoq_core.http.client import Client, open_client

FAILURES = ["reset_before", "error_5xx", "lost", "error_after", "html", "cut_body", "slow"]


# ------------------------------------------------------------------------------- what is sent


def test_a_get_keeps_the_path_of_the_base_url_and_carries_parameters_and_credentials(
    desk: Desk,
) -> None:
    async def work(client: Client) -> Any:
        return await client.get("/things/a%2Fb", params={"text": "a+b &é", "id": [1, 2]})

    assert desk.run(work) == {"ok": True}
    request = desk.seen[0]
    assert request.path == "/api/things/a/b"
    assert request.params == {"key": "a/b"}
    assert list(request.query.items()) == [("text", "a+b &é"), ("id", "1"), ("id", "2")]
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Accept"] == "application/json"


@pytest.mark.parametrize("value", [{"name": "Ä 😀"}, {"name": "lone \ud800"}, {"n": 2**70}, []])
def test_a_body_is_sent_as_json(desk: Desk, value: Any) -> None:
    desk.reply = lambda request: Reply(201, request.json())

    async def work(client: Client) -> Any:
        return await client.request("POST", "things", json=value)

    answer = desk.run(work)
    assert (answer.status, answer.body) == (201, value)
    assert desk.seen[0].headers["Content-Type"] == "application/json"


def test_a_form_is_sent_as_a_form_with_the_callers_own_headers(desk: Desk) -> None:
    desk.auth = None

    async def work(client: Client) -> Any:
        form = {"grant_type": "password", "password": "a b&c"}
        return await client.request(
            "POST", "things", form=form, headers={"Authorization": "Basic abc", "accept": "*/*"}
        )

    desk.run(work)
    request = desk.seen[0]
    assert request.body == b"grant_type=password&password=a+b%26c"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Authorization"] == "Basic abc"
    assert request.headers.getall("Accept") == ["*/*"]


def _content(data: bytes, size: int | None = None) -> Content:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), 1000):
            yield data[start : start + 1000]

    return Content(
        name="a.png",
        size=len(data) if size is None else size,
        sha256=hashlib.sha256(data).hexdigest(),
        media_type="image/png",
        open=chunks,
    )


def test_a_file_is_streamed_with_its_length_and_opened_again_for_each_attempt(desk: Desk) -> None:
    desk.faults.plan.append("reset_before")
    data = bytes(range(256)) * 400

    async def work(client: Client) -> Any:
        return await client.request(
            "POST", "things", content=_content(data), headers={"File-Name": "ü.png"},
            repeatable=True,
        )  # fmt: skip

    desk.run(work)
    (request,) = desk.seen
    assert request.body == data
    assert request.headers["Content-Length"] == str(len(data))
    assert "Transfer-Encoding" not in request.headers
    assert request.headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("size", [2999, 3001])
def test_a_file_that_has_changed_is_not_stored(desk: Desk, size: int) -> None:
    async def work(client: Client) -> None:
        with pytest.raises(RejectedError, match=r"'a\.png' has changed"):
            await client.request("POST", "things", content=_content(b"x" * 3000, size))

    desk.options = {"timeout": 5.0}
    desk.run(work)
    assert not desk.seen


def test_a_file_that_cannot_be_read_fails_its_record(desk: Desk) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError(5, "Input/output error")

    async def work(client: Client) -> None:
        content = attrs.evolve(_content(b"xxx"), open=broken)
        with pytest.raises(RejectedError, match="cannot be read: Input/output error"):
            await client.request("POST", "things", content=content)

    desk.run(work)
    assert not desk.seen


def test_a_header_that_cannot_be_sent_fails_its_record(desk: Desk) -> None:
    async def work(client: Client) -> None:
        with pytest.raises(RejectedError, match="cannot be sent"):
            await client.request("POST", "things", json=1, headers={"File-Name": "a\r\nb"})

    desk.run(work)
    assert not desk.seen


# ------------------------------------------------------------------------ what an answer means


def test_no_content_is_none_and_accepted_statuses_are_answers(desk: Desk) -> None:
    desk.reply = lambda request: Reply(404, {"x": 1}) if request.params else Reply(204)

    async def work(client: Client) -> None:
        assert (await client.request("DELETE", "things")).body is None
        answer = await client.request("GET", "things/1", accept=(403, 404))
        assert (answer.status, answer.body) == (404, {"x": 1})

    desk.run(work)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, RejectedError), (403, AccessError), (404, RejectedError), (422, RejectedError)],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refusal_is_told_once_with_its_reason(
    desk: Desk, status: int, kind: type[Exception], method: str
) -> None:
    desk.reply = lambda _: Reply(status, {"message": "no\nsuch \x1b[1mthing"})

    async def work(client: Client) -> None:
        with pytest.raises(kind) as caught:
            await client.request(method, "things/7", params={"q": "secret"}, what="test_case A-T1")
        host = client.transport.service
        assert str(caught.value) == (
            f"{host}: test_case A-T1: {method} things/7 answered {status}: no such [1mthing"
        )

    desk.run(work)
    assert len(desk.seen) == 1


@pytest.mark.parametrize("fault", FAILURES)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_may_be_repeated_is_sent_again(desk: Desk, method: str, fault: str) -> None:
    desk.faults.plan.extend([None, *[fault] * 3])

    async def work(client: Client) -> Any:
        await client.get("other")
        return (await client.request(method, "things/1")).body

    assert desk.run(work) == {"ok": True}


@pytest.mark.parametrize("fault", FAILURES)
def test_a_post_whose_answer_is_lost_is_in_doubt_and_never_sent_again(
    desk: Desk, fault: str
) -> None:
    desk.faults.plan.extend([None, fault])

    async def work(client: Client) -> None:
        await client.request("POST", "things", json=1)
        with pytest.raises(DoubtError, match="may or may not"):
            await client.request("POST", "things", json=2)
        await asyncio.sleep(100)

    desk.run(work)
    bodies = [request.body for request in desk.seen]
    assert bodies == [b"1"] if fault in {"reset_before", "error_5xx"} else [b"1", b"2"]


def test_a_post_marked_repeatable_is_sent_again(desk: Desk) -> None:
    desk.faults.plan.extend(["lost", "error_after"])

    async def work(client: Client) -> Any:
        return await client.request("POST", "things", json={}, repeatable=True)

    assert desk.run(work).status == 200
    assert len(desk.seen) == 3


def test_an_idle_connection_is_not_used_for_a_post(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service ends connections that were idle for 2 s: the request after that would be lost."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        last = loop.time()
        with suppress(asyncio.IncompleteReadError):  # the client closed first
            while await reader.readuntil(b"\r\n\r\n1") and loop.time() - last < 2:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                last = loop.time()
        writer.close()

    async def work() -> None:
        loop = asyncio.get_running_loop()
        # aiohttp counts idle time by a clock of its own, which does not jump
        monkeypatch.setattr("aiohttp.connector.monotonic", loop.time)
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, open_client(Connection(base_url=f"http://127.0.0.1:{port}")) as client:
            for idle in (0.0, 0.5, 3.0):
                await asyncio.sleep(idle)
                assert (await client.request("POST", "things", json=1)).status == 200

    run_in_virtual_time(work())


def test_a_post_waits_until_somebody_listens(desk: Desk) -> None:
    async def work(client: Client) -> Any:
        await client.get("things")
        await desk.stop()
        post = asyncio.create_task(client.request("POST", "things", json=1))
        await asyncio.sleep(100)
        await desk.start()
        return (await post).status

    assert desk.run(work) == 200
    assert [request.method for request in desk.seen] == ["GET", "POST"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("reached", "limit"), [(True, 300), (False, 20)])
def test_nobody_listening_ends_as_an_outage_that_changed_nothing(
    desk: Desk, method: str, limit: int, *, reached: bool
) -> None:
    async def work(client: Client) -> float:
        loop = asyncio.get_running_loop()
        if reached:
            await client.get("things")
        await desk.stop()
        await asyncio.sleep(1)  # the client sees that its idle connection is closed
        began = loop.time()
        with pytest.raises(RetryableError, match=r"no connection: .*; no good answer for"):
            await client.request(method, "things")
        return loop.time() - began

    assert limit <= desk.run(work) < limit + 20


def test_an_outage_ends_all_requests_together(desk: Desk) -> None:
    async def work(client: Client) -> float:
        loop = asyncio.get_running_loop()
        await client.get("things")
        await desk.stop()
        began = loop.time()
        outcomes = await asyncio.gather(
            *(client.get(f"things/{number}") for number in range(200)), return_exceptions=True
        )
        assert {type(outcome) for outcome in outcomes} == {RetryableError}
        return loop.time() - began

    assert desk.run(work) < 350


def test_an_outage_of_errors_ends_the_same_way(desk: Desk) -> None:
    async def work(client: Client) -> None:
        await client.get("things")
        desk.faults.error_5xx = 1.0
        with pytest.raises(RetryableError) as caught:
            await client.get("things")
        assert caught.value.status in {500, 502, 503, 504}

    desk.run(work)


@pytest.mark.parametrize(
    "bad",
    [Reply(503), Reply(200, content=b"<html>", content_type="text/html")],
    ids=["503", "html"],
)
def test_one_object_that_fails_while_others_do_not_is_rejected(desk: Desk, bad: Reply) -> None:
    answered = asyncio.Event()

    async def fail(_: Request) -> Reply:
        # each failure encloses a good answer: nothing depends on how long the client pauses
        answered.clear()
        await answered.wait()
        return bad

    desk.routes = [Route("GET", "/api/things/bad", fail)]

    async def work(client: Client) -> None:
        async def others() -> None:
            while True:
                await asyncio.sleep(0.5)
                await client.get("things/good")
                answered.set()

        task = asyncio.create_task(others())
        with pytest.raises(RejectedError, match=r"things/bad answered .* \(8 times\)"):
            await client.get("things/bad")
        with pytest.raises(RejectedError, match=r"\(2 times\)"):
            await client.request("GET", "things/bad", attempts=2)
        answer = client.request("GET", "things/bad", accept=(503,))
        if bad.status == 200:
            with pytest.raises(RejectedError, match="text/html where JSON was due"):
                await answer
        else:
            assert (await answer).status == 503
        task.cancel()

    desk.run(work)


def test_a_base_url_that_serves_pages_is_found_out_soon(desk: Desk) -> None:
    desk.faults.html = 1.0

    async def work(client: Client) -> None:
        with pytest.raises(
            RejectedError,
            match="answered 200 with a body that cannot be read: text/html where JSON was due",
        ):
            await client.get("things")

    desk.run(work)
    assert len(desk.seen) == 3


# ----------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("wait", "least"), [("0", 0.0), ("3", 3.0), ("Wed, 21 Oct 2015 07:28:30 GMT", 25.0)]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_429_is_waited_for_as_long_as_it_asks(
    desk: Desk, method: str, wait: str, least: float
) -> None:
    refused = [0.0]

    def reply(_: Request) -> Reply:
        refused.append(asyncio.get_running_loop().time())
        if len(refused) > 12:
            return Reply(200, {})
        headers = {"Retry-After": wait, "Date": "Wed, 21 Oct 2015 07:28:05 GMT"}
        return Reply(429, {"message": "slow down"}, headers=headers)

    desk.reply = reply

    async def work(client: Client) -> int:
        desk.outage = 10_000
        client.policy.outage = 10_000
        return (await client.request(method, "things", json=1)).status

    assert desk.run(work) == 200
    gaps = [later - earlier for earlier, later in itertools.pairwise(refused[1:])]
    assert min(gaps) >= least - 1e-6  # the clock counts in floating point
    assert sum(gaps) > 5  # also where it asks for nothing


def test_endless_refusals_are_an_outage(desk: Desk) -> None:
    desk.reply = lambda _: Reply(429)

    async def work(client: Client) -> None:
        with pytest.raises(RetryableError, match="answered 429; no good answer for 3"):
            await client.get("things")

    desk.run(work)


def test_a_service_that_asks_for_a_day_ends_the_run(desk: Desk) -> None:
    desk.reply = lambda _: Reply(429, headers={"Retry-After": "86400"})

    async def work(client: Client) -> float:
        with pytest.raises(RetryableError, match="asked to wait 86400 s"):
            await client.request("POST", "things", json=1)
        return asyncio.get_running_loop().time()

    assert desk.run(work) < 1


# ----------------------------------------------------------------------------------- the rest


def test_requests_in_flight_and_a_fixed_rate_are_kept(desk: Desk) -> None:
    desk.options = {"in_flight": 3, "rate": 50.0}
    most = 0

    async def work(client: Client) -> float:
        nonlocal most

        async def one(number: int) -> None:
            nonlocal most
            await client.get(f"things/{number}")
            most = max(most, client.pacer.active)

        await asyncio.gather(*(one(number) for number in range(200)))
        return asyncio.get_running_loop().time()

    assert 3.8 < desk.run(work) < 4.2
    assert most <= 3


def test_a_cancelled_request_gives_its_slot_back(desk: Desk) -> None:
    desk.options = {"in_flight": 1}
    desk.faults.plan.append("slow")

    async def work(client: Client) -> Any:
        tasks = [asyncio.create_task(client.get("things")) for _ in range(3)]
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return await client.get("things")

    assert desk.run(work) == {"ok": True}


def test_a_lost_answer_does_not_hold_its_slot_for_the_whole_time_out(desk: Desk) -> None:
    desk.options = {"in_flight": 1, "timeout": 60.0}

    async def work(client: Client) -> float:
        await client.request("POST", "things", json=1)
        desk.faults.plan.append("slow")
        begun = asyncio.get_running_loop().time()
        with pytest.raises(DoubtError):
            await client.request("POST", "things", json=2)
        return asyncio.get_running_loop().time() - begun

    assert 10 <= desk.run(work) < 12


def test_each_failure_gives_a_request_more_time(desk: Desk) -> None:
    desk.options = {"timeout": 60.0}

    async def work(client: Client) -> list[float]:
        await client.get("things")
        given = [client.pacer.patience(failures) for failures in range(3)]
        desk.faults.plan += ["slow"] * 2
        begun = asyncio.get_running_loop().time()
        assert await client.get("things") == {"ok": True}
        return [*given, asyncio.get_running_loop().time() - begun]

    *given, seconds = desk.run(work)
    assert given == [10, 40, 60]
    # the second attempt has four times as long, and twice that since the first came late
    assert 10 + 60 <= seconds < 80


def test_the_budget_of_the_month_ends_the_run(desk: Desk) -> None:
    desk.reply = lambda _: Reply(200, {}, headers={"x-ratelimit-remaining-month": "0"})

    async def work(client: Client) -> None:
        await client.get("things")
        with pytest.raises(RetryableError, match="budget of calls for this month"):
            await client.request("POST", "things", json=1)

    desk.run(work)
    assert len(desk.seen) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base_url": "api.example.com"}, "begins with https"),
        ({"base_url": "ftp://x"}, "begins with https"),
        ({"base_url": "https://[::1"}, "not a URL"),
        ({"base_url": "https://me:pass@x"}, "they have keys of their own"),
        ({"base_url": "https://x/?a=1"}, "must end with its path"),
        ({"base_url": "https://x", "ca_file": "/nowhere.pem"}, "there is no file"),
        ({"base_url": "https://x", "ca_file": __file__}, "no certificates in PEM form"),
        ({"base_url": "https://x", "client_cert": __file__}, "client_cert"),
        ({"base_url": "https://x", "proxy": "socks5://u:pass@x"}, "the proxy should be a URL"),
    ],
)
async def test_a_connection_that_cannot_work_is_a_mistake_of_the_configuration(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        async with open_client(Connection(**options)):
            pass
    assert "pass" not in str(caught.value).replace("password", "")


async def test_a_missing_file_of_ssl_cert_file_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    with pytest.raises(ConfigError, match="SSL_CERT_FILE: there is no file"):
        async with open_client(Connection(base_url="https://x")):
            pass


def test_everything_arrives_once_under_all_faults_together(desk: Desk) -> None:
    desk.options = {"timeout": 10.0}
    desk.faults = Faults(
        seed=5, reset_before=0.05, error_5xx=0.05, lost=0.05, error_after=0.03, html=0.03,
        cut_body=0.03, slow=0.01, limit_per_second=100, retry_after=0,
    )  # fmt: skip

    async def work(client: Client) -> tuple[int, list[bytes]]:
        done, doubts = 0, []

        async def one(number: int) -> None:
            nonlocal done
            await client.get(f"things/{number}")
            try:
                await client.request("POST", "things", json=number)
                done += 1
            except DoubtError:
                doubts.append(json.dumps(number).encode())

        await asyncio.gather(*(one(number) for number in range(100)))
        return done, doubts

    done, doubts = desk.run(work)
    posted = [request.body for request in desk.seen if request.method == "POST"]
    assert len(posted) == len(set(posted))
    assert done + len(doubts) == 100
    assert 10 < len(doubts) < 40
    assert {body for body in posted if body not in doubts} == {
        body for body in (json.dumps(n).encode() for n in range(100)) if body not in doubts
    }
