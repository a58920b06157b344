"""Finds in what two pieces of plain JSON differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Change:
    """A value that differs; ``path`` is such as ``steps[1].description``."""

    path: str
    before: Any
    after: Any


def changes(
    before: Any, after: Any, path: str = "", *, absent: Any = None, by_name: bool = True
) -> Iterator[Change]:
    """Yield each value in which two pieces of plain JSON differ, with its path below ``path``.

    ``absent`` is used for a value that one of them lacks. ``by_name``: objects in lists that have a
    name are paired by it, or by the name that they came from (``origin``), not by their place.
    """

    def below(before: Any, after: Any, path: str) -> Iterator[Change]:
        return changes(before, after, path, absent=absent, by_name=by_name)

    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            own = f"{path}.{key}".lstrip(".")
            yield from below(before.get(key, absent), after.get(key, absent), own)
    elif isinstance(before, list) and isinstance(after, list):
        if by_name and all(isinstance(x, dict) and "name" in x for x in (*before, *after)):
            yield from _by_name(before, after, path, absent)
            return
        for place in range(max(len(before), len(after))):
            one, other = (x[place] if place < len(x) else absent for x in (before, after))
            yield from below(one, other, f"{path}[{place}]")
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Change(path=path, before=before, after=after)


def _by_name(
    before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]], path: str, absent: Any
) -> Iterator[Change]:
    unpaired = {str(each["name"]): each for each in reversed(before)}
    same = True
    for each in after:
        name = str(each.get("origin") or each["name"])
        if name not in unpaired:
            name = str(each["name"])
        found = list(changes(unpaired.pop(name, absent), each, f"{path}[{name}]", absent=absent))
        same &= not found
        yield from found
    for name, each in unpaired.items():
        yield Change(path=f"{path}[{name}]", before=each, after=absent)
    if same and not unpaired and before != after:
        yield Change(path=f"{path} (order)", before=before, after=after)
