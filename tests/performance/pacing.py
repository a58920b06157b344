"""How well the pacer finds and keeps limits that nobody told it, over real HTTP.

``python tests/performance/pacing.py`` serves limiters of several kinds in another process and sends
GETs through ztoq's client with 32 slots. For each kind and limit it prints, of one run: what was
granted of what the limit allowed, what was refused, and how long it took to use 90 % of the limit
again when that was halved, and doubled back, in mid-run.

A limiter by the minute with ``x-ratelimit-remaining-minute`` comes last: it has no rate to find;
its whole budget is to be used and nothing to be refused.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from multiprocessing.connection import Connection as Pipe

import attrs
from aiohttp import web
from loguru import logger

from tests.performance.limiters import LIMITERS, Limiter
from ztoq_core.contracts import Connection
from ztoq_core.http.client import open_client

SLOTS = 32
LATENCY = 0.02
MINUTE = "by the minute"
SPAN = 2.0
"""Seconds over which 90 % are to be used for a changed limit to count as found."""

# the service's word on when to come back differs too: missing, a second, 0, a date
WAITS: dict[str, Callable[[], str | None]] = {
    "bucket that saves little": lambda: None,
    "bucket that saves a second": lambda: "1",
    "calendar second": lambda: "0",
    "last second": lambda: formatdate(time.time() + 1, usegmt=True),
}
SAID = dict(zip(WAITS, ("none", "1", "0", "a date"), strict=True))


@attrs.define
class ByMinute:
    """Grants ``limit`` times 60 in each minute of the clock, and says how many are left."""

    limit: float
    _minute: int = -1
    left: int = 0

    def grants(self, now: float) -> bool:
        if (minute := int(now // 60)) != self._minute:
            self._minute, self.left = minute, int(self.limit * 60)
        granted = self.left > 0
        self.left -= granted
        return granted


@attrs.define
class Desk:
    """One limiter as it is served; times are those of ``time.time()``."""

    kind: str
    limiter: Limiter | ByMinute
    granted: list[float] = attrs.field(factory=list)
    refused: list[float] = attrs.field(factory=list)

    async def thing(self, _: web.Request) -> web.Response:
        await asyncio.sleep(LATENCY / 2)
        now = time.time()
        grants = self.limiter.grants(now)
        (self.granted if grants else self.refused).append(now)
        await asyncio.sleep(LATENCY / 2)
        headers = {}
        if isinstance(self.limiter, ByMinute):
            headers["x-ratelimit-remaining-minute"] = str(self.limiter.left)
            headers["Date"] = formatdate(now, usegmt=True)
        if grants:
            return web.json_response({}, headers=headers)
        if wait := WAITS.get(self.kind, lambda: "5")():
            headers["Retry-After"] = wait
        return web.json_response({"message": "Too many requests"}, status=429, headers=headers)

    async def limit(self, request: web.Request) -> web.Response:
        self.limiter.limit = float(request.query["to"])
        return web.json_response({})

    async def told(self, _: web.Request) -> web.Response:
        return web.json_response({"granted": self.granted, "refused": self.refused})


async def _serve(pipe: Pipe, wanted: Sequence[tuple[str, float]]) -> None:
    ports = []
    for kind, limit in wanted:
        desk = Desk(kind, LIMITERS[kind](limit) if kind in LIMITERS else ByMinute(limit))
        app = web.Application()
        app.router.add_get("/thing", desk.thing)
        app.router.add_get("/limit", desk.limit)
        app.router.add_get("/told", desk.told)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ports.append(runner.addresses[0][1])
    pipe.send(ports)
    await asyncio.to_thread(pipe.recv)


def _server(pipe: Pipe, wanted: Sequence[tuple[str, float]]) -> None:
    asyncio.run(_serve(pipe, wanted))


@attrs.frozen(kw_only=True)
class Told:
    """What a service saw, and when its limit was changed to what."""

    begin: float
    end: float
    changes: tuple[tuple[float, float], ...]
    granted: Sequence[float]
    refused: Sequence[float]

    def used(self, limit: float) -> tuple[float, float]:
        """Return the shares used and refused before the first change."""
        until = self.changes[0][0] if self.changes else self.end
        granted = sum(self.begin <= moment < until for moment in self.granted)
        refused = sum(self.begin <= moment < until for moment in self.refused)
        return granted / (limit * (until - self.begin)), refused / max(1, granted + refused)

    def back(self, place: int) -> float:
        """Return the seconds after a change until 90 % of the new limit were used."""
        at, limit = self.changes[place]
        end = self.changes[place + 1][0] if place + 1 < len(self.changes) else self.end
        moment = at
        while moment + SPAN <= end:
            granted = sum(moment <= each < moment + SPAN for each in self.granted)
            if granted >= 0.9 * limit * SPAN:
                return moment - at
            moment += 0.1
        return float("inf")


async def drive(port: int, seconds: float, changes: Sequence[tuple[float, float]]) -> Told:
    """Send as fast as the pacer lets for so many seconds; change the limit meanwhile."""
    base_url = f"http://127.0.0.1:{port}"
    begin = time.time()
    made = []
    over = False
    async with (
        open_client(Connection(base_url=base_url, in_flight=SLOTS)) as client,
        open_client(Connection(base_url=base_url)) as other,
    ):

        async def send() -> None:
            while not over:
                await client.get("thing")

        tasks = [asyncio.create_task(send()) for _ in range(2 * SLOTS)]
        for after, limit in changes:
            await asyncio.sleep(begin + after - time.time())
            await other.get("limit", params={"to": str(limit)})
            made.append((time.time(), limit))
        await asyncio.sleep(begin + seconds - time.time())
        over, end = True, time.time()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        told = await other.get("told")
    return Told(begin=begin, end=end, changes=tuple(made), **told)


async def together(
    wanted: Sequence[tuple[str, float]], seconds: float, changes: Sequence[tuple[float, float]]
) -> list[Told]:
    """Drive several limiters at the same time; ``changes`` are (seconds, share of the limit)."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_server, args=(there, wanted), daemon=True)
    server.start()
    ports = await asyncio.to_thread(here.recv)
    runs = [
        drive(port, seconds, [(at, share * limit) for at, share in changes])
        for port, (_, limit) in zip(ports, wanted, strict=True)
    ]
    told = await asyncio.gather(*runs)
    here.send(None)
    server.join()
    return told


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _row(kind: str, limit: float, told: Told) -> bool:
    used, refused = told.used(limit)
    halved, doubled = told.back(0), told.back(1)
    _say(
        f"{kind:27}{SAID[kind]:>8}{limit:8.0f}{used:9.1%}{refused:9.1%}{halved:10.1f}{doubled:10.1f}"
    )
    return used >= 0.95 and refused <= 0.03 and halved <= 5


