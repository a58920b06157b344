"""The table of a sink: rendered from the records that were written, and read back from its file.

Beside ``cases.csv`` is the folder ``.cases.csv.ztoq`` with the records, in the format of ``jsonl``:
a table cannot be added to, and does not hold all that tells a record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from ztoq_core.plugin import ConfigError, FieldDefinition, Folder, Kind, Note, Ref, TestCase
from ztoq_files.disk import digest_of, on_disk, replacing
from ztoq_files.jsonl.folder import RecordFolder, stamp_of
from ztoq_files.jsonl.writer import FolderWriter
from ztoq_files.record_lines import line_of
from ztoq_files.table.cases import CaseTable
from ztoq_files.table.layouts import Layout
from ztoq_files.table.losses import losses
from ztoq_files.table.sheets import Sheet, cell_text, write_sheet

_DIGESTS = "table.json"


class RenderedTable:
    """All methods block; used by one thread at a time. ``dirty``: a record is not in the file yet.

    ``layout`` says which columns there are, ``name`` is that of the sheet.
    """

    def __init__(self, path: Path, layout: Layout, name: str) -> None:
        """Touch nothing yet."""
        self.path = path
        self.layout = layout
        self.name = name
        self.writer = FolderWriter(RecordFolder(path.with_name(f".{path.name}.ztoq")))
        self.dirty = False
        self._held: dict[str, str] | None = None
        self._removed = False

    @property
    def folder(self) -> RecordFolder:
        """The records."""
        return self.writer.folder

    def open(self) -> None:
        """Read what was written, once.

        Raises:
            ConfigError: There is a table that ztoq did not write, or that was changed since.
        """
        if self.folder.is_read:
            return
        there = _digest(self.path)
        known = self._digests()
        if there is not None and there not in known:
            raise ConfigError(
                f"{str(self.path)!r} was not written by ztoq, or changed since; move it away, or"
                " name another file"
            )
        self._removed = there is None and bool(known)
        if self._removed:  # by somebody, and with it all that it held
            self.folder.start_empty()
            return
        self.folder.recover()
        self.dirty = not self.writer.is_closed

    def prepare(self) -> None:
        """Take the folder for writing."""
        self.writer.begin(anew=self._removed)
        self._removed = False

    def end(self) -> None:
        """Write the table if a record is not in it, and close the folder."""
        if not self.writer.is_closed:
            self.open()
        if self.dirty:
            self.render()
        self.writer.end()

    # ------------------------------------------------------------------------------ rendering

    def render(self) -> None:
        """Write the table, and put it in the place of the earlier one.

        Raises:
            ConfigError: It cannot be written.
        """
        part = self.path.with_name(f".{self.path.stem}.part{self.path.suffix}")
        self.prepare()
        try:
            with on_disk(self.path, "write"):
                write_sheet(part, self.name, self._rows())
                digest = digest_of(part)
                # both are right if the process is killed right after
                self._save_digests([*self._digests(), digest])
                part.replace(self.path)
                self._save_digests([digest])
        finally:
            part.unlink(missing_ok=True)
        self.dirty = False
        self._held = None

    def _rows(self) -> Iterator[Sequence[str]]:
        header = self.layout.header(self._fields())
        yield header
        for case in self._cases():
            for row in self.rows_of(case):
                yield [row.get(title, "") for title in header]

    def rows_of(self, case: TestCase) -> list[dict[str, str]]:
        """Return the cells of a case, as the file keeps them."""
        ending = self.path.suffix.lower()
        rows = self.layout.rows(case, self.path_of(case.folder))
        return [{title: cell_text(cell, ending) for title, cell in row.items()} for row in rows]

    def _fields(self) -> list[str]:
        """Return the custom fields that have a column: those defined, then those used."""
        names: dict[str, None] = {}
        for entry in self.folder.index.everything(Kind.FIELD):
            record = self.folder.record(entry)
            if isinstance(record, FieldDefinition) and self.layout.may_be_field(record.name):
                names[record.name] = None
        for case in self._cases():
            usable = (each.name for each in case.fields if self.layout.may_be_field(each.name))
            names.update(dict.fromkeys(usable))
        folds: dict[str, str] = {}
        for name in names:
            folds.setdefault(name.casefold(), name)
        return list(folds.values())

    def _cases(self) -> Iterator[TestCase]:
        for entry in self.folder.index.everything(Kind.TEST_CASE):
            record = self.folder.record(entry)
            if isinstance(record, TestCase):
                yield record

    def path_of(self, ref: Ref | None) -> tuple[str, ...]:
        """Return the names of a folder and of those around it, outermost first."""
        names: list[str] = []
        seen: set[Ref] = set()
        while ref is not None and ref not in seen:
            seen.add(ref)
            entry = self.folder.index.find(ref)
            record = self.folder.record(entry) if entry else None
            if not isinstance(record, Folder):
                break
            names.insert(0, record.name)
            ref = record.parent
        return tuple(names)

    # ---------------------------------------------------------------------------- reading back

    def given_back(self, case: TestCase) -> TestCase:
        """Return what a reader of the table gets for a case."""
        rows = [{title: cell for title, cell in row.items() if cell} for row in self.rows_of(case)]
        return self.layout.case_of(rows, case.key)

    def losses(self, case: TestCase) -> tuple[Note, ...]:
        """Return what the table does not hold of a case."""
        ending = self.path.suffix.lower()
        return losses(
            case,
            self.given_back(case),
            self.path_of(case.folder),
            self.layout,
            lambda text: cell_text(text, ending),
        )

    def held(self, case: TestCase) -> TestCase | None:
        """Return a case as it is in the file, read now if it was written since; None if it is not.

        If its cells are those that were written, that is the case as it was sent: what they cannot
        hold was noted then.
        """
        if self.dirty:
            self.render()
        if self._held is None:
            self._held = {
                each.key: _stamp(each)
                for each in CaseTable.read(Sheet.read(self.path), self.layout).cases
            }
        there = self._held.get(case.key)
        if there is None or there == _stamp(self.given_back(case)):
            return case if there else None
        cases = CaseTable.read(Sheet.read(self.path), self.layout).cases
        found = next(each for each in cases if each.key == case.key)
        same_folder = found.path == self.path_of(case.folder)
        return attrs.evolve(found, path=(), folder=case.folder if same_folder else found.folder)

    # --------------------------------------------------------------------------------- digests

    def _digests(self) -> list[str]:
        """Return the digests of tables that are ours."""
        try:
            value = json.loads((self.folder.path / _DIGESTS).read_bytes())
        except (FileNotFoundError, ValueError):
            return []
        return [str(each) for each in value] if isinstance(value, list) else []

    def _save_digests(self, digests: Sequence[str]) -> None:
        with replacing(self.folder.path / _DIGESTS) as file:
            file.write(json.dumps(digests).encode())


def _digest(path: Path) -> str | None:
    with on_disk(path, "read"):
        try:
            return digest_of(path)
        except FileNotFoundError:
            return None


def _stamp(case: TestCase) -> str:
    return stamp_of(line_of(case))
