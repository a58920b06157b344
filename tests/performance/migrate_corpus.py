"""Migrates the real corpus through both simulators and prints what it cost.

``python tests/performance/migrate_corpus.py --cases 4366 --executions 6000``

Both simulators run in processes of their own, ``ztoq migrate`` in another, so that wall time and
peak memory are the product's. The target is then read back over its public API and compared with
what the generator states; exit code 1 where they differ.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from tests.corpus.compare import differences
from tests.corpus.corpus import Corpus, corpus, shared_data
from tests.corpus.reading import Found, read
from tests.corpus.serve import Served
from tests.corpus.setting import PROJECT_ID, command, environment, write_config
from tests.performance.measuring import say_reach

SHOWN = 40


def main() -> int:
    """Run once and return the exit code."""
    given = _options().parse_args()
    data = given.data or shared_data()
    if data is None or not data.is_dir():
        sys.stderr.write("the real cases (shared/data/mattermost) are not there; see --data\n")
        return 2
    made = corpus(
        data, cases=given.cases, executions=given.executions, files=given.files, seed=given.seed
    )
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        return _migrate(given, made, given.keep)
    with tempfile.TemporaryDirectory(prefix="ztoq-corpus-") as folder:
        return _migrate(given, made, Path(folder))


def _migrate(given: argparse.Namespace, made: Corpus, folder: Path) -> int:
    file = folder / "corpus.json"
    made.write(file)
    latency = ("--latency", str(given.latency))
    with (
        Served("zephyr", "--corpus", str(file), *latency) as zephyr,
        Served("qtest", *latency) as qtest,
    ):
        config = write_config(folder, zephyr.url, qtest.url, store=given.store)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        done = subprocess.run(
            command(config, "--json", "migrate"),
            cwd=folder,
            env=environment(zephyr.token, qtest.token),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        wall = time.monotonic() - started
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        zephyr.stop()
        found = asyncio.run(read(qtest.url, qtest.token, PROJECT_ID))
        calls_of_judge = found.calls
    wrong = differences(made.expected, found)
    _print(
        {
            "exit code": done.returncode,
            "cases": len(made.real.cases),
            "executions": len(made.history.executions),
            "objects in the target": _objects(found),
            "of them files": sum(len(files) for files in found.files.values()),
            "calls to Zephyr": sum(zephyr.calls.values()),
            "calls to qTest": sum(qtest.calls.values()) - calls_of_judge,
            "wall": f"{wall:.1f} s",
            "calls a second": f"{_calls(zephyr, qtest, calls_of_judge) / wall:.0f}",
            "CPU": f"{usage.ru_utime + usage.ru_stime - before.ru_utime - before.ru_stime:.1f} s",
            "peak memory": f"{usage.ru_maxrss / 1024:.0f} MB",
            "differences": len(wrong),
        }
    )
    say_reach("objects a second", _objects(found) / wall, least=450)
    if given.routes:
        for served in (zephyr, qtest):
            for route, number in sorted(served.calls.items(), key=lambda each: -each[1]):
                sys.stdout.write(f"  {number:6} {route}\n")
    sys.stdout.write(_result(done.stdout))
    for line in wrong[:SHOWN]:
        sys.stdout.write(f"  {line}\n")
    if len(wrong) > SHOWN:
        kinds = Counter(line.partition(" ")[0] for line in wrong)
        sys.stdout.write(f"  … by kind: {dict(kinds)}\n")
    return 1 if wrong or done.returncode else 0


def _objects(found: Found) -> int:
    kinds = (found.modules, found.cases, found.releases, found.cycles, found.suites, found.runs)
    return (
        sum(map(len, kinds))
        + len(found.requirements)
        + sum(map(len, found.logs.values()))
        + sum(map(len, found.files.values()))
    )


def _calls(zephyr: Served, qtest: Served, of_judge: int) -> int:
    return sum(zephyr.calls.values()) + sum(qtest.calls.values()) - of_judge


def _result(stdout: str) -> str:
    """Return the last event that the command printed, shortened."""
    lines = stdout.strip().splitlines()
    if not lines:
        return ""
    try:
        return json.dumps(json.loads(lines[-1]))[:2_000] + "\n"
    except ValueError:
        return lines[-1][:2_000] + "\n"


def _print(figures: dict[str, object]) -> None:
    for name, value in figures.items():
        sys.stdout.write(f"{name:22} {value}\n")


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--cases", type=int, default=4366, help="of the 4,366 real ones")
    made.add_argument("--executions", type=int, default=6000)
    made.add_argument("--files", type=int, default=300)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--routes", action="store_true", help="print the calls by route")
    made.add_argument("--latency", type=float, default=0.0, help="seconds for each request")
    made.add_argument("--store", default="sqlite:///migration.db", metavar="URL")
    made.add_argument("--data", type=Path, help="the folder of the real cases")
    made.add_argument("--keep", type=Path, help="work in this folder and leave it")
    return made


if __name__ == "__main__":
    sys.exit(main())
