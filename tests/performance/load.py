"""Measures ``ztoq load`` against the least time that its calls can take.

``python tests/performance/load.py``

2,000 invented cases with steps and 4,000 executions are extracted and mapped, then loaded into the
simulated qTest at 20 ms latency with 32 requests in flight. The least time is calls ÷ slots times
latency: every slot full all the time. With ``--pinned`` the simulator has a core of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from tests.corpus.serve import Served
from tests.corpus.setting import command, environment, write_config
from tests.performance.invented import KEY, write
from tests.performance.measuring import machine, measure, say_reach


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
            if given.pinned:
                os.sched_setaffinity(qtest.pid, {0})
                os.sched_setaffinity(0, {1})  # and what is started from here
            done = measure(command(config, "load"), folder=folder, env=env)
            qtest.stop()
    calls = sum(qtest.calls.values())
    least = calls / given.slots * given.latency
    for what, value in (
        ("exit code", done.code),
        ("calls", calls),
        ("least time", f"{least:.2f} s"),
        ("wall", f"{done.wall:.2f} s"),
        ("CPU", f"{done.cpu:.2f} s"),
        ("peak memory", f"{done.peak:.0f} MB"),
    ):
        sys.stdout.write(f"{what:18} {value}\n")
    say_reach("wall against the least time", done.wall / least, most=1.25)
    say_reach("CPU a call, ms", 1000 * done.cpu / calls, most=0.6)
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
    made.add_argument("--pinned", action="store_true", help="one core for each of the two")
    return made


if __name__ == "__main__":
    sys.exit(main())
