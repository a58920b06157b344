"""Measures ``ztoq validate``: its calls for each object, and its peak memory as the project grows.

``python tests/performance/validate.py --cases 1000 3000``

Invented cases with two steps each, and two executions for each case, go from one simulator to the
other; then the target is validated without a change. A validation that finds anything ends this
with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from tests.corpus.serve import Served
from tests.corpus.setting import command, environment, write_config
from tests.performance.invented import KEY, write
from tests.performance.measuring import Measured, machine, measure

STAGES = ("extract", "transform", "load")
PER_CASE = 2
"""Executions for each case."""


@attrs.frozen
class Validated:
    """What one validation cost; ``calls`` by route."""

    cost: Measured
    calls: Counter[str]
    objects: int


def main() -> int:
    """Validate projects of all sizes, print the figures, and return the exit code."""
    given = _options().parse_args()
    sys.stdout.write(f"{machine()}\n")
    columns = ("cases", "logs", "objects", "calls", "each", "wall s", "CPU s", "peak MB")
    sys.stdout.write("".join(f"{each:>10}" for each in columns) + "\n")
    found = None
    for cases in given.cases:
        found = _run(cases)
        if found.cost.code:
            sys.stdout.write(found.cost.output[-2000:])
            return 1
        calls = sum(found.calls.values())
        row = (
            f"{cases:,}",
            f"{PER_CASE * cases:,}",
            f"{found.objects:,}",
            f"{calls:,}",
            f"{calls / found.objects:.2f}",
            f"{found.cost.wall:.1f}",
            f"{found.cost.cpu:.1f}",
            f"{found.cost.peak:.0f}",
        )
        sys.stdout.write("".join(f"{each:>10}" for each in row) + "\n")
        sys.stdout.flush()
    for route, number in found.calls.most_common() if found else ():
        sys.stdout.write(f"  {number:6} {route}\n")
    return 0


def _run(cases: int) -> Validated:
    with tempfile.TemporaryDirectory(prefix="ztoq-validate-") as name:
        folder = Path(name)
        write(folder / "shop.jsonl", cases, PER_CASE * cases)
        with (
            Served("zephyr", "--corpus", str(folder / "shop.jsonl")) as zephyr,
            Served("qtest") as qtest,
        ):
            config = write_config(folder, zephyr.url, qtest.url, project=KEY)
            env = environment(zephyr.token, qtest.token)
            for stage in STAGES:
                done = measure(command(config, "-q", stage), folder=folder, env=env)
                if done.code:
                    raise SystemExit(f"{stage}: {done.output[-2000:]}")
            zephyr.stop()
            before = Counter(qtest.calls_so_far())
            cost = measure(command(config, "--json", "validate"), folder=folder, env=env)
            calls = Counter(qtest.calls_so_far()) - before
    counts = json.loads(cost.output.splitlines()[-1]).get("counts", {})
    return Validated(cost, calls, sum(each.get("finished", 0) for each in counts.values()))


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--cases", type=int, nargs="+", default=[1_000, 3_000])
    return made


if __name__ == "__main__":
    sys.exit(main())
