"""The folder of records keeps the contract of all sources and of all sinks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest
from ztoq_files.jsonl import JsonLinesConfig, open_sink, open_source
from ztoq_files.jsonl.folder import RecordFolder
from ztoq_files.jsonl.sink import JsonLinesSink
from ztoq_files.jsonl.writer import FolderWriter
from ztoq_testkit import CONTENTS, PROJECT, SinkContract, SourceContract, lent

from tests.file_projects import write_project
from ztoq_core.plugin import Record, Schema, Sink, Source, TestCase


class TestJsonLinesSource(SourceContract):
    @pytest.fixture
    async def source(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[Source]:
        monkeypatch.setattr("ztoq_files.jsonl.source.PAGE", 2)
        config = JsonLinesConfig(path=tmp_path / "acme")
        async with open_sink(config, lent()) as sink:
            await write_project(sink, PROJECT, CONTENTS)
        async with open_source(config, lent()) as source:
            yield source

    @pytest.fixture
    def contents(self) -> Mapping[str, bytes]:
        return {"ACME-T1#1": CONTENTS["basket"], "ACME-E2#2": CONTENTS["log"]}


class TestJsonLinesSink(SinkContract):
    @pytest.fixture
    async def sink(self, tmp_path: Path) -> AsyncIterator[Sink]:
        async with open_sink(JsonLinesConfig(path=tmp_path / "acme"), lent()) as sink:
            yield sink

    @pytest.fixture
    def reopened(self, tmp_path: Path) -> Iterator[Callable[[Sink], Sink]]:
        """Another process looks into the folder before the first one closes it."""
        with ThreadPoolExecutor(max_workers=1) as disk:
            folder = RecordFolder(tmp_path / "acme")
            yield lambda _: JsonLinesSink(FolderWriter(folder), disk)
            folder.close()

    def refused(self, schema: Schema) -> Record:
        """Return a record without a key: lines hold all else."""
        cases = (each for each in self.records(schema) if isinstance(each, TestCase))
        return attrs.evolve(next(cases), key=" ")
