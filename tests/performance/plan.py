"""Compares ``ztoq plan`` with the load that follows, for several latencies and limits.

``python tests/performance/plan.py``

An invented shop goes into the simulated qTest, which answers after a given time; the client is
limited by the number of requests at once, by a rate, or by neither. Printed are creates, updates,
calls and seconds as planned and as they were. The seconds are those of the run in the store,
without the start of the process.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from tests.corpus.serve import Served
from tests.corpus.setting import command, environment, write_config
from tests.performance.invented import KEY, write
from tests.performance.measuring import machine

CALLS, TIME = 0.05, 0.25


@attrs.frozen(kw_only=True)
class Setting:
    """A service and how it is called."""

    latency: float
    limits: Mapping[str, float]

    def __str__(self) -> str:
        limits = ", ".join(f"{name} = {value:g}" for name, value in self.limits.items())
        return f"{self.latency * 1000:.0f} ms, {limits or 'no limit'}"


@attrs.frozen(kw_only=True)
class Compared:
    """A figure as planned and as it was."""

    what: str
    planned: float
    was: float
    allowed: float = 0.0

    @property
    def off(self) -> float:
        """By which share of what it was the plan was wrong."""
        return abs(self.planned - self.was) / self.was if self.was else float(self.planned != 0)


SETTINGS = (
    Setting(latency=0.2, limits={}),
    Setting(latency=0.2, limits={"rate": 40}),
    Setting(latency=0.4, limits={"in_flight": 8}),
)


def main() -> int:
    """Print the table; return 1 where a plan was further off than it may be."""
    given = _options().parse_args()
    sys.stdout.write(f"{machine()}\n{'':26}{'':10}{'planned':>9}{'was':>9}{'off':>7}\n")
    wrong = 0
    for setting in SETTINGS:
        for each in compare(setting, given.cases, given.executions):
            wrong += each.off > each.allowed
            sys.stdout.write(
                f"{setting!s:26}{each.what:10}{each.planned:9,.4g}{each.was:9,.4g}"
                f"{100 * each.off:6.1f}%\n"
            )
    return int(wrong > 0)


def compare(setting: Setting, cases: int, executions: int) -> Iterator[Compared]:
    """Plan and load, and yield what was planned and what it was."""
    with tempfile.TemporaryDirectory(prefix="ztoq-plan-") as name:
        folder = Path(name)
        write(folder / "shop.jsonl", cases, executions)
        with (
            Served("zephyr", "--corpus", str(folder / "shop.jsonl")) as zephyr,
            Served("qtest", "--latency", str(setting.latency)) as qtest,
        ):
            config = write_config(folder, zephyr.url, qtest.url, project=KEY)
            lines = "".join(f"{name} = {value:g}\n" for name, value in setting.limits.items())
            text = config.read_text("utf-8")
            config.write_text(text.replace("create_fields", f"{lines}create_fields"), "utf-8")
            env = environment(zephyr.token, qtest.token)

            def ztoq(*arguments: str) -> Any:
                done = subprocess.run(
                    command(config, "--json", *arguments),
                    cwd=folder,
                    env=env,
                    capture_output=True,
                    text=True,
                    check=True,
                )
                return json.loads(done.stdout.splitlines()[-1])

            ztoq("extract")
            ztoq("transform")
            plan = ztoq("plan")
            before = qtest.calls_so_far()
            ztoq("load")
            calls = sum(qtest.calls_so_far().values()) - sum(before.values())
            created, updated, seconds = _written(folder)
    yield Compared(what="creates", planned=_sum(plan, "create"), was=created)
    yield Compared(what="updates", planned=_sum(plan, "update"), was=updated)
    yield Compared(what="calls", planned=plan["calls"], was=calls, allowed=CALLS)
    yield Compared(what="seconds", planned=sum(plan["seconds"]) / 2, was=seconds, allowed=TIME)


def _sum(plan: Mapping[str, Any], column: str) -> int:
    return sum(each[column] for each in plan["kinds"])


def _written(folder: Path) -> tuple[int, int, float]:
    """Return how many objects the last run created and updated, and how long it took."""
    with sqlite3.connect(folder / "migration.db") as store:
        ((last, began, ended),) = store.execute(
            "SELECT MAX(id), started, ended FROM run WHERE verb = 'load'"
        )
        ((created, updated),) = store.execute(
            "SELECT SUM(created_run = ?), SUM(updated_run = ?) FROM item", (last, last)
        )
    seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    return int(created), int(updated), seconds


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--cases", type=int, default=200)
    made.add_argument("--executions", type=int, default=400)
    return made


if __name__ == "__main__":
    sys.exit(main())
