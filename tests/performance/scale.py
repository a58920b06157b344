"""Measures every stage as the project grows: what grows faster than the project stands out.

``python tests/performance/scale.py --cases 10000 100000``

Invented cases with two steps and ten executions each; files are left out, nothing waits. Each verb
is a process of its own. Its growth is that of its CPU from the smallest project to the largest,
divided by that of the number of cases: 1.00 is linear, and less where a start costs something.

With ``--folders`` both sides are folders of JSON Lines: the engine and the store do all that they
do over HTTP, and the calls and the simulators are left out.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from tests.corpus.serve import Served
from tests.corpus.setting import command, environment, write_config
from tests.performance import invented_folder
from tests.performance.invented import KEY, write
from tests.performance.measuring import Measured, machine, measure

STAGES = ("extract", "transform", "load", "validate")
QUESTIONS = (("status",), ("report",), ("explain", f"{KEY}-T1"))
EXECUTIONS = 10
"""Executions of a case."""
FOLDERS = """\
default_mapping = false

[store]
url = "sqlite:///migration.db"

[source]
use = "jsonl"
path = "shop"

[sink]
use = "jsonl"
path = "copy"
"""


@attrs.frozen
class Cost:
    """What a verb cost: the process, calls to both services, and the size of the store in MB."""

    done: Measured
    calls: int
    store: float


def main() -> int:
    """Run all sizes, print the figures, and return the exit code."""
    given = _options().parse_args()
    sys.stdout.write(f"{machine()}\n")
    sys.stdout.write(f"{'cases':>8} {'verb':10} {'wall s':>8} {'CPU s':>8} {'calls':>9}")
    sys.stdout.write(
        f" {'ms a call':>9} {'peak MB':>8} {'written MB':>10} {'store MB':>8} {'growth':>7}\n"
    )
    first: dict[str, float] = {}
    for cases in given.cases:
        for verb, cost in _run(cases, folders=given.folders):
            base = first.setdefault(verb, cost.done.cpu)
            growth = cost.done.cpu / base / (cases / given.cases[0])
            each = f"{1000 * cost.done.cpu / cost.calls:.2f}" if cost.calls else ""
            sys.stdout.write(
                f"{cases:8} {verb:10} {cost.done.wall:8.1f} {cost.done.cpu:8.1f} {cost.calls:9}"
                f" {each:>9} {cost.done.peak:8.0f}"
                f" {cost.done.written:10.0f} {cost.store:8.0f} {growth:7.2f}\n"
            )
            sys.stdout.flush()
    return 0


def _run(cases: int, *, folders: bool) -> Iterator[tuple[str, Cost]]:
    with tempfile.TemporaryDirectory(prefix="ztoq-scale-") as name:
        folder = Path(name)
        with (_folders if folders else _services)(folder, cases) as (config, env, calls):
            before = 0
            for verb in (*((stage,) for stage in STAGES), *QUESTIONS):
                done = measure(command(config, "-q", *verb), folder=folder, env=env)
                if done.code:
                    raise SystemExit(f"{verb[0]}: {done.output[-2000:]}")
                after = calls()
                size = sum(each.stat().st_size for each in folder.glob("migration.db*"))
                yield verb[0], Cost(done, after - before, size / 1e6)
                before = after


Sides = tuple[Path, Mapping[str, str], Callable[[], int]]
"""The configuration, the environment for it, and what counts the calls to both services."""


@contextmanager
def _services(folder: Path, cases: int) -> Iterator[Sides]:
    write(folder / "shop.jsonl", cases, EXECUTIONS * cases)
    with (
        Served("zephyr", "--corpus", str(folder / "shop.jsonl")) as zephyr,
        Served("qtest") as qtest,
    ):
        config = write_config(folder, zephyr.url, qtest.url, project=KEY)
        text = config.read_text("utf-8").replace("[sink]", "attachments = []\n[sink]")
        config.write_text(text, "utf-8")
        yield (
            config,
            environment(zephyr.token, qtest.token),
            lambda: sum(sum(side.calls_so_far().values()) for side in (zephyr, qtest)),
        )


@contextmanager
def _folders(folder: Path, cases: int) -> Iterator[Sides]:
    invented_folder.write(folder / "shop", cases, EXECUTIONS * cases)
    config = folder / "ztoq.toml"
    config.write_text(FOLDERS, "utf-8")
    yield config, environment("", ""), lambda: 0


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--cases", type=int, nargs="+", default=[10_000, 100_000])
    made.add_argument("--folders", action="store_true", help="leave HTTP out")
    return made


if __name__ == "__main__":
    sys.exit(main())
