"""Writes a folder of records: lines are only added, and each is on the disk before it is answered.

An update is a further line with the same key, a deletion a line that says so; ``close`` writes each
changed file again, sorted and without these. A kill at any instant leaves lines that are whole, and
at most one at the end that is not, which the next writer removes.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import attrs

from ztoq_core.plugin import ConfigError, Kind, Record, Ref, RejectedError
from ztoq_files.disk import on_disk, replacing
from ztoq_files.inside import folder_inside
from ztoq_files.jsonl.folder import RecordFolder, file_of, stamp_of
from ztoq_files.jsonl.index import Entry
from ztoq_files.jsonl.manifest import FileFacts, Manifest
from ztoq_files.record_lines import json_line, line_of

CONTENTS = "files"
_LOCK = ".lock"
"""Stays in the folder: if it were removed, two processes could each lock one of that name."""
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")
_CONTENT = re.compile(r"[0-9a-f]{64}(\.[A-Za-z0-9]{1,8})?\Z")


@attrs.define(eq=False)
class Change:
    """A line to add: a record, with the path of its content if it is a file, or its deletion.

    ``fault`` is why the line is not on the disk, ``""`` once it is.
    """

    ref: Ref
    record: Record | None
    line: bytes
    file: str = ""
    fault: str = "the work was cut off"

    @classmethod
    def writing(cls, record: Record, file: str) -> Change:
        """Return the change that writes a record."""
        line = line_of(record, file=file) if file else line_of(record)
        return cls(record.ref, record, line, file)

    @classmethod
    def deleting(cls, ref: Ref) -> Change:
        """Return the change that deletes a record."""
        return cls(ref, None, json_line({"key": ref.key, "deleted": True}))


class BusyError(ConfigError):
    """Another process writes to the folder."""


class FolderWriter:
    """Writes what ``folder`` then reads. All methods block; used by one thread at a time."""

    def __init__(self, folder: RecordFolder) -> None:
        """Write nothing yet."""
        self.folder = folder
        self._lock: sqlite3.Connection | None = None
        self._ends: dict[Kind, int] = {}
        self._numbers: dict[Kind, int] = {}

    # ----------------------------------------------------------------------------- the session

    @property
    def is_closed(self) -> bool:
        """Whether nobody writes to the folder, or was killed while doing so."""
        manifest = Manifest.read(self.folder.path)
        return manifest is None or manifest.closed

    def begin(self, *, anew: bool = False) -> None:
        """Take the folder, making it if need be, and put an interrupted session in order.

        ``anew``: the records in it are removed.

        Raises:
            BusyError: Another process writes to it.
            ConfigError: It cannot be written.
        """
        if self._lock is not None:
            return
        path = self.folder.path
        with ExitStack() as unless_begun:
            with on_disk(path, "write"):
                path.mkdir(parents=True, exist_ok=True)
                lock = _locked(path)
            unless_begun.callback(lock.close)
            closed = self.is_closed
            with on_disk(path, "write"):
                for kind in Kind if anew else ():
                    (path / file_of(kind)).unlink(missing_ok=True)
            self.folder.close()  # another process may have written since it was read
            self.folder.recover()
            with on_disk(path, "write"):
                for kind in Kind:
                    self._find_end(kind, closed=closed)
                Manifest(closed=False).write(path)
                for part in self._contents("/.*.part"):
                    part.unlink()
            unless_begun.pop_all()
        self._lock = lock

    def require_free(self) -> None:
        """Check that nobody else writes to the folder, without making anything.

        Raises:
            BusyError: Somebody does.
        """
        if self._lock is None and (self.folder.path / _LOCK).exists():
            _locked(self.folder.path).close()

    def end(self) -> None:
        """Sort the files, remove what nothing refers to, and close the folder.

        Does nothing if nothing was begun, now or by a process that was killed.
        """
        if self._lock is None:
            if self.is_closed:
                return
            try:
                self.begin()
            except BusyError:  # the other closes it
                return
        path = self.folder.path
        with on_disk(path, "write"):
            facts = {
                file_of(kind): found for kind in Kind if (found := self._sort(kind)) is not None
            }
            for content in self._contents("/*/*"):
                name = content.relative_to(path).as_posix()
                if _CONTENT.match(content.name) and not self.folder.index.has_file(name):
                    content.unlink()
                    _remove_empty(content.parent, path / CONTENTS)
            Manifest(files=facts).write(path)
        self.leave()

    def leave(self) -> None:
        """Let go of the folder as it is."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
        self.folder.close()

    def _find_end(self, kind: Kind, *, closed: bool) -> None:
        """Note where the next line goes; half a line of a process that was killed is removed."""
        path = self.folder.path / file_of(kind)
        end, number, whole = 0, 0, True
        if path.exists():
            with path.open("rb+") as file:
                for line in file:
                    whole = line.endswith(b"\n")
                    if whole or closed:
                        end, number = end + len(line), number + 1
                file.truncate(end)
                if not whole and closed:  # written by hand
                    file.seek(end)
                    end += file.write(b"\n")
        self._ends[kind], self._numbers[kind] = end, number

    def _sort(self, kind: Kind) -> FileFacts | None:
        path = self.folder.path / file_of(kind)
        if not path.exists():
            return None
        passed, number = hashlib.sha256(), 0
        with replacing(path) as file:
            for entry in self.folder.index.everything(kind):
                body = self.folder.body(entry).strip() + b"\n"
                passed.update(body)
                file.write(body)
                number += 1
        if not number:
            path.unlink()
            return None
        return FileFacts(number, passed.hexdigest())

    # ------------------------------------------------------------------------------- changes

    def apply(self, changes: Sequence[Change]) -> None:
        """Add the lines of these changes, and see that they are on the disk (``Change.fault``)."""
        self.begin()
        for kind in dict.fromkeys(change.ref.kind for change in changes):
            these = [change for change in changes if change.ref.kind is kind]
            try:
                self._append(kind, these)
            except OSError as error:
                for change in these:
                    change.fault = error.strerror or str(error)

    def _append(self, kind: Kind, changes: Sequence[Change]) -> None:
        start, number = self._ends[kind], self._numbers[kind]
        with (self.folder.path / file_of(kind)).open("ab") as file:
            if file.tell() != start:  # an earlier batch failed half-way
                file.truncate(start)
            file.write(b"".join(change.line for change in changes))
            file.flush()
            os.fsync(file.fileno())
        for change in changes:
            number += 1
            size = len(change.line)
            if change.record is None:
                self.folder.index.remove(change.ref)
            else:
                entry = Entry(
                    ref=change.ref,
                    line=number,
                    start=start,
                    size=size,
                    stamp=stamp_of(change.line),
                    file=change.file,
                )
                self.folder.index.put(entry, change.record)
            change.fault = ""
            start += size
        self._ends[kind], self._numbers[kind] = start, number

    def content(self, name: str) -> ContentFile:
        """Begin the content of a file that the source calls ``name``.

        Raises:
            PlaceError: It would be outside of the folder.
            OSError: The disk refused.
        """
        self.begin()
        folder_inside(self.folder.path, CONTENTS)
        return ContentFile(self.folder.path, name)

    def _contents(self, pattern: str) -> list[Path]:
        """Return what is among the contents, and nothing that a link leads to."""
        root = self.folder.path.resolve()
        found = self.folder.path.glob(f"{CONTENTS}{pattern}")
        return [each for each in found if each.parent.resolve().is_relative_to(root)]


