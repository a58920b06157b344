"""Views for people and SQL clients: the store read in the words of test management."""

from __future__ import annotations

from collections.abc import Callable

_COLUMNS = "key, state, reason, target_id, pid, url, version, attempts"

_VIEWS = {
    "test_cases": f"SELECT {_COLUMNS} FROM item WHERE kind = 'test_case'",
    "test_cycles": f"SELECT {_COLUMNS} FROM item WHERE kind = 'test_cycle'",
    "test_plans": f"SELECT {_COLUMNS} FROM item WHERE kind = 'test_plan'",
    "test_executions": f"SELECT {_COLUMNS} FROM item WHERE kind = 'test_log'",
    "attachments": f"SELECT {_COLUMNS} FROM item WHERE kind = 'attachment'",
    "id_map": "SELECT kind, key, target_id, pid, url FROM item WHERE target_id IS NOT NULL",
    "progress": "SELECT kind, state, count(*) AS records FROM item GROUP BY kind, state",
}


def create_views(execute: Callable[[str], object]) -> None:
    """Create the views with ``execute``, which runs one statement."""
    for name, query in _VIEWS.items():
        execute(f"CREATE VIEW {name} AS {query}")
