"""The neutral records as qTest takes them; ``docs/mapping.md`` shows what goes where."""

from __future__ import annotations

from ztoq_core.plugin import TransformerPlugin
from ztoq_mappings.note_codes import NOTE_CODES
from ztoq_mappings.to_qtest.mapping import build, check
from ztoq_mappings.to_qtest.options import Options

__all__ = ["TO_QTEST", "Options"]

TO_QTEST = TransformerPlugin(
    name="to-qtest",
    summary="Any source's records as qTest takes them",
    config=Options,
    build=build,
    note_codes=NOTE_CODES,
    default_for=(("*", "qtest"),),
    check=check,
)
"""What the hook declares."""
