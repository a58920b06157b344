"""Finds the known name that a misspelt one probably means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["closest", "nearest"]


def closest(name: str, known: Iterable[str], likeness: float = 0.5) -> str:
    """Return the known name most like ``name``, whatever the case, or ``""``."""
    folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=likeness)
    return folded[near[0]] if near else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name most like ``name`` as the end of a message, or all known ones."""
    names = list(known)
    if near := closest(name, names):
        return f" (did you mean {near!r}?)"
    return f" (known: {', '.join(map(repr, sorted(names)))})" if names else ""
