"""Lists that are read again because they change while they are read, and what was seen of them.

What is deleted meanwhile moves the rest up: an object can move from a page that is still to be read
to one that was read, and be missed. It happens to a pass only if something is deleted that the pass
showed. So a pass missed nothing if the one behind it shows all of it again.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ztoq_core.records import Ref

MOST_PASSES = 20
"""Over a list that changes while it is read; what then still changes is not read to its end."""
KEPT_CHANGING = (
    f"it kept changing during {MOST_PASSES} passes; run again when fewer people work in the project"
)


@attrs.define
class RowSet:
    """Rows of the store, a bit for each, so that memory does not grow with them."""

    bits: bytearray = attrs.field(factory=bytearray)

    def add(self, row: int) -> bool:
        """Add a row; return whether it is new."""
        new = row not in self
        self.bits.extend(bytes(max(0, row // 8 + 1 - len(self.bits))))
        self.bits[row // 8] |= 1 << row % 8
        return new

    def __contains__(self, row: int) -> bool:
        """Whether the row was added."""
        return row // 8 < len(self.bits) and bool(self.bits[row // 8] >> row % 8 & 1)

    def __le__(self, other: RowSet) -> bool:
        """Whether all rows are in the other set, too."""
        mine, others = (int.from_bytes(each.bits, "little") for each in (self, other))
        return not mine & ~others


@attrs.define
class _Shown:
    rows: RowSet = attrs.field(factory=RowSet)
    others: set[Ref] = attrs.field(factory=set)

    def __le__(self, other: _Shown) -> bool:
        """Whether the other one shows all of this."""
        return self.rows <= other.rows and self.others <= other.others


@attrs.define
class Passes:
    """Compares each pass over a list with the one before."""

    _here: _Shown = attrs.field(factory=_Shown)
    _earlier: _Shown | None = None

    def add_page(self, rows: Iterable[int], others: Iterable[Ref] = ()) -> None:
        """Take what a page shows: the rows of the store, and what has none."""
        for row in rows:
            self._here.rows.add(row)
        self._here.others.update(others)

    def end(self, new: int, *, from_start: bool = True) -> bool:
        """End a pass that showed so much ``new``; return whether the list was read to its end.

        ``from_start``: it was read from its first page; else an earlier run had read that.
        """
        here, earlier = self._here, self._earlier
        self._here, self._earlier = _Shown(), here if from_start else None
        if new:
            return False
        if earlier is None:
            return from_start and here == _Shown()  # what shows nothing hides nothing
        return earlier <= here
