"""Reads tables of people from the config and from CSV files that directories export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from ztoq_core.plugin import (
    ConfigError,
    closest,
    folded,
    read_text,
)

_KEYS = ("id", "email", "name")
_TARGET = "target"


def read_table(table: Mapping[str, str], file: Path | None) -> Mapping[str, str]:
    """Return the target's people by the source's folded id, e-mail or name.

    The file has a line of titles: ``target``, and one or more of ``id``, ``email``, ``name``; the
    cells of a row all name one person.

    Raises:
        ConfigError: The file cannot be read, or a row names nobody or somebody again.
    """
    found: dict[str, tuple[str, str]] = {}
    rows = [("users.table", key, target) for key, target in table.items()]
    for where, key, target in (*rows, *(_rows(file) if file else ())):
        if not key.strip() or not target.strip():
            raise ConfigError(f"{where}: {key!r} = {target!r} names nobody")
        earlier = found.setdefault(folded(key), (where, target.strip()))
        if earlier[0] != where or earlier[1] != target.strip():
            raise ConfigError(f"{where}: {key!r} appears a second time (first: {earlier[0]})")
    return {key: target for key, (_, target) in found.items()}


def _rows(file: Path) -> Iterator[tuple[str, str, str]]:
    """Yield position, person and target of each cell with a person."""
    text = read_text(file, "table of people")
    # spreadsheets write semicolons in languages with a decimal comma
    head = text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=";" if head.count(";") > head.count(",") else ",",
    )
    titles: list[str] = []
    try:
        for row in reader:
            where = f"{file}:{reader.line_num}"
            if not titles:
                titles = _titles([folded(cell) for cell in row], where)
            elif any(cell.strip() for cell in row):
                yield from _people(dict(zip(titles, row, strict=False)), row, titles, where)
    except csv.Error as error:
        raise ConfigError(f"{file}:{reader.line_num}: {error}") from error
    if not titles:
        raise ConfigError(f"{file}: there is no line of titles ({_expected()})")


def _titles(titles: list[str], where: str) -> list[str]:
    for title in titles:
        if title not in (*_KEYS, _TARGET):
            near = closest(title, (*_KEYS, _TARGET))
            hint = f"did you mean {near!r}?" if near else _expected()
            raise ConfigError(f"{where}: unknown title {title!r} ({hint})")
    if _TARGET not in titles or len(titles) == 1 or len(set(titles)) < len(titles):
        raise ConfigError(f"{where}: the titles are {', '.join(titles)!r} ({_expected()})")
    return titles


def _expected() -> str:
    return "expected 'target' and one or more of 'id', 'email', 'name'"


def _people(
    cells: Mapping[str, str], row: list[str], titles: list[str], where: str
) -> Iterator[tuple[str, str, str]]:
    if len(row) > len(titles):
        raise ConfigError(f"{where}: {len(row)} cells, but {len(titles)} titles")
    target = cells.get(_TARGET, "")
    people = [cells[key] for key in _KEYS if cells.get(key, "").strip()]
    if not people or not target.strip():
        missing = "a target" if people else "anybody to map"
        raise ConfigError(f"{where}: the row does not name {missing}")
    for person in people:
        yield where, person, target
