"""The plugin ``zephyr-xml``: Zephyr Scale's XML export of test cases, as a source.

``docs/files.md`` says what is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from ztoq_core.plugin import (
    Attachment,
    Kind,
    Record,
    Ref,
    RejectedError,
    Services,
    Source,
    SourcePlugin,
    hookimpl,
)
from ztoq_files.disk import chunks_of
from ztoq_files.inside import PlaceError, file_inside
from ztoq_files.note_codes import NOTE_CODES
from ztoq_files.whole_file import WholeFileSource
from ztoq_files.zephyr_xml.export import Export

__all__ = ["ZephyrXmlConfig", "open_source", "ztoq_sources"]


@attrs.frozen(kw_only=True)
class ZephyrXmlConfig:
    """``path`` is the export.

    ``files`` is a folder with the attachments, which the export only names: each in a folder that
    is called like the key of its test case.
    """

    path: Path
    files: Path | None = None


class ZephyrXmlSource(WholeFileSource):
    """An export, and the folder with its files."""

    def __init__(self, config: ZephyrXmlConfig) -> None:
        """Read nothing yet."""
        export = Export(config.path, config.files is not None)
        super().__init__(f"zephyr-xml {config.path.resolve()}", export.read)
        self._files = config.files
        self._by_owner: dict[Ref, list[Record]] | None = None

    @property
    def completes(self) -> frozenset[Kind]:
        """Cases, if their files are known."""
        return frozenset({Kind.TEST_CASE}) if self._files else frozenset()

    async def complete(self, record: Record) -> tuple[Record, ...]:
        """Return the record and its files."""
        records = await self._all()
        if self._by_owner is None:  # no await from here: others complete at the same time
            self._by_owner = {}
            for file in records.get(Kind.ATTACHMENT, ()):
                for owner in file.parents():
                    self._by_owner.setdefault(owner, []).append(file)
        return (record, *self._by_owner.get(record.ref, ()))

    async def download(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the content of a file beside the export.

        Raises:
            RejectedError: It is not there, or its name leads out of the folder.
        """
        if self._files is None:
            raise RejectedError(f"{attachment.ref}: source.files is not set", status=404)
        try:
            path = await asyncio.to_thread(file_inside, self._files, attachment.locator)
            async for chunk in chunks_of(path):
                yield chunk
        except (OSError, PlaceError) as error:
            raise RejectedError(f"{attachment.ref}: {error}", status=404) from error


@asynccontextmanager
async def open_source(config: ZephyrXmlConfig, services: Services) -> AsyncIterator[Source]:
    """Yield the export; it is read when it is first asked for something."""
    del services
    yield ZephyrXmlSource(config)


@hookimpl
def ztoq_sources() -> Iterable[SourcePlugin[ZephyrXmlConfig]]:
    """Declare the source."""
    yield SourcePlugin(
        name="zephyr-xml",
        summary="Test cases in Zephyr Scale's XML export",
        config=ZephyrXmlConfig,
        product="Zephyr",
        open=open_source,
        note_codes=NOTE_CODES,
    )
