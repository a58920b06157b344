"""The plugin ``jsonl``: a folder with a JSON Lines file for each kind, as a source and as a sink.

``docs/files.md`` describes the format.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from ztoq_core.plugin import (
    FieldLimits,
    Services,
    Sink,
    SinkPlugin,
    Source,
    SourcePlugin,
    hookimpl,
)
from ztoq_files.jsonl.folder import RecordFolder
from ztoq_files.jsonl.sink import JsonLinesSink, at_work
from ztoq_files.jsonl.source import JsonLinesSource
from ztoq_files.jsonl.writer import FolderWriter

__all__ = ["JsonLinesConfig", "open_sink", "open_source", "ztoq_sinks", "ztoq_sources"]

SUMMARY = "A folder with a JSON Lines file for each kind of record, and files beside"
LIMITS = FieldLimits(text_length=2**31, label_length=2**31, labels=1_000_000)


@attrs.frozen(kw_only=True)
class JsonLinesConfig:
    """``path`` is the folder."""

    path: Path


@asynccontextmanager
async def open_source(config: JsonLinesConfig, services: Services) -> AsyncIterator[Source]:
    """Yield the folder; it is read when it is first asked for something."""
    del services
    folder = RecordFolder(config.path)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="jsonl") as disk:
        try:
            yield JsonLinesSource(folder, disk)
        finally:
            folder.close()


@asynccontextmanager
async def open_sink(config: JsonLinesConfig, services: Services) -> AsyncIterator[Sink]:
    """Yield the folder; nothing is made before the first record, and at the end it is closed."""
    del services
    writer = FolderWriter(RecordFolder(config.path))
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="jsonl") as disk:
        try:
            yield JsonLinesSink(writer, disk)
            with at_work():
                await asyncio.get_running_loop().run_in_executor(disk, writer.end)
        finally:
            writer.leave()


@hookimpl
def ztoq_sources() -> Iterable[SourcePlugin[JsonLinesConfig]]:
    """Declare the source."""
    yield SourcePlugin(name="jsonl", summary=SUMMARY, config=JsonLinesConfig, open=open_source)


@hookimpl
def ztoq_sinks() -> Iterable[SinkPlugin[JsonLinesConfig]]:
    """Declare the sink."""
    yield SinkPlugin(
        name="jsonl", summary=SUMMARY, config=JsonLinesConfig, open=open_sink, limits=LIMITS
    )
