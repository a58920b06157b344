"""``ztoq report``."""

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click

from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured
from ztoq_core.errors import ConfigError
from ztoq_core.migration.opening import open_store, source_page
from ztoq_core.report.write import FORMATS, ReportWriter

_ENDINGS = {Path(name).suffix: each for each, name in FORMATS.items()}


@click.command()
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(tuple(FORMATS)),
    help="html: a page to read and sign; json: the same with complete lists; csv, xlsx: a table of "
    "all records (key, kind, title, state, target_id, pid, url, source_url); junit: JUnit XML for "
    "CI. May be repeated.  [default: what --output ends in, else html and json]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="PATH",
    help="Write to this file (a folder for several formats), or - for stdout.",
)
@verb
def report(options: Options, *, formats: tuple[str, ...], output: Path | None) -> int:
    """Write a report of every record, from the store alone; neither service is called.

    Without options: report.html and report.json beside the config file. The exit code says whether
    the reports were written, not whether the migration is in order.

    \b
    Example:  ztoq report --format csv --output ids.csv
    """
    by_ending = _ENDINGS.get(output.suffix.lower()) if output else None
    wanted = formats or ((by_ending,) if by_ending else ("html", "json"))
    chosen = [each for each in FORMATS if each in wanted]
    with configured(options) as config, open_store(config, look_only=True) as store:
        paths = _places(chosen, output, config.folder)
        writer = ReportWriter(store, source_page(config, store), config.losses)
        writer.write(
            {name: sys.stdout if path == Path("-") else path for name, path in paths.items()}
        )
        printer = Output(options)
        printer.info(writer.report.verdict.headline)
        if output != Path("-"):
            facts = {name: str(path) for name, path in paths.items()}

            def print_() -> None:
                for path in paths.values():
                    printer.out.print(f"Report: {path}")

            printer.result({"exit": 0, **facts}, print_)
    return 0


def _places(chosen: list[str], output: Path | None, folder: Path) -> dict[str, Path]:
    """Return where each format is written.

    Raises:
        ConfigError: Several formats cannot go where the option says.
    """
    if output is None or (output.is_dir() and output != Path("-")):
        return {each: (output or folder) / FORMATS[each] for each in chosen}
    if len(chosen) == 1:
        return {chosen[0]: output}
    if output == Path("-") or output.suffix or output.exists():
        raise ConfigError(f"{str(output)!r} takes one format: add one --format, or name a folder")
    return {each: output / FORMATS[each] for each in chosen}
