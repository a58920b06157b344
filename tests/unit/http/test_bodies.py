"""Bodies and headers that are broken, endless or hostile, against servers that speak raw HTTP."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ztoq_testkit.simulate import Reply
from ztoq_testkit.virtual_time import run_in_virtual_time

from tests.unit.http.desk import Desk
from ztoq_core.contracts import Connection
from ztoq_core.errors import RejectedError, RetryableError
from ztoq_core.http.bodies import LONGEST_WAIT, retry_after
from ztoq_core.http.client import Client, open_client

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
WHOLE = HEAD + b"Content-Length: 5\r\n\r\nhello"

Writing = Callable[[asyncio.StreamWriter], Awaitable[None]]


def sends(data: bytes) -> Writing:
    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return write


async def a_byte_each_3_seconds(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(3)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


async def blanks_each_10_seconds(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(10)


@asynccontextmanager
async def serving(write: Writing, **options: Any) -> AsyncIterator[Client]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            await write(writer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    connection = Connection(
        base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", **options
    )
    async with server, open_client(connection, outage=2000.0, unreached=2000.0) as client:
        yield client


async def read(client: Client) -> bytes:
    async with client.download("file") as download:
        return b"".join([chunk async for chunk in download.chunks()])


def fetched(write: Writing, **options: Any) -> bytes:
    async def work() -> bytes:
        async with serving(write, **options) as client:
            content = await read(client)
            assert client.pacer.active == 0
            return content

    return run_in_virtual_time(work())


@pytest.mark.parametrize(
    "whole",
    [
        WHOLE,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        HEAD + b"Content-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_a_whole_file_is_read(whole: bytes) -> None:
    assert fetched(sends(whole)) == b"hello"


NO_FILES = {
    "shorter than promised": HEAD + b"Content-Length: 9\r\n\r\nhello",
    "chunks that break off": HEAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhello",
    "chunks without an end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "chunks that are none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello",
    "no length": HEAD + b"\r\nhello",
    "a negative length": HEAD + b"Content-Length: -5\r\n\r\nhello",
    "a length that is no number": HEAD + b"Content-Length: 5e0\r\n\r\nhello",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 3\r\n\r\nhello",
    "a huge length": HEAD + b"Content-Length: " + b"9" * 18 + b"\r\n\r\nhello",
    "accepted": WHOLE.replace(b"200 OK", b"202 Accepted"),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a part": WHOLE.replace(b"200 OK", b"206 Partial Content"),
    "not gzip": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
}


@pytest.mark.parametrize("what", NO_FILES)
def test_what_is_no_whole_file_is_rejected(what: str) -> None:
    with pytest.raises(RejectedError, match="GET file"):
        fetched(sends(NO_FILES[what]))


def test_a_file_that_is_no_whole_one_at_first_is_asked_for_again() -> None:
    answers = iter([NO_FILES["accepted"], NO_FILES["no content"], NO_FILES["no length"], WHOLE])

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(next(answers))

    assert fetched(write) == b"hello"


def test_a_file_that_comes_too_slowly_is_rejected() -> None:
    with pytest.raises(RejectedError, match="only 20 bytes came in 60 s"):
        fetched(a_byte_each_3_seconds)


def test_a_reader_may_take_its_time() -> None:
    async def work() -> int:
        size = 0
        data = b"x" * 500_000
        length = str(len(data)).encode()
        async with (
            serving(sends(HEAD + b"Content-Length: " + length + b"\r\n\r\n" + data)) as client,
            client.download("file") as download,
        ):
            async for chunk in download.chunks():
                size += len(chunk)
                await asyncio.sleep(50)
        return size

    assert run_in_virtual_time(work()) == 500_000


@pytest.mark.parametrize("write", [endless, sends(HEAD + b"Content-Length: 900000\r\n\r\nx")])
def test_a_file_has_a_limit_of_size(write: Writing) -> None:
    with pytest.raises(RejectedError, match="max_file_size allows 300,000 bytes"):
        fetched(write, max_file_size=300_000)


def test_a_file_that_is_packed_has_the_same_limit() -> None:
    bomb = gzip.compress(bytes(20_000_000))
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: " + str(len(bomb)).encode()
    with pytest.raises(RejectedError, match="max_file_size"):
        fetched(sends(head + b"\r\n\r\n" + bomb), max_file_size=300_000)


# ------------------------------------------------------------------------------------------ JSON


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_has_a_limit_of_size(*, packed: bool) -> None:
    body = b'"' + b" " * 3_000_000 + b'"'
    head = b"HTTP/1.1 200 OK\r\n"
    if packed:
        body, head = gzip.compress(body), head + b"Content-Encoding: gzip\r\n"

    async def work() -> None:
        answer = sends(head + b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
        async with serving(answer, max_answer_size=1_000_000) as client:
            with pytest.raises(RejectedError, match=r"more than 1,000,000 bytes \(max_answer_size"):
                await client.get("things")

    run_in_virtual_time(work())


def test_an_answer_without_end_ends() -> None:
    async def work() -> float:
        async with serving(endless, max_answer_size=1_000_000) as client:
            began = time.monotonic()
            with pytest.raises(RejectedError, match="max_answer_size"):
                await client.get("things")
            return time.monotonic() - began

    assert run_in_virtual_time(work()) < 20


def test_an_answer_that_trickles_ends_with_the_time_out() -> None:
    async def work() -> None:
        async with serving(blanks_each_10_seconds) as client:
            client.policy.unreached = 100.0
            with pytest.raises(RetryableError, match="timed out"):
                await client.get("things")

    run_in_virtual_time(work())


def test_deep_json_is_no_answer(desk: Desk) -> None:
    desk.reply = lambda _: Reply(200, content=b"[" * 100_000 + b"]" * 100_000)

    async def work(client: Client) -> None:
        with pytest.raises(RejectedError, match="where JSON was due"):
            await client.get("things")

    desk.run(work)


# ----------------------------------------------------------------------------------- Retry-After

DATES = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Mon", "Xyz", ""]),
    st.integers(-5, 10**6),
    st.sampled_from(["Jan", "Dec", "13", ""]),
    st.integers(-1, 10**12),
    st.integers(-1, 10**6),
    st.integers(0, 99),
    st.integers(0, 99),
    st.sampled_from(["GMT", "+0000", "-2359", "+9999", "+99999999999", "", "XYZ"]),
)


@given(
    DATES | st.text(max_size=30) | st.integers().map(str) | st.just("9" * 500), DATES | st.just("")
)
def test_whatever_a_service_asks_to_wait_is_a_time(asked: str, date: str) -> None:
    seconds = retry_after({"Retry-After": asked, "Date": date} if date else {"Retry-After": asked})
    assert 0.0 <= seconds <= LONGEST_WAIT


@pytest.mark.parametrize(
    "asked", ["Fri, 31 Dec 99999 23:59:59 GMT", "9" * 400, "Mon, 99999999999 Jan 2026 00:00:00 GMT"]
)
def test_an_absurd_wish_to_wait_ends_the_run_or_is_ignored(desk: Desk, asked: str) -> None:
    desk.reply = lambda _: Reply(503, headers={"Retry-After": asked})

    async def work(client: Client) -> None:
        with pytest.raises(RetryableError):
            await client.get("things")

    desk.run(work)
