"""Lines of output: texts from records, services and files, safe to print; events as JSON."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

# C0 and C1 (a terminal obeys them), line separators, controls of writing direction (they change
# the order of what is read), invisible tag characters, and what no encoding takes.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """Return the text with control characters escaped, as ``\\x1b``, except \\n and \\t."""
    return _HARMFUL.sub(lambda found: ascii(found[0])[1:-1], text)


def one_line(text: str) -> str:
    """Return the text as ``printable`` does, with newlines escaped, too.

    A name or a reason with a newline in it would otherwise forge a line of the output.
    """
    return printable(text).replace("\n", "\\n")


def event_line(event: str, **facts: Any) -> str:
    """Return an event with the current time (UTC) as a line of JSON, with its newline."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"event": event, "time": time, **facts}, default=str) + "\n"
