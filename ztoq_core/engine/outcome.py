"""What a run amounts to: the exit code that tells the truth, and the sentences that say why."""

from __future__ import annotations

import attrs

from ztoq_core.errors import Exit
from ztoq_core.records import Level
from ztoq_core.store import State, Store

__all__ = ["Outcome", "outcome"]

_BAD = (
    State.FAILED,
    State.BLOCKED,
    State.UNKNOWN,
    State.CONFLICT,
    State.REJECTED,
)
_OPEN = (State.LISTED, State.EXTRACTED, State.READY, State.SENDING, State.WRITTEN)


@attrs.frozen(kw_only=True)
class Outcome:
    """The exit code of a run and its reasons; ``warnings`` do not change the code."""

    exit: Exit
    sentences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def outcome(store: Store, *, upto: str = "load") -> Outcome:
    """Judge what is in the store by the default loss policy (design section 4, the end).

    ``upto`` names the last stage that was to be done; records that wait for a later one are fine.
    """
    counts = store.counts()
    bad = dict.fromkeys(_BAD, 0)
    open_ = dict.fromkeys(_OPEN, 0)
    for states in counts.values():
        for state, number in states.items():
            if state in bad:
                bad[state] += number
            elif state in open_:
                open_[state] += number
    sentences = [f"{number} records are {state}" for state, number in bad.items() if number]
    fine = {"extract": _OPEN, "transform": _OPEN[1:], "load": ()}[upto]
    sentences += [
        f"{number} records are only {state}"
        for state, number in open_.items()
        if number and state not in fine
    ]
    if pending := store.pending():
        sentences.append(f"{pending} listed records have not been read completely")
    notes = store.note_counts()
    losses = sum(each.count for each in notes if each.level is Level.LOSS)
    fallbacks = sum(each.count for each in notes if each.level is Level.FALLBACK)
    if losses:
        sentences.append(f"{losses} losses are noted")
    validation = store.validation() if upto == "load" else None
    if validation:
        sentences += validation.findings
    warnings = (f"{fallbacks} values arrived as readable text",) if fallbacks else ()
    return Outcome(
        exit=Exit.LEFT if sentences else Exit.OK, sentences=tuple(sentences), warnings=warnings
    )
