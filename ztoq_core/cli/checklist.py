"""The checklist for those who prepare a migration: rights, and what others will notice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ztoq_core.cli.output import Output
from ztoq_core.contracts import SinkPlugin
from ztoq_core.settings.config import Part


def checklist_of(sides: Sequence[Part[Any]]) -> dict[str, Any]:
    """Return the checklist of the sides, as JSON has it."""
    return {
        "rights": [
            {
                "side": part.name,
                "verbs": list(each.verbs),
                "right": each.right,
                "without": each.without,
            }
            for part in sides
            for each in part.plugin.rights
        ],
        "side_effects": [each for part in _sinks(sides) for each in part.plugin.side_effects],
    }


def print_checklist(output: Output, sides: Sequence[Part[Any]]) -> None:
    """Print the checklist, with a box to tick for each line."""
    for part in sides:
        if part.plugin.rights:
            output.heading(f"Rights of the account in {part.plugin.name}")
        for each in part.plugin.rights:
            output.out.print(f"  [ ] {each.right}")
            output.out.print(f"      for {', '.join(each.verbs)}; without it: {each.without}")
    for part in _sinks(sides):
        if part.plugin.side_effects:
            output.heading(f"What others notice of a load into {part.plugin.name}")
        for effect in part.plugin.side_effects:
            output.out.print(f"  [ ] {effect}")


def _sinks(sides: Sequence[Part[Any]]) -> Sequence[Part[SinkPlugin[Any]]]:
    return [part for part in sides if isinstance(part.plugin, SinkPlugin)]
