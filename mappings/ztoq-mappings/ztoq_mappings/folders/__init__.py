"""The transformer ``folders``: which folders the target gets, and their names."""

from __future__ import annotations

from ztoq_core.plugin import TransformerPlugin
from ztoq_mappings.folders.transformer import Options, build, check

__all__ = ["FOLDERS", "Options"]

FOLDERS = TransformerPlugin(
    name="folders",
    summary="Renames, moves, flattens and filters the folders of cases and cycles",
    config=Options,
    build=build,
    keeps_default=True,
    check=check,
)
"""What the hook declares."""
