"""Runs a command as a process and measures it from outside: wall, CPU, peak memory, exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs


@attrs.frozen(kw_only=True)
class Measured:
    """What a process cost; ``wall`` and ``cpu`` (user and system) in seconds, ``peak`` in MB.

    ``peak`` is the resident memory of that process, without children of its own; ``written`` is
    what it gave to the disk, in MB (``write_bytes`` of ``/proc/PID/io``).
    """

    code: int
    wall: float
    cpu: float
    peak: float
    written: float
    output: str = ""


def measure(
    command: Sequence[str], *, folder: Path, env: Mapping[str, str] | None = None
) -> Measured:
    """Run a command to its end in ``folder``; what it prints is kept in a file there."""
    output = folder / "output.txt"
    begun = time.monotonic()
    with output.open("wb") as out:
        process = subprocess.Popen(
            list(command),
            cwd=folder,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    return Measured(
        code=process.returncode,
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        peak=usage.ru_maxrss / 1024,
        written=usage.ru_oublock * 512 / 1e6,
        output=output.read_text("utf-8", "replace"),
    )


def median(values: Sequence[float]) -> float:
    """Return the middle one, the lower one of two."""
    return sorted(values)[(len(values) - 1) // 2]


def machine() -> str:
    """Return what the figures were measured on, in one line."""
    model = ""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [x for x in info.read_text().splitlines() if x.startswith("model name")]
        model = models[0].partition(":")[2].strip() if models else ""
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} cores {model}, load {load:.1f} at the start"


def say_reach(
    what: str, reached: float, *, most: float | None = None, least: float | None = None
) -> None:
    """Print a figure beside the one to reach."""
    aim = f"at most {most:g}" if most is not None else f"at least {least:g}"
    missed = reached > most if most is not None else least is not None and reached < least
    state = "missed" if missed else "reached"
    sys.stdout.write(f"{what:44} {reached:8.2f}   {aim}: {state}\n")
