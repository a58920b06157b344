"""The verdict on a migration: one pure function from facts to a headline, an exit code and reasons.

``facts_of`` is the only place that reads the facts from a store, ``verdict`` the only one that
judges them; every verb and every report shows what these two say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum, StrEnum

import attrs

from ztoq_core.errors import Exit
from ztoq_core.records import Kind, Level
from ztoq_core.store import (
    EXPLAINED,
    OPEN_PROBLEMS,
    UNMAPPED,
    UNWRITTEN,
    FinalCheck,
    Reason,
    State,
    Store,
    ValidationLevel,
)
from ztoq_core.vocabulary import counted, plain

__all__ = [
    "BEFORE_LOAD",
    "Extraction",
    "Facts",
    "FinalCheck",
    "Goal",
    "Outcome",
    "Status",
    "Validated",
    "Verdict",
    "facts_of",
    "last_final_check",
    "outcome",
    "verdict",
]

_SHOWN_REASONS = 5
_SHOWN_FINDINGS = 20


class Goal(IntEnum):
    """How far a verb is to bring a migration; what comes later does not make it fail."""

    EXTRACT = 1
    TRANSFORM = 2
    LOAD = 3
    VALIDATE = 4


class Status(StrEnum):
    """What a verdict says, for programs; the first that applies, in this order."""

    EMPTY = "empty"
    EXTRACTION_INCOMPLETE = "extraction incomplete"
    NOT_MAPPED = "not mapped"
    REMOVED = "removed"
    FAILED = "failed"
    NOT_LOADED = "not loaded"
    LOSSES = "losses"
    FINDINGS = "findings"
    NOT_FINAL = "not final"
    NOT_VALIDATED = "not validated"
    NOT_PROVED = "not proved"
    COMPLETE = "complete"


class Outcome(StrEnum):
    """What a verdict comes to, in six words for people and programs."""

    PROVED = "complete and proved"
    NOT_PROVED = "complete, not proved yet"
    LOSSES = "complete with losses"
    INCOMPLETE = "incomplete"
    UNDONE = "undone"
    FAILED = "failed"


_OUTCOMES = {
    Status.COMPLETE: Outcome.PROVED,
    Status.NOT_PROVED: Outcome.NOT_PROVED,
    Status.NOT_VALIDATED: Outcome.NOT_PROVED,
    Status.NOT_FINAL: Outcome.NOT_PROVED,
    Status.LOSSES: Outcome.LOSSES,
    Status.FAILED: Outcome.FAILED,
}

BEFORE_LOAD = (Status.EMPTY, Status.EXTRACTION_INCOMPLETE, Status.NOT_MAPPED)
"""The verdicts that say that a load would write a part only, or nothing."""


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
    contents, ``unproved`` why it did not. ``sampled``
    is what a sample of the contents says. ``added`` counts records that no list of the
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
    sampled: str = ""
    final: FinalCheck | None = None
    losses: int = 0
    fallbacks: int = 0
    added: Mapping[Kind, int] = attrs.field(factory=dict)
    selection: bool = False

    def count(self, *states: State) -> int:
        """Return how many records are in any of these states."""
        return sum(self.states.get(state, 0) for state in states)


@attrs.frozen(kw_only=True)
class Verdict:
    """The judgement: ``headline`` and ``sentences`` for people, ``status`` for programs.

    ``warnings`` do not change the exit code, ``numbers`` say how the records add up. ``next`` is
    the command to run, or empty. ``undone``: nothing of the migration is left in the target.
    """

    exit: Exit
    status: Status = Status.COMPLETE
    headline: str = ""
    sentences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    next: str = ""
    undone: bool = False

    @property
    def outcome(self) -> Outcome:
        """What it comes to."""
        if self.undone:
            return Outcome.UNDONE
        return _OUTCOMES.get(self.status, Outcome.INCOMPLETE)

    @property
    def lines(self) -> tuple[str, ...]:
        """What people read below the headline."""
        return (*self.sentences, *self.warnings, *self.numbers)

    @property
    def tone(self) -> str:
        """``good`` for a complete migration alone, ``open`` for one on its way, else ``bad``."""
        if self.status is Status.COMPLETE:
            return "good"
        on_its_way = {
            Status.NOT_MAPPED,
            Status.NOT_LOADED,
            Status.NOT_VALIDATED,
            Status.NOT_PROVED,
        }
        return "open" if self.status in on_its_way else "bad"


@attrs.frozen
class _Problem:
    """Something that keeps a migration from being complete, and from which goal on it counts.

    ``headline`` is used where this is the first problem, ``sentence`` where it is another.
    """

    status: Status
    goal: Goal
    headline: str
    sentence: str
    next: str
    details: tuple[str, ...] = ()


def verdict(facts: Facts, goal: Goal = Goal.VALIDATE) -> Verdict:
    """Judge the facts.

    The headline and the reasons depend on the facts alone; ``goal`` decides which of them make the
    exit code 1, so that ``ztoq extract`` succeeds though nothing has been loaded.
    """
    problems = list(_problems(facts))
    failed = any(each.goal <= goal for each in problems)
    warnings, numbers = tuple(_warnings(facts)), tuple(_numbers(facts))
    if not problems:
        some = counted(facts.count(State.FINISHED), _records(facts))
        exist = "exists" if facts.count(State.FINISHED) == 1 else "exist"
        headline = (
            f"Migration complete and proved: all {some} {exist} in the target as they were sent"
        )
        return Verdict(exit=Exit.OK, headline=headline, warnings=warnings, numbers=numbers)
    first, *others = problems
    sentences = [*first.details]
    for each in others:
        sentences += (each.sentence, *each.details) if each.sentence else each.details
    return Verdict(
        exit=Exit.LEFT if failed else Exit.OK,
        status=first.status,
        headline=first.headline,
        sentences=tuple(sentences),
        warnings=warnings,
        numbers=numbers,
        next=first.next,
        undone=_undone(facts),
    )


def _problems(facts: Facts) -> Iterator[_Problem]:
    """Yield what keeps a migration from being complete, in the order of ``Status``.

    Of the stages that are still to come only the first is named.
    """
    unread = list(_extraction(facts))
    yield from unread
    if unread:
        yield from (*_removed(facts), *_failed(facts), *_losses(facts, first=False))
        return
    unmapped = list(_unmapped(facts))
    broken = [*unmapped, *_removed(facts), *_failed(facts)]
    yield from broken
    unwritten = [] if unmapped else list(_unwritten(facts))
    yield from unwritten
    broken += unwritten
    yield from _losses(facts, first=not broken)
    yield from _validation(facts, first=not broken)


def _extraction(facts: Facts) -> Iterator[_Problem]:
    if facts.extraction is Extraction.NONE:
        yield _Problem(
            Status.EMPTY, Goal.EXTRACT, "Nothing has been extracted yet", "", "ztoq extract"
        )
    elif facts.extraction is Extraction.PARTIAL or facts.pending:
        listed = ", ".join(f"{plain(kind)}s" for kind in facts.listed) or "none"
        details = [f"Lists that were read to their end: {listed}"]
        details += (f"The list of {plain(kind)}s: {why}" for kind, why in facts.unread.items())
        if facts.pending:
            some = counted(facts.pending, "listed record has", "listed records have")
            details.append(f"{some} not been read completely")
        yield _Problem(
            Status.EXTRACTION_INCOMPLETE,
            Goal.EXTRACT,
            "The extraction is incomplete: the source has not been read to its end",
            "",
            "ztoq extract",
            tuple(details),
        )


def _unmapped(facts: Facts) -> Iterator[_Problem]:
    left = facts.count(*UNMAPPED)
    if facts.mapped and not left:
        return
    if facts.mapped:
        some = counted(left, "extracted record has", "extracted records have")
        headline = f"{some} not been mapped"
    elif facts.count(State.FINISHED, State.WRITTEN):
        headline = "The source was read again, and what it gave has not been mapped yet"
    else:
        headline = "The project is extracted, but not mapped yet"
    yield _Problem(Status.NOT_MAPPED, Goal.TRANSFORM, headline, "", "ztoq transform")


def _removed(facts: Facts) -> Iterator[_Problem]:
    removed = facts.count(State.DELETED)
    if not removed:
        return
    some = counted(removed, "migrated record is", "migrated records are")
    sentence = f"{some} no longer in the target"
    headline = sentence
    if _undone(facts):
        gone = counted(removed, "record was", "records were")
        headline = f"Nothing of the migration is left in the target: {gone} removed"
    yield _Problem(
        Status.REMOVED,
        Goal.LOAD,
        headline,
        sentence,
        "ztoq load",
        tuple(_reasons(facts, State.DELETED)),
    )


def _undone(facts: Facts) -> bool:
    """Whether all that was ever in the target was removed."""
    there = facts.count(State.FINISHED, State.WRITTEN, State.CONFLICT, State.FAILED)
    return bool(facts.count(State.DELETED)) and not there


def _failed(facts: Facts) -> Iterator[_Problem]:
    present = [state for state in OPEN_PROBLEMS if facts.count(state)]
    if not present:
        return
    figures = ", ".join(
        counted(facts.count(state), "conflict")
        if state is State.CONFLICT
        else f"{facts.count(state):,} {_WORDS[state]}"
        for state in present
    )
    details = [
        line for state in present for line in _reasons(facts, state) if state is not State.BLOCKED
    ]
    if State.BLOCKED in present:
        some = counted(facts.count(State.BLOCKED), "record is", "records are")
        details.append(f"{some} blocked: what they belong to did not arrive")
    if State.UNKNOWN in present:
        following = "ztoq load"
    elif State.CONFLICT in present:
        following = "ztoq resolve"
    elif State.FAILED in present:
        following = "ztoq retry"
    else:
        following = "ztoq report"
    goal = Goal.LOAD
    if State.REJECTED in present:
        goal = Goal.EXTRACT
    elif State.FAILED in present:
        goal = Goal.TRANSFORM
    yield _Problem(
        Status.FAILED,
        goal,
        f"The migration is incomplete: {figures}",
        f"Not in order: {figures}",
        following,
        tuple(details),
    )


def _unwritten(facts: Facts) -> Iterator[_Problem]:
    left = facts.count(*UNWRITTEN)
    if not left:
        return
    headline = f"{counted(left, 'record has', 'records have')} not been written completely yet"
    if not facts.count(State.FINISHED, State.WRITTEN, State.SENDING):
        headline = "The project is extracted and mapped; nothing is in the target yet"
    yield _Problem(Status.NOT_LOADED, Goal.LOAD, headline, headline, "ztoq load")


def _losses(facts: Facts, *, first: bool) -> Iterator[_Problem]:
    if not facts.losses:
        return
    lost = counted(facts.losses, "loss is", "losses are")
    sentence = f"{lost} noted: information that the target does not show"
    headline = f"{_all_written(facts)}, but with losses" if first else ""
    yield _Problem(
        Status.LOSSES,
        Goal.EXTRACT,
        headline,
        "" if first else sentence,
        "ztoq report",
        (sentence,) if first else (),
    )


def _validation(facts: Facts, *, first: bool) -> Iterator[_Problem]:
    if facts.findings:
        yield _Problem(
            Status.FINDINGS,
            Goal.LOAD,
            f"{_all_written(facts)}, but {counted(len(facts.findings), 'thing')} in the target"
            f" {'is' if len(facts.findings) == 1 else 'are'} not as sent",
            "",
            "ztoq validate --repair",
            _some(facts.findings),
        )
    if facts.final and facts.final.reasons:
        yield _Problem(
            Status.NOT_FINAL,
            Goal.VALIDATE,
            f"{_all_written(facts)}, but the migration is not final",
            "",
            "ztoq migrate",
            (str(facts.final),),
        )
    if first and facts.validated is not Validated.CURRENT:
        why = "not been validated yet"
        if facts.validated is Validated.OUTDATED:
            why = "changed since the last validation"
        yield _Problem(
            Status.NOT_VALIDATED,
            Goal.VALIDATE,
            f"{_all_written(facts)}; the target has {why}",
            f"The target has {why}",
            "ztoq validate",
        )
    elif first and not facts.findings and not facts.proved:
        what = "only compared in a sample" if facts.sampled else "only counted"
        what = "not compared completely" if facts.unproved else what
        yield _Problem(
            Status.NOT_PROVED,
            Goal.VALIDATE,
            f"{_all_written(facts)}; their contents were {what}",
            f"Contents were {what}",
            "ztoq report" if facts.unproved else "ztoq validate",
            (*([facts.sampled] if facts.sampled else []), *_some(facts.unproved)),
        )


def _some(sentences: Sequence[str]) -> tuple[str, ...]:
    """Return the first sentences, and how many more there are."""
    rest = len(sentences) - _SHOWN_FINDINGS
    more = [f"{rest:,} more (ztoq report lists them)"] if rest > 0 else []
    return (*sentences[:_SHOWN_FINDINGS], *more)


_WORDS = {
    State.FAILED: "failed",
    State.BLOCKED: "blocked",
    State.UNKNOWN: "in doubt",
    State.CONFLICT: "in conflict",
    State.REJECTED: "rejected",
    State.DELETED: "no longer in the target",
}


def _records(facts: Facts) -> str:
    return "selected record" if facts.selection else "record"


def _all_written(facts: Facts) -> str:
    some = counted(facts.count(State.FINISHED), _records(facts))
    return f"All {some} {'was' if facts.count(State.FINISHED) == 1 else 'were'} written"


def _reasons(facts: Facts, state: State) -> Iterator[str]:
    """Yield why records are in a state, the most frequent reasons with their numbers."""
    these = [each for each in facts.reasons if each.state is state][:_SHOWN_REASONS]
    for each in these:
        named = counted(each.count, each.kind)
        if each.count == 1:
            named = f"{plain(each.kind)} {each.example}"
        yield f"{named} {_WORDS[state]}: {each.reason or 'no reason is known'}"
    rest = facts.count(state) - sum(each.count for each in these)
    if rest > 0:
        yield f"{rest:,} more {_WORDS[state]} for other reasons (ztoq report lists them)"


def _warnings(facts: Facts) -> Iterator[str]:
    if facts.fallbacks:
        some = counted(facts.fallbacks, "value has", "values have")
        yield f"{some} no matching field in the target and arrived as readable text"
    if gone := facts.count(State.GONE):
        some = counted(gone, "record is", "records are")
        yield f"{some} no longer in the source (ztoq migrate --prune removes them)"


def _numbers(facts: Facts) -> Iterator[str]:
    total = sum(facts.states.values())
    if len([number for number in facts.states.values() if number]) > 1:
        parts = ", ".join(
            f"{facts.states[state]:,} {state}" for state in State if facts.states.get(state)
        )
        yield f"{counted(total, 'record')} in all: {parts}"
    if facts.added:
        parts = ", ".join(counted(facts.added[kind], kind) for kind in Kind if kind in facts.added)
        yield f"Among them, not in the source's lists but needed by what is: {parts}"


def last_final_check(store: Store) -> FinalCheck | None:
    """Return what the last look came to; None where there was none since the last change."""
    return store.facts.final


def facts_of(store: Store) -> Facts:
    """Read the facts from a store. Cheap, also where it holds a million records."""
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
        sampled=str(current.sample) if current and current.sample else "",
        final=last_final_check(store),
        losses=sum(each.count for each in notes if each.level is Level.LOSS),
        fallbacks=sum(each.count for each in notes if each.level is Level.FALLBACK),
        added=dict(Counter(store.reporting.added()) + Counter(store.facts.looked_up)),
        selection=bool(store.facts.selection),
    )


_PROVING = (ValidationLevel.CONTENTS, ValidationLevel.FILES)


def _extracted(store: Store) -> Extraction:
    if store.reporting.extraction_complete:
        return Extraction.COMPLETE
    return Extraction.PARTIAL if store.facts.extraction else Extraction.NONE


def outcome(store: Store, goal: Goal = Goal.LOAD) -> Verdict:
    """Judge what a store holds."""
    return verdict(facts_of(store), goal)
