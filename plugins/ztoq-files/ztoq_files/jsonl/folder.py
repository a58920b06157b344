"""Reads a folder of records: a manifest, a file of lines for each kind, contents of files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs

from ztoq_core.plugin import (
    Attachment,
    ConfigError,
    Kind,
    Record,
    RecordJsonError,
    Ref,
    first_of,
    record_from_json,
)
from ztoq_files.disk import on_disk
from ztoq_files.inside import PlaceError, file_inside
from ztoq_files.jsonl.index import Entry, RecordIndex
from ztoq_files.jsonl.manifest import MANIFEST, FileFacts, Manifest
from ztoq_files.record_lines import object_in

MOST_BYTES = 64 * 2**20
"""Of a line: what is longer is no record, and would fill the memory."""
_BOM = b"\xef\xbb\xbf"
"""What editors on Windows write first."""
_SHOWN = 3


def file_of(kind: Kind) -> str:
    """Return the name of the file with the records of a kind."""
    return f"{kind.value}.jsonl"


def stamp_of(line: bytes) -> str:
    """Return the digest by which a changed line is recognised, whatever its end is."""
    return hashlib.sha256(line.strip()).hexdigest()


@attrs.frozen
class _Line:
    number: int
    start: int
    body: bytes

    @property
    def whole(self) -> bool:
        return self.body.endswith(b"\n")


class RecordFolder:
    """The records in a folder. All methods block; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self.path = path
        self._index: RecordIndex | None = None

    @property
    def index(self) -> RecordIndex:
        """What ``read`` or ``recover`` found."""
        if self._index is None:
            raise RuntimeError("the folder was not read")
        return self._index

    @property
    def is_read(self) -> bool:
        """Whether there is an index yet."""
        return self._index is not None

    def start_empty(self) -> None:
        """Take the folder for one without records, whatever is in it."""
        self._index = RecordIndex()

    def close(self) -> None:
        """Forget what was read."""
        if self._index is not None:
            self._index.close()
            self._index = None

    # ------------------------------------------------------------------------- reading it all

    def read(self) -> None:
        """Read and check every line, once; afterwards the folder must not change.

        Raises:
            ConfigError: The folder is not one of records, was not closed, or a line of it cannot
                be used. The message names file and line.
        """
        if self.is_read:
            return
        if not self.path.is_dir():
            raise ConfigError(f"there is no folder {str(self.path)!r}")
        manifest = Manifest.read(self.path)
        if manifest is None:
            raise ConfigError(f"{str(self.path)!r} is not a folder of records: no {MANIFEST}")
        if not manifest.closed:
            raise ConfigError(
                f"{str(self.path)!r} is being written, or the writing was interrupted; run the"
                " ztoq load that writes it to its end"
            )
        self._fill(strict=True, manifest=manifest)

    def recover(self) -> None:
        """Read what a sink wrote, once, also if it was killed: of equal keys the last line counts.

        Raises:
            ConfigError: The folder holds something else, or a line is damaged.
        """
        if self.is_read:
            return
        manifest = Manifest.read(self.path)
        if manifest is None and self.path.exists():
            with on_disk(self.path, "read"):
                names = (each.name for each in self.path.iterdir())
                others = [name for name in names if not name.startswith(".")]
            if others:
                named = first_of(sorted(others), _SHOWN)
                raise ConfigError(
                    f"{str(self.path)!r} holds other files ({named}) and no {MANIFEST}; name a new"
                    " or empty folder"
                )
        self._fill(strict=False, manifest=manifest or Manifest())

    def _fill(self, *, strict: bool, manifest: Manifest) -> None:
        with ExitStack() as unless_filled:
            index = RecordIndex()
            unless_filled.callback(index.close)
            with on_disk(self.path, "read"):
                self._fill_all(index, strict=strict, manifest=manifest)
            unless_filled.pop_all()
        self._index = index

    def _fill_all(self, index: RecordIndex, *, strict: bool, manifest: Manifest) -> None:
        for kind in Kind:
            facts = self._fill_kind(index, kind, strict=strict, closed=manifest.closed)
            if strict:
                self._compare(file_of(kind), facts, manifest)
        if strict and (found := index.orphan()):
            entry, parent = found
            why = f"{entry.ref} belongs to {parent}, which {file_of(parent.kind)} does not have"
            raise self._fault(file_of(entry.ref.kind), entry.line, why)

    def _fill_kind(
        self, index: RecordIndex, kind: Kind, *, strict: bool, closed: bool
    ) -> FileFacts | None:
        name = file_of(kind)
        path = self._place(name)
        if path is None:
            return None
        passed, number = hashlib.sha256(), 0
        for line in _lines(path):
            passed.update(line.body)
            if not line.body.strip():
                continue
            if not closed and not line.whole:
                break  # a process was killed here; its run writes the record again
            try:
                number += self._take(index, kind, line, strict=strict)
            except (RecordJsonError, PlaceError) as error:
                raise self._fault(name, line.number, str(error)) from error
        return FileFacts(number, passed.hexdigest())

    def _take(self, index: RecordIndex, kind: Kind, line: _Line, *, strict: bool) -> bool:
        if len(line.body) > MOST_BYTES:
            raise RecordJsonError(f"is longer than {MOST_BYTES:,} bytes")
        value = object_in(line.body)
        if not strict and value.get("deleted") is True:
            index.remove(Ref(kind, str(value.get("key"))))
            return False
        file = value.pop("file", "") if kind is Kind.ATTACHMENT else ""
        record = record_from_json(kind, value)
        if isinstance(record, Attachment):
            if not isinstance(file, str) or not file:
                raise RecordJsonError("'file' is missing: the path of the content in this folder")
            if strict:
                file_inside(self.path, file)
        if strict and (other := index.find(record.ref)):
            raise RecordJsonError(f"the key {record.key!r} is in line {other.line} already")
        index.put(
            Entry(
                ref=record.ref,
                line=line.number,
                start=line.start,
                size=len(line.body),
                stamp=stamp_of(line.body),
                file=file,
            ),
            record,
        )
        return True

    def _compare(self, name: str, found: FileFacts | None, manifest: Manifest) -> None:
        if manifest.files is None:
            return
        told = manifest.files.get(name)
        if told != found:
            what = "is missing" if found is None else "is not as it was when ztoq closed it"
            raise ConfigError(
                f"{self.path / name}: the file {what}; restore it, or, if that was on purpose,"
                f" remove 'files' from {MANIFEST}"
            )

    def _place(self, name: str) -> Path | None:
        if not (self.path / name).is_symlink() and not (self.path / name).exists():
            return None
        try:
            return file_inside(self.path, name)
        except PlaceError as error:
            raise ConfigError(f"{self.path}: {error}") from error

    def _fault(self, name: str, line: int, why: str) -> ConfigError:
        """Return the error about a line."""
        return ConfigError(f"{self.path / name}: line {line}: {why}")

    # ----------------------------------------------------------------------- reading one record

    def record(self, entry: Entry) -> Record:
        """Return the record of an entry."""
        value = object_in(self.body(entry))
        if entry.ref.kind is Kind.ATTACHMENT:
            del value["file"]
        return record_from_json(entry.ref.kind, value)

    def record_with_raw(self, entry: Entry) -> Record:
        """Return the record of an entry with its line as the payload."""
        return attrs.evolve(self.record(entry), raw=object_in(self.body(entry)))

    def body(self, entry: Entry) -> bytes:
        """Return the line of an entry."""
        with (self.path / file_of(entry.ref.kind)).open("rb") as file:
            file.seek(entry.start)
            return file.read(entry.size)

    def content(self, entry: Entry) -> Path:
        """Return the file with the content of an attachment.

        Raises:
            PlaceError: There is none in the folder.
        """
        return file_inside(self.path, entry.file)


def _lines(path: Path) -> Iterator[_Line]:
    """Yield the lines of a file; of one that is too long, its beginning."""
    with path.open("rb") as file:
        start = len(_BOM) if file.read(len(_BOM)) == _BOM else 0
        file.seek(start)
        number = 0
        while body := file.readline(MOST_BYTES + 1):
            number += 1
            yield _Line(number, start, body)
            start += len(body)
