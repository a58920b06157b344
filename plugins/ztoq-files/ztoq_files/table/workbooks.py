"""Looks into a workbook before it is opened, and refuses one that would fill memory or disk.

The reader keeps a rectangle of all cells, with the text of each. So a small file can ask for much:
by what its parts unpack to, by two cells far apart, or by a long text that many cells show.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from defusedxml import ElementTree  # type: ignore[import-untyped]  # it brings no types
from defusedxml.common import (  # type: ignore[import-untyped]  # it brings no types
    DefusedXmlException,
)

from ztoq_core.plugin import ConfigError

__all__ = ["check_workbook"]

MOST_UNPACKED = 512 * 2**20
"""Bytes of all parts together."""
MOST_RATIO = 200
"""How many times larger than it is packed a part may be that is not small."""
SMALL = 2**20
MOST_PARTS = 10_000
MOST_CELLS = 20_000_000
"""Of the rectangle from the first cell to the last."""
MOST_TEXT = 1_000_000_000
"""Characters of all cells together."""
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml\Z", re.IGNORECASE)
_STRINGS = re.compile(r"xl/sharedStrings\.xml\Z", re.IGNORECASE)
_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})\Z")
_LETTERS = 26


def check_workbook(path: Path) -> None:
    """Check that a workbook is a zip file of bearable size.

    Raises:
        ConfigError: It is not, or it would take too much.
    """
    try:
        with zipfile.ZipFile(path) as book:
            _check_parts(path, book)
            lengths: list[int] = []
            for part in book.infolist():
                if _STRINGS.match(part.filename):
                    with book.open(part) as file:
                        lengths = list(_lengths(file))
            for part in book.infolist():
                if _SHEET.match(part.filename):
                    with book.open(part) as file:
                        _check_cells(path, file, lengths)
    except DefusedXmlException as error:
        raise ConfigError(
            f"{path}: it declares entities of XML, which no workbook needs; it is not opened"
        ) from error
    except ElementTree.ParseError as error:
        raise ConfigError(f"{path}: a part of the workbook is not XML ({error})") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ConfigError(f"{path}: it is not a workbook (.xlsx): {error}") from error


def _check_parts(path: Path, book: zipfile.ZipFile) -> None:
    parts = book.infolist()
    if len(parts) > MOST_PARTS:
        raise ConfigError(f"{path}: it has {len(parts):,} parts, more than {MOST_PARTS:,}")
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MOST_UNPACKED:
        raise ConfigError(f"{path}: it unpacks to {unpacked:,} bytes, more than {MOST_UNPACKED:,}")
    for part in parts:
        if part.file_size > max(SMALL, MOST_RATIO * part.compress_size):
            raise ConfigError(
                f"{path}: {part.filename!r} unpacks to {part.file_size:,} bytes, more than"
                f" {MOST_RATIO} times its {part.compress_size:,}"
            )
    if broken := book.testzip():  # also a part of another size than it declares
        raise zipfile.BadZipFile(f"{broken!r} is damaged")


def _lengths(file: IO[bytes]) -> Iterator[int]:
    """Yield the characters of each shared text."""
    for _, element in ElementTree.iterparse(file):
        if _local(element.tag) == "si":
            yield sum(len(text) for text in element.itertext())
            element.clear()


def _check_cells(path: Path, file: IO[bytes], lengths: list[int]) -> None:
    rows = columns = characters = 0
    for _, element in ElementTree.iterparse(file):
        name = _local(element.tag)
        if name == "c":
            found = _CELL.match(element.get("r", ""))
            if found:
                rows = max(rows, int(found[2]))
                columns = max(columns, _number(found[1]))
            text = "".join(element.itertext())
            shared = element.get("t") == "s" and text.isdecimal() and int(text) < len(lengths)
            characters += lengths[int(text)] if shared else len(text)
            if rows * columns > MOST_CELLS:
                raise ConfigError(
                    f"{path}: its cells span {rows:,} rows and {columns:,} columns, more than"
                    f" {MOST_CELLS:,} cells"
                )
            if characters > MOST_TEXT:
                raise ConfigError(f"{path}: its cells show more than {MOST_TEXT:,} characters")
        if name in {"c", "row"}:
            element.clear()


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * _LETTERS + ord(letter) - ord("A") + 1
    return number
