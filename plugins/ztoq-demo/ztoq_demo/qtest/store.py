"""Keeps the bytes of attachments: small ones in memory, others on disk, the rest as a digest."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import weakref
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import BinaryIO

import attrs
from ztoq_testkit.simulate import Refusal

from ztoq_demo.qtest.options import Options

SMALL = 64 * 1024
HEAD = 64


@attrs.frozen(kw_only=True)
class Received:
    """A file that came whole. ``content`` is its bytes, its path, or None where neither is kept."""

    size: int
    sha256: str
    head: bytes
    content: object


class _Incoming:
    """A file on its way in: a digest, and bytes in memory until they are many, then on disk."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.digest = hashlib.sha256()
        self.size = 0
        self.head = b""
        self.parts: list[bytes] = []
        self.file: BinaryIO | None = None
        self.path: Path | None = None
        self.kept = True

    def take(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size > self.store.options.file_limit:
            self.drop()
            raise too_large()
        self.digest.update(chunk)
        if len(self.head) < HEAD:
            self.head += chunk[: HEAD - len(self.head)]
        if not self.kept:
            return
        if self.file is None and self.size <= SMALL:
            self.parts.append(chunk)
            return
        if self.file is None:
            if not self.store.on_disk + self.size <= self.store.options.kept_on_disk:
                self.drop()
                return
            self.file, self.path = self.store.open_file()
            self.file.write(b"".join(self.parts))
            self.parts.clear()
        self.file.write(chunk)
        if self.store.on_disk + self.size > self.store.options.kept_on_disk:
            self.drop()

    def drop(self) -> None:
        """Keep nothing but the digest."""
        self.kept = False
        self.parts.clear()
        if self.file is not None and self.path is not None:
            self.file.close()
            self.path.unlink()
        self.file = self.path = None

    def end(self) -> Received:
        content: object = None
        if self.file is not None:
            self.file.close()
            content = self.path
            self.store.on_disk += self.size
        elif self.kept and self.store.in_memory + self.size <= self.store.options.kept_in_memory:
            content = b"".join(self.parts)
            self.store.in_memory += self.size
        return Received(
            size=self.size, sha256=self.digest.hexdigest(), head=self.head, content=content
        )


def too_large() -> Refusal:
    """Return the refusal of a file over the limit (413 in the document)."""
    return Refusal(413, {"message": "The attachment is too large"})


@attrs.define(eq=False)
class Store:
    """The files of a site. Its folder is made when it is needed and goes with the store."""

    options: Options
    in_memory: int = 0
    on_disk: int = 0
    _folder: Path | None = None

    def open_file(self) -> tuple[BinaryIO, Path]:
        """Return a new file, open for writing."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="qtest-simulator-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        handle, path = tempfile.mkstemp(dir=self._folder)
        return os.fdopen(handle, "wb"), Path(path)

    def keep(self, content: Iterable[bytes]) -> Received:
        """Take bytes that are there."""
        incoming = _Incoming(self)
        for chunk in content:
            incoming.take(chunk)
        return incoming.end()

    async def receive(self, chunks: AsyncIterator[bytes]) -> Received:
        """Take a body as it comes; one that breaks off leaves nothing."""
        incoming = _Incoming(self)
        whole = False
        try:
            async for chunk in chunks:
                incoming.take(chunk)
            whole = True
        finally:
            if not whole:
                incoming.drop()
        return incoming.end()


async def pieces(path: Path) -> AsyncIterator[bytes]:
    """Yield a kept file."""
    with path.open("rb") as file:
        while chunk := file.read(SMALL):
            yield chunk
