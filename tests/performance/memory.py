"""Measures the peak memory of extract, transform and load as the project grows.

``python tests/performance/memory.py --cases 1000 10000 100000``

Invented cases with two steps each; files and executions are left out. Each verb is a process of its
own; its peak is printed, and beside it the ratio to the smallest project.

``python tests/performance/memory.py --cases 10 --file 1000 --stream``

moves one file of so many megabytes too; ``--stream`` passes it on instead of keeping it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from tests.corpus.serve import Served
from tests.corpus.setting import command, environment, write_config
from tests.performance.invented import KEY, write
from tests.performance.measuring import Measured, machine, measure

VERBS = ("extract", "transform", "load", "validate")


def main() -> int:
    """Run all sizes, print the figures, and return the exit code."""
    given = _options().parse_args()
    sys.stdout.write(f"{machine()}\npeak resident memory in MB (wall in s), ratio to the first\n")
    sys.stdout.write(f"{'cases':>8}" + "".join(f"{verb:>24}" for verb in given.verbs) + "\n")
    first: dict[str, float] = {}
    for cases in given.cases:
        found = _run(given, cases)
        line = f"{cases:8}"
        for verb, done in found.items():
            ratio = done.peak / first.setdefault(verb, done.peak)
            line += f"{f'{done.peak:.0f} ({done.wall:.0f} s) {ratio:.2f}':>24}"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0


def _run(given: argparse.Namespace, cases: int) -> dict[str, Measured]:
    with tempfile.TemporaryDirectory(prefix="ztoq-memory-") as name:
        folder = Path(name)
        write(folder / "shop.jsonl", cases, 0, int(given.file > 0), given.file * 1_000_000)
        with (
            Served("zephyr", "--corpus", str(folder / "shop.jsonl")) as zephyr,
            Served("qtest", "--file-limit", "2000000000") as qtest,
        ):
            config = write_config(folder, zephyr.url, qtest.url, project=KEY)
            text = config.read_text("utf-8")
            if not given.file:
                text = text.replace("[sink]", "attachments = []\n[sink]")
            if given.stream:
                text = text.replace("[store]", '[store]\nattachments_mode = "stream"')
            config.write_text(text, "utf-8")
            env = environment(zephyr.token, qtest.token)
            found = {}
            for verb in given.verbs:
                found[verb] = measure(command(config, "-q", verb), folder=folder, env=env)
                if found[verb].code:
                    raise SystemExit(f"{verb}: {found[verb].output[-2000:]}")
            return found


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--cases", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    made.add_argument("--verbs", nargs="+", choices=VERBS, default=list(VERBS))
    made.add_argument("--file", type=int, default=0, metavar="MB", help="one file of this size")
    made.add_argument("--stream", action="store_true", help="pass files on")
    return made


if __name__ == "__main__":
    sys.exit(main())
