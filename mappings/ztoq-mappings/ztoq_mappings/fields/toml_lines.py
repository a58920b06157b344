"""Finds the line of every key in a TOML text: neither ``tomllib`` nor tomlkit gives line numbers.

``tomllib`` has read the text before, so it is valid.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]
"""Keys and, in arrays, positions from 0: ``("test_case", "field", 0, "to")``."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'",
    re.DOTALL,
)
_OTHER = re.compile(r"[^,\]}#\n]*")


def lines(text: str) -> Mapping[Path, int]:
    """Return the line, counted from 1, on which each table, key and element begins."""
    return _Scanner(text).found


def line_of(path: Path, found: Mapping[Path, int]) -> int:
    """Return the line of ``path``, or of what contains it.

    A position that does not exist is ignored: a single table may be a list of one.
    """
    known: Path = ()
    line = 1
    for part in path:
        inner = (*known, part)
        if isinstance(part, int) and inner not in found:
            continue
        known = inner
        line = found.get(known, line)
    return line


class _Scanner:
    def __init__(self, text: str) -> None:
        self.found: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._arrays: dict[Path, int] = {}
        self._document()

    def _document(self) -> None:
        table: Path = ()
        while self._next():
            line = self._here()
            if self._next() != "[":
                self._pair(table)
                continue
            many = self._text.startswith("[[", self._at)
            self._at += 2 if many else 1
            keys = self._keys()
            self._at = self._text.index("]", self._at) + (2 if many else 1)
            table = (*self._within(keys[:-1], line), keys[-1])
            if many:
                self._arrays[table] = self._arrays.get(table, -1) + 1
                self.found.setdefault(table, line)
                table = (*table, self._arrays[table])
            self.found.setdefault(table, line)

    def _within(self, keys: list[str], line: int) -> Path:
        """Return the path of a table; in an array of tables, the last one so far."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            self.found.setdefault(path, line)
            if path in self._arrays:
                path = (*path, self._arrays[path])
        return path

    def _pair(self, table: Path) -> None:
        self._next()
        line = self._here()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.found.setdefault(path, line)
        self._at += 1  # the equals sign
        self._value(path)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._next()
            key = _KEY.match(self._text, self._at)
            assert key, "tomllib has read this text"  # noqa: S101
            self._at = key.end()
            raw = key.group()
            keys.append(tomllib.loads(f"key = {raw}")["key"] if raw[0] in "\"'" else raw)
            if self._next() != ".":
                return keys
            self._at += 1

    def _value(self, path: Path) -> None:
        begin = self._next()
        if begin == "{":
            self._list("}", path)
        elif begin == "[":
            self._list("]", path)
        else:
            found = _STRING.match(self._text, self._at) or _OTHER.match(self._text, self._at)
            self._at = found.end() if found else self._at

    def _list(self, end: str, path: Path) -> None:
        """Read an array, or a table in braces."""
        self._at += 1
        place = 0
        while self._next() != end:
            if end == "]":
                self.found[*path, place] = self._here()
                self._value((*path, place))
            else:
                self._pair(path)
            place += 1
            if self._next() == ",":
                self._at += 1
        self._at += 1

    def _next(self) -> str:
        """Skip blanks and comments; return the next character, ``""`` at the end."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line
