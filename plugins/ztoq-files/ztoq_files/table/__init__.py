"""The plugin ``table``: test cases in a CSV file or XLSX workbook, as a source and as a sink.

``docs/files.md`` has the columns.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from ztoq_core.plugin import (
    ConfigError,
    FieldLimits,
    Services,
    Sink,
    SinkPlugin,
    Source,
    SourcePlugin,
    TransformerPlugin,
    hookimpl,
    nearest,
)
from ztoq_files.jsonl.sink import at_work
from ztoq_files.note_codes import NOTE_CODES
from ztoq_files.table.layouts import LAYOUTS
from ztoq_files.table.rendered import RenderedTable
from ztoq_files.table.selection import TABLE, NoOptions
from ztoq_files.table.sheets import ENDINGS, MOST_CHARACTERS
from ztoq_files.table.sink import TableSink
from ztoq_files.table.source import table_source

__all__ = ["TableConfig", "TableSinkConfig", "open_sink", "open_source"]

SUMMARY = "Test cases in a CSV file or XLSX workbook, as Zephyr exports and qTest imports them"
LIMITS = FieldLimits(text_length=MOST_CHARACTERS, label_length=MOST_CHARACTERS, labels=1_000_000)
_NO_SHEET_NAME = re.compile(r"[\[\]:*?/\\]")
_SHEET_NAME = 31


@attrs.frozen(kw_only=True)
class TableConfig:
    """``path`` is the file, ``….csv`` or ``….xlsx``."""

    path: Path


@attrs.frozen(kw_only=True)
class TableSinkConfig(TableConfig):
    """``columns`` are those of ``zephyr`` or ``qtest``.

    ``sheet`` is the name of a workbook's sheet, which qTest takes for that of the module.
    """

    columns: str = "zephyr"
    sheet: str = "Test cases"


@asynccontextmanager
async def open_source(config: TableConfig, services: Services) -> AsyncIterator[Source]:
    """Yield the table; it is read when it is first asked for something."""
    del services
    yield table_source(config.path)


@asynccontextmanager
async def open_sink(config: TableSinkConfig, services: Services) -> AsyncIterator[Sink]:
    """Yield the table; nothing is made before the first record, and at the end it is written.

    Raises:
        ConfigError: A setting cannot be used.
    """
    del services
    if config.path.suffix.lower() not in ENDINGS:
        raise ConfigError(f"sink.path: {str(config.path)!r} ends with neither .csv nor .xlsx")
    if config.columns not in LAYOUTS:
        hint = nearest(config.columns, LAYOUTS)
        raise ConfigError(f"sink.columns: there are no columns of {config.columns!r}{hint}")
    if not 0 < len(config.sheet) <= _SHEET_NAME or _NO_SHEET_NAME.search(config.sheet):
        raise ConfigError(
            f"sink.sheet: {config.sheet!r} is not the name of a sheet: 1 to {_SHEET_NAME}"
            " characters, none of them one of []:*?/\\"
        )
    table = RenderedTable(config.path, LAYOUTS[config.columns], config.sheet)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="table") as disk:
        try:
            yield TableSink(table, disk)
            with at_work():
                await asyncio.get_running_loop().run_in_executor(disk, table.end)
        finally:
            table.writer.leave()


@hookimpl
def ztoq_sources() -> Iterable[SourcePlugin[TableConfig]]:
    """Declare the source."""
    yield SourcePlugin(name="table", summary=SUMMARY, config=TableConfig, open=open_source)


@hookimpl
def ztoq_sinks() -> Iterable[SinkPlugin[TableSinkConfig]]:
    """Declare the sink."""
    yield SinkPlugin(
        name="table",
        summary=SUMMARY,
        config=TableSinkConfig,
        open=open_sink,
        limits=LIMITS,
        note_codes=NOTE_CODES,
    )


@hookimpl
def ztoq_transformers() -> Iterable[TransformerPlugin[NoOptions]]:
    """Declare what leaves out the other records."""
    yield TABLE
