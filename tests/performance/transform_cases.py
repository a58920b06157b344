"""Maps many test cases of 1.6 KB and prints how fast, and how much memory it takes.

``python tests/performance/transform_cases.py --cases 100000``

Seconds are those of a core, so that a busy machine counts the same. First the transformers alone,
called as the engine calls them, one record after another: the default mapping, then a mapping file
of ten rules before it. Then the whole of ``transform`` from a store. Each in a process of its own,
also with a tenth of the cases, so that the peaks of memory tell whether it grows with them. Exit
code 1 where the transformers with the default mapping do less than ``--least`` a second, or memory
grows by more than some caches.
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
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs
from loguru import logger

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from ztoq_mappings.fields import FIELDS, FieldsOptions
from ztoq_mappings.to_qtest import TO_QTEST, Options

from ztoq_core import engine
from ztoq_core.convert import dumps
from ztoq_core.engine.schema_inference import FieldTypeInference
from ztoq_core.plugin import (
    Attachment,
    FieldLimits,
    FieldValue,
    Finding,
    Folder,
    Kind,
    Page,
    Record,
    Ref,
    Reject,
    Schema,
    SourceRules,
    TestCase,
    TestStep,
    Transform,
    TransformContext,
    Tree,
)
from ztoq_core.store import Store

PAGE = 200
CACHES = 40
"""Megabytes that SQLite's caches may take until they are full."""
BROWSERS = ("Chrome", "Firefox", "Safari", "Edge")
RULES = """\
format = 1

[[test_case.field]]
from = "Browser"
to = "Test browser"
type = "choice"
values = { "Chrome" = "Google Chrome", "Edge" = "Microsoft Edge" }
otherwise = "keep"

[[test_case.field]]
from = "@labels"
to = "Tags"
type = "multi_choice"

[[test_case.field]]
template = "{@component}: {Area}"
to = "Module"
type = "text"

[[test_case.field]]
from = "Ticket"
extract = '([A-Z]+-\\d+)'
otherwise = "keep"
to = "Ticket"
type = "text"

[[test_case.field]]
from = "Due"
to = "Due date"
type = "date"
time_zone = "Europe/Berlin"
otherwise = "keep"

[[test_case.field]]
from = "Effort"
to = "Effort (min)"
type = "number"
multiply = 60
round = 0

[[test_case.field]]
from = "History"
to = "Background"
type = "long_text"
html = "text"

[[test_case.field]]
from = "Sites"
split = ";"
to = "Regions"
type = "multi_choice"

[[test_case.field]]
constant = "Zephyr"
to = "Migrated from"
type = "choice"
when = { field = "@status", is_not = "Deprecated" }

[[test_case.field]]
from = "Wiki page"
replace = { find = '\\s+', with = "_" }
to = "Wiki"
type = "url"
otherwise = "keep"
"""


def cases(number: int) -> Iterator[TestCase]:
    """Yield cases of about 1.6 KB each, no two alike."""
    for place in range(1, number + 1):
        yield TestCase(
            key=f"ACME-T{place}",
            name=f"A customer pays basket {place} by credit card",
            folder=Ref(Kind.FOLDER, f"ACME-F{place % 50}"),
            path=("Shop", f"Basket {place % 50}"),
            description=f"<p>Paying is what the <b>shop</b> lives on: order {place} must be paid "
            "and must arrive.</p><p>See the <a href='https://wiki.example.com/pay'>wiki</a>.</p>",
            precondition="<ul><li>A customer is logged in</li><li>The basket is not empty</li>"
            "<li>The card is valid for another month</li></ul>",
            status="Approved",
            priority="High",
            component="10010",
            labels=("payment", f"team-{place % 9}"),
            owner="557058:f58131cb-b67d-43c7-b30d-6b58d40bd077",
            created=datetime(2024, 1, 1, place % 24, place % 60, tzinfo=UTC),
            estimated=300.0,
            steps=tuple(
                TestStep(
                    key=str(step),
                    description=f"<p>Open page {step} and look at the sum of order {place}.</p>",
                    data=f"order={place}",
                    expected="<p>The sum is right, with and without VAT</p>",
                )
                for step in range(1, 4)
            ),
            fields=tuple(
                FieldValue(name=name, value=value)
                for name, value in (
                    ("Browser", BROWSERS[place % 4]),
                    ("Area", f"Area {place % 30}"),
                    ("Ticket", f"see ACME-{place}"),
                    ("Due", "2026-06-30T22:30:00Z"),
                    ("Effort", (place % 16) / 4),
                    ("History", f"<p>Written for <i>release {place % 12}</i> &amp; kept</p>"),
                    ("Sites", "Europe; America"),
                    ("Wiki page", f"https://wiki.example.com/Order {place}"),
                    ("Regulated", place % 2 == 0),
                )
            ),
        )


def chain(schema: Schema, folder: Path, *, rules: bool) -> Sequence[Transform]:
    """Return the transformers as a run with this config has them."""
    context = TransformContext(source=schema)
    default = TO_QTEST.build(Options(), context)
    if not rules:
        return [default]
    file = folder / "mapping.toml"
    file.write_text(RULES, encoding="utf-8")
    return [FIELDS.build(FieldsOptions(mapping=file), context), default]


