"""Streams files from the source to the target without storing them, hashed on the way.

Used by load and settling if the extraction ran with ``attachments_mode = "stream"``. A file of
unknown size is stored first, since targets need its size beforehand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import attrs

from ztoq_core.contents import ContentHash
from ztoq_core.contracts import Content, Download, Source, Streams
from ztoq_core.errors import RecordError, RejectedError
from ztoq_core.media import media_type
from ztoq_core.plugin_calls import checked_chunks, plugin_call
from ztoq_core.records import Attachment
from ztoq_core.store import Store, StoredFile


@attrs.define
class StreamedFile:
    """A file on its way to the target.

    ``kept`` describes the content once all of it has passed; ``lost`` is why the source did not
    give the whole file in the last attempt.
    """

    content: Content
    kept: StoredFile | None = None
    lost: str = ""


@asynccontextmanager
async def stream_file(
    store: Store, source: Source, file: Attachment
) -> AsyncIterator[StreamedFile]:
    """Open a file at the source and yield its stream.

    Raises:
        RejectedError: The source does not give it.
    """
    if isinstance(source, Streams):
        async with AsyncExitStack() as stack:
            download = await _opened(stack, source, file)
            if download.size is not None:
                yield _streamed(source, file, download, download.size)
                return
    kept = await store.files.keep(
        file.name, checked_chunks(source, file.ref, source.download(file))
    )
    yield StreamedFile(store.files.content(file.name, kept), kept)


async def _opened(stack: AsyncExitStack, source: Streams, file: Attachment) -> Download:
    with plugin_call(source, "open_file", file.ref):
        return await stack.enter_async_context(source.open_file(file))


def _streamed(source: Streams, file: Attachment, opened: Download, size: int) -> StreamedFile:
    """Return the stream of an opened file; if it is read again, the source is asked again."""
    kind = media_type(file.name, b"")
    first = [opened]

    async def read() -> AsyncIterator[bytes]:
        stream.kept, stream.lost = None, ""
        try:
            async with AsyncExitStack() as stack:
                download = first.pop() if first else await _opened(stack, source, file)
                passed = ContentHash()
                if not size:
                    stream.kept = _kept(passed, kind)
                async for chunk in passed.passing(
                    checked_chunks(source, file.ref, download.chunks())
                ):
                    if passed.size == size:  # now, since the reader may stop at the last byte
                        stream.kept = _kept(passed, kind)
                    yield chunk
        except (RejectedError, RecordError) as error:
            stream.lost = str(error)
            raise OSError(None, stream.lost) from error  # what is being sent cannot be completed

    stream = StreamedFile(Content(name=file.name, size=size, sha256="", media_type=kind, open=read))
    return stream


async def hash_file(source: Source, file: Attachment) -> StoredFile:
    """Read a file to its end, and return its size and hash without storing it.

    Raises:
        RejectedError: The source does not give it.
    """
    chunks = checked_chunks(source, file.ref, source.download(file))
    return _kept(await ContentHash.of(chunks), media_type(file.name, b""))


def _kept(passed: ContentHash, kind: str) -> StoredFile:
    return StoredFile(sha256=passed.sha256, size=passed.size, media_type=kind, path="")
