"""Counts the coverage of many test cases and prints how fast, and how much memory it takes.

``python tests/performance/check_mapping.py --cases 100000``

What ``ztoq map check`` does once the target has told its fields: every case of a store through the
default mapping, each value held against the target. Each size in a process of its own, the second
ten times the first, so that the peaks of memory tell whether it grows. Exit code 1 where it does,
by more than a tenth beside the store's cache, or where a value is missing from the count.
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
from pathlib import Path

import attrs
from loguru import logger

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from ztoq_mappings.to_qtest import TO_QTEST, Options
from ztoq_mappings.workbench.coverage import Coverage
from ztoq_testkit.memory import MemorySource

from ztoq_core import engine
from ztoq_core.engine.transform.transform import dry_run
from ztoq_core.plugin import FieldLimits, Page, Schema, TransformContext
from ztoq_core.records import FieldValue, Kind, Record, TestCase, TestStep
from ztoq_core.store import Store

PAGE = 1000
FIELDS = 9
GROWTH = 1.1
CACHE_MB = 16
"""What SQLite may keep of the store; a small one does not fill it."""


def case(place: int) -> TestCase:
    """Return a case of about 1.6 KB, unlike all others."""
    values = ("Chrome", place % 16 / 4, place % 2 == 0, ("Europe", "America"), f"see ACME-{place}")
    return TestCase(
        key=f"ACME-T{place}",
        name=f"A customer pays basket {place} by credit card",
        description=f"<p>Order {place} must be <b>paid</b> and must arrive.</p>" * 6,
        status="Approved",
        priority="High",
        labels=("payment", f"team-{place % 9}"),
        steps=tuple(
            TestStep(
                key=str(step),
                description=f"<p>Open page {step} and look at the sum of order {place}.</p>",
                expected="<p>The sum is right, with and without VAT</p>",
            )
            for step in range(1, 4)
        ),
        fields=tuple(
            FieldValue(name=f"Field {number}", value=values[number % len(values)])
            for number in range(FIELDS)
        ),
    )


class Many(MemorySource):
    """A source of nothing but cases, made as they are asked for."""

    completes = frozenset()

    def __init__(self, number: int) -> None:
        """Have so many cases."""
        super().__init__(())
        self.number = number

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        """Return the next page of cases."""
        start = int(cursor or 0)
        end = min(start + PAGE, self.number) if kind is Kind.TEST_CASE else start
        records: tuple[Record, ...] = tuple(case(place) for place in range(start, end))
        return Page(records=records, cursor=str(end) if start < end < self.number else None)


async def fill(store: Store, number: int) -> None:
    """Put the cases into a store, as an extraction leaves them."""
    with store.run("extract") as run:
        await engine.extract(engine.Run(store, run.id), Many(number))


async def count(store: Store) -> int:
    """Return how many values of custom fields the coverage counts."""
    source = await engine.infer_schema(engine.Run(store))
    coverage = Coverage(Schema(can_create_fields=True), FieldLimits())
    transform = TO_QTEST.build(Options(), TransformContext(source=source))
    await dry_run(engine.Run(store), [transform], coverage.add)
    return sum(row.values for row in coverage.rows() if not row.field.startswith("@"))


@attrs.frozen(kw_only=True)
class Measured:
    """What counting cost: seconds of a core, and the peak of memory in MB."""

    values: int
    seconds: float
    peak: float


def measured(part: str, number: int, folder: str) -> Measured:
    """Run a part in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--part", part, "--cases", str(number), "--folder", folder],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Measured(**json.loads(done.stdout))


def work(part: str, number: int, folder: Path) -> Measured:
    """Carry out a part in this process."""
    logger.remove()
    values = 0
    begun = time.process_time()
    with Store(f"sqlite:///{folder / 'cases.db'}") as store:
        if part == "fill":
            asyncio.run(fill(store, number))
        else:
            values = asyncio.run(count(store))
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(values=values, seconds=seconds, peak=peak)


def main() -> int:
    """Run once and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--part", choices=("fill", "count"))
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.part:
        sys.stdout.write(json.dumps(attrs.asdict(work(given.part, given.cases, given.folder))))
        return 0
    peaks, wrong = [], False
    for number in (given.cases // 10, given.cases):
        with tempfile.TemporaryDirectory(prefix="ztoq-coverage-") as folder:
            measured("fill", number, folder)
            found = measured("count", number, folder)
        peaks.append(found.peak)
        wrong |= found.values != number * FIELDS
        sys.stdout.write(
            f"{number:,} cases, {found.values:,} values: {found.seconds:.1f} s of a core, "
            f"{number / found.seconds:,.0f} cases a second, {found.peak:.0f} MB\n"
        )
    return int(wrong or peaks[1] > peaks[0] * GROWTH + CACHE_MB)


if __name__ == "__main__":
    sys.exit(main())
