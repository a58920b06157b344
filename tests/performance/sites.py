"""Serves one simulated product in a process of its own, with faults, and tells what happened there.

``python -m tests.performance.sites qtest '{"options": {…}, "faults": {…}}'`` prints a JSON line
with address and token. SIGUSR1 makes it print another: calls, what stands in it, faults made.
``Site`` starts, asks and ends such a process.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ztoq_demo.qtest import Options as QTestOptions
from ztoq_demo.qtest import Simulator as QTest
from ztoq_demo.zephyr import corpus
from ztoq_demo.zephyr.options import Options as ZephyrOptions
from ztoq_demo.zephyr.simulator import Simulator as Zephyr
from ztoq_testkit.simulate import Faults, Reply, Request

RECORD = re.compile(r"/v2/test(?:cases|executions|cycles|plans)/[A-Z]+-[TERP]\d+(?=/)")
"""A record of Zephyr, in the path of one of its parts."""

ROOT = Path(__file__).resolve().parents[2]


class Site:
    """A simulator in a process; ``url`` and ``token`` reach it."""

    def __init__(
        self,
        product: str,
        *,
        options: Mapping[str, Any] | None = None,
        faults: Mapping[str, Any] | None = None,
        corpus: Path | None = None,
    ) -> None:
        given: dict[str, Any] = {"options": dict(options or {}), "faults": dict(faults or {})}
        if corpus:
            given["corpus"] = str(corpus)
        module = "tests.performance.sites"
        self._command = [sys.executable, "-m", module, product, json.dumps(given)]
        self.url = ""
        self.token = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        line = self._line()
        self.url, self.token = str(line["url"]), str(line["token"])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        if self._process.stdout:
            self._process.stdout.close()

    def told(self) -> Any:
        """Return ``calls``, ``places`` (different requests), ``again``, ``made`` faults, ``dump``.

        ``again`` are the records of Zephyr of which something was asked for more than once.
        """
        self._process.send_signal(signal.SIGUSR1)
        return self._line()

    def _line(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())


class _Places:
    """Remembers each different request that was carried out."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.answered: set[str] = set()
        self.again: set[str] = set()

    def __call__(self, request: Request, reply: Reply) -> None:
        place = f"{request.method} {request.path}?{sorted(request.query.items())}"
        if place in self.answered and (record := RECORD.match(request.path)):
            self.again.add(record[0])
        self.answered.add(place)  # 404 answers a question, too: no files
        if reply.status < 300:
            self.seen.add(place)


async def _serve(product: str, given: Mapping[str, Any]) -> None:
    simulator: Zephyr | QTest
    if product == "zephyr":
        simulator = Zephyr(corpus.read(Path(given["corpus"])), ZephyrOptions(**given["options"]))
        token = simulator.token()
    else:
        options = QTestOptions(**given["options"])
        simulator, token = QTest(options), options.token
    simulator.server.faults = Faults(**given["faults"]) if given["faults"] else None
    places = _Places()
    simulator.server.recorder = places

    def tell() -> None:
        calls: Counter[str] = Counter()
        for (method, route), number in simulator.server.calls.items():
            calls[f"{method} {route}"] += number
        _say(
            {
                "calls": calls,
                "places": len(places.seen),
                "again": sorted(places.again),
                "made": simulator.server.faults.made if simulator.server.faults else {},
                "errors": simulator.server.errors,
                "dump": simulator.dump() if isinstance(simulator, QTest) else None,
            }
        )

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with simulator.serving() as url:
        _say({"url": url, "token": token})
        await ended.wait()


def _say(line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], json.loads(sys.argv[2])))
