"""Tables keep the contract of all sources and of all sinks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ztoq_files.table import TableConfig, TableSinkConfig, open_sink, open_source
from ztoq_files.table.layouts import LAYOUTS
from ztoq_files.table.rendered import RenderedTable
from ztoq_files.table.sink import TableSink
from ztoq_testkit import PROJECT, SinkContract, SourceContract, lent

from tests.file_projects import write_project
from ztoq_core.plugin import Folder, Kind, Record, Schema, Sink, Source, TestCase, Tree

KINDS = {Kind.FOLDER, Kind.TEST_CASE}


def in_tables(record: Record) -> bool:
    return isinstance(record, TestCase) or (
        isinstance(record, Folder) and record.tree is Tree.CASES
    )


@pytest.mark.parametrize("file", ["cases.csv", "cases.xlsx"])
class TestTableSource(SourceContract):
    @pytest.fixture
    async def source(
        self, tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Source]:
        monkeypatch.setattr("ztoq_files.whole_file.PAGE", 1)
        async with open_sink(TableSinkConfig(path=tmp_path / file), lent()) as sink:
            await write_project(sink, filter(in_tables, PROJECT), {})
        async with open_source(TableConfig(path=tmp_path / file), lent()) as source:
            yield source


@pytest.mark.parametrize(
    ("file", "columns"),
    [("cases.csv", "zephyr"), ("cases.xlsx", "zephyr"), ("cases.xlsx", "qtest")],
)
class TestTableSink(SinkContract):
    @pytest.fixture
    async def sink(self, tmp_path: Path, file: str, columns: str) -> AsyncIterator[Sink]:
        config = TableSinkConfig(path=tmp_path / file, columns=columns)
        async with open_sink(config, lent()) as sink:
            yield sink

    @pytest.fixture
    def reopened(self, tmp_path: Path, file: str, columns: str) -> Iterator[Callable[[Sink], Sink]]:
        """Another process looks at the table before the first one writes its file."""
        with ThreadPoolExecutor(max_workers=1) as disk:
            table = RenderedTable(tmp_path / file, LAYOUTS[columns], "Test cases")
            yield lambda _: TableSink(table, disk)
            table.folder.close()

    def records(self, schema: Schema) -> tuple[Record, ...]:
        """Return those that a table has rows for; the others are left out with a reason."""
        return tuple(filter(in_tables, super().records(schema)))

    async def test_what_goes_with_its_owner_is_declared(self, sink: Sink) -> None:
        """A table has neither runs nor logs."""
        assert Kind.TEST_LOG not in (await sink.describe()).goes_with_owner
