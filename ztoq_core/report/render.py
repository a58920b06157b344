"""Writes a report: one self-contained HTML page, JSON with complete lists, CSV of the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import attrs
import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from ztoq_core.report.data import Report, words
from ztoq_core.report.files import open_output, write_table
from ztoq_core.store import Store

__all__ = ["write_csv", "write_html", "write_json"]

COLUMNS = ("key", "kind", "title", "state", "target_id", "pid", "url")
STEP = 1000


def write_html(report: Report, output: Path | TextIO) -> None:
    """Write the HTML page; it loads nothing, and all texts in it are escaped.

    Raises:
        ConfigError: The file cannot be written there.
    """
    template = _page()
    with open_output(output) as file:
        file.writelines(template.generate(report=report))


@cache  # compiling the template takes 0.15 s of CPU; an embedder may write many reports
def _page() -> Template:
    environment = Environment(
        loader=PackageLoader("ztoq_core", "report/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"words": words, "when": _when, "size": _size, "span": _span}
    return environment.get_template("report.html")


def write_json(report: Report, store: Store, output: Path | TextIO) -> None:
    """Write the report as JSON, with complete lists, one entry per line.

    Raises:
        ConfigError: The file cannot be written there.
    """
    head = {
        "made": report.made,
        "ztoq": report.version,
        "source": report.source,
        "target": report.target,
        "verdict": attrs.asdict(report.verdict) | {"tone": report.verdict.tone},
        "selection": report.selection,
        "unselected": report.unselected,
        "final": report.final and attrs.asdict(report.final),
        "names": [attrs.asdict(each) for each in store.id_names.counts.now()],
        "kinds": [
            {"kind": row.kind, "total": row.total, "arrived": row.arrived, "states": row.states}
            for row in report.kinds
        ],
        "files": attrs.asdict(report.files),
        "validation": report.validation and attrs.asdict(report.validation),
        "runs": [attrs.asdict(run) for run in report.runs],
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
    with open_output(output) as file:
        file.write("{\n")
        for key, value in head.items():
            file.write(f'"{key}": {_json(value)},\n')
        for place, (key, entries) in enumerate(lists.items()):
            file.write(f'"{key}": [')
            for number, entry in enumerate(entries()):
                file.write(",\n  " if number else "\n  ")
                file.write(_json(attrs.asdict(entry)))
            file.write("\n]" + (",\n" if place < len(lists) - 1 else "\n"))
        file.write("}\n")


def write_csv(store: Store, output: Path | TextIO) -> None:
    """Write a table of all records: each key of the source with its place in the target.

    Raises:
        ConfigError: The file cannot be written there.
    """
    with open_output(output) as file:
        rows = (
            (row.key, row.kind.value, row.title, row.state, row.target_id, row.pid, row.url)
            for row in store.reporting.id_map()
        )
        write_table(file, chain((COLUMNS,), rows))


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS).decode()


def _when(moment: datetime | None) -> str:
    """Return a time for people; a time without a zone is UTC, as in the store."""
    if moment is None:
        return "-"
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m-%d %H:%M:%S} UTC"


def _span(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def _size(number: int) -> str:
    amount = float(number)
    for unit in ("bytes", "KB", "MB"):
        if amount < STEP:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= STEP
    return f"{amount:.1f} GB"
