"""Answers that do not have the documented shape, and whose fault a failure is."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from ztoq_testkit.simulate import Reply, Request

from tests.unit.http.desk import Bearer, Desk
from ztoq_core.contracts import Answer
from ztoq_core.errors import AccessError, AnswerError, DoubtError, RejectedError, RetryableError
from ztoq_core.http.client import Client


def names(body: Any) -> list[str]:
    """Read a page of names as strict readers do."""
    if not isinstance(body, dict) or not isinstance(body.get("values"), list):
        raise AnswerError("a page with the list 'values' was due")
    return [each["name"] for each in body["values"]]


GOOD = Reply(200, {"values": [{"name": "a"}]})
WRONG = [
    Reply(200, {}), Reply(200, {"values": None}), Reply(200, [1]), Reply(200, "text"), Reply(200),
    Reply(204), Reply(200, {"errorCode": 500}), Reply(200, {"values": [{}]}), Reply(202),
    Reply(200, {"values": [None]}), Reply(200, content=b"<html>"), Reply(200, content=b"null"),
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_answer_is_asked_for_again(desk: Desk, wrong: Reply) -> None:
    replies = iter([wrong, wrong, GOOD])
    desk.reply = lambda _: next(replies)

    async def work(client: Client) -> Any:
        return await client.get("things", read=names)

    assert desk.run(work) == ["a"]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("reached", [True, False])
def test_an_answer_that_stays_wrong_is_the_records_reject(
    desk: Desk, wrong: Reply, *, reached: bool
) -> None:
    desk.reply = lambda request: GOOD if request.path.endswith("other") else wrong

    async def work(client: Client) -> None:
        if reached:
            await client.get("other")
        with pytest.raises(RejectedError, match=r"things answered 20\d with a body that cannot"):
            await client.get("things", read=names)

    desk.run(work)
    assert len(desk.seen) <= 9


@pytest.mark.parametrize("wrong", WRONG)
def test_a_post_with_a_wrong_answer_is_in_doubt(desk: Desk, wrong: Reply) -> None:
    desk.reply = lambda _: wrong

    async def work(client: Client) -> None:
        with pytest.raises(DoubtError, match=r"cannot be read: .*may or may not"):
            await client.request("POST", "things", json=1, read=names)

    desk.run(work)
    assert len(desk.seen) == 1


def test_what_read_returns_is_the_body_and_refusals_are_not_read(desk: Desk) -> None:
    desk.reply = lambda request: GOOD if request.method == "PUT" else Reply(404, {"message": "no"})

    async def work(client: Client) -> tuple[Answer, Answer]:
        put = await client.request("PUT", "things", json=1, read=names)
        return put, await client.request("GET", "things", accept={404}, read=names)

    put, missing = desk.run(work)
    assert put.body == ["a"]
    assert (missing.status, missing.body) == (404, {"message": "no"})


@pytest.mark.parametrize("empty", [Reply(200), Reply(204), Reply(200, content=b"null")])
def test_a_get_wants_a_body_where_nobody_reads_it(desk: Desk, empty: Reply) -> None:
    desk.reply = lambda _: empty

    async def work(client: Client) -> None:
        with pytest.raises(RejectedError, match="an empty body where JSON was due"):
            await client.get("things")

    desk.run(work)


# ------------------------------------------------------------------------------ whose fault it is


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_record_does_not_end_the_work(desk: Desk, status: int, method: str) -> None:
    desk.probe = "other"
    desk.reply = lambda request: (
        Reply(200, {}) if request.path.endswith("other") else Reply(status, {"message": "not this"})
    )

    async def work(client: Client) -> None:
        with pytest.raises(RejectedError, match=rf"answered {status}: not this$"):
            await client.request(method, "things/1", json=1)

    desk.run(work)
    assert [request.method for request in desk.seen] == [method, "GET"]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_end_the_work(desk: Desk, status: int) -> None:
    desk.probe = "other"
    desk.reply = lambda _: Reply(status, {"message": "expired"})

    async def work(client: Client) -> None:
        with pytest.raises(AccessError, match=rf"things/1 answered {status}: expired$"):
            await client.request("POST", "things/1", json=1)

    desk.run(work)


def test_credentials_are_renewed_before_anybody_is_blamed(desk: Desk) -> None:
    desk.probe = "other"
    desk.auth = Bearer("old", renewals=1)
    desk.reply = lambda request: (
        Reply(401) if "old" in request.headers["Authorization"] else Reply(200, {})
    )

    async def work(client: Client) -> Any:
        return (await client.request("POST", "things", json=1)).status

    assert desk.run(work) == 200
    assert [request.path for request in desk.seen] == ["/api/things"] * 2


def test_one_probe_serves_all_who_were_refused_before_it(desk: Desk) -> None:
    desk.probe = "other"
    desk.reply = lambda request: Reply(200 if request.path.endswith("other") else 403, {})

    async def work(client: Client) -> list[Any]:
        return await asyncio.gather(
            *(client.get(f"things/{number}") for number in range(10)), return_exceptions=True
        )

    assert {type(outcome) for outcome in desk.run(work)} == {RejectedError}
    assert sum(request.path.endswith("other") for request in desk.seen) < 10


def test_where_the_probe_gets_no_answer_the_request_is_made_again(desk: Desk) -> None:
    desk.probe = "other"
    statuses = itertools.chain([403], itertools.repeat(200))

    def reply(request: Request) -> Reply:
        return Reply(503 if request.path.endswith("other") else next(statuses), {})

    desk.reply = reply

    async def work(client: Client) -> int:
        return (await client.request("POST", "things", json=1)).status

    assert desk.run(work) == 200


@pytest.mark.parametrize("fault", ["error_5xx", "lost", "slow"])
def test_a_poisoned_record_is_no_outage(desk: Desk, fault: str) -> None:
    desk.probe = "other"
    setattr(desk.faults, fault, 1.0)
    desk.faults.only = lambda request: request.path.endswith("bad")

    async def work(client: Client) -> None:
        await client.get("things/good")
        with pytest.raises(RejectedError, match=r"things/bad .* times\)"):
            await client.get("things/bad")
        await client.get("things/good")

    desk.run(work)


def test_an_outage_stays_one_where_the_probe_fails_too(desk: Desk) -> None:
    desk.probe = "other"

    async def work(client: Client) -> None:
        await client.get("other")
        desk.faults.error_5xx = 1.0
        with pytest.raises(RetryableError, match="no good answer for"):
            await client.get("things")

    desk.run(work)


# ------------------------------------------------------------------------------ closing requests


def test_a_closing_request_waits_for_nobody(desk: Desk) -> None:
    desk.options = {"in_flight": 1}
    desk.faults.slow = 1.0
    desk.faults.only = lambda request: request.path.endswith("slow")

    async def work(client: Client) -> float:
        loop = asyncio.get_running_loop()
        hanging = asyncio.create_task(client.get("things/slow"))
        await asyncio.sleep(1)
        began = loop.time()
        assert (await client.request("POST", "things", json=1, closing=True)).status == 200
        with pytest.raises(DoubtError, match="no answer within 5 s"):
            await client.request("POST", "things/slow", json=1, closing=True)
        hanging.cancel()
        return loop.time() - began

    assert desk.run(work) < 6
