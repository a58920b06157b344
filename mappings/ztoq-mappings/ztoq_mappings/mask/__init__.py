"""The transformer ``mask``: texts and people replaced, structure kept."""

from __future__ import annotations

from ztoq_core.plugin import TransformerPlugin
from ztoq_mappings.mask.transformer import Files, Keep, Options, build, check

__all__ = ["MASK", "Files", "Keep", "Options"]

MASK = TransformerPlugin(
    name="mask",
    summary="Replaces texts and people by made-up ones of the same form, for trials and privacy",
    config=Options,
    build=build,
    check=check,
    keeps_default=True,
)
"""What the hook declares."""