class ContentFile:
    """The content of a file on its way into the folder; named by its digest, so that it is once."""

    def __init__(self, root: Path, name: str) -> None:
        """Make a temporary file."""
        self._root = root
        found = _ENDING.search(name)
        self._ending = found[0].lower() if found else ""
        self._part = root / CONTENTS / f".{secrets.token_hex(8)}.part"
        self._passed = hashlib.sha256()
        self._file = self._part.open("xb")

    def add(self, chunk: bytes) -> None:
        """Write some more."""
        self._passed.update(chunk)
        self._file.write(chunk)

    def keep(self, sha256: str) -> str:
        """Put it in its place and return its path in the folder; ``sha256`` is "" if unknown.

        Raises:
            RejectedError: It is not what was announced.
            PlaceError: Its place is outside of the folder.
        """
        found = self._passed.hexdigest()
        if sha256 and sha256 != found:
            raise RejectedError(
                f"the content came with the SHA-256 {found}, announced was {sha256}"
            )
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        name = f"{found}{self._ending}"
        inner = f"{CONTENTS}/{found[:2]}"
        self._part.replace(folder_inside(self._root, inner) / name)
        return f"{inner}/{name}"

    def drop(self) -> None:
        """Remove what is not in its place."""
        self._file.close()
        self._part.unlink(missing_ok=True)


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        with suppress(OSError):  # something is in it
            folder.rmdir()


def _locked(path: Path) -> sqlite3.Connection:
    """Return a lock that ends with the process, on every system that SQLite knows."""
    lock = sqlite3.connect(path / _LOCK, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("PRAGMA journal_mode = OFF")
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        raise BusyError(f"another ztoq writes to {str(path)!r}; wait until it has ended") from error
    return lock
