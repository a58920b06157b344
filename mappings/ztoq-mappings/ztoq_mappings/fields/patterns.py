"""Regular expressions that take linear time, whatever a team writes and a text holds.

RE2 does not backtrack, so that no pattern can hang a migration. It knows no look-around and no
back references; a pattern with one is refused when the file is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

import re2

_MOST_MEMORY = 8 << 20
"""Bytes for one compiled pattern; RE2 refuses a larger one, such as ``((a{100}){100}){100}``."""
_HALF = re.compile("[\ud800-\udfff]")
_BACK = re.compile(r"\\(.)", re.DOTALL)


class Pattern(Protocol):
    """What is used of a compiled pattern."""

    groups: int

    def search(self, text: str) -> Match | None:
        """Return the first place where it matches."""
        ...

    def sub(self, repl: str, text: str) -> str:
        """Return the text with each match replaced."""
        ...


class Match(Protocol):
    """What is used of a match."""

    def group(self, group: int = 0) -> str | None:
        """Return what a group, or all of it, matched."""
        ...


def compiled(pattern: str) -> Pattern:
    """Return the pattern, ready for use.

    Raises:
        ValueError: RE2 does not take it; says why.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MOST_MEMORY
    try:
        found: Pattern = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        said = error.args[0]
        why = said.decode("utf-8", "replace") if isinstance(said, bytes) else "not UTF-8"
        raise ValueError(f"{pattern!r} is not a regular expression of RE2: {why}") from error
    return found


def finder(pattern: str) -> Callable[[str], str | None]:
    """Return what gives the first group of the first match, or all of it; None for no match."""
    found = compiled(pattern)
    group = 1 if found.groups else 0

    def find(text: str) -> str | None:
        match = found.search(_whole(text))
        return None if match is None else match.group(group)

    return find


def replacer(pattern: str, replacement: str) -> Callable[[str], str]:
    r"""Return what replaces each match; ``\1`` in the replacement is the first group.

    Raises:
        ValueError: The pattern is none, or the replacement names a group that it does not have.
    """
    found = compiled(pattern)
    for each in _BACK.findall(replacement):
        if not (each == "\\" or (each.isdecimal() and int(each) <= found.groups)):
            raise ValueError(
                f"{replacement!r} may say \\1 to \\{found.groups} for a group of {pattern!r}"
                f" and \\\\ for a backslash, not \\{each}"
            )

    def replace(text: str) -> str:
        return found.sub(replacement, _whole(text))

    return replace


def _whole(text: str) -> str:
    """Return the text with U+FFFD for half surrogate pairs, which RE2 does not take."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)
