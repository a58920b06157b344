"""The short form of the kill loop; the long one is run by hand (see its docstring)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOOP = Path(__file__).parents[1] / "performance" / "kill_loop.py"
SIZE = ("--cases", "60", "--executions", "80", "--files", "20", "--short")
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.shared("data/mattermost"),
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(LOOP), *SIZE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=590,
    )


def test_kills_at_random_instants_leave_nothing_twice_missing_or_different() -> None:
    done = run("--kills", "8")
    assert done.returncode == 0, done.stdout + done.stderr[-3_000:]


def test_a_kill_at_half_time_repeats_few_calls() -> None:
    # 32 of these 80 executions are being read when the kill comes: 3 % is for 500 cases
    done = run("--once", "--repeated", "0.15")
    assert done.returncode == 0, done.stdout + done.stderr[-3_000:]
