"""Starts the simulator by hand: ``python -m ztoq_demo.zephyr --port 8001 --corpus FILE``.

Prints the base URL, then a token that works, a line each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import attrs
from ztoq_testkit.simulate import Server, main, parser

from ztoq_demo.zephyr import corpus
from ztoq_demo.zephyr.access import token
from ztoq_demo.zephyr.demo import shop
from ztoq_demo.zephyr.mattermost import mattermost
from ztoq_demo.zephyr.model import Project
from ztoq_demo.zephyr.options import Options
from ztoq_demo.zephyr.routes import BASE
from ztoq_demo.zephyr.simulator import Simulator


def options() -> argparse.ArgumentParser:
    """Return the options: those of every simulator and what differs between tenants."""
    made = parser("Serve a Zephyr Cloud project on loopback; without a corpus a demo project.")
    source = made.add_mutually_exclusive_group()
    source.add_argument("--corpus", type=Path, metavar="FILE", help="JSON or JSONL (.gz)")
    source.add_argument("--mattermost", type=Path, metavar="FOLDER", help="Mattermost's cases")
    made.add_argument("--token", help="accept this one only (default: any unexpired JWT)")
    made.add_argument("--cap", type=int, default=1000, help="the most values of a page")
    made.add_argument("--drift", type=int, default=0, help="how much too high totals may be")
    made.add_argument("--missing", type=int, default=403, help="status of what the tenant lacks")
    for flag, name, help_ in (
        ("--no-nextgen", "next_gen", "a tenant without cursor lists"),
        ("--no-attachments", "attachments", "a tenant without attachment endpoints"),
        (
            "--no-downloads",
            "downloads",
            "a tenant whose attachments cannot be read",
        ),
        ("--no-total", "total", "pages without total"),
        ("--no-is-last", "is_last", "pages without isLast"),
        ("--no-step-ids", "step_ids", "steps without ids"),
    ):
        made.add_argument(flag, dest=name, action="store_false", help=help_)
    made.add_argument(
        "--extra-keys", action="store_true", help="references with a key that no document knows"
    )
    return made


def serve(given: argparse.Namespace) -> Server:
    """Return the server for the given options."""
    names = attrs.fields_dict(Options)
    tenant = Options(**{name: value for name, value in vars(given).items() if name in names})
    return Simulator(_projects(given), tenant).server


def _projects(given: argparse.Namespace) -> list[Project]:
    try:
        if given.corpus:
            return corpus.read(given.corpus)
        return [mattermost(given.mattermost)] if given.mattermost else shop()
    except (OSError, ValueError) as error:
        raise SystemExit(f"the corpus cannot be read: {error}") from None


def start() -> None:
    """Read the command line and serve until a signal ends it."""
    made = options()
    given = made.parse_args()
    # the kit prints the address and this path; the token follows on a line of its own
    main(serve, options=made, path=f"{BASE}\n{given.token or token()}")


if __name__ == "__main__":
    start()
