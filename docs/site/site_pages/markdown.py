"""Docstrings and values as Markdown."""

from __future__ import annotations

import inspect
import re

__all__ = ["cell", "one_line", "prose", "table"]

_CODE = re.compile(r"(`[^`]+`)")


def prose(docstring: str | None) -> str:
    """Return a docstring, which marks code by two backticks, as Markdown."""
    return re.sub(r"``([^`]+)``", r"`\1`", inspect.cleandoc(docstring or ""))


def one_line(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def cell(text: str) -> str:
    """Return a text, which may hold code, as it may be in a cell of a table."""
    parts = _CODE.split(one_line(text).replace("|", "\\|"))
    return "".join(
        part if part.startswith("`") else re.sub(r"([<>*\[\]])", r"\\\1", part) for part in parts
    )


def table(*rows: tuple[str, ...]) -> str:
    """Return a table; the first row has the titles."""
    title, *others = rows
    lines = [title, tuple("---" for _ in title), *others]
    return "".join(f"| {' | '.join(map(cell, row))} |\n" for row in lines)
