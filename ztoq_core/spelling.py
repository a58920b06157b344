"""Compares names that people type: regardless of case, and suggests one for a misspelt name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

__all__ = ["closest", "first_of", "folded", "nearest", "similar"]

SHOWN = 20  # known names in a message


def folded(name: str) -> str:
    """Return the form in which names are compared: without case and surrounding spaces."""
    return name.strip().casefold()


def closest(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Return the known name most similar to ``name``, regardless of case; ``""`` if none is.

    ``likeness`` is the lowest ratio of ``difflib`` that counts, from 0 (anything) to 1 (equal).
    """
    return next(iter(similar(name, known, likeness, most=1)), "")


def similar(name: str, known: Iterable[str], likeness: float, most: int) -> list[str]:
    """Return the known names similar to ``name``, the closest first; ``likeness`` as above."""
    names = {folded(each): each for each in known}
    near = difflib.get_close_matches(folded(name), names, n=most, cutoff=likeness)
    return [names[each] for each in near]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the closest known name, or all."""
    names = sorted(known)
    if near := closest(name, names):
        return f" (did you mean {near!r}?)"
    return f" (known: {first_of(names, SHOWN)})" if names else ""


def first_of(words: Sequence[str], most: int) -> str:
    """Return the first words, and how many more there are: ``a, b and 1,203 more``."""
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
