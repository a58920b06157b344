"""What people and reports ask a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

import attrs
import orjson

from ztoq_core.records import Kind, Level
from ztoq_core.store.facts import Extracted
from ztoq_core.store.lease import is_running
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import literals
from ztoq_core.store.states import EXPLAINED, OPEN_PROBLEMS, PROBLEMS, Cause, JournalEvent, State
from ztoq_core.store.tables import MAPPED, WITH_BODIES

_COUNTS = f"""SELECT kind, COUNT(*) FILTER (WHERE seen_run = ?),
        COUNT(*) FILTER (WHERE created_run = ? AND NOT found),
        COUNT(*) FILTER (WHERE updated_run = ?),
        COUNT(*) FILTER (WHERE created_run = ? AND found),
        COUNT(*) FILTER (WHERE state = '{State.SKIPPED}'),
        COUNT(*) FILTER (WHERE state IN {literals(OPEN_PROBLEMS)})
    FROM (SELECT kind, rank, state, seen_run, created_run, updated_run,
            borrowed OR EXISTS (SELECT 1 FROM journal WHERE journal.item = item.id
                AND journal.run = created_run AND event = '{JournalEvent.ADOPTED}') AS found
        FROM item) AS each_item
    GROUP BY rank, kind ORDER BY rank"""
_FILES = f"""SELECT COALESCE(record, target) FROM {WITH_BODIES} WHERE kind = '{Kind.ATTACHMENT}'
    AND COALESCE(record, target) IS NOT NULL AND ? IN (seen_run, created_run, updated_run)"""
_MISSING = f"(state = '{State.DELETED}' AND cause <> '{Cause.PRUNED}' AND {MAPPED})"


def _kind(stored: str) -> Kind | None:
    return Kind(stored) if stored else None


@attrs.frozen
class Problem:
    """A record that did not simply arrive; ``loss`` says of a skipped one whether it is a loss.

    ``pid`` and ``url`` are of its object in the target, if there is one.
    """

    kind: Kind = attrs.field(converter=Kind)
    key: str
    state: State = attrs.field(converter=State)
    reason: str
    pid: str
    url: str
    loss: bool = attrs.field(converter=bool)


@attrs.frozen
class Reason:
    """Why ``count`` records of a kind are in a state; ``example`` is the key of one of them."""

    state: State = attrs.field(converter=State)
    kind: Kind = attrs.field(converter=Kind)
    reason: str
    count: int
    example: str


@attrs.frozen
class NoteCount:
    """How many notes of one sort there are for one kind (None: about the whole run)."""

    level: Level = attrs.field(converter=Level)
    code: str
    kind: Kind | None = attrs.field(converter=_kind)
    count: int


@attrs.frozen
class StoredNote:
    """A note with the record it is about; kind None and no key: about the whole run.

    ``pid`` and ``url`` are of the record's object in the target, if there is one.
    """

    kind: Kind | None = attrs.field(converter=_kind)
    key: str
    level: Level = attrs.field(converter=Level)
    code: str
    text: str
    origin: str
    pid: str = ""
    url: str = ""


@attrs.frozen
class StoredReject:
    """An object of the source that could not become a record."""

    kind: Kind = attrs.field(converter=Kind)
    key: str
    reason: str


@attrs.frozen(kw_only=True)
class PastRun:
    """A use of the store by a command; times are UTC without a zone.

    ``calls`` counts those to both services. ``running``: whether it still holds the store; None if
    only another host could tell.
    """

    id: int
    verb: str
    host: str
    pid: int
    started: datetime
    ended: datetime | None
    outcome: str
    running: bool | None = False
    username: str = ""
    version: str = ""
    calls: int = 0


@attrs.frozen
class FileTotals:
    """How many different contents are kept, and their bytes."""

    count: int = attrs.field(converter=int)
    size: int = attrs.field(converter=int)


@attrs.frozen
class KindTotals:
    """What a run did to the records of one kind.

    ``found`` were in the target already. ``skipped`` and ``failed`` are all records that are so at
    its end. ``files`` and ``size`` (bytes) are of the files of these records that it read or wrote.
    """

    kind: Kind = attrs.field(converter=Kind)
    read: int
    created: int
    updated: int
    found: int
    skipped: int
    failed: int
    files: int
    size: int

    @property
    def touched(self) -> bool:
        """Whether the run did anything to them."""
        return any((self.read, self.created, self.updated, self.found))


class Reporting(Repository):
    """Questions that are answered in the caller's thread."""

    def counts(self) -> dict[Kind, dict[State, int]]:
        """Return how many records of each kind are in each state."""
        found: dict[Kind, dict[State, int]] = {}
        text = "SELECT kind, state, COUNT(*) FROM item GROUP BY kind, state"
        for kind, state, number in self.database.select(text):
            found.setdefault(Kind(kind), {})[State(state)] = number
        return {kind: found[kind] for kind in Kind if kind in found}

    @property
    def extraction_ended(self) -> bool:
        """Whether an extraction has come to its end, with files or without."""
        return self._facts.extracted is not Extracted.NOT_YET

    @property
    def streamed(self) -> bool:
        """Whether files were left at the source, to be passed on while loading."""
        return self._facts.extracted is Extracted.STREAMED

    @property
    def extraction_complete(self) -> bool:
        """Whether every list was read to its end, and every listed record completely."""
        open_ = self._facts.quick_pass or self.pending() or self.listed_partly()
        return self.extraction_ended and not open_

    def removed(self) -> int:
        """Return how many records are missing in the target, that is deleted and not pruned."""
        ((number,),) = self.database.select(f"SELECT COUNT(*) FROM item WHERE {_MISSING}")
        return int(number)

    def added(self) -> dict[Kind, int]:
        """Return how many records of each kind the mapping or the engine added."""
        text = "SELECT kind, COUNT(*) FROM item WHERE derived AND state <> ? GROUP BY kind"
        return {Kind(kind): number for kind, number in self.database.select(text, (State.GONE,))}

    def reasons(self, limit: int = 100) -> Iterator[Reason]:
        """Yield why records did not arrive or are gone from the target, the most frequent first."""
        # the kinds lead to the index by kind and state; without them all records are read
        text = f"""SELECT state, kind, reason, COUNT(*) AS number, MIN(key) FROM item
            WHERE kind IN {literals(Kind)} AND state IN {literals((*EXPLAINED, State.DELETED))}
            AND (state <> '{State.DELETED}' OR {_MISSING})
            GROUP BY state, kind, reason ORDER BY number DESC, kind, reason LIMIT ?"""
        for row in self.database.select(text, (limit,)):
            yield Reason(*row)

    def listed(self) -> tuple[Kind, ...]:
        """Return the kinds whose lists the present extraction read to their end."""
        done = {kind for (kind,) in self.database.select("SELECT kind FROM checkpoint WHERE done")}
        return tuple(kind for kind in Kind if kind in done)

    def listed_partly(self) -> bool:
        """Whether a list has been begun and not read to its end."""
        return self.database.any("checkpoint WHERE NOT done")

    def pending(self) -> int:
        """Return how many listed records have not been completed."""
        ((number,),) = self.database.select("SELECT COUNT(*) FROM item WHERE pending")
        return int(number)

    def problems(self) -> Iterator[Problem]:
        """Yield failed, unknown, conflicting, rejected, blocked, skipped and gone records."""
        text = """SELECT kind, key, state, reason, pid, url, loss FROM item WHERE state = ?
            ORDER BY rank, id"""
        for state in PROBLEMS:
            for row in self.database.stream(text, (state,)):
                yield Problem(*row)

    def note_counts(self) -> list[NoteCount]:
        """Return notes counted by level, code and kind; losses first."""
        text = "SELECT level, code, kind, COUNT(*) FROM note GROUP BY level, code, kind"
        found = [NoteCount(*row) for row in self.database.select(text)]
        heaviest = list(reversed(Level))
        return sorted(found, key=lambda each: (heaviest.index(each.level), each.code))

    def notes(self, limit_per_code: int | None = None) -> Iterator[StoredNote]:
        """Yield notes, at most so many of each code."""
        codes = list(self.database.select("SELECT DISTINCT code FROM note ORDER BY code"))
        limit = "" if limit_per_code is None else f"LIMIT {limit_per_code}"
        text = f"""SELECT note.kind, note.key, level, code, text, origin, COALESCE(pid, ''),
            COALESCE(url, '') FROM note
            LEFT JOIN item ON item.kind = note.kind AND item.key = note.key
            WHERE code = ? ORDER BY note.id {limit}"""
        for code in codes:
            for row in self.database.stream(text, code):
                yield StoredNote(*row)

    def rejects(self) -> Iterator[StoredReject]:
        """Yield the objects of the source that could not become records."""
        for row in self.database.stream("SELECT kind, key, reason FROM reject ORDER BY id"):
            yield StoredReject(*row)

    def runs(self) -> list[PastRun]:
        """Return the uses of the store, the first one first."""
        run = self.database.runs
        names = [field.name for field in attrs.fields(PastRun) if field.name != "running"]
        return [
            PastRun(
                **{name: getattr(row, name) for name in names},
                running=is_running(self.database, row),
            )
            for row in run.select().order_by(run.id)
        ]

    def files(self) -> FileTotals:
        """Return how many contents are kept, and their bytes."""
        text = "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM file"
        return FileTotals(*next(self.database.select(text)))

    def totals(self, run: int) -> list[KindTotals]:
        """Return what a run did to the records of each kind, parents' kinds first."""
        files, sizes = Counter[str](), Counter[str]()
        for (body,) in self.database.stream(_FILES, (run,)):
            record = orjson.loads(bytes(body))
            owner = record["owner"]["kind"]
            files[owner] += 1
            sizes[owner] += record.get("size", 0)
        return [
            KindTotals(*(*row, files[row[0]], sizes[row[0]]))
            for row in self.database.select(_COUNTS, (run,) * 4)
        ]
