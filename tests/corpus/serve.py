"""Serves one of the two products in a process of its own: ``python -m tests.corpus.serve zephyr``.

Prints one JSON line with address and token when it serves; at SIGUSR1, and after SIGTERM, another
with the number of calls by method and route. ``Served`` starts and ends such a process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from ztoq_demo.qtest import Options as QTestOptions
from ztoq_demo.qtest import Simulator as QTest
from ztoq_demo.zephyr import corpus
from ztoq_demo.zephyr.simulator import Simulator as Zephyr

from tests.corpus.real import Json

ROOT = Path(__file__).resolve().parents[2]


class Served:
    """A simulator in a process; ``url`` and ``token`` reach it, ``calls`` are known after it."""

    def __init__(self, product: str, *arguments: str) -> None:
        self._command = [sys.executable, "-m", "tests.corpus.serve", product, *arguments]
        self.url = ""
        self.token = ""
        self.calls: dict[str, int] = {}

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
        self.stop()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def calls_so_far(self) -> dict[str, int]:
        """Return the number of calls by method and route up to now."""
        self._process.send_signal(signal.SIGUSR1)
        calls: dict[str, int] = self._line()["calls"]
        return calls

    def stop(self) -> None:
        """End the process; it may be called again."""
        if self._process.poll() is None:
            self._process.terminate()
            self.calls.update(self._line()["calls"])
            self._process.wait(timeout=30)
        if self._process.stdout:
            self._process.stdout.close()

    def _line(self) -> Json:
        assert self._process.stdout
        found: Json = json.loads(self._process.stdout.readline())
        return found


async def _serve(given: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    simulator: Zephyr | QTest
    if given.product == "zephyr":
        simulator = Zephyr(corpus.read(given.corpus))
        token = simulator.token()
    else:
        options = QTestOptions(file_limit=given.file_limit)
        simulator = QTest(options)
        token = options.token
    simulator.server.latency = given.latency

    def say_calls() -> None:
        calls = {f"{method} {route}": n for (method, route), n in simulator.server.calls.items()}
        _say({"calls": calls})

    loop.add_signal_handler(signal.SIGUSR1, say_calls)
    async with simulator.serving() as url:
        _say({"url": url, "token": token})
        await ended.wait()
    say_calls()


def _say(line: Json) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description="Serve a product on loopback.")
    made.add_argument("product", choices=["zephyr", "qtest"])
    made.add_argument("--corpus", type=Path)
    made.add_argument("--file-limit", type=int, default=50 * 1024 * 1024, help="bytes, qTest")
    made.add_argument("--latency", type=float, default=0.0, help="seconds for each request")
    return made


if __name__ == "__main__":
    asyncio.run(_serve(_options().parse_args()))
