"""The transformer ``fields``: a mapping file in TOML that a test manager reads and writes."""

from __future__ import annotations

from importlib.resources import files

from ztoq_core.plugin import TransformerPlugin
from ztoq_mappings.fields.options import FieldsOptions
from ztoq_mappings.fields.parse import files_of
from ztoq_mappings.fields.schema_checks import check
from ztoq_mappings.fields.suggest import suggest
from ztoq_mappings.fields.transformer import build
from ztoq_mappings.note_codes import NOTE_CODES

__all__ = ["FIELDS", "FieldsOptions"]

FIELDS = TransformerPlugin(
    name="fields",
    summary="Fields as a mapping file says",
    config=FieldsOptions,
    build=build,
    note_codes=NOTE_CODES,
    keeps_default=True,
    check=check,
    files=files_of,
    suggest=suggest,
    extra_files=(files(__name__) / "mapping.schema.json",),
)
"""What the hook declares."""
