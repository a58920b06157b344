"""Reads the text files that people write: the config, mappings and tables; writes tables."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from ztoq_core.errors import ConfigError

__all__ = ["read_text", "restored_cell", "write_table"]

# spreadsheets take such cells for formulas; the apostrophe is among them so that removing one
# leading apostrophe restores every cell
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def read_text(path: Path, what: str, hint: str = "") -> str:
    """Return the text of a UTF-8 file, without the BOM that editors on Windows write.

    ``what`` names the file in messages, such as ``config file``; ``hint`` says what to do if the
    file does not exist.

    Raises:
        ConfigError: It does not exist, or cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"cannot read the {what} {str(path)!r}: it is not UTF-8 text") from error
    except OSError as error:
        if hint and isinstance(error, FileNotFoundError):
            raise ConfigError(f"there is no {what} {str(path)!r}; {hint}") from error
        raise ConfigError(f"cannot read the {what} {str(path)!r}: {error.strerror}") from error


def write_table(file: TextIO, rows: Iterable[Iterable[str]]) -> None:
    """Write rows as CSV in which no spreadsheet takes a cell for a formula.

    A cell that begins with one of ``= + - @ '``, a tab or a line break gets an apostrophe before
    it. A reader of the file removes one leading apostrophe from each such cell.
    """
    writer = csv.writer(file)  # with CRLF, as in RFC 4180: a CR inside a cell is quoted, too
    for row in rows:
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row])


def restored_cell(cell: str) -> str:
    """Return a cell as it was before ``write_table`` wrote it."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
