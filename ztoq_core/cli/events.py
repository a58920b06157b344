"""The lines that ``--json`` prints: one JSON object each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any


def event_line(event: str, **facts: Any) -> str:
    """Return an event with the current time (UTC) as a line of JSON, with its newline."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"event": event, "time": time, **facts}, default=str) + "\n"
