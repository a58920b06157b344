"""Everything a migration knows: the only SQL of the project, behind plain values.

``Store`` opens it. Each stage has a repository there (``store.extraction``, ``store.loading`` …)
whose methods are awaited; ``store.reporting`` answers in the caller's thread.
"""

from __future__ import annotations

from ztoq_core.store.attachments import Fetched
from ztoq_core.store.decisions import Undecided
from ztoq_core.store.extraction import Checkpoint, Completed
from ztoq_core.store.facts import (
    Compared,
    Extracted,
    Facts,
    FinalCheck,
    ListedAgain,
    MappingStep,
    Phase,
    Sample,
    SourceCheck,
    SourceSchema,
    Uncompared,
    Validation,
    ValidationLevel,
)
from ztoq_core.store.file_store import StoredFile
from ztoq_core.store.history import JournalEntry, RecordSnapshot, Reference
from ztoq_core.store.lease import RunInfo
from ztoq_core.store.load_jobs import Answered, Intent, LoadJob
from ztoq_core.store.outcomes import Placed, RecordOutcome
from ztoq_core.store.planning import NoteExample, PlannedLoad, PlannedRecord, Seen
from ztoq_core.store.records import Listed, references
from ztoq_core.store.reporting import (
    FileTotals,
    KindTotals,
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
