"""Serve a simulated qTest site by hand: ``python -m ztoq_demo.qtest --port 8099``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta

import attrs
from ztoq_testkit.simulate import Server, main, parser

from ztoq_demo.qtest.options import Options
from ztoq_demo.qtest.server import Simulator


def options() -> argparse.ArgumentParser:
    """Return the options of the command line."""
    own = parser("Simulate a qTest Manager site on loopback; its state ends with it.")
    own.add_argument("--token", default=Options().token, help="the static token")
    own.add_argument("--user", dest="username", default="", help="name of a password login")
    own.add_argument("--password", default="", help="its password")
    own.add_argument("--token-life", type=float, default=3600.0, help="seconds, of a login's token")
    own.add_argument("--project", type=int, default=4242, help="id of the empty project")
    own.add_argument("--automation", action="store_true", help="Automation settings are on")
    own.add_argument("--fields-forbidden", action="store_true", help="403 for field settings")
    for flag, name, help_ in (
        ("--not-administrator", "administrator", "the rights of a tester"),
        ("--lenient", "strict", "accept what no fact says is refused"),
    ):
        own.add_argument(flag, dest=name, action="store_false", help=help_)
    own.add_argument(
        "--required",
        dest="required_fields",
        action="append",
        default=[],
        metavar="TYPE=LABEL",
        help="a field that is required, such as test-runs=Environment; may be repeated",
    )
    own.add_argument("--search-lag", type=float, default=0.0, help="seconds until search sees")
    own.add_argument(
        "--site-offset",
        type=lambda hours: timedelta(hours=float(hours)),
        default="7",
        help="hours from UTC",
    )
    own.add_argument("--minute-budget", type=int, default=1_000_000, help="calls in a minute")
    own.add_argument("--month-budget", type=int, default=100_000_000, help="calls in all")
    own.add_argument("--file-limit", type=int, default=50 * 1024 * 1024, help="bytes of a file")
    own.add_argument("--normalise-html", action="store_true", help="texts come back changed")
    own.add_argument("--called-steps", choices=("nested", "flat"), default="nested")
    return own


def make_server(given: argparse.Namespace) -> Server:
    """Return the server, having told project and token on stderr."""
    required: dict[str, tuple[str, ...]] = {}
    for text in given.required_fields:
        owner, _, label = text.partition("=")
        required[owner] = (*required.get(owner, ()), label)
    names = attrs.fields_dict(Options)
    chosen = {name: value for name, value in vars(given).items() if name in names}
    simulator = Simulator(Options(**chosen | {"required_fields": required}))
    # the first line of stdout is the base URL (see the kit); the token is a simulator's, no secret
    sys.stderr.write(f"project {given.project}, token {given.token}\n")
    return simulator.server


def run(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    main(make_server, options=options(), arguments=arguments)


if __name__ == "__main__":
    run()
