"""Runs the demo and a migration again and again beside processes that want all of the CPU.

``python tests/performance/busy.py --times 30 --busy 4``

Each run is a process of the least priority (``SCHED_IDLE`` where there is one, else the nicest);
the busy processes work at the ordinary one, ``--share`` of the time: four that never pause leave
such a process nothing at all of two cores. Prints the seconds of every run. Exit code 1 where one
does not end within ``--most`` seconds or ends with anything but 0. Simulators keep the ordinary
priority, so that it is ztoq that is starved: a callback that comes late must not stop it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from tests.corpus.setting import PROJECT_ID, command, environment
from tests.performance import invented
from tests.performance.sites import Site

CONFIG = """\
[store]
url = "sqlite:///busy.db"

[source]
use = "zephyr"
base_url = "{zephyr}"
project = "{key}"
token = {{ env = "ZEPHYR_TOKEN" }}

[sink]
use = "qtest"
base_url = "{qtest}"
project = {project}
token = {{ env = "QTEST_TOKEN" }}
create_fields = true
"""
PERIOD_S = 0.1
SPIN = f"""\
import sys, time
share = float(sys.argv[1])
while True:
    until = time.monotonic() + {PERIOD_S} * share
    while time.monotonic() < until:
        pass
    time.sleep({PERIOD_S} * (1 - share))
"""


def starved() -> None:
    """Give this process what nobody else wants of the CPU."""
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)


@contextlib.contextmanager
def busy(processes: int, share: float) -> Iterator[None]:
    """Let so many processes work for that share of the time."""
    line = [sys.executable, "-c", SPIN, str(share)]
    made = [subprocess.Popen(line) for _ in range(processes)]
    try:
        yield
    finally:
        for each in made:
            each.kill()
            each.wait()


def timed(arguments: list[str], folder: Path, env: dict[str, str] | None, most: float) -> float:
    """Run a command starved; return its seconds, or a negative number where it failed."""
    begun = time.monotonic()
    with (folder / "output.txt").open("wb") as out:
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            preexec_fn=starved,  # noqa: PLW1509 - this process has no threads
        )
        try:
            code = process.wait(timeout=most)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = -1
    if code:
        sys.stdout.write((folder / "output.txt").read_text(errors="replace")[-2_000:])
        sys.stdout.write(f"\nended with {code}\n")
        return -1.0
    return time.monotonic() - begun


def demo(folder: Path, most: float) -> float:
    """Run ``ztoq demo`` once."""
    return timed([sys.executable, "-m", "ztoq_core", "-q", "demo"], folder, None, most)


def migration(folder: Path, corpus: Path, most: float) -> float:
    """Migrate the invented project once, to a fresh site."""
    with Site("zephyr", corpus=corpus) as zephyr, Site("qtest") as qtest:
        config = folder / "ztoq.toml"
        config.write_text(
            CONFIG.format(zephyr=zephyr.url, qtest=qtest.url, key=invented.KEY, project=PROJECT_ID)
        )
        env = environment(zephyr.token, qtest.token)
        return timed(command(config, "-q", "migrate"), folder, env, most)


def main() -> int:
    """Run all, print a line for each run and a summary for each kind."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--times", type=int, default=30)
    options.add_argument("--busy", type=int, default=4)
    options.add_argument("--share", type=float, default=0.45, help="of the time that they work")
    options.add_argument("--cases", type=int, default=200)
    options.add_argument("--most", type=float, default=300.0, help="seconds of one run")
    given = options.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as made, busy(given.busy, given.share):
        corpus = Path(made) / "corpus.json"
        invented.write(corpus, given.cases, given.cases, 0, 0)
        for name in ("demo", "migrate"):
            seconds = []
            for number in range(given.times):
                folder = Path(made) / f"{name}-{number}"
                folder.mkdir()
                run = (
                    demo(folder, given.most)
                    if name == "demo"
                    else migration(folder, corpus, given.most)
                )
                failed += run < 0
                seconds.append(run)
                sys.stdout.write(f"{name} {number + 1} of {given.times}: {run:.1f} s\n")
                sys.stdout.flush()
            good = [each for each in seconds if each >= 0] or [0.0]
            sys.stdout.write(
                f"{name}: {len(seconds)} runs beside {given.busy} busy processes, "
                f"{failed} failed in all; median {statistics.median(good):.1f} s, "
                f"longest {max(good):.1f} s\n"
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
