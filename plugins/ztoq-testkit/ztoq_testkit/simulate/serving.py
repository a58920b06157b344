"""The command line that simulators share: ``python -m some_plugin.simulator --port 8000``."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence

from ztoq_testkit.simulate.faults import Fault, Faults
from ztoq_testkit.simulate.server import Server


def parser(description: str) -> argparse.ArgumentParser:
    """Return the options that all simulators have; a simulator adds its own."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--port", type=int, default=0, help="0 (default) takes a free one")
    options.add_argument("--latency", type=float, default=0.0, help="seconds for each request")
    options.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=SHARE",
        help=f"may be repeated; names: {', '.join(Fault)}",
    )
    options.add_argument("--limit", type=float, help="requests a second before 429")
    options.add_argument("--retry-after", type=float, help="seconds in the header of a 429")
    options.add_argument("--seed", type=int, default=0, help="of the faults")
    return options


def main(
    make_server: Callable[[argparse.Namespace], Server],
    *,
    options: argparse.ArgumentParser | None = None,
    path: str = "",
    arguments: Sequence[str] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; the first line on stdout is the base URL, ``path`` included.

    ``make_server`` gets the parsed ``options`` (default: those of ``parser``). Latency and faults
    of the command line are set on what it returns, where they are given.
    """
    options = options or parser("Simulate a service on loopback.")
    given = options.parse_args(arguments)
    faults = _faults(given, options)
    server = make_server(given)
    if given.latency:
        server.latency = given.latency
    if faults is not None:
        server.faults = faults
    asyncio.run(_serve(server, given.port, path))


def _faults(given: argparse.Namespace, options: argparse.ArgumentParser) -> Faults | None:
    if not given.fault and given.limit is None:
        return None
    faults = Faults(seed=given.seed, limit_per_second=given.limit, retry_after=given.retry_after)
    for text in given.fault:
        name, _, share = text.partition("=")
        try:
            setattr(faults, Fault(name).value, float(share))
        except ValueError:
            options.error(f"--fault {text}: NAME=SHARE with a name of {', '.join(Fault)}")
    return faults


async def _serve(server: Server, port: int, path: str) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with server.serving(port) as base_url:
        sys.stdout.write(f"{base_url}{path}\n")
        sys.stdout.flush()
        await ended.wait()
