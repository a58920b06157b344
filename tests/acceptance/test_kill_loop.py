"""The short form of the kill loop; the long one is run by hand (see its docstring)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import POSTGRES
from tests.performance.kill_loop import FAKETIME

LOOP = Path(__file__).parents[1] / "performance" / "kill_loop.py"
SIZE = ("--cases", "60", "--executions", "80", "--files", "20", "--short")
pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.shared("data/mattermost"),
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(LOOP), *SIZE, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=590,
    )


def test_kills_at_random_instants_leave_nothing_twice_missing_or_different() -> None:
    done = run("--kills", "8")
    assert done.returncode == 0, done.stdout + done.stderr[-3_000:]


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not there: apt-get install faketime")
def test_stopped_processes_and_clocks_that_are_set_double_nothing() -> None:
    done = run("--kills", "4", "--stops", "2", "--clocks")
    assert done.returncode == 0, done.stdout + done.stderr[-3_000:]


@pytest.mark.postgres
def test_replaced_runs_and_cut_connections_double_nothing(store_url: str) -> None:
    if store_url.startswith("sqlite"):
        pytest.skip("a stopped process keeps an SQLite store; the test above shows it")
    done = run("--kills", "3", "--stops", "2", "--cuts", "2", "--store", POSTGRES)
    assert done.returncode == 0, done.stdout + done.stderr[-3_000:]


@pytest.mark.parametrize("share", ["0.3", "0.75"])  # while reading, and while writing
def test_after_a_kill_few_records_are_asked_for_again(share: str) -> None:
    done = run("--once", "--at", share)
    assert done.returncode == 0, done.stdout + done.stderr[-3_000:]
