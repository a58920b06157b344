"""The transformer ``text``: changes HTML, and the keys in it."""

from __future__ import annotations

from ztoq_core.plugin import TransformerPlugin
from ztoq_mappings.note_codes import NOTE_CODES
from ztoq_mappings.text.transformer import Options, Policy, build

__all__ = ["TEXT", "Options", "Policy"]

TEXT = TransformerPlugin(
    name="text",
    summary="Cleans rich texts or makes them plain; turns keys in them into links",
    config=Options,
    build=build,
    note_codes=NOTE_CODES,
    keeps_default=True,
)
"""What the hook declares."""
