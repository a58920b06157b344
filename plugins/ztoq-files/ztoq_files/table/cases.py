"""Reads the test cases of a table, or says which cell is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ztoq_core.plugin import ConfigError, Folder, Kind, Ref, TestCase, Tree, folded
from ztoq_files.table.layouts import LAYOUTS, CellError, Layout, folder_path
from ztoq_files.table.sheets import Row, Sheet

_SHOWN = 60


@attrs.frozen
class CaseTable:
    """A table that was read: its layout, and the cases in their order."""

    layout: Layout
    cases: tuple[TestCase, ...]

    @classmethod
    def read(cls, sheet: Sheet, layout: Layout | None = None) -> CaseTable:
        """Read a table; without a ``layout`` the header tells which one it has.

        Raises:
            ConfigError: The header or a cell cannot be used; the message names the cell.
        """
        titles = _titles(sheet)
        layout = layout or _layout(sheet, titles)
        known = {folded(title): title for title in (*layout.header(()), *layout.ignored)}
        names = [known.get(folded(title), title) for title in titles]
        reader = _Reader(sheet, layout, names)
        for row in sheet.rows:
            reader.take(row)
        return cls(layout, reader.end())


def _titles(sheet: Sheet) -> list[str]:
    titles = [cell.strip() for cell in sheet.header.cells]
    while titles and not titles[-1]:
        titles.pop()
    for place, title in enumerate(titles):
        if not title:
            raise ConfigError(f"{sheet.place(sheet.header, place)}: the column has no title")
        if [folded(each) for each in titles].index(folded(title)) < place:
            raise ConfigError(
                f"{sheet.place(sheet.header, place)}: the column {title!r} is there twice"
            )
    return titles


def _layout(sheet: Sheet, titles: Sequence[str]) -> Layout:
    there = {folded(title) for title in titles}
    for layout in LAYOUTS.values():
        needed = [title for title, name in layout.of_case.items() if name == "name"]
        if layout.rich:  # Zephyr's always have one; in qTest's it is a column that users add
            needed.append(layout.title_of_key)
        if {folded(title) for title in needed} <= there:
            return layout
    raise ConfigError(
        f"{sheet.path}: the first row is not the header of a table of test cases: it has the"
        " columns 'Key' and 'Name' as Zephyr exports them or 'Test Case Name' as qTest imports it"
    )


class _Reader:
    """Gathers the rows of each case; a row with a key or name begins one."""

    def __init__(self, sheet: Sheet, layout: Layout, names: Sequence[str]) -> None:
        self._sheet, self._layout, self._names = sheet, layout, names
        self._title = next(title for title, name in layout.of_case.items() if name == "name")
        self._has_key = layout.title_of_key in names
        self._rows: list[tuple[Row, Mapping[str, str]]] = []
        self._seen: dict[str, Row] = {}
        self._cases: list[TestCase] = []

    def take(self, row: Row) -> None:
        """Take the next row."""
        for place, cell in enumerate(row.cells[len(self._names) :], len(self._names)):
            if cell.strip():
                raise ConfigError(f"{self._place(row, place)}: the column has no title")
        cells = dict(zip(self._names, row.cells, strict=False))
        if self._continues(row, cells):
            self._rows.append((row, cells))
            return
        self._close()
        self._rows = [(row, cells)]

    def end(self) -> tuple[TestCase, ...]:
        """Return the cases."""
        self._close()
        return tuple(self._cases)

    def _continues(self, row: Row, cells: Mapping[str, str]) -> bool:
        """Whether a row has a further step of the case before it."""
        steps = set(self._layout.of_steps)
        others = {name: cell for name, cell in cells.items() if cell.strip() and name not in steps}
        if not others:
            if not self._rows:
                raise ConfigError(f"{self._place(row, 0)}: a step without a test case before it")
            return True
        # some exports repeat the properties of the case in each row
        first = self._rows[0][1] if self._rows else {}
        key = self._key(cells)
        if not self._has_key or not key or key != self._key(first):
            return False
        for name, cell in others.items():
            if first.get(name) != cell:
                place = self._place(row, self._names.index(name))
                before = first.get(name, "")[:_SHOWN]
                raise ConfigError(
                    f"{place}: is {cell[:_SHOWN]!r}, and {before!r} in the first row of {key}"
                )
        return True

    def _key(self, cells: Mapping[str, str]) -> str:
        return cells.get(self._layout.title_of_key if self._has_key else self._title, "").strip()

    def _close(self) -> None:
        if not self._rows:
            return
        row, cells = self._rows[0]
        column = self._layout.title_of_key if self._has_key else self._title
        key = self._key(cells)
        for title in (column, self._title):
            if not cells.get(title, "").strip():
                raise ConfigError(f"{self._place(row, self._names.index(title))}: is empty")
        if key in self._seen:
            advice = "" if self._has_key else "; add a column 'Key' to tell them apart"
            raise ConfigError(
                f"{self._place(row, self._names.index(column))}: {key!r} is in"
                f" row {self._seen[key].number} already{advice}"
            )
        self._seen[key] = row
        try:
            case = self._layout.case_of([each for _, each in self._rows], key)
        except CellError as error:
            place = self._place(row, self._names.index(error.title))
            raise ConfigError(f"{place}: {error}") from error
        payload = [{title: cell for title, cell in each.items() if cell} for _, each in self._rows]
        self._cases.append(attrs.evolve(case, raw={"rows": payload}))

    def _place(self, row: Row, column: int) -> str:
        return self._sheet.place(row, column)


def folders_of(cases: Sequence[TestCase]) -> tuple[Folder, ...]:
    """Return the folders that the cases are in, parents first; their keys are their paths."""
    found: dict[tuple[str, ...], Folder] = {}
    for case in cases:
        for depth in range(1, len(case.path) + 1):
            names = case.path[:depth]
            if names not in found:
                above = names[:-1]
                found[names] = Folder(
                    key=folder_path(names),
                    name=names[-1],
                    tree=Tree.CASES,
                    parent=Ref(Kind.FOLDER, folder_path(above)) if above else None,
                    raw={"path": folder_path(names)},
                )
    return tuple(found.values())
