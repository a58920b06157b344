"""Rollback's side of a store: what runs created and changed, and what became of undoing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import peewee as pw

from ztoq_core.contracts import Written
from ztoq_core.convert import loads
from ztoq_core.records import Kind, Record, Ref
from ztoq_core.store.journal import Event
from ztoq_core.store.models import Side, State, clear, tuples

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["Removal", "Undoing"]


@attrs.frozen(kw_only=True)
class Undoing:
    """An object that a run created, or changed where ``before`` is what was written earlier."""

    item: int
    ref: Ref
    written: Written
    before: Record | None = None


class Removal:
    """Queries for any thread; methods that change something are operations for the writer."""

    def __init__(self, store: Store) -> None:
        """Work on ``store``."""
        self._store = store
        self._item = store.item_table

    def created(self, run: int | None) -> list[Undoing]:
        """Return the objects that ``run`` (None: any run) created, children's kinds first.

        Objects that were there before and are only linked are not among them.
        """
        item = self._item
        where = ~item.target_id.is_null() & ~item.borrowed & (item.created_run > 0)
        if run is not None:
            where &= item.created_run == run
        return self._undoings(where, (item.rank.desc(), item.id.desc()), with_before=False)

    def stranded(self, run: int | None) -> list[Undoing]:
        """Return the logs and files that ``run`` created in objects that it did not create."""
        item, edge, owner = self._item, self._store.edge_table, self._item.alias()
        ours = ~owner.borrowed & (owner.created_run > 0)
        if run is not None:
            ours &= owner.created_run == run
        numbers = (
            edge.select(edge.child)
            .join(owner, on=(owner.kind == edge.kind) & (owner.key == edge.key))
            .where(
                (edge.side == Side.TARGET)
                & ((edge.role == "owner") | (edge.kind == Kind.TEST_RUN))
                & ~owner.target_id.is_null()
                & ~ours
            )
        )
        where = (
            (item.kind << (Kind.TEST_LOG, Kind.ATTACHMENT))
            & ~item.target_id.is_null()
            & ~item.borrowed
            & ((item.created_run > 0) if run is None else (item.created_run == run))
            & (item.id << numbers)
        )
        return self._undoings(where, (item.rank.desc(), item.id.desc()), with_before=False)

    def gone(self) -> list[Undoing]:
        """Return the objects whose records are gone from the source, children's kinds first."""
        item = self._item
        where = (
            (item.state == State.GONE)
            & ~item.target_id.is_null()
            & ~item.borrowed
            & (item.created_run > 0)
        )
        return self._undoings(where, (item.rank.desc(), item.id.desc()), with_before=False)

    def counted(self, run: int | None) -> dict[Kind, int]:
        """Return how many objects ``run`` (None: any run) created, by kind."""
        item = self._item
        where = ~item.target_id.is_null() & ~item.borrowed & (item.created_run > 0)
        if run is not None:
            where &= item.created_run == run
        query = item.select(item.kind, pw.fn.COUNT(pw.SQL("*"))).where(where).group_by(item.kind)
        found = {Kind(kind): int(number) for kind, number in tuples(query)}
        return {kind: found[kind] for kind in Kind if kind in found}

    def updated(self, run: int) -> list[Undoing]:
        """Return the objects that ``run`` was the last to change and an earlier run created."""
        item = self._item
        where = (
            (item.updated_run == run)
            & (item.created_run < run)
            & ~item.before.is_null()
            & ~item.target_id.is_null()
        )
        return self._undoings(where, (item.rank, item.id), with_before=True)

    def _undoings(
        self, where: pw.Expression, order: Sequence[Any], *, with_before: bool
    ) -> list[Undoing]:
        item = self._item
        query = item.select(
            item.id,
            item.kind,
            item.key,
            item.target_id,
            item.pid,
            item.url,
            item.version,
            item.stamp,
            item.before if with_before else pw.SQL("NULL"),
        )
        return [
            Undoing(
                item=number,
                ref=Ref(Kind(kind), key),
                written=Written(
                    target_id=target_id, pid=pid, url=url, version=version, stamp=stamp
                ),
                before=loads(Kind(kind), bytes(before)) if before else None,
            )
            for number, kind, key, target_id, pid, url, version, stamp, before in tuples(
                query.where(where).order_by(*order)
            )
        ]

    def ours(self, kind: Kind, target_ids: Sequence[str]) -> set[str]:
        """Return those of the target ids that the store knows as its own."""
        item = self._item
        query = item.select(item.target_id).where(
            (item.kind == kind) & (item.target_id << list(target_ids)) & ~item.borrowed
        )
        return {number for (number,) in tuples(query)}

    def deleted(self, run: int, undoing: Undoing, reason: str) -> None:
        """Store that an object is gone, with the logs and files that went along."""
        item, edge = self._item, self._store.edge_table
        along = edge.select(edge.child).where(
            (edge.side == Side.TARGET)
            & (edge.kind == undoing.ref.kind)
            & (edge.key == undoing.ref.key)
            & (edge.role << ("owner", "parent"))
        )
        numbers = [
            number
            for (number,) in tuples(
                item.select(item.id).where(
                    (item.id << along)
                    & (item.kind << (Kind.ATTACHMENT, Kind.TEST_LOG))
                    & ~item.target_id.is_null()
                )
            )
        ]
        if undoing.ref.kind is Kind.TEST_RUN:
            numbers += self._files_of(numbers)
        for number in (undoing.item, *numbers):
            clear(item, number, state=State.DELETED, reason=reason)
            self._journal(run, number, "deleted", undoing.written.target_id)

    def _files_of(self, logs: Sequence[int]) -> list[int]:
        item, edge, log = self._item, self._store.edge_table, self._item.alias()
        query = (
            edge.select(edge.child)
            .join(log, on=(log.kind == edge.kind) & (log.key == edge.key))
            .where((edge.side == Side.TARGET) & (edge.role == "owner") & (log.id << list(logs)))
        )
        children = [child for (child,) in tuples(query)]
        return [
            number
            for (number,) in tuples(
                item.select(item.id).where((item.id << children) & ~item.target_id.is_null())
            )
        ]

    def restored(self, run: int, undoing: Undoing, written: Written, digest: str) -> None:
        """Store that an object holds again what was written before."""
        item = self._item
        item.update(
            stamp=written.stamp, version=written.version, written_digest=digest, before=None
        ).where(item.id == undoing.item).execute()
        self._journal(run, undoing.item, "restored", written.target_id)

    def _journal(self, run: int, number: int, event: str, detail: str) -> None:
        self._store.journal.add([Event(run, number, event, detail=detail)])
