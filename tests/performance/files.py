"""Measures what it takes to write a project into files and to read it, as the project grows.

``python tests/performance/files.py --cases 2000 20000``

Invented cases with five steps of 300 characters each, 32 written at once. Writing and reading are
processes of their own; wall and peak memory of each are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import AbstractAsyncContextManager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # started as a script, not by -m

from ztoq_files import jsonl, table
from ztoq_testkit import lent

from tests.performance.measuring import machine, measure
from ztoq_core.contracts import Sink, Source, Written
from ztoq_core.records import Folder, Kind, Ref, TestCase, TestStep, Tree

FORMS = ("jsonl", "csv", "xlsx")
AT_ONCE = 32
SHOP = Folder(key="ACME-F1", name="Shop", tree=Tree.CASES)


def main() -> int:
    """Run all sizes and forms, print the figures, and return the exit code."""
    given = _options().parse_args()
    if given.child:
        form, path = given.child
        asyncio.run(
            _write(form, Path(path), given.cases[0]) if given.write else _read(form, Path(path))
        )
        return 0
    sys.stdout.write(f"{machine()}\nwall in s, peak resident memory in MB\n")
    for cases in given.cases:
        for form in FORMS:
            sys.stdout.write(f"{cases:8} {form:6}{_run(cases, form)}\n")
            sys.stdout.flush()
    return 0


def _run(cases: int, form: str) -> str:
    with tempfile.TemporaryDirectory(prefix="ztoq-files-") as name:
        folder = Path(name)
        path = str(folder / ("acme" if form == "jsonl" else f"acme.{form}"))
        child = [sys.executable, str(Path(__file__).resolve()), "--child", form, path]
        wrote = measure([*child, "--write", "--cases", str(cases)], folder=folder)
        read = measure([*child, "--cases", str(cases)], folder=folder)
        if wrote.code or read.code:
            sys.exit(wrote.output + read.output)
        return (
            f"  written {wrote.wall:5.1f} s {wrote.peak:4.0f} MB"
            f"  read {read.wall:5.1f} s {read.peak:4.0f} MB"
        )


def _sink(form: str, path: Path) -> AbstractAsyncContextManager[Sink]:
    if form == "jsonl":
        return jsonl.open_sink(jsonl.JsonLinesConfig(path=path), lent())
    return table.open_sink(table.TableSinkConfig(path=path), lent())


def _source(form: str, path: Path) -> AbstractAsyncContextManager[Source]:
    if form == "jsonl":
        return jsonl.open_source(jsonl.JsonLinesConfig(path=path), lent())
    return table.open_source(table.TableConfig(path=path), lent())


async def _write(form: str, path: Path, cases: int) -> None:
    async with _sink(form, path) as sink:
        links: dict[Ref, Written | None] = {SHOP.ref: await sink.write(SHOP, None, {}, None)}

        async def some(first: int) -> None:
            for number in range(first, cases, AT_ONCE):
                await sink.write(_case(number), None, links, None)

        async with asyncio.TaskGroup() as group:
            for first in range(AT_ONCE):
                group.create_task(some(first))


def _case(number: int) -> TestCase:
    steps = (
        TestStep(key=str(place), description=f"<p>{'x' * 200}</p>", expected="y" * 100)
        for place in range(1, 6)
    )
    name = f"Case {number}"
    return TestCase(key=f"ACME-T{number}", name=name, folder=SHOP.ref, steps=tuple(steps))


async def _read(form: str, path: Path) -> None:
    async with _source(form, path) as source:
        cursor = None
        while True:
            page = await source.fetch(Kind.TEST_CASE, cursor)
            cursor = page.cursor
            if cursor is None:
                return


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, nargs="+", default=[2000, 20_000])
    options.add_argument("--child", nargs=2, metavar=("FORM", "PATH"), help=argparse.SUPPRESS)
    options.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    return options


if __name__ == "__main__":
    sys.exit(main())
