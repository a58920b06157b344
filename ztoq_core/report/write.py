"""Writes the reports of a store in the formats that are asked for, with their checksums."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TextIO

import attrs

from ztoq_core.contents import sha256_of
from ztoq_core.losses import LossPolicy
from ztoq_core.report.data import Report
from ztoq_core.report.evidence import Evidence
from ztoq_core.report.exports import write_csv, write_json, write_junit, write_xlsx
from ztoq_core.report.files import open_binary, open_output, require_place
from ztoq_core.report.page import Page, SourcePage
from ztoq_core.store import Store

FORMATS = {
    "html": "report.html",
    "json": "report.json",
    "csv": "ids.csv",
    "xlsx": "ids.xlsx",
    "junit": "junit.xml",
}
"""The formats, and what their files are called where nobody names them."""


@attrs.frozen(slots=False)
class ReportWriter:
    """Writes reports of one store as it is now; ``policy`` says which losses fail."""

    store: Store
    source_page: SourcePage = lambda _kind, _key: ""
    policy: LossPolicy | None = None

    @cached_property
    def report(self) -> Report:
        """What the store says of itself."""
        return Report.from_store(self.store, policy=self.policy)

    @cached_property
    def evidence(self) -> Evidence:
        """What is gathered from all records."""
        return Evidence.from_store(self.store)

    def write(self, places: Mapping[str, Path | TextIO]) -> None:
        """Write each format to its place; the page last, since it shows the others' checksums.

        A page in a file gets a list of all checksums beside it, for ``sha256sum -c``.

        Raises:
            ConfigError: A file cannot be written there.
        """
        for place in places.values():
            if isinstance(place, Path):
                require_place(place)
        checksums = {}
        for name, place in places.items():
            if name != "html":
                self._write(name, place)
                if isinstance(place, Path):
                    checksums[place.name] = sha256_of(place)
        if (page := places.get("html")) is None:
            return
        beside = Page(
            report=self.report,
            evidence=self.evidence,
            store=self.store,
            source_page=self.source_page,
            checksums=checksums,
        ).write(page)
        if isinstance(page, Path):
            sums = {page.name: sha256_of(page), **checksums, **beside}
            with open_output(page.with_suffix(".sha256")) as file:
                file.writelines(f"{digest}  {name}\n" for name, digest in sums.items())

    def _write(self, name: str, place: Path | TextIO) -> None:
        if name == "xlsx":
            with open_binary(place) as book:
                write_xlsx(self.store, book, self.source_page)
            return
        with open_output(place) as file:
            if name == "json":
                write_json(self.report, self.evidence, self.store, file)
            elif name == "csv":
                write_csv(self.store, file, self.source_page)
            else:
                write_junit(self.report, self.store, file)
