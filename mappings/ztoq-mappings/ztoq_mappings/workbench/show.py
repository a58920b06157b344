"""``ztoq map show``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import rich_click as click

from ztoq_core.cli.commands.explain import builder, change_line, print_json, print_records
from ztoq_core.cli.options import KIND, Options, verb
from ztoq_core.cli.output import Output
from ztoq_core.cli.session import configured, kind_of
from ztoq_core.engine.history import MappingTrace, trace_mapping
from ztoq_core.migration.opening import new_run
from ztoq_core.settings.config import Config
from ztoq_core.store import Store


@click.command()
@click.argument("name", metavar="KEY")
@click.option("--kind", metavar="KIND", help=KIND)
@verb
def show(options: Options, *, name: str, kind: str | None) -> int:
    """Print one extracted record before and after each transformer, from the store alone.

    \b
    Example:  ztoq map show ACME-T1
    """
    with configured(options) as config:
        return print_records(Output(options), config, kind_of(kind), name, _walks, _print)


async def _walks(config: Config, store: Store, numbers: Sequence[int]) -> list[dict[str, Any]]:
    run = new_run(config, store)
    return [_facts(await trace_mapping(run, number, builder(config))) for number in numbers]


def _facts(way: MappingTrace) -> dict[str, Any]:
    known = way.known
    return {
        "kind": known.ref.kind.value,
        "key": known.ref.key,
        "record": known.extracted,
        "enriched": [attrs.asdict(each) for each in way.enriched],
        "steps": [
            {
                "transformer": stage.name,
                "changes": [attrs.asdict(each) for each in stage.changes],
                "brings": [str(ref) for ref in stage.companions],
                "end": stage.end,
                "record": stage.after,
            }
            for stage in way.steps
        ],
    }


def _print(output: Output, facts: dict[str, Any]) -> None:
    out = output.out
    out.print(f"{facts['kind']} {facts['key']}")
    output.heading("Before")
    print_json(output, facts["record"], "it was added by the mapping: the source does not have it")
    if facts["record"] is None:
        return
    if facts["enriched"]:
        output.heading("Told by the engine")
        for change in facts["enriched"]:
            out.print(f"  {change_line(change)}")
    for step in facts["steps"]:
        _print_step(output, step)
    if not facts["steps"]:
        output.heading("No transformer runs: records go as they are.")
    elif (after := facts["steps"][-1]["record"]) is not None:
        output.heading("After")
        print_json(output, after, "")


def _print_step(output: Output, step: dict[str, Any]) -> None:
    out = output.out
    output.heading(step["transformer"])
    if not (step["changes"] or step["brings"] or step["end"]):
        out.print("  changes nothing")
    for change in step["changes"]:
        out.print(f"  {change_line(change)}")
    if step["brings"]:
        out.print(f"  brings {', '.join(step['brings'])}")
    if step["end"]:
        out.print(f"  {step['end']}")
