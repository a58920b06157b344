"""Carries out ``ztoq map show``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import attrs

from ztoq_core.cli.deciding import kind_of
from ztoq_core.cli.explaining import change_line, hide, numbers_of, print_json
from ztoq_core.cli.options import Options
from ztoq_core.cli.talk import Talk
from ztoq_core.config import Config
from ztoq_core.contracts import Schema, Transform
from ztoq_core.engine.explain import Walk, walk
from ztoq_core.store import Store

__all__ = ["show"]


def show(options: Options, config: Config, name: str, kind_name: str | None) -> int:
    """Print the records that a name means as they pass the mapping; return the exit code.

    Raises:
        ConfigError: There is none, or the mapping cannot be used.
    """
    kind = kind_of(kind_name)
    talk = Talk(options)
    with Store(config.store_url, create=False) as store:
        ways = asyncio.run(_walks(config, store, numbers_of(store, name, kind)))
    shown = [hide(_facts(way), config) for way in ways]

    def print_() -> None:
        for facts in shown:
            _print(talk, facts)

    talk.result({"exit": 0, "records": shown}, print_)
    return 0


async def _walks(config: Config, store: Store, numbers: Sequence[int]) -> list[Walk]:
    def build(schema: Schema) -> list[tuple[str, Transform]]:
        names = [part.plugin.name for part in config.chain()]
        return list(zip(names, config.build(schema), strict=True))

    return [await walk(store, number, build) for number in numbers]


def _facts(way: Walk) -> dict[str, Any]:
    known = way.known
    return {
        "kind": known.ref.kind.value,
        "key": known.ref.key,
        "record": known.extracted,
        "told": [attrs.asdict(each) for each in way.told],
        "steps": [
            {
                "transformer": stage.name,
                "changes": [attrs.asdict(each) for each in stage.changes],
                "brings": [str(ref) for ref in stage.brings],
                "end": stage.end,
                "record": stage.after,
            }
            for stage in way.stages
        ],
    }


def _print(talk: Talk, facts: dict[str, Any]) -> None:
    out = talk.out
    out.print(f"{facts['kind']} {facts['key']}")
    out.print("\nBefore")
    print_json(talk, facts["record"], "it was added by the mapping: the source does not have it")
    if facts["record"] is None:
        return
    if facts["told"]:
        out.print("\nTold by the engine")
        for change in facts["told"]:
            out.print(f"  {change_line(change)}")
    for step in facts["steps"]:
        _print_step(talk, step)
    if not facts["steps"]:
        out.print("\nNo transformer runs: records go as they are.")
    elif (after := facts["steps"][-1]["record"]) is not None:
        out.print("\nAfter")
        print_json(talk, after, "")


def _print_step(talk: Talk, step: dict[str, Any]) -> None:
    out = talk.out
    out.print(f"\n{step['transformer']}")
    if not (step["changes"] or step["brings"] or step["end"]):
        out.print("  changes nothing")
    for change in step["changes"]:
        out.print(f"  {change_line(change)}")
    if step["brings"]:
        out.print(f"  brings {', '.join(step['brings'])}")
    if step["end"]:
        out.print(f"  {step['end']}")
