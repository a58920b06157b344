"""Compares names that people type: regardless of case, and the nearest one to a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["closest", "folded", "nearest"]

SHOWN = 20  # known names in a message


def folded(name: str) -> str:
    """Return the form in which names are compared: without case and surrounding blanks."""
    return name.strip().casefold()


def closest(name: str, known: Iterable[str], likeness: float = 0.5) -> str:
    """Return the known name most like ``name``, regardless of case; ``""`` where none is.

    ``likeness`` is the least ratio of ``difflib``, from 0 (anything) to 1 (the same).
    """
    names = {folded(each): each for each in known}
    near = difflib.get_close_matches(folded(name), names, n=1, cutoff=likeness)
    return names[near[0]] if near else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the closest known one, or all of them."""
    names = sorted(known)
    if near := closest(name, names):
        return f" (did you mean {near!r}?)"
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return f" (known: {', '.join(names[:SHOWN])}{more})" if names else ""
