"""How many calls were made to each host in each calendar month, over all runs."""

from __future__ import annotations

from ztoq_core.store.database import reads, writes
from ztoq_core.store.repository import Repository
from ztoq_core.store.tables import tuples

_CALLS = "calls"
_ANNOUNCED = "announced"


class CallCounts(Repository):
    """Counts of calls (the ``Ledger`` of the HTTP client), kept as facts about the store.

    Each addition is one statement of the database, so that several processes may count at once.
    """

    @writes
    def count(self, host: str, month: str, calls: int, announced: int) -> tuple[int, int]:
        """Add ``calls``, keep the largest ``announced``; return both as they are then."""
        total = self._add(f"{_CALLS} {month} {host}", calls)
        if self.database.run is not None:
            text = "UPDATE run SET calls = calls + ? WHERE id = ?"
            self.database.execute(text, (calls, self.database.run))
        name = f"{_ANNOUNCED} {month} {host}"
        known = int(self._facts.text(name) or 0)
        if announced > known:
            self._facts.put_text(name, str(announced))
        return total, max(known, announced)

    @reads
    def of(self, month: str) -> dict[str, tuple[int, int]]:
        """Return the calls of a month and the largest budget that was announced, by host."""
        meta = self._tables.meta
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

    @reads
    def all(self) -> list[tuple[str, str, int]]:
        """Return host, month and calls of all hosts and months."""
        meta = self._tables.meta
        query = meta.select(meta.name, meta.value).where(meta.name.startswith(f"{_CALLS} "))
        found = [(*name.split(" ", 2)[2:0:-1], int(value)) for name, value in tuples(query)]
        return sorted(found)

    def _add(self, name: str, number: int) -> int:
        meta = self._tables.meta
        more = (meta.value.cast("bigint") + number).cast("text")
        meta.insert(name=name, value=str(number)).on_conflict(
            conflict_target=[meta.name], update={meta.value: more}
        ).execute()
        return int(self._facts.text(name))
