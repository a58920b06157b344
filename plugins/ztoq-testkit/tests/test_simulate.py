"""The kit for simulators, over real loopback connections."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL
from ztoq_testkit.simulate import (
    Faults,
    Refusal,
    Reply,
    Request,
    Route,
    Server,
    by_offset,
    by_page,
    whole_number,
)


class Shelf:
    """A tiny product: things with names."""

    def __init__(self) -> None:
        self.things: list[str] = []

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v2/things", self.list),
            Route("POST", "/v2/things", self.make),
            Route("GET", "/v2/things/latest", lambda _: Reply(200, {"latest": True})),
            Route("GET", "/v2/things/{name}/parts/{part}", self.part),
            Route("PUT", "/v2/things/{name}", self.broken),
            Route("POST", "/v2/files/{name}", self.store, stream=True),
            Route("GET", "/v2/files/{name}", lambda _: Reply(content=_chunks())),
        ]

    def list(self, request: Request) -> Reply:
        start = whole_number(
            request, "start", default=0, highest=10, refuse=lambda text: Refusal(400, text)
        )
        return Reply(200, {"values": by_offset(self.things, start, 2).values})

    async def make(self, request: Request) -> Reply:
        self.things.append(request.json()["name"])
        return Reply(201, {"id": len(self.things)})

    def part(self, request: Request) -> Reply:
        return Reply(200, request.params)

    def broken(self, _: Request) -> Reply:
        raise ZeroDivisionError

    async def store(self, request: Request) -> Reply:
        assert request.chunks is not None
        size = 0
        async for chunk in request.chunks():
            size += len(chunk)
        return Reply(201, {"size": size})


async def _chunks() -> AsyncIterator[bytes]:
    yield b"one"
    yield b"two"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_table_of_routes_is_served_with_path_parameters(
    http: aiohttp.ClientSession,
) -> None:
    server = Server(Shelf().routes(), name="shelf")
    async with server.serving() as base_url:
        async with http.post(base_url + "/v2/things", json={"name": "a"}) as answer:
            assert (answer.status, await answer.json()) == (201, {"id": 1})
        async with http.get(base_url + "/v2/things?start=0") as answer:
            assert await answer.json() == {"values": ["a"]}
        async with http.get(base_url + "/v2/things/a%2Fb/parts/%C3%A9") as answer:
            assert await answer.json() == {"name": "a/b", "part": "é"}
        async with http.get(base_url + "/v2/things/latest") as answer:
            assert await answer.json() == {"latest": True}
        async with http.post(base_url + "/v2/files/x", data=b"x" * 200_000) as answer:
            assert await answer.json() == {"size": 200_000}
        async with http.get(base_url + "/v2/files/x") as answer:
            assert await answer.read() == b"onetwo"
    assert server.calls["GET", "/v2/things"] == 1
    assert server.log[1] == ("GET", "/v2/things", "start=0", 200)


async def test_refusals_missing_paths_and_bad_numbers_are_answers(
    http: aiohttp.ClientSession,
) -> None:
    def authorise(request: Request) -> None:
        if request.headers.get("Authorization") != "Bearer right":
            raise Refusal(401, {"error": "who are you"})

    seen: list[tuple[str, int]] = []
    server = Server(
        Shelf().routes(),
        name="shelf",
        authorise=authorise,
        on_missing=lambda _: Reply(403, {"errorCode": 403}),
        recorder=lambda request, reply: seen.append((request.route, reply.status)),
        finish=lambda _, reply: Reply(reply.status, reply.body, headers={"x-left": "7"}),
    )
    right = {"Authorization": "Bearer right"}
    async with server.serving() as base_url:
        async with http.get(base_url + "/v2/things") as answer:
            assert (answer.status, await answer.json()) == (401, {"error": "who are you"})
        async with http.get(base_url + "/v2/nothing", headers=right) as answer:
            assert (answer.status, answer.headers["x-left"]) == (403, "7")
        for start in ("11", "x"):
            async with http.get(base_url + f"/v2/things?start={start}", headers=right) as answer:
                assert answer.status == 400
    assert seen == [("/v2/things", 401), ("", 403), ("/v2/things", 400), ("/v2/things", 400)]


async def test_a_failing_handler_is_a_500_with_its_traceback(http: aiohttp.ClientSession) -> None:
    server = Server(Shelf().routes(), name="shelf")
    async with (
        server.serving() as base_url,
        http.put(base_url + "/v2/things/a", json={}) as answer,
    ):
        assert answer.status == 500
    assert "ZeroDivisionError" in server.errors[0]
    assert server.log[-1][3] == 500


def test_a_route_that_is_listed_twice_is_a_mistake() -> None:
    routes = [
        Route("GET", "/a/{x}", lambda _: Reply()),
        Route("GET", "/a/{y}", lambda _: Reply()),
    ]
    with pytest.raises(ValueError, match="served twice"):
        Server(routes, name="shelf")


@pytest.mark.parametrize(
    ("fault", "done", "outcome"),
    [
        ("reset_before", 0, aiohttp.ClientError),
        ("error_5xx", 0, 502),
        ("lost", 1, aiohttp.ClientError),
        ("error_after", 1, 500),
        ("html", 1, 201),
        ("cut_body", 1, aiohttp.ClientPayloadError),
        ("slow", 1, TimeoutError),
    ],
)
async def test_each_fault_does_what_it_says(
    http: aiohttp.ClientSession, fault: str, done: int, outcome: int | type[Exception]
) -> None:
    shelf = Shelf()
    faults = Faults(plan=[None, fault], only=("POST",))
    server = Server(shelf.routes(), name="shelf", faults=faults)
    wait = aiohttp.ClientTimeout(total=0.2)
    async with server.serving() as base_url:

        async def make() -> tuple[int, str]:
            async with http.post(
                base_url + "/v2/things", json={"name": "a"}, timeout=wait
            ) as answer:
                await answer.read()
                return answer.status, answer.content_type

        assert await make() == (201, "application/json")
        if isinstance(outcome, int):
            assert await make() == (outcome, "text/html")
        else:
            with pytest.raises(outcome):
                await make()
        assert await make() == (201, "application/json")
    assert len(shelf.things) == 2 + done
    assert faults.made == {fault: 1}


def _request(path: str) -> Request:
    return Request(
        method="GET",
        path=path,
        route=path,
        params={},
        query=URL().query,
        headers=CIMultiDictProxy(CIMultiDict()),
        origin="",
    )


def test_the_same_seed_makes_the_same_faults_in_any_order() -> None:
    paths = [f"/{number % 50}" for number in range(400)]
    one, other = (Faults(seed=3, lost=0.1, html=0.1) for _ in range(2))
    forward = sorted((p, str(one.draw(_request(p)))) for p in paths)
    backward = sorted((p, str(other.draw(_request(p)))) for p in reversed(paths))
    assert forward == backward
    assert 20 < one.made["lost"] < 60
    assert Faults(seed=4, lost=0.1).draw(_request("/1")) is None


def test_the_limit_grants_what_it_says() -> None:
    now = 0.0
    faults = Faults(limit_per_second=100, clock=lambda: now)
    granted = 0
    for step in range(4_000):
        now = step / 1_000
        granted += not faults.limited()
    assert 400 <= granted <= 411
    assert faults.made["limited"] == 4_000 - granted


@pytest.mark.parametrize("wait", [None, 0, 1.5])
async def test_a_refused_request_says_when_to_come_back(
    http: aiohttp.ClientSession, wait: float | None
) -> None:
    faults = Faults(limit_per_second=0.001, retry_after=wait)
    server = Server(Shelf().routes(), name="shelf", faults=faults)
    async with server.serving() as base_url:
        async with http.get(base_url + "/v2/things") as answer:
            assert answer.status == 200
        async with http.get(base_url + "/v2/things") as answer:
            assert answer.status == 429
            assert answer.headers.get("Retry-After") == (None if wait is None else f"{wait:g}")


def test_pages_know_whether_they_are_the_last() -> None:
    assert by_offset("abcde", 2, 2).values == "cd"
    assert not by_offset("abcde", 2, 2).is_last
    assert by_page("abcde", 3, 2).values == "e"
    assert by_page("abcde", 3, 2).is_last


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_simulator_on_the_command_line_says_its_address_and_ends_cleanly(
    http: aiohttp.ClientSession, number: signal.Signals
) -> None:
    program = (
        "from ztoq_testkit.simulate import Reply, Route, Server, main\n"
        "main(lambda given: Server([Route('GET', '/v2/a', lambda _: Reply(200, 1))], name='s'),"
        " path='/v2')"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, "--fault", "html=0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    base_url = (await process.stdout.readline()).decode().strip()
    async with http.get(base_url + "/a") as answer:
        assert await answer.json() == 1
    process.send_signal(number)
    assert await process.wait() == 0
