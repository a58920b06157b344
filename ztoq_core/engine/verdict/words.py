"""The sentences of a verdict: records with their numbers, reasons, warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ztoq_core.engine.verdict.facts import Facts
from ztoq_core.records import Kind, counted, plain
from ztoq_core.store import State

__all__ = ["WORDS", "all_written", "first_of", "numbers_of", "reasons_of", "records", "warnings_of"]

_SHOWN_REASONS = 5

_SHOWN_FINDINGS = 20

WORDS = {
    State.FAILED: "failed",
    State.BLOCKED: "blocked",
    State.UNKNOWN: "in doubt",
    State.CONFLICT: "in conflict",
    State.REJECTED: "rejected",
    State.DELETED: "no longer in the target",
}


def records(facts: Facts) -> str:
    return "selected record" if facts.selection else "record"


def all_written(facts: Facts) -> str:
    some = counted(facts.count(State.FINISHED), records(facts))
    return f"All {some} {'was' if facts.count(State.FINISHED) == 1 else 'were'} written"


def first_of(sentences: Sequence[str]) -> tuple[str, ...]:
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
    if facts.fallbacks:
        some = counted(facts.fallbacks, "value has", "values have")
        yield f"{some} no matching field in the target and arrived as readable text"
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
