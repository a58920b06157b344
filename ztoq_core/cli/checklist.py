"""The checklist for those who prepare a migration: rights, and what others will notice."""

from __future__ import annotations

from typing import Any

from ztoq_core.cli.output import Output
from ztoq_core.contracts import SinkPlugin, SourcePlugin
from ztoq_core.settings.config import Part

SourcePart = Part[SourcePlugin[Any]]
SinkPart = Part[SinkPlugin[Any]]


def checklist_of(source: SourcePart, sink: SinkPart) -> dict[str, Any]:
    """Return the checklist of both sides, as JSON has it."""
    return {
        "rights": [
            {
                "side": part.name,
                "verbs": list(each.verbs),
                "right": each.right,
                "without": each.without,
            }
            for part in (source, sink)
            for each in part.plugin.rights
        ],
        "side_effects": list(sink.plugin.side_effects),
    }


def print_checklist(output: Output, source: SourcePart, sink: SinkPart) -> None:
    """Print the checklist, with a box to tick for each line."""
    for part in (source, sink):
        if part.plugin.rights:
            output.heading(f"Rights of the account in {part.plugin.name}")
        for each in part.plugin.rights:
            output.out.print(f"  [ ] {each.right}")
            output.out.print(f"      for {', '.join(each.verbs)}; without it: {each.without}")
    if sink.plugin.side_effects:
        output.heading(f"What others notice of a load into {sink.plugin.name}")
    for effect in sink.plugin.side_effects:
        output.out.print(f"  [ ] {effect}")
