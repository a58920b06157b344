"""What became of each record, for reports: read in pages, so that memory does not grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
import orjson

from ztoq_core.convert import read_json
from ztoq_core.records import Kind, Level
from ztoq_core.store.reporting import StoredNote
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import literals
from ztoq_core.store.states import State
from ztoq_core.store.tables import WITH_BODIES, WITH_SOURCE

_PAGE = 500

_RECORDS = f"""SELECT item.id, key, COALESCE(target, record), digest, target_digest,
        CASE WHEN kind = 'test_log' THEN record END, state, reason, loss, COALESCE(target_id, ''),
        pid, url, derived, COALESCE(proof.status, '')
    FROM {WITH_BODIES} LEFT JOIN proof ON proof.item = item.id
    WHERE kind = ? AND item.id > ? ORDER BY item.id LIMIT ?"""
_NOTES = "SELECT key, level, code, text, origin FROM note WHERE kind = ? AND key IN ??"
_PLACED = f"""SELECT kind, state, derived, target_id IS NOT NULL AND state <> '{State.DELETED}',
        CASE WHEN state IN {literals((State.SKIPPED, State.REJECTED))} THEN reason ELSE '' END,
        COUNT(*)
    FROM item GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC"""
_ADDED = f"""SELECT COALESCE(target, record) FROM {WITH_BODIES}
    WHERE derived AND kind = ? AND target_id IS NOT NULL ORDER BY id LIMIT ?"""
_RULES = """SELECT proof.item, kind, details FROM proof JOIN item ON item.id = proof.item
    WHERE by_rule > 0 AND proof.item > ? ORDER BY proof.item LIMIT ?"""
_PAYLOADS = f"""SELECT payload FROM {WITH_SOURCE} WHERE kind = ? AND payload IS NOT NULL
    ORDER BY id LIMIT ?"""


@attrs.frozen
class RecordOutcome:
    """A record, what it is called, and what became of it.

    ``title`` of an execution is its test case. ``status`` is that of an execution in the source,
    ``target_status`` that in the target as the last validation read it. ``target_id`` is empty
    where there is no object. ``digests`` are of what was read and of what was to be sent.
    """

    kind: Kind
    key: str
    title: str
    digests: tuple[str, str]
    status: str
    notes: tuple[StoredNote, ...]
    state: State = attrs.field(converter=State)
    reason: str
    loss: bool = attrs.field(converter=bool)
    target_id: str
    pid: str
    url: str
    added: bool = attrs.field(converter=bool)
    target_status: str

    @property
    def there(self) -> bool:
        """Whether the target has an object of it."""
        return bool(self.target_id) and self.state is not State.DELETED


@attrs.frozen
class Placed:
    """How many records of a kind are in a state, and whether the target has objects of them.

    ``added``: made for the target; no list of the source held them. ``reason`` is that of the
    skipped and rejected ones.
    """

    kind: Kind = attrs.field(converter=Kind)
    state: State = attrs.field(converter=State)
    added: bool = attrs.field(converter=bool)
    there: bool = attrs.field(converter=bool)
    reason: str
    count: int


class OutcomeStore(Repository):
    """Answers in the caller's thread."""

    def records(self, kinds: Iterable[Kind] = Kind) -> Iterator[RecordOutcome]:
        """Yield all records of these kinds with their notes, by default parents' kinds first."""
        for kind in kinds:
            after = 0
            while rows := list(self.database.select(_RECORDS, (kind.value, after, _PAGE))):
                after = rows[-1][0]
                notes: dict[str, list[StoredNote]] = {}
                for key, level, code, text, origin in self.database.select(
                    _NOTES, (kind.value,), [row[1] for row in rows]
                ):
                    note = StoredNote(
                        kind=kind, key=key, level=Level(level), code=code, text=text, origin=origin
                    )
                    notes.setdefault(key, []).append(note)
                for row in rows:
                    yield _outcome(kind, row, tuple(notes.get(row[1], ())))

    def placed(self) -> list[Placed]:
        """Return all records counted by where they are."""
        return [Placed(*row) for row in self.database.select(_PLACED)]

    def added(self, kind: Kind, limit: int) -> list[str]:
        """Return what the first objects are called that were made besides those of the source."""
        bodies = self.database.select(_ADDED, (kind.value, limit))
        return [_title(read_json(bytes(body))) for (body,) in bodies if body]

    def rules(self) -> Counter[tuple[Kind, str]]:
        """Return how many fields the last validation called equal by each rule."""
        found: Counter[tuple[Kind, str]] = Counter()
        after = 0
        while rows := list(self.database.select(_RULES, (after, _PAGE))):
            after = rows[-1][0]
            for _, kind, details in rows:
                found.update((Kind(kind), rule) for _, _, rule, *_ in orjson.loads(details) if rule)
        return found

    def payloads(self, limit: int = 100) -> Iterator[Mapping[str, Any]]:
        """Yield what the source gave for the first records of each kind."""
        for kind in Kind:
            for (payload,) in self.database.select(_PAYLOADS, (kind.value, limit)):
                if isinstance(body := read_json(bytes(payload)), Mapping):
                    yield body


def _outcome(kind: Kind, row: tuple[Any, ...], notes: tuple[StoredNote, ...]) -> RecordOutcome:
    _, key, body, read, sent, log, *rest = row
    title = _title(read_json(bytes(body))) if body else ""
    status = str(read_json(bytes(log)).get("status", "")) if log else ""
    return RecordOutcome(kind, key, title, (read, sent), status, notes, *rest)


def _title(body: Mapping[str, Any]) -> str:
    if name := body.get("name"):
        return str(name)
    case = body.get("case") or {}
    return " \N{MIDDLE DOT} ".join(filter(None, (case.get("key"), body.get("environment"))))
