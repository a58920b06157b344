"""The contents of files, kept beside the database once per content."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import attrs

from ztoq_core.contracts import Content
from ztoq_core.errors import RejectedError, StoreError
from ztoq_core.media import media_type
from ztoq_core.tally import Tally

__all__ = ["Contents", "Kept"]

_CHUNK = 256 * 1024


@attrs.frozen(kw_only=True)
class Kept:
    """A content that the store holds; ``size`` in bytes, ``path`` relative to the files' folder."""

    sha256: str
    size: int
    media_type: str
    path: str


class Contents:
    """Contents under ``folder/<first two digits>/<sha256>``."""

    def __init__(self, folder: Path) -> None:
        """Keep contents in ``folder``, which is made when the first one comes."""
        self.folder = folder

    async def keep(self, name: str, chunks: AsyncIterator[bytes]) -> Kept:
        """Write a content to the disk as it comes and return what it is.

        Raises:
            StoreError: The disk is full or cannot be written.
        """
        tally = Tally()
        head = b""
        part = self.folder / f"part-{os.getpid()}-{id(chunks):x}"
        try:
            await asyncio.to_thread(self.folder.mkdir, 0o700, parents=True, exist_ok=True)
            with part.open("wb") as out:
                async for chunk in tally.passing(chunks):
                    head = head or chunk[:16]
                    if len(chunk) < _CHUNK:
                        out.write(chunk)
                    else:
                        await asyncio.to_thread(out.write, chunk)
                await asyncio.to_thread(_flush, out)
            sha256 = tally.sha256
            path = Path(sha256[:2]) / sha256
            await asyncio.to_thread(_move, part, self.folder / path)
        except OSError as error:
            raise StoreError(
                f"A file could not be kept in {self.folder}: {error.strerror}; free some space and "
                "run again"
            ) from error
        finally:
            part.unlink(missing_ok=True)
        return Kept(
            sha256=sha256, size=tally.size, media_type=media_type(name, head), path=path.as_posix()
        )

    def content(self, name: str, kept: Kept) -> Content:
        """Return a kept content for sending; it is read in chunks each time it is opened."""

        async def read() -> AsyncIterator[bytes]:
            try:
                source = (self.folder / kept.path).open("rb")
            except OSError as error:
                raise RejectedError(
                    f"The kept content of {name!r} cannot be read: {error.strerror}; extract again"
                ) from error
            with source:
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
