"""The facts that a verdict depends on, and the only place that reads them from a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

import attrs

from ztoq_core.losses import Losses, LossPolicy
from ztoq_core.records import Kind
from ztoq_core.store import EXPLAINED, FinalCheck, Reason, State, Store, Uncompared, ValidationLevel


class Extraction(StrEnum):
    """How far the source has been read; complete means every list to its end, every record."""

    NONE = "none"
    PARTIAL = "partial"
    COMPLETE = "complete"


class Validated(StrEnum):
    """Whether the target was validated after the last write, deletion, decision or extraction."""

    NEVER = "never"
    OUTDATED = "outdated"
    CURRENT = "current"


@attrs.frozen(kw_only=True)
class Facts:
    """All that a verdict depends on.

    ``listed`` are the kinds read to the end of their lists, ``unread`` says why others were not.
    ``pending`` are listed records that have not been read completely. ``mapped``: the mapping ran
    to its end after the last extraction.
    ``states`` counts records; those pruned from the target are not among the deleted ones.
    ``findings`` are those of a current validation; ``proved`` says whether it compared all
    contents, ``unproved`` why it did not; ``uncompared`` need not be as sent. ``sampled``
    is what a sample of the contents says. ``losses`` are those noted, as the policy judges them.
    ``added`` counts records that no list of the
    source held: made for the target, or looked up because others refer to them.
    """

    extraction: Extraction = Extraction.NONE
    listed: tuple[Kind, ...] = ()
    unread: Mapping[Kind, str] = attrs.field(factory=dict)
    pending: int = 0
    mapped: bool = False
    states: Mapping[State, int] = attrs.field(factory=dict)
    reasons: tuple[Reason, ...] = ()
    validated: Validated = Validated.NEVER
    findings: tuple[str, ...] = ()
    proved: bool = False
    unproved: tuple[str, ...] = ()
    uncompared: tuple[Uncompared, ...] = ()
    sampled: str = ""
    final: FinalCheck | None = None
    losses: Losses = attrs.field(factory=Losses)
    added: Mapping[Kind, int] = attrs.field(factory=dict)
    selection: bool = False

    def count(self, *states: State) -> int:
        """Return how many records are in any of these states."""
        return sum(self.states.get(state, 0) for state in states)


_PROVING = (ValidationLevel.CONTENTS, ValidationLevel.FILES)


def facts_of(store: Store, policy: LossPolicy | None = None) -> Facts:
    """Read the facts from a store. Cheap, also where it holds a million records.

    ``policy`` says which losses fail (None: those that do by default).
    """
    states: dict[State, int] = {}
    for counts in store.reporting.counts().values():
        for state, number in counts.items():
            states[state] = states.get(state, 0) + number
    states[State.DELETED] = states.get(State.DELETED, 0) and store.reporting.removed()
    notes = store.reporting.note_counts()
    validation = store.facts.validation
    validated = Validated.OUTDATED if validation else Validated.NEVER
    current = None
    if validation and validation.journal == store.journal.last():
        current, validated = validation, Validated.CURRENT
    return Facts(
        extraction=_extracted(store),
        listed=store.reporting.listed(),
        unread=store.facts.unread,
        pending=store.reporting.pending(),
        mapped=store.facts.mapped,
        states={state: number for state, number in states.items() if number},
        reasons=tuple(store.reporting.reasons())
        if any(states.get(s) for s in (*EXPLAINED, State.DELETED))
        else (),
        validated=validated,
        findings=current.findings if current else (),
        proved=bool(current and current.level in _PROVING and not current.unproved),
        unproved=current.unproved if current else (),
        uncompared=current.uncompared if current else (),
        sampled=str(current.sample) if current and current.sample else "",
        final=store.facts.final,
        losses=(policy or LossPolicy()).judge((n.level, n.code, n.count) for n in notes),
        added=dict(Counter(store.reporting.added()) + Counter(store.facts.looked_up)),
        selection=bool(store.facts.selection),
    )


def _extracted(store: Store) -> Extraction:
    if store.reporting.extraction_complete:
        return Extraction.COMPLETE
    return Extraction.PARTIAL if store.facts.extraction else Extraction.NONE
