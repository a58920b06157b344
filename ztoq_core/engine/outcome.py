"""What a run amounts to: the exit code that tells the truth, and the sentences that say why."""

from __future__ import annotations

from datetime import datetime

import attrs

from ztoq_core.convert import converter, read_json
from ztoq_core.errors import Exit
from ztoq_core.records import Level
from ztoq_core.store import FINAL, State, Store
from ztoq_core.words import counted

__all__ = ["Finality", "Outcome", "last_look", "left_open", "outcome"]

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


@attrs.frozen(kw_only=True)
class Finality:
    """What a last look came to. ``digest`` is over all ``records`` of the source as brought over.

    ``reasons`` say why the migration is not final; without any it is.
    """

    at: datetime
    run: int
    records: int
    digest: str
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the line for people."""
        if self.reasons:
            return f"not final: {'; '.join(self.reasons)}"
        read = counted(self.records, "record")
        return f"final: the source stood still, {read} read twice with the digest {self.digest}"


def last_look(store: Store) -> Finality | None:
    """Return what the last look came to; None where there was none since the last change."""
    text = store.meta(FINAL)
    return converter.structure(read_json(text.encode()), Finality) if text else None


def outcome(store: Store, *, upto: str = "load") -> Outcome:
    """Judge what is in the store by the default loss policy (design section 4, the end).

    ``upto`` names the last stage that was to be done; records that wait for a later one are fine.
    """
    sentences = left_open(store, upto)
    notes = store.note_counts()
    losses = sum(each.count for each in notes if each.level is Level.LOSS)
    fallbacks = sum(each.count for each in notes if each.level is Level.FALLBACK)
    if losses:
        sentences.append(f"{counted(losses, 'loss is', 'losses are')} noted")
    look = last_look(store) if upto == "load" else None
    if look and look.reasons:
        sentences.append(str(look))
    warnings = (f"{counted(fallbacks, 'value')} arrived as readable text",) if fallbacks else ()
    return Outcome(
        exit=Exit.LEFT if sentences else Exit.OK, sentences=tuple(sentences), warnings=warnings
    )


def left_open(store: Store, upto: str = "load") -> list[str]:
    """Return a sentence for each state in which records are left, and what validation found."""
    counts = store.counts()
    bad = dict.fromkeys(_BAD, 0)
    open_ = dict.fromkeys(_OPEN, 0)
    for states in counts.values():
        for state, number in states.items():
            if state in bad:
                bad[state] += number
            elif state in open_:
                open_[state] += number
    sentences = [f"{_are(number)} {state}" for state, number in bad.items() if number]
    fine = {"extract": _OPEN, "transform": _OPEN[1:], "load": ()}[upto]
    sentences += [
        f"{_are(number)} only {state}"
        for state, number in open_.items()
        if number and state not in fine
    ]
    if pending := store.pending():
        some = counted(pending, "listed record has", "listed records have")
        sentences.append(f"{some} not been read completely")
    validation = store.validation() if upto == "load" else None
    return [*sentences, *(validation.findings if validation else ())]


def _are(number: int) -> str:
    return counted(number, "record is", "records are")
