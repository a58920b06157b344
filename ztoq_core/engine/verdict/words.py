"""The sentences of a verdict: records with their numbers, reasons, warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ztoq_core.engine.verdict.facts import Facts
from ztoq_core.losses import LOSSES, LossAction, LossTally
from ztoq_core.records import Kind, LossGroup, counted, plain
from ztoq_core.spelling import first_of
from ztoq_core.store import State

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
