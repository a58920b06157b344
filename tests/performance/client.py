"""CPU per call of ztoq's HTTP client beside a hand-written aiohttp loop, in one run.

``python tests/performance/client.py`` sends GETs to a small server in another process, with the
same number of slots, in turns, and prints microseconds of CPU (user and system) of this process for
each call. ``--profile`` shows where those of ztoq go.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import multiprocessing
import pstats
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection as Pipe
from typing import Any

import aiohttp
import orjson
from loguru import logger

from ztoq_core.contracts import Connection
from ztoq_core.http.client import open_client

REACH = 1.3
SLOTS = 32
TOKEN = {"Authorization": "Bearer of-a-benchmark"}
BODY = orjson.dumps(
    {"isLast": True, "values": [{"id": n, "inline": {"description": "x" * 80}} for n in range(5)]}
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
    b"Date: Wed, 21 Oct 2026 07:28:00 GMT\r\nServer: small\r\nContent-Length: %d\r\n\r\n%s"
) % (len(BODY), BODY)


class _Small(asyncio.Protocol):
    """Answers every request that fits a packet with the same JSON."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert isinstance(self.transport, asyncio.WriteTransport)
        self.transport.write(ANSWER * data.count(b"\r\n\r\n"))


async def _serve(pipe: Pipe) -> None:
    server = await asyncio.get_running_loop().create_server(_Small, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()


def _server(pipe: Pipe) -> None:
    asyncio.run(_serve(pipe))


class _Auth:
    async def headers(self) -> Mapping[str, str]:
        return TOKEN

    async def renew(self, _: Mapping[str, str]) -> bool:
        return False


async def _spread(calls: int, get: Callable[[int], Awaitable[Any]]) -> None:
    """Make the calls from as many tasks as there are slots."""
    numbers = iter(range(calls))

    async def one() -> None:
        for number in numbers:
            found = await get(number)
            assert found["isLast"]

    async with asyncio.TaskGroup() as tasks:
        for _ in range(SLOTS):
            tasks.create_task(one())


async def with_aiohttp(port: int, calls: int) -> None:
    """Make the calls as one would by hand."""
    url = f"http://127.0.0.1:{port}/v2"
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=SLOTS), headers=TOKEN
    ) as session:

        async def get(number: int) -> Any:
            async with session.get(
                f"{url}/testcases/ACME-T{number}/teststeps", params={"maxResults": 100}
            ) as response:
                response.raise_for_status()
                return orjson.loads(await response.read())

        await _spread(calls, get)


async def with_ztoq(port: int, calls: int) -> None:
    """Make the calls through the client that ztoq lends its plugins."""
    connection = Connection(base_url=f"http://127.0.0.1:{port}/v2", in_flight=SLOTS)
    async with open_client(connection, _Auth()) as client:
        await _spread(
            calls,
            lambda number: client.get(
                f"testcases/ACME-T{number}/teststeps", params={"maxResults": 100}
            ),
        )


WAYS = {"aiohttp by hand": with_aiohttp, "ztoq": with_ztoq}


def loops() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the event loops that are installed."""
    found: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if find_spec("uvloop"):
        found["uvloop"] = import_module("uvloop").new_event_loop
    return found


def main() -> int:
    """Measure in turns, print, and say whether the figure is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    logger.remove()  # as the command line does
    logger.add(sys.stderr, level="WARNING")
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_server, args=(there,), daemon=True)
    server.start()
    port = here.recv()
    if given.profile:
        profile = cProfile.Profile()
        profile.runcall(asyncio.run, with_ztoq(port, given.calls))
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        return 0
    ratio = 0.0
    for name, make in loops().items():
        figures: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(given.rounds):
            for way, send in WAYS.items():
                before = time.process_time()
                with asyncio.Runner(loop_factory=make) as runner:
                    runner.run(send(port, given.calls))
                figures[way].append((time.process_time() - before) / given.calls * 1e6)
        by_hand, ours = (statistics.median(each) for each in figures.values())
        sys.stdout.write(
            f"{name:8} {given.calls:,} calls, {SLOTS} slots: aiohttp by hand {by_hand:.0f} µs, "
            f"ztoq {ours:.0f} µs of CPU a call, ratio {ours / by_hand:.2f}\n"
        )
        ratio = ratio or ours / by_hand
    sys.stdout.write(f"reach: ≤ {REACH}: {'yes' if ratio <= REACH else 'no'}\n")
    server.terminate()
    return 0 if ratio <= REACH else 1


if __name__ == "__main__":
    sys.exit(main())
