"""Looks into a workbook before it is opened, and refuses one that would fill memory or disk.

The reader keeps a rectangle of all cells, with the text of each. So a small file can ask for much:
by what its parts unpack to, by two cells far apart, or by a long text that many cells show.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler

from defusedxml import sax
from defusedxml.common import (
    DefusedXmlException,
)

from ztoq_core.plugin import ConfigError

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
            strings = _Strings()
            for part in book.infolist():
                if _STRINGS.match(part.filename):
                    _parse(book, part, strings)
            for part in book.infolist():
                if _SHEET.match(part.filename):
                    _parse(book, part, _Cells(path, strings.lengths))
    except DefusedXmlException as error:
        raise ConfigError(
            f"{path}: it declares entities of XML, which no workbook needs; it is not opened"
        ) from error
    except SAXParseException as error:
        why = error.getMessage()
        raise ConfigError(f"{path}: a part of the workbook is not XML ({why})") from error
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


class _Strings(ContentHandler):
    """Counts the characters of each shared text."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths: list[int] = []

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: ARG002, N802 - SAX
        if _local(name) == "si":
            self.lengths.append(0)

    def characters(self, content: str) -> None:
        if self.lengths:
            self.lengths[-1] += len(content)


class _Cells(ContentHandler):
    """Counts what the cells of a sheet span and show."""

    def __init__(self, path: Path, lengths: list[int]) -> None:
        super().__init__()
        self._path, self._lengths = path, lengths
        self._rows = self._columns = self._characters = 0
        self._shared = False
        self._number = ""

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802 - SAX
        if _local(name) == "c":
            self._shared, self._number = attrs.get("t") == "s", ""
            found = _CELL.match(attrs.get("r", ""))
            if found:
                self._rows = max(self._rows, int(found[2]))
                self._columns = max(self._columns, _number(found[1]))
                if self._rows * self._columns > MOST_CELLS:
                    raise ConfigError(
                        f"{self._path}: its cells span {self._rows:,} rows and {self._columns:,}"
                        f" columns, more than {MOST_CELLS:,} cells"
                    )

    def characters(self, content: str) -> None:
        if self._shared:
            self._number += content
        else:
            self._characters += len(content)

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX
        if _local(name) != "c":
            return
        number = self._number.strip()
        if self._shared and number.isdecimal() and int(number) < len(self._lengths):
            self._characters += self._lengths[int(number)]
        self._shared = False
        if self._characters > MOST_TEXT:
            raise ConfigError(f"{self._path}: its cells show more than {MOST_TEXT:,} characters")


def _parse(book: zipfile.ZipFile, part: zipfile.ZipInfo, handler: ContentHandler) -> None:
    parser = sax.make_parser()
    parser.setContentHandler(handler)
    with book.open(part) as file:
        parser.parse(file)


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * _LETTERS + ord(letter) - ord("A") + 1
    return number
