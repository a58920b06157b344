"""The readers of which the shapes of answers are made.

Each returns the checked value, or raises ValueError that says where it differs. A scalar may be a
string or a number, null counts as missing, and unknown keys are dropped, since services add keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Reader = Callable[[Any], Any]

LONGEST_ID = 2**63  # ids are int64 (vendor's document)
SHOWN = 60  # characters of a wrong value in a message


def wrong(value: object, wanted: str) -> ValueError:
    shown = "nothing" if value is None else repr(value)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return ValueError(f"{shown} instead of {wanted}")


# --------------------------------------------------------------------------------------- scalars


def anything(value: Any) -> Any:
    """Return any body; ztoq does not use it."""
    return value


def text(value: Any) -> str:
    """Return a text; a number or a flag counts too."""
    if isinstance(value, (str, int, float)):
        return str(value)
    raise wrong(value, "a text")


def loose(value: Any) -> str:
    """Return a text that only people read; anything else counts as empty."""
    return str(value) if isinstance(value, (str, int, float)) else ""


def number(value: Any) -> int:
    """Return a whole number, also if it came as a string."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        value = int(value)
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < LONGEST_ID:
        return value
    raise wrong(value, "a whole number")


def object_id(value: Any) -> int:
    """Return the id of an object; 0 is the root, which is not an object."""
    found = number(value)
    if found < 1:
        raise wrong(value, "an id")
    return found


def flag(value: Any) -> bool:
    """Return a truth value."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in {"true", "false"}:
        return bool(value == "true")
    raise wrong(value, "true or false")


# ------------------------------------------------------------------------------------ containers


def listed(item: Reader) -> Reader:
    """Return the reader of a bare array."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise wrong(value, "a list")
        found: list[Any] = []
        try:
            found.extend(map(item, value))
        except ValueError as error:  # what was read before it is in ``found``
            raise ValueError(f"[{len(found)}]: {error}") from error
        return found

    return read


def obj(needs: Mapping[str, Reader], may: Mapping[str, Reader] | None = None) -> Reader:
    """Return the reader of an object with required and optional keys."""
    known = tuple({**(may or {}), **needs}.items())

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise wrong(value, "an object")
        found: dict[str, Any] = {}
        name = ""
        try:
            for name, one in known:
                if (given := value.get(name)) is not None:
                    found[name] = one(given)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        for name in needs:
            if name not in found:
                raise ValueError(f"an object without {name!r}")
        return found

    return read


def page(item: Reader) -> Reader:
    """Return the reader of a page object or a bare array (facts, section 10)."""
    bare = listed(item)
    paged = obj({"items": bare}, {"total": number, "page_size": number})
    return lambda value: bare(value) if isinstance(value, list) else paged(value)


def maybe(item: Reader) -> Reader:
    """Return the reader of an answer that may have no body."""
    return lambda value: None if value is None else item(value)
