"""Cuts lists into pages, as the handlers of simulators need it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import attrs

from ztoq_testkit.simulate.messages import Refusal, Request

T = TypeVar("T")


@attrs.frozen
class Slice(Generic[T]):
    """A page: ``start`` is the index of its first value, ``total`` the length of the whole list."""

    values: Sequence[T]
    start: int
    size: int
    total: int

    @property
    def is_last(self) -> bool:
        """Whether nothing follows."""
        return self.start + len(self.values) >= self.total


def by_offset(items: Sequence[T], start: int, size: int) -> Slice[T]:
    """Return at most ``size`` items from index ``start`` on."""
    return Slice(items[start : start + size], start, size, len(items))


def by_page(items: Sequence[T], page: int, size: int) -> Slice[T]:
    """Return page number ``page``, counted from 1, of ``size`` items each."""
    return by_offset(items, (page - 1) * size, size)


def whole_number(  # noqa: PLR0913 - the bounds of one parameter
    request: Request,
    name: str,
    *,
    default: int,
    lowest: int = 0,
    highest: int | None = None,
    refuse: Callable[[str], Refusal],
) -> int:
    """Return a whole number from the query; ``refuse`` makes the refusal from what is wrong."""
    text = request.query.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError:
        raise refuse(f"{name} should be a number") from None
    if value < lowest or (highest is not None and value > highest):
        bound = f"at least {lowest}" if highest is None else f"between {lowest} and {highest}"
        raise refuse(f"{name} should be {bound}")
    return value
