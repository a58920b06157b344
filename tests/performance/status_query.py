"""Times what ``ztoq status`` asks, in stores of 1,000 and of a million executions.

``python tests/performance/status_query.py --executions 1000000``

The stores are filled through the store's own tables: a tenth as many runs and a hundredth as many
cases, a note for every third execution. Exit code 1 where a question takes longer than ``--limit``
milliseconds (300) with the larger one.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from loguru import logger

from tests.corpus.setting import command, environment, write_config
from ztoq_core.records import Kind
from ztoq_core.report.data import Report
from ztoq_core.store import Extracted, Facts, State, Store
from ztoq_core.store.sql import BulkInsert
from ztoq_core.store.tables import Item, NoteRow, SourceBody, TargetBody

SMALL = 1_000
BATCH = 5_000
TIMES = 7
STATES = (*[State.FINISHED] * 96, State.READY, State.FAILED, State.SKIPPED, State.UNKNOWN)


def main() -> int:
    """Fill both stores, ask, print and return the exit code."""
    given = _options().parse_args()
    logger.remove()
    slow = []
    with tempfile.TemporaryDirectory(prefix="ztoq-status-", dir=given.folder) as folder:
        sys.stdout.write(f"{'milliseconds (median)':38}{SMALL:>12,}{given.executions:>12,}\n")
        paths = [Path(folder) / "small.db", Path(folder) / "large.db"]
        for path, number in zip(paths, (SMALL, given.executions), strict=True):
            with Store(f"sqlite:///{path}") as store:
                _fill(store, number, given.body)
        with Store(f"sqlite:///{paths[0]}") as small, Store(f"sqlite:///{paths[1]}") as large:
            for name, question in QUESTIONS.items():
                took = [_median(partial(question, store)) for store in (small, large)]
                _print(name, took)
                slow += [name] if took[1] > given.limit else []
            took = [_median(partial(_counted, store)) for store in (small, large)]
            _print("(the first, counted row by row)", took)
        took = [_median(partial(_command, path), times=3) for path in paths]
        _print("the whole command, with its start", took)
        sys.stdout.write(f"size of the larger store: {paths[1].stat().st_size / 1e6:,.0f} MB\n")
    if slow:
        sys.stdout.write(f"over {given.limit} ms: {', '.join(slow)}\n")
    return 1 if slow else 0


QUESTIONS: dict[str, Callable[[Store], Any]] = {
    "counts by kind and state": lambda store: store.reporting.counts(),
    "notes by level, code and kind": lambda store: store.reporting.note_counts(),
    "listed and not completed": lambda store: store.reporting.pending(),
    "all that ztoq status shows": lambda store: Report.from_store(store, limit=0),
}


def _print(name: str, took: Sequence[float]) -> None:
    sys.stdout.write(f"{name:38}{took[0]:12.1f}{took[1]:12.1f}\n")


def _counted(store: Store) -> list[Any]:
    return list(
        store.database.select("SELECT kind, state, COUNT(*) FROM item GROUP BY kind, state")
    )


def _median(question: Callable[[], Any], times: int = TIMES) -> float:
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        question()
        took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took)


def _command(database: Path) -> None:
    folder = database.with_suffix("")
    folder.mkdir(exist_ok=True)
    nobody = "http://127.0.0.1:9"  # neither side is called
    config = write_config(folder, nobody, nobody, store=f"sqlite:///{database}")
    line = command(config, "--json", "status")
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, env=environment("none", "none"))


def _fill(store: Store, executions: int, body: int) -> None:
    """Store so many executions with their runs, cases and notes."""
    columns = ("id", "kind", "key", "rank", "state", "target_id", "target_digest")
    connection = store.database.connection
    items = BulkInsert(Item, columns)
    sources = BulkInsert(SourceBody, ("item", "record", "payload"))
    targets = BulkInsert(TargetBody, ("item", "target"))
    notes = BulkInsert(NoteRow, ("kind", "key", "origin", "level", "code", "text"))
    text = b"x" * body
    for rows in _batches(executions):
        store.database.write_now(partial(items.save, connection, rows))
        bodies = [(row[0], text, text) for row in rows]
        store.database.write_now(partial(sources.save, connection, bodies))
        store.database.write_now(partial(targets.save, connection, [each[:2] for each in bodies]))
    for start in range(0, executions, 3 * BATCH):
        noted = [
            ("test_log", f"MM-E{n}", "transform", "fallback", f"code-{n % 7}", "as text")
            for n in range(start, min(start + 3 * BATCH, executions), 3)
        ]
        store.database.write_now(partial(notes.save, connection, noted))
    store.bind(source="Zephyr MM", sink="qTest 1")
    store.facts.save_now(Facts.extracted, Extracted.COMPLETE)
    with store.run("migrate"):
        pass


def _batches(executions: int) -> Iterator[list[tuple[Any, ...]]]:
    shares = ((Kind.TEST_CASE, 100), (Kind.TEST_RUN, 10), (Kind.TEST_LOG, 1))
    ids = count(1)
    for kind, share in shares:
        number = executions // share
        for start in range(0, number, BATCH):
            yield [
                (
                    next(ids),
                    kind.value,
                    f"{kind}-{n}",
                    kind.rank,
                    STATES[n % 100].value,
                    str(n),
                    "of its mapped record",
                )
                for n in range(start, min(start + BATCH, number))
            ]


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("--executions", type=int, default=1_000_000)
    made.add_argument("--body", type=int, default=200, help="bytes of each of a record's texts")
    made.add_argument("--limit", type=float, default=300.0, help="milliseconds")
    made.add_argument("--folder", type=Path, help="where the stores are made")
    return made


if __name__ == "__main__":
    sys.exit(main())
