"""How much CPU ``ztoq --help`` and ``--version`` take, beside an interpreter that does nothing.

``python tests/performance/startup.py`` prints user and system time in milliseconds over several
processes each: the least, the median and the most.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

REACH = 250.0
"""Milliseconds that help and version may take (median)."""

ROWS = {
    "python -c pass": ("-c", "pass"),
    "ztoq --version": ("-m", "ztoq_core", "--version"),
    "ztoq --help": ("-m", "ztoq_core", "--help"),
    "ztoq migrate --help": ("-m", "ztoq_core", "migrate", "--help"),
}


def used(command: tuple[str, ...]) -> float:
    """Return the milliseconds of CPU that a process took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> int:
    """Measure, print, and say whether the figure is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="processes of each sort")
    runs = parser.parse_args().runs
    reached = True
    print(f"{'CPU of a process, ms':24}{'least':>8}{'median':>8}{'most':>8}")  # noqa: T201
    for name, command in ROWS.items():
        used(command)  # the first one compiles and fills the cache of the disk
        figures = sorted(used(command) for _ in range(runs))
        median = statistics.median(figures)
        reached &= median < REACH
        print(f"{name:24}{figures[0]:8.0f}{median:8.0f}{figures[-1]:8.0f}")  # noqa: T201
    print(f"reach: under {REACH:.0f} ms (median): {'yes' if reached else 'no'}")  # noqa: T201
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