def _minute(limit: float) -> bool:
    """Spend the budgets of this minute and the next, and print how much of them was used."""
    to_next = 60 - time.time() % 60
    if to_next < 10:
        time.sleep(to_next)
        to_next = 60.0
    (told,) = asyncio.run(together([(MINUTE, limit)], to_next + 15, ()))
    used = len(told.granted) / (2 * 60 * limit)
    refused = len(told.refused) / (len(told.refused) + len(told.granted))
    _say(f"{MINUTE:27}{'5':>8}{limit * 60:5.0f}/m{used:9.1%}{refused:9.1%}{'-':>10}{'-':>10}")
    return used >= 0.95 and refused <= 0.03


def main() -> int:
    """Measure, print, and say whether the figures are reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limits", type=float, nargs="+", default=[20, 100, 500])
    parser.add_argument("--seconds", type=float, default=40, help="before the limit changes")
    parser.add_argument("--after", type=float, default=20, help="after each change")
    parser.add_argument("--no-minute", action="store_true", help="leave out the slow one")
    given = parser.parse_args()
    logger.remove()
    changes = ((given.seconds, 0.5), (given.seconds + given.after, 1.0))
    seconds = given.seconds + 2 * given.after
    _say(
        f"{'limiter':27}{'Retry-':>8}{'limit':>8}{'granted':>9}{'refused':>9}{'halved:':>10}"
        f"{'doubled:':>10}\n"
        f"{'':27}{'After':>8}{'a second':>8}{'used':>9}{'':9}{'back, s':>10}{'back, s':>10}"
    )
    reached = True
    for limit in given.limits:
        # faster ones one by one, so that this machine is not what is measured
        each = [[(kind, limit)] for kind in WAITS]
        groups = each if limit > 200 else [[(kind, limit) for kind in WAITS]]
        for group in groups:
            for (kind, _), told in zip(
                group, asyncio.run(together(group, seconds, changes)), strict=True
            ):
                reached &= _row(kind, limit, told)
    if not given.no_minute:
        reached &= _minute(20)
    _say(f"reach: used ≥ 95 %, refused ≤ 3 %, back within 5 s of a halving: {reached}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
