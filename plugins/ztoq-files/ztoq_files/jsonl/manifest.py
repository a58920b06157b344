"""Reads and writes ``manifest.json``, which says that a folder holds records and in which form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from ztoq_core.plugin import ConfigError, RecordJsonError
from ztoq_files.disk import on_disk, replacing
from ztoq_files.record_lines import object_in

MANIFEST = "manifest.json"
FORMAT = "ztoq-records"
VERSION = 1


@attrs.frozen
class FileFacts:
    """What a file held when it was closed: lines, and the digest of its bytes."""

    records: int
    sha256: str


@attrs.frozen(kw_only=True)
class Manifest:
    """``closed`` is False while a sink writes; ``files`` is None if nobody counted them."""

    closed: bool = True
    files: Mapping[str, FileFacts] | None = None

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """Return the manifest of a folder, None if it has none.

        Raises:
            ConfigError: It cannot be read, or is of another format or version.
        """
        path = folder / MANIFEST
        with on_disk(path, "read"):
            try:
                body = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None
        try:
            return cls._from(object_in(body), path)
        except RecordJsonError as error:
            raise ConfigError(f"{path}: {error}") from error

    @classmethod
    def _from(cls, value: Mapping[str, Any], path: Path) -> Manifest:
        if value.get("format") != FORMAT:
            raise RecordJsonError(f"'format' is {value.get('format')!r}, expected {FORMAT!r}")
        version = value.get("version")
        if version != VERSION:
            raise ConfigError(
                f"{path}: the folder is of version {version!r} of the format, this ztoq-files reads"
                f" version {VERSION}; install the release of ztoq-files that wrote it"
            )
        unknown = set(value) - {"format", "version", "closed", "files"}
        if unknown:
            raise RecordJsonError(f"has the unknown key {min(unknown)!r}")
        closed = value.get("closed", True)
        if not isinstance(closed, bool):
            raise RecordJsonError("'closed' is neither true nor false")
        files = value.get("files")
        if files is None:
            return cls(closed=closed)
        try:
            facts = {
                name: FileFacts(each["records"], each["sha256"]) for name, each in files.items()
            }
        except (AttributeError, KeyError, TypeError):
            raise RecordJsonError("'files' does not give records and sha256 of each file") from None
        return cls(closed=closed, files=facts)

    def write(self, folder: Path) -> None:
        """Put it into the folder, in the place of an earlier one."""
        value: dict[str, Any] = {"format": FORMAT, "version": VERSION, "closed": self.closed}
        if self.files is not None:
            value["files"] = {name: attrs.asdict(each) for name, each in self.files.items()}
        with replacing(folder / MANIFEST) as file:
            file.write(f"{json.dumps(value, indent=2, sort_keys=True)}\n".encode())