def observed() -> Schema:
    """Return the schema that some cases suggest."""
    observer = FieldTypeInference(SourceRules(), FieldLimits())
    for case in cases(1000):
        for field in case.fields:
            observer.add(Kind.TEST_CASE, field)
    return Schema(fields=observer.schema())


def alone(number: int, folder: Path, *, rules: bool) -> float:
    """Return the seconds of a core that the transformers take."""
    transforms = chain(observed(), folder, rules=rules)
    taken = 0.0
    made = cases(number)
    while batch := [case for _, case in zip(range(PAGE), made, strict=False)]:
        begun = time.process_time()
        for case in batch:
            record: Record = case
            for change in transforms:
                record = change(record)
        taken += time.process_time() - begun
    return taken


@attrs.define
class Many:
    """A source of nothing but cases, made as they are asked for."""

    number: int
    identity: str = "many cases"
    kinds: tuple[Kind, ...] = (Kind.FOLDER, Kind.TEST_CASE)
    completes: frozenset[Kind] = frozenset()
    _made: Iterator[TestCase] = attrs.field(init=False)

    async def check(self) -> tuple[Finding, ...]:
        """Find nothing wrong."""
        return ()

    async def describe(self) -> Schema:
        """Declare nothing."""
        return Schema()

    async def fetch(self, kind: Kind, cursor: str | None) -> Page:
        """Return the next thousand."""
        if kind is Kind.FOLDER:
            return Page(records=tuple(_folder(place) for place in range(50)), cursor=None)
        if cursor is None:
            self._made = cases(self.number)
        page = tuple(case for _, case in zip(range(1000), self._made, strict=False))
        end = int(cursor or 0) + len(page)
        return Page(records=page, cursor=str(end) if end < self.number else None)

    async def complete(self, record: Record) -> tuple[Record, ...]:
        """Return the record; it is whole."""
        return (record,)

    async def resolve(self, ref: Ref) -> tuple[Record, ...] | Reject:
        """Know of nothing else."""
        return Reject(kind=ref.kind, key=ref.key, reason="not here")

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield nothing."""
        del attachment
        yield b""


def _folder(place: int) -> Folder:
    return Folder(key=f"ACME-F{place}", name=f"Basket {place}", tree=Tree.CASES)


def fill(number: int, folder: Path) -> float:
    """Put the cases into a store, as an extract leaves them."""

    async def run() -> None:
        with Store(_store(folder)) as store, store.run("extract") as run:
            await engine.extract(engine.Run(store, run.id), Many(number))

    begun = time.process_time()
    asyncio.run(run())
    return time.process_time() - begun


def whole(folder: Path) -> float:
    """Return the seconds of a core that ``transform`` takes from the store."""

    async def run() -> None:
        with Store(_store(folder)) as store, store.run("transform"):
            await engine.transform(
                engine.Run(store), lambda schema: chain(schema, folder, rules=False)
            )

    begun = time.process_time()
    asyncio.run(run())
    return time.process_time() - begun


def _store(folder: Path) -> str:
    return f"sqlite:///{folder / 'cases.db'}"


def _work(part: str, number: int, folder: Path) -> float:
    if part == "fill":
        return fill(number, folder)
    return whole(folder) if part == "whole" else alone(number, folder, rules=part == "rules")


def measured(part: str, number: int, folder: Path) -> tuple[float, float]:
    """Return cases a second and peak memory in MB of a part, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--part", part, "--cases", str(number), "--folder", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    return number / found["seconds"], found["peak"]


def main() -> int:
    """Run once and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--least", type=float, default=5000.0)
    parser.add_argument("--part", choices=("default", "rules", "fill", "whole"))
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.part:
        logger.remove()
        seconds = _work(given.part, given.cases, given.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(json.dumps({"seconds": seconds, "peak": peak}) + "\n")
        return 0
    size = sum(len(dumps(case)) for case in cases(100)) / 100
    sys.stdout.write(f"{given.cases} cases of {size:.0f} bytes\n")
    failed = False
    for part, title in (
        ("default", "default mapping"),
        ("rules", "ten rules and the default mapping"),
        ("whole", "the whole of transform, from a store"),
    ):
        rates, peaks = [], []
        for number in (given.cases // 10, given.cases):
            with tempfile.TemporaryDirectory(prefix="ztoq-transform-") as folder:
                if part == "whole":
                    measured("fill", number, Path(folder))
                rate, peak = measured(part, number, Path(folder))
            rates.append(rate)
            peaks.append(peak)
        sys.stdout.write(
            f"{title}: {rates[1]:.0f} cases/s; peak memory {peaks[0]:.0f} MB for"
            f" {given.cases // 10}, {peaks[1]:.0f} MB for {given.cases}\n"
        )
        sys.stdout.flush()
        failed |= peaks[1] > peaks[0] + CACHES
        failed |= part == "default" and min(rates) < given.least
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
