"""``ztoq report``."""

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click

from ztoq_core.cli.options import Options
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured
from ztoq_core.errors import ConfigError
from ztoq_core.report import Report, write_csv, write_html, write_json
from ztoq_core.store import Store

__all__ = ["report"]

FORMATS = ("html", "json", "csv")


@click.command()
@click.option("--html", is_flag=True, help="Write the page for people.")
@click.option("--json", is_flag=True, help="Write the same as JSON, with complete lists.")
@click.option(
    "--csv",
    is_flag=True,
    help="Write a table of all records: key, kind, title, state, target_id, pid, url.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="PATH",
    help="Write to this file (a folder for several formats), or - for stdout.",
)
@click.pass_obj
def report(options: Options, *, html: bool, json: bool, csv: bool, output: Path | None) -> int:
    """Write what became of every record, from the store alone; neither side is called.

    Without options: report.html and report.json beside the config file. The exit code says whether
    the reports were written, not whether the migration is in order.

    \b
    Example:  ztoq report --csv --output ids.csv
    """
    options.verb = "report"
    chosen = [each for each, wanted in zip(FORMATS, (html, json, csv), strict=True) if wanted]
    with configured(options) as config, Store(config.store_url, create=False) as store:
        paths = _places(chosen or ["html", "json"], output, config.folder)
        made = Report.from_store(store)
        for name, path in paths.items():
            place = sys.stdout if path == Path("-") else path
            if name == "html":
                write_html(made, place)
            elif name == "json":
                write_json(made, store, place)
            else:
                write_csv(store, place)
        printer = Output(options)
        printer.info(made.verdict.headline)
        if output != Path("-"):
            facts = {name: str(path) for name, path in paths.items()}
            lines = [f"Report: {path}" for path in paths.values()]
            printer.result({"exit": 0, **facts}, lambda: printer.out.print("\n".join(lines)))
    return 0


def _places(chosen: list[str], output: Path | None, folder: Path) -> dict[str, Path]:
    """Return where each format is written.

    Raises:
        ConfigError: Several formats cannot go where the option says.
    """
    names = {"csv": "ids.csv"}
    if output is None or (output.is_dir() and output != Path("-")):
        return {each: (output or folder) / names.get(each, f"report.{each}") for each in chosen}
    if len(chosen) == 1:
        return {chosen[0]: output}
    if output == Path("-") or output.suffix:
        raise ConfigError(
            f"{str(output)!r} takes one format: add --html, --json or --csv, or name a folder"
        )
    return {each: output / names.get(each, f"report.{each}") for each in chosen}
