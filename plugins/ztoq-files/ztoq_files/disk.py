"""Files on the disk: read in chunks, replaced, digested, with errors that name what was wanted."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal

from ztoq_core.plugin import ConfigError

CHUNK = 2**18


@contextmanager
def on_disk(path: Path, what: Literal["read", "write"]) -> Iterator[None]:
    """Turn what the system says about a file, or a file in a folder, into our error.

    Raises:
        ConfigError: It cannot be read, or written.
    """
    try:
        yield
    except OSError as error:
        named = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str) else path
        name = str(named if named.is_relative_to(path) else path)
        raise ConfigError(f"cannot {what} {name!r}: {error.strerror or error}") from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing: after a crash the old one or the whole new one is there.

    Raises:
        OSError: The disk refused; the old one is there.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def chunks_of(path: Path) -> AsyncIterator[bytes]:
    """Yield the bytes of a file, read beside the event loop.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk
