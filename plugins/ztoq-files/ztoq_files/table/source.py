"""Reads the test cases of a table."""

from __future__ import annotations

from pathlib import Path

import attrs

from ztoq_core.plugin import Kind
from ztoq_files.table.cases import CaseTable, folders_of
from ztoq_files.table.sheets import Sheet
from ztoq_files.whole_file import Records, WholeFileSource


def table_source(path: Path) -> WholeFileSource:
    """Return the source of a table; nothing is read yet."""

    def read() -> Records:
        cases = CaseTable.read(Sheet.read(path)).cases
        # the engine fills the path from the folders
        without = tuple(attrs.evolve(each, path=()) for each in cases)
        return {Kind.FOLDER: folders_of(cases), Kind.TEST_CASE: without}

    return WholeFileSource(f"table {path.resolve()}", read)
