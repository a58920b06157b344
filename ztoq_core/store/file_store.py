"""The contents of files, kept beside the database once per content."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import attrs

from ztoq_core.contents import ContentHash, sha256_of
from ztoq_core.contracts import Content
from ztoq_core.errors import RecordError
from ztoq_core.media import media_type
from ztoq_core.store.connection import store_error

_CHUNK = 256 * 1024


@attrs.frozen(kw_only=True)
class StoredFile:
    """A content that the store holds; ``size`` in bytes, ``path`` relative to the files' folder."""

    sha256: str
    size: int
    media_type: str
    path: str


class FileStore:
    """Contents under ``folder/<first two digits>/<sha256>``."""

    def __init__(self, folder: Path) -> None:
        """Keep contents in ``folder``, which is made when the first one comes."""
        self.folder = folder

    async def keep(self, name: str, chunks: AsyncIterator[bytes]) -> StoredFile:
        """Write a content to the disk as it comes and return what it is.

        Raises:
            StoreError: The disk is full or cannot be written.
        """
        passed = ContentHash()
        head = b""
        # no other process or download writes to the same part
        part = self.folder / f"part-{os.getpid()}-{id(chunks):x}"
        try:
            await asyncio.to_thread(self.folder.mkdir, 0o700, parents=True, exist_ok=True)
            with part.open("wb") as out:
                async for chunk in passed.passing(chunks):
                    head = head or chunk[:16]
                    # a thread costs more than a small write takes
                    if len(chunk) < _CHUNK:
                        out.write(chunk)
                    else:
                        await asyncio.to_thread(out.write, chunk)
                # before it gets its name: after a power cut the name would lead to a part of it
                await asyncio.to_thread(_flush, out)
            place = self._path(passed.sha256)
            await asyncio.to_thread(_move, part, place)
        except OSError as error:
            raise store_error(error, str(self.folder)) from error
        finally:
            part.unlink(missing_ok=True)
        return StoredFile(
            sha256=passed.sha256,
            size=passed.size,
            media_type=media_type(name, head),
            path=place.relative_to(self.folder).as_posix(),
        )

    def has(self, sha256: str) -> bool:
        """Return whether the content is there; ``verify`` finds out whether it is whole."""
        return self._path(sha256).is_file()

    async def verify(self, content: Content) -> None:
        """Make sure that a kept content is the one that was extracted, before it is sent.

        One that was changed is put aside, so that the next extraction fetches it again.

        Raises:
            RecordError: It was changed, or is not there.
        """
        path = self._path(content.sha256)
        again = "run `ztoq extract`, then `ztoq retry` and `ztoq migrate`"
        try:
            found = await asyncio.to_thread(sha256_of, path)
            if found != content.sha256:
                await asyncio.to_thread(path.replace, path.with_name(f"{path.name}.changed"))
        except OSError as error:
            raise RecordError(
                f"The content of {content.name!r} cannot be read in {self.folder}, where this "
                f"store keeps the contents of files ({error.strerror}). If they are elsewhere, "
                f"name that folder as `files` in [store]; else {again}"
            ) from error
        if found != content.sha256:
            raise RecordError(
                f"The content of {content.name!r} was changed in {self.folder} since it was "
                f"extracted (SHA-256 {found[:12]}…, expected {content.sha256[:12]}…); nothing was "
                f"sent. To fetch it again, {again}"
            )

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def content(self, name: str, kept: StoredFile) -> Content:
        """Return a kept content for sending; it is read in chunks each time it is opened."""

        async def read() -> AsyncIterator[bytes]:
            with (self.folder / kept.path).open("rb") as source:
                while chunk := await asyncio.to_thread(source.read, _CHUNK):
                    yield chunk

        return Content(
            name=name, size=kept.size, sha256=kept.sha256, media_type=kept.media_type, open=read
        )


def _flush(out: BinaryIO) -> None:
    out.flush()
    os.fsync(out.fileno())


def _move(part: Path, place: Path) -> None:
    place.parent.mkdir(mode=0o700, exist_ok=True)
    part.replace(place)
