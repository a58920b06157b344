"""The transformer ``users``: people of the source become people of the target."""

from __future__ import annotations

from ztoq_core.plugin import TransformerPlugin
from ztoq_mappings.note_codes import NOTE_CODES
from ztoq_mappings.users.transformer import Options, build, check

__all__ = ["USERS", "Options"]

USERS = TransformerPlugin(
    name="users",
    summary="Turns people of the source into people of the target, by table, e-mail or name",
    config=Options,
    build=build,
    note_codes=NOTE_CODES,
    check=check,
    keeps_default=True,
)
"""What the hook declares."""
