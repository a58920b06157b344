"""Reads tables of values from CSV files, which a team keeps in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ztoq_core.plugin import ConfigError, folded, read_text
from ztoq_mappings.fields.sections import Section

TITLES = ["from", "to"]


def raw_rules(tables: Mapping[str, Any]) -> Iterator[tuple[Section, int, Any]]:
    """Yield the rules of a file that is not checked yet, each with its section and position."""
    for section in Section:
        rules = tables.get(section.value)
        listed = rules.get("field") if isinstance(rules, dict) else None
        for place, raw in enumerate(listed if isinstance(listed, list) else ()):
            yield section, place, raw


def with_tables(tables: Mapping[str, Any], folder: Path) -> Mapping[str, Path]:
    """Put the contents of CSV files where ``values`` names them; return the files as named.

    A file that cannot be used leaves an error there, which the reader of ``values`` raises.
    """
    found: dict[str, Path] = {}
    for _, _, raw in raw_rules(tables):
        name = raw.get("values") if isinstance(raw, dict) else None
        if isinstance(name, str):
            try:
                raw["values"] = _read(folder / name, name)
            except ValueError as error:
                raw["values"] = error
            else:
                found[name] = folder / name
    return found


def _read(path: Path, name: str) -> Mapping[str, str]:
    try:
        text = read_text(path, "table of values")
    except ConfigError as error:
        raise ValueError(str(error)) from error
    # spreadsheets write semicolons in languages with a decimal comma
    comma = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    wrong = []
    try:
        titles = [cell.strip() for cell in next(reader, ())]
        if titles != TITLES:
            raise ValueError(f"{name}:1: expected the columns from{comma}to, got {titles}")
        for row in reader:
            where = f"{name}:{reader.line_num}"
            if not any(map(str.strip, row)):
                continue
            if len(row) != len(TITLES):
                wrong.append(f"{where}: expected 2 cells, got {len(row)}")
            elif (earlier := lines.setdefault(folded(row[0]), reader.line_num)) != reader.line_num:
                wrong.append(f"{where}: {row[0]!r} is in line {earlier} already")
            else:
                found[row[0]] = row[1]
    except csv.Error as error:
        wrong.append(f"{name}:{reader.line_num}: {error}")
    if wrong or not found:
        raise ValueError("; ".join(wrong) or f"{name} has no rows")
    return found
