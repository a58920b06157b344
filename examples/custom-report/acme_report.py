"""`ztoq wiki-report`: a report in Markdown, for a page of a wiki.

It reads what `ztoq report --format json` writes, whose schema is in ztoq's documentation, and so
depends on nothing that may change without notice.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import rich_click as click

from ztoq_core.plugin import hookimpl


@click.command("wiki-report")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def wiki_report(file: Path) -> None:
    """Print a report in Markdown: verdict, records of each kind, losses by reason.

    \b
    Example:  ztoq wiki-report report.json
    """
    report = json.loads(file.read_text("utf-8"))
    click.echo("\n".join(lines(report)))


def lines(report: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the page."""
    yield f"# {report['source']} to {report['target']}\n"
    yield f"{report['verdict']['headline']}.\n"
    yield "| kind | of | arrived |\n|---|---|---|"
    for kind in report["kinds"]:
        yield f"| {kind['kind']} | {kind['total']} | {kind['arrived']} |"
    yield "\n| reason | level | records |\n|---|---|---|"
    for note in report["note_counts"]:
        yield f"| {note['code']} | {note['level']} | {note['count']} |"


@hookimpl
def ztoq_commands() -> Iterable[click.Command]:
    return (wiki_report,)
