"""Writes reports for programs: JSON with complete lists, tables of all records, JUnit XML."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from itertools import chain, groupby
from typing import Any, BinaryIO, TextIO
from xml.sax.saxutils import escape, quoteattr

import attrs
import orjson

from ztoq_core.errors import ConfigError, Exit
from ztoq_core.report.data import Report, words
from ztoq_core.report.evidence import Evidence
from ztoq_core.report.page import SourcePage
from ztoq_core.store import OPEN_PROBLEMS, Store
from ztoq_core.text_files import write_table

COLUMNS = ("key", "kind", "title", "state", "target_id", "pid", "url", "source_url")

MOST_ROWS = 1_048_576
"""Of a sheet (specifications of Microsoft Excel)."""
MOST_CHARACTERS = 32_767
"""Of a cell."""

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_json(report: Report, evidence: Evidence, store: Store, file: TextIO) -> None:
    """Write the report as JSON, with complete lists, one entry per line.

    ``docs/report.schema.json`` describes it.
    """
    head = {
        "made": report.made,
        "ztoq": report.version,
        "source": report.source,
        "target": report.target,
        "verdict": attrs.asdict(report.verdict, filter=lambda field, _: field.name != "losses")
        | {"tone": report.verdict.tone, "outcome": report.verdict.outcome},
        "losses": report.verdict.losses.as_facts(),
        "selection": report.selection,
        "unselected": report.unselected,
        "final": report.final and attrs.asdict(report.final),
        "source_check": report.source_check and attrs.asdict(report.source_check),
        "names": [attrs.asdict(each) for each in store.id_names.counts.now()],
        "kinds": [
            {"kind": row.kind, "total": row.total, "arrived": row.arrived, "states": row.states}
            for row in report.kinds
        ],
        "sides": [attrs.asdict(each) for each in evidence.sides],
        "executions": [attrs.asdict(each) for each in evidence.results],
        "files": attrs.asdict(report.files),
        "validation": report.validation and attrs.asdict(report.validation),
        "rules": [
            {"kind": kind, "rule": rule, "count": count} for kind, rule, count in evidence.rules
        ],
        "mapping": {
            "sha256": evidence.mapping_digest,
            "steps": [attrs.asdict(each) for each in evidence.mapping],
        },
        "records": {"count": evidence.records, "sha256": evidence.digest},
        "runs": [attrs.asdict(run) for run in report.runs],
        "calls": [
            {"host": host, "month": month, "calls": calls} for host, month, calls in evidence.calls
        ],
        "findings": [
            {"side": side, "level": finding.level, "text": finding.text}
            for side, finding in report.findings
        ],
        "note_counts": [attrs.asdict(each) for each in store.reporting.note_counts()],
    }
    lists: dict[str, Callable[[], Iterable[Any]]] = {
        "notes": store.reporting.notes,
        "problems": store.reporting.problems,
        "rejects": store.reporting.rejects,
    }
    file.write("{\n")
    file.writelines(f'"{key}": {_json(value)},\n' for key, value in head.items())
    for place, (key, entries) in enumerate(lists.items()):
        file.write(f'"{key}": [')
        for number, entry in enumerate(entries()):
            file.write(",\n  " if number else "\n  ")
            file.write(_json(attrs.asdict(entry)))
        file.write("\n]" + (",\n" if place < len(lists) - 1 else "\n"))
    file.write("}\n")


def write_csv(store: Store, file: TextIO, source_page: SourcePage) -> None:
    """Write a table of all records: each key of the source with its place in the target."""
    write_table(file, chain((COLUMNS,), _rows(store, source_page)))


def write_xlsx(store: Store, file: BinaryIO, source_page: SourcePage) -> None:
    """Write the table as an Excel workbook; cells are texts, whatever they begin with.

    Raises:
        ConfigError: XlsxWriter is not installed.
    """
    if find_spec("xlsxwriter") is None:
        raise ConfigError(
            "XLSX needs XlsxWriter: pip install 'ztoq-core[xlsx]', or use --format csv"
        )
    # rows go to a temporary file as they come; texts are not looked at for formulas and addresses
    workbook = import_module("xlsxwriter").Workbook
    with workbook(file, {"constant_memory": True}) as book:
        bold = book.add_format({"bold": True})
        place = MOST_ROWS
        for row in _rows(store, source_page):
            if place == MOST_ROWS:
                sheet = book.add_worksheet()
                sheet.freeze_panes(1, 0)
                sheet.set_column(0, len(COLUMNS) - 1, 24)
                for column, name in enumerate(COLUMNS):
                    sheet.write_string(0, column, name, bold)
                place = 1
            for column, cell in enumerate(row):
                sheet.write_string(place, column, cell[:MOST_CHARACTERS])
            place += 1


def _rows(store: Store, source_page: SourcePage) -> Iterator[tuple[str, ...]]:
    for each in store.outcomes.records():
        yield (
            each.key,
            each.kind.value,
            each.title,
            each.state.value,
            each.target_id,
            each.pid,
            each.url,
            source_page(each.kind, each.key),
        )


def write_junit(report: Report, store: Store, file: TextIO) -> None:
    """Write JUnit XML for CI: a test for the verdict and for each kind, and one for each problem.

    A record in order is not a test of its own: servers for CI are not made for a million of them.
    """
    verdict, validation = report.verdict, report.validation
    file.write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="ztoq">\n')
    lines = (verdict.headline, *verdict.lines) if verdict.exit is not Exit.OK else ()
    file.writelines(_suite("verdict", [("migration", lines)], failures=bool(lines)))
    by_kind = groupby(store.outcomes.records(), key=lambda each: each.kind)
    for row, (kind, records) in zip(report.kinds, by_kind, strict=True):
        cases = chain(
            [(f"{row.arrived:,} of {row.due:,} arrived", ())],
            (
                (each.key, (f"{each.state}: {each.reason}",))
                for each in records
                if each.state in OPEN_PROBLEMS
            ),
        )
        failures = sum(row.states.get(state, 0) for state in OPEN_PROBLEMS)
        file.writelines(_suite(words(kind), cases, failures=failures))
    if validation:
        found = ((each, (each,)) for each in validation.findings)
        cases = chain([(f"compared by {validation.level}", ())], found)
        file.writelines(_suite("validation", cases, failures=len(validation.findings)))
    file.write("</testsuites>\n")


def _suite(
    name: str, cases: Iterable[tuple[str, Sequence[str]]], *, failures: int
) -> Iterator[str]:
    """Yield a suite of cases, each with the lines of its failure, if it failed."""
    tests = failures + (name != "verdict")
    yield f'  <testsuite name={_quoted(name)} tests="{max(tests, 1)}" failures="{failures:d}">\n'
    for case, lines in cases:
        head = f"    <testcase classname={_quoted(f'ztoq.{name}')} name={_quoted(case)}"
        if lines:
            text = escape(_NOT_XML.sub("\ufffd", "\n".join(lines)))
            yield f"{head}><failure message={_quoted(lines[0])}>{text}</failure></testcase>\n"
        else:
            yield f"{head}/>\n"
    yield "  </testsuite>\n"


def _quoted(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text).replace("\n", " "))


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS).decode()
