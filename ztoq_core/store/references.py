"""What records refer to, as rows of the edge table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ztoq_core.records import Attachment, Record, Ref
from ztoq_core.store.database import Database
from ztoq_core.store.sql import BulkInsert
from ztoq_core.store.states import Role, Side

__all__ = ["references"]


def references(record: Record) -> Iterable[tuple[Role, Ref]]:
    """Yield the roles and names of what a record refers to, each name once in a role."""
    seen: set[Ref] = set()
    own = Role.OWNER if isinstance(record, Attachment) else Role.PARENT
    for role, refs in ((own, record.parents()), (Role.MENTION, record.soft_dependencies())):
        for ref in refs:
            if ref not in seen and ref != record.ref:
                seen.add(ref)
                yield role, ref
    # what is mentioned, too, may be written late, if a cycle was broken
    for ref in dict.fromkeys(record.text_refs):
        if ref != record.ref and ref not in record.parents():
            yield Role.REFER, ref


def replace_edges(
    database: Database, side: Side, children: Sequence[int], edges: Sequence[tuple[Any, ...]]
) -> None:
    """Store what records refer to instead of what is stored, within the writer's transaction."""
    database.execute("DELETE FROM edge WHERE side = ? AND child IN ??", (side.value,), children)
    BulkInsert(database.tables.edge, ("child", "side", "role", "kind", "key")).save(edges)
