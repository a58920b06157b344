"""What keeps a migration from being complete: a rule for each reason, in the order of Status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum, StrEnum

import attrs

from ztoq_core.engine.verdict.facts import Extraction, Facts, Validated
from ztoq_core.losses import LOSSES, LossAction, LossTally
from ztoq_core.records import Kind, LossGroup, counted, plain
from ztoq_core.spelling import first_of
from ztoq_core.store import OPEN_PROBLEMS, UNMAPPED, UNWRITTEN, State

_SHOWN_REASONS = 5
_SHOWN_FINDINGS = 20
_SHOWN_LOSSES = 7
_SHOWN_KEYS = 5

WORDS = {
    State.FAILED: "failed",
    State.BLOCKED: "blocked",
    State.UNKNOWN: "in doubt",
    State.CONFLICT: "in conflict",
    State.REJECTED: "rejected",
    State.DELETED: "no longer in the target",
}


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
    COMPLETE_WITH_LOSSES = "complete with losses"
    COMPLETE = "complete"


@attrs.frozen
class Problem:
    """Something that keeps a migration from being complete, and from which goal on it counts.

    ``headline`` is used where this is the first problem, ``sentence`` where it is another.
    """

    status: Status
    goal: Goal
    headline: str
    sentence: str
    next: str
    details: tuple[str, ...] = ()


def problems_of(facts: Facts) -> Iterator[Problem]:
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


def _extraction(facts: Facts) -> Iterator[Problem]:
    if facts.extraction is Extraction.NONE:
        yield Problem(
            Status.EMPTY, Goal.EXTRACT, "Nothing has been extracted yet", "", "ztoq extract"
        )
    elif facts.extraction is Extraction.PARTIAL or facts.pending:
        listed = ", ".join(f"{plain(kind)}s" for kind in facts.listed) or "none"
        details = [f"Lists that were read to their end: {listed}"]
        details += (f"The list of {plain(kind)}s: {why}" for kind, why in facts.unread.items())
        if facts.pending:
            some = counted(facts.pending, "listed record has", "listed records have")
            details.append(f"{some} not been read completely")
        yield Problem(
            Status.EXTRACTION_INCOMPLETE,
            Goal.EXTRACT,
            "The extraction is incomplete: the source has not been read to its end",
            "",
            "ztoq extract",
            tuple(details),
        )


def _unmapped(facts: Facts) -> Iterator[Problem]:
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
    yield Problem(Status.NOT_MAPPED, Goal.TRANSFORM, headline, "", "ztoq transform")


def _removed(facts: Facts) -> Iterator[Problem]:
    removed = facts.count(State.DELETED)
    if not removed:
        return
    some = counted(removed, "migrated record is", "migrated records are")
    sentence = f"{some} no longer in the target"
    headline = sentence
    if is_undone(facts):
        gone = counted(removed, "record was", "records were")
        headline = f"Nothing of the migration is left in the target: {gone} removed"
    yield Problem(
        Status.REMOVED,
        Goal.LOAD,
        headline,
        sentence,
        "ztoq load",
        tuple(reasons_of(facts, State.DELETED)),
    )


def is_undone(facts: Facts) -> bool:
    """Whether all that was ever in the target was removed."""
    there = facts.count(State.FINISHED, State.WRITTEN, State.CONFLICT, State.FAILED)
    return bool(facts.count(State.DELETED)) and not there


def _failed(facts: Facts) -> Iterator[Problem]:
    present = [state for state in OPEN_PROBLEMS if facts.count(state)]
    if not present:
        return
    figures = ", ".join(
        counted(facts.count(state), "conflict")
        if state is State.CONFLICT
        else f"{facts.count(state):,} {WORDS[state]}"
        for state in present
    )
    details = [
        line for state in present for line in reasons_of(facts, state) if state is not State.BLOCKED
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
    yield Problem(
        Status.FAILED,
        goal,
        f"The migration is incomplete: {figures}",
        f"Not in order: {figures}",
        following,
        tuple(details),
    )


def _unwritten(facts: Facts) -> Iterator[Problem]:
    left = facts.count(*UNWRITTEN)
    if not left:
        return
    headline = f"{counted(left, 'record has', 'records have')} not been written completely yet"
    if not facts.count(State.FINISHED, State.WRITTEN, State.SENDING):
        headline = "The project is extracted and mapped; nothing is in the target yet"
    yield Problem(Status.NOT_LOADED, Goal.LOAD, headline, headline, "ztoq load")


def _losses(facts: Facts, *, first: bool) -> Iterator[Problem]:
    beyond = [loss_beyond(each) for each in facts.losses.with_action(LossAction.FAIL)]
    if beyond:
        headline = f"{all_written(facts)}, but with losses" if first else ""
        yield Problem(Status.LOSSES, Goal.EXTRACT, headline, "", "ztoq report", tuple(beyond))


def _validation(facts: Facts, *, first: bool) -> Iterator[Problem]:
    if facts.findings:
        yield Problem(
            Status.FINDINGS,
            Goal.LOAD,
            f"{all_written(facts)}, but {counted(len(facts.findings), 'thing')} in the target"
            f" {'is' if len(facts.findings) == 1 else 'are'} not as sent",
            "",
            "ztoq validate --repair",
            first_sentences(facts.findings),
        )
    if facts.final and facts.final.reasons:
        yield Problem(
            Status.NOT_FINAL,
            Goal.VALIDATE,
            f"{all_written(facts)}, but the migration is not final",
            "",
            "ztoq migrate",
            (str(facts.final),),
        )
    if first and facts.validated is not Validated.CURRENT:
        why = "not been validated yet"
        if facts.validated is Validated.OUTDATED:
            why = "changed since the last validation"
        yield Problem(
            Status.NOT_VALIDATED,
            Goal.VALIDATE,
            f"{all_written(facts)}; the target has {why}",
            f"The target has {why}",
            "ztoq validate",
        )
    elif first and not facts.findings and not facts.proved:
        what = "only compared in a sample" if facts.sampled else "only counted"
        what = "not compared completely" if facts.unproved else what
        yield Problem(
            Status.NOT_PROVED,
            Goal.VALIDATE,
            f"{all_written(facts)}; their contents were {what}",
            f"Contents were {what}",
            "ztoq report" if facts.unproved else "ztoq validate",
            (*([facts.sampled] if facts.sampled else []), *first_sentences(facts.unproved)),
        )


def records(facts: Facts) -> str:
    return "selected record" if facts.selection else "record"


def all_written(facts: Facts) -> str:
    some = counted(facts.count(State.FINISHED), records(facts))
    return f"All {some} {'was' if facts.count(State.FINISHED) == 1 else 'were'} written"


def first_sentences(sentences: Sequence[str]) -> tuple[str, ...]:
    """Return the first sentences, and how many more there are."""
    rest = len(sentences) - _SHOWN_FINDINGS
    more = [f"{rest:,} more (ztoq report lists them)"] if rest > 0 else []
    return (*sentences[:_SHOWN_FINDINGS], *more)


def reasons_of(facts: Facts, state: State) -> Iterator[str]:
    """Yield why records are in a state, the most frequent reasons with their numbers."""
    these = [each for each in facts.reasons if each.state is state][:_SHOWN_REASONS]
    for each in these:
        named = counted(each.count, each.kind)
        if each.count == 1:
            named = f"{plain(each.kind)} {each.example}"
        yield f"{named} {WORDS[state]}: {each.reason or 'no reason is known'}"
    rest = facts.count(state) - sum(each.count for each in these)
    if rest > 0:
        yield f"{rest:,} more {WORDS[state]} for other reasons (ztoq report lists them)"


def warnings_of(facts: Facts) -> Iterator[str]:
    for group in LOSSES:
        for action, said in ((LossAction.WARN, ""), (LossAction.ALLOW, ", allowed by [losses]")):
            if reasons := facts.losses.reasons(group, action):
                yield _tallied(group, reasons, said)
    for each in facts.uncompared:
        named = first_of(each.keys, _SHOWN_KEYS)
        yield f"{counted(each.count, each.kind)} not compared ({each.why}): {named}"
    if gone := facts.count(State.GONE):
        some = counted(gone, "record is", "records are")
        yield f"{some} no longer in the source (ztoq migrate --prune removes them)"


def numbers_of(facts: Facts) -> Iterator[str]:
    total = sum(facts.states.values())
    if len([number for number in facts.states.values() if number]) > 1:
        parts = ", ".join(
            f"{facts.states[state]:,} {state}" for state in State if facts.states.get(state)
        )
        yield f"{counted(total, 'record')} in all: {parts}"
    if facts.added:
        parts = ", ".join(counted(facts.added[kind], kind) for kind in Kind if kind in facts.added)
        yield f"Among them, not in the source's lists but needed by what is: {parts}"


def loss_beyond(tally: LossTally) -> str:
    """Return the sentence about losses that are not allowed."""
    most = tally.rule.fail_above
    said = f", more than the {most:,} that [losses] allows" if most else ", which fails by [losses]"
    return _tallied(tally.group, tally.reasons, said)


def _tallied(group: LossGroup, reasons: Mapping[str, int], said: str) -> str:
    """Return a number of losses with their reasons: ``5 lost: 3 file-without-id, 2 skipped``."""
    shown = [f"{number:,} {code}" for code, number in reasons.items()]
    if len(shown) > _SHOWN_LOSSES:
        rest = sum([*reasons.values()][_SHOWN_LOSSES - 1 :])
        shown[_SHOWN_LOSSES - 1 :] = [f"{rest:,} for other reasons"]
    return f"{sum(reasons.values()):,} {group}{said}: {', '.join(shown)}"
