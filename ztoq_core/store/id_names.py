"""What directories know of the ids that records have: issues, people, components, versions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import attrs
import peewee as pw

from ztoq_core.records import IdKind, ResolvedName
from ztoq_core.store.database import Database, reads, writes
from ztoq_core.store.facts import Facts
from ztoq_core.store.repository import Repository
from ztoq_core.store.sql import chunks, clean
from ztoq_core.store.tables import tuples

__all__ = ["NameCount"]


_KNOWN = ("key", "name", "email", "active", "url", "start", "end")
"""The columns that a directory fills."""


@attrs.frozen(kw_only=True)
class NameCount:
    """How many different ids of a topic the records have, and how many nobody knows."""

    topic: IdKind
    total: int
    unknown: int


class IdNames(Repository):
    """Ids and their names. An extraction is named by the run in which it began."""

    def __init__(self, database: Database) -> None:
        """Work on ``database``."""
        super().__init__(database)
        self._table = database.tables.name

    # ------------------------------------------------------------------------------ extraction

    @writes
    def use(self, extraction: int, ids: Mapping[IdKind, Collection[str]]) -> None:
        """Remember that records of this extraction have these ids."""
        table = self._table
        rows = [
            {"topic": topic, "id": clean(id_), "seen": extraction}
            for topic, these in ids.items()
            for id_ in these
        ]
        for some in chunks(rows):
            table.insert_many(some).on_conflict(
                conflict_target=[table.topic, table.id], preserve=[table.seen]
            ).execute()

    @writes
    def gathered(self, extraction: int) -> None:
        """Let this extraction's ids be the ones that are counted."""
        self._facts.put(Facts.names_gathered, extraction)

    @reads
    def seen(self, extraction: int, topic: IdKind, after: str, limit: int) -> list[str]:
        """Return ids beyond ``after`` that records of this extraction have."""
        return self._ids(self._table.seen == extraction, topic, after, limit)

    @reads
    def to_ask(self, extraction: int, topic: IdKind, after: str, limit: int) -> list[str]:
        """Return ids beyond ``after`` that nobody knew before or was asked for in this extraction.

        They are in the database's own order of texts.
        """
        table = self._table
        where = ~table.known & (table.seen == extraction) & (table.asked < extraction)
        return self._ids(where, topic, after, limit)

    def _ids(self, where: Any, topic: IdKind, after: str, limit: int) -> list[str]:
        table = self._table
        query = (
            table.select(table.id)
            .where((table.topic == topic) & where & (table.id > after))
            .order_by(table.id)
            .limit(limit)
        )
        return [id_ for (id_,) in tuples(query)]

    @writes
    def save(
        self, extraction: int, topic: IdKind, asked: Sequence[str], found: Sequence[ResolvedName]
    ) -> int:
        """Store what came of asking for these ids; return how many were not known before."""
        table = self._table
        for some in chunks(asked):
            table.update(asked=extraction).where(
                (table.topic == topic) & (table.id << list(some))
            ).execute()
        wanted = set(asked)
        rows = {
            each.id: _row(each, extraction)
            for each in found
            if each.topic is topic and each.id in wanted
        }
        text = "SELECT id FROM name WHERE topic = ? AND known AND id IN ??"
        known = len(list(self.database.select(text, (topic,), list(rows))))
        for some_rows in chunks(list(rows.values())):
            table.insert_many(some_rows).on_conflict(
                conflict_target=[table.topic, table.id],
                preserve=[getattr(table, name) for name in (*_KNOWN, "known")],
            ).execute()
        return len(rows) - known

    # --------------------------------------------------------------------------------- reading

    @reads
    def known(
        self, ids: Mapping[IdKind, Collection[str]]
    ) -> dict[tuple[IdKind, str], ResolvedName]:
        """Return what is known of these ids."""
        table = self._table
        return {
            (topic, named.id): named
            for topic, these in ids.items()
            for some in chunks(list(these))
            for named in self._read((table.topic == topic) & (table.id << list(map(clean, some))))
        }

    @reads
    def people(self) -> tuple[ResolvedName, ...]:
        """Return all people who are known, by id."""
        return tuple(self._read(self._table.topic == IdKind.PERSON))

    @reads
    def counts(self) -> tuple[NameCount, ...]:
        """Return, for each topic that records of the last extraction name, what is known of it."""
        table = self._table
        extraction = self._facts.names_gathered
        known = pw.fn.SUM(pw.Case(None, [(table.known, 1)], 0))
        query = (
            table.select(table.topic, pw.fn.COUNT(pw.SQL("*")), known)
            .where(table.seen == extraction)
            .group_by(table.topic)
        )
        found = {
            IdKind(topic): NameCount(
                topic=IdKind(topic), total=int(total), unknown=int(total) - int(number)
            )
            for topic, total, number in tuples(query)
        }
        return tuple(found[topic] for topic in IdKind if topic in found)

    def _read(self, where: Any) -> list[ResolvedName]:
        table = self._table
        query = table.select().where(where & table.known).order_by(table.id)
        return [
            ResolvedName(
                topic=IdKind(row["topic"]),
                id=row["id"],
                **{name: row[name] for name in _KNOWN if name not in {"active", "start", "end"}},
                active=bool(row["active"]),
                start=_aware(row["start"]),
                end=_aware(row["end"]),
            )
            for row in cast("Iterable[dict[str, Any]]", query.dicts())
        ]


def _row(named: ResolvedName, extraction: int) -> dict[str, Any]:
    return {
        "topic": named.topic,
        "id": named.id,
        "key": clean(named.key),
        "name": clean(named.name),
        "email": clean(named.email),
        "active": named.active,
        "url": clean(named.url),
        "start": _naive(named.start),
        "end": _naive(named.end),
        "known": True,
        "seen": extraction,
        "asked": extraction,
    }


def _naive(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment else None


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None
