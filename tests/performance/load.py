"""Measures ``ztoq load`` against the least time that its calls can take.

``python tests/performance/load.py``

2,000 invented cases with steps and 4,000 executions are extracted and mapped, then loaded into the
simulated qTest at 20 ms latency with 32 requests in flight. The least time is calls ÷ slots times
latency: every slot full all the time. The simulator has one of the two cores.
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
from tests.performance.measuring import machine, measure


def main() -> int:
    """Run once, print the figures, and return the exit code."""
    given = _options().parse_args()
    with tempfile.TemporaryDirectory(prefix="ztoq-load-") as name:
        folder = Path(name)
        write(folder / "shop.jsonl", given.cases, given.executions)
        sys.stdout.write(
            f"{machine()}\n{given.cases} cases, {given.executions} executions, "
            f"{given.latency * 1000:.0f} ms latency, {given.slots} in flight\n"
        )
        with (
            Served("zephyr", "--corpus", str(folder / "shop.jsonl")) as zephyr,
            Served("qtest", "--latency", str(given.latency)) as qtest,
        ):
            config = write_config(folder, zephyr.url, qtest.url, project=KEY)
            text = config.read_text("utf-8")
            config.write_text(
                text.replace("create_fields", f"in_flight = {given.slots}\ncreate_fields"), "utf-8"
            )
            env = environment(zephyr.token, qtest.token)
            for verb in ("extract", "transform"):
                done = measure(command(config, verb), folder=folder, env=env)
                if done.code:
                    raise SystemExit(done.output[-2000:])
            zephyr.stop()
            done = measure(command(config, "load"), folder=folder, env=env)
            qtest.stop()
    calls = sum(qtest.calls.values())
    least = calls / given.slots * given.latency
    for what, value in (
        ("exit code", done.code),
        ("calls", calls),
        ("least time", f"{least:.2f} s"),
        ("wall", f"{done.wall:.2f} s"),
        ("wall / least time", f"{done.wall / least:.2f}"),
        ("CPU", f"{done.cpu:.2f} s, {done.cpu / calls * 1000:.2f} ms a call"),
        ("peak memory", f"{done.peak:.0f} MB"),
    ):
        sys.stdout.write(f"{what:18} {value}\n")
    if done.code:
        sys.stdout.write(done.output[-2000:])
    return done.code


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--cases", type=int, default=2_000)
    made.add_argument("--executions", type=int, default=4_000)
    made.add_argument("--latency", type=float, default=0.02, help="seconds for each request")
    made.add_argument("--slots", type=int, default=32)
    return made


if __name__ == "__main__":
    sys.exit(main())
