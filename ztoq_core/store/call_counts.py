"""How many calls were made to each host in each calendar month, over all runs."""

from __future__ import annotations

from ztoq_core.store.database import reads, writes
from ztoq_core.store.repository import Repository

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
        text = "SELECT name, value FROM meta WHERE name LIKE ? OR name LIKE ?"
        values = (f"{_CALLS} {month} %", f"{_ANNOUNCED} {month} %")
        found: dict[str, dict[str, int]] = {}
        for name, value in self.database.select(text, values):
            fact, _, host = name.split(" ", 2)
            found.setdefault(host, {})[fact] = int(value)
        return {
            host: (facts.get(_CALLS, 0), facts.get(_ANNOUNCED, 0))
            for host, facts in sorted(found.items())
        }

    @reads
    def all(self) -> list[tuple[str, str, int]]:
        """Return host, month and calls of all hosts and months."""
        text = "SELECT name, value FROM meta WHERE name LIKE ?"
        rows = self.database.select(text, (f"{_CALLS} %",))
        found = [(*name.split(" ", 2)[2:0:-1], int(value)) for name, value in rows]
        return sorted(found)

    def _add(self, name: str, number: int) -> int:
        text = """INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE
            SET value = CAST(CAST(meta.value AS BIGINT) + ? AS TEXT)"""
        self.database.execute(text, (name, str(number), number))
        return int(self._facts.text(name))
