"""The default mapping from Zephyr to qTest; ``docs/mapping.md`` shows what goes where."""

from __future__ import annotations

from ztoq_core.plugin import TransformerPlugin
from ztoq_mappings.note_codes import NOTE_CODES
from ztoq_mappings.zephyr_qtest.mapping import build, check
from ztoq_mappings.zephyr_qtest.options import Options

__all__ = ["ZEPHYR_QTEST", "Options"]

ZEPHYR_QTEST = TransformerPlugin(
    name="zephyr-qtest",
    summary="Default mapping of Zephyr's records to qTest's",
    config=Options,
    build=build,
    note_codes=NOTE_CODES,
    default_for=(("zephyr", "qtest"),),
    check=check,
)
"""What the hook declares."""
