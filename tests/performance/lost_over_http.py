"""Measures what lost answers cost ``ztoq load`` over HTTP, on the wall.

``python tests/performance/lost_over_http.py``

Invented cases with executions are loaded into the simulated qTest, all in processes of their own,
with the time-out of 60 s: without faults, then with 2 % of the answers lost and 2 % answered by a
5xx, both after the object was made. Exit code 1 where that costs more than half the time again and
one settling time, or where validation finds anything missing, different or double.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from tests.corpus.setting import command, environment, write_config
from tests.performance import invented
from tests.performance.measuring import measure
from tests.performance.sites import Site

TIMEOUT_S = 60.0
FAULTS = {"lost": 0.02, "error_after": 0.02, "seed": 1}


def compare(cases: int) -> int:
    """Load over HTTP without and with lost answers, print both, and return the exit code."""
    walls: list[float] = []
    for faults in ({}, FAULTS):
        with tempfile.TemporaryDirectory(prefix="ztoq-lost-") as name:
            folder = Path(name)
            invented.write(folder / "shop.jsonl", cases, 2 * cases, 0, 0)
            with (
                Site("zephyr", corpus=folder / "shop.jsonl") as zephyr,
                Site("qtest", faults=faults) as qtest,
            ):
                config = write_config(folder, zephyr.url, qtest.url, project=invented.KEY)
                env = environment(zephyr.token, qtest.token)
                for verb in ("extract", "transform", "load", "validate"):
                    done = measure(command(config, verb), folder=folder, env=env)
                    if verb == "load":
                        walls.append(done.wall)
                    if done.code:
                        sys.stdout.write(f"{verb} ended with {done.code}\n{done.output[-2000:]}\n")
                        return 1
                told = qtest.told()
        sys.stdout.write(
            f"{walls[-1]:7.1f} s for {cases} cases and {2 * cases} executions, "
            f"faults {told['made']}; validated: nothing missing, different or double\n"
        )
    most = 1.5 * walls[0] + TIMEOUT_S
    sys.stdout.write(f"at most {most:.1f} s with lost answers\n")
    return 0 if walls[1] <= most else 1


def main() -> int:
    """Run both, print the figures, and return the exit code."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--cases", type=int, default=400)
    return compare(made.parse_args().cases)


if __name__ == "__main__":
    raise SystemExit(main())
