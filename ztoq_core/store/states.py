"""The states of a record, and what else the columns of the store's tables may hold."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Selected", "Side", "State"]

PRUNED = "no longer in the source, and removed from the target"


class State(StrEnum):
    """How far a record has come (design section 5)."""

    LISTED = "listed"
    EXTRACTED = "extracted"
    READY = "ready"
    SENDING = "sending"
    WRITTEN = "written"
    FINISHED = "finished"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    FAILED = "failed"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    GONE = "gone"
    DELETED = "deleted"


class Side(StrEnum):
    """Which form of a record an edge belongs to: the source's, or the one after the mapping."""

    SOURCE = "s"
    TARGET = "t"


class Selected(StrEnum):
    """What a selection says of a record: chosen by itself, needed by one that is, or neither."""

    YES = "yes"
    ALONG = "along"
    NO = "no"
