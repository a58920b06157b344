"""What directories know of the ids that records have: issues, people, components, versions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs

from ztoq_core.records import IdKind, ResolvedName
from ztoq_core.store.database import reads, writes
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import BulkInsert, clean
from ztoq_core.store.tables import Name, moment_of

_KNOWN = ("topic", "id", "key", "name", "email", "active", "url", "start", "end")
"""The columns that a directory fills."""
_KEY = ("topic", "id")
_USES = BulkInsert(Name, (*_KEY, "seen"), key=_KEY)
_NAMES = BulkInsert(Name, (*_KNOWN, "known", "seen", "asked"), key=_KEY, keep=("seen", "asked"))


@attrs.frozen(kw_only=True)
class NameCount:
    """How many different ids of a topic the records have, and how many are unknown."""

    topic: IdKind
    total: int
    unknown: int


class IdNames(Repository):
    """Ids and their names. An extraction is named by the run in which it began."""

    # ------------------------------------------------------------------------------ extraction

    @writes
    def use(self, extraction: int, ids: Mapping[IdKind, Collection[str]]) -> None:
        """Remember that records of this extraction have these ids."""
        rows = [
            (topic.value, clean(id_), extraction) for topic, these in ids.items() for id_ in these
        ]
        self.database.insert(_USES, rows)

    @reads
    def seen(self, extraction: int, topic: IdKind, after: str, limit: int) -> list[str]:
        """Return ids beyond ``after`` that records of this extraction have."""
        return self._ids("seen = ?", (extraction,), topic, after, limit)

    @reads
    def to_ask(self, extraction: int, topic: IdKind, after: str, limit: int) -> list[str]:
        """Return ids beyond ``after`` that are unknown and were not asked for in this extraction.

        They are in the database's own order of texts.
        """
        where = "NOT known AND seen = ? AND asked < ?"
        return self._ids(where, (extraction, extraction), topic, after, limit)

    def _ids(
        self, where: str, values: tuple[int, ...], topic: IdKind, after: str, limit: int
    ) -> list[str]:
        text = f"SELECT id FROM name WHERE {where} AND topic = ? AND id > ? ORDER BY id LIMIT ?"
        return [id_ for (id_,) in self.database.select(text, (*values, topic, after, limit))]

    @writes
    def save(
        self, extraction: int, topic: IdKind, asked: Sequence[str], found: Sequence[ResolvedName]
    ) -> int:
        """Store what came of asking for these ids; return how many were not known before."""
        text = "UPDATE name SET asked = ? WHERE topic = ? AND id IN ??"
        self.database.execute(text, (extraction, topic), asked)
        wanted = set(asked)
        names = {each.id: each for each in found if each.topic is topic and each.id in wanted}
        text = "SELECT id FROM name WHERE topic = ? AND known AND id IN ??"
        known = len(list(self.database.select(text, (topic,), list(names))))
        rows = [(*_values(each), True, extraction, extraction) for each in names.values()]
        self.database.insert(_NAMES, rows)
        return len(names) - known

    # --------------------------------------------------------------------------------- reading

    @reads
    def known(
        self, ids: Mapping[IdKind, Collection[str]]
    ) -> dict[tuple[IdKind, str], ResolvedName]:
        """Return what is known of these ids."""
        return {
            (topic, named.id): named
            for topic, these in ids.items()
            for named in self._read("topic = ? AND id IN ??", topic, list(map(clean, these)))
        }

    @reads
    def people(self) -> tuple[ResolvedName, ...]:
        """Return all people who are known, by id."""
        return tuple(self._read("topic = ?", IdKind.PERSON))

    @reads
    def counts(self) -> tuple[NameCount, ...]:
        """Return, for each topic that records of the last extraction name, what is known of it."""
        text = """SELECT topic, COUNT(*), SUM(CASE WHEN known THEN 0 ELSE 1 END) FROM name
            WHERE seen = ? GROUP BY topic"""
        found = {
            topic: NameCount(topic=IdKind(topic), total=total, unknown=int(unknown))
            for topic, total, unknown in self.database.select(text, (self._facts.names_gathered,))
        }
        return tuple(found[topic] for topic in IdKind if topic in found)

    def _read(
        self, where: str, topic: IdKind, many: Sequence[str] | None = None
    ) -> Iterator[ResolvedName]:
        columns = ", ".join(f'"{name}"' for name in _KNOWN)
        text = f"SELECT {columns} FROM name WHERE known AND {where} ORDER BY id"
        for _, id_, key, name, email, active, url, start, end in self.database.select(
            text, (topic,), many
        ):
            yield ResolvedName(
                topic=topic,
                id=id_,
                key=key,
                name=name,
                email=email,
                active=bool(active),
                url=url,
                start=_aware(start),
                end=_aware(end),
            )


def _values(named: ResolvedName) -> tuple[Any, ...]:
    """Return what ``_KNOWN`` hold of a name."""
    texts = (clean(text) for text in (named.key, named.name, named.email))
    moments = (
        each and each.astimezone(UTC).replace(tzinfo=None) for each in (named.start, named.end)
    )
    return named.topic.value, named.id, *texts, named.active, clean(named.url), *moments


def _aware(stored: Any) -> datetime | None:
    return moment_of(stored).replace(tzinfo=UTC) if stored else None
