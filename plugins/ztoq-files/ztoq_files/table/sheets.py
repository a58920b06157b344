"""Reads and writes tables of texts: CSV files and the first sheet of XLSX workbooks."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TextIO

import attrs
from python_calamine import CalamineError, CalamineWorkbook

from ztoq_core.plugin import ConfigError, restored_cell, write_table
from ztoq_files.disk import on_disk
from ztoq_files.table.workbooks import check_workbook

ENDINGS = (".csv", ".xlsx")
MOST_ROWS = 1_048_576
"""Of a sheet (specifications of Microsoft Excel)."""
MOST_CHARACTERS = 32_767
"""Of a cell of a sheet."""
MOST_BYTES = 512 * 2**20
"""Of a CSV file, which is read as a whole."""
_MADE = datetime.fromisoformat("2000-01-01")  # equal tables are equal files
_NOT_IN_CSV = re.compile("[\0\ud800-\udfff]")
_NOT_IN_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CHAINED = re.compile("_(?=x[0-9A-Fa-f]{4}_x[0-9A-Fa-f]{4}_)")
"""Workbooks write a character as ``_x0041_``. XlsxWriter escapes a text like that, but not two of
them with one underscore between."""
_LETTERS = 26


@attrs.frozen
class Row:
    """A row; ``number`` is the line of a CSV file in which it begins, or the row of a sheet."""

    number: int
    cells: Sequence[str]


@attrs.frozen
class Sheet:
    """A table that was read: its columns and its rows, blank ones left out."""

    path: Path
    header: Row
    rows: Sequence[Row]

    @classmethod
    def read(cls, path: Path) -> Sheet:
        """Read a table as a whole.

        Raises:
            ConfigError: It cannot be read; the message names file and line or cell.
        """
        if path.suffix.lower() not in ENDINGS:
            raise ConfigError(f"{path}: a table is a file that ends with {' or '.join(ENDINGS)}")
        if not path.is_file():
            raise ConfigError(f"there is no file {str(path)!r}")
        with on_disk(path, "read"):
            found = _csv_rows(path) if path.suffix.lower() == ".csv" else _xlsx_rows(path)
            rows = [row for row in found if any(cell.strip() for cell in row.cells)]
        if not rows:
            raise ConfigError(f"{path}: it is empty; the first row names the columns")
        return cls(path, rows[0], rows[1:])

    def place(self, row: Row, column: int) -> str:
        """Return the words for a cell: ``cases.csv: line 3, column 'Labels'``."""
        if self.path.suffix.lower() == ".xlsx":
            return f"{self.path}: cell {_column(column)}{row.number}"
        return f"{self.path}: line {row.number}, column {self.header.cells[column]!r}"


def _csv_rows(path: Path) -> Iterator[Row]:
    if path.stat().st_size > MOST_BYTES:
        raise ConfigError(f"{path}: a table of more than {MOST_BYTES:,} bytes is not read")
    with path.open(encoding="utf-8-sig", newline="") as file:
        number, width = 0, 0
        try:
            first = file.readline()
            # some spreadsheets separate by semicolons
            separator = ";" if first.count(";") > first.count(",") else ","
            file.seek(0)
            reader = csv.reader(file, delimiter=separator, strict=True)
            for cells in reader:
                begun, number = number + 1, reader.line_num
                width = width or len(cells)
                if cells and len(cells) != width:
                    raise ConfigError(
                        f"{path}: line {begun}: {len(cells)} values for {width} columns; a value"
                        f" with a {separator!r}, a quote or a line break in it goes in quotes"
                    )
                yield Row(begun, [restored_cell(cell) for cell in cells])
        except csv.Error as error:
            raise ConfigError(f"{path}: line {number + 1}: {error}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: after line {number}: it is not UTF-8 text") from error


def _xlsx_rows(path: Path) -> Iterator[Row]:
    check_workbook(path)
    try:
        with CalamineWorkbook.from_path(path) as book:
            sheet = book.get_sheet_by_index(0)
            values = sheet.to_python(skip_empty_area=False)
    except (CalamineError, IndexError) as error:
        raise ConfigError(f"{path}: it is not a workbook that can be read ({error})") from error
    for number, row in enumerate(values, 1):
        yield Row(number, [_shown(value) for value in row])


def _shown(value: Any) -> str:
    """Return a value of a cell as the text that a person would type for it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        hours, rest = divmod(int(value.total_seconds()), 3600)
        return f"{hours:02}:{rest // 60:02}:{rest % 60:02}"
    return str(value)


def _column(number: int) -> str:
    letters = ""
    number += 1
    while number:
        number, place = divmod(number - 1, _LETTERS)
        letters = chr(ord("A") + place) + letters
    return letters


def cell_text(text: str, ending: str) -> str:
    """Return what a cell of a file with this ending keeps of a text.

    Characters that the form lacks become U+FFFD, line breaks line feeds; a cell of a workbook takes
    ``MOST_CHARACTERS``.
    """
    if ending == ".csv":
        return _NOT_IN_CSV.sub("\ufffd", text)
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CHAINED.sub("\ufffd", _NOT_IN_XML.sub("\ufffd", plain))[:MOST_CHARACTERS]


def write_sheet(path: Path, name: str, rows: Iterable[Sequence[str]]) -> None:
    """Write a table, the first row its header, in which no cell is a formula.

    ``name`` is that of the sheet. The cells are as ``cell_text`` returns them.

    Raises:
        ConfigError: A sheet does not hold so many rows.
    """
    if path.suffix.lower() == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            _write_csv(file, rows)
        return
    import xlsxwriter

    # rows go to a temporary file as they come; texts are not looked at for formulas and addresses
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        book.set_properties({"created": _MADE})
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(rows):
            if number == MOST_ROWS:
                raise ConfigError(
                    f"{path}: a sheet holds {MOST_ROWS:,} rows, and there are more; write a .csv"
                    " file, or select fewer test cases"
                )
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell, bold if number == 0 else None)


def _write_csv(file: TextIO, rows: Iterable[Sequence[str]]) -> None:
    # spreadsheets take a file without the mark for one in the code page of their system
    file.write("\ufeff")
    write_table(file, rows)
