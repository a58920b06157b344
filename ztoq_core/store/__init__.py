"""Everything a migration knows: the only SQL of the project, behind plain values.

``Store`` opens it; the stages use ``store.intake``, ``store.mapped`` and ``store.outbox``; reports
ask the questions of ``Queries``.
"""

from __future__ import annotations

from ztoq_core.store.decisions import Undecided
from ztoq_core.store.files import Kept
from ztoq_core.store.intake import FINAL, MAPPED, Checkpoint, Completed, Fetched, Listed
from ztoq_core.store.jobs import Answered, Intent, Job, Stored
from ztoq_core.store.lease import RunInfo
from ztoq_core.store.mapped import PRUNED, Fate, Scanned, Want
from ztoq_core.store.models import Chosen, State
from ztoq_core.store.names import NameCount
from ztoq_core.store.queries import (
    Compared,
    FileTotals,
    NoteCount,
    PastRun,
    Problem,
    Reason,
    StoredNote,
    StoredReject,
    Validation,
)
from ztoq_core.store.removal import Undoing
from ztoq_core.store.store import Store
from ztoq_core.store.turns import MISSING

__all__ = [
    "FINAL",
    "MAPPED",
    "MISSING",
    "PRUNED",
    "Answered",
    "Checkpoint",
    "Chosen",
    "Compared",
    "Completed",
    "Fate",
    "Fetched",
    "FileTotals",
    "Intent",
    "Job",
    "Kept",
    "Listed",
    "NameCount",
    "NoteCount",
    "PastRun",
    "Problem",
    "Reason",
    "RunInfo",
    "Scanned",
    "State",
    "Store",
    "Stored",
    "StoredNote",
    "StoredReject",
    "Undecided",
    "Undoing",
    "Validation",
    "Want",
]
