"""Writes the test cases of a project into a table."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import attrs

from ztoq_core.plugin import (
    Content,
    FieldDefinition,
    Folder,
    Found,
    Kind,
    Links,
    Note,
    Record,
    RejectedError,
    Schema,
    Skip,
    TestCase,
    Written,
    plain,
    resolved,
)
from ztoq_files.jsonl.index import Entry
from ztoq_files.jsonl.sink import ABSENT, BAD, JsonLinesSink
from ztoq_files.note_codes import FOLDER_AS_PATH
from ztoq_files.table.rendered import RenderedTable
from ztoq_files.table.selection import require_row

KINDS = frozenset({Kind.FIELD, Kind.FOLDER, Kind.TEST_CASE})


class TableSink(JsonLinesSink):
    """A table of test cases, with the records of its folder beside it."""

    def __init__(self, table: RenderedTable, disk: ThreadPoolExecutor) -> None:
        """Touch nothing yet; ``disk`` has one thread."""
        super().__init__(table.writer, disk)
        self._table = table
        self.identity = f"table {table.path.resolve()}"

    def _open(self) -> None:
        self._table.open()

    async def describe(self) -> Schema:
        """Return the fields that have a column, and the kinds that have rows."""
        schema = await super().describe()
        return attrs.evolve(schema, kinds=KINDS, attachable=frozenset())

    async def write(
        self, record: Record, target_id: str | None, links: Links, content: Content | None
    ) -> Written:
        """Keep a record for the table, which is written when it is read back, or at the end.

        Raises:
            RejectedError: A test case has no name, or a key that a cell cannot hold.
            Skip: A table has no place for the record.
            RetryableError: The disk refused.
        """
        self._require_place(record)
        record = self._in_words(record)

        def prepare() -> None:
            self._table.prepare()
            if isinstance(record, TestCase):
                self._require_row(record)

        await self._run(prepare)
        written = await super().write(record, target_id, links, content)
        self._table.dirty = True
        notes = await self._run(lambda: self._notes(record))
        return attrs.evolve(written, url="", notes=notes)

    async def find(self, record: Record, links: Links) -> tuple[Found, ...]:
        """Return the earlier write of this record, and what the table has no place for."""
        found = await super().find(record, links)
        record = self._in_words(record)
        notes = await self._run(lambda: self._notes(record)) if found else ()
        return tuple(
            attrs.evolve(each, written=attrs.evolve(each.written, notes=notes)) for each in found
        )

    @staticmethod
    def _in_words(record: Record) -> Record:
        """Return the record with words in place of its references to others."""
        refers = isinstance(record, TestCase) and record.text_refs
        return resolved(record, {}) if refers else record

    def _require_place(self, record: Record) -> None:
        if isinstance(record, FieldDefinition):
            if record.of is Kind.TEST_CASE and self._table.layout.may_be_field(record.name):
                return
            raise Skip(
                f"the table has no column for the field {record.name!r} of {plain(record.of)}s"
            )
        require_row(record)

    def _require_row(self, case: TestCase) -> None:
        if not case.name.strip():
            raise RejectedError(f"{case.ref} has no name, which every row needs", status=BAD)
        if case.key != case.key.strip() or self._table.given_back(case).key != case.key:
            raise RejectedError(f"no cell holds the key of {case.ref} as it is", status=BAD)

    def _notes(self, record: Record) -> tuple[Note, ...]:
        if isinstance(record, TestCase):
            return self._table.losses(record)
        if isinstance(record, Folder):
            lost = ", a description" if record.description else ""
            why = f"the table shows {record.name!r} in the path of its test cases alone"
            return (FOLDER_AS_PATH.note(f"{why}; without any it is not there{lost and ' at all'}"),)
        return ()

    def _as_written(self, entry: Entry) -> Written:
        return attrs.evolve(super()._as_written(entry), url="")

    def _held(self, entry: Entry, record: Record) -> Record:
        if not isinstance(record, TestCase):
            return super()._held(entry, record)
        held = self._table.held(record)
        if held is None:
            raise RejectedError(f"{record.ref} is not in {self._table.path.name}", status=ABSENT)
        return held

    async def delete(self, kind: Kind, target_id: str) -> None:
        """Delete a record; raises as ``Deletion.delete``."""
        await super().delete(kind, target_id)
        self._table.dirty = True
