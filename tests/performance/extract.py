"""Measures ``ztoq extract`` beside a hand-written client and beside dlt, in one run.

``python tests/performance/extract.py --dlt PYTHON``

10,000 invented cases with a call for the steps of each, 20 ms latency, files left out, 32 requests
in flight for all. ``--dlt`` is the Python of an environment that has ``dlt[duckdb]`` (without it
that column is left out). All run against the same simulator, which has one of the two cores.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from tests.corpus.serve import Served
from tests.corpus.setting import command, environment
from tests.performance.invented import KEY, write
from tests.performance.measuring import Measured, machine, measure, median, say_reach

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """\
[store]
url = "sqlite:///{folder}/ztoq.db"
[source]
use = "zephyr"
base_url = "{url}"
project = "{project}"
token = {{ env = "ZEPHYR_TOKEN" }}
attachments = []
in_flight = {slots}
[sink]
use = "qtest"
base_url = "http://127.0.0.1:1"
project = 1
token = {{ env = "QTEST_TOKEN" }}
"""
# dlt finds out by itself how many threads help: more than these made it slower here
WORKERS = (5, 16, 32)


class Contest:
    """One served project and the ways of reading it."""

    def __init__(self, given: argparse.Namespace, folder: Path, served: Served) -> None:
        self.given, self.folder, self.served = given, folder, served

    def ztoq(self, place: Path) -> Measured:
        """Run ``ztoq extract``."""
        config = place / "ztoq.toml"
        config.write_text(
            CONFIG.format(folder=place, url=self.served.url, project=KEY, slots=self.given.slots),
            "utf-8",
        )
        env = environment(self.served.token, "unused")
        done = measure(command(config, "extract"), folder=place, env=env)
        _expect(done, self._count(place / "ztoq.db", "SELECT count(*) FROM test_cases"))
        return done

    def by_hand(self, place: Path) -> Measured:
        """Run the hand-written client."""
        file = place / "hand.db"
        done = measure(
            (
                sys.executable,
                "-m",
                "tests.performance.by_hand",
                self.served.url,
                self.served.token,
                KEY,
                str(file),
                str(self.given.slots),
            ),
            folder=place,
            env=environment(self.served.token, "") | {"PYTHONPATH": str(ROOT)},
        )
        _expect(done, self._count(file, "SELECT count(*) FROM steps"))
        return done

    def dlt(self, place: Path, workers: int) -> Measured:
        """Run dlt with so many threads."""
        script = Path(__file__).with_name("by_dlt.py")
        url, token = self.served.url, self.served.token
        env = {k: v for k, v in environment(token, "").items() if k != "PYTHONPATH"}
        done = measure(
            (self.given.dlt, str(script), url, token, KEY, str(place), str(workers)),
            folder=place,
            env=env,
        )
        if f"steps {2 * self.given.cases}" not in done.output:
            raise SystemExit(f"dlt did not read all:\n{done.output[-2000:]}")
        return done

    def _count(self, file: Path, query: str) -> int:
        base = sqlite3.connect(file)
        (number,) = base.execute(query).fetchone()
        base.close()
        if number != self.given.cases:
            raise SystemExit(f"{file} holds {number} of {self.given.cases} cases")
        return int(number)


def _expect(done: Measured, _number: int) -> None:
    if done.code:
        raise SystemExit(f"exit code {done.code}:\n{done.output[-2000:]}")


def main() -> int:
    """Run the contest, print the figures, and return the exit code."""
    given = _options().parse_args()
    with tempfile.TemporaryDirectory(prefix="ztoq-extract-") as name:
        folder = Path(name)
        write(folder / "shop.jsonl", given.cases)
        latency = ("--latency", str(given.latency))
        sys.stdout.write(
            f"{machine()}\n{given.cases} cases, {given.latency * 1000:.0f} ms latency, "
            f"{given.slots} in flight, median of {given.runs}\n"
        )
        with Served("zephyr", "--corpus", str(folder / "shop.jsonl"), *latency) as served:
            contest = Contest(given, folder, served)
            ways = {"by hand": contest.by_hand, "ztoq extract": contest.ztoq}
            found: dict[str, list[Measured]] = {name: [] for name in ways}
            for number in range(given.runs):
                for way, run in ways.items():  # in turn, so that all see the same machine
                    place = folder / f"{way.split()[0]}-{number}"
                    place.mkdir()
                    found[way].append(run(place))
            if given.dlt:
                for workers in WORKERS:
                    place = folder / f"dlt-{workers}"
                    place.mkdir()
                    found[f"dlt, {workers} threads"] = [contest.dlt(place, workers)]
    _print(found, given.cases)
    return 0


def _print(found: dict[str, list[Measured]], cases: int) -> None:
    by_hand = found["by hand"]
    aims: dict[str, tuple[float, float]] = {}
    sys.stdout.write(f"{'':16} {'wall s':>8} {'CPU s':>8} {'peak MB':>8}   ratios to by hand\n")
    for way, runs in found.items():
        mine = [[getattr(each, what) for each in runs] for what in ("wall", "cpu", "peak")]
        base = [[getattr(each, what) for each in by_hand] for what in ("wall", "cpu", "peak")]
        # pair by pair where both ran in turn: the machine's speed drifts
        ratios = [
            median([a / b for a, b in zip(one, other, strict=False)])
            for one, other in zip(mine, base, strict=True)
        ]
        wall, cpu, peak = (median(each) for each in mine)
        shown = "  ".join(f"{each:5.2f}" for each in ratios)
        sys.stdout.write(f"{way:16} {wall:8.2f} {cpu:8.2f} {peak:8.0f}   {shown}\n")
        if way == "ztoq extract":
            aims = {
                "wall against by hand": (ratios[0], 1.15),
                "CPU against by hand": (ratios[1], 2),
            }
            aims["CPU a call, ms"] = (1000 * cpu / cases, 0.6)
    others = [runs[0].wall for way, runs in found.items() if way.startswith("dlt")]
    if others:
        ours = median([each.wall for each in found["ztoq extract"]])
        aims["wall against dlt's best"] = (ours / min(others), 0.3)
    for what, (reached, most) in aims.items():
        say_reach(what, reached, most=most)


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--cases", type=int, default=10_000)
    made.add_argument("--latency", type=float, default=0.02, help="seconds for each request")
    made.add_argument("--slots", type=int, default=32)
    made.add_argument("--runs", type=int, default=3)
    made.add_argument("--dlt", metavar="PYTHON", help="of an environment with dlt[duckdb]")
    return made


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.SubprocessError as error:
        sys.exit(str(error))
