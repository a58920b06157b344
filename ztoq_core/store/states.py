"""The states of a record, the transitions between them, and what else its columns may hold.

Each set of states that is asked for is here, with one name and one reason. What is stored in a
column is an enum here, never a sentence.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from ztoq_core.errors import StoreError


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


class Cause(StrEnum):
    """Why a record is in its state, if the state alone does not decide what may follow."""

    NONE = ""
    PRUNED = "pruned"
    """Deleted for good: it is no longer in the source."""
    LEFT_OUT = "left out"
    """Skipped by decision, until its mapped form changes."""
    KEPT = "kept"
    """Finished by decision: its object stays as it is."""
    REFINISH = "refinish"
    """Written, and finished once before: somebody may have edited it since."""


# ----------------------------------------------------------------------------------- sets of states

ANY = tuple(State)
"""All states."""

ABSENT = (State.REJECTED, State.GONE)
"""Not a usable record of the source (any more)."""

FAULTY = (State.FAILED, State.BLOCKED, State.REJECTED, State.GONE, State.DELETED)
"""Will not be in the target, though not on purpose; blocks what belongs to it."""

OPEN_PROBLEMS = (State.FAILED, State.BLOCKED, State.UNKNOWN, State.CONFLICT, State.REJECTED)
"""What makes a migration fail until it is fixed."""

PROBLEMS = (
    State.FAILED,
    State.UNKNOWN,
    State.CONFLICT,
    State.REJECTED,
    State.BLOCKED,
    State.SKIPPED,
    State.GONE,
)
"""What did not simply arrive, in the order in which reports list it."""

EXPLAINED = (State.FAILED, State.UNKNOWN, State.CONFLICT, State.REJECTED)
"""Problems with a reason of their own; a blocked record has its parent's."""

ARRIVED = (State.WRITTEN, State.FINISHED, State.CONFLICT)
"""In the target."""

SETTLED = (*FAULTY, State.SKIPPED, *ARRIVED)
"""Nothing has to wait for it any more."""

FOLLOWABLE = (*FAULTY, State.SKIPPED, State.FINISHED, State.CONFLICT)
"""What comes after it in a sequence may be written."""

PARENT_READY = (State.FINISHED, State.CONFLICT, State.GONE)
"""What belongs to it may be written."""

COMING = (State.READY, State.SENDING, State.UNKNOWN)
"""May still arrive in this run."""

WAITING = (State.READY, State.WRITTEN, State.UNKNOWN)
"""Has counts of what it waits for."""

IN_DOUBT = (State.SENDING, State.UNKNOWN)
"""Nobody knows whether the target has it."""

UNDECIDED = (State.UNKNOWN, State.CONFLICT)
"""Needs a decision if looking again does not help."""

KEPT_BY_MAPPING = (State.SENDING, State.UNKNOWN, State.CONFLICT)
"""Not changed by the mapping."""

UNMAPPED = (State.LISTED, State.EXTRACTED)
"""Read, and not mapped."""

UNWRITTEN = (State.READY, State.SENDING, State.WRITTEN)
"""Mapped, and still to be written or finished."""

NOT_DUE = (State.SKIPPED, State.REJECTED, State.GONE, State.DELETED)
"""Is not to be written."""

DUE = tuple(state for state in State if state not in {State.SKIPPED, *ABSENT})
"""Should be in the target once all is done."""

UNSENT = (State.READY, State.BLOCKED, State.FAILED)
"""Mapped, and certainly not changed in the target since."""

RETRYABLE = (State.FAILED, State.DELETED)
"""``ztoq retry`` makes it ready again."""


# -------------------------------------------------------------------------------------- transitions

_BY_MAPPING = {State.READY, State.WRITTEN, State.FINISHED, State.SKIPPED, State.FAILED}
# by extraction, rollback and validation
_AT_ANY_TIME = {State.REJECTED, State.GONE, State.UNKNOWN, State.DELETED}
_ALWAYS = _BY_MAPPING | _AT_ANY_TIME
_READ_AGAIN = {State.LISTED, State.EXTRACTED}

