"""The neutral records as qTest takes them; ``docs/mapping.md`` shows what goes where."""

from __future__ import annotations

import attrs

from ztoq_core.plugin import TransformerPlugin
from ztoq_mappings.note_codes import NOTE_CODES
from ztoq_mappings.to_qtest.mapping import build, check
from ztoq_mappings.to_qtest.options import Options

__all__ = ["FORMER", "TO_QTEST", "Options"]

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

FORMER = attrs.evolve(
    TO_QTEST, name="zephyr-qtest", summary="The former name of to-qtest", default_for=()
)
"""Configurations that name it go on to work."""
