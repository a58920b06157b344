"""The verbs that only look: report, status, plugins."""
# ruff: noqa: PLC0415 - what a verb needs is imported when it runs: --help answers at once

from __future__ import annotations

import sys
from pathlib import Path

import rich_click as click

from ztoq_core.cli.options import Options, as_json
from ztoq_core.errors import ConfigError

__all__ = ["plugins", "report", "status"]

FORMATS = ("html", "json", "csv")


@click.command()
@click.option("--html", is_flag=True, help="Write the page for people.")
@click.option("--json", is_flag=True, help="Write the same as JSON, with complete lists.")
@click.option("--csv", is_flag=True, help="Write which key stands where: key, kind, id, pid, url.")
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
    """  # noqa: D301 - \b is click's mark for a block that stays as it is
    from ztoq_core.cli.talk import Talk
    from ztoq_core.cli.work import configured
    from ztoq_core.report import Report, write_csv, write_html, write_json
    from ztoq_core.store import Store

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
        talk = Talk(options)
        talk.say(made.verdict.heading)
        if output != Path("-"):
            facts = {name: str(path) for name, path in paths.items()}
            lines = [f"Report: {path}" for path in paths.values()]
            talk.result({"exit": 0, **facts}, lambda: talk.out.print("\n".join(lines)))
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


@click.command()
@as_json
@click.pass_obj
def status(options: Options) -> int:
    """Show how many records are in which state, and what the last run came to.

    The exit code says whether the store could be read, not whether the migration is in order.

    \b
    Example:  ztoq --json status
    """  # noqa: D301
    from ztoq_core.cli import rest
    from ztoq_core.cli.talk import Talk
    from ztoq_core.cli.work import configured
    from ztoq_core.report import Report
    from ztoq_core.report.data import words
    from ztoq_core.store import Store

    options.verb = "status"
    with configured(options) as config, Store(config.store_url, create=False) as store:
        made = Report.from_store(store, limit=0)
        talk = Talk(options)
        last = made.runs[-1] if made.runs else None
        months = rest.calls_of_month(config, store)

        def print_() -> None:
            talk.out.print(f"{made.source or 'no source'} -> {made.target or 'no target'}")
            talk.out.print(made.verdict.heading)
            for sentence in (*made.verdict.sentences, *made.verdict.warnings, *made.remarks):
                talk.out.print(f"  {sentence}")
            if made.kinds:
                rows = [
                    (
                        words(row.kind),
                        f"{row.total:,}",
                        *(f"{row.states.get(state, 0):,}" for state in made.states),
                    )
                    for row in made.kinds
                ]
                talk.table(("kind", "all", *made.states), rows)
            for month in months:
                talk.out.print(str(month))
            if last:
                ended = (last.outcome or "stopped by an error") if last.ended else "still running"
                talk.out.print(
                    f"last run: {last.id}, ztoq {last.verb}, {last.started:%Y-%m-%d %H:%M} UTC, "
                    f"{ended}"
                )

        facts = {
            "exit": 0,
            "source": made.source,
            "target": made.target,
            "verdict": made.verdict.heading,
            "would_exit": int(made.verdict.exit),
            "sentences": made.verdict.sentences,
            "warnings": made.verdict.warnings,
            "counts": {row.kind.value: row.states for row in made.kinds},
            "selection": made.selection,
            "unselected": made.unselected,
            "final": made.final and not made.final.reasons,
            "nameless": made.nameless,
            "calls": rest.as_facts(months),
            "last_run": last and {"id": last.id, "verb": last.verb, "outcome": last.outcome},
        }
        talk.result(facts, print_)
    return 0


@click.command()
@as_json
@click.pass_obj
def plugins(options: Options) -> int:
    """List the installed plugins, and those that cannot be used with the reason.

    \b
    Example:  ztoq plugins
    """  # noqa: D301
    from ztoq_core.cli.talk import Talk
    from ztoq_core.contracts import TransformerPlugin
    from ztoq_core.plugins import Plugins

    options.verb = "plugins"
    found = Plugins.installed()
    talk = Talk(options)
    rows = []
    for each in found.declared():
        summary = each.plugin.summary
        if isinstance(each.plugin, TransformerPlugin) and each.plugin.default_for:
            pairs = ", ".join(f"{source} -> {sink}" for source, sink in each.plugin.default_for)
            summary += f" (default for {pairs})"
        rows.append((each.word, each.plugin.name, summary, each.package))
    broken = found.broken()

    def print_() -> None:
        if rows:
            talk.table(("kind", "name", "what it is", "package"), rows)
        else:
            talk.out.print("No plugin is installed; try: pip install ztoq-zephyr ztoq-qtest")
        for each in broken:
            talk.out.print(f"cannot be used: {each.name} ({each.package}): {each.reason}")

    names = ("kind", "name", "summary", "package")
    facts = {
        "exit": 0,
        "plugins": [dict(zip(names, row, strict=True)) for row in rows],
        "broken": [
            {"name": each.name, "package": each.package, "reason": each.reason} for each in broken
        ],
    }
    talk.result(facts, print_)
    return 0
