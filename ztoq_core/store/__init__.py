"""Everything a migration knows: the only SQL of the project, behind plain values.

``Store`` opens it. Each stage has a repository there (``store.extraction``, ``store.loading`` …)
whose methods are awaited; ``store.reporting`` answers in the caller's thread.
"""

from __future__ import annotations

from ztoq_core.store.attachments import Fetched
from ztoq_core.store.decisions import Undecided
from ztoq_core.store.dependencies import MISSING
from ztoq_core.store.extraction import Checkpoint, Completed
from ztoq_core.store.facts import (
    Compared,
    ComparedContents,
    Extracted,
    Facts,
    FinalCheck,
    Phase,
    Sample,
    Validation,
    ValidationLevel,
)
from ztoq_core.store.file_store import StoredFile
from ztoq_core.store.history import JournalEntry, RecordSnapshot, Reference
from ztoq_core.store.id_names import NameCount
from ztoq_core.store.lease import RunInfo
from ztoq_core.store.load_jobs import Answered, Intent, LoadJob
from ztoq_core.store.records import Listed
from ztoq_core.store.references import references
from ztoq_core.store.reporting import (
    FileTotals,
    NoteCount,
    PastRun,
    Problem,
    Reason,
    StoredNote,
    StoredReject,
)
from ztoq_core.store.rollback import RollbackItem
from ztoq_core.store.sql import chunks, clean
from ztoq_core.store.states import (
    DUE,
    EXPLAINED,
    NOT_DUE,
    OPEN_PROBLEMS,
    RETRYABLE,
    UNMAPPED,
    UNWRITTEN,
    Cause,
    JournalEvent,
    Selected,
    State,
)
from ztoq_core.store.store import Store
from ztoq_core.store.tables import now
from ztoq_core.store.target_index import PRUNED, TargetObject
from ztoq_core.store.transformation import ExtractedRecord, FieldNeed, MappingOutcome
from ztoq_core.store.validation import FieldDetail, RecordProof, SentRecord

__all__ = [
    "DUE",
    "EXPLAINED",
    "MISSING",
    "NOT_DUE",
    "OPEN_PROBLEMS",
    "PRUNED",
    "RETRYABLE",
    "UNMAPPED",
    "UNWRITTEN",
    "Answered",
    "Cause",
    "Checkpoint",
    "Compared",
    "ComparedContents",
    "Completed",
    "Extracted",
    "ExtractedRecord",
    "Facts",
    "Fetched",
    "FieldDetail",
    "FieldNeed",
    "FileTotals",
    "FinalCheck",
    "Intent",
    "JournalEntry",
    "JournalEvent",
    "Listed",
    "LoadJob",
    "MappingOutcome",
    "NameCount",
    "NoteCount",
    "PastRun",
    "Phase",
    "Problem",
    "Reason",
    "RecordProof",
    "RecordSnapshot",
    "Reference",
    "RollbackItem",
    "RunInfo",
    "Sample",
    "Selected",
    "SentRecord",
    "State",
    "Store",
    "StoredFile",
    "StoredNote",
    "StoredReject",
    "TargetObject",
    "Undecided",
    "Validation",
    "ValidationLevel",
    "chunks",
    "clean",
    "now",
    "references",
]
