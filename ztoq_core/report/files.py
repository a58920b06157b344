"""Writes report files: whole or not at all, only where nothing but a plain file is replaced."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from ztoq_core.errors import ConfigError

_NO_PLACE = (
    PermissionError,
    FileNotFoundError,
    FileExistsError,
    NotADirectoryError,
    IsADirectoryError,
)
_TYPES = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def require_place(path: Path) -> None:
    """Check that a file may be written there.

    Raises:
        ConfigError: Something other than a regular file has that name.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return  # it does not exist, or opening it gives the reason
    if not stat.S_ISREG(mode):
        what = _TYPES.get(stat.S_IFMT(mode), "not a regular file")
        raise ConfigError(
            f"cannot write the report {str(path)!r}: it is {what}; name a file, or - for stdout"
        )


@contextmanager
def open_output(output: Path | TextIO) -> Iterator[TextIO]:
    """Open a temporary file beside its place, and move it there when it is complete.

    A stream is used as it is.

    Raises:
        ConfigError: The file cannot be written there.
    """
    if not isinstance(output, Path):
        yield output
        return
    with (
        _moved_when_complete(output) as partial,
        partial.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        yield file


@contextmanager
def open_binary(output: Path | TextIO) -> Iterator[BinaryIO]:
    """Open a file for bytes, as ``open_output``; of a stream its buffer is used."""
    if isinstance(output, Path):
        with _moved_when_complete(output) as partial, partial.open("xb") as file:
            yield file
    else:
        yield output.buffer


@contextmanager
def _moved_when_complete(output: Path) -> Iterator[Path]:
    require_place(output)
    partial = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(output)
    except _NO_PLACE as error:
        raise ConfigError(f"cannot write the report {str(output)!r}: {error.strerror}") from error
    finally:
        with suppress(OSError):  # it was renamed, or could not be created
            partial.unlink()