TRANSITIONS: dict[State, frozenset[State]] = {
    state: frozenset(becomes)
    for state, becomes in {
        State.LISTED: _ALWAYS | {State.EXTRACTED},
        State.EXTRACTED: _ALWAYS,
        State.READY: _ALWAYS | {State.SENDING, State.BLOCKED, State.CONFLICT},
        State.SENDING: _ALWAYS | {State.CONFLICT},
        State.WRITTEN: _ALWAYS | {State.CONFLICT},
        State.FINISHED: _ALWAYS,
        State.SKIPPED: _ALWAYS,
        State.FAILED: _ALWAYS,
        # blocked while it was being looked at: somebody may have edited it, too
        State.BLOCKED: _ALWAYS | {State.CONFLICT},
        # a deletion that did not happen gives back the state before it
        State.UNKNOWN: set(State) - {State.SENDING},
        State.CONFLICT: _ALWAYS,
        State.REJECTED: _ALWAYS | _READ_AGAIN,
        State.GONE: _ALWAYS | _READ_AGAIN,
        State.DELETED: _ALWAYS - {State.UNKNOWN} | _READ_AGAIN,
    }.items()
}
"""What each state may become; staying the same is always allowed."""


def allowed_before(state: State) -> tuple[State, ...]:
    """Return the states that may become ``state``, itself among them."""
    return tuple(each for each in State if each is state or state in TRANSITIONS[each])


def check_transition(before: Collection[State], after: State) -> None:
    """Make sure that records in the states ``before`` may become ``after``.

    Raises:
        StoreError: They may not; the caller has a fault.
    """
    for each in before:
        if each is not after and after not in TRANSITIONS[each]:
            raise StoreError(
                f"A record that is {each} cannot become {after}; this is a bug in ztoq"
            )


# ---------------------------------------------------------------------------------- other columns


class Side(StrEnum):
    """Which form of a record an edge belongs to: the source's, or the one after the mapping."""

    SOURCE = "s"
    TARGET = "t"


class Role(StrEnum):
    """How a record refers to another one, and what it waits for."""

    PARENT = "parent"
    """Belongs to it, and is written once it is finished."""
    OWNER = "owner"
    """A file of it, written once it is written; it is finished once its files are settled."""
    MENTION = "mention"
    """Mentions it, and is written once it is settled, without it if it failed."""
    REFER = "refer"
    """Names it in a text, which is completed when the record is finished."""
    AFTER = "after"
    """Comes after it in a sequence, and is written once it is finished or will never be."""
    UNSHOWN = "unshown"
    """Has it as a picture that no text in the target would show; nobody waits for it."""


BELONGS = (Role.PARENT, Role.OWNER)
"""The roles of what is skipped, blocked or deleted with the record."""


class Selected(StrEnum):
    """Whether a record is selected: by itself, because one that is refers to it, or not."""

    YES = "yes"
    ALONG = "along"
    NO = "no"


class JournalEvent(StrEnum):
    """What happened to a record."""

    EXTRACTION = "extraction"
    """The source is read again; about no single record."""
    INTENT = "intent"
    """It is about to be sent."""
    ANSWER = "answer"
    ADOPTED = "adopted"
    """An object of an earlier run was found to be it."""
    REFUSED = "refused"
    NOT_SENT = "not sent"
    DOUBT = "doubt"
    CONFLICT = "conflict"
    LEFT_OUT = "left out"
    DECISION = "decision"
    """Somebody decided about it; the detail begins with a ``Decision``."""
    MISSING = "missing"
    """Validation did not find its object."""
    REPAIR = "repair"
    """Validation found its object different; it is to be written again."""
    DELETION_INTENDED = "deletion intended"
    DELETED = "deleted"
    NOT_DELETED = "not deleted"
    RESTORED = "restored"


class Origin(StrEnum):
    """Which stage made a note; what sides note beside their records is of SOURCE or PLUGIN."""

    EXTRACT = "extract"
    PICTURES = "pictures"
    SELECT = "select"
    TRANSFORM = "transform"
    LOAD = "load"
    FINISH = "finish"
    SOURCE = "source"
    PLUGIN = "plugin"


class Decision(StrEnum):
    """What was decided about a record; in the journal, the id of an accepted object follows."""

    RETRY = "retry"
    REMAKE = "made again"
    ACCEPT = "accepted"
    LEAVE_OUT = "left out"
