"""``ztoq plugins``."""

from __future__ import annotations

import rich_click as click

from ztoq_core.cli.options import Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.contracts import TransformerPlugin
from ztoq_core.plugins import plugins_of
from ztoq_core.settings.config import default_path


@click.command()
@verb
def plugins(options: Options) -> int:
    """List the installed plugins, and why some cannot be loaded.

    \b
    Example:  ztoq plugins
    """
    found = plugins_of(options.path or default_path())
    output = Output(options)
    rows = []
    for each in found.declared():
        summary = (
            each.plugin.get_short_help_str(200)
            if isinstance(each.plugin, click.Command)
            else each.plugin.summary
        )
        if isinstance(each.plugin, TransformerPlugin) and each.plugin.default_for:
            pairs = ", ".join(f"{source} -> {sink}" for source, sink in each.plugin.default_for)
            summary += f" (default for {pairs})"
        rows.append((each.word, each.plugin.name, summary, each.package))
    broken = found.broken()

    def print_() -> None:
        if rows:
            output.table(("kind", "name", "what it is", "package"), rows)
        else:
            output.out.print("No plugin is installed; try: pip install ztoq-zephyr ztoq-qtest")
        for each in broken:
            output.out.print(f"cannot be loaded: {each.name} ({each.package}): {each.reason}")
        for name in found.disabled:
            output.out.print(f"switched off in the config (disabled_plugins): {name}")

    names = ("kind", "name", "summary", "package")
    facts = {
        "exit": 0,
        "plugins": [dict(zip(names, row, strict=True)) for row in rows],
        "broken": [
            {"name": each.name, "package": each.package, "reason": each.reason} for each in broken
        ],
        "disabled": list(found.disabled),
    }
    output.result(facts, print_)
    return 0
