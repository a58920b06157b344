"""Which records have rows in a table of test cases; the others are left out, each as a loss."""

from __future__ import annotations

import attrs

from ztoq_core.plugin import (
    Folder,
    Kind,
    Record,
    Skip,
    Transform,
    TransformContext,
    TransformerPlugin,
    Tree,
    plain,
)
from ztoq_files.note_codes import NOT_IN_TABLE


def require_row(record: Record) -> Record:
    """Return the record if a table has rows for it, or for what is in it.

    Raises:
        Skip: It has none.
    """
    if isinstance(record, Folder):
        if record.tree is Tree.CASES:
            return record
        what = f"folders of {record.tree}"
    elif record.kind in {Kind.TEST_CASE, Kind.FIELD}:
        return record
    else:
        what = f"{plain(record.kind)}s"
    raise Skip(f"a table of test cases has no rows for {what}", loss=True, code=NOT_IN_TABLE)


@attrs.frozen
class NoOptions:
    """There is nothing to choose."""


def build(options: NoOptions, context: TransformContext) -> Transform:
    """Return the transformer that leaves out what has no rows."""
    del options, context
    return require_row


TABLE = TransformerPlugin(
    name="table",
    summary="Leaves out what a table of test cases has no rows for, each record as a loss",
    config=NoOptions,
    build=build,
    default_for=(("*", "table"),),
)
"""So that a plan says before the load what will be lost; the sink leaves out the same records."""
