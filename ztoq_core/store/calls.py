"""How many calls were made to each host in each calendar month, over all runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ztoq_core.store.models import Meta, tuples

if TYPE_CHECKING:
    from ztoq_core.store.store import Store

__all__ = ["Calls"]

_CALLS = "calls"
_ANNOUNCED = "announced"


class Calls:
    """Counts of calls (the ``Ledger`` of the HTTP client), kept as facts about the store.

    Each addition is one statement of the database, so that several processes may count at once.
    """

    def __init__(self, store: Store) -> None:
        """Count in ``store``."""
        self._store = store
        self._meta: type[Meta] = store.meta_table

    async def count(self, host: str, month: str, calls: int, announced: int) -> tuple[int, int]:
        """Add ``calls``, keep the largest ``announced``; return both as they are then."""
        return await self._store.write(self.add, host, month, calls, announced)

    def add(self, host: str, month: str, calls: int, announced: int) -> tuple[int, int]:
        """Do what ``count`` does. An operation for the writer."""
        total = self._more(f"{_CALLS} {month} {host}", calls)
        name = f"{_ANNOUNCED} {month} {host}"
        known = int(self._store.meta(name) or 0)
        if announced > known:
            self._store.put_meta(name, str(announced))
        return total, max(known, announced)

    def of(self, month: str) -> dict[str, tuple[int, int]]:
        """Return the calls of a month and the largest budget that was announced, by host."""
        meta = self._meta
        query = meta.select(meta.name, meta.value).where(
            meta.name.startswith(f"{_CALLS} {month} ")
            | meta.name.startswith(f"{_ANNOUNCED} {month} ")
        )
        found: dict[str, dict[str, int]] = {}
        for name, value in tuples(query):
            fact, _, host = name.split(" ", 2)
            found.setdefault(host, {})[fact] = int(value)
        return {
            host: (facts.get(_CALLS, 0), facts.get(_ANNOUNCED, 0))
            for host, facts in sorted(found.items())
        }

    def _more(self, name: str, number: int) -> int:
        meta = self._meta
        more = (meta.value.cast("bigint") + number).cast("text")
        meta.insert(name=name, value=str(number)).on_conflict(
            conflict_target=[meta.name], update={meta.value: more}
        ).execute()
        return int(self._store.meta(name))
