"""Test cases from a CSV file with the columns key, name, description, status and owner."""

import csv
import html
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from ztoq_core import plugin as z


@attrs.frozen(kw_only=True)
class CsvConfig:
    path: Path


class CsvSource:
    kinds = (z.Kind.TEST_CASE,)
    completes: frozenset[z.Kind] = frozenset()

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise z.ConfigError(f"source.path: there is no file {str(path)!r}")
        with path.open(newline="", encoding="utf-8") as file:
            self.rows = tuple(csv.DictReader(file))
        self.identity = f"csv {path.resolve()}"

    async def check(self) -> tuple[z.Finding, ...]:
        return ()

    async def describe(self) -> z.Schema:
        return z.Schema()

    async def fetch(self, kind: z.Kind, cursor: str | None) -> z.Page:
        return z.page_of(kind, self.rows if kind in self.kinds else (), case_of)

    async def complete(self, record: z.Record) -> tuple[z.Record, ...]:
        return (record,)

    async def resolve(self, ref: z.Ref) -> z.Reject:
        return z.Reject(kind=ref.kind, key=ref.key, reason="the file has no such case")

    def download(self, attachment: z.Attachment) -> AsyncIterator[bytes]:
        raise z.RejectedError(f"{attachment.key}: a CSV file holds no files")


def case_of(row: Mapping[str, str]) -> z.TestCase:
    return z.TestCase(
        key=row["key"],
        name=row["name"],
        description=html.escape(row["description"]).replace("\n", "<br>"),
        raw=row,
        status=row["status"],
        owner=row["owner"],
    )


@asynccontextmanager
async def open_csv(config: CsvConfig, services: z.Services) -> AsyncIterator[CsvSource]:
    yield CsvSource(config.path)


@z.hookimpl
def ztoq_sources() -> Iterable[z.SourcePlugin[CsvConfig]]:
    yield z.SourcePlugin(
        name="csv", summary="Cases in a CSV file", config=CsvConfig, open=open_csv, product="CSV"
    )
