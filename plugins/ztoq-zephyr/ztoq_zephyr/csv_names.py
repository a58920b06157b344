"""Reads CSV files with the names of Zephyr's ids, for teams that may not ask Jira."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from ztoq_core.plugin import (
    ConfigError,
    IdKind,
    ResolvedName,
    folded,
    nearest,
    read_text,
)
from ztoq_zephyr.config import JiraConfig
from ztoq_zephyr.values import instant

YES = ("true", "yes", "1", "active")
NO = ("false", "no", "0", "inactive")


@attrs.frozen
class Sheet:
    """The columns of a file, by its key in ``[source.jira]``: ``needed`` and ``further`` ones."""

    key: str
    topic: IdKind
    needed: tuple[str, ...]
    further: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns."""
        return (*self.needed, *self.further)


SHEETS = (
    Sheet("issues", IdKind.ISSUE, ("id", "key"), ("summary", "url")),
    Sheet("users", IdKind.PERSON, ("id", "name"), ("email", "active")),
    Sheet("components", IdKind.COMPONENT, ("id", "name")),
    Sheet("versions", IdKind.VERSION, ("id", "name"), ("start", "end")),
)


def read_csv_names(config: JiraConfig) -> dict[IdKind, dict[str, ResolvedName]]:
    """Return the names in the files, by id.

    Raises:
        ConfigError: A file or a line of it cannot be read; the message has both.
    """
    found: dict[IdKind, dict[str, ResolvedName]] = {}
    for sheet in SHEETS:
        path: Path | None = getattr(config, sheet.key)
        if path is not None:
            found[sheet.topic] = _read(sheet, path)
    return found


def _read(sheet: Sheet, path: Path) -> dict[str, ResolvedName]:
    found: dict[str, ResolvedName] = {}
    text = read_text(path, f"CSV file of source.jira.{sheet.key}")
    for line, row in _rows(sheet, path, io.StringIO(text, newline="")):
        named = _named(sheet, row, f"{path}: line {line}")
        known = found.setdefault(named.id, named)
        if known != named:
            raise ConfigError(
                f"{path}: line {line}: the id {named.id!r} is in two different lines;"
                " keep one of them"
            )
    return found


def _rows(
    sheet: Sheet, path: Path, lines: Iterator[str]
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the lines of a file by column, each with its number."""
    first = next(lines, "")
    # some spreadsheets separate by semicolons
    separator = ";" if ";" in first and "," not in first else ","
    names = [folded(name) for name in next(csv.reader([first], delimiter=separator), [])]
    _check_header(sheet, path, names)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    line = 1
    try:
        for cells in reader:
            line, begun = reader.line_num + 1, line + 1
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                raise ConfigError(
                    f"{path}: line {begun}: {len(cells)} values for {len(names)} columns"
                    f" ({', '.join(names)}); a value with a {separator!r} in it goes in quotes"
                )
            yield begun, dict(zip(names, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise ConfigError(f"{path}: line {line + 1}: {error}") from error


def _check_header(sheet: Sheet, path: Path, names: Sequence[str]) -> None:
    for name in names:
        if name not in sheet.columns:
            hint = nearest(name, sheet.columns)
            raise ConfigError(f"{path}: line 1: unknown column {name!r}{hint}")
        if names.count(name) > 1:
            raise ConfigError(f"{path}: line 1: the column {name!r} appears twice")
    for name in sheet.needed:
        if name not in names:
            raise ConfigError(
                f"{path}: line 1: the column {name!r} is missing; the first line names the"
                f" columns: {','.join(sheet.columns)}"
            )


def _named(sheet: Sheet, row: Mapping[str, str], where: str) -> ResolvedName:
    for name in sheet.needed:
        if not row[name]:
            raise ConfigError(f"{where}: {name} is empty")
    active = row.get("active", "").casefold()
    if active not in ("", *YES, *NO):
        raise ConfigError(f"{where}: active is {row['active']!r}; expected true or false")
    start, end = row.get("start", ""), row.get("end", "")
    for name, value in (("start", start), ("end", end)):
        if value and instant(value) is None:
            raise ConfigError(f"{where}: {name} is {value!r}; expected a date like 2024-03-31")
    return ResolvedName(
        topic=sheet.topic,
        id=row["id"],
        key=row.get("key", ""),
        name=row.get("summary", "") if sheet.topic is IdKind.ISSUE else row["name"],
        email=row.get("email", ""),
        active=active not in NO,
        url=row.get("url", ""),
        start=instant(start),
        end=instant(end),
    )
